/* What the files of the store's contract suite share: one store, made empty for each test, and short ways to say what is
 * expected of it. The suite speaks store.h only, so that it is the same for every database. */
#ifndef STORE_CONTRACT_H
#define STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

struct fixture {
    struct store *store;
    struct op op;
    struct err e;
    enum store_put put; /* of the last CALL_PUT */
    struct str dsn;
};

#define F(state) struct fixture *f = *(state)

/* The call must not fail. */
#define OK(call)                                                                                                                 \
    do {                                                                                                                         \
        if (!(call)) fail_msg("%s: %s %s (%s)", #call, f->e.kind->id, f->e.hint ? f->e.hint : "", f->e.debug ? f->e.debug : ""); \
    } while (0)
/* The call must not fail, and f->put must be `outcome` then. */
#define GIVES(outcome, call)               \
    do {                                   \
        OK(call);                          \
        assert_int_equal(f->put, outcome); \
    } while (0)
#define FAILS(KIND, call)                          \
    do {                                           \
        assert_false(call);                        \
        assert_string_equal(f->e.kind->id, #KIND); \
    } while (0)
#define assert_str(a, b) assert_string_equal(arena_dupz(f->op.arena, (a)), (b))

#define NOW (INT64_C(1700000000) * USEC_PER_SEC)

/* Rows with something in every member. */
struct client_row a_client(const char *id);
void insert_client(struct fixture *f, const char *id);
struct grant a_grant(const char *id, enum grant_state state);
void insert_grant(struct fixture *f, const struct grant *g);
struct grant *get_grant(struct fixture *f, const char *id);
struct session_row a_session(const char *id, const char *subject);
/* A session comes into being with a move of a grant only. */
void insert_session(struct fixture *f, const struct session_row *row);

int setup(void **state);
int teardown(void **state);
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int run_client_cases(void);
int run_key_cases(void);
int run_trust_cases(void);
int run_grant_cases(void);
int run_consent_cases(void);
int run_device_cases(void);
int run_earlier_cases(void);
int run_import_cases(void);
int run_upkeep_cases(void);
int run_node_cases(void);

#endif
