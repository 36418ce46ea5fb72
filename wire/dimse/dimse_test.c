// SPDX-License-Identifier: Apache-2.0
#include "wire/dimse/dimse.h"

#include <string.h>

#include "base/test.h"
#include "wire/dimse/dimse_testpeer.h"

/* One association without a socket; the sink collects. */
struct site {
    struct dimse_association association;
    struct buf sent;
    struct buf written;
    struct dimse_instance instance;
    char sop_instance[DIMSE_UID_BYTES];
    char syntax[DIMSE_UID_BYTES];
    uint16_t refusal; /* of begin; 0 = takes it */
    bool is_full;     /* every write says so */
    bool answers;     /* at commit, at once */
    int commits;
    int abandons;
    uint16_t told;
    struct dimse_rejection rejection;
    struct dimse_commitment asked;
    struct arena arena;
};

static void send_out(void *self, struct span bytes)
{
    struct site *site = self;
    buf_span(&site->sent, bytes);
}

static struct dimse_rejection decide(void *self, const struct dimse_request *request)
{
    struct site *site = self;
    CHECK(strcmp(request->calling, "MODALITY") == 0);
    return site->rejection;
}

static bool begin(void *self, const struct dimse_instance *instance, uint16_t *status)
{
    struct site *site = self;
    snprintf(site->sop_instance, sizeof site->sop_instance, "%s", instance->sop_instance);
    snprintf(site->syntax, sizeof site->syntax, "%s", instance->syntax);
    *status = site->refusal;
    return site->refusal == 0;
}

static bool write_on(void *self, struct span bytes)
{
    struct site *site = self;
    buf_span(&site->written, bytes);
    return !site->is_full;
}

static void commit(void *self)
{
    struct site *site = self;
    site->commits++;
    if (site->answers)
        dimse_association_stored(&site->association, DIMSE_SUCCESS);
}

static void abandon(void *self)
{
    struct site *site = self;
    site->abandons++;
}

static void told(void *self, uint16_t event_id)
{
    struct site *site = self;
    site->told = event_id;
}

static uint16_t commitment(void *self, struct span set, const struct dimse_syntax *syntax)
{
    struct site *site = self;
    struct err err = {0};
    if (!dimse_read_commitment(set, syntax, &site->arena, &site->asked, &err))
        return 0x0115;
    if (site->answers)
        dimse_association_answer(&site->association, DIMSE_SUCCESS);
    return DIMSE_SUCCESS;
}

static const struct dimse_hooks hooks = {send_out, decide,  begin, write_on,
                                         commit,   abandon, told,  commitment};

static void open_site(struct site *site)
{
    struct err err = {0};
    *site = (struct site){.sent = buf_init(1 << 24),
                          .written = buf_init(1 << 24),
                          .answers = true,
                          .arena = arena_init(1 << 20)};
    CHECK(dimse_association_start(&site->association, &hooks, site, 1 << 20, &err));
}

static void close_site(struct site *site)
{
    dimse_association_end(&site->association);
    buf_free(&site->sent);
    buf_free(&site->written);
    arena_free(&site->arena);
}

static size_t feed(struct site *site, const struct buf *bytes)
{
    return dimse_association_take(&site->association, buf_view(bytes));
}

/* With an association already open, nothing sent yet. */
static void open_associated(struct site *site)
{
    CLEANUP(buf_free) struct buf request = buf_init(64 * 1024);
    open_site(site);
    testpeer_request(&request);
    CHECK(feed(site, &request) == request.len);
    CHECK(site->association.stage == DIMSE_STAGE_OPEN);
    buf_reset(&site->sent);
}

/* The one answer that was sent: its status; -1 when there is no such answer. */
static int status_of(const struct site *site, uint16_t field)
{
    struct err err = {0};
    struct dimse_command command;
    struct span sent = buf_view(&site->sent);
    if (sent.len < 12 || sent.at[0] != DIMSE_DATA_TF)
        return -1;
    if (!dimse_read_command(span_part(sent, 12, sent.len), &command, &err) ||
        command.field != (field | DIMSE_RESPONSE))
        return -1;
    return command.status;
}

/* The reason of the A-ABORT at the end of what was sent; -1 = none. */
static int abort_of(const struct site *site)
{
    struct span sent = buf_view(&site->sent);
    bool is_abort = sent.len >= 10 && sent.at[sent.len - 10] == DIMSE_ABORT;
    return is_abort ? sent.at[sent.len - 1] : -1;
}

/* ---- associations ---- */

