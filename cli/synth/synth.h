// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A synthetic region: invented facilities, staff and persons, and SS-MIX2 storages of its
 * hospitals, standardized and extended, for `tsumugi synth`, `tsumugi demo` and tests.
 * Everything follows from a number and a day: no clock, no locale, no randomness from
 * outside.
 *
 * Nobody in it exists. Not a generator of HL7 for other programs: it writes what
 * hospitals write, with their deviations, as far as docs/specs/ssmix2.md knows them. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/day.h"
#include "base/rand.h"

/* name, data type, MSH-9 */
#define SYNTH_TYPES(X)                                                                   \
    X(ADT_00, "ADT-00", "ADT^A08^ADT_A01")                                               \
    X(ADT_01, "ADT-01", "ADT^A54^ADT_A54")                                               \
    X(ADT_12, "ADT-12", "ADT^A04^ADT_A01")                                               \
    X(ADT_21, "ADT-21", "ADT^A14^ADT_A05")                                               \
    X(ADT_22, "ADT-22", "ADT^A01^ADT_A01")                                               \
    X(ADT_31, "ADT-31", "ADT^A21^ADT_A21")                                               \
    X(ADT_32, "ADT-32", "ADT^A22^ADT_A21")                                               \
    X(ADT_42, "ADT-42", "ADT^A02^ADT_A02")                                               \
    X(ADT_51, "ADT-51", "ADT^A16^ADT_A16")                                               \
    X(ADT_52, "ADT-52", "ADT^A03^ADT_A03")                                               \
    X(ADT_61, "ADT-61", "ADT^A60^ADT_A60")                                               \
    X(PPR_01, "PPR-01", "PPR^ZD1^PPR_ZD1")                                               \
    X(OMD, "OMD", "OMD^O03^OMD_O03")                                                     \
    X(OMP_01, "OMP-01", "RDE^O11^RDE_O11")                                               \
    X(OMP_11, "OMP-11", "RAS^O17^RAS_O17")                                               \
    X(OMP_02, "OMP-02", "RDE^O11^RDE_O11")                                               \
    X(OMP_12, "OMP-12", "RAS^O17^RAS_O17")                                               \
    X(OML_01, "OML-01", "OML^O33^OML_O33")                                               \
    X(OML_11, "OML-11", "OUL^R22^OUL_R22")                                               \
    X(OMG_01, "OMG-01", "OMG^O19^OMG_O19")                                               \
    X(OMG_11, "OMG-11", "OMI^Z23^OMI_Z23")                                               \
    X(OMG_02, "OMG-02", "OMG^O19^OMG_O19")                                               \
    X(OMG_12, "OMG-12", "OMI^Z23^OMI_Z23")                                               \
    X(OMG_03, "OMG-03", "OMG^O19^OMG_O19")                                               \
    X(OMG_13, "OMG-13", "ORU^R01^ORU_R01")

enum synth_type {
#define X(name, code, message) SYNTH_##name,
    SYNTH_TYPES(X)
#undef X
        SYNTH_TYPE_COUNT
};

enum {
    SYNTH_RINDO,  /* りんどう市立病院 */
    SYNTH_KEYAKI, /* けやき会病院 */
    SYNTH_MIYAMA, /* みやま高原病院 */
    SYNTH_HOSPITALS,
    SYNTH_KAWABE = SYNTH_HOSPITALS,
    SYNTH_SUZUKAKE,
    SYNTH_TSUBASA,
    SYNTH_SUMIRE,   /* すみれ歯科医院 */
    SYNTH_HIKARI,   /* ひかり訪問看護ステーション */
    SYNTH_YASURAGI, /* やすらぎ居宅介護支援事業所 */
    SYNTH_FACILITIES,

    SYNTH_PEOPLE_MIN = 28, /* those with a story */
    SYNTH_PEOPLE_MAX = 20000,
    SYNTH_PEOPLE_DEFAULT = 200,
    SYNTH_STARS = 12,
    SYNTH_CONSENTS_MAX = 2,
    SYNTH_FAULTS_MAX = 16,
    SYNTH_DOCTORS = 6,
    SYNTH_WAVE_DAYS = 400, /* ECGs that are older have no files */
    SYNTH_NUMBER_BYTES = 16,
    SYNTH_PATH_BYTES = 512
};

struct synth_doctor {
    const char *number;
    const char *family;
    const char *given;
    const char *family_kana;
    const char *given_kana;
    const char *department; /* code of table 0069 */
};

/* How a hospital writes kanji outside JIS X 0208. */
enum synth_gaiji { SYNTH_GAIJI_PLAIN, SYNTH_GAIJI_VENDOR, SYNTH_GAIJI_MARK };

struct synth_facility {
    const char *code; /* 10 digits */
    const char *name;
    const char *kana;
    const char *kind;   /* as in exchange/facility */
    const char *way;    /* likewise */
    const char *policy; /* of what it writes at the centre; NULL: its gateway's */
    const char *letter; /* mark in the calendar */
    const char *postal_code;
    const char *address;
    const char *phone;
    int number_digits; /* of its patients */
    bool is_away;      /* its gateway is off when the demo starts */
    bool must_ask;     /* it may not register persons itself */
    enum synth_gaiji gaiji;
    bool writes_half_width_kana;
    struct synth_doctor doctors[SYNTH_DOCTORS]; /* of the hospitals */
};

