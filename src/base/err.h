/* Failures (a request refused, the database down, a bug) travel up as a struct err. Expected outcomes (found, missing,
 * already used) do not: they are enums of the function that has them. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "arena.h"

struct err_kind {
    const char *id;          /* "INVALID_REQUEST" */
    int status;              /* HTTP status */
    const char *name;        /* member `error` on the wire */
    const char *description; /* start of `error_description` */
};

/* err_INVALID_REQUEST and so on, one per row of errors.def. */
#define ERR(id, status, name, description) extern const struct err_kind err_##id;
#include "errors.def"
#undef ERR

extern const struct err_kind *const err_kinds[];
extern const size_t err_kinds_count;

struct err {
    const struct err_kind *kind; /* NULL: no error */
    struct arena *arena;         /* where formatted texts live; may be NULL, then `hint` is kept only when it is a literal */
    const char *hint;            /* for the caller: what is wrong and what to do; follows the description */
    const char *debug;           /* for the operator: logged; reaches callers only with oauth2.expose_internal_errors */
    const char *name;            /* replaces kind->name when not NULL (a login or consent app's own error code) */
    const char *description;     /* replaces kind->description when not NULL */
    int status;                  /* replaces kind->status when not 0 */
    const char *file;            /* where it was raised */
    int line;
};

#define ERR_INIT(arena_) ((struct err) { .arena = (arena_) })

/* Records kind, hint and place; always returns false. */
bool err_set(struct err *e, const struct err_kind *kind, const char *hint, const char *file, int line);
bool err_setf(struct err *e, const struct err_kind *kind, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Adds text for the operator; formatted into e->arena. Returns false, so that `return err_debugf(...)` reads well. */
bool err_debugf(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline bool err_is(const struct err *e, const struct err_kind *kind) { return e->kind == kind; }

#define FAIL(e, KIND, hint) return err_set((e), &err_##KIND, (hint), __FILE__, __LINE__)
#define FAILF(e, KIND, ...) return err_setf((e), &err_##KIND, __FILE__, __LINE__, __VA_ARGS__)
#define TRY(call)                  \
    do {                           \
        if (!(call)) return false; \
    } while (0)
#define ENSURE(cond, e, KIND, hint)       \
    do {                                  \
        if (!(cond)) FAIL(e, KIND, hint); \
    } while (0)
#define ENSUREF(cond, e, KIND, ...)               \
    do {                                          \
        if (!(cond)) FAILF(e, KIND, __VA_ARGS__); \
    } while (0)

#endif
