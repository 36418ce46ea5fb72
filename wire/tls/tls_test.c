// SPDX-License-Identifier: Apache-2.0
#include "wire/tls/tls.h"

#include <fcntl.h>
#include <malloc.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

enum { BYTES_MAX = 1 << 20 };

static char folder[64];
static char names[16][128];
static int name_count;

/* A name below the test's folder, good until sixteen more were asked for. */
static const char *in_folder(const char *name)
{
    char *at = names[name_count++ % 16];
    snprintf(at, sizeof names[0], "%s/%s", folder, name);
    return at;
}

struct end {
    struct tls_session *session;
    struct buf plain;
    struct buf wire;
    bool is_closed;
    struct err err;
};

struct pair {
    struct tls_context *contexts[2];
    struct end client;
    struct end server;
};

static const char *const both[] = {"h2", "http/1.1", NULL};
static const char *const only_http1[] = {"http/1.1", NULL};
static const char *const only_tunnel[] = {"tsumugi-gw/1", NULL};

struct setup {
    const char *server;
    const char *client; /* NULL = no certificate */
    const char *client_authority;
    const char *host;
    const char *const *server_alpn;
    const char *const *client_alpn;
    bool demands;
};

static struct tls_files files_of(const char *own, const char *authority)
{
    struct tls_files files = {0};
    char name[64];
    if (own) {
        snprintf(name, sizeof name, "%s.crt", own);
        files.certificate_file = in_folder(name);
        snprintf(name, sizeof name, "%s.key", own);
        files.key_file = in_folder(name);
    }
    if (authority) {
        snprintf(name, sizeof name, "%s.crt", authority);
        files.authority_file = in_folder(name);
    }
    return files;
}

static struct pair pair_new(struct setup setup)
{
    struct pair pair = {0};
    struct err err = {0};
    struct tls_files server = files_of(setup.server, "ca");
    struct tls_files client =
        files_of(setup.client, setup.client_authority ? setup.client_authority : "ca");
    pair.contexts[0] = tls_server_open(&server, setup.demands, setup.server_alpn, &err);
    pair.contexts[1] = tls_client_open(&client, setup.client_alpn, &err);
    CHECK(pair.contexts[0] && pair.contexts[1]);
    pair.server.session = tls_session_new(pair.contexts[0], NULL, &err);
    pair.client.session =
        tls_session_new(pair.contexts[1], setup.host ? setup.host : "localhost", &err);
    pair.server.plain = buf_init(BYTES_MAX);
    pair.server.wire = buf_init(BYTES_MAX);
    pair.client.plain = buf_init(BYTES_MAX);
    pair.client.wire = buf_init(BYTES_MAX);
    CHECK(tls_start(pair.client.session, &pair.client.wire, &pair.client.err));
    return pair;
}

static void pair_free(struct pair *pair)
{
    tls_session_free(pair->client.session);
    tls_session_free(pair->server.session);
    tls_context_free(pair->contexts[0]);
    tls_context_free(pair->contexts[1]);
    buf_free(&pair->client.plain);
    buf_free(&pair->client.wire);
    buf_free(&pair->server.plain);
    buf_free(&pair->server.wire);
}

/* One way, in pieces of `piece` bytes; whether anything moved. */
static bool move(struct end *from, struct end *to, size_t piece)
{
    bool moved = false;
    while (from->wire.len > 0 && to->err.kind == ERR_NONE) {
        uint8_t bytes[4096];
        size_t len = from->wire.len < piece ? from->wire.len : piece;
        memcpy(bytes, from->wire.at, len);
        buf_drop(&from->wire, len);
        bool closed = false;
        bool is_fine = tls_receive(to->session, span_of(bytes, len), &to->plain,
                                   &to->wire, &closed, &to->err);
        to->is_closed |= closed;
        CHECK(is_fine == (to->err.kind == ERR_NONE));
        moved = true;
    }
    return moved;
}