struct synth_staff {
    const char *login;
    const char *family;
    const char *given;
    const char *family_kana;
    const char *given_kana;
    int birth_year;
    /* posts: facility, profession, role; the second one may be missing (facility -1) */
    int facilities[2];
    const char *profession;
    const char *role;
};

struct synth_name {
    const char *family;
    const char *given;
    const char *family_kana;
    const char *given_kana;
};

/* Files of one type: by flag 0, 1, 2; and how many parts (RP, groups, problems) the
 * current ones hold. */
struct synth_count {
    int files[3];
    int parts;
};

/* Kinds of documents in extended storage, by the words of formats/entry. */
enum synth_document {
    SYNTH_DOCUMENT,
    SYNTH_PROGRESS_NOTE,
    SYNTH_VITAL_SIGNS,
    SYNTH_UNKNOWN,
    SYNTH_DOCUMENT_KINDS
};

/* One person's card at one facility. */
struct synth_record {
    int facility;
    char number[SYNTH_NUMBER_BYTES];
    struct synth_name name; /* as this facility has it */
    const char *trap;       /* why the name differs, or NULL */
    const char *link;       /* "confirmed", "proposed", "none" */
    int32_t first_day;      /* of care here */
    struct synth_count counts[SYNTH_TYPE_COUNT];
    int documents[SYNTH_DOCUMENT_KINDS][3]; /* by flag 0, 1, 2 */
    int document_count;
};

struct synth_consent {
    const char *form;    /* "comprehensive", "specific" */
    const char *state;   /* "active", "withdrawn", "refused" */
    const char *channel; /* "paper", "oral", "device" */
    const char *giver;   /* "self", "parent", "guardian", "representative" */
    int obtained_at;     /* facility */
    unsigned facilities; /* bits, of a specific one */
    int32_t day;
    int32_t withdrawn_day; /* DAY_NONE */
    int32_t until_day;     /* DAY_NONE */
};

struct synth_person {
    int index;
    bool is_star;
    const char *story; /* what makes the person interesting */
    struct synth_name name;
    int32_t birth_day;
    char sex;
    const char *postal_code;
    const char *address; /* in the region's arena */
    char phone[16];
    unsigned conditions; /* bits of enum synth_condition */
    int32_t since_day;   /* first of all entries */
    struct synth_record records[SYNTH_FACILITIES];
    int record_count;
    struct synth_consent consents[SYNTH_CONSENTS_MAX];
    int consent_count;
};

enum synth_condition {
    SYNTH_DIABETES = 1 << 0,
    SYNTH_PRESSURE = 1 << 1,
    SYNTH_LIPIDS = 1 << 2,
    SYNTH_KIDNEY = 1 << 3,
    SYNTH_HEART = 1 << 4,
    SYNTH_LUNG = 1 << 5,
    SYNTH_STROKE = 1 << 6,
    SYNTH_BONE = 1 << 7,
    SYNTH_STOMACH = 1 << 8,
    SYNTH_CANCER = 1 << 9,
    SYNTH_ALLERGY = 1 << 10,
    SYNTH_DIALYSIS = 1 << 11,
    SYNTH_MIND = 1 << 12, /* a problem that must stay hidden */
};

struct synth_fault {
    const char *kind;     /* "foreign_patient", "cp932", "crlf", "cut", "misplaced" */
    const char *expected; /* "held", "warned", "refused", "read", "unknown" */
    int facility;
    char number[SYNTH_NUMBER_BYTES];
    int32_t day;
    char path[SYNTH_PATH_BYTES]; /* below the output directory */
};

/* Studies of the hospitals' archives: none, small ones, or as large as real ones. */
enum synth_images { SYNTH_NO_IMAGES, SYNTH_SMALL_IMAGES, SYNTH_FULL_IMAGES };

struct synth_study;

struct synth {
    uint64_t seed;
    int32_t today;
    bool is_specific; /* the network knows specific consent only */
    bool has_ecgs;
    bool has_long_waves; /* 24 hours of ECG */
    int root;            /* descriptor of the output directory */
    struct arena arena;
    struct synth_person *people;
    int people_count;
    int64_t order_numbers[SYNTH_HOSPITALS]; /* used so far */
    int files;
    enum synth_images images;
    struct synth_study *studies; /* of which images may be made */
    int study_count;
    unsigned images_at; /* bits of hospitals */
    int image_files;    /* they are among `files` */
    struct synth_fault faults[SYNTH_FAULTS_MAX];
    int fault_count;
    struct err err; /* the first failure; everything after it does nothing */
};

extern const struct synth_facility synth_facilities[SYNTH_FACILITIES];
extern const struct synth_staff synth_staff[];
extern const int synth_staff_count;

const char *synth_type_code(enum synth_type type);
const char *synth_type_message(enum synth_type type);

/* The numbers of one purpose: same seed, purpose and index → same sequence. */
struct rand_seeded synth_dice(uint64_t seed, uint64_t purpose, uint64_t index);
/* first … last, both included. */
int synth_roll(struct rand_seeded *dice, int first, int last);
bool synth_chance(struct rand_seeded *dice, int percent);

/* Fills people, their cards and consents. */
bool synth_make_people(struct synth *synth);
/* Writes all that one person has in the storages of the hospitals. */
void synth_write_person(struct synth *synth, struct synth_person *person);
/* The deviating files, after all others; they are not in the counts. */
void synth_write_faults(struct synth *synth);
/* Studies for some of the orders, after all others. */
void synth_write_images(struct synth *synth);
/* region.json */
bool synth_write_region(struct synth *synth);