static void each_context_gets_the_syntax_that_keeps_most(void)
{
    static const char *const lossy[] = {"1.2.840.10008.1.2.4.50", DIMSE_IMPLICIT,
                                        "1.2.840.10008.1.2.4.90", NULL};
    static const char *const strange[] = {"1.2.3.4", NULL};
    static const char *const implicit[] = {DIMSE_IMPLICIT, NULL};
    struct err err = {0};
    CLEANUP(buf_free) struct buf body = buf_init(64 * 1024);
    struct dimse_request request;
    testpeer_titles(&body, "TSUMUGI", "MODALITY");
    testpeer_context(&body, 1, TESTPEER_CT, lossy);
    testpeer_context(&body, 3, TESTPEER_CT, strange);
    testpeer_context(&body, 5, "1.2.840.10008.5.1.4.1.2.2.1", implicit); /* a query */
    testpeer_context(&body, 255, DIMSE_COMMITMENT, implicit);
    testpeer_context(&body, 7, DIMSE_VERIFICATION, lossy + 2);
    testpeer_user(&body, 0);
    CHECK(dimse_read_request(buf_view(&body), &request, &err));
    CHECK(request.context_count == 5 && request.pdu_bytes == 0 && request.is_dicom);
    CHECK(request.contexts[0].result == 0);
    CHECK(strcmp(dimse_syntax_at(request.contexts[0].rank)->uid,
                 "1.2.840.10008.1.2.4.90") == 0);
    CHECK(request.contexts[1].result == 4 && request.contexts[2].result == 3);
    CHECK(request.contexts[3].result == 0 && request.contexts[4].result == 4);
}

static void the_answer_says_which_contexts_and_how_much_at_once(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf request = buf_init(64 * 1024);
    struct err err = {0};
    int rank = -1;
    uint32_t pdu_bytes = 0;
    open_site(&site);
    testpeer_request(&request);
    CHECK(feed(&site, &request) == request.len);
    struct span sent = buf_view(&site.sent);
    CHECK(sent.at[0] == DIMSE_ASSOCIATE_AC &&
          sent.at[5] + sent.at[4] * 256 + 6 == (int)sent.len);
    CHECK(memcmp(sent.at + 10, "TSUMUGI         MODALITY        ", 32) == 0);
    CHECK(dimse_read_accept(span_part(sent, 6, sent.len), &rank, &pdu_bytes, &err));
    CHECK(pdu_bytes == DIMSE_PDU_BYTES);
    CHECK(strcmp(dimse_syntax_at(rank)->uid, DIMSE_IMPLICIT) == 0);
    /* one operation at a time, whatever was asked for */
    CHECK(memmem(sent.at, sent.len, "\x53\x00\x00\x04\x00\x01\x00\x01", 8) != NULL);
    close_site(&site);
}

static void a_refusal_has_its_result_source_and_reason(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf request = buf_init(64 * 1024);
    open_site(&site);
    site.rejection = (struct dimse_rejection){1, 1, 7, "dicom_called_title"};
    testpeer_request(&request);
    CHECK(feed(&site, &request) == request.len);
    CHECK(span_equal(buf_view(&site.sent), SPAN("\x03\0\0\0\0\x04\0\x01\x01\x07")));
    CHECK(site.association.stage == DIMSE_STAGE_OVER);
    CHECK(strcmp(site.association.fault, "dicom_called_title") == 0);
    close_site(&site);
}

static void other_protocols_are_rejected(void)
{
    for (int i = 0; i < 2; i++) {
        struct site site;
        CLEANUP(buf_free) struct buf request = buf_init(64 * 1024);
        open_site(&site);
        testpeer_request(&request);
        if (i == 0)
            request.at[7] = 2; /* version */
        else
            request.at[6 + 68 + 4] = '9'; /* application context */
        CHECK(feed(&site, &request) == request.len);
        uint8_t source = i == 0 ? 2 : 1;
        CHECK(site.sent.len == 10 && site.sent.at[0] == DIMSE_ASSOCIATE_RJ);
        CHECK(site.sent.at[7] == 1 && site.sent.at[8] == source && site.sent.at[9] == 2);
        close_site(&site);
    }
}

static void release_is_answered_and_ends_it_in_order(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf release = buf_init(64);
    open_associated(&site);
    dimse_put_simple(DIMSE_RELEASE_RQ, 0, 0, &release);
    CHECK(feed(&site, &release) == release.len);
    CHECK(site.sent.len == 10 && site.sent.at[0] == DIMSE_RELEASE_RP);
    CHECK(site.association.has_released && !site.association.fault);
    close_site(&site);
}

/* ---- messages ---- */

