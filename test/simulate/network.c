// SPDX-License-Identifier: Apache-2.0
#include "test/simulate/network.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/simulate/scheduler.h"
#include "wire/http/connection.h"
#include "wire/loop/loop.h"
#include "wire/tunnel/tunnel.h"

enum {
    LISTENERS_MAX = 256,
    ENDS_MAX = 4096,
    PENDING_MAX = 256,
    DELAY_US = 2000,
    SPLIT = 150, /* of a thousand pieces that come in two */
    LATE = 100,  /* of a thousand pieces that are late */
};

enum piece_kind { PIECE_OPEN, PIECE_BYTES, PIECE_END, PIECE_RESET };

struct piece {
    struct piece *next;
    enum piece_kind kind;
    int64_t at_us;
    bool is_announced;
    size_t len;
    uint8_t bytes[];
};

struct http_connection {
    struct http_connection *other;
    int node;
    bool is_dead; /* its node is gone */
    struct loop *loop;
    const struct http_connection_events *events;
    void *self;
    void (*gone)(void *counter);
    void *counter;
    struct http_peer peer;
    const char *alpn;
    uint16_t port;              /* of whom it dialled */
    struct piece *first, *last; /* under way to here */
    struct buf unread;
    size_t queued_bytes; /* sent from here and not there */
    bool was_high, is_open, is_closing, has_finished, has_closed, has_left;
    struct err reason;
    struct loop_timer *deadline;
};

struct listener {
    int fd, node;
    uint16_t port;
    struct http_connection *pending[PENDING_MAX];
    int pending_count;
};

/* allowed: stands in for the machine */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct listener listeners[LISTENERS_MAX];
    int listener_count;
    struct http_connection *ends[ENDS_MAX];
    int end_count;
    char (*fingerprints)[HASH_HEX_BYTES];
    int64_t held_until_us[SCHEDULER_NODES_MAX];
    int64_t delay_us[SCHEDULER_NODES_MAX];
    uint16_t next_port;
} net = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- what is under way ---- */

/* The line of a connection is its gateway's; of a browser nobody's. */
static int line_of(const struct http_connection *end)
{
    int node = end->node > end->other->node ? end->node : end->other->node;
    return node > 0 ? node : -1;
}

static int64_t arrival_us(const struct http_connection *to)
{
    int line = line_of(to);
    int64_t now_us = scheduler_now_us();
    int64_t delay_us = line > 0 && net.delay_us[line] ? net.delay_us[line] : DELAY_US;
    int64_t at_us = now_us + delay_us / 2 + scheduler_below(STREAM_NETWORK, delay_us);
    if (scheduler_chance(STREAM_NETWORK, LATE))
        at_us += scheduler_below(STREAM_NETWORK, 20 * delay_us);
    if (line > 0 && net.held_until_us[line] > now_us && at_us < net.held_until_us[line])
        at_us = net.held_until_us[line] + scheduler_below(STREAM_NETWORK, delay_us);
    if (to->last && at_us < to->last->at_us)
        at_us = to->last->at_us;
    return at_us;
}

static void add_piece(struct http_connection *to, enum piece_kind kind, struct span bytes)
{
    struct piece *piece = calloc(1, sizeof *piece + bytes.len);
    assert(piece);
    piece->kind = kind;
    piece->len = bytes.len;
    if (bytes.len > 0)
        memcpy(piece->bytes, bytes.at, bytes.len);
    piece->at_us = arrival_us(to);
    *(to->last ? &to->last->next : &to->first) = piece;
    to->last = piece;
    pthread_cond_signal(&net.changed);
}

static void send_bytes(struct http_connection *from, struct span bytes)
{
    from->queued_bytes += bytes.len;
    if (from->queued_bytes > HTTP_CONNECTION_HIGH_BYTES)
        from->was_high = true;
    if (bytes.len > 1 && scheduler_chance(STREAM_NETWORK, SPLIT)) {
        size_t at = 1 + (size_t)scheduler_below(STREAM_NETWORK, (int64_t)bytes.len - 1);
        add_piece(from->other, PIECE_BYTES, span_part(bytes, 0, at));
        bytes = span_part(bytes, at, bytes.len);
    }
    add_piece(from->other, PIECE_BYTES, bytes);
}

