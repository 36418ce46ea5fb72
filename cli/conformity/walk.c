// SPDX-License-Identifier: Apache-2.0
/* Through the tree in order of names, so that "-" (ADT-00) comes before a patient's days
 * and the versions of one key stand side by side. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/path.h"
#include "cli/conformity/conformity.h"
#include "formats/charset/charset.h"
#include "formats/extended/extended.h"
#include "formats/hl7/hl7.h"

enum {
    DEPTH_PATIENT = 3,
    DEPTH_TYPE = 5,
    DEPTH_FILE = 6,
    DEPTH_CONTENT = DEPTH_FILE, /* a document's own folder */
    FILE_BYTES_MAX = 16 << 20,
    ARENA_BYTES_MAX = 256 << 20,
    EXAMPLES_BYTES_MAX = 1 << 20,
    KANA_BYTES_MAX = 1024,
    PROGRESS_MS = 500,
};

struct walking {
    const struct conformity_walk *config;
    struct conformity_total *total;
    struct arena arena; /* of one file */
    struct clock clock;
    int64_t started_ms;
    int64_t told_ms;
    size_t root_len;

    /* the patient whose folder is open */
    bool has_basics;
    bool has_documents_only; /* as in extended storage: there is no ADT-00 */
    int32_t birth_day;
    char kana[KANA_BYTES_MAX]; /* folded */
    /* the file before in the same folder */
    char before[PATH_MAX_BYTES + 1];
    /* the document's folder that is open, and the one before it */
    bool has_main;
    char before_folder[PATH_MAX_BYTES + 1];

    /* the file that is being read */
    const char *path;
    struct conformity_type *type;
    const char *type_code;
    struct span message; /* its bytes, when they are a message's */
    int worst;           /* enum conformity_weight, or CONFORMITY_WEIGHT_COUNT */
};

/* ---- findings ---- */