static void an_echo_is_answered(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf echo = buf_init(4096);
    struct testpeer_command command = {DIMSE_ECHO_RQ,      7,    false,
                                       DIMSE_VERIFICATION, NULL, 0};
    open_associated(&site);
    testpeer_command(&echo, 1, &command);
    CHECK(feed(&site, &echo) == echo.len);
    CHECK(status_of(&site, DIMSE_ECHO_RQ) == DIMSE_SUCCESS);
    CHECK(site.sent.at[10] == 1); /* its context */
    close_site(&site);
}

static void an_instance_reaches_the_sink_as_a_file(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf store = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf set = buf_init(1 << 20);
    open_associated(&site);
    testpeer_store(&store, 3, TESTPEER_INSTANCE, 100000, 4096);
    testpeer_set(&set, true, TESTPEER_CT, TESTPEER_INSTANCE, 100000);
    CHECK(feed(&site, &store) == store.len);
    CHECK(site.commits == 1 && site.abandons == 0);
    CHECK(status_of(&site, DIMSE_STORE_RQ) == DIMSE_SUCCESS);
    CHECK(strcmp(site.sop_instance, TESTPEER_INSTANCE) == 0);
    CHECK(strcmp(site.syntax, DIMSE_EXPLICIT) == 0);
    struct span file = buf_view(&site.written);
    CHECK(file.len > set.len + 132 &&
          memcmp(file.at + 128, "DICM\2\0\0\0UL\4\0", 12) == 0);
    size_t meta = (size_t)file.at[140] + 256 * (size_t)file.at[141];
    CHECK(span_equal(span_part(file, 144 + meta, file.len), buf_view(&set)));
    CHECK(memmem(file.at, 400, DIMSE_EXPLICIT, strlen(DIMSE_EXPLICIT)) != NULL);
    close_site(&site);
}

static void any_split_says_the_same(void)
{
    static const size_t pieces[] = {1, 2, 3, 5, 7, 11, 100, 4096};
    CLEANUP(buf_free) struct buf all = buf_init(1 << 20);
    CLEANUP(buf_free) struct buf expected = buf_init(1 << 20);
    testpeer_request(&all);
    testpeer_store(&all, 3, TESTPEER_INSTANCE, 9000, 1000);
    testpeer_store(&all, 4, "2.25.2", 11, 64);
    dimse_put_simple(DIMSE_RELEASE_RQ, 0, 0, &all);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct site site;
        open_site(&site);
        for (size_t at = 0; at < all.len; at += pieces[i]) {
            struct span piece = span_part(buf_view(&all), at, pieces[i]);
            CHECK(dimse_association_take(&site.association, piece) == piece.len);
        }
        CHECK(site.commits == 2 && site.association.has_released);
        if (i == 0)
            buf_span(&expected, buf_view(&site.written));
        CHECK(span_equal(buf_view(&site.written), buf_view(&expected)));
        close_site(&site);
    }
}

static void there_is_no_answer_before_the_sink_gives_one(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf store = buf_init(1 << 20);
    open_associated(&site);
    site.answers = false;
    testpeer_store(&store, 3, TESTPEER_INSTANCE, 100, 0);
    size_t first = store.len;
    testpeer_store(&store, 4, "2.25.2", 100, 0);
    CHECK(feed(&site, &store) == first);
    CHECK(site.commits == 1 && site.sent.len == 0);
    dimse_association_stored(&site.association, DIMSE_OUT_OF_RESOURCES);
    CHECK(status_of(&site, DIMSE_STORE_RQ) == DIMSE_OUT_OF_RESOURCES);
    struct span rest = span_part(buf_view(&store), first, store.len);
    CHECK(dimse_association_take(&site.association, rest) == rest.len);
    CHECK(site.commits == 2 && strcmp(site.sop_instance, "2.25.2") == 0);
    close_site(&site);
}

static void a_full_sink_takes_no_more_until_it_is_asked_again(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf store = buf_init(1 << 20);
    open_associated(&site);
    site.is_full = true;
    testpeer_store(&store, 3, TESTPEER_INSTANCE, 5000, 1000);
    size_t taken = feed(&site, &store);
    CHECK(taken < store.len && site.association.is_paused);
    struct span rest = span_part(buf_view(&store), taken, store.len);
    CHECK(dimse_association_take(&site.association, rest) == 0);
    site.is_full = false;
    site.association.is_paused = false;
    CHECK(dimse_association_take(&site.association, rest) == rest.len);
    CHECK(site.commits == 1);
    close_site(&site);
}

struct refusal {
    uint8_t context;
    struct testpeer_command command;
    int status;
};

