/* What this build is. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define GRANTD_VERSION "v" PROJECT_VERSION /* "v0.1.0"; PROJECT_VERSION comes from meson.build */

extern const char grantd_commit[];     /* "1a2b3c4"; "undefined" outside a repository */
extern const char grantd_build_time[]; /* of the commit, RFC 3339; builds are reproducible */

#endif
