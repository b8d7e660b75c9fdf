/* Bodies and queries from strangers. The first line is the Content-Type; the rest is the body. What is read can be written as a
 * form and is then read the same. */
#include "fuzz.h"
#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO a = arena_new();
    struct err e = ERR_INIT(a);
    struct params form, again;
    struct str body = { (const char *)data, size };
    struct str type = str_trim(str_cut(&body, '\n'));
    if (!form_read(a, type, body, &form, &e)) {
        if (!err_is(&e, &err_INVALID_REQUEST)) abort();
        return 0;
    }
    if (form.n > FORM_PAIRS_MAX) abort();
    struct str text = params_encode(a, &form, false);
    if (!form_read(a, STR("application/x-www-form-urlencoded"), text, &again, &e) || again.n != form.n) abort();
    for (size_t i = 0; i < form.n; i++)
        if (!str_eq(form.v[i].name, again.v[i].name) || !str_eq(form.v[i].value, again.v[i].value)) abort();
    return 0;
}
