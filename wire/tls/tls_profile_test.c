// SPDX-License-Identifier: Apache-2.0
/* What our server agrees to, tried by a client that would agree to nearly anything:
 * versions, suites, groups, weak keys and signatures, resumption, renegotiation
 * (requirements TL-1 to TL-6), on a machine whose openssl.cnf allows nearly anything. */
#include "wire/tls/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/test.h"

enum { BYTES_MAX = 1 << 20 };

static char folder[] = "/tmp/tls_profile_XXXXXX";
static char authority_file[80], certificate_file[80], key_file[80];
static char client_certificate[80], client_key[80];
static char authority_key_file[80];

/* Before anything of OpenSSL is called, which reads it once. */
static void make_machine_lax(void)
{
    static const char lax[] = "openssl_conf = all\n[all]\nssl_conf = tls\n"
                              "[tls]\nsystem_default = lax\n"
                              "[lax]\nMinProtocol = TLSv1\n"
                              "CipherString = ALL:@SECLEVEL=0\n"
                              "Ciphersuites = TLS_AES_128_CCM_8_SHA256:"
                              "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\n";
    struct err err = {0};
    char name[80];
    CHECK(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/openssl.cnf", folder);
    CHECK(path_write_file(name, span_cstr(lax), &err));
    CHECK(setenv("OPENSSL_CONF", name, 1) == 0);
}

static void make_files(void)
{
    struct err err = {0};
    char authority[64], server[64], client[64], fingerprint[HASH_HEX_BYTES];
    snprintf(authority, sizeof authority, "%s/ca", folder);
    snprintf(server, sizeof server, "%s/server", folder);
    snprintf(client, sizeof client, "%s/client", folder);
    CHECK(tls_make_authority(authority, "profile", &err));
    CHECK(tls_issue(authority, server, "centre", "localhost", 30, fingerprint, &err));
    CHECK(tls_issue(authority, client, "clinic", NULL, 30, fingerprint, &err));
    snprintf(authority_file, sizeof authority_file, "%s.crt", authority);
    snprintf(certificate_file, sizeof certificate_file, "%s.crt", server);
    snprintf(key_file, sizeof key_file, "%s.key", server);
    snprintf(client_certificate, sizeof client_certificate, "%s.crt", client);
    snprintf(client_key, sizeof client_key, "%s.key", client);
    snprintf(authority_key_file, sizeof authority_key_file, "%s.key", authority);
}

static void remove_files(void)
{
    static const char *const names[] = {"ca.crt",     "ca.key",     "server.crt",
                                        "server.key", "client.crt", "client.key",
                                        "openssl.cnf"};
    char name[80];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        unlink(name);
    }
    CHECK(rmdir(folder) == 0);
}

/* ---- a client of OpenSSL's own against a session of ours ---- */

struct meeting {
    struct tls_context *context;
    struct tls_session *server;
    SSL_CTX *client_context;
    SSL *client;
    struct buf plain;
    struct buf wire;
    struct err err; /* of the server */
    bool has_failed;
    int ticket_count;
};

static int note_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)session;
    struct meeting *meeting = SSL_get_app_data(ssl);
    meeting->ticket_count++;
    return 0;
}