static struct piece *take_piece(struct http_connection *end)
{
    struct piece *piece = end->first;
    if (!piece || piece->at_us > scheduler_now_us())
        return NULL;
    end->first = piece->next;
    if (!end->first)
        end->last = NULL;
    return piece;
}

static void drop_pieces(struct http_connection *end)
{
    while (end->first) {
        struct piece *piece = end->first;
        end->first = piece->next;
        free(piece);
    }
    end->last = NULL;
}

/* ---- an end with a loop ---- */

static void finish_closing(void *context)
{
    struct http_connection *end = context;
    if (end->has_closed)
        return;
    end->has_closed = true;
    loop_timer_free(end->deadline);
    end->deadline = NULL;
    end->events->closed(end->self, &end->reason);
    if (end->gone)
        end->gone(end->counter);
    end->loop = NULL;
    drop_pieces(end);
}

static void close_with(struct http_connection *end, const struct err *reason)
{
    if (end->is_closing)
        return;
    end->is_closing = true;
    if (reason)
        end->reason = *reason;
    loop_post(end->loop, finish_closing, end);
}

static void tell_drained(void *context)
{
    struct http_connection *end = context;
    if (!end->is_closing && !end->has_closed && end->events->drained)
        end->events->drained(end->self);
}

static void took_bytes(struct http_connection *from, size_t count)
{
    from->queued_bytes -= count;
    if (!from->was_high || from->queued_bytes > HTTP_CONNECTION_LOW_BYTES)
        return;
    from->was_high = false;
    if (from->loop && !from->is_dead && !from->has_closed)
        loop_post(from->loop, tell_drained, from);
}

/* As long as something is taken: a head first, its body then. */
static void offer(struct http_connection *end)
{
    size_t used = 1;
    while (used > 0 && end->unread.len > 0 && !end->is_closing && !end->has_finished) {
        used = end->events->received(end->self, buf_view(&end->unread));
        size_t rest = end->unread.len - used;
        memmove(end->unread.at, end->unread.at + used, rest);
        end->unread.len = rest;
    }
}

static void open_end(struct http_connection *end)
{
    end->is_open = true;
    if (!end->is_closing && end->events->established)
        end->events->established(end->self);
}

static void handle(struct http_connection *end, const struct piece *piece)
{
    struct err reason = {0};
    switch (piece->kind) {
    case PIECE_OPEN:
        open_end(end);
        break;
    case PIECE_BYTES:
        took_bytes(end->other, piece->len);
        buf_put(&end->unread, piece->bytes, piece->len);
        offer(end);
        break;
    case PIECE_END:
        if (end->is_closing || end->has_finished)
            break;
        if (end->events->ended)
            end->events->ended(end->self);
        else
            close_with(end, NULL);
        break;
    case PIECE_RESET:
        err_set(&reason, ERR_BUSY, "peer_reset", "the line is gone");
        close_with(end, &reason);
        break;
    }
}

static void attend(void *context)
{
    struct http_connection *end = context;
    struct piece *piece = NULL;
    while (!end->has_closed && end->unread.len < HTTP_CONNECTION_UNREAD_BYTES &&
           (piece = take_piece(end)) != NULL) {
        handle(end, piece);
        free(piece);
    }
}

static void offer_again(void *context)
{
    struct http_connection *end = context;
    if (end->has_closed)
        return;
    offer(end);
    attend(end);
}

/* ---- whoever brings what is under way ---- */

static struct listener *find_listener(uint16_t port)
{
    for (int i = 0; i < net.listener_count; i++)
        if (net.listeners[i].port == port && net.listeners[i].fd >= 0)
            return &net.listeners[i];
    return NULL;
}

/* A dialled end knocks: it is in the listener's queue, or refused. */
static void knock(struct http_connection *end)
{
    struct listener *listener = find_listener(end->other->port);
    uint64_t one = 1;
    if (!listener || listener->pending_count == PENDING_MAX) {
        add_piece(end->other, PIECE_RESET, span_of(NULL, 0));
        return;
    }
    listener->pending[listener->pending_count++] = end;
    end->node = listener->node;
    ssize_t wrote = write(listener->fd, &one, sizeof one);
    assert(wrote == sizeof one);
}

static void announce(struct http_connection *end, struct piece *piece)
{
    bool is_knock = piece->kind == PIECE_OPEN;
    piece->is_announced = true;
    if (end->is_dead)
        return;
    if (is_knock && !end->loop && end->port == 0)
        knock(end);
    else if (end->loop)
        loop_post(end->loop, attend, end);
}

