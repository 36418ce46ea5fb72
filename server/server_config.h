// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Private to server/: its configuration. */

#include "base/hash.h"
#include "base/secret.h"
#include "base/text.h"
#include "wire/tls/tls.h"

struct server_listener {
    const char *address;
    uint16_t port;
    bool has_tls;
    struct tls_files files;
};

struct server_config {
    const char *data;     /* directory: centre.db, audit/, keys/ */
    const char *database; /* where the store is; NULL = centre.db below data */
    const char *keys;     /* directory of the keys; NULL = keys below data */
    const char *node;     /* name of this process's audit series */
    struct server_listener browsers;
    struct server_listener gateways;
    struct server_listener metrics; /* plain, loopback; address NULL = none */
    const char *backup_key; /* file that `tsumugi backup` seals with; may be NULL */
    bool is_demo;           /* loopback, plain HTTP, synthetic data only */
    int workers;
    int connections; /* of browsers, at once: all, and from one address */
    int connections_per_address;
};

/* Names live in the arena. ERR_SYNTAX config_*. A listener without TLS is accepted only
 * with is_demo and on a loopback address. */
MUST_CHECK bool server_read_config(const char *file, struct arena *arena,
                                   struct server_config *config, struct err *err);

/* The newest record of the office's series ("<node>-admin") becomes a head in the
 * server's own chain, whose heads the gateways keep: so the office's cannot be cut or
 * written anew unseen. `known` is the number kept last, 0 at first; a series that is not
 * there is fine. */
struct audit;
MUST_CHECK bool server_keep_office_head(struct audit *audit, const char *data,
                                        const char *node, uint64_t *known,
                                        struct err *err);

/* The centre's own secrets in `keys` or below data/keys, made at the first start: the key
 * that makes entry ids and the key that signs grants (its public half is written beside
 * it, in hex, for the gateways' configuration). */
struct server_keys {
    struct hash ids;
    struct secret_signing_key signing;
    struct secret_public_key public;
};
MUST_CHECK bool server_open_keys(const char *data, const char *directory,
                                 struct server_keys *keys, struct err *err);