static void meeting_begin(struct meeting *meeting, void (*adjust)(SSL_CTX *context))
{
    struct err err = {0};
    struct tls_files files = {certificate_file, key_file, authority_file};
    *meeting =
        (struct meeting){.plain = buf_init(BYTES_MAX), .wire = buf_init(BYTES_MAX)};
    meeting->context = tls_server_open(&files, true, NULL, &err);
    meeting->server = tls_session_new(meeting->context, NULL, &err);
    meeting->client_context = SSL_CTX_new(TLS_client_method());
    CHECK(meeting->server && meeting->client_context);
    SSL_CTX_use_certificate_chain_file(meeting->client_context, client_certificate);
    SSL_CTX_use_PrivateKey_file(meeting->client_context, client_key, SSL_FILETYPE_PEM);
    SSL_CTX_set_session_cache_mode(meeting->client_context, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(meeting->client_context, note_ticket);
    if (adjust)
        adjust(meeting->client_context);
    meeting->client = SSL_new(meeting->client_context);
    SSL_set_app_data(meeting->client, meeting);
    SSL_set_bio(meeting->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(meeting->client), -1);
    SSL_set_connect_state(meeting->client);
}

static void meeting_end(struct meeting *meeting)
{
    SSL_free(meeting->client);
    SSL_CTX_free(meeting->client_context);
    tls_session_free(meeting->server);
    tls_context_free(meeting->context);
    buf_free(&meeting->plain);
    buf_free(&meeting->wire);
    ERR_clear_error();
}

/* What each has said goes to the other, until both are silent. */
static void talk(struct meeting *meeting)
{
    for (int round = 0; round < 20; round++) {
        char byte = 0;
        SSL_read(meeting->client, &byte, 1);
        char *at = NULL;
        BIO *from_client = SSL_get_wbio(meeting->client);
        long len = BIO_get_mem_data(from_client, &at);
        bool closed = false;
        if (len <= 0 || meeting->has_failed)
            return;
        /* the error queue belongs to a thread: what another session left there is not
         * to be taken for this one's */
        ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
        meeting->has_failed =
            !tls_receive(meeting->server, span_of(at, (size_t)len), &meeting->plain,
                         &meeting->wire, &closed, &meeting->err);
        ERR_clear_error();
        (void)BIO_reset(from_client);
        BIO_write(SSL_get_rbio(meeting->client), meeting->wire.at,
                  (int)meeting->wire.len);
        buf_reset(&meeting->wire);
    }
}

static bool is_agreed(void (*adjust)(SSL_CTX *context))
{
    struct meeting meeting;
    meeting_begin(&meeting, adjust);
    talk(&meeting);
    bool is_agreed = !meeting.has_failed && tls_is_established(meeting.server) &&
                     SSL_is_init_finished(meeting.client);
    CHECK(is_agreed == !meeting.has_failed);
    meeting_end(&meeting);
    return is_agreed;
}

/* ---- what the client insists on ---- */

static void only_1_0(SSL_CTX *context)
{
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_VERSION);
}

static void only_1_2(SSL_CTX *context)
{
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
}

static void any_version(SSL_CTX *context)
{
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
}

