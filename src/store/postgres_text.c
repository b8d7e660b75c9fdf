/* How PostgreSQL spells what statements.def and migrations/ write for all databases. */
#include "base/buf.h"
#include "postgres_int.h"

const char *postgres_spell(struct arena *a, const char *text)
{
    char *own = arena_dupz(a, str_of(text));
    for (char *p = own; *p != '\0'; p++)
        if (*p == '?') *p = '$';
    return own;
}

static bool is_word(char ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
}

/* The length of a type of texts that `at` starts with, or 0. */
static size_t text_type(struct str at)
{
    if (str_starts(at, STR("TEXT")) && (at.n == 4 || !is_word(at.p[4]))) return 4;
    if (!str_starts(at, STR("VARCHAR("))) return 0;
    struct str inside = at;
    return str_cut(&inside, ')').n + 1;
}

struct str postgres_collate(struct arena *a, struct str text)
{
    struct buf out = BUF(a);
    while (text.n > 0) {
        if (str_starts(text, STR("--"))) {
            str_cut(&text, '\n');
            continue;
        }
        bool starts_word = out.n == 0 || !is_word(out.p[out.n - 1]);
        size_t type = starts_word ? text_type(text) : 0;
        buf_add(&out, str_upto(text, type > 0 ? type : 1));
        if (type > 0) buf_addz(&out, " COLLATE \"C\"");
        text = str_from(text, type > 0 ? type : 1);
    }
    return buf_str(&out);
}