static void talk(struct pair *pair, size_t piece)
{
    for (int round = 0; round < 20; round++) {
        bool moved = move(&pair->client, &pair->server, piece);
        if (!move(&pair->server, &pair->client, piece) && !moved)
            return;
    }
}

static void both_sides_know_each_other_under_mutual_tls(void)
{
    struct pair pair =
        pair_new((struct setup){.server = "server", .client = "client", .demands = true});
    talk(&pair, 4096);
    CHECK(tls_is_established(pair.client.session));
    CHECK(tls_is_established(pair.server.session));
    CHECK(strlen(tls_peer_fingerprint(pair.server.session)) == 64);
    CHECK(strcmp(tls_peer_name(pair.server.session), "紬診療所") == 0);
    CHECK(strcmp(tls_peer_name(pair.client.session), "centre") == 0);
    pair_free(&pair);
}

static void bytes_arrive_whole_when_the_wire_gives_one_at_a_time(void)
{
    struct pair pair =
        pair_new((struct setup){.server = "server", .client = "client", .demands = true});
    CHECK(tls_send(pair.client.session, SPAN("early"), &pair.client.wire,
                   &pair.client.err));
    talk(&pair, 1);
    CHECK(span_equal(buf_view(&pair.server.plain), SPAN("early")));
    CHECK(tls_send(pair.server.session, SPAN("answer"), &pair.server.wire,
                   &pair.server.err));
    talk(&pair, 1);
    CHECK(span_equal(buf_view(&pair.client.plain), SPAN("answer")));
    pair_free(&pair);
}

static void a_large_body_passes_both_ways(void)
{
    struct pair pair =
        pair_new((struct setup){.server = "server", .client = "client", .demands = true});
    talk(&pair, 4096);
    static uint8_t large[300000];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 31);
    struct span bytes = span_of(large, sizeof large);
    CHECK(tls_send(pair.server.session, bytes, &pair.server.wire, &pair.server.err));
    CHECK(tls_send(pair.client.session, bytes, &pair.client.wire, &pair.client.err));
    talk(&pair, 4096);
    CHECK(span_equal(buf_view(&pair.client.plain), bytes));
    CHECK(span_equal(buf_view(&pair.server.plain), bytes));
    pair_free(&pair);
}

/* What the allocator has given out, without the caller's own buffers. */
static size_t bytes_held(struct pair *pair)
{
    struct end *ends[] = {&pair->server, &pair->client};
    for (int i = 0; i < 2; i++) {
        buf_free(&ends[i]->plain);
        buf_free(&ends[i]->wire);
    }
    struct mallinfo2 info = mallinfo2(); /* zeros under a sanitizer */
    return info.uordblks + info.hblkhd;
}

static void a_session_holds_no_more_after_it_carried_much(void)
{
    struct pair pair =
        pair_new((struct setup){.server = "server", .client = "client", .demands = true});
    talk(&pair, 4096);
    size_t before = bytes_held(&pair);
    static uint8_t large[300000];
    struct span bytes = span_of(large, sizeof large);
    CHECK(tls_send(pair.server.session, bytes, &pair.server.wire, &pair.server.err));
    CHECK(tls_send(pair.client.session, bytes, &pair.client.wire, &pair.client.err));
    talk(&pair, 4096);
    CHECK(pair.client.plain.len == sizeof large && pair.server.plain.len == sizeof large);
    CHECK(bytes_held(&pair) < before + 8 * 1024);
    pair_free(&pair);
}

static void the_protocol_is_agreed_in_the_servers_order(void)
{
    struct pair pair = pair_new(
        (struct setup){.server = "server", .server_alpn = both, .client_alpn = both});
    talk(&pair, 4096);
    CHECK(strcmp(tls_alpn(pair.client.session), "h2") == 0);
    CHECK(strcmp(tls_alpn(pair.server.session), "h2") == 0);
    pair_free(&pair);
    pair = pair_new((struct setup){
        .server = "server", .server_alpn = both, .client_alpn = only_http1});
    talk(&pair, 4096);
    CHECK(strcmp(tls_alpn(pair.server.session), "http/1.1") == 0);
    pair_free(&pair);
}

