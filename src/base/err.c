/* The table of failures and how one is recorded. */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>

#define ERR(id_, status_, name_, description_) \
    const struct err_kind err_##id_ = { .id = #id_, .status = (status_), .name = (name_), .description = (description_) };
#include "errors.def"
#undef ERR

#define ERR(id_, status_, name_, description_) &err_##id_,
const struct err_kind *const err_kinds[] = {
#include "errors.def"
};
#undef ERR

const size_t err_kinds_count = ARRAY_LEN(err_kinds);

enum { LONGEST_TEXT = 1024 };

/* A failure replaces an earlier one entirely: what was said about that one is not about this one. */
static bool raise(struct err *e, const struct err_kind *kind, const char *hint, const char *file, int line)
{
    *e = (struct err) { .kind = kind, .arena = e->arena, .hint = hint, .file = file, .line = line };
    return false;
}

bool err_set(struct err *e, const struct err_kind *kind, const char *hint, const char *file, int line)
{
    if (hint != NULL && e->arena != NULL) hint = arena_dupz(e->arena, str_of(hint));
    return raise(e, kind, hint, file, line);
}

bool err_setf(struct err *e, const struct err_kind *kind, const char *file, int line, const char *fmt, ...)
{
    if (e->arena == NULL) return raise(e, kind, NULL, file, line);

    char text[LONGEST_TEXT];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return err_set(e, kind, text, file, line);
}

bool err_debugf(struct err *e, const char *fmt, ...)
{
    if (e->arena == NULL) return false;

    char text[LONGEST_TEXT];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const char *earlier = e->debug != NULL ? e->debug : "", *between = e->debug != NULL ? "; " : "";
    e->debug = ARENA_CAT(e->arena, str_of(earlier), str_of(between), str_of(text)).p;
    return false;
}