/* The first piece that nobody was told of. */
static struct piece *find_news(struct http_connection *end)
{
    struct piece *piece = end->first;
    while (piece && piece->is_announced)
        piece = piece->next;
    return piece;
}

/* When the next piece comes somewhere; what is there already is announced, while others
 * go on and may take what is there. */
static int64_t bring(void)
{
    int64_t next_us = INT64_MAX;
    for (int i = 0; i < net.end_count; i++) {
        struct http_connection *end = net.ends[i];
        struct piece *piece = find_news(end);
        for (; piece && piece->at_us <= scheduler_now_us(); piece = find_news(end))
            announce(end, piece);
        if (piece && piece->at_us < next_us)
            next_us = piece->at_us;
    }
    return next_us;
}

static void forget_gone(void)
{
    int kept = 0;
    for (int i = 0; i < net.end_count; i++) {
        struct http_connection *end = net.ends[i];
        bool is_over = end->has_closed || end->is_dead || end->has_left;
        if (is_over)
            drop_pieces(end);
        else
            net.ends[kept++] = end;
    }
    net.end_count = kept;
}

static void *run_network(void *context)
{
    (void)context;
    pthread_mutex_lock(&net.lock);
    for (;;) {
        forget_gone();
        int64_t next_us = bring();
        if (next_us == INT64_MAX) {
            pthread_cond_wait(&net.changed, &net.lock);
            continue;
        }
        struct timespec until = {next_us / 1000000, next_us % 1000000 * 1000};
        pthread_cond_timedwait(&net.changed, &net.lock, &until);
    }
    return NULL;
}

void network_start(char (*fingerprints)[HASH_HEX_BYTES], int node_count)
{
    pthread_t thread;
    net.fingerprints = fingerprints;
    net.next_port = 20000;
    assert(node_count <= SCHEDULER_NODES_MAX);
    int failed = pthread_create(&thread, NULL, run_network, NULL);
    assert(!failed);
}

/* ---- making connections ---- */

static struct http_connection *new_end(int node)
{
    struct http_connection *end = calloc(1, sizeof *end);
    assert(end && net.end_count < ENDS_MAX);
    end->node = node;
    end->unread = buf_init(64 << 20);
    end->alpn = "";
    net.ends[net.end_count++] = end;
    return end;
}

static struct http_connection *dial_from(int node, uint16_t port)
{
    struct http_connection *end = new_end(node);
    struct http_connection *there = new_end(0);
    end->other = there;
    there->other = end;
    end->port = port;
    snprintf(there->peer.address, sizeof there->peer.address, "127.0.0.1");
    if (node > 0)
        memcpy(there->peer.fingerprint, net.fingerprints[node], HASH_HEX_BYTES);
    there->alpn = node > 0 ? TUNNEL_ALPN : "";
    end->alpn = there->alpn;
    add_piece(there, PIECE_OPEN, span_of(NULL, 0));
    return end;
}

struct http_connection *http_connection_dial(struct loop *loop,
                                             const struct http_dial *dial,
                                             const struct http_connection_events *events,
                                             void *self, struct err *err)
{
    const struct sockaddr_in *at = (const void *)&dial->address.at;
    (void)err;
    struct http_connection *end = dial_from(scheduler_node(), ntohs(at->sin_port));
    end->loop = loop;
    end->events = events;
    end->self = self;
    return end;
}

static void established_later(void *context)
{
    open_end(context);
}

struct http_connection *
http_connection_accept(struct loop *loop, int fd, struct tls_context *context,
                       const struct http_connection_events *events, void *self,
                       struct err *err)
{
    struct http_connection *end = NULL;
    (void)err;
    (void)context;
    for (int i = 0; i < net.listener_count && !end; i++)
        if (net.listeners[i].fd == fd - 1000000)
            end = net.listeners[i].pending[0];
    assert(end);
    struct listener *listener = find_listener(end->other->port);
    listener->pending_count--;
    memmove(listener->pending, listener->pending + 1,
            (size_t)listener->pending_count * sizeof *listener->pending);
    free(take_piece(end)); /* the knock */
    end->loop = loop;
    end->events = events;
    end->self = self;
    add_piece(end->other, PIECE_OPEN, span_of(NULL, 0));
    loop_post(loop, established_later, end);
    if (end->first)
        loop_post(loop, attend, end);
    return end;
}