/* What is missing or not shown is not where the offset is: its words name it. */
static bool is_about_names(const char *code)
{
    static const char *const codes[] = {"ssmix_segment_missing", "ssmix_group_missing",
                                        "ssmix_group_incomplete", "segment_unread"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

/* The names of segments among the words: capitals, digits and what stands between. */
static void take_names(struct span words, char place[CONFORMITY_PLACE_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < words.len && len + 1 < CONFORMITY_PLACE_BYTES; i++) {
        uint8_t byte = words.at[i];
        if ((byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
            (len > 0 && (byte == ',' || byte == ' ')))
            place[len++] = (char)byte;
    }
    place[len] = '\0';
}

/* Where in the message a vendor looks: "ORC-9". */
static void name_place(struct walking *walking, struct conformity_finding *found,
                       struct span words)
{
    struct err ignored = {0};
    found->place[0] = '\0';
    if (!walking->message.at || !found->has_offset)
        return;
    if (is_about_names(found->code)) {
        take_names(words, found->place);
        return;
    }
    const struct hl7_message *message =
        hl7_parse(walking->message, &walking->arena, &ignored);
    if (message)
        hl7_name_place(message, (size_t)found->offset, found->place);
}

static bool note(struct walking *walking, const struct conformity_finding *found,
                 struct err *err)
{
    const struct conformity_walk *config = walking->config;
    int weight = (int)conformity_find_words(found->code)->weight;
    if (weight < walking->worst)
        walking->worst = weight;
    return conformity_count_code(walking->total, found, err) &&
           (!config->note || config->note(config->context, found, err));
}

static bool note_place(struct walking *walking, const char *code, struct err *err)
{
    struct conformity_finding found = {
        .path = walking->path, .type = walking->type_code, .code = code};
    return note(walking, &found, err);
}

static bool note_fault(struct walking *walking, const struct err *fault, struct err *err)
{
    struct conformity_finding found = {.path = walking->path,
                                       .type = walking->type_code,
                                       .code = fault->code,
                                       .offset = fault->offset,
                                       .clause = fault->clause,
                                       .has_offset = fault->clause != NULL};
    name_place(walking, &found, span_cstr(fault->text));
    return note(walking, &found, err);
}

/* The same code once for a file, however often it warns. */
static bool is_first_of_code(const struct entry_list *list,
                             const struct entry_warning *warning)
{
    for (const struct entry_warning *one = list->warnings; one != warning;
         one = one->next)
        if (strcmp(one->code, warning->code) == 0)
            return false;
    return true;
}

/* Types without an order number have the fixed key by the standard (clause 2.2.4): an
 * order's number in them is no deviation. */
static bool has_fixed_key(const struct ssmix_name *name)
{
    return name->known && name->known->day_from == SSMIX_DAY_FROM_NONE &&
           span_is(name->key, SSMIX_FIXED_KEY);
}

static bool note_warnings(struct walking *walking, const struct ssmix_name *name,
                          const struct entry_list *list, struct err *err)
{
    for (const struct entry_warning *one = list->warnings; one; one = one->next) {
        struct conformity_finding found = {.path = walking->path,
                                           .type = walking->type_code,
                                           .code = one->code,
                                           .offset = one->offset,
                                           .has_offset = true};
        bool is_due = is_first_of_code(list, one) &&
                      !(strcmp(one->code, "key_mismatch") == 0 && has_fixed_key(name));
        if (is_due)
            name_place(walking, &found, text_span(one->text));
        if (is_due && !note(walking, &found, err))
            return false;
    }
    return true;
}

/* ---- one file ---- */

/* ADT-00 is read first; what later files say of the person is compared with it. */
static bool compare_person(struct walking *walking, const struct ssmix_name *name,
                           const struct entry_patient *patient, struct err *err)
{
    struct text folded = {0};
    bool is_basics = name->known && strcmp(name->known->code, "ADT-00") == 0;
    if (is_basics && name->flag != '1')
        return true;
    if (!charset_fold(patient->kana, &walking->arena, &folded, err))
        return false;
    if (is_basics) {
        walking->has_basics = true;
        walking->birth_day = patient->birth_day;
        size_t len = folded.len < sizeof walking->kana ? folded.len : 0;
        memcpy(walking->kana, folded.at ? folded.at : "", len);
        walking->kana[len] = '\0';
        return true;
    }
    bool is_known = walking->kana[0] && walking->birth_day != DAY_NONE;
    bool is_said = folded.len > 0 && patient->birth_day != DAY_NONE;
    if (!is_known || !is_said || patient->birth_day == walking->birth_day ||
        text_is(folded, walking->kana))
        return true;
    return note_place(walking, "patient_contradicted", err);
}

static bool read_content(struct walking *walking, const struct ssmix_name *name,
                         struct span bytes, struct err *err)
{
    struct entry_list list = {.format = "ssmix2"};
    struct err fault = {0};
    bool is_read = ssmix_read(name, bytes, &walking->arena, &list, &fault);
    walking->message = bytes;
    if (!note_warnings(walking, name, &list, err))
        return false;
    if (!is_read)
        return note_fault(walking, &fault, err);
    return compare_person(walking, name, &list.patient, err);
}

static void count_days(struct walking *walking, const struct ssmix_name *name)
{
    walking->type->by_flag[name->flag - '0']++;
    if (name->day == DAY_NONE)
        return;
    if (walking->type->first_day == DAY_NONE || name->day < walking->type->first_day)
        walking->type->first_day = name->day;
    if (walking->type->last_day == DAY_NONE || name->day > walking->type->last_day)
        walking->type->last_day = name->day;
}

static void count_name(struct walking *walking, const struct ssmix_name *name)
{
    struct conformity_total *total = walking->total;
    size_t place = CONFORMITY_OTHERS;
    for (size_t i = 0; name->known && i < SSMIX_TYPE_COUNT; i++)
        if (ssmix_type_at(i) == name->known)
            place = i;
    walking->type = &total->types[place];
    walking->type_code = name->known ? name->known->code : "-";
    count_days(walking, name);
}

/* Two versions of one key that are both current. */
static bool compare_before(struct walking *walking, const struct ssmix_name *name,
                           struct err *err)
{
    struct ssmix_name before = {0};
    struct err ignored = {0};
    bool is_double = walking->before[0] &&
                     ssmix_parse_path(span_cstr(walking->before), &before, &ignored) &&
                     before.flag == '1' && name->flag == '1' &&
                     ssmix_same_key(&before, name);
    snprintf(walking->before, sizeof walking->before, "%s", walking->path);
    return !is_double || note_place(walking, "versions_both_current", err);
}

/* True with no bytes when they cannot be read, and that was noted. */
static bool read_bytes(struct walking *walking, const FTSENT *found, struct span *bytes,
                       bool *is_read, struct err *err)
{
    struct err fault = {0};
    *is_read = false;
    CLEANUP(path_close)
    int fd = open(found->fts_accpath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return note_place(walking, errno == ELOOP ? "path_unsafe" : "path_failed", err);
    if (!path_read(fd, FILE_BYTES_MAX, &walking->arena, bytes, &fault))
        return note_fault(walking, &fault, err);
    walking->total->bytes += bytes->len;
    *is_read = true;
    return true;
}

static bool check_bytes(struct walking *walking, const FTSENT *found,
                        const struct ssmix_name *name, struct err *err)
{
    struct span bytes = {0};
    bool is_read = false;
    return read_bytes(walking, found, &bytes, &is_read, err) &&
           (!is_read || read_content(walking, name, bytes, err));
}

/* ---- documents of extended storage ---- */

/* The folder of the version before, and this one. */
static bool compare_folder(struct walking *walking, const struct extended_name *name,
                           struct err *err)
{
    struct extended_name before;
    struct err ignored = {0};
    bool is_double = walking->before_folder[0] &&
                     extended_parse_path(span_cstr(walking->before_folder),
                                         &walking->arena, &before, &ignored) &&
                     before.record.flag == '1' && name->record.flag == '1' &&
                     ssmix_same_key(&before.record, &name->record);
    snprintf(walking->before_folder, sizeof walking->before_folder, "%s", walking->path);
    return !is_double || note_place(walking, "versions_both_current", err);
}

static bool read_document(struct walking *walking, const FTSENT *found,
                          const struct extended_name *name, struct err *err)
{
    struct entry_list list = {.format = "ssmix2"};
    struct err fault = {0};
    struct span bytes = {0};
    bool is_read = false;
    if (!read_bytes(walking, found, &bytes, &is_read, err) || !is_read)
        return err->kind == ERR_NONE;
    is_read = extended_read(name, bytes, &walking->arena, &list, &fault);
    if (!note_warnings(walking, &name->record, &list, err))
        return false;
    return is_read ? compare_person(walking, &name->record, &list.patient, err)
                   : note_fault(walking, &fault, err);
}

/* What lies beside the main document is only counted. */
static bool check_document(struct walking *walking, const FTSENT *found, struct err *err)
{
    struct extended_name name;
    struct err fault = {0};
    walking->type = &walking->total->types[CONFORMITY_DOCUMENTS];
    walking->type_code = conformity_type_code(CONFORMITY_DOCUMENTS);
    if (!extended_parse_path(span_cstr(walking->path), &walking->arena, &name, &fault))
        return note_fault(walking, &fault, err);
    bool is_alone = name.is_in_folder && found->fts_parent->fts_number == 1 &&
                    found->fts_link == NULL;
    if (!name.is_main && !is_alone)
        return true;
    name.is_main = true;
    walking->has_main = true;
    count_days(walking, &name.record);
    return compare_folder(walking, &name, err) &&
           read_document(walking, found, &name, err);
}

static bool is_document(const struct walking *walking)
{
    struct span path = span_cstr(walking->path);
    struct span relative = {0};
    return extended_find_path(path, &relative) && relative.len == path.len;
}

static bool check_file(struct walking *walking, const FTSENT *found, struct err *err)
{
    struct ssmix_name name = {0};
    struct err fault = {0};
    arena_reset(&walking->arena);
    walking->type = &walking->total->types[CONFORMITY_OTHERS];
    walking->type_code = "-";
    walking->worst = CONFORMITY_WEIGHT_COUNT;
    walking->message = (struct span){0};
    walking->total->files++;
    bool is_done = false;
    bool is_extended = is_document(walking);
    walking->has_documents_only = walking->has_documents_only && is_extended;
    if (is_extended) {
        is_done = check_document(walking, found, err);
    } else if (!ssmix_parse_path(span_cstr(walking->path), &name, &fault)) {
        is_done = note_fault(walking, &fault, err);
    } else {
        count_name(walking, &name);
        is_done = (name.known || note_place(walking, "ssmix_type_unknown", err)) &&
                  compare_before(walking, &name, err) &&
                  check_bytes(walking, found, &name, err);
    }
    walking->type->files++;
    if (walking->worst == CONFORMITY_WEIGHT_COUNT) {
        walking->total->clean++;
    } else {
        walking->type->by_weight[walking->worst]++;
        walking->total->by_weight[walking->worst]++;
    }
    return is_done;
}

/* ---- folders ---- */

static bool enter_folder(struct walking *walking, const FTSENT *found)
{
    if (found->fts_level == DEPTH_PATIENT) {
        walking->has_basics = false;
        walking->has_documents_only = true;
        walking->birth_day = DAY_NONE;
        walking->kana[0] = '\0';
    }
    if (found->fts_level == DEPTH_TYPE)
        walking->before_folder[0] = '\0';
    walking->before[0] = '\0';
    walking->has_main = false;
    return true;
}

static bool leave_folder(struct walking *walking, const FTSENT *found, struct err *err)
{
    walking->type_code = "-";
    if (found->fts_number == 0 && found->fts_level > 0)
        return note_place(walking, "folder_empty", err);
    if (found->fts_level == DEPTH_CONTENT && !walking->has_main) {
        walking->total->by_weight[CONFORMITY_REFUSED]++; /* one document, not shown */
        return note_place(walking, "document_main_missing", err);
    }
    if (found->fts_level != DEPTH_PATIENT)
        return true;
    walking->total->patients++;
    return walking->has_basics || walking->has_documents_only ||
           note_place(walking, "patient_without_basics", err);
}

static void tell_progress(struct walking *walking)
{
    int64_t now_ms = clock_monotonic_ms(&walking->clock);
    if (!walking->config->shows_progress || now_ms - walking->told_ms < PROGRESS_MS)
        return;
    int64_t passed_ms = now_ms - walking->started_ms;
    uint64_t files = walking->total->files;
    walking->told_ms = now_ms;
    uint64_t rate = passed_ms > 0 ? files * 1000 / (uint64_t)passed_ms : 0;
    fprintf(stderr,
            walking->config->is_english
                ? "\r%" PRIu64 " files, %" PRIu64 " patients, %" PRIu64 " files/s "
                : "\r%" PRIu64 "ファイル、患者%" PRIu64 "人、毎秒%" PRIu64 "ファイル ",
            files, walking->total->patients, rate);
}

static bool check_found(struct walking *walking, FTSENT *found, struct err *err)
{
    const char *below = found->fts_path + walking->root_len;
    walking->path = below + strspn(below, "/");
    if (found->fts_info != FTS_DP && found->fts_parent)
        found->fts_parent->fts_number++;
    tell_progress(walking);
    switch (found->fts_info) {
    case FTS_D:
        return enter_folder(walking, found);
    case FTS_DP:
        return leave_folder(walking, found, err);
    case FTS_F:
        return check_file(walking, found, err);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return note_place(walking, "path_failed", err);
    default:
        return note_place(walking, "path_unsafe", err);
    }
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void close_tree(FTS **tree)
{
    if (*tree)
        fts_close(*tree);
}

static bool walk_tree(struct walking *walking, FTS *tree, struct err *err)
{
    FTSENT *found = NULL;
    while ((found = fts_read(tree)) != NULL) {
        bool is_root = found->fts_level == 0;
        if (is_root && found->fts_info != FTS_D && found->fts_info != FTS_DP)
            return err_set(err, ERR_MISSING, "path_missing", "not a folder to read");
        if (!check_found(walking, found, err))
            return false;
    }
    return true;
}

bool conformity_check(const struct conformity_walk *walk, struct conformity_total *total,
                      struct err *err)
{
    CLEANUP(arena_free) struct arena arena = arena_init(ARENA_BYTES_MAX);
    struct walking walking = {.config = walk,
                              .total = total,
                              .clock = clock_system(),
                              .birth_day = DAY_NONE,
                              .root_len = strlen(walk->root)};
    char *roots[] = {(char *)(uintptr_t)walk->root, NULL};
    *total = (struct conformity_total){.arena = arena_init(EXAMPLES_BYTES_MAX)};
    for (size_t i = 0; i < CONFORMITY_TYPES; i++)
        total->types[i].first_day = total->types[i].last_day = DAY_NONE;
    CLEANUP(close_tree)
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, by_name);
    if (!tree)
        return err_set(err, ERR_SYSTEM, "path_failed", "the folder cannot be read");
    walking.arena = arena;
    walking.started_ms = clock_monotonic_ms(&walking.clock);
    bool is_done = walk_tree(&walking, tree, err);
    arena = walking.arena;
    int64_t passed_ms = clock_monotonic_ms(&walking.clock) - walking.started_ms;
    total->seconds = (double)passed_ms / 1000;
    if (walk->shows_progress)
        fputs("\r\033[K", stderr);
    return is_done;
}
