#include "unit.h"

#include "base/err.h"

static bool refuse(struct err *e, int number)
{
    ENSURE(number != 1, e, INVALID_GRANT, "one");
    ENSUREF(number != 2, e, NOT_FOUND, "number %d", number);
    return true;
}

static bool pass_on(struct err *e, int number)
{
    TRY(refuse(e, number));
    return true;
}

static void travels_up(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    assert_true(pass_on(&e, 0));
    assert_null(e.kind);
    assert_false(pass_on(&e, 1));
    assert_true(err_is(&e, &err_INVALID_GRANT));
    assert_string_equal(e.hint, "one");
    assert_non_null(strstr(e.file, "test_err.c"));
    assert_true(e.line > 0);
    assert_false(pass_on(&e, 2));
    assert_true(err_is(&e, &err_NOT_FOUND));
    assert_string_equal(e.hint, "number 2");
    assert_ptr_equal(e.arena, a);
}

static void replaces_an_earlier_failure(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    assert_false(refuse(&e, 1));
    assert_false(err_debugf(&e, "table %s", "t"));
    e.name = "custom";
    e.status = 499;
    assert_false(refuse(&e, 2));
    assert_null(e.debug);
    assert_null(e.name);
    assert_int_equal(e.status, 0);
}

static void adds_debug(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    assert_false(refuse(&e, 1));
    assert_false(err_debugf(&e, "code %d", 5));
    assert_false(err_debugf(&e, "%s", "again"));
    assert_string_equal(e.debug, "code 5; again");
    assert_string_equal(e.hint, "one");
}

static void copies_hints(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    char hint[] = "short-lived";
    assert_false(err_set(&e, &err_CONFLICT, hint, "f", 1));
    hint[0] = 'X';
    assert_string_equal(e.hint, "short-lived");
    assert_false(err_set(&e, &err_CONFLICT, NULL, "f", 1));
    assert_null(e.hint);
    assert_false(err_setf(&e, &err_CONFLICT, "f", 1, "%05000d", 1));
    assert_true(strlen(e.hint) < 2000);
}

static void works_without_arena(void **state)
{
    (void)state;
    struct err e = ERR_INIT(NULL);
    assert_false(refuse(&e, 1));
    assert_string_equal(e.hint, "one");
    assert_false(refuse(&e, 2));
    assert_true(err_is(&e, &err_NOT_FOUND));
    assert_null(e.hint);
    assert_false(err_debugf(&e, "x%d", 1));
    assert_null(e.debug);
}

static void has_a_sound_table(void **state)
{
    (void)state;
    assert_true(err_kinds_count > 40);
    for (size_t i = 0; i < err_kinds_count; i++) {
        const struct err_kind *kind = err_kinds[i];
        assert_in_range(kind->status, 400, 599);
        assert_true(strlen(kind->name) > 0);
        assert_non_null(kind->description);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(kind->id, err_kinds[j]->id);
    }
    assert_string_equal(err_INVALID_CLIENT.name, "invalid_client");
    assert_int_equal(err_INVALID_CLIENT.status, 401);
    assert_string_equal(err_TEMPORARILY_UNAVAILABLE.id, "TEMPORARILY_UNAVAILABLE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(travels_up),   cmocka_unit_test(replaces_an_earlier_failure), cmocka_unit_test(adds_debug),
        cmocka_unit_test(copies_hints), cmocka_unit_test(works_without_arena),         cmocka_unit_test(has_a_sound_table),
    };
    return RUN(tests);
}
