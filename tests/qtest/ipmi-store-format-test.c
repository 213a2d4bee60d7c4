/*
 * The drive of ipmi-bmc-multi: every wrong bit is found, and put right
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Format: docs/specs/ipmi-bmc-store.rst. Of the device there is only what makes
 * bytes of records, and records of bytes.
 */
#include "qemu/osdep.h"
#include "../../hw/ipmi/multi/store-format.h"

#define BANK            (1024 * 1024)
#define BASE_END        0x1238
#define GENERATION      0x1122334455ull
#define SEQUENCE        77

static void flip(uint8_t *p, unsigned bit)
{
    p[bit / 8] ^= 1 << (bit % 8);
}

static void expect_header(const uint8_t *raw, StoreHeaderState state)
{
    StoreHeader h;

    g_assert_cmpint(store_header_decode(raw, BANK, &h), ==, state);
    g_assert_cmphex(h.bank_size, ==, BANK);
    g_assert_cmphex(h.generation, ==, GENERATION);
    g_assert_cmphex(h.base_end, ==, BASE_END);
}

/* Each bit of a header, the magic and the CRC included */
static void test_header(void)
{
    const StoreHeader header = { BANK, GENERATION, BASE_END };
    uint8_t raw[STORE_HEADER];
    unsigned bit;

    store_header_encode(raw, &header);
    expect_header(raw, STORE_HEADER_VALID);
    for (bit = 0; bit < STORE_HEADER * 8; bit++) {
        flip(raw, bit);
        expect_header(raw, STORE_HEADER_MENDED);
        flip(raw, bit);
    }
}

/* Two of them are not one: never valid, nor taken for a new drive */
static void test_header_two(void)
{
    const StoreHeader header = { BANK, GENERATION, BASE_END };
    uint8_t raw[STORE_HEADER];
    unsigned a, b;

    store_header_encode(raw, &header);
    for (a = 0; a < 40 * 8; a += 3) {
        for (b = a + 1; b < 40 * 8; b += 5) {
            StoreHeaderState state;
            StoreHeader h;

            flip(raw, a);
            flip(raw, b);
            state = store_header_decode(raw, BANK, &h);
            g_assert_true(state == STORE_HEADER_DAMAGED ||
                          state == STORE_HEADER_FOREIGN);
            flip(raw, a);
            flip(raw, b);
        }
    }
}

/* A first write of it that ended early, at each byte */
static void test_header_torn(void)
{
    const StoreHeader header = { BANK, GENERATION, BASE_END };
    uint8_t whole[STORE_HEADER];
    unsigned n;

    store_header_encode(whole, &header);
    for (n = 0; n < 40; n++) {
        uint8_t raw[STORE_HEADER] = { };
        StoreHeaderState state;
        StoreHeader h;

        memcpy(raw, whole, n);
        state = store_header_decode(raw, BANK, &h);
        if (!memcmp(raw, whole, sizeof(raw))) {
            g_assert_cmpint(state, ==, STORE_HEADER_VALID);
        } else if (!n) {
            g_assert_cmpint(state, ==, STORE_HEADER_NONE);
        } else if (n >= 8) {
            g_assert_cmpint(state, ==, STORE_HEADER_TORN);
        }
    }
}

/* Each bit of records of several lengths */
static void test_record(void)
{
    static const uint32_t lengths[] = { 0, 1, 20, 64, 1024 };
    static uint8_t data[STORE_MAX_DATA], raw[2048], copy[2048];
    unsigned i, bit;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = i * 7;
    }
    for (i = 0; i < ARRAY_SIZE(lengths); i++) {
        const StoreRecord rec = {
            .kind = 1, .key = 0x1234, .len = lengths[i], .data = data,
        };
        StoreRecord got;

        memset(raw, 0, sizeof(raw));
        store_record_encode(raw, &rec, GENERATION, SEQUENCE);
        for (bit = 0; bit < (32 + lengths[i]) * 8; bit++) {
            memcpy(copy, raw, sizeof(raw));
            flip(copy, bit);
            g_assert_false(store_record_decode(copy, sizeof(copy), GENERATION,
                                               SEQUENCE, &got));
            g_assert_true(store_record_mend(copy, sizeof(copy), GENERATION,
                                            SEQUENCE, &got));
            g_assert_cmpmem(copy, sizeof(copy), raw, sizeof(raw));
            g_assert_cmpuint(got.len, ==, lengths[i]);
        }
    }
}

/* A record that is whole, and behind the end, says that this is none. */
static void test_follows(void)
{
    static uint8_t raw[4096];
    const StoreRecord rec = { .kind = 1, .key = 1, .len = 0 };

    g_assert_false(store_record_follows(raw, sizeof(raw), GENERATION, 5));
    store_record_encode(raw + 64, &rec, GENERATION, 6);
    g_assert_true(store_record_follows(raw, sizeof(raw), GENERATION, 5));
    g_assert_false(store_record_follows(raw, sizeof(raw), GENERATION, 6));
    g_assert_false(store_record_follows(raw, sizeof(raw), GENERATION + 1, 5));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ipmi/store-format/header", test_header);
    g_test_add_func("/ipmi/store-format/header-two", test_header_two);
    g_test_add_func("/ipmi/store-format/header-torn", test_header_torn);
    g_test_add_func("/ipmi/store-format/record", test_record);
    g_test_add_func("/ipmi/store-format/follows", test_follows);
    return g_test_run();
}
