// SPDX-License-Identifier: Apache-2.0
/* Titles and networks: who may come, from where. */
#include <arpa/inet.h>

#include "wire/dimse/dimse.h"

enum { MAPPED_BITS = 96, ADDRESS_TEXT_BYTES = INET6_ADDRSTRLEN };

static bool read_address(struct span text, uint8_t address[16], bool *is_four)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    char copy[ADDRESS_TEXT_BYTES];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *is_four = inet_pton(AF_INET, copy, address + sizeof mapped) == 1;
    if (*is_four)
        memcpy(address, mapped, sizeof mapped);
    return *is_four || inet_pton(AF_INET6, copy, address) == 1;
}

bool dimse_read_network(struct span text, struct dimse_network *network, struct err *err)
{
    struct span rest = text, address = {0};
    uint64_t bits = 0;
    bool is_four = false;
    if (!span_take(&rest, '/', &address) ||
        !read_address(address, network->address, &is_four))
        return err_set(err, ERR_SYNTAX, "dicom_network", "not an address or network");
    unsigned most = is_four ? 128 - MAPPED_BITS : 128;
    bits = most;
    if (rest.at && !span_uint(rest, most, &bits))
        return err_set(err, ERR_SYNTAX, "dicom_network", "bits of a network");
    network->bits = (unsigned)bits + (is_four ? MAPPED_BITS : 0);
    return true;
}

bool dimse_check_title(struct span title, struct err *err)
{
    bool is_good = title.len > 0 && title.len < DIMSE_TITLE_BYTES &&
                   span_trim(title).len == title.len;
    for (size_t i = 0; i < title.len; i++)
        is_good =
            is_good && title.at[i] >= 0x20 && title.at[i] < 0x7F && title.at[i] != '\\';
    return is_good || err_set(err, ERR_SYNTAX, "dicom_title",
                              "a title is 1 to 16 printable characters");
}

static bool lies_in(const uint8_t address[16], const struct dimse_network *network)
{
    unsigned bytes = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(address, network->address, bytes) != 0)
        return false;
    return rest == 0 || ((address[bytes] ^ network->address[bytes]) &
                         (0xFF << (8 - rest) & 0xFF)) == 0;
}

bool dimse_network_has(const struct dimse_network *networks, size_t count,
                       const char *address)
{
    uint8_t bytes[16];
    bool is_four = false;
    if (!read_address(span_cstr(address), bytes, &is_four))
        return false;
    for (size_t i = 0; i < count; i++)
        if (lies_in(bytes, &networks[i]))
            return true;
    return false;
}
