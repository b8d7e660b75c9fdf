/* --pgp-key, --pgp-key-url, --keybase: a client's secret is printed encrypted, for the holder of an OpenPGP key. GnuPG does it:
 * what such a key is good for is a matter of its own. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/url.h"
#include "cli/pgp.h"
#include "http/client.h"

extern char **environ;

enum { KEY_MAX = 1024 * 1024, MESSAGE_MAX = 64 * 1024, FOLDERS_OPEN = 8 };
#define KEY_TIMEOUT (10 * USEC_PER_SEC)

/* ---- the key ---- */

static bool fetch_key(struct cli *c, struct str url, struct str *ret)
{
    struct op op = { .arena = c->arena, .now = clock_now(), .may_wait = true };
    struct err e = ERR_INIT(c->arena);
    struct fetch f = { .url = url, .max_bytes = KEY_MAX, .timeout = KEY_TIMEOUT, .max_redirects = 5 };
    struct fetched got;
    if (!fetch(&op, &f, &got, &e))
        return cli_fail(c, "no answer from %.*s: %s", STR_FMT(url), e.debug != NULL ? e.debug : e.hint), false;
    if (got.status != 200) return cli_fail(c, "there is no key at %.*s (status %d)", STR_FMT(url), got.status), false;
    *ret = got.body;
    return true;
}

static bool read_key(struct cli *c, struct str *ret)
{
    if (cli_given(c, "pgp-key-url")) return fetch_key(c, cli_str(c, "pgp-key-url"), ret);
    if (cli_given(c, "keybase")) {
        struct buf url = BUF(c->arena);
        buf_addz(&url, "https://keybase.io/");
        url_encode_path(&url, cli_str(c, "keybase"));
        buf_addz(&url, "/pgp_keys.asc");
        return fetch_key(c, buf_str(&url), ret);
    }
    return b64_decode(c->arena, cli_str(c, "pgp-key"), ret)
               ? true
               : (cli_fail_usage(c, "--pgp-key is not base64; get it with: gpg --export KEY | base64 -w0"), false);
}

/* ---- GnuPG, in a folder of its own, so that it neither reads nor changes the user's settings and keys ---- */

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)kind, (void)at;
    return remove(path);
}

static bool write_all(int fd, struct str text)
{
    for (ssize_t n; text.n > 0; text = str_from(text, (size_t)n))
        if ((n = write(fd, text.p, text.n)) <= 0) return false;
    return true;
}

static bool write_key(const char *path, struct str key)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, key);
    if (fd >= 0) close(fd);
    return ok;
}

static struct str read_rest(struct arena *a, int fd)
{
    struct buf b = BUF(a);
    ssize_t n;
    do {
        buf_reserve(&b, 4096);
        n = read(fd, b.p + b.n, 4096);
        if (n > 0) b.n += (size_t)n;
    } while (n > 0 && b.n <= MESSAGE_MAX);
    return buf_str(&b);
}

/* What it says on stderr goes to ours. 0, or why it could not be run. */
static int start_gpg(const char *folder, const char *key, int in, int out, pid_t *ret)
{
    /* clang-format off */
    const char *const argv[] = { "gpg", "--batch", "--quiet", "--no-options", "--no-autostart", "--homedir", folder,
                                 "--trust-model", "always", "--recipient-file", key, "--encrypt", NULL };
    /* clang-format on */
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    int failed = posix_spawnp(ret, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static bool run_gpg(struct cli *c, const char *folder, const char *key, struct str text, struct str *ret)
{
    int in[2], out[2], status = -1;
    pid_t pid;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return cli_fail(c, "cannot make a pipe: %s", strerror(errno)), false;
    int failed = start_gpg(folder, key, in[0], out[1], &pid);
    close(in[0]);
    close(out[1]);
    if (failed == 0) {
        (void)!write_all(in[1], text); /* less than a pipe holds; when gpg does not read it, its status says so */
        close(in[1]);
        *ret = b64_encode(c->arena, read_rest(c->arena, out[0]));
        waitpid(pid, &status, 0);
    } else {
        close(in[1]);
    }
    close(out[0]);
    if (failed != 0) return cli_fail(c, "the secret cannot be encrypted: gpg: %s. Install GnuPG.", strerror(failed)), false;
    return status == 0 && ret->n > 0 ? true : (cli_fail(c, "gpg cannot encrypt for this key"), false);
}

static bool encrypt(struct cli *c, struct str key, struct str text, struct str *ret)
{
    const char *place = getenv("TMPDIR");
    if (place == NULL || place[0] != '/') place = "/tmp";
    char *folder = (char *)arena_printf(c->arena, "%s/grantd-gpg-XXXXXX", place).p;
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(folder) == NULL) return cli_fail(c, "cannot make a folder in %s: %s", place, strerror(errno)), false;
    const char *path = arena_printf(c->arena, "%s/key", folder).p;
    bool ok = write_key(path, key) ? run_gpg(c, folder, path, text, ret)
                                   : (cli_fail(c, "cannot write %s: %s", path, strerror(errno)), false);
    nftw(folder, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
    return ok;
}

/* ---- for commands ---- */

bool pgp_open(struct cli *c, struct pgp *ret)
{
    struct str ignored;
    *ret = (struct pgp) { .wanted = cli_given(c, "pgp-key") || cli_given(c, "pgp-key-url") || cli_given(c, "keybase") };
    if (!ret->wanted) return true;
    return read_key(c, &ret->key) && encrypt(c, ret->key, STR("try"), &ignored);
}

bool pgp_hide_secret(struct cli *c, const struct pgp *pgp, json_t *client)
{
    struct str secret = json_str(json_object_get(client, "client_secret")), hidden;
    if (!pgp->wanted || secret.n == 0) return true;
    TRY(encrypt(c, pgp->key, secret, &hidden));
    json_object_set_new(client, "client_secret", json_of_str(hidden));
    return true;
}
