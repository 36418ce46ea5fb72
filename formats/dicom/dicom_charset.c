// SPDX-License-Identifier: Apache-2.0
/* Characters (PS3.5 chapter 6.1, PS3.3 C.12.1.1.2): the terms of (0008,0005) and decoding
 * by ISO 2022. Escape sequences are obeyed whether or not they were announced. */
#include "formats/dicom/dicom_parts.h"

#include <string.h>

enum { ESCAPE = 0x1B, BAD = 0xFFFD, ON_STACK_BYTES = 512, GROWTH = 3 };

enum coding { CODING_ISO2022, CODING_UTF8, CODING_GB, CODING_GUESSED };

/* What a text starts in, again behind each separator. */
struct coding_state {
    enum coding coding;
    enum charset_set left;      /* bytes 21 … 7E */
    enum charset_set right;     /* bytes A0 … FF; CHARSET_SET_NONE at first mostly */
    enum charset_set announced; /* right set of a later value, when no escape comes */
    enum charset guessed;
};

struct term {
    unsigned number;
    char escape; /* last byte of its escape sequence */
    enum charset_set set;
    bool is_double;
};

static const struct term terms[] = {
    {6, 'B', CHARSET_SET_ASCII, false},      {13, 'I', CHARSET_SET_KANA, false},
    {87, 'B', CHARSET_SET_JISX0208, true},   {159, 'D', CHARSET_SET_JISX0212, true},
    {149, 'C', CHARSET_SET_KSX1001, true},   {58, 'A', CHARSET_SET_GB2312, true},
    {100, 'A', CHARSET_SET_LATIN1, false},   {101, 'B', CHARSET_SET_LATIN2, false},
    {109, 'C', CHARSET_SET_LATIN3, false},   {110, 'D', CHARSET_SET_LATIN4, false},
    {144, 'L', CHARSET_SET_CYRILLIC, false}, {127, 'G', CHARSET_SET_ARABIC, false},
    {126, 'F', CHARSET_SET_GREEK, false},    {138, 'H', CHARSET_SET_HEBREW, false},
    {148, 'M', CHARSET_SET_LATIN5, false},   {203, 'b', CHARSET_SET_LATIN9, false},
    {166, 'T', CHARSET_SET_THAI, false},
};

/* ------------------------------------------------------------------ terms */

static const struct term *find_term(struct span word, bool *is_exact)
{
    size_t digits = word.len;
    uint64_t number = 0;
    while (digits > 0 && word.at[digits - 1] >= '0' && word.at[digits - 1] <= '9')
        digits--;
    struct span head = span_part(word, 0, digits);
    if (!span_uint(span_part(word, digits, word.len - digits), 999, &number))
        return NULL;
    *is_exact = span_is(head, "ISO_IR ") || span_is(head, "ISO 2022 IR ");
    bool is_near = span_starts(head, "ISO") && head.len <= 16;
    for (size_t i = 0; is_near && i < sizeof terms / sizeof terms[0]; i++)
        if (terms[i].number == number)
            return &terms[i];
    return NULL;
}

static bool is_utf8(struct span word)
{
    return span_is(word, "ISO_IR 192") || span_is(word, "ISO 2022 IR 192") ||
           span_is(word, "UTF-8") || span_is(word, "UTF8") || span_is(word, "ISO-IR 192");
}

static bool is_gb(struct span word)
{
    return span_is(word, "GB18030") || span_is(word, "GBK");
}

bool dicom_check_charset(struct dicom_file *file, const struct dicom_element *element,
                         struct err *err)
{
    struct span word = {0};
    for (size_t i = 0; i < 16 && dicom_part(element->value, i, &word); i++) {
        bool is_exact = true;
        bool is_whole = is_utf8(word) || is_gb(word);
        if (word.len == 0 || (is_whole && !span_starts(word, "UTF")))
            continue;
        const struct term *term = is_whole ? NULL : find_term(word, &is_exact);
        const char *code =
            term || is_whole ? "dicom_charset_spelling" : "dicom_charset_unknown";
        if (term && is_exact)
            continue;
        if (!dicom_warn(file, code, element->offset, err))
            return false;
    }
    return true;
}

const struct dicom_element *dicom_charset_element(const struct dicom_set *set)
{
    for (; set; set = set->parent)
        if (set->charset_place > 0)
            return &set->elements[set->charset_place - 1];
    return NULL;
}

/* The first value is what a text begins in; of the later ones only the right half counts,
 * for texts that lack their escape sequence. */
static void add_term(struct coding_state *state, const struct term *term, bool is_first)
{
    bool is_right = term->set != CHARSET_SET_ASCII && term->set != CHARSET_SET_JISX0208 &&
                    term->set != CHARSET_SET_JISX0212;
    if (is_first && term->set == CHARSET_SET_KANA)
        state->left = CHARSET_SET_ROMAN;
    if (!is_right)
        return;
    if (is_first && !term->is_double)
        state->right = term->set;
    else if (state->announced == CHARSET_SET_NONE)
        state->announced = term->set;
}

