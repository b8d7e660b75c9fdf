/* Nothing that passes through leaves text or attribute. */
#include "../base/unit.h"

#include "api/html.h"

static void test_escaping(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct buf b = BUF(a);
    html_text(&b, STR("a<b>&\"'\0é"));
    assert_str(buf_str(&b), "a&lt;b&gt;&amp;&quot;&#39;\xEF\xBF\xBD\xC3\xA9");
}

static void test_nonce(void **state)
{
    (void)state;
    ARENA_AUTO a = arena_new();
    struct str one = html_nonce(a), two = html_nonce(a);
    assert_int_equal(one.n, 22);
    assert_false(str_eq(one, two));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_escaping), cmocka_unit_test(test_nonce) };
    return RUN(tests);
}