static void what_cannot_be_done_is_refused_and_the_association_goes_on(void)
{
    static const struct refusal cases[] = {
        {3, {DIMSE_STORE_RQ, 1, true, "1.2.840.10008.5.1.4.1.1.4", "2.25.3", 0}, 0x0122},
        {1, {DIMSE_STORE_RQ, 2, true, TESTPEER_CT, "2.25.3", 0}, 0x0122},
        {3, {DIMSE_STORE_RQ, 3, true, TESTPEER_CT, "no uid", 0}, 0x0117},
        {3, {DIMSE_STORE_RQ, 4, false, TESTPEER_CT, "2.25.3", 0}, 0xC000},
        {3, {DIMSE_ECHO_RQ, 5, false, DIMSE_VERIFICATION, NULL, 0}, 0x0122},
        {3, {0x0020, 6, true, "1.2.840.10008.5.1.4.1.2.2.1", NULL, 0}, 0x0211},
        {3, {0x0021, 7, true, "1.2.840.10008.5.1.4.1.2.2.2", NULL, 0}, 0x0211},
        {7, {DIMSE_ACTION_RQ, 8, true, DIMSE_COMMITMENT, "2.25.3", 1}, 0x0112},
        {7,
         {DIMSE_ACTION_RQ, 9, true, DIMSE_COMMITMENT, DIMSE_COMMITMENT_INSTANCE, 2},
         0x0123},
    };
    struct site site;
    CLEANUP(buf_free) struct buf set = buf_init(1 << 16);
    open_associated(&site);
    testpeer_set(&set, true, TESTPEER_CT, "2.25.3", 3000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(buf_free) struct buf message = buf_init(1 << 16);
        testpeer_command(&message, cases[i].context, &cases[i].command);
        if (cases[i].command.has_data)
            dimse_put_message(&message, cases[i].context, false, buf_view(&set), 512);
        buf_reset(&site.sent);
        CHECK(feed(&site, &message) == message.len);
        CHECK(status_of(&site, cases[i].command.field) == cases[i].status);
        CHECK(site.association.stage == DIMSE_STAGE_OPEN);
    }
    CHECK(site.commits == 0 && site.written.len == 0);
    close_site(&site);
}

static void a_refusal_of_the_sink_is_told_after_the_data_set(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf store = buf_init(1 << 20);
    open_associated(&site);
    site.refusal = DIMSE_OUT_OF_RESOURCES;
    testpeer_store(&store, 3, TESTPEER_INSTANCE, 9000, 1000);
    CHECK(dimse_association_take(&site.association,
                                 span_part(buf_view(&store), 0, store.len - 1)) ==
          store.len - 1);
    CHECK(site.sent.len == 0);
    CHECK(dimse_association_take(&site.association,
                                 span_part(buf_view(&store), store.len - 1, 1)) == 1);
    CHECK(status_of(&site, DIMSE_STORE_RQ) == DIMSE_OUT_OF_RESOURCES);
    CHECK(site.abandons == 0 && site.commits == 0);
    close_site(&site);
}

static void a_data_set_that_is_not_what_the_command_says_is_not_kept(void)
{
    static const struct {
        const char *sop_class;
        const char *sop_instance;
        int status;
    } cases[] = {{TESTPEER_CT, "2.25.999", 0xA900},
                 {"1.2.840.10008.5.1.4.1.1.4", TESTPEER_INSTANCE, 0xA900},
                 {NULL, NULL, 0xC000}};
    struct testpeer_command command = {DIMSE_STORE_RQ,    1, true, TESTPEER_CT,
                                       TESTPEER_INSTANCE, 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct site site;
        CLEANUP(buf_free) struct buf message = buf_init(1 << 16);
        CLEANUP(buf_free) struct buf set = buf_init(1 << 16);
        open_associated(&site);
        testpeer_command(&message, 3, &command);
        if (cases[i].sop_class)
            testpeer_set(&set, true, cases[i].sop_class, cases[i].sop_instance, 9000);
        else
            buf_cstr(&set, "%PDF-1.7 is no data set");
        dimse_put_message(&message, 3, false, buf_view(&set), 100);
        CHECK(feed(&site, &message) == message.len);
        CHECK(status_of(&site, DIMSE_STORE_RQ) == cases[i].status);
        CHECK(site.commits == 0 && site.abandons == 1);
        close_site(&site);
    }
}

static void an_instance_beyond_the_cap_is_read_and_refused(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf store = buf_init(4 << 20);
    open_associated(&site);
    testpeer_store(&store, 3, TESTPEER_INSTANCE, 2 << 20, 0);
    CHECK(feed(&site, &store) == store.len);
    CHECK(site.abandons == 1 && site.commits == 0);
    CHECK(site.written.len <= (1 << 20) + 1024);
    CHECK(status_of(&site, DIMSE_STORE_RQ) == DIMSE_OUT_OF_RESOURCES);
    close_site(&site);
}

