/* The page that shows an OAuth error and what to do about it. */
#ifndef API_PAGES_ERROR_PAGE_H
#define API_PAGES_ERROR_PAGE_H

#include "api/pages/page.h"

/* `said` has error, error_description, and maybe error_hint and error_debug; the rest of it is not shown. `own_page`: names the
 * setting that puts another page in its place. Returns true. */
bool error_page_reply(struct http_req *r, int status, const struct params *said, bool own_page);

#endif
