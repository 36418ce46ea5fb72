// SPDX-License-Identifier: Apache-2.0
#include "wire/http/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "wire/loop/loop.h"
#include "wire/tls/tls.h"

enum {
    READ_BYTES = 64 * 1024,
    READS_PER_TURN = 2, /* then others get theirs */
    QUEUE_MAX_BYTES = 16 * 1024 * 1024,
    LINGER_MS = 2000,
    FINISH_STALL_MS = 10000,
    PROXY_HEAD_BYTES_MAX = 8 * 1024
};

enum state {
    STATE_CONNECTING,
    STATE_ASKING_PROXY,
    STATE_SHAKING, /* or waiting for `established` to be posted */
    STATE_OPEN,
    STATE_FINISHING, /* sends what is queued; what comes is thrown away */
    STATE_LINGERING, /* waits for the peer's end */
    STATE_CLOSED
};

struct http_connection {
    struct loop *loop;
    struct loop_watch *watch;
    struct loop_timer *deadline;
    struct loop_timer *stall;
    int stall_ms;
    int fd;
    enum state state;
    struct tls_session *tls; /* NULL = plain */
    const struct http_connection_events *events;
    void *self;
    void (*gone)(void *counter);
    void *counter;
    struct http_peer peer;
    struct buf unread; /* while a proxy is asked: its answer's head */
    struct buf queue;
    struct buf proxy_request; /* empty = no proxy */
    size_t queue_sent;        /* bytes at the front of the queue the socket has taken */
    int64_t moved_ms;         /* see http_connection_waits_since */
    bool owes;
    bool was_above_low;
    bool has_peer_ended;
    struct err reason;
    struct loop_stray stray; /* while it ends in order */
};

static void on_ready(void *context, unsigned events);
static void take_in(struct http_connection *connection, struct span bytes);
static void on_deadline(void *context);
static void on_stall(void *context);

/* ---- the end ---- */

/* Everything posted before has run by now, and nothing was posted since. */
static void closed_later(void *context)
{
    struct http_connection *connection = context;
    connection->events->closed(connection->self, &connection->reason);
    if (connection->gone)
        connection->gone(connection->counter);
    tls_session_free(connection->tls);
    buf_free(&connection->unread);
    buf_free(&connection->queue);
    buf_free(&connection->proxy_request);
    memory_free(connection);
}

static void close_now(struct http_connection *connection, bool is_cut)
{
    if (connection->state == STATE_CLOSED)
        return;
    connection->state = STATE_CLOSED;
    loop_forget_stray(&connection->stray);
    loop_unwatch(connection->watch);
    loop_timer_free(connection->deadline);
    loop_timer_free(connection->stall);
    if (is_cut) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(connection->fd);
    loop_post(connection->loop, closed_later, connection);
}

static void close_for(struct http_connection *connection, enum err_kind kind,
                      const char *code)
{
    if (connection->state == STATE_CLOSED)
        return;
    if (connection->reason.kind == ERR_NONE)
        err_set(&connection->reason, kind, code, "%s", code);
    close_now(connection, true);
}

/* The loop runs no more: nobody sees the end through. */
static void end_stray(void *context)
{
    close_now(context, true);
}

void http_connection_close(struct http_connection *connection)
{
    close_now(connection, true);
}

/* ---- whose turn it is ---- */

static int64_t now_ms(void)
{
    struct clock clock = clock_system();
    return clock_monotonic_ms(&clock);
}

void http_connection_owe(struct http_connection *connection, bool owes)
{
    if (connection->owes && !owes)
        connection->moved_ms = now_ms();
    connection->owes = owes;
}

int64_t http_connection_waits_since(const struct http_connection *connection)
{
    bool is_ours = connection->owes && http_connection_queued(connection) == 0;
    return is_ours ? INT64_MAX : connection->moved_ms;
}

/* ---- what the loop is asked for ---- */

size_t http_connection_queued(const struct http_connection *connection)
{
    return connection->queue.len - connection->queue_sent;
}

static void update_events(struct http_connection *connection)
{
    if (connection->state == STATE_CLOSED)
        return;
    bool is_discarding = connection->state >= STATE_FINISHING;
    bool reads = connection->state != STATE_CONNECTING && !connection->has_peer_ended &&
                 (is_discarding || connection->unread.len < HTTP_CONNECTION_UNREAD_BYTES);
    bool writes =
        connection->state == STATE_CONNECTING || http_connection_queued(connection) > 0;
    loop_watch_change(connection->watch, (reads ? (unsigned)LOOP_READABLE : 0) |
                                             (writes ? (unsigned)LOOP_WRITABLE : 0));
}

