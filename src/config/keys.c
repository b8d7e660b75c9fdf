/* The table of keys, and questions about paths in it. */
#include <string.h>

#include "config/config_int.h"

#define KEY(type, path, member, def, low, high, words, format, flags, help) \
    { TYPE_##type, path, offsetof(struct config, member), def, low, high, words, FORMAT_##format, flags, help },
const struct key_row config_keys[CONFIG_KEY_MAX_] = {
#include "config/config.def"
};

static const char *const open_groups[] = {
#define OPEN_GROUP(path) path,
#define KEY(...)
#include "config/config.def"
};

/* What stands in `path` behind `part`; '?' when it does not begin with it. */
static char behind(const char *path, struct str part)
{
    for (size_t i = 0; i < part.n; i++)
        if (path[i] == '\0' || path[i] != part.p[i]) return '?';
    return path[part.n];
}

bool config_key_by_path(struct str path, enum config_key *ret)
{
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        if (behind(config_keys[k].path, path) != '\0') continue;
        *ret = k;
        return true;
    }
    return false;
}

bool key_in_group(enum config_key key, struct str group) { return group.n == 0 || behind(config_keys[key].path, group) == '.'; }

bool key_is_group(struct str path)
{
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++)
        if (key_in_group(k, path)) return true;
    return false;
}

bool key_group_is_open(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(open_groups); i++)
        if (str_eq(str_of(open_groups[i]), path)) return true;
    return false;
}

bool key_group_has_secrets(struct str path)
{
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++)
        if (config_keys[k].flags & SECRET && key_in_group(k, path)) return true;
    return false;
}

bool key_bare(struct str group, enum config_key *ret)
{
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        if (!(config_keys[k].flags & BARE) || !key_in_group(k, group)) continue;
        if (strchr(config_keys[k].path + group.n + 1, '.') != NULL) continue;
        *ret = k;
        return true;
    }
    return false;
}

int key_word(const char *words, struct str word)
{
    struct str rest = str_of(words);
    for (int i = 0; rest.p != NULL; i++)
        if (str_eq(str_cut(&rest, '|'), word)) return i;
    return -1;
}

static struct str last_part(struct str path)
{
    const char *dot = path.p != NULL ? memrchr(path.p, '.', path.n) : NULL;
    return dot == NULL ? path : str_from(path, (size_t)(dot + 1 - path.p));
}

enum { GROUP_LEAST = 4 }; /* letters of a group's name: to shorter ones anything is near */

static void nearer(struct str path, struct str candidate, size_t *least, struct str *best)
{
    size_t d = str_distance(path, candidate);
    if (d >= *least) return;
    *least = d;
    *best = candidate;
}

struct str key_nearest(struct str path)
{
    struct str best = STR_NONE;
    size_t least = 3;
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        struct str key = str_of(config_keys[k].path);
        for (size_t i = GROUP_LEAST; i < key.n; i++)
            if (key.p[i] == '.') nearer(path, str_upto(key, i), &least, &best);
        nearer(path, key, &least, &best);
    }
    if (best.n > 0) return best;
    /* Right name, wrong group: only when there is one such key. */
    for (enum config_key k = 0; k < CONFIG_KEY_MAX_; k++) {
        if (!str_eq(last_part(str_of(config_keys[k].path)), last_part(path))) continue;
        if (best.n > 0) return STR_NONE;
        best = str_of(config_keys[k].path);
    }
    return best;
}