static struct span first_pdus(const struct buf *bytes, int count)
{
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += 6 + (size_t)bytes->at[len + 5] + 256 * (size_t)bytes->at[len + 4];
    return span_part(buf_view(bytes), 0, len);
}

static void what_is_cut_off_is_abandoned(void)
{
    for (int i = 0; i < 3; i++) {
        struct site site;
        CLEANUP(buf_free) struct buf store = buf_init(1 << 20);
        CLEANUP(buf_free) struct buf last = buf_init(64);
        open_associated(&site);
        testpeer_store(&store, 3, TESTPEER_INSTANCE, 9000, 1000);
        struct span half = first_pdus(&store, 5);
        CHECK(dimse_association_take(&site.association, half) == half.len);
        dimse_put_simple(i == 0 ? DIMSE_ABORT : DIMSE_RELEASE_RQ, 0, 0, &last);
        if (i < 2)
            feed(&site, &last);
        else
            dimse_association_abort(&site.association, "dicom_deadline");
        CHECK(i == 2 || site.association.stage == DIMSE_STAGE_OVER);
        dimse_association_end(&site.association);
        CHECK(site.abandons == 1 && site.commits == 0);
        close_site(&site);
    }
}

/* ---- storage commitment ---- */

static void a_commitment_tells_what_is_kept_and_what_is_not(void)
{
    static const char *const instances[] = {"2.25.1", "2.25.2", "2.25.31", NULL};
    struct site site;
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    open_associated(&site);
    testpeer_commitment(&action, 9, instances);
    CHECK(feed(&site, &action) == action.len);
    CHECK(status_of(&site, DIMSE_ACTION_RQ) == DIMSE_SUCCESS);
    CHECK(site.asked.count == 3 && strcmp(site.asked.transaction, "2.25.77") == 0);
    CHECK(strcmp(site.asked.references[2].sop_instance, "2.25.31") == 0);
    site.asked.references[1].status = DIMSE_NO_SUCH_INSTANCE;
    buf_reset(&site.sent);
    uint16_t event = dimse_association_report(&site.association, &site.asked);
    CHECK(event != 0);
    struct span sent = buf_view(&site.sent);
    size_t len = 6 + (size_t)sent.at[5] + 256 * (size_t)sent.at[4];
    struct span set = span_part(sent, len + 12, sent.len);
    /* event 2: failures exist; the failed one with its reason, before the others */
    CHECK(memmem(sent.at, len, "\x02\x10\x02\0\0\0\x02\0", 8) != NULL);
    const uint8_t *failed = memmem(set.at, set.len, "\x08\0\x98\x11", 4);
    const uint8_t *reason = memmem(set.at, set.len, "\x97\x11\x02\0\0\0\x12\x01", 8);
    const uint8_t *kept = memmem(set.at, set.len, "\x08\0\x99\x11", 4);
    const uint8_t *second = memmem(set.at, set.len, "2.25.2", 6);
    const uint8_t *third = memmem(set.at, set.len, "2.25.31", 7);
    CHECK(failed && reason && kept && second && third);
    CHECK(failed < second && second < reason && reason < kept && kept < third);
    /* it has arrived when the peer says so */
    CLEANUP(buf_free) struct buf response = buf_init(4096);
    CLEANUP(buf_free) struct buf command = buf_init(1024);
    struct dimse_command answered = {.field = DIMSE_EVENT_RQ, .message_id = event};
    dimse_put_response(&answered, 0, &command);
    dimse_put_message(&response, 7, true, buf_view(&command), 0);
    CHECK(site.told == 0 && feed(&site, &response) == response.len);
    CHECK(site.told == event && site.association.stage == DIMSE_STAGE_OPEN);
    close_site(&site);
}

/* The peer hears nothing and nothing more of it is read until that is so. */
static void a_commitment_is_accepted_when_it_is_kept(void)
{
    static const char *const instances[] = {"2.25.1", NULL};
    struct site site;
    CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf echo = buf_init(1 << 12);
    struct testpeer_command command = {DIMSE_ECHO_RQ,      5,    false,
                                       DIMSE_VERIFICATION, NULL, 0};
    open_associated(&site);
    site.answers = false;
    testpeer_commitment(&action, 9, instances);
    testpeer_command(&echo, 1, &command);
    CHECK(feed(&site, &action) == action.len && site.sent.len == 0);
    CHECK(feed(&site, &echo) == 0);
    dimse_association_answer(&site.association, DIMSE_RESOURCES_SHORT);
    CHECK(status_of(&site, DIMSE_ACTION_RQ) == DIMSE_RESOURCES_SHORT);
    CHECK(site.association.stored_count == 0);
    CHECK(feed(&site, &echo) == echo.len);
    close_site(&site);
}