/* ---- sending ---- */

static void finish_sending(struct http_connection *connection)
{
    if (connection->has_peer_ended) {
        close_now(connection, false);
        return;
    }
    connection->state = STATE_LINGERING;
    shutdown(connection->fd, SHUT_WR);
    loop_timer_set(connection->stall, -1);
    loop_timer_set(connection->deadline, LINGER_MS);
}

static void queue_is_empty(struct http_connection *connection)
{
    /* an idle connection keeps no buffers */
    buf_free(&connection->queue);
    connection->queue_sent = 0;
    loop_timer_set(connection->stall, -1);
    if (connection->state == STATE_FINISHING)
        finish_sending(connection);
}

static void send_queue(struct http_connection *connection)
{
    size_t left = http_connection_queued(connection);
    if (left == 0 || connection->state == STATE_CONNECTING)
        return;
    ssize_t sent = send(connection->fd, connection->queue.at + connection->queue_sent,
                        left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (sent <= 0) {
        close_for(connection, ERR_BUSY, "peer_gone");
        return;
    }
    connection->queue_sent += (size_t)sent;
    connection->moved_ms = now_ms();
    if ((size_t)sent == left) {
        queue_is_empty(connection);
        return;
    }
    loop_timer_set(connection->stall, connection->stall_ms);
    if (connection->queue_sent > connection->queue.len / 2) {
        buf_drop(&connection->queue, connection->queue_sent);
        connection->queue_sent = 0;
    }
}

static bool encrypt(struct http_connection *connection, struct span bytes)
{
    enum { RECORD_BYTES = 16 * 1024, RECORD_MORE_BYTES = 32 };
    struct err err = {0};
    buf_reserve(&connection->queue,
                bytes.len + (bytes.len / RECORD_BYTES + 1) * RECORD_MORE_BYTES);
    if (!connection->tls) {
        buf_span(&connection->queue, bytes);
        return buf_check(&connection->queue, &err);
    }
    return tls_send(connection->tls, bytes, &connection->queue, &err);
}

static bool encrypt_all(struct http_connection *connection, const struct span *parts,
                        size_t count)
{
    bool is_fine = true;
    for (size_t i = 0; is_fine && i < count; i++)
        is_fine = parts[i].len == 0 || encrypt(connection, parts[i]);
    return is_fine;
}

void http_connection_write_parts(struct http_connection *connection,
                                 const struct span *parts, size_t count)
{
    if (connection->state >= STATE_FINISHING)
        return;
    bool was_empty = http_connection_queued(connection) == 0;
    if (!encrypt_all(connection, parts, count)) {
        close_for(connection, ERR_LIMIT, "queue_full");
        return;
    }
    if (was_empty && connection->state != STATE_CONNECTING) {
        loop_timer_set(connection->stall, connection->stall_ms);
        send_queue(connection);
    }
    if (http_connection_queued(connection) > HTTP_CONNECTION_LOW_BYTES)
        connection->was_above_low = true;
    update_events(connection);
}

void http_connection_write(struct http_connection *connection, struct span bytes)
{
    if (bytes.len > 0)
        http_connection_write_parts(connection, &bytes, 1);
}

static void tell_drained(struct http_connection *connection)
{
    if (!connection->was_above_low || connection->state != STATE_OPEN ||
        http_connection_queued(connection) > HTTP_CONNECTION_LOW_BYTES)
        return;
    connection->was_above_low = false;
    if (connection->events->drained)
        connection->events->drained(connection->self);
}

void http_connection_finish(struct http_connection *connection)
{
    if (connection->state >= STATE_FINISHING)
        return;
    if (connection->state <= STATE_ASKING_PROXY) {
        close_now(connection, true);
        return;
    }
    connection->state = STATE_FINISHING;
    connection->stray = (struct loop_stray){.end = end_stray, .context = connection};
    loop_keep_stray(connection->loop, &connection->stray);
    http_connection_owe(connection, false);
    buf_free(&connection->unread);
    loop_timer_set(connection->deadline, -1);
    bool was_empty = http_connection_queued(connection) == 0;
    if (connection->tls)
        tls_finish(connection->tls, &connection->queue);
    if (connection->stall_ms < 0)
        connection->stall_ms = FINISH_STALL_MS;
    if (http_connection_queued(connection) == 0) {
        queue_is_empty(connection);
    } else {
        loop_timer_set(connection->stall, connection->stall_ms);
        if (was_empty)
            send_queue(connection);
    }
    update_events(connection);
}

/* ---- receiving ---- */

static void offer(struct http_connection *connection)
{
    while (connection->state == STATE_OPEN && connection->unread.len > 0) {
        size_t used =
            connection->events->received(connection->self, buf_view(&connection->unread));
        if (used == 0)
            break;
        /* finish within `received` has emptied it */
        if (used < connection->unread.len)
            buf_drop(&connection->unread, used);
        else
            buf_free(&connection->unread);
    }
}

static void establish(struct http_connection *connection)
{
    connection->state = STATE_OPEN;
    if (connection->tls)
        snprintf(connection->peer.fingerprint, sizeof connection->peer.fingerprint, "%s",
                 tls_peer_fingerprint(connection->tls));
    if (connection->events->established)
        connection->events->established(connection->self);
}

static void peer_ended(struct http_connection *connection)
{
    if (connection->has_peer_ended || connection->state == STATE_CLOSED)
        return;
    connection->has_peer_ended = true;
    if (connection->state == STATE_LINGERING) {
        close_now(connection, false);
    } else if (connection->state == STATE_ASKING_PROXY) {
        close_for(connection, ERR_BUSY, "proxy_refused");
    } else if (connection->state == STATE_SHAKING) {
        close_for(connection, ERR_BUSY, "peer_gone");
    } else if (connection->state == STATE_OPEN) {
        if (connection->events->ended)
            connection->events->ended(connection->self);
        else
            http_connection_finish(connection);
    }
}

/* The alert that says why is still to go out, so the end is orderly. */
static void tls_failed(struct http_connection *connection, const struct err *err)
{
    if (connection->state == STATE_CLOSED)
        return;
    if (connection->reason.kind == ERR_NONE)
        connection->reason = *err;
    send_queue(connection);
    http_connection_finish(connection);
}

static void start_tls(struct http_connection *connection)
{
    struct err err = {0};
    connection->state = STATE_SHAKING;
    if (!tls_start(connection->tls, &connection->queue, &err))
        tls_failed(connection, &err);
    else
        send_queue(connection);
}

/* ---- a proxy on the way ---- */

/* "HTTP/1.1 200 …": the number, 0 when it is no such line. */
static uint64_t read_status(struct span head)
{
    struct span version = {0};
    uint64_t status = 0;
    bool is_http = span_starts(head, "HTTP/1.") && span_take(&head, ' ', &version) &&
                   head.len >= 3 && span_uint(span_part(head, 0, 3), 999, &status);
    return is_http ? status : 0;
}

/* Bytes of the handshake may stand right behind the head. */
static void take_proxy(struct http_connection *connection, struct span bytes)
{
    static const char end[] = "\r\n\r\n";
    buf_span(&connection->unread, bytes);
    struct span all = buf_view(&connection->unread);
    const uint8_t *at = all.len ? memmem(all.at, all.len, end, strlen(end)) : NULL;
    if (!at && all.len < PROXY_HEAD_BYTES_MAX)
        return;
    uint64_t status = at ? read_status(all) : 0;
    if (status == 407)
        close_for(connection, ERR_BUSY, "proxy_authentication");
    else if (status < 200 || status > 599)
        close_for(connection, ERR_BUSY, "proxy_unclear");
    else if (status >= 300)
        close_for(connection, ERR_BUSY, "proxy_refused");
    if (connection->state == STATE_CLOSED)
        return;
    CLEANUP(buf_free) struct buf rest = connection->unread;
    connection->unread = buf_init(4 * HTTP_CONNECTION_UNREAD_BYTES);
    buf_drop(&rest, (size_t)(at - all.at) + strlen(end));
    start_tls(connection);
    if (rest.len > 0)
        take_in(connection, buf_view(&rest));
}

static void take_in(struct http_connection *connection, struct span bytes)
{
    struct err err = {0};
    bool is_closed = false;
    if (connection->state >= STATE_FINISHING)
        return;
    if (connection->state == STATE_ASKING_PROXY) {
        take_proxy(connection, bytes);
        return;
    }
    buf_reserve(&connection->unread, bytes.len);
    if (!connection->tls) {
        buf_span(&connection->unread, bytes);
        if (!buf_check(&connection->unread, &err))
            close_for(connection, ERR_BUSY, "memory_short");
    } else if (!tls_receive(connection->tls, bytes, &connection->unread,
                            &connection->queue, &is_closed, &err)) {
        tls_failed(connection, &err);
        return;
    } else {
        send_queue(connection);
        if (connection->state == STATE_SHAKING && tls_is_established(connection->tls))
            establish(connection);
    }
    offer(connection);
    if (is_closed)
        peer_ended(connection);
}

static void read_socket(struct http_connection *connection)
{
    uint8_t bytes[READ_BYTES];
    for (int i = 0; i < READS_PER_TURN; i++) {
        if (connection->state == STATE_CLOSED || connection->has_peer_ended ||
            connection->unread.len >= HTTP_CONNECTION_UNREAD_BYTES)
            return;
        ssize_t len = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (len < 0) {
            close_for(connection, ERR_BUSY, "peer_gone");
        } else if (len > 0) {
            take_in(connection, span_of(bytes, (size_t)len));
        } else if (connection->tls && connection->state == STATE_OPEN) {
            /* without close_notify nobody knows whether it was the peer's end */
            close_for(connection, ERR_BUSY, "peer_cut");
        } else {
            peer_ended(connection);
        }
        if (len < (ssize_t)sizeof bytes)
            return;
    }
}

static void again_later(void *context)
{
    struct http_connection *connection = context;
    offer(connection);
    update_events(connection);
}

void http_connection_again(struct http_connection *connection)
{
    if (connection->state == STATE_OPEN)
        loop_post(connection->loop, again_later, connection);
}

void http_connection_use(struct http_connection *connection,
                         const struct http_connection_events *events, void *self)
{
    connection->events = events;
    connection->self = self;
    http_connection_again(connection);
}

void http_connection_on_gone(struct http_connection *connection,
                             void (*gone)(void *counter), void *counter)
{
    connection->gone = gone;
    connection->counter = counter;
}

/* ---- events of the loop ---- */

static void connected(struct http_connection *connection)
{
    int failure = 0;
    socklen_t len = sizeof failure;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &failure, &len);
    if (failure != 0) {
        close_for(connection, ERR_BUSY, "peer_unreachable");
        return;
    }
    if (connection->proxy_request.len > 0) {
        connection->state = STATE_ASKING_PROXY;
        buf_span(&connection->queue, buf_view(&connection->proxy_request));
        send_queue(connection);
        return;
    }
    if (connection->tls) {
        start_tls(connection);
        return;
    }
    establish(connection);
    send_queue(connection);
}