/* ---- the other calls of connection.h ---- */

void http_connection_use(struct http_connection *connection,
                         const struct http_connection_events *events, void *self)
{
    connection->events = events;
    connection->self = self;
    if (connection->unread.len > 0)
        loop_post(connection->loop, offer_again, connection);
}

void http_connection_on_gone(struct http_connection *connection,
                             void (*gone)(void *counter), void *counter)
{
    connection->gone = gone;
    connection->counter = counter;
}

void http_connection_write(struct http_connection *connection, struct span bytes)
{
    if (!connection->is_closing && !connection->has_finished && bytes.len > 0)
        send_bytes(connection, bytes);
}

void http_connection_write_parts(struct http_connection *connection,
                                 const struct span *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        http_connection_write(connection, parts[i]);
}

size_t http_connection_queued(const struct http_connection *connection)
{
    return connection->queued_bytes;
}

void http_connection_again(struct http_connection *connection)
{
    if (!connection->is_closing)
        loop_post(connection->loop, offer_again, connection);
}

static void on_deadline(void *context)
{
    struct http_connection *end = context;
    struct err reason = {0};
    if (end->is_closing)
        return;
    if (end->events->expired) {
        end->events->expired(end->self);
        return;
    }
    err_set(&reason, ERR_BUSY, "peer_silent", "the deadline passed");
    add_piece(end->other, PIECE_RESET, span_of(NULL, 0));
    close_with(end, &reason);
}

void http_connection_deadline(struct http_connection *connection, int after_ms)
{
    struct err err = {0};
    if (connection->is_closing)
        return;
    if (!connection->deadline)
        connection->deadline =
            loop_timer_new(connection->loop, on_deadline, connection, &err);
    if (connection->deadline)
        loop_timer_set(connection->deadline, after_ms);
}

/* Nobody reads slowly in this world. */
void http_connection_stall(struct http_connection *connection, int after_ms)
{
    (void)connection;
    (void)after_ms;
}

void http_connection_owe(struct http_connection *connection, bool owes)
{
    (void)connection;
    (void)owes;
}

int64_t http_connection_waits_since(const struct http_connection *connection)
{
    (void)connection;
    return INT64_MAX;
}

void http_connection_finish(struct http_connection *connection)
{
    if (connection->is_closing || connection->has_finished)
        return;
    connection->has_finished = true;
    add_piece(connection->other, PIECE_END, span_of(NULL, 0));
    close_with(connection, NULL);
}

void http_connection_close(struct http_connection *connection)
{
    if (connection->is_closing)
        return;
    add_piece(connection->other, PIECE_RESET, span_of(NULL, 0));
    close_with(connection, NULL);
}

const struct http_peer *http_connection_peer(const struct http_connection *connection)
{
    return &connection->peer;
}

const char *http_connection_alpn(const struct http_connection *connection)
{
    return connection->alpn;
}

struct loop *http_connection_loop(const struct http_connection *connection)
{
    return connection->loop;
}

bool http_resolve(const char *host, uint16_t port, struct http_address *address,
                  struct err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
        return err_set(err, ERR_BUSY, "host_unresolved", "only numbers here");
    memset(address, 0, sizeof *address);
    memcpy(&address->at, &at, sizeof at);
    address->len = sizeof at;
    return true;
}

/* ---- listeners ---- */

static struct listener *listener_of(int fd)
{
    for (int i = 0; i < net.listener_count; i++)
        if (net.listeners[i].fd == fd)
            return &net.listeners[i];
    return NULL;
}

int socket(int domain, int type, int protocol)
{
    (void)domain;
    (void)type;
    (void)protocol;
    assert(net.listener_count < LISTENERS_MAX);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
    net.listeners[net.listener_count++] =
        (struct listener){.fd = fd, .node = scheduler_node()};
    return fd;
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    struct sockaddr_in at;
    (void)len;
    memcpy(&at, address.__sockaddr__, sizeof at);
    uint16_t port = ntohs(at.sin_port);
    if (port != 0 && find_listener(port)) {
        errno = EADDRINUSE;
        return -1;
    }
    listener_of(fd)->port = port ? port : net.next_port++;
    return 0;
}

int listen(int fd, int backlog)
{
    (void)fd;
    (void)backlog;
    return 0;
}

