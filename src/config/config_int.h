/* Shared by the files of config/: the table of keys, the documents that values come from, and the reporting of problems. */
#ifndef CONFIG_CONFIG_INT_H
#define CONFIG_CONFIG_INT_H

#include "base/json.h"
#include "config/config.h"

/* ---- the table (keys.c) ---- */

enum key_type { TYPE_TEXT, TYPE_YESNO, TYPE_COUNT, TYPE_RATIO, TYPE_SPAN, TYPE_CHOICE, TYPE_LIST, TYPE_MAP, TYPE_MAX_ };
enum key_format {
    FORMAT_ANY,
    FORMAT_HTTP_URL,    /* absolute, http or https */
    FORMAT_URI_REF,     /* any URI reference */
    FORMAT_URL_OR_PATH, /* absolute, or starts with '/' */
    FORMAT_ORIGIN,      /* '*', or a URL with at most one '*' */
    FORMAT_TOKEN,       /* RFC 9110 5.6.2: names of headers and cookies */
    FORMAT_VISIBLE,     /* printable ASCII without blanks, quotes, commas, semicolons: RFC 6265 4.1.1 cookie-octet */
    FORMAT_COOKIE_PATH, /* starts with '/', printable, no ';' */
    FORMAT_API_KEY,
    FORMAT_HEADER, /* of a map: names and values of HTTP headers (RFC 9110 5.1, 5.5) */
    FORMAT_VERSION,
    FORMAT_MAX_
};
enum key_flags { SECRET = 1, RESTART = 2, FIXED = 4, DEAD = 8, NO_ENV = 16, FOREVER = 32, BARE = 64 };

struct key_row {
    enum key_type type;
    const char *path;
    size_t offset;   /* of the member */
    const char *def; /* NULL: unset */
    int64_t low, high;
    const char *words; /* "a|b|c" or NULL */
    enum key_format format;
    unsigned flags;
    const char *help;
};
extern const struct key_row config_keys[CONFIG_KEY_MAX_];

static inline void *key_member(const struct config *c, enum config_key key) { return (char *)c + config_keys[key].offset; }
bool key_is_group(struct str path);          /* "serve.public" */
bool key_group_is_open(struct str path);     /* unknown members are ignored */
bool key_group_has_secrets(struct str path); /* its value must not be shown */
bool key_in_group(enum config_key key, struct str group);
bool key_bare(struct str group, enum config_key *ret); /* the key that a plain text in the group's place means */
int key_word(const char *words, struct str word);      /* index in "a|b|c", -1 when not among them */
struct str key_nearest(struct str path);               /* a key or group that was probably meant, or nothing */

/* ---- documents (node.c, yaml.c, toml.c, jsondoc.c) ---- */

enum { NODE_DEPTH_MAX = 32, NODE_ITEMS_MAX = 4096, NODE_ALIASES_MAX = 256, NODE_BYTES_MAX = 1 << 20 };
enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_REAL, NODE_TEXT, NODE_LIST, NODE_MAP };
struct node {
    enum node_kind kind;
    int line;
    struct str text; /* scalars: as written, without quotes */
    bool yes;
    int64_t i;   /* NODE_INT */
    double real; /* NODE_INT, NODE_REAL */
    struct node_item {
        struct str name; /* NODE_MAP only */
        int line;
        struct node *value;
    } * v;
    size_t n, cap;
};
struct fault {
    int line;
    struct str text;
};

struct node *node_new(struct arena *a, enum node_kind kind, int line);
struct node *node_text(struct arena *a, struct str text, int line);
struct node *node_int(struct arena *a, int64_t i, struct str text, int line);
struct node *node_real(struct arena *a, double d, struct str text, int line);
struct node *node_bool(struct arena *a, bool yes, struct str text, int line);
/* A plain scalar by YAML 1.2's core schema (and 1.1's octal numbers); NULL when it is none of null, boolean, number. */
struct node *node_plain(struct arena *a, struct str text, int line);
struct node *node_get(const struct node *map, struct str name); /* NULL: absent */
/* False: the name is there already, or there are too many. */
bool node_add(struct arena *a, struct node *parent, struct str name, int line, struct node *value);
const char *node_kind_name(const struct node *n);            /* "a number", for messages */
struct str node_show(struct arena *a, const struct node *n); /* as JSON, at most about 200 bytes */

/* Each reads a whole document into a map; an empty one gives an empty map. */
bool yaml_read(struct arena *a, struct str text, struct node **ret, struct fault *f);
bool toml_read(struct arena *a, struct str text, struct node **ret, struct fault *f);
bool json_value_read(struct arena *a, struct str text, struct node **ret, struct fault *f); /* any value */
bool jsondoc_read(struct arena *a, struct str text, struct node **ret, struct fault *f);
/* By the name's extension. */
bool document_read(struct arena *a, struct str name, struct str text, struct node **ret, struct fault *f);

static inline bool fault_set(struct fault *f, int line, struct str text)
{
    *f = (struct fault) { line, text };
    return false;
}

/* ---- loading (load.c, env.c, value.c, check.c) ---- */

struct slot {
    const struct node *node; /* NULL: nobody set it */
    struct config_place place;
};
struct load {
    struct arena *a; /* texts of the report and documents */
    const struct config_sources *s;
    struct config *c;
    struct config_report *report;
    struct slot slots[CONFIG_KEY_MAX_];
    bool incomplete; /* a file could not be read: what is not set may stand there */
};
#define PROBLEMS_MAX 100

struct place_in {
    struct load *l;
    struct config_place place; /* the line is each node's own */
};
void load_map(const struct place_in *in, struct str group, const struct node *map);
void load_set(struct load *l, enum config_key key, const struct node *node, struct config_place place);
/* As load_set, for the key that a plain text in the group's place means: the group's other keys are unset. */
void load_bare(struct load *l, struct str group, enum config_key key, const struct node *node, struct config_place place);
void load_env(struct load *l);
/* A value written as text (environment, default) in the form a file would have it. False: not decodable; *ret_why says why. */
bool value_decode(struct arena *a, enum config_key key, struct str text, const struct node **ret, const char **ret_why);
/* Stores the slots' values into the config, reporting what is wrong with them. */
void values_store(struct load *l);
/* Refuses changes of FIXED keys; puts the old values of RESTART keys back. */
void reload_keep(struct load *l, const struct config *old);
/* What no single key can tell, and the derived members. */
void check_all(struct load *l);

/* An address without the brackets that IPv6 has in URLs: "[::1]" and "::1" mean the same. */
struct str config_host(struct str host);

struct str place_text(struct arena *a, const struct config_place *p);
void report_add(struct load *l, struct config_problem p);
/* About a key whose value came from its slot; the value is shown unless the key is SECRET. */
void report_key(struct load *l, enum config_key key, const char *reason, const char *remedy);
void report_warn(struct load *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void report_note(struct load *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