static void on_ready(void *context, unsigned events)
{
    struct http_connection *connection = context;
    if (connection->state == STATE_CONNECTING) {
        connected(connection);
        update_events(connection);
        return;
    }
    if (events & LOOP_WRITABLE)
        send_queue(connection);
    tell_drained(connection);
    if (events & LOOP_READABLE)
        read_socket(connection);
    else if (events & LOOP_HANGUP)
        close_for(connection, ERR_BUSY, "peer_gone");
    update_events(connection);
}

static void on_deadline(void *context)
{
    struct http_connection *connection = context;
    if (connection->state == STATE_LINGERING)
        close_now(connection, false);
    else if (connection->events->expired)
        connection->events->expired(connection->self);
    else
        close_for(connection, ERR_BUSY, "deadline_passed");
    update_events(connection);
}

static void on_stall(void *context)
{
    close_for(context, ERR_BUSY, "peer_stalled");
}

void http_connection_deadline(struct http_connection *connection, int after_ms)
{
    if (connection->state < STATE_FINISHING)
        loop_timer_set(connection->deadline, after_ms);
}

void http_connection_stall(struct http_connection *connection, int after_ms)
{
    if (connection->state == STATE_CLOSED)
        return;
    connection->stall_ms = after_ms;
    if (http_connection_queued(connection) > 0)
        loop_timer_set(connection->stall, after_ms);
}