static void no_common_protocol_ends_the_handshake(void)
{
    struct pair pair = pair_new((struct setup){
        .server = "server", .server_alpn = both, .client_alpn = only_tunnel});
    talk(&pair, 4096);
    CHECK(pair.server.err.kind == ERR_SYNTAX);
    CHECK(!tls_is_established(pair.client.session) || pair.client.err.kind != ERR_NONE);
    pair_free(&pair);
}

/* TL-9: under TLS 1.3 the client believes in its handshake until it first reads. */
static void a_client_without_certificate_learns_it_at_its_first_read(void)
{
    struct pair pair = pair_new((struct setup){.server = "server", .demands = true});
    CHECK(move(&pair.client, &pair.server, 4096));
    CHECK(move(&pair.server, &pair.client, 4096));
    CHECK(tls_is_established(pair.client.session));
    CHECK(pair.client.err.kind == ERR_NONE);
    talk(&pair, 4096);
    CHECK(pair.server.err.kind == ERR_REFUSED);
    CHECK(pair.client.err.kind == ERR_REFUSED &&
          strcmp(pair.client.err.code, "tls_peer_refused") == 0);
    CHECK(!tls_is_established(pair.server.session));
    CHECK(pair.server.plain.len == 0);
    pair_free(&pair);
}

/* Whoever refuses says why, in words that an operator can act on. */
static void check_client_is_refused(const char *client, const char *why)
{
    struct pair pair =
        pair_new((struct setup){.server = "server", .client = client, .demands = true});
    CHECK(tls_send(pair.client.session, SPAN("GET /"), &pair.client.wire,
                   &pair.client.err));
    talk(&pair, 4096);
    CHECK(pair.server.err.kind == ERR_REFUSED && strstr(pair.server.err.text, why));
    CHECK(pair.client.err.kind == ERR_REFUSED);
    CHECK(pair.server.plain.len == 0);
    CHECK(strcmp(tls_peer_fingerprint(pair.server.session), "") == 0);
    struct err err = {0};
    CHECK(!tls_send(pair.server.session, SPAN("x"), &pair.server.wire, &err));
    pair_free(&pair);
}

static void a_client_of_another_authority_is_refused(void)
{
    check_client_is_refused("foreign-client", "unable to get local issuer");
}

static void an_expired_client_is_refused(void)
{
    check_client_is_refused("expired-client", "expired");
}

static void a_client_of_tomorrow_is_refused(void)
{
    check_client_is_refused("future-client", "not yet valid");
}

static void a_servers_certificate_is_no_clients(void)
{
    check_client_is_refused("server", "purpose");
}

static void a_client_that_signed_for_itself_is_refused(void)
{
    check_client_is_refused("foreign-ca", "self-signed");
}

static void check_server_is_refused(struct setup setup)
{
    struct pair pair = pair_new(setup);
    talk(&pair, 4096);
    CHECK(pair.client.err.kind == ERR_REFUSED);
    CHECK(strcmp(pair.client.err.code, "tls_peer_refused") == 0);
    CHECK(!tls_is_established(pair.client.session));
    pair_free(&pair);
}

static void a_server_of_another_authority_is_refused(void)
{
    check_server_is_refused((struct setup){.server = "foreign-server"});
}

static void a_server_under_another_name_is_refused(void)
{
    check_server_is_refused((struct setup){.server = "server", .host = "other.example"});
}

static void a_server_under_another_address_is_refused(void)
{
    check_server_is_refused((struct setup){.server = "server", .host = "127.0.0.2"});
}

static void an_expired_server_is_refused(void)
{
    check_server_is_refused((struct setup){.server = "expired-server"});
}

static void a_clients_certificate_is_no_servers(void)
{
    check_server_is_refused((struct setup){.server = "client"});
}

