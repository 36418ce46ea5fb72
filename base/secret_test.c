// SPDX-License-Identifier: Apache-2.0
#include "base/secret.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "base/rand.h"
#include "base/test.h"

static void a_process_with_secrets_leaves_no_core(void)
{
    struct rlimit limit = {1, 1};
    CHECK(getrlimit(RLIMIT_CORE, &limit) == 0);
    CHECK(limit.rlim_cur == 0 && limit.rlim_max == 0);
    CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0); /* not to a program either */
}

static void a_password_fits_its_own_hash_only(void)
{
    char first[SECRET_PASSWORD_HASH_BYTES], second[SECRET_PASSWORD_HASH_BYTES];
    struct err err = {0};
    CHECK(secret_hash_password(SPAN("correct horse 1"), first, &err));
    CHECK(secret_hash_password(SPAN("correct horse 1"), second, &err));
    CHECK(strncmp(first, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0);
    CHECK(strcmp(first, second) != 0); /* salted */
    CHECK(secret_check_password(SPAN("correct horse 1"), first));
    CHECK(!secret_check_password(SPAN("correct horse 2"), first));
    CHECK(!secret_check_password(SPAN("correct horse 1 "), first));
    CHECK(!secret_check_password(SPAN(""), first));
    CHECK(!secret_check_password(SPAN("correct horse 1"), ""));
    CHECK(!secret_check_password(SPAN("correct horse 1"), "$argon2id$v=19$"));
    CHECK(!secret_password_is_outdated(first));
    CHECK(secret_password_is_outdated(
        "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
        "mz0GJLM5yTSbXEM8mp2TpMSzhZEPj1jLZ8cOVpLr3aA"));
}

static void a_signature_is_for_one_message_and_one_key(void)
{
    struct secret_signing_key key, other;
    struct secret_public_key public, other_public;
    uint8_t signature[SECRET_SIGNATURE_BYTES];
    secret_new_keys(&key, &public);
    secret_new_keys(&other, &other_public);
    secret_sign(&key, SPAN("grant"), signature);
    CHECK(secret_check_signature(&public, SPAN("grant"), signature));
    CHECK(!secret_check_signature(&public, SPAN("grand"), signature));
    CHECK(!secret_check_signature(&other_public, SPAN("grant"), signature));
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= 1;
        CHECK(!secret_check_signature(&public, SPAN("grant"), signature));
        signature[i] ^= 1;
    }
}

static void what_is_wiped_is_zero(void)
{
    uint8_t bytes[64];
    memset(bytes, 0xAA, sizeof bytes);
    secret_wipe(bytes, 63);
    for (size_t i = 0; i < 63; i++)
        CHECK(bytes[i] == 0);
    CHECK(bytes[63] == 0xAA);
}

static void hashes_are_those_of_the_standards(void)
{
    char hex[HASH_HEX_BYTES];
    struct err err = {0};
    struct hash hash = hash_sha256(SPAN("abc")); /* FIPS 180-4 */
    hash_to_hex(span_of(hash.bytes, HASH_BYTES), hex);
    CHECK(strcmp(hex, "ba7816bf8f01cfea414140de5dae2223"
                      "b00361a396177a9cb410ff61f20015ad") == 0);
    struct hash_run *run = hash_new(&err);
    CHECK(run);
    hash_add(run, SPAN("a"));
    hash_add(run, SPAN(""));
    hash_add(run, SPAN("bc"));
    struct hash again = hash_finish(run);
    CHECK(hash_equal(&hash, &again));
    hash_free(run);
    hash = hash_hmac(SPAN("Jefe"), SPAN("what do ya want for nothing?")); /* RFC 4231 */
    hash_to_hex(span_of(hash.bytes, HASH_BYTES), hex);
    CHECK(strcmp(hex, "5bdcc146bf60754e6a042426089575c7"
                      "5a003f089d2739839dec58b964ec3843") == 0);
    CHECK(hash_same_secret(SPAN("abc"), SPAN("abc")) &&
          !hash_same_secret(SPAN("abc"), SPAN("abd")) &&
          !hash_same_secret(SPAN("abc"), SPAN("ab")));
    uint8_t byte = 0;
    CHECK(hash_from_hex(SPAN("fF"), &byte, 1) && byte == 0xFF);
    CHECK(!hash_from_hex(SPAN("f"), &byte, 1) && !hash_from_hex(SPAN("fg"), &byte, 1));
}

/* Thousand draws without a repetition, and every bit is sometimes set and sometimes not:
 * enough to notice a source that is stuck or short. */
static void random_numbers_do_not_repeat(void)
{
    enum { DRAWS = 1000 };
    static uint64_t drawn[DRAWS];
    struct rand rand = rand_system();
    uint64_t all = UINT64_MAX, any = 0;
    for (int i = 0; i < DRAWS; i++) {
        drawn[i] = rand_u64(&rand);
        all &= drawn[i];
        any |= drawn[i];
        for (int k = 0; k < i; k++)
            CHECK(drawn[k] != drawn[i]);
    }
    CHECK(all == 0 && any == UINT64_MAX);
    uint8_t odd[37] = {0};
    rand_fill(&rand, odd, 36);
    CHECK(odd[36] == 0);
}

static void a_seed_gives_the_same_numbers_again(void)
{
    struct rand_seeded first = rand_seed(7), second = rand_seed(7), third = rand_seed(8);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t value = rand_seeded_next(&first);
        CHECK(value == rand_seeded_next(&second));
        same += value == rand_seeded_next(&third);
        CHECK(rand_seeded_below(&first, 3) < 3 && rand_seeded_below(&second, 3) < 3);
    }
    CHECK(same == 0);
    CHECK(rand_seeded_below(&third, 1) == 0);
}

int main(void)
{
    struct err err = {0};
    CHECK(secret_start(&err));
    RUN(a_process_with_secrets_leaves_no_core);
    RUN(a_password_fits_its_own_hash_only);
    RUN(a_signature_is_for_one_message_and_one_key);
    RUN(what_is_wiped_is_zero);
    RUN(hashes_are_those_of_the_standards);
    RUN(random_numbers_do_not_repeat);
    RUN(a_seed_gives_the_same_numbers_again);
    return test_done();
}