static struct coding_state initial_state(const struct dicom_set *set)
{
    struct coding_state state = {.left = CHARSET_SET_ASCII,
                                 .right = CHARSET_SET_NONE,
                                 .announced = CHARSET_SET_NONE};
    const struct dicom_element *element = dicom_charset_element(set);
    struct span word = {0};
    if (!element) {
        enum charset guessed = (enum charset)set->file->guessed_charset;
        state.guessed = guessed;
        bool is_guessed = guessed != CHARSET_ASCII && guessed != CHARSET_ISO2022JP;
        state.coding = is_guessed ? CODING_GUESSED : CODING_ISO2022;
        return state;
    }
    for (size_t i = 0; i < 16 && dicom_part(element->value, i, &word); i++) {
        bool is_exact = false;
        if (is_utf8(word) || is_gb(word)) {
            state.coding = is_utf8(word) ? CODING_UTF8 : CODING_GB;
            return state;
        }
        const struct term *term = find_term(word, &is_exact);
        if (term)
            add_term(&state, term, i == 0);
    }
    return state;
}

/* ------------------------------------------------------------------ ISO 2022 */

/* ESC $ ) x, ESC ) I and ESC - x change the right half. */
static const struct term *find_right(bool is_double, bool is_kana, uint8_t escape)
{
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        const struct term *term = &terms[i];
        bool is_left = term->set == CHARSET_SET_ASCII ||
                       term->set == CHARSET_SET_JISX0208 ||
                       term->set == CHARSET_SET_JISX0212;
        bool is_same = is_double || is_kana == (term->set == CHARSET_SET_KANA);
        if (!is_left && is_same && term->is_double == is_double &&
            (uint8_t)term->escape == escape)
            return term;
    }
    return NULL;
}

/* Length of the escape sequence at the front, 0 when it is none that is known. */
static size_t take_escape(struct span bytes, struct coding_state *state)
{
    enum charset_state japanese = CHARSET_STATE_ASCII;
    size_t len = charset_escape(bytes, &japanese);
    static const enum charset_set left[] = {
        [CHARSET_STATE_ASCII] = CHARSET_SET_ASCII,
        [CHARSET_STATE_ROMAN] = CHARSET_SET_ROMAN,
        [CHARSET_STATE_KANA] = CHARSET_SET_KANA,
        [CHARSET_STATE_JISX0208] = CHARSET_SET_JISX0208,
        [CHARSET_STATE_JISX0212] = CHARSET_SET_JISX0212,
    };
    if (len > 0) {
        state->left = left[japanese];
        return len;
    }
    bool is_double = bytes.len >= 4 && bytes.at[1] == '$' && bytes.at[2] == ')';
    bool is_single = bytes.len >= 3 && (bytes.at[1] == '-' || bytes.at[1] == ')');
    if (!is_double && !is_single)
        return 0;
    len = is_double ? 4 : 3;
    const struct term *term =
        find_right(is_double, bytes.at[1] == ')', bytes.at[len - 1]);
    if (!term)
        return 0;
    state->right = term->set;
    return len;
}

struct unit {
    uint32_t code_point;
    size_t len;
};

static struct unit from_set(enum charset_set set, struct span bytes)
{
    bool is_double = charset_set_is_double(set);
    bool has_second = bytes.len >= 2 && (bytes.at[1] & 0x7F) > 0x20 &&
                      (bytes.at[1] & 0x7F) < 0x7F &&
                      (bytes.at[0] & 0x80) == (bytes.at[1] & 0x80);
    if (is_double && !has_second)
        return (struct unit){BAD, 1};
    uint8_t second = is_double ? bytes.at[1] & 0x7F : 0;
    uint32_t code_point = charset_set_code_point(set, bytes.at[0] & 0x7F, second);
    return (struct unit){code_point ? code_point : BAD, is_double ? 2 : 1};
}

static struct unit next_unit(const struct coding_state *state, struct span bytes)
{
    uint8_t byte = bytes.at[0];
    if (byte == 0 || byte == ESCAPE)
        return (struct unit){BAD, 1};
    if (byte < 0x80) {
        if (byte <= 0x20 || byte == 0x7F || state->coding != CODING_ISO2022 ||
            state->left == CHARSET_SET_ASCII)
            return (struct unit){byte, 1};
        return from_set(state->left, bytes);
    }
    if (state->coding == CODING_GB) {
        struct unit unit = {0};
        unit.len = charset_gb18030(bytes, &unit.code_point);
        return unit;
    }
    enum charset_set right =
        state->right == CHARSET_SET_NONE ? state->announced : state->right;
    if (right == CHARSET_SET_NONE)
        return (struct unit){BAD, 1};
    return from_set(right, bytes);
}

/* ------------------------------------------------------------------ values */

