/* How MySQL and MariaDB spell what statements.def and the migrations say. Knows texts only. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "mysql_int.h"

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* How many bytes at the start of `s` belong together: a quoted text, a comment, a word, or one character. */
static size_t token(struct str s)
{
    size_t n = 1;
    if (s.p[0] == '\'') {
        while (n < s.n && s.p[n] != '\'') n++;
        return n < s.n ? n + 1 : n;
    }
    if (str_starts(s, STR("--"))) {
        while (n < s.n && s.p[n] != '\n') n++;
        return n;
    }
    if (is_word(s.p[0]))
        while (n < s.n && is_word(s.p[n])) n++;
    return n;
}

/* ---- statements ---- */

/* `ON CONFLICT (...) DO NOTHING` at the end has no counterpart: INSERT IGNORE would also pass over values that do not fit. The
 * statement, which puts one row, is sent without it, and the driver takes the refusal of a second such row for "nothing changed".
 */
static struct str cut_keeping(struct str text, bool *ret_keeps)
{
    *ret_keeps = str_ends(text, STR(" DO NOTHING"));
    if (!*ret_keeps) return text;
    const char *clause = memmem(text.p, text.n, " ON CONFLICT ", strlen(" ON CONFLICT "));
    return clause != NULL ? str_upto(text, (size_t)(clause - text.p)) : text;
}

struct mysql_text mysql_text(struct arena *a, const char *text)
{
    struct mysql_text t = { 0 };
    struct str rest = cut_keeping(str_of(text), &t.keeps);
    t.one_row = strstr(text, " ON DUPLICATE KEY ") != NULL;
    unsigned char *order = arena_alloc(a, rest.n + 1);
    struct buf b = BUF(a);
    while (rest.n > 0) {
        size_t n = token(rest);
        buf_add(&b, str_upto(rest, n));
        bool parameter = rest.p[0] == '?';
        rest = str_from(rest, n);
        if (!parameter) continue;
        unsigned number = 0;
        for (; rest.n > 0 && isdigit((unsigned char)rest.p[0]); rest = str_from(rest, 1))
            number = number * 10 + (unsigned)(rest.p[0] - '0');
        order[t.n++] = (unsigned char)(number - 1);
    }
    t.sql = buf_str(&b).p;
    t.order = order;
    return t;
}

/* ---- scripts ---- */

/* Texts are compared byte by byte and without padding, and an index of 3072 bytes holds as many of them as on other databases. */
static const struct {
    const char *common, *own;
} types[] = {
    { "VARCHAR", "VARBINARY" },
    { "TEXT", "LONGBLOB" },
};

static struct str spelled(struct str word)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq(word, str_of(types[i].common))) return str_of(types[i].own);
    return word;
}

bool mysql_script_next(struct arena *a, struct str *rest, struct str *ret)
{
    struct buf b = BUF(a);
    bool ended = false;
    while (rest->n > 0 && !(ended && b.n > 0)) {
        struct str word = str_upto(*rest, token(*rest));
        *rest = str_from(*rest, word.n);
        ended = str_eq(word, STR(";"));
        bool blank = b.n == 0 && str_trim(word).n == 0;
        if (!ended && !blank && !str_starts(word, STR("--"))) buf_add(&b, spelled(word));
    }
    *ret = str_trim(buf_str(&b));
    if (str_starts(*ret, STR("CREATE TABLE "))) *ret = ARENA_CAT(a, *ret, STR(" ENGINE=InnoDB"));
    return ret->n > 0;
}
