/* The route table, made from routes.def. */
#include "api/api.h"

const struct route api_routes[] = {
#define ROUTE(listeners_, methods_, path_, api_, flags_, handler_, operation_) \
    { .listeners = (listeners_),                                               \
      .methods = (methods_),                                                   \
      .path = (path_),                                                         \
      .api = (api_),                                                           \
      .flags = (flags_),                                                       \
      .handler = handler_,                                                     \
      .operation = (operation_) },
#include "api/routes.def"
#undef ROUTE
};
const size_t api_routes_n = ARRAY_LEN(api_routes);
