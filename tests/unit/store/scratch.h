/* What the tests of this folder share: cmocka, a folder of their own that goes when they end, and opening a store in it. */
#ifndef UNIT_STORE_SCRATCH_H
#define UNIT_STORE_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

#define SCRATCH_DSN "sqlite://db.sqlite"

static char scratch[] = "/tmp/grantd-store-XXXXXX";

static inline void scratch_clear(void)
{
    DIR *dir = opendir(scratch);
    if (dir == NULL) return;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
        if (unlink(d->d_name) != 0) rmdir(d->d_name);
    }
    closedir(dir);
}

static inline int scratch_enter(void **state)
{
    (void)state;
    return mkdtemp(scratch) == NULL || chdir(scratch) != 0;
}

static inline int scratch_leave(void **state)
{
    (void)state;
    scratch_clear();
    return chdir("/") != 0 || rmdir(scratch) != 0;
}

/* Ends the test when it fails. */
static inline void must(bool ok, const struct err *e)
{
    if (!ok) fail_msg("%s: %s (%s)", e->kind->id, e->hint ? e->hint : "", e->debug ? e->debug : "");
}

static inline struct store *open_store(const char *dsn)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct store *s = NULL;
    must(store_open(&(struct store_options) { .dsn = str_of(dsn) }, &s, &e), &e);
    return s;
}

static inline struct store *open_migrated(const char *dsn)
{
    struct store *s = open_store(dsn);
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct op op = { .arena = a, .now = 1, .may_wait = true };
    must(store_migrate_up(s, &op, NULL, NULL, &e), &e);
    return s;
}

#endif