static void a_commitment_that_cannot_be_read_is_refused(void)
{
    static const char *const none[] = {NULL};
    static const char *const bad[] = {"2.25.1", "x", NULL};
    const char *const *cases[] = {none, bad};
    for (size_t i = 0; i < 2; i++) {
        struct site site;
        CLEANUP(buf_free) struct buf action = buf_init(1 << 16);
        open_associated(&site);
        testpeer_commitment(&action, 9, cases[i]);
        CHECK(feed(&site, &action) == action.len);
        CHECK(status_of(&site, DIMSE_ACTION_RQ) == 0x0115);
        close_site(&site);
    }
}

static void a_commitment_is_reported_only_where_it_was_agreed_on(void)
{
    static const char *const implicit[] = {DIMSE_IMPLICIT, NULL};
    struct site site;
    CLEANUP(buf_free) struct buf body = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf request = buf_init(1 << 16);
    struct dimse_commitment nothing = {0};
    open_site(&site);
    testpeer_titles(&body, "TSUMUGI", "MODALITY");
    testpeer_context(&body, 1, DIMSE_VERIFICATION, implicit);
    testpeer_pdu(&request, DIMSE_ASSOCIATE_RQ, buf_view(&body));
    CHECK(feed(&site, &request) == request.len);
    CHECK(dimse_association_report(&site.association, &nothing) == 0);
    close_site(&site);
}

/* ---- hostile bytes ---- */

struct hostile {
    const char *code;
    int reason;
    const char *bytes;
    size_t len;
};
#define HOSTILE(code, reason, bytes)                                                     \
    {                                                                                    \
        code, reason, bytes, sizeof(bytes) - 1                                           \
    }
#define ECHO_HALF "\x04\0\0\0\0\x07\0\0\0\x03\x01\x01\0"

