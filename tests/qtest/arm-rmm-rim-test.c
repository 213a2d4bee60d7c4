/*
 * QTest of arm-rmm: the Realm Initial Measurement
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec A7.1, B4.5.46, B4.5.49, B4.5.66. What is measured is
 * laid out and hashed here, by GLib, and compared with what query-rmm tells.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/arm-rmm.h"

#define RD      P(0)
#define RTT     P(2)
#define REC(i)  P(16 + (i))
#define FREE(i) P(256 + (i))
#define RIM_MAX 64

static const struct {
    uint8_t code;
    GChecksumType type;
    unsigned size;
} hashes[] = {
    { 0, G_CHECKSUM_SHA256, 32 },
    { 1, G_CHECKSUM_SHA512, 64 },
    { 2, G_CHECKSUM_SHA384, 48 },
};

/* A realm, and what its measurement should be */
typedef struct Realm {
    RmmHost h;
    unsigned hash;
    uint8_t rim[RIM_MAX];
} Realm;

static void digest(const Realm *r, const void *buf, size_t len, uint8_t *out)
{
    GChecksum *sum = g_checksum_new(hashes[r->hash].type);
    gsize size = RIM_MAX;

    memset(out, 0, RIM_MAX);
    g_checksum_update(sum, buf, len);
    g_checksum_get_digest(sum, out, &size);
    g_assert_cmpuint(size, ==, hashes[r->hash].size);
    g_checksum_free(sum);
}

/* sec A7.1: 256 bytes with the type, the length and the old measurement */
static void extend(Realm *r, uint8_t *desc, uint8_t type)
{
    desc[0] = type;
    stq_le_p(desc + 8, 0x100);
    memcpy(desc + 0x10, r->rim, RIM_MAX);
    digest(r, desc, 0x100, r->rim);
}

static void expect_data(Realm *r, uint64_t ipa, uint64_t flags,
                        const uint8_t *content)
{
    uint8_t desc[0x100] = { 0 };

    stq_le_p(desc + 0x50, ipa);
    stq_le_p(desc + 0x58, flags);
    if (flags & 1) {
        digest(r, content, PAGE, desc + 0x60);
    }
    extend(r, desc, 0);
}

static void expect_rec(Realm *r, uint64_t pc, const uint64_t *gprs)
{
    g_autofree uint8_t *params = g_malloc0(PAGE);
    uint8_t desc[0x100] = { 0 };

    stq_le_p(params, 1);
    stq_le_p(params + 0x200, pc);
    for (unsigned i = 0; i < 8; i++) {
        stq_le_p(params + 0x300 + i * 8, gprs[i]);
    }
    digest(r, params, PAGE, desc + 0x50);
    extend(r, desc, 1);
}

static void check(Realm *r)
{
    g_autofree char *rim = rmm_rim(&r->h, RD);
    g_autoptr(GString) want = g_string_new(NULL);

    for (unsigned i = 0; i < hashes[r->hash].size; i++) {
        g_string_append_printf(want, "%02x", r->rim[i]);
    }
    g_assert_cmpstr(rim, ==, want->str);
}

/*
 * The realm. TF-RMM begins with the hash of some of the parameters, the others
 * with 0; fields that are not measured are not 0 here.
 */
static void create(Realm *r, const char *abi, unsigned hash, const char *more,
                   bool params_measured)
{
    g_autofree uint8_t *params = g_malloc0(PAGE);
    RmmHost *h = &r->h;

    r->hash = hash;
    memset(r->rim, 0, RIM_MAX);
    rmm_start(h, abi, more);
    rmm_active(h);
    rmm_delegate(h, RD, 4);
    rmm_delegate(h, REC(0), 8);
    rmm_delegate(h, FREE(0), 64);
    rmm_params(h, RTT);
    qtest_writeq(h->qts, PARAMS, 1 << 7);
    qtest_writeq(h->qts, PARAMS + 0x18, 3);
    qtest_writeq(h->qts, PARAMS + 0x30, hashes[hash].code);
    qtest_memset(h->qts, PARAMS + 0x400, 0x5a, 64);
    g_assert_cmphex(R(h, R_REALM_CREATE, RD, PARAMS), ==, OK);
    if (params_measured) {
        params[0] = 1 << 7;
        params[0x08] = 40;
        params[0x18] = 3;
        params[0x20] = 1;
        params[0x30] = hashes[hash].code;
        digest(r, params, PAGE, r->rim);
    }
    check(r);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, FREE(0), 0, 2), ==, OK);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, FREE(1), 0, 3), ==, OK);
}

static void fill(Realm *r, uint8_t *content, uint8_t first)
{
    for (unsigned i = 0; i < PAGE; i++) {
        content[i] = first + i * 7 + (i >> 8);
    }
    qtest_bufwrite(r->h.qts, CONTENT, content, PAGE);
}

static void add_data(Realm *r, unsigned i, uint64_t flags)
{
    uint8_t content[PAGE];

    fill(r, content, i);
    g_assert_cmphex(R(&r->h, R_DATA_MAP_INIT, RD, FREE(8 + i), i * PAGE,
                      CONTENT, flags), ==, OK);
    expect_data(r, i * PAGE, flags, content);
    check(r);
}

static void put_rec(Realm *r, unsigned i, bool runnable, uint64_t *gprs)
{
    RmmHost *h = &r->h;

    qtest_memset(h->qts, REC_PARAMS, 0xa5, PAGE);
    qtest_writeq(h->qts, REC_PARAMS, runnable);
    qtest_writeq(h->qts, REC_PARAMS + 0x100, i);
    qtest_writeq(h->qts, REC_PARAMS + 0x200, 0x80000000 + i);
    for (unsigned k = 0; k < 8; k++) {
        gprs[k] = 0x1111111111111111ull * k + i;
        qtest_writeq(h->qts, REC_PARAMS + 0x300 + k * 8, gprs[k]);
    }
}

