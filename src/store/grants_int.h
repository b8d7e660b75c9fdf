/* How a grant's row becomes a struct: shared by grants.c and consents.c. */
#ifndef STORE_GRANTS_INT_H
#define STORE_GRANTS_INT_H

#include "store_int.h"

struct grant grant_of(const struct sql_cell *c);
/* Whether the row is a consent in its own right: given by a person, and seen through by the browser. */
bool grant_counts(const struct grant *g);
/* The first row, or NULL when there is none. */
struct grant *grant_first(struct arena *a, const struct sql_rows *rows);

#endif