static void hostile_bytes_within_an_association_abort_it_by_name(void)
{
    static const struct hostile cases[] = {
        HOSTILE("dicom_pdu_unknown", 1, "\x09\0\0\0\0\x04"),
        HOSTILE("dicom_pdu_unknown", 1, "\0\0\0\0\0\0"),
        HOSTILE("dicom_pdu_unexpected", 2, "\x01\0\0\0\0\x44"),
        HOSTILE("dicom_pdu_unexpected", 2, "\x06\0\0\0\0\x04"),
        HOSTILE("dicom_pdu_length", 6, "\x05\0\0\0\0\x05"),
        HOSTILE("dicom_pdu_length", 6, "\x04\0\xFF\xFF\xFF\xFF"),
        HOSTILE("dicom_pdu_length", 6, "\x04\0\0\x02\0\x01"),
        HOSTILE("dicom_pdu_length", 6, "\x04\0\0\0\0\x05"),
        HOSTILE("dicom_pdv_length", 6, "\x04\0\0\0\0\x06\0\0\0\x01\x01\x03"),
        HOSTILE("dicom_pdv_length", 6, "\x04\0\0\0\0\x06\0\0\0\x03\x01\x03"),
        HOSTILE("dicom_pdv_length", 6, "\x04\0\0\0\0\x06\xFF\xFF\xFF\xFF\x01\x03"),
        HOSTILE("dicom_pdv_length", 6, "\x04\0\0\0\0\x08\0\0\0\x03\x01\x01\0\0"),
        HOSTILE("dicom_context_unknown", 6, "\x04\0\0\0\0\x06\0\0\0\x02\x02\x03"),
        HOSTILE("dicom_context_unknown", 6, "\x04\0\0\0\0\x06\0\0\0\x02\x09\x03"),
        HOSTILE("dicom_data_unexpected", 6, "\x04\0\0\0\0\x06\0\0\0\x02\x01\x02"),
        HOSTILE("dicom_data_unexpected", 6,
                ECHO_HALF "\x04\0\0\0\0\x06\0\0\0\x02\x01\x02"),
        HOSTILE("dicom_context_unknown", 6,
                ECHO_HALF "\x04\0\0\0\0\x06\0\0\0\x02\x03\x03"),
        HOSTILE("dicom_fragment_empty", 6, "\x04\0\0\0\0\x06\0\0\0\x02\x01\x01"),
        HOSTILE("dicom_command_broken", 6, "\x04\0\0\0\0\x06\0\0\0\x02\x01\x03"),
        HOSTILE("dicom_command_broken", 6,
                "\x04\0\0\0\0\x0E\0\0\0\x0A\x01\x03\0\0\0\x01\xFF\xFF\xFF\xFF"),
        HOSTILE("dicom_command_broken", 6,
                "\x04\0\0\0\0\x0E\0\0\0\x0A\x01\x03\x08\0\0\x01\0\0\0\0"),
        HOSTILE("dicom_response_unexpected", 6,
                "\x04\0\0\0\0\x1A\0\0\0\x16\x01\x03\0\0\0\x01\x02\0\0\0\0\x81"
                "\0\0\0\x08\x02\0\0\0\x01\x01"),
        HOSTILE("dicom_aborted", -1, "\x07\0\0\0\0\x04\0\0\0\0"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct site site;
        open_associated(&site);
        dimse_association_take(&site.association, span_of(cases[i].bytes, cases[i].len));
        CHECK(site.association.stage == DIMSE_STAGE_OVER);
        CHECK(site.association.fault &&
              strcmp(site.association.fault, cases[i].code) == 0);
        if (!site.association.fault || strcmp(site.association.fault, cases[i].code) != 0)
            printf("# case %zu: %s\n", i, site.association.fault);
        CHECK(abort_of(&site) == cases[i].reason);
        close_site(&site);
    }
}

static void refuse_request(const char *code, const struct buf *body)
{
    struct site site;
    CLEANUP(buf_free) struct buf request = buf_init(1 << 18);
    open_site(&site);
    testpeer_pdu(&request, DIMSE_ASSOCIATE_RQ, buf_view(body));
    feed(&site, &request);
    CHECK(site.association.stage == DIMSE_STAGE_OVER && site.association.fault);
    CHECK(strcmp(site.association.fault, code) == 0);
    CHECK(abort_of(&site) == DIMSE_ABORT_INVALID);
    close_site(&site);
}

static void requests_that_contradict_themselves_abort_it_by_name(void)
{
    static const char *const implicit[] = {DIMSE_IMPLICIT, NULL};
    CLEANUP(buf_free) struct buf good = buf_init(1 << 16);
    CLEANUP(buf_free) struct buf body = buf_init(1 << 18);
    testpeer_titles(&good, "TSUMUGI", "MODALITY");
    refuse_request("dicom_pdu_length", &body);
    buf_span(&body, buf_view(&good));
    testpeer_context(&body, 2, TESTPEER_CT, implicit);
    refuse_request("dicom_context_even", &body);
    buf_reset(&body);
    buf_span(&body, buf_view(&good));
    testpeer_context(&body, 1, TESTPEER_CT, implicit);
    testpeer_context(&body, 1, TESTPEER_CT, implicit);
    refuse_request("dicom_context_twice", &body);
    buf_reset(&body);
    buf_span(&body, buf_view(&good));
    testpeer_item(&body, 0x20, SPAN("\x01\0\0\0\x40\0\0\x01\x31"));
    refuse_request("dicom_context_broken", &body);
    buf_reset(&body);
    buf_span(&body, buf_view(&good));
    buf_cstr(&body, "\x20\x20\x7F\x7F");
    refuse_request("dicom_item_length", &body);
    buf_reset(&body);
    buf_span(&body, buf_view(&good));
    testpeer_item(&body, 0x50, SPAN("\x51\0\0\x02\x40\x40"));
    refuse_request("dicom_item_length", &body);
    buf_reset(&body);
    buf_span(&body, buf_view(&good));
    testpeer_user(&body, 63);
    refuse_request("dicom_pdu_bytes", &body);
}

static void a_129th_context_is_too_many(void)
{
    static const char *const implicit[] = {DIMSE_IMPLICIT, NULL};
    struct err err = {0};
    CLEANUP(buf_free) struct buf body = buf_init(1 << 18);
    struct dimse_request *request = calloc(1, sizeof *request);
    testpeer_titles(&body, "TSUMUGI", "MODALITY");
    for (int i = 0; i < 128; i++)
        testpeer_context(&body, (uint8_t)(2 * i + 1), TESTPEER_CT, implicit);
    CHECK(dimse_read_request(buf_view(&body), request, &err));
    CHECK(request->context_count == 128);
    testpeer_context(&body, 1, TESTPEER_CT, implicit);
    CHECK(!dimse_read_request(buf_view(&body), request, &err));
    CHECK(strcmp(err.code, "dicom_contexts_too_many") == 0);
    free(request);
}

static void a_command_without_end_is_cut_at_its_limit(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 20);
    open_associated(&site);
    for (int i = 0; i < 80; i++) { /* fragments of 1 kB, none the last */
        testpeer_16(&bytes, 0x0400);
        testpeer_16(&bytes, 0);
        testpeer_16(&bytes, 1030);
        testpeer_16(&bytes, 0);
        testpeer_16(&bytes, 1026);
        testpeer_16(&bytes, 0x0101);
        for (int k = 0; k < 1024; k++)
            buf_byte(&bytes, 0);
    }
    CHECK(feed(&site, &bytes) < bytes.len);
    CHECK(strcmp(site.association.fault, "dicom_command_too_long") == 0);
    close_site(&site);
}

