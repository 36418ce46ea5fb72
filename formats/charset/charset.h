// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Character sets of Japanese clinical data to validated UTF-8 and back.
 *
 * Sources: ISO/IEC 2022 and RFC 1468 (ISO-2022-JP), JIS X 0201, 0208, 0212, CP932
 * (Windows-31J), EUC-JP; choices of mapping and of repair as in docs/specs/charset.md.
 * Pure functions; what cannot be decoded becomes U+FFFD and is reported with its offset.
 * Output lives in the caller's arena. Errors: only ERR_LIMIT / ERR_BUSY of the arena. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

enum charset {
    CHARSET_ISO2022JP, /* 7-bit, escapes ( B ( J ( I $ @ $ B $ ( D */
    CHARSET_UTF8,
    CHARSET_CP932,
    CHARSET_EUCJP,
    CHARSET_ASCII,
    CHARSET_LATIN1, /* ISO 8859-1; only where declared, never detected */
};

/* Why a file is not what it declares; zero or more per file. */
enum charset_finding {
    CHARSET_OK = 0,
    CHARSET_BAD_BYTES = 1 << 0,         /* something became U+FFFD */
    CHARSET_VENDOR_CHARACTERS = 1 << 1, /* NEC row 13, IBM extensions */
    CHARSET_JISX0212 = 1 << 2,
    CHARSET_HALF_WIDTH_KANA = 1 << 3,
    CHARSET_HIGH_BYTES = 1 << 4, /* CP932 pairs inside a 7-bit file */
};

/* Decides for a whole file, never for parts of it: no byte >= 0x80 → ISO-2022-JP; no
 * ESC and valid UTF-8 → UTF-8; else CP932, then EUC-JP, whichever decodes without loss
 * (CP932 when neither does). With ESC and single high bytes: ISO-2022-JP. */
enum charset charset_detect(struct span bytes);
/* True when there is neither a byte >= 0x80 nor ESC nor NUL: any set reads it alike. */
bool charset_is_plain(struct span bytes);
const char *charset_name(enum charset charset);

/* State of ISO-2022-JP; it starts as ASCII, also behind every CR and LF. Bytes mean
 * ASCII characters in CHARSET_STATE_ASCII and (all but 0x5C and 0x7E) _ROMAN. */
enum charset_state {
    CHARSET_STATE_ASCII,
    CHARSET_STATE_ROMAN,    /* JIS X 0201, left half */
    CHARSET_STATE_KANA,     /* JIS X 0201, right half shifted to 7 bits */
    CHARSET_STATE_JISX0208, /* pairs of bytes */
    CHARSET_STATE_JISX0212, /* pairs of bytes */
};

/* Length of the escape sequence at the front of `bytes` and the state it leads to; 0
 * when there is none that is known (`state` is left alone). */
size_t charset_escape(struct span bytes, enum charset_state *state);

/* Bytes that the character at the front takes, so that a splitter never finds a separator
 * inside one: 1 to 4; UTF-8 and broken characters count byte by byte, the 7-bit states of
 * ISO-2022-JP are the caller's (charset_escape). 0 only for an empty span. */
size_t charset_step(enum charset charset, struct span bytes);

/* Decodes one stretch that begins in the character set's initial state. Fast path: a
 * stretch of plain ASCII is returned as a view on the input, without a copy.
 * `findings` is or-ed into; `first_bad` gets the offset of the first bad byte when there
 * is one (left alone otherwise). */
MUST_CHECK bool charset_decode(enum charset charset, struct span bytes,
                               struct arena *arena, struct text *text, unsigned *findings,
                               size_t *first_bad, struct err *err);

/* UTF-8 → ISO-2022-JP as SS-MIX2 wants it: ASCII and JIS X 0208 only, back to ASCII at
 * the end; half-width kana become full-width, what JIS X 0208 lacks becomes ■ and is
 * counted in `replaced`. */
void charset_encode_iso2022jp(struct text text, struct buf *out, size_t *replaced);

/* The form in which names and words are compared, never shown: NFKC-like folding of
 * width, katakana to one form (half-width and hiragana → full-width katakana), dashes
 * and tildes to one each, variants of kanji (髙→高, 﨑→崎, 𠮷→吉 …) to their base,
 * letters to lower case, spaces removed. */
MUST_CHECK bool charset_fold(struct text text, struct arena *arena, struct text *folded,
                             struct err *err);

/* The form in which names of files and folders are compared: kana and the combining
 * sound marks behind them as one character (what NFC does to Japanese names written by
 * systems that take them apart); everything else as it is. */
MUST_CHECK bool charset_compose(struct text text, struct arena *arena,
                                struct text *composed, struct err *err);

/* ------------------------------------------------------------------ sets of ISO 2022 */

/* Coded character sets that DICOM and its like switch between (ISO-IR numbers in PS3.3
 * C.12.1.1.2); the switching is theirs. */
enum charset_set {
    CHARSET_SET_NONE,
    CHARSET_SET_ASCII,
    CHARSET_SET_ROMAN, /* JIS X 0201, left half */
    CHARSET_SET_KANA,  /* JIS X 0201, right half */
    CHARSET_SET_JISX0208,
    CHARSET_SET_JISX0212,
    CHARSET_SET_KSX1001,
    CHARSET_SET_GB2312,
    CHARSET_SET_LATIN1, /* from here on the right halves of ISO 8859 and TIS 620 */
    CHARSET_SET_LATIN2,
    CHARSET_SET_LATIN3,
    CHARSET_SET_LATIN4,
    CHARSET_SET_CYRILLIC,
    CHARSET_SET_ARABIC,
    CHARSET_SET_GREEK,
    CHARSET_SET_HEBREW,
    CHARSET_SET_LATIN5,
    CHARSET_SET_LATIN9,
    CHARSET_SET_THAI,
};
bool charset_set_is_double(enum charset_set set);
/* Of bytes without their high bit; `second` counts in double sets only. 0 = unassigned.
 */
uint32_t charset_set_code_point(enum charset_set set, uint8_t first, uint8_t second);
/* GB 18030, of which GBK is a part: length of the character at the front (1 to 4, not for
 * an empty span); U+FFFD for what is broken or unassigned. */
size_t charset_gb18030(struct span bytes, uint32_t *code_point);
