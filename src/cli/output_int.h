/* Parts of output.c that stand for themselves. */
#ifndef CLI_OUTPUT_INT_H
#define CLI_OUTPUT_INT_H

#include "base/json.h"

/* Block style, members by name; ends with a newline. */
struct str yaml_text(struct arena *a, const json_t *value);

/* What a path selects: a new reference; null when there is nothing.
 * GJSON: "items.0.client_id", "keys.#" (how many), "keys.#.kid" (of each), "keys.#(alg==ES256).kid" (of the first that matches),
 * "keys.#(alg==ES256)#.kid" (of all that match; operators == != % with * and ?); "\." is a dot inside a name. */
json_t *gjson_select(struct arena *a, const json_t *value, struct str path);
/* RFC 6901: "/items/0/client_id". */
json_t *pointer_select(struct arena *a, const json_t *value, struct str pointer);

#endif