static void a_server_is_found_by_its_address_too(void)
{
    struct pair pair = pair_new((struct setup){.server = "server", .host = "127.0.0.1"});
    talk(&pair, 4096);
    CHECK(tls_is_established(pair.client.session));
    CHECK(strcmp(tls_peer_fingerprint(pair.server.session), "") == 0);
    pair_free(&pair);
}

static void garbage_breaks_the_session_for_good(void)
{
    struct pair pair = pair_new((struct setup){.server = "server"});
    struct err err = {0};
    bool closed = false;
    CHECK(!tls_receive(pair.server.session, SPAN("GET / HTTP/1.1\r\n\r\n"),
                       &pair.server.plain, &pair.server.wire, &closed, &err));
    CHECK(err.kind == ERR_SYNTAX && pair.server.plain.len == 0);
    err_clear(&err);
    CHECK(!tls_receive(pair.server.session, buf_view(&pair.client.wire),
                       &pair.server.plain, &pair.server.wire, &closed, &err));
    CHECK(err.kind == ERR_SYNTAX);
    pair_free(&pair);
}

static void a_changed_byte_breaks_the_session(void)
{
    struct pair pair = pair_new((struct setup){.server = "server"});
    talk(&pair, 4096);
    CHECK(tls_send(pair.client.session, SPAN("consent"), &pair.client.wire,
                   &pair.client.err));
    pair.client.wire.at[pair.client.wire.len - 3] ^= 1;
    talk(&pair, 4096);
    CHECK(pair.server.err.kind == ERR_SYNTAX && pair.server.plain.len == 0);
    pair_free(&pair);
}

static void a_clean_end_is_told_from_a_cut(void)
{
    struct pair pair = pair_new((struct setup){.server = "server"});
    talk(&pair, 4096);
    CHECK(
        tls_send(pair.client.session, SPAN("last"), &pair.client.wire, &pair.client.err));
    tls_finish(pair.client.session, &pair.client.wire);
    CHECK(!pair.server.is_closed);
    talk(&pair, 4096);
    CHECK(pair.server.is_closed && pair.server.err.kind == ERR_NONE);
    CHECK(span_equal(buf_view(&pair.server.plain), SPAN("last")));
    pair_free(&pair);
}

/* A foreign client, as its peer would be: OpenSSL itself with TLS 1.2 at most. */
static void tls_1_2_is_refused(void)
{
    struct err err = {0};
    struct tls_files files = files_of("server", NULL);
    struct tls_context *context = tls_server_open(&files, false, NULL, &err);
    struct tls_session *session = tls_session_new(context, NULL, &err);
    SSL_CTX *old = SSL_CTX_new(TLS_client_method());
    CHECK(SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION) == 1);
    SSL *ssl = SSL_new(old);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    char *at = NULL;
    long len = BIO_get_mem_data(SSL_get_wbio(ssl), &at);
    struct buf plain = buf_init(BYTES_MAX), wire = buf_init(BYTES_MAX);
    bool closed = false;
    CHECK(!tls_receive(session, span_of(at, (size_t)len), &plain, &wire, &closed, &err));
    CHECK(err.kind == ERR_SYNTAX);
    SSL_free(ssl);
    SSL_CTX_free(old);
    tls_session_free(session);
    tls_context_free(context);
    buf_free(&plain);
    buf_free(&wire);
}

static void check_server_does_not_open(struct tls_files files, const char *code)
{
    struct err err = {0};
    CHECK(!tls_server_open(&files, true, both, &err));
    CHECK(err.kind == ERR_SYSTEM && strcmp(err.code, code) == 0);
}

static void files_that_do_not_fit_are_refused(void)
{
    struct tls_files files = files_of("server", "ca");
    files.key_file = in_folder("client.key");
    check_server_does_not_open(files, "tls_key_unreadable");
    files = files_of("missing", "ca");
    check_server_does_not_open(files, "tls_certificate_unreadable");
    files = files_of("server", "missing");
    check_server_does_not_open(files, "tls_authority_unreadable");
    files = files_of("server", NULL);
    check_server_does_not_open(files, "tls_files_missing");
    files = files_of(NULL, "ca");
    check_server_does_not_open(files, "tls_files_missing");
}

