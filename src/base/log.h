/* Log records on stderr in Hydra's formats: text, json, json_pretty, gelf. Fields are sorted by name. Thread-safe. Records of
 * level warning and above are written at once; lower ones are gathered and written together, at the latest after 50 ms. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "arena.h"

enum log_level { LOG_PANIC, LOG_FATAL, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE, LOG_LEVEL_MAX_ };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_JSON_PRETTY, LOG_FORMAT_GELF, LOG_FORMAT_MAX_ };

struct log_settings {
    enum log_level level;
    enum log_format format;
    bool leak_sensitive_values;
    struct str redaction_text; /* empty: the built-in sentence */
    struct str service_name, service_version;
};
/* Copies the settings. May be called again (reload). Before the first call: text, info. */
void log_setup(const struct log_settings *settings);
void log_flush(void);
bool log_on(enum log_level level);
bool log_leaks(void);
struct str log_redaction_text(void);
/* From now on this thread's records carry `otel` with these identifiers, which must last until the next call. NULL: no more. */
void log_trace(const char *trace_id, const char *span_id);

enum log_kind { LOG_STR, LOG_INT, LOG_BOOL, LOG_OBJECT };
/* A field; an object's members follow the same shape. Use the LF_ makers. */
struct log_field {
    const char *name;
    enum log_kind kind;
    struct str s;
    int64_t i;
    const struct log_field *members;
    size_t n;
};
#define LF_STR(name_, s_)           ((struct log_field) { .name = (name_), .kind = LOG_STR, .s = (s_) })
#define LF_Z(name_, z_)             ((struct log_field) { .name = (name_), .kind = LOG_STR, .s = str_of(z_) })
#define LF_INT(name_, i_)           ((struct log_field) { .name = (name_), .kind = LOG_INT, .i = (i_) })
#define LF_BOOL(name_, b_)          ((struct log_field) { .name = (name_), .kind = LOG_BOOL, .i = (b_) })
#define LF_OBJ(name_, members_, n_) ((struct log_field) { .name = (name_), .kind = LOG_OBJECT, .members = (members_), .n = (n_) })

/* "src/base/log.c:12": the compiler names files as seen from the build directory. */
struct str log_place_text(struct arena *a, const char *file, int line);

/* A text without bytes (STR_NONE) is written as null. A record with a field `http_request` is an access record: it does not
 * carry `service_version`. At level trace records name the place in the code they come from. */
struct log_place {
    const char *file, *function;
    int line;
};
#define LOG_HERE (&(const struct log_place) { __FILE__, __func__, __LINE__ })
void log_write_from(const struct log_place *place, enum log_level level, const char *message, const struct log_field *fields,
                    size_t n);
#define log_write(level, message, fields, n) log_write_from(LOG_HERE, (level), (message), (fields), (n))
/* log_at(LOG_INFO, "message", LF_STR(...), LF_INT(...)) */
#define log_at(level, message, ...)                                                                     \
    do {                                                                                                \
        if (log_on(level)) {                                                                            \
            const struct log_field log_fields_[] = { __VA_ARGS__ };                                     \
            log_write((level), (message), log_fields_, sizeof(log_fields_) / sizeof(struct log_field)); \
        }                                                                                               \
    } while (0)
void log_printf_from(const struct log_place *place, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_printf(level, ...) log_printf_from(LOG_HERE, (level), __VA_ARGS__)

#endif