/* ---- making ---- */

static void write_address(const struct sockaddr_storage *at,
                          char address[HTTP_ADDRESS_BYTES])
{
    const struct sockaddr_in *four = (const void *)at;
    const struct sockaddr_in6 *six = (const void *)at;
    if (at->ss_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, address, HTTP_ADDRESS_BYTES);
    else if (at->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], address, HTTP_ADDRESS_BYTES);
    else if (at->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, address, HTTP_ADDRESS_BYTES);
}

static bool is_loopback(const struct sockaddr_storage *at)
{
    const struct sockaddr_in *four = (const void *)at;
    const struct sockaddr_in6 *six = (const void *)at;
    if (at->ss_family == AF_INET)
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    return at->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/* Frees what was made so far; the descriptor is the caller's on failure. */
static struct http_connection *give_up(struct http_connection *connection)
{
    loop_unwatch(connection->watch);
    loop_timer_free(connection->deadline);
    loop_timer_free(connection->stall);
    tls_session_free(connection->tls);
    memory_free(connection);
    return NULL;
}

static struct http_connection *make(struct loop *loop, int fd,
                                    struct tls_context *context, const char *host,
                                    struct err *err)
{
    struct http_connection *connection = memory_new(1, sizeof *connection, err);
    if (!connection)
        return NULL;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->loop = loop;
    connection->fd = fd;
    connection->stall_ms = -1;
    connection->moved_ms = now_ms();
    connection->state = STATE_SHAKING;
    connection->unread = buf_init(4 * HTTP_CONNECTION_UNREAD_BYTES);
    connection->queue = buf_init(QUEUE_MAX_BYTES);
    connection->proxy_request = buf_init(PROXY_HEAD_BYTES_MAX);
    connection->peer.is_secure = context != NULL;
    connection->watch = loop_watch(loop, fd, 0, on_ready, connection, err);
    if (connection->watch)
        connection->deadline = loop_timer_new(loop, on_deadline, connection, err);
    if (connection->deadline)
        connection->stall = loop_timer_new(loop, on_stall, connection, err);
    if (connection->stall && context)
        connection->tls = tls_session_new(context, host, err);
    if (!connection->stall || (context && !connection->tls))
        return give_up(connection);
    return connection;
}

static void accepted_later(void *context)
{
    struct http_connection *connection = context;
    if (connection->state == STATE_SHAKING && !connection->tls)
        establish(connection);
    update_events(connection);
}

struct http_connection *
http_connection_accept(struct loop *loop, int fd, struct tls_context *context,
                       const struct http_connection_events *events, void *self,
                       struct err *err)
{
    struct http_connection *connection = make(loop, fd, context, NULL, err);
    if (!connection) {
        close(fd);
        return NULL;
    }
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    if (getpeername(fd, (struct sockaddr *)&at, &len) == 0)
        write_address(&at, connection->peer.address);
    connection->events = events;
    connection->self = self;
    loop_post(loop, accepted_later, connection);
    return connection;
}

bool http_resolve(const char *host, uint16_t port, struct http_address *address,
                  struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &found) != 0 || !found ||
        found->ai_addrlen > sizeof address->at) {
        if (found)
            freeaddrinfo(found);
        return err_set(err, ERR_BUSY, "host_unresolved", "a name has no address");
    }
    *address = (struct http_address){.len = found->ai_addrlen};
    memcpy(&address->at, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

/* The line of RFC 9110 9.3.6, in HTTP/1.1. */
static bool write_proxy_request(struct http_connection *connection,
                                const struct http_dial *dial, struct err *err)
{
    struct buf *out = &connection->proxy_request;
    if (!dial->through)
        return true;
    buf_format(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", dial->through, dial->through);
    if (dial->authorization)
        buf_format(out, "Proxy-Authorization: %s\r\n", dial->authorization);
    buf_cstr(out, "\r\n");
    return buf_check(out, err);
}

struct http_connection *http_connection_dial(struct loop *loop,
                                             const struct http_dial *dial,
                                             const struct http_connection_events *events,
                                             void *self, struct err *err)
{
    bool is_plain_outside = !dial->context && !is_loopback(&dial->address.at);
    if (is_plain_outside || (dial->through && !dial->context)) {
        err_set(err, ERR_REFUSED, "plain_refused", "without TLS only on loopback");
        return NULL;
    }
    int fd =
        socket(dial->address.at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set(err, ERR_SYSTEM, "socket_failed", "socket: %s", strerror(errno));
        return NULL;
    }
    struct http_connection *connection =
        make(loop, fd, dial->context, dial->context ? dial->host : NULL, err);
    if (connection && !write_proxy_request(connection, dial, err)) {
        buf_free(&connection->proxy_request);
        connection = give_up(connection);
    }
    if (!connection) {
        close(fd);
        return NULL;
    }
    connection->events = events;
    connection->self = self;
    connection->state = STATE_CONNECTING;
    write_address(&dial->address.at, connection->peer.address);
    const struct sockaddr *at = (const void *)&dial->address.at;
    /* a failure that is known at once is told like any other, by `closed` */
    if (connect(fd, at, dial->address.len) != 0 && errno != EINPROGRESS)
        close_for(connection, ERR_BUSY, "peer_unreachable");
    update_events(connection);
    return connection;
}

const struct http_peer *http_connection_peer(const struct http_connection *connection)
{
    return &connection->peer;
}

const char *http_connection_alpn(const struct http_connection *connection)
{
    return connection->tls ? tls_alpn(connection->tls) : "";
}

struct loop *http_connection_loop(const struct http_connection *connection)
{
    return connection->loop;
}