/* A key that everybody on the machine may read is nobody's. The text says which file. */
static void a_key_that_others_may_read_is_refused(void)
{
    static const mode_t modes[] = {0604, 0620, 0602, 0640, 0600};
    struct tls_files files = files_of("server", "ca");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct err err = {0};
        CHECK(chmod(files.key_file, modes[i]) == 0);
        struct tls_context *context = tls_server_open(&files, true, both, &err);
        CHECK(context
                  ? i >= 3
                  : err.kind == ERR_REFUSED && strcmp(err.code, "file_exposed") == 0 &&
                        strstr(err.text, "server.key"));
        tls_context_free(context);
    }
}

static void a_file_that_cannot_be_read_is_named(void)
{
    struct err err = {0};
    struct tls_files files = files_of("missing", "ca");
    CHECK(!tls_server_open(&files, true, both, &err) && strstr(err.text, "missing.crt") &&
          strstr(err.text, "No such file"));
}

static void a_client_without_authority_is_refused(void)
{
    struct err err = {0};
    struct tls_files files = files_of("client", NULL);
    CHECK(!tls_client_open(&files, both, &err));
    CHECK(err.kind == ERR_SYSTEM);
}

static void check_not_issued(const char *name, const char *hosts, int days)
{
    struct err err = {0};
    char fingerprint[HASH_HEX_BYTES];
    CHECK(!tls_issue(in_folder("ca"), in_folder("never"), name, hosts, days, fingerprint,
                     &err));
    CHECK(err.kind != ERR_NONE);
    CHECK(access(in_folder("never.crt"), F_OK) != 0);
    CHECK(access(in_folder("never.key"), F_OK) != 0);
}

static void certificates_are_not_issued_for_nonsense(void)
{
    check_not_issued("centre", "localhost", 398);
    check_not_issued("centre", "localhost", 0);
    check_not_issued("centre", "localhost", -1);
    check_not_issued("", "localhost", 30);
    check_not_issued("\xE6\x82", "localhost", 30);
    check_not_issued("centre", "", 30);
    check_not_issued("centre", "localhost,", 30);
    check_not_issued("centre", "local host", 30);
    check_not_issued("centre", "localhost,email:a@b", 30);
    check_not_issued("centre", "::zz", 30);
    check_not_issued("centre", "a*b", 30);
}

static void only_an_authority_issues(void)
{
    struct err err = {0};
    char fingerprint[HASH_HEX_BYTES];
    CHECK(!tls_issue(in_folder("client"), in_folder("never"), "x", NULL, 30, fingerprint,
                     &err));
    CHECK(err.kind == ERR_SYNTAX);
    err_clear(&err);
    CHECK(!tls_issue(in_folder("nobody"), in_folder("never"), "x", NULL, 30, fingerprint,
                     &err));
    CHECK(err.kind == ERR_MISSING);
}

