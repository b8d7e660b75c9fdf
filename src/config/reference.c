/* The reference page, made from the table: one section per top-level group, one entry per key. */
#include <ctype.h>
#include <string.h>

#include "config/config_int.h"

static const char intro[] =
    "# Configuration reference\n\n"
    "Settings come from, lowest to highest: the defaults below; files given with `-c` (`.yml`, `.yaml`, `.json`, `.toml`; "
    "several: "
    "objects merge, later lists replace earlier ones); the flags `--dev` and `--sqa-opt-out`; the environment.\n\n"
    "- A variable's name is the key in capitals with `_` for `.`: `SERVE_PUBLIC_PORT=5001`.\n"
    "- A list is a JSON array, or texts with commas between (double quotes protect commas). It lies over a list from a file "
    "element by "
    "element. `SECRETS_SYSTEM_0` sets one element.\n"
    "- A whole object can be given as JSON: `SERVE='{\"public\":{\"port\":5001}}'`.\n"
    "- Durations are whole numbers with units: `1h30m`, `500ms`.\n"
    "- A changed file is read again at once, as on `SIGHUP`. Keys marked *restart* wait for a restart; `dsn` cannot be changed "
    "while the "
    "server runs. A file with errors leaves the settings as they are.\n";

static void add_type(struct buf *b, const struct key_row *row)
{
    static const char *const names[TYPE_MAX_] = { "text",     "boolean", "integer", "number",
                                                  "duration", "one of",  "list",    "object of texts" };
    buf_addz(b, names[row->type]);
    if (row->type == TYPE_COUNT || row->type == TYPE_RATIO)
        buf_addf(b, " from %lld to %lld", (long long)row->low, (long long)row->high);
    if (row->type == TYPE_LIST) buf_addz(b, row->words != NULL ? " of" : " of texts");
    for (struct str rest = str_of(row->words); rest.p != NULL;) {
        struct str word = str_cut(&rest, '|');
        buf_addf(b, " `%.*s`", STR_FMT(word));
    }
    if (row->flags & FOREVER) buf_addz(b, " or `-1`");
    if (row->low > 0 && (row->type == TYPE_TEXT || row->type == TYPE_LIST))
        buf_addf(b, " of at least %lld character%s", (long long)row->low, row->low == 1 ? "" : "s");
}

static void add_marks(struct buf *b, const struct key_row *row)
{
    static const struct {
        unsigned flag;
        const char *mark;
    } marks[] = { { RESTART, "restart" }, { FIXED, "fixed" }, { SECRET, "secret" }, { DEAD, "no effect" } };
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (row->flags & marks[i].flag) buf_addf(b, " · *%s*", marks[i].mark);
}

static void add_variable(struct buf *b, const char *path)
{
    for (; *path != '\0'; path++) buf_addc(b, *path == '.' ? '_' : (char)toupper((unsigned char)*path));
}

static void add_key(struct buf *b, const struct key_row *row)
{
    buf_addf(b, "### `%s`\n\n%s\n\n", row->path, row->help);
    add_type(b, row);
    if (row->def != NULL && row->def[0] != '\0') buf_addf(b, " · default `%s`", row->def);
    add_marks(b, row);
    if (!(row->flags & NO_ENV)) {
        buf_addz(b, " · `");
        add_variable(b, row->path);
        buf_addc(b, '`');
    }
    buf_addz(b, "\n\n");
}

struct str config_reference(struct arena *a)
{
    struct buf b = BUF(a);
    struct str group = STR_NONE;
    buf_addz(&b, intro);
    buf_addz(&b, "\n## General\n\n");
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        struct str before, after;
        bool grouped = str_split_once(str_of(config_keys[k].path), '.', &before, &after);
        if (grouped && !str_eq(before, group)) buf_addf(&b, "## `%.*s`\n\n", STR_FMT(before));
        if (grouped) group = before;
        add_key(&b, &config_keys[k]);
    }
    return buf_str(&b);
}