static void the_command_of_another_context_cannot_take_over_a_data_set(void)
{
    struct site site;
    CLEANUP(buf_free) struct buf bytes = buf_init(1 << 16);
    struct testpeer_command store = {DIMSE_STORE_RQ, 1, true, TESTPEER_CT, "2.25.1", 0};
    open_associated(&site);
    testpeer_command(&bytes, 3, &store);
    testpeer_command(&bytes, 3, &store);
    feed(&site, &bytes);
    CHECK(strcmp(site.association.fault, "dicom_command_unexpected") == 0);
    CHECK(site.abandons == 1);
    close_site(&site);
}

/* ---- who may come ---- */

static bool lies(const char *network, const char *address)
{
    struct err err = {0};
    struct dimse_peer peer = {.network_count = 1};
    CHECK(dimse_read_network(span_cstr(network), &peer.networks[0], &err));
    return dimse_network_has(peer.networks, peer.network_count, address);
}

static void addresses_are_compared_by_their_network(void)
{
    CHECK(lies("10.1.2.3", "10.1.2.3") && !lies("10.1.2.3", "10.1.2.4"));
    CHECK(lies("10.1.0.0/16", "10.1.255.4") && !lies("10.1.0.0/16", "10.2.0.1"));
    CHECK(lies("10.1.2.128/25", "10.1.2.200") && !lies("10.1.2.128/25", "10.1.2.100"));
    CHECK(lies("0.0.0.0/0", "192.0.2.1") && !lies("0.0.0.0/0", "2001:db8::1"));
    CHECK(lies("2001:db8::/32", "2001:db8:1::5") && !lies("2001:db8::/32", "2001:db9::"));
    CHECK(!lies("10.1.2.3", "") && !lies("10.1.2.3", "ten"));
}

static void networks_and_titles_that_cannot_be_meant_are_refused(void)
{
    static const char *const networks[] = {
        "",        "/",    "10.1.2",      "10.1.2.3/33", "10.1.2.3/", "10.1.2.3/-1",
        "::1/129", "host", "10.1.2.3/8/8"};
    static const char *const titles[] = {
        "", " ", " A", "A\\B", "12345678901234567", "\xE3\x81\x82"};
    struct dimse_network network;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        struct err err = {0};
        CHECK(!dimse_read_network(span_cstr(networks[i]), &network, &err));
    }
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        struct err err = {0};
        CHECK(!dimse_check_title(span_cstr(titles[i]), &err));
    }
    struct err err = {0};
    CHECK(dimse_check_title(SPAN("CT_1 Raum 2"), &err));
}

int main(void)
{
    RUN(each_context_gets_the_syntax_that_keeps_most);
    RUN(the_answer_says_which_contexts_and_how_much_at_once);
    RUN(a_refusal_has_its_result_source_and_reason);
    RUN(other_protocols_are_rejected);
    RUN(release_is_answered_and_ends_it_in_order);
    RUN(an_echo_is_answered);
    RUN(an_instance_reaches_the_sink_as_a_file);
    RUN(any_split_says_the_same);
    RUN(there_is_no_answer_before_the_sink_gives_one);
    RUN(a_full_sink_takes_no_more_until_it_is_asked_again);
    RUN(what_cannot_be_done_is_refused_and_the_association_goes_on);
    RUN(a_refusal_of_the_sink_is_told_after_the_data_set);
    RUN(a_data_set_that_is_not_what_the_command_says_is_not_kept);
    RUN(an_instance_beyond_the_cap_is_read_and_refused);
    RUN(what_is_cut_off_is_abandoned);
    RUN(a_commitment_tells_what_is_kept_and_what_is_not);
    RUN(a_commitment_is_accepted_when_it_is_kept);
    RUN(a_commitment_that_cannot_be_read_is_refused);
    RUN(a_commitment_is_reported_only_where_it_was_agreed_on);
    RUN(hostile_bytes_within_an_association_abort_it_by_name);
    RUN(requests_that_contradict_themselves_abort_it_by_name);
    RUN(a_129th_context_is_too_many);
    RUN(a_command_without_end_is_cut_at_its_limit);
    RUN(the_command_of_another_context_cannot_take_over_a_data_set);
    RUN(addresses_are_compared_by_their_network);
    RUN(networks_and_titles_that_cannot_be_meant_are_refused);
    return test_done();
}