static void keys_are_for_their_owner_only(void)
{
    struct stat status;
    CHECK(stat(in_folder("ca.key"), &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK(stat(in_folder("client.key"), &status) == 0 && (status.st_mode & 0777) == 0600);
}

static void the_fingerprint_told_at_issue_is_the_one_the_peer_sees(void)
{
    struct err err = {0};
    char fingerprint[HASH_HEX_BYTES];
    CHECK(tls_issue(in_folder("ca"), in_folder("second"), "second", NULL, 397,
                    fingerprint, &err));
    struct pair pair =
        pair_new((struct setup){.server = "server", .client = "second", .demands = true});
    talk(&pair, 4096);
    CHECK(strcmp(tls_peer_fingerprint(pair.server.session), fingerprint) == 0);
    pair_free(&pair);
}

/* A new connection's client, of the same contexts, tells whose certificate it was shown.
 */
static void shows_to_the_next(struct pair *pair, const char *fingerprint)
{
    struct err err = {0};
    struct pair next = {.contexts = {pair->contexts[0], pair->contexts[1]}};
    next.server.session = tls_session_new(pair->contexts[0], NULL, &err);
    next.client.session = tls_session_new(pair->contexts[1], "localhost", &err);
    next.server.plain = buf_init(BYTES_MAX);
    next.server.wire = buf_init(BYTES_MAX);
    next.client.plain = buf_init(BYTES_MAX);
    next.client.wire = buf_init(BYTES_MAX);
    CHECK(tls_start(next.client.session, &next.client.wire, &next.client.err));
    talk(&next, 4096);
    CHECK(tls_is_established(next.server.session));
    CHECK(strcmp(tls_peer_fingerprint(next.client.session), fingerprint) == 0);
    CHECK(strcmp(tls_alpn(next.client.session), "h2") == 0);
    CHECK(strcmp(tls_peer_name(next.server.session), "紬診療所") == 0);
    next.contexts[0] = next.contexts[1] = NULL;
    pair_free(&next);
}

static void passes(struct pair *pair, const char *word)
{
    struct err err = {0};
    CHECK(tls_send(pair->server.session, span_cstr(word), &pair->server.wire, &err));
    talk(pair, 4096);
    CHECK(pair->client.plain.len == strlen(word) &&
          memcmp(pair->client.plain.at, word, strlen(word)) == 0);
    buf_reset(&pair->client.plain);
}

static void a_renewed_certificate_is_shown_to_the_next_and_cuts_nobody(void)
{
    struct err err = {0};
    char before[HASH_HEX_BYTES], renewed[HASH_HEX_BYTES];
    CHECK(tls_issue(in_folder("ca"), in_folder("renewed"), "localhost", "localhost", 397,
                    renewed, &err));
    struct pair pair = pair_new((struct setup){.server = "server",
                                               .client = "client",
                                               .demands = true,
                                               .server_alpn = both,
                                               .client_alpn = both});
    talk(&pair, 4096);
    snprintf(before, sizeof before, "%s", tls_peer_fingerprint(pair.client.session));
    CHECK(strcmp(before, renewed) != 0);
    struct tls_files missing = files_of("nobody", "ca");
    CHECK(!tls_server_renew(pair.contexts[0], &missing, &err));
    CHECK(strcmp(err.code, "tls_certificate_unreadable") == 0);
    shows_to_the_next(&pair, before);
    struct tls_files files = files_of("renewed", "ca");
    CHECK(tls_server_renew(pair.contexts[0], &files, &err));
    shows_to_the_next(&pair, renewed);
    passes(&pair, "as before");
    CHECK(strcmp(tls_peer_fingerprint(pair.client.session), before) == 0);
    pair_free(&pair);
}

/* ---- the network of the tests ---- */

/* As openssl(1) and with it other programs read it. */
static bool openssl_reads(const char *bundle, const char *password)
{
    char pass[64];
    snprintf(pass, sizeof pass, "pass:%s", password);
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execlp("openssl", "openssl", "pkcs12", "-noout", "-in", bundle, "-passin", pass,
               (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void a_bundle_opens_with_its_password_only(void)
{
    struct err err = {0};
    CHECK(tls_write_bundle(in_folder("client"), "asagiri", &err));
    CHECK(openssl_reads(in_folder("client.p12"), "asagiri"));
    CHECK(!openssl_reads(in_folder("client.p12"), "yuunagi"));
    CHECK(!tls_write_bundle(in_folder("nobody"), "asagiri", &err));
    CHECK(unlink(in_folder("client.p12")) == 0);
}

static void issue(const char *authority, const char *prefix, const char *name,
                  const char *hosts)
{
    struct err err = {0};
    char fingerprint[HASH_HEX_BYTES];
    CHECK(tls_issue(in_folder(authority), in_folder(prefix), name, hosts, 30, fingerprint,
                    &err));
}

/* Signs an issued certificate again with other dates. */
static void shift(const char *name, long from_s, long to_s)
{
    char file[64];
    snprintf(file, sizeof file, "%s.crt", name);
    FILE *in = fopen(in_folder(file), "r");
    X509 *certificate = PEM_read_X509(in, NULL, NULL, NULL);
    fclose(in);
    in = fopen(in_folder("ca.key"), "r");
    EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
    fclose(in);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate), from_s) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate), to_s) != NULL);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *out = fopen(in_folder(file), "w");
    PEM_write_X509(out, certificate);
    fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void found_the_networks(void)
{
    struct err err = {0};
    snprintf(folder, sizeof folder, "/tmp/tsumugi-tls-%ld", (long)getpid());
    CHECK(path_make_directory(folder, &err));
    CHECK(tls_make_authority(in_folder("ca"), "Tsumugi test authority", &err));
    CHECK(tls_make_authority(in_folder("foreign-ca"), "Somebody else", &err));
    issue("ca", "server", "centre", "localhost, 127.0.0.1,::1");
    issue("ca", "client", "紬診療所", NULL);
    issue("foreign-ca", "foreign-client", "clinic", NULL);
    issue("foreign-ca", "foreign-server", "centre", "localhost");
    issue("ca", "expired-client", "clinic", NULL);
    shift("expired-client", -7200, -3600);
    issue("ca", "future-client", "clinic", NULL);
    shift("future-client", 86400, 172800);
    issue("ca", "expired-server", "centre", "localhost");
    shift("expired-server", -7200, -3600);
}

static void remove_folder(void)
{
    static const char *const prefixes[] = {"ca",
                                           "foreign-ca",
                                           "server",
                                           "client",
                                           "second",
                                           "renewed",
                                           "foreign-client",
                                           "foreign-server",
                                           "expired-client",
                                           "future-client",
                                           "expired-server"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.crt", prefixes[i]);
        unlink(in_folder(name));
        snprintf(name, sizeof name, "%s.key", prefixes[i]);
        unlink(in_folder(name));
    }
    CHECK(rmdir(folder) == 0);
}

int main(void)
{
    RUN(found_the_networks);
    RUN(both_sides_know_each_other_under_mutual_tls);
    RUN(bytes_arrive_whole_when_the_wire_gives_one_at_a_time);
    RUN(a_large_body_passes_both_ways);
    RUN(a_session_holds_no_more_after_it_carried_much);
    RUN(the_protocol_is_agreed_in_the_servers_order);
    RUN(no_common_protocol_ends_the_handshake);
    RUN(a_client_without_certificate_learns_it_at_its_first_read);
    RUN(a_client_of_another_authority_is_refused);
    RUN(an_expired_client_is_refused);
    RUN(a_client_of_tomorrow_is_refused);
    RUN(a_servers_certificate_is_no_clients);
    RUN(a_client_that_signed_for_itself_is_refused);
    RUN(a_server_of_another_authority_is_refused);
    RUN(a_server_under_another_name_is_refused);
    RUN(a_server_under_another_address_is_refused);
    RUN(an_expired_server_is_refused);
    RUN(a_clients_certificate_is_no_servers);
    RUN(a_server_is_found_by_its_address_too);
    RUN(a_renewed_certificate_is_shown_to_the_next_and_cuts_nobody);
    RUN(garbage_breaks_the_session_for_good);
    RUN(a_changed_byte_breaks_the_session);
    RUN(a_clean_end_is_told_from_a_cut);
    RUN(tls_1_2_is_refused);
    RUN(files_that_do_not_fit_are_refused);
    RUN(a_key_that_others_may_read_is_refused);
    RUN(a_file_that_cannot_be_read_is_named);
    RUN(a_client_without_authority_is_refused);
    RUN(certificates_are_not_issued_for_nonsense);
    RUN(only_an_authority_issues);
    RUN(a_bundle_opens_with_its_password_only);
    RUN(keys_are_for_their_owner_only);
    RUN(the_fingerprint_told_at_issue_is_the_one_the_peer_sees);
    RUN(remove_folder);
    return test_done();
}
