#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conversion tables of formats/charset, from Python's own codecs, as C.

JIS X 0208 rows 1-8 and 16-84 from the euc_jp codec with the choices of
docs/specs/charset.md; rows 13 and 89-92 (NEC) and 115-119 (IBM) from cp932;
JIS X 0212 from euc_jp. The reverse table holds JIS X 0208 only. KS X 1001, GB 2312, GB
18030, the right halves of ISO 8859 and TIS 620 as their codecs have them."""
import sys

CHOICES = {0x213D: 0x2014, 0x2140: 0xFF3C, 0x2141: 0x301C, 0x2142: 0x2016,
           0x215D: 0x2212, 0x2171: 0x00A2, 0x2172: 0x00A3, 0x224C: 0x00AC}
# What other tables give for the same characters.
ALIASES = {0x2015: 0x213D, 0xFF5E: 0x2141, 0x2225: 0x2142, 0xFF0D: 0x215D,
           0xFFE0: 0x2171, 0xFFE1: 0x2172, 0xFFE2: 0x224C, 0x00A5: 0x216F,
           0x203E: 0x2131}
NEC_ROWS = (13, 89, 90, 91, 92)


def one(data, codec):
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return 0
    code = ord(text) if len(text) == 1 else 0
    return 0 if 0xE000 <= code < 0xF900 or code > 0xFFFF else code


def shift_jis(row, cell):
    lead = (row - 1) // 2
    lead += 0x81 if lead < 0x1F else 0xC1
    if row % 2 == 0:
        return bytes([lead, cell + 0x9E])
    return bytes([lead, cell + (0x3F if cell < 64 else 0x40)])


def jisx0208(row, cell):
    code = (row + 0x20) << 8 | (cell + 0x20)
    if code in CHOICES:
        return CHOICES[code]
    if row in NEC_ROWS:
        return one(shift_jis(row, cell), "cp932")
    return one(bytes([row + 0xA0, cell + 0xA0]), "euc_jp")


def array(name, values):
    print(f"const uint16_t {name}[{len(values)}] = {{")
    for i in range(0, len(values), 12):
        print("    " + ", ".join(f"0x{v:04X}" for v in values[i:i + 12]) + ",")
    print("};\n")


CELLS = range(1, 95)
x0208 = [jisx0208(r, c) for r in CELLS for c in CELLS]
x0212 = [one(bytes([0x8F, r + 0xA0, c + 0xA0]), "euc_jp") for r in CELLS for c in CELLS]
ibm = [one(shift_jis(r, c), "cp932") for r in range(115, 120) for c in CELLS]
back = {jisx0208(r, c): (r + 0x20) << 8 | (c + 0x20)
        for r in CELLS if r not in NEC_ROWS for c in CELLS}
back.pop(0, None)
for code, jis in ALIASES.items():
    back.setdefault(code, jis)
# The full-width backslash and the yen sign are the only ASCII look-alikes; ASCII
# itself never comes from JIS X 0208.
assert all(code >= 0x80 for code in back)
print('/* made by tools/gen/charset.py */\n#include "formats/charset/charset_tables.h"\n')
array("charset_jisx0208", x0208)
array("charset_jisx0212", x0212)
array("charset_ibm", ibm)
codes = sorted(back)
array("charset_back_unicode", codes)
array("charset_back_jis", [back[code] for code in codes])
print(f"const size_t charset_back_count = {len(codes)};")

array("charset_ksx1001", [one(bytes([r + 0xA0, c + 0xA0]), "euc_kr")
                          for r in CELLS for c in CELLS])
array("charset_gb2312", [one(bytes([r + 0xA0, c + 0xA0]), "gb2312")
                         for r in CELLS for c in CELLS])
# In the order of enum charset_set.
SINGLE = ("iso8859_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6",
          "iso8859_7", "iso8859_8", "iso8859_9", "iso8859_15", "tis_620")
array("charset_single", [one(bytes([b]), codec) for codec in SINGLE
                         for b in range(0xA0, 0x100)])
array("charset_gb_pairs", [one(bytes([lead, trail]), "gb18030")
                           for lead in range(0x81, 0xFF)
                           for trail in range(0x40, 0xFF) if trail != 0x7F])
runs = []
expected = None
for number in range(39420):
    rest, d = divmod(number, 10)
    rest, c = divmod(rest, 126)
    a, b = divmod(rest, 10)
    code = one(bytes([a + 0x81, b + 0x30, c + 0x81, d + 0x30]), "gb18030")
    if code != expected:
        runs.append((number, code))
    expected = code + 1 if code else 0
array("charset_gb_from", [number for number, _ in runs])
array("charset_gb_unicode", [code for _, code in runs])
print(f"const size_t charset_gb_count = {len(runs)};")
