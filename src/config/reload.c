/* A changed document meets the config in force: what may not change is refused, what needs a restart keeps its old value. */
#include "config/config_int.h"

static bool strs_equal(const struct strs *x, const struct strs *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; same && i < x->n; i++) same = str_eq(x->v[i], y->v[i]);
    return same;
}

static bool params_equal(const struct params *x, const struct params *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; same && i < x->n; i++) same = str_eq(x->v[i].name, y->v[i].name) && str_eq(x->v[i].value, y->v[i].value);
    return same;
}

static bool same_value(const struct config *x, const struct config *y, enum config_key key)
{
    const void *a = key_member(x, key), *b = key_member(y, key);
    switch (config_keys[key].type) {
    case TYPE_TEXT: return str_eq(*(const struct str *)a, *(const struct str *)b);
    case TYPE_YESNO: return *(const bool *)a == *(const bool *)b;
    case TYPE_COUNT: return *(const int64_t *)a == *(const int64_t *)b;
    case TYPE_RATIO: return *(const double *)a == *(const double *)b;
    case TYPE_SPAN: return *(const usec_t *)a == *(const usec_t *)b;
    case TYPE_CHOICE: return *(const int *)a == *(const int *)b;
    case TYPE_LIST: return strs_equal(a, b);
    case TYPE_MAP: return params_equal(a, b);
    case TYPE_MAX_: break;
    }
    return true;
}

static struct params copy_params(struct arena *a, const struct params *from)
{
    struct params copy = { 0 };
    for (size_t i = 0; i < from->n; i++) params_add(a, &copy, arena_dup(a, from->v[i].name), arena_dup(a, from->v[i].value));
    return copy;
}

static void copy_value(struct config *to, const struct config *from, enum config_key key)
{
    void *t = key_member(to, key);
    const void *f = key_member(from, key);
    switch (config_keys[key].type) {
    case TYPE_TEXT: *(struct str *)t = arena_dup(to->arena, *(const struct str *)f); break;
    case TYPE_YESNO: *(bool *)t = *(const bool *)f; break;
    case TYPE_COUNT: *(int64_t *)t = *(const int64_t *)f; break;
    case TYPE_RATIO: *(double *)t = *(const double *)f; break;
    case TYPE_SPAN: *(usec_t *)t = *(const usec_t *)f; break;
    case TYPE_CHOICE: *(int *)t = *(const int *)f; break;
    case TYPE_LIST: *(struct strs *)t = strs_dup(to->arena, *(const struct strs *)f); break;
    case TYPE_MAP: *(struct params *)t = copy_params(to->arena, f); break;
    case TYPE_MAX_: break;
    }
}

/* The value itself is not named: the DSN holds a password. */
static void refuse(struct load *l, enum config_key key)
{
    report_add(l, (struct config_problem) { .key = str_of(config_keys[key].path),
                                            .place = config_where(l->a, l->c, key),
                                            .value = STR("(hidden)"),
                                            .reason = STR("cannot be changed while the server runs"),
                                            .remedy = STR("Restart the server, or take the change back.") });
}

void reload_keep(struct load *l, const struct config *old)
{
    struct strs waiting = { 0 };
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        if (!(config_keys[k].flags & (FIXED | RESTART)) || same_value(old, l->c, k)) continue;
        /* A default may differ because it follows from another key. */
        bool by_hand = config_is_set(old, k) || config_is_set(l->c, k);
        if (config_keys[k].flags & FIXED)
            refuse(l, k);
        else if (by_hand)
            strs_add(l->a, &waiting, str_of(config_keys[k].path));
        copy_value(l->c, old, k);
    }
    struct str joined = strs_join(l->a, waiting, ", ");
    if (waiting.n > 0) report_warn(l, "Changed, but in force only after a restart: %.*s.", STR_FMT(joined));
}