/* Who knocked and was not let in is refused. */
int close(int fd)
{
    struct listener *listener = fd >= 0 ? listener_of(fd) : NULL;
    if (listener) {
        listener->fd = -1;
        for (int i = 0; i < listener->pending_count; i++)
            if (!listener->pending[i]->is_dead)
                add_piece(listener->pending[i]->other, PIECE_RESET, span_of(NULL, 0));
        listener->pending_count = 0;
    }
    scheduler_closed(fd);
    return (int)syscall(SYS_close, fd);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    (void)fd;
    (void)level;
    (void)name;
    (void)value;
    (void)len;
    return 0;
}

int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *len)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(listener_of(fd)->port)};
    memcpy(address.__sockaddr__, &at, sizeof at);
    *len = sizeof at;
    return 0;
}

/* The first in the queue; http_connection_accept takes it out. */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    uint64_t one = 0;
    (void)address;
    (void)len;
    (void)flags;
    if (read(fd, &one, sizeof one) != sizeof one) {
        errno = EAGAIN;
        return -1;
    }
    return fd + 1000000;
}

/* ---- what goes wrong ---- */

static bool is_on_line(const struct http_connection *end, int node)
{
    return end->other && !end->is_dead && line_of(end) == node;
}

/* What is under way comes then, or now that nothing holds it any more. */
void network_hold(int node, int64_t until_us)
{
    int64_t now_us = scheduler_now_us();
    bool is_free = until_us <= now_us;
    net.held_until_us[node] = until_us;
    for (int i = 0; i < net.end_count; i++) {
        if (!is_on_line(net.ends[i], node))
            continue;
        for (struct piece *piece = net.ends[i]->first; piece; piece = piece->next)
            if (!piece->is_announced && (is_free || piece->at_us < until_us))
                piece->at_us = is_free ? now_us + 1 : until_us;
    }
    pthread_cond_signal(&net.changed);
}

/* What is under way ends at any byte. */
static void break_off(struct http_connection *end)
{
    int64_t left = 0;
    for (struct piece *piece = end->first; piece; piece = piece->next)
        left += (int64_t)piece->len;
    left = scheduler_below(STREAM_NETWORK, left + 1);
    for (struct piece *piece = end->first; piece; piece = piece->next) {
        if ((int64_t)piece->len > left)
            piece->len = (size_t)left;
        left -= (int64_t)piece->len;
    }
    add_piece(end, PIECE_RESET, span_of(NULL, 0));
}

void network_cut(int node)
{
    int count = net.end_count;
    for (int i = 0; i < count; i++)
        if (is_on_line(net.ends[i], node))
            break_off(net.ends[i]);
}

void network_node_died(int node, bool is_silent)
{
    int count = net.end_count;
    for (int i = 0; i < count; i++) {
        struct http_connection *end = net.ends[i];
        if (end->node != node || end->is_dead)
            continue;
        end->is_dead = true;
        if (!is_silent)
            break_off(end->other);
    }
    for (int i = 0; i < net.listener_count; i++)
        if (net.listeners[i].node == node)
            net.listeners[i].fd = -1;
}

void network_set_delay(int node, int64_t delay_us)
{
    net.delay_us[node] = delay_us;
}

/* ---- a browser ---- */

struct http_connection *network_dial(uint16_t port)
{
    return dial_from(SCHEDULER_OUTSIDE, port);
}

void network_write(struct http_connection *end, struct span bytes)
{
    send_bytes(end, bytes);
}

enum network_state network_receive(struct http_connection *end, struct buf *out)
{
    enum network_state state = end->is_open ? NETWORK_OPEN : NETWORK_OPENING;
    for (struct piece *piece; (piece = take_piece(end)) != NULL; free(piece)) {
        if (piece->kind == PIECE_OPEN)
            end->is_open = true;
        if (piece->kind == PIECE_BYTES) {
            took_bytes(end->other, piece->len);
            buf_put(out, piece->bytes, piece->len);
        }
        if (piece->kind == PIECE_END)
            state = NETWORK_ENDED;
        if (piece->kind == PIECE_RESET)
            state = NETWORK_RESET;
    }
    return state;
}

void network_leave(struct http_connection *end)
{
    if (!end->other->has_closed && !end->other->is_dead)
        add_piece(end->other, PIECE_RESET, span_of(NULL, 0));
    end->has_left = true;
}