static void add_rec(Realm *r, unsigned i, bool runnable)
{
    uint64_t gprs[8];

    put_rec(r, i, runnable, gprs);
    g_assert_cmphex(R(&r->h, R_REC_CREATE, RD, REC(i), REC_PARAMS), ==, OK);
    if (runnable) {
        expect_rec(r, 0x80000000 + i, gprs);
    }
    check(r);
}

/* Each kind of step, and what is none */
static void steps(Realm *r)
{
    RmmHost *h = &r->h;

    add_data(r, 0, 1);
    add_data(r, 1, 0);
    add_rec(r, 0, true);
    add_rec(r, 1, false);
    add_data(r, 5, 1);
    g_assert_cmphex(R(h, R_INIT_RIPAS, RD, 8 * PAGE, 16 * PAGE), ==, OK);
    g_assert_cmphex(R(h, R_DATA_MAP, RD, 20 * PAGE, 21 * PAGE, 1,
                      FREE(40) | 4), ==, OK);
    g_assert_cmphex(R(h, R_DATA_UNMAP, RD, PAGE, 2 * PAGE, 1, 0), ==, OK);
    g_assert_cmphex(R(h, R_REC_DESTROY, REC(1)), ==, OK);
    check(r);
    add_rec(r, 2, true);
    /* What is refused is not measured. */
    g_assert_cmphex(R(h, R_DATA_MAP_INIT, RD, FREE(30), 0, CONTENT, 1), ==,
                    ERTT(3));
    g_assert_cmphex(R(h, R_REC_CREATE, RD, REC(3), REC_PARAMS), ==, EINPUT);
    check(r);
    g_assert_cmphex(R(h, R_REALM_ACTIVATE, RD), ==, OK);
    g_assert_cmphex(R(h, R_REALM_TERMINATE, RD), ==, OK);
    check(r);
}

static void known_answers(gconstpointer data)
{
    Realm r;

    for (unsigned hash = 0; hash < ARRAY_SIZE(hashes); hash++) {
        create(&r, data, hash, ",rec-granules=0", g_str_equal(data, "bet1"));
        steps(&r);
        rmm_stop(&r.h);
    }
}

/* The other beginning than the profile's */
static void forced(gconstpointer data)
{
    bool on = !g_str_equal(data, "bet1");
    Realm r;

    create(&r, data, 0, on ? ",rec-granules=0,rim-params=on" :
                             ",rec-granules=0,rim-params=off", on);
    steps(&r);
    rmm_stop(&r.h);
}

/* The same steps in another order give another measurement. */
static void order(gconstpointer data)
{
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    Realm r;

    create(&r, data, 0, ",rec-granules=0", g_str_equal(data, "bet1"));
    add_data(&r, 0, 1);
    add_data(&r, 1, 1);
    first = rmm_rim(&r.h, RD);
    rmm_stop(&r.h);
    create(&r, data, 0, ",rec-granules=0", g_str_equal(data, "bet1"));
    add_data(&r, 1, 1);
    add_data(&r, 0, 1);
    second = rmm_rim(&r.h, RD);
    rmm_stop(&r.h);
    g_assert_cmpstr(first, !=, second);
}

/* An operation measures when it ends, what is there then; or not at all. */
static void operations(gconstpointer data)
{
    uint8_t content[PAGE];
    uint64_t gprs[8];
    RmmHost *h;
    Realm r;

    create(&r, data, 0, ",rec-granules=0", g_str_equal(data, "bet1"));
    h = &r.h;
    for (unsigned fails = 0; fails < 2; fails++) {
        g_autofree char *script = g_strdup_printf(
            "{ \"rules\": [ { \"command\": \"*\", \"times\": 0,"
            " \"sro\": { \"rounds\": 2%s } } ] }",
            fails ? ", \"fail\": \"error-global\"" : "");

        rmm_script(h, script);
        fill(&r, content, 0x30);
        g_assert_cmphex(R(h, R_DATA_MAP_INIT, RD, FREE(8 + fails),
                          fails * PAGE, CONTENT, 1) & 0x3ff, ==, INCOMPLETE);
        fill(&r, content, 0x40);
        g_assert_cmphex(R(h, R_CONTINUE, 0, 0) & 0x3ff, ==, INCOMPLETE);
        check(&r);
        g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, fails ? EGLOBAL : OK);
        if (!fails) {
            expect_data(&r, 0, 1, content);
        }
        check(&r);

        put_rec(&r, fails, true, gprs);
        g_assert_cmphex(R(h, R_REC_CREATE, RD, REC(fails), REC_PARAMS) & 0x3ff,
                        ==, INCOMPLETE);
        R(h, R_CONTINUE, 0, 0);
        check(&r);
        g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, fails ? EGLOBAL : OK);
        if (!fails) {
            expect_rec(&r, 0x80000000, gprs);
        }
        check(&r);
    }
    rmm_stop(h);
}

int main(int argc, char **argv)
{
    static const char *const abis[] = { "bet0", "bet1", "bet3" };
    static const struct {
        const char *name;
        void (*test)(gconstpointer);
    } tests[] = {
        { "known-answers", known_answers }, { "order", order },
        { "operations", operations }, { "forced", forced },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
            g_autofree char *path = g_strdup_printf("/arm-rmm/rim/%s/%s",
                                                    abis[i], tests[k].name);

            qtest_add_data_func(path, abis[i], tests[k].test);
        }
    }
    return g_test_run();
}