static void only_ccm_8(SSL_CTX *context)
{
    CHECK(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_CCM_8_SHA256") == 1);
}

static void only_chacha(SSL_CTX *context)
{
    CHECK(SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256") == 1);
}

static void only_p521(SSL_CTX *context)
{
    CHECK(SSL_CTX_set1_groups_list(context, "P-521") == 1);
}

static void only_ffdhe(SSL_CTX *context)
{
    CHECK(SSL_CTX_set1_groups_list(context, "ffdhe2048") == 1);
}

static void p256_after_another_guess(SSL_CTX *context)
{
    CHECK(SSL_CTX_set1_groups_list(context, "P-521:P-256") == 1);
}

static EVP_PKEY *read_key(const char *name)
{
    BIO *file = BIO_new_file(name, "r");
    EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    BIO_free(file);
    return key;
}

/* The client's own certificate, signed anew by its authority: with another digest, or
 * (bits > 0) for another key. */
static void show_instead(SSL_CTX *context, const EVP_MD *digest, unsigned bits)
{
    BIO *file = BIO_new_file(client_certificate, "r");
    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    EVP_PKEY *key = bits > 0 ? EVP_RSA_gen(bits) : read_key(client_key);
    EVP_PKEY *authority_key = read_key(authority_key_file);
    SSL_CTX_set_security_level(context, 0);
    CHECK(X509_set_pubkey(certificate, key) == 1);
    CHECK(X509_sign(certificate, authority_key, digest) > 0);
    CHECK(SSL_CTX_use_certificate(context, certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
    /* else it would show the former one, which it still has */
    CHECK(bits == 0 ||
          SSL_CTX_set1_client_sigalgs_list(context, "rsa_pss_rsae_sha256") == 1);
    EVP_PKEY_free(authority_key);
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(file);
}

static void rsa_2048(SSL_CTX *context)
{
    show_instead(context, EVP_sha256(), 2048);
}

static void rsa_1024(SSL_CTX *context)
{
    show_instead(context, EVP_sha256(), 1024);
}

static void signed_by_sha_1(SSL_CTX *context)
{
    show_instead(context, EVP_sha1(), 0);
}

static void weak_keys_and_signatures_are_refused(void)
{
    CHECK(is_agreed(rsa_2048));
    CHECK(!is_agreed(rsa_1024));
    CHECK(!is_agreed(signed_by_sha_1));
}

static void only_1_3_is_spoken(void)
{
    CHECK(is_agreed(NULL));
    CHECK(is_agreed(any_version));
    CHECK(!is_agreed(only_1_2) && !is_agreed(only_1_0));
}

static void only_the_suites_and_groups_of_the_profile_are_agreed(void)
{
    CHECK(is_agreed(only_chacha) && is_agreed(p256_after_another_guess));
    CHECK(!is_agreed(only_ccm_8));
    CHECK(!is_agreed(only_p521) && !is_agreed(only_ffdhe));
}

/* A resumed session would carry an old verdict about a certificate on (TL-6). */
static void nothing_is_given_out_to_resume_with(void)
{
    struct meeting meeting;
    meeting_begin(&meeting, NULL);
    talk(&meeting);
    CHECK(tls_send(meeting.server, SPAN("first answer"), &meeting.wire, &meeting.err));
    BIO_write(SSL_get_rbio(meeting.client), meeting.wire.at, (int)meeting.wire.len);
    buf_reset(&meeting.wire);
    char bytes[64];
    CHECK(SSL_read(meeting.client, bytes, sizeof bytes) == 12);
    CHECK(meeting.ticket_count == 0);
    CHECK(!SSL_SESSION_is_resumable(SSL_get0_session(meeting.client)));
    CHECK(SSL_SESSION_get_max_early_data(SSL_get0_session(meeting.client)) == 0);
    meeting_end(&meeting);
}

/* New keys are part of 1.3; after them the peer is who it was. */
static void keys_may_be_renewed_and_nothing_be_renegotiated(void)
{
    struct meeting meeting;
    meeting_begin(&meeting, NULL);
    talk(&meeting);
    char before[HASH_HEX_BYTES];
    snprintf(before, sizeof before, "%s", tls_peer_fingerprint(meeting.server));
    CHECK(strlen(before) == 64);
    for (int i = 0; i < 3; i++) {
        CHECK(SSL_key_update(meeting.client, SSL_KEY_UPDATE_REQUESTED) == 1);
        CHECK(SSL_write(meeting.client, "more", 4) == 4);
        talk(&meeting);
    }
    CHECK(SSL_write(meeting.client, "last", 4) == 4);
    talk(&meeting);
    CHECK(!meeting.has_failed);
    CHECK(span_is(buf_view(&meeting.plain), "moremoremorelast"));
    CHECK(strcmp(before, tls_peer_fingerprint(meeting.server)) == 0);
    CHECK(SSL_renegotiate(meeting.client) != 1);
    meeting_end(&meeting);
}

int main(void)
{
    make_machine_lax();
    make_files();
    RUN(only_1_3_is_spoken);
    RUN(only_the_suites_and_groups_of_the_profile_are_agreed);
    RUN(weak_keys_and_signatures_are_refused);
    RUN(nothing_is_given_out_to_resume_with);
    RUN(keys_may_be_renewed_and_nothing_be_renegotiated);
    remove_files();
    return test_done();
}
