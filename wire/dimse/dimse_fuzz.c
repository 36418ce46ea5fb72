// SPDX-License-Identifier: Apache-2.0
/* The association as bytes come, in splits that the input chooses: never more to the sink
 * than came, no answer without a request, every transfer ended once. The same bytes in
 * one piece must say the same. With bit 0 of the first byte a good request goes ahead, so
 * that messages are reached. */
#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "wire/dimse/dimse_testpeer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct dimse_association association;
    struct hash_run *sent;
    struct hash_run *written;
    size_t taken_bytes;
    size_t written_bytes;
    int open_transfers;
    unsigned pauses; /* every so many writes the sink is full */
    unsigned writes;
};

static void send_out(void *self, struct span bytes)
{
    struct run *run = self;
    assert(bytes.len >= 6);
    hash_add(run->sent, bytes);
}

static struct dimse_rejection decide(void *self, const struct dimse_request *request)
{
    (void)self;
    assert(strlen(request->calling) <= 16 && strlen(request->called) <= 16);
    assert(request->context_count <= DIMSE_CONTEXTS_MAX);
    for (size_t i = 0; i < request->context_count; i++)
        assert((request->contexts[i].result == 0) == (request->contexts[i].rank >= 0));
    if (request->calling[0] == '?')
        return (struct dimse_rejection){1, 1, 3, "dicom_calling_title"};
    return (struct dimse_rejection){0};
}

static bool begin(void *self, const struct dimse_instance *instance, uint16_t *status)
{
    struct run *run = self;
    assert(dimse_is_uid(span_cstr(instance->sop_instance)));
    assert(dimse_service_of(span_cstr(instance->sop_class)) == DIMSE_SERVICE_STORE);
    *status = DIMSE_OUT_OF_RESOURCES;
    if (strstr(instance->sop_instance, "99"))
        return false;
    assert(run->open_transfers++ == 0);
    return true;
}

static bool write_on(void *self, struct span bytes)
{
    struct run *run = self;
    assert(run->open_transfers == 1);
    run->written_bytes += bytes.len;
    hash_add(run->written, bytes);
    return run->pauses == 0 || ++run->writes % run->pauses != 0;
}

static void commit(void *self)
{
    struct run *run = self;
    assert(--run->open_transfers == 0);
    dimse_association_stored(&run->association, DIMSE_SUCCESS);
}

static void abandon(void *self)
{
    struct run *run = self;
    assert(--run->open_transfers == 0);
}

static void told(void *self, uint16_t event_id)
{
    struct run *run = self;
    (void)event_id;
    assert(run->association.event_id > 0);
}

static uint16_t commitment(void *self, struct span set, const struct dimse_syntax *syntax)
{
    struct run *run = self;
    struct err err = {0};
    struct dimse_commitment asked;
    CLEANUP(arena_free) struct arena arena = arena_init(4 << 20);
    if (!dimse_read_commitment(set, syntax, &arena, &asked, &err))
        return DIMSE_PROCESSING_FAILED;
    assert(asked.count * 16 <= set.len);
    for (size_t i = 0; i < asked.count; i++)
        asked.references[i].status = i % 2 ? DIMSE_NO_SUCH_INSTANCE : DIMSE_SUCCESS;
    if (dimse_association_report(&run->association, &asked) == 0)
        return DIMSE_RESOURCES_SHORT;
    dimse_association_answer(&run->association, DIMSE_SUCCESS);
    return DIMSE_SUCCESS;
}

static const struct dimse_hooks hooks = {send_out, decide,  begin, write_on,
                                         commit,   abandon, told,  commitment};

/* Pieces of 1 to `piece` bytes, 0 = all at once. */
static void feed(struct run *run, struct span bytes, size_t piece)
{
    while (bytes.len > 0 && run->association.stage != DIMSE_STAGE_OVER) {
        struct span part = span_part(bytes, 0, piece ? piece : bytes.len);
        size_t taken = dimse_association_take(&run->association, part);
        bool was_paused = run->association.is_paused;
        assert(taken <= part.len);
        assert(taken > 0 || was_paused || run->association.stage == DIMSE_STAGE_OVER);
        run->association.is_paused = false;
        run->taken_bytes += taken;
        bytes = span_part(bytes, taken, bytes.len);
    }
}

static void play(const uint8_t *data, size_t size, size_t piece, struct hash results[2])
{
    struct err err = {0};
    struct run run = {.sent = hash_new(&err), .written = hash_new(&err)};
    CLEANUP(buf_free) struct buf request = buf_init(64 * 1024);
    assert(run.sent && run.written);
    assert(dimse_association_start(&run.association, &hooks, &run, 5000, &err));
    run.pauses = piece ? (unsigned)data[1] % 4 : 0;
    if (data[0] & 1) {
        testpeer_request(&request);
        feed(&run, buf_view(&request), piece);
        assert(run.association.stage == DIMSE_STAGE_OPEN);
    }
    feed(&run, span_of(data + 2, size - 2), piece);
    assert(run.written_bytes <= run.taken_bytes + 1024 * (run.taken_bytes / 40 + 1));
    dimse_association_end(&run.association);
    assert(run.open_transfers == 0);
    results[0] = hash_finish(run.sent);
    results[1] = hash_finish(run.written);
    hash_free(run.sent);
    hash_free(run.written);
}

/* What a peer answers to a report is read by other functions. */
static void read_others(const uint8_t *data, size_t size)
{
    struct err err = {0};
    int rank = -1;
    uint32_t peer_bytes = 0;
    struct dimse_network network;
    if (dimse_read_accept(span_of(data, size), &rank, &peer_bytes, &err))
        assert(rank >= 0);
    err_clear(&err);
    if (dimse_read_network(span_of(data, size), &network, &err))
        assert(network.bits <= 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct hash whole[2], parts[2];
    play(data, size, 0, whole);
    play(data, size, 1 + data[0] / 2, parts);
    assert(hash_equal(&whole[0], &parts[0]) && hash_equal(&whole[1], &parts[1]));
    read_others(data + 2, size - 2);
    return 0;
}