/* A stretch of bytes in a charset of formats/charset up to the separator. */
static size_t stretch_len(const struct coding_state *state, struct span bytes,
                          bool is_single)
{
    enum charset charset = state->coding == CODING_UTF8 ? CHARSET_UTF8 : state->guessed;
    size_t at = 0;
    while (at < bytes.len && (is_single || bytes.at[at] != '\\'))
        at += charset_step(charset, span_part(bytes, at, bytes.len - at));
    return at < bytes.len ? at : bytes.len;
}

static bool decode_stretch(const struct coding_state *state, struct span bytes,
                           struct arena *arena, struct text *text, struct err *err)
{
    unsigned findings = 0;
    size_t first_bad = 0;
    enum charset charset = state->coding == CODING_UTF8 ? CHARSET_UTF8 : state->guessed;
    return charset_decode(charset, bytes, arena, text, &findings, &first_bad, err);
}

static bool is_line_control(uint8_t byte)
{
    return byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r';
}

/* True when a separator may stand here: not inside two bytes of one character. */
static bool reads_bytes(const struct coding_state *state)
{
    return state->coding != CODING_ISO2022 || !charset_set_is_double(state->left);
}

/* Decodes up to a separator of values; `out` has GROWTH bytes for each of input. NULL
 * only counts. */
static size_t decode_units(const struct coding_state *initial, struct span bytes,
                           bool is_single, bool is_name, char *out, size_t *written)
{
    struct coding_state state = *initial;
    char unseen[4] = {0};
    size_t at = 0;
    while (at < bytes.len) {
        struct span rest = span_part(bytes, at, bytes.len - at);
        uint8_t byte = rest.at[0];
        size_t escape = byte == ESCAPE && state.coding == CODING_ISO2022
                            ? take_escape(rest, &state)
                            : 0;
        if (escape > 0) {
            at += escape;
            continue;
        }
        if (reads_bytes(&state) && byte == '\\' && !is_single)
            break;
        bool is_separator = is_name && (byte == '^' || byte == '=');
        struct unit unit = {byte, 1};
        if (is_line_control(byte) || (is_separator && reads_bytes(&state)))
            state = *initial;
        else
            unit = next_unit(&state, rest);
        *written += text_encode(unit.code_point, out ? out + *written : unseen);
        at += unit.len;
    }
    return at;
}

static struct text trim_text(struct text text, bool keeps_leading)
{
    struct span span = dicom_trim(text_span(text), keeps_leading);
    return (struct text){(const char *)span.at, span.len};
}

static size_t plain_len(struct span bytes, bool is_single)
{
    const uint8_t *end =
        is_single || bytes.len == 0 ? NULL : memchr(bytes.at, '\\', bytes.len);
    return end ? (size_t)(end - bytes.at) : bytes.len;
}

/* One value and its length; of many only this one costs anything. */
static bool decode_value(const struct coding_state *state, struct span bytes, uint16_t vr,
                         struct arena *arena, struct text *text, size_t *len,
                         struct err *err)
{
    char on_stack[ON_STACK_BYTES];
    bool is_single = dicom_vr_is_single(vr);
    bool is_name = vr == VR_PN;
    char *out = on_stack;
    size_t written = 0;
    if (bytes.len > ON_STACK_BYTES / GROWTH) {
        (void)decode_units(state, bytes, is_single, is_name, NULL, &written);
        if (written > ON_STACK_BYTES && !(out = arena_take(arena, written, 1, err)))
            return false;
        written = 0;
    }
    *len = decode_units(state, bytes, is_single, is_name, out, &written);
    *text = (struct text){out, written};
    return out != on_stack || text_copy(*text, arena, text, err);
}

bool dicom_decode(const struct dicom_set *set, const struct dicom_element *element,
                  size_t *at, struct arena *arena, struct text *text, struct err *err)
{
    uint16_t vr = element->vr == VR_UN ? dicom_vr_of(element->tag, set) : element->vr;
    bool is_single = dicom_vr_is_single(vr);
    /* NUL pads; it never stands for anything. */
    struct span value = dicom_trim(element->value, true);
    struct span bytes = span_part(value, *at, value.len);
    struct coding_state state = initial_state(set);
    if (!dicom_vr_is_text(vr))
        state = (struct coding_state){.guessed = CHARSET_ASCII, .coding = CODING_GUESSED};
    size_t len = plain_len(bytes, is_single);
    struct span plain = span_part(bytes, 0, len);
    if (state.left == CHARSET_SET_ASCII && charset_is_plain(plain)) {
        *text = (struct text){(const char *)plain.at, len};
    } else if (state.coding == CODING_UTF8 || state.coding == CODING_GUESSED) {
        len = stretch_len(&state, bytes, is_single);
        if (!decode_stretch(&state, span_part(bytes, 0, len), arena, text, err))
            return false;
    } else if (!decode_value(&state, bytes, vr, arena, text, &len, err)) {
        return false;
    }
    *text = trim_text(*text, is_single);
    *at += len;
    /* A separator, or the end of what is padded. */
    *at = *at < value.len ? *at + 1 : element->value.len;
    return true;
}
