/*
 * QTest of arm-rmm: granules of 16 KiB and 64 KiB
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec A2.3, A5, B4.4 (place of the count in a descriptor);
 * Arm ARM D8.3. The life of a realm, and what depends on the granule.
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"

#define GIB     0x40000000ull

typedef struct Large {
    const char *abi;
    unsigned code;              /* of RmiRmmConfig */
    uint64_t g;                 /* granule */
    unsigned entries;           /* of a table */
    int start;                  /* level of the root: one table for 2^40 */
    unsigned max_count;         /* of a descriptor */
    uint64_t block;             /* of memory, of level 2, delegated last */
    RmmHost h;
} Large;

static Large sizes[] = {
    { .code = 1, .g = 0x4000, .entries = 2048, .start = 1, .max_count = 4095,
      .block = 0x62000000 },
    { .code = 2, .g = 0x10000, .entries = 8192, .start = 2,
      .max_count = 16383, .block = 0x60000000 },
};

#define HOST(i)     (0x44000000ull + (i) * l->g)
#define D(i)        (0x48000000ull + (i) * l->g)
#define SPAN        (l->g * l->entries)     /* of an entry of level 2 */
#define RD          D(0)
#define ROOT        D(1)
#define REC         D(2)
#define L_PARAMS    HOST(0)
#define L_REC       HOST(1)
#define L_LIST      HOST(2)
#define L_CONTENT   HOST(3)
#define L_RUN       HOST(4)
#define N_DELEGATED 64

static void whole(Large *l, unsigned num, uint64_t base, uint64_t n)
{
    uint64_t top = base + n * l->g;

    while (base < top) {
        g_assert_cmphex(R(&l->h, num, base, top), ==, OK);
        g_assert_cmphex(l->h.x[1], >, base);
        base = l->h.x[1];
    }
}

static void begin(Large *l, const char *more)
{
    RmmHost *h = &l->h;

    rmm_start_with(h, l->abi, more, "-m 2G");
    qtest_memset(h->qts, HOST(0), 0, 16 * l->g);
    qtest_writeq(h->qts, CONFIG + 8, l->code);
    g_assert_cmphex(R(h, R_CONFIG_SET, CONFIG), ==, OK);
    qtest_writeq(h->qts, CONFIG + 8, 0);
    g_assert_cmphex(R(h, R_ACTIVATE), ==, OK);
}

static void make_realm(Large *l)
{
    RmmHost *h = &l->h;

    whole(l, R_DELEGATE, D(0), N_DELEGATED);
    qtest_writeq(h->qts, L_PARAMS + 0x008, 40);
    qtest_writeq(h->qts, L_PARAMS + 0x018, 1);
    qtest_writeq(h->qts, L_PARAMS + 0x020, 1);
    qtest_writeq(h->qts, L_PARAMS + 0x808, ROOT);
    qtest_writeq(h->qts, L_PARAMS + 0x810, l->start);
    qtest_writeq(h->qts, L_PARAMS + 0x818, 1);
    g_assert_cmphex(R(h, R_REALM_CREATE, RD, L_PARAMS), ==, OK);
    /* Levels down to 2 */
    for (int level = l->start + 1; level <= 2; level++) {
        g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(4), 0, level), ==, OK);
    }
}

/* sec A2.3: each 4 KiB page of a granule, and none beside it */
static void delegation(gconstpointer data)
{
    Large *l = (Large *)data;
    RmmHost *h = &l->h;

    begin(l, "");
    g_assert_cmphex(R(h, R_FEATURES, 1), ==, OK);
    g_assert_cmphex(h->x[1] >> l->code & 1, ==, 1);
    for (uint64_t off = PAGE; off < l->g; off *= 2) {
        g_assert_cmphex(R(h, R_DELEGATE, D(1) + off, D(2)), ==, EINPUT);
        g_assert_cmphex(R(h, R_DELEGATE, D(1), D(1) + off), ==, EINPUT);
    }
    for (unsigned n = 1; n < 6; n++) {
        whole(l, R_DELEGATE, D(n), n);
        g_assert_cmpuint(rmm_count(h, "delegated"), ==, n);
        for (uint64_t pa = D(n); pa < D(2 * n); pa += PAGE) {
            rmm_granule_is(h, pa, "delegated", "realm");
        }
        rmm_granule_is(h, D(n) - 1, "undelegated", "ns");
        rmm_granule_is(h, D(2 * n), "undelegated", "ns");
        qtest_memset(h->qts, D(n), 0x5a, n * l->g);
        whole(l, R_UNDELEGATE, D(n), n);
        rmm_granule_is(h, D(2 * n) - 1, "undelegated", "ns");
        g_assert_cmphex(qtest_readq(h->qts, D(2 * n) - 8), ==, 0);
    }
    g_assert_cmpuint(rmm_count(h, "undelegated"), ==, 2 * GIB / l->g);
    rmm_stop(h);
}

/* Objects are granules; structures of 4 KiB are aligned to one. */
static void objects(gconstpointer data)
{
    Large *l = (Large *)data;
    RmmHost *h = &l->h;

    begin(l, ",rec-granules=0");
    make_realm(l);
    for (uint64_t off = PAGE; off < l->g; off *= 2) {
        g_assert_cmphex(R(h, R_REALM_CREATE, D(5), L_PARAMS + off), ==,
                        EINPUT);
        g_assert_cmphex(R(h, R_REC_CREATE, RD, D(5), L_REC + off), ==, EINPUT);
        g_assert_cmphex(R(h, R_REC_CREATE, RD, D(5) + off, L_REC), ==, EINPUT);
        g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(5) + off, 0, 3), ==, EINPUT);
        g_assert_cmphex(R(h, R_REALM_ACTIVATE, RD + off), ==, EINPUT);
    }
    qtest_writeq(h->qts, L_REC, 1);
    g_assert_cmphex(R(h, R_REC_CREATE, RD, REC, L_REC), ==, OK);
    for (uint64_t pa = REC; pa < REC + l->g; pa += PAGE) {
        rmm_granule_is(h, pa, "rec", "realm");
    }
    rmm_granule_is(h, REC + l->g, "delegated", "realm");
    rmm_granule_is(h, ROOT + l->g - PAGE, "rtt", "realm");
    g_assert_cmphex(R(h, R_REALM_ACTIVATE, RD), ==, OK);
    g_assert_cmphex(R(h, R_REC_ENTER, REC, L_RUN + PAGE), ==, EINPUT);
    g_assert_cmphex(R(h, R_REC_ENTER, REC, L_RUN), ==, OK);
    g_assert_cmphex(qtest_readq(h->qts, L_RUN + 0x800), ==, 3);
    rmm_stop(h);
}

/* sec A5.5, Arm ARM D8.3: pages, blocks, unfolding and folding */
static void tables(gconstpointer data)
{
    Large *l = (Large *)data;
    RmmHost *h = &l->h;
    uint64_t attr = 1 << 10 | 3 << 8 | 3 << 6 | 6 << 2;
    uint64_t last = SPAN - l->g;
    uint64_t level2 = l->start == 2 ? ROOT : D(4);

    begin(l, "");
    make_realm(l);
    whole(l, R_DELEGATE, l->block, l->entries);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(5), l->g, 3), ==, EINPUT);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(5), 0, 3), ==, OK);
    g_assert_cmphex(qtest_readq(h->qts, level2), ==, D(5) | 3);

    /* Pages: the first and the last one of the table; not half of one */
    g_assert_cmphex(R(h, R_INIT_RIPAS, RD, 0, SPAN + l->g), ==, OK);
    g_assert_cmphex(h->x[1], ==, SPAN);
    g_assert_cmphex(R(h, R_DATA_MAP, RD, 0, PAGE, 1, D(8) | 4), ==, EINPUT);
    g_assert_cmphex(R(h, R_DATA_MAP, RD, 0, l->g, 1, D(8) | 4), ==, OK);
    qtest_writeq(h->qts, L_CONTENT + l->g - 8, 0x1122334455667788);
    g_assert_cmphex(R(h, R_DATA_MAP_INIT, RD, D(9), last, L_CONTENT, 1), ==,
                    OK);
    g_assert_cmphex(qtest_readq(h->qts, D(10) - 8), ==, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(h->qts, D(5)), ==, D(8) | attr | 3);
    g_assert_cmphex(qtest_readq(h->qts, D(6) - 8), ==, D(9) | attr | 3);
    g_assert_cmphex(R(h, R_READ_ENTRY, RD, last, 3), ==, OK);
    g_assert_cmphex(h->x[1], ==, 3);
    g_assert_cmphex(h->x[3], ==, D(9));
    g_assert_cmphex(R(h, R_RTT_DESTROY, RD, 0, 3), ==, ERTT(3));

    /* A block, unfolded and folded */
    g_assert_cmphex(R(h, R_INIT_RIPAS, RD, SPAN, 2 * SPAN), ==, OK);
    g_assert_cmphex(R(h, R_DATA_MAP, RD, SPAN, 2 * SPAN, 1,
                      rmm_desc(h, l->block, 1, 1, 0)), ==, OK);
    g_assert_cmphex(qtest_readq(h->qts, level2 + 8), ==, l->block | attr | 1);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(6), SPAN, 3), ==, OK);
    g_assert_cmphex(qtest_readq(h->qts, D(7) - 8), ==,
                    (l->block + last) | attr | 3);
    g_assert_cmphex(R(h, R_READ_ENTRY, RD, SPAN + last, 3), ==, OK);
    g_assert_cmphex(h->x[3], ==, l->block + last);
    g_assert_cmphex(R(h, R_RTT_FOLD, RD, SPAN, 3), ==, OK);
    g_assert_cmphex(h->x[1], ==, D(6));
    g_assert_cmphex(qtest_readq(h->qts, level2 + 8), ==, l->block | attr | 1);
    g_assert_cmphex(R(h, R_DATA_UNMAP, RD, SPAN, 2 * SPAN, 1, 0), ==, OK);
    g_assert_cmphex(h->x[2], ==, rmm_desc(h, l->block, 1, 1, 0));
    g_assert_cmphex(h->x[1], ==, 2 * SPAN);
    rmm_granule_is(h, l->block + SPAN - 1, "delegated", "realm");
    rmm_stop(h);
}

/* More pages in a descriptor than 4 KiB granules could say */
static void many(gconstpointer data)
{
    Large *l = (Large *)data;
    RmmHost *h = &l->h;
    uint64_t n = 1500;

    begin(l, "");
    make_realm(l);
    whole(l, R_DELEGATE, l->block, l->entries);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(5), 0, 3), ==, OK);
    g_assert_cmphex(R(h, R_DATA_MAP, RD, 0, SPAN, 1,
                      rmm_desc(h, l->block, 0, n, 0)), ==, OK);
    g_assert_cmphex(h->x[1], ==, n * l->g);
    rmm_granule_is(h, l->block + n * l->g - 1, "data", "realm");
    rmm_granule_is(h, l->block + n * l->g, "delegated", "realm");
    g_assert_cmphex(R(h, R_DATA_UNMAP, RD, 0, SPAN, 1, 0), ==, OK);
    g_assert_cmphex(h->x[2], ==, rmm_desc(h, l->block, 0, n, 0));
    g_assert_cmphex(h->x[1], ==, SPAN);

    /* Shared memory is a piece of the host's, of any kind. */
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(7), 1ull << 39, l->start + 1),
                    ==, OK);
    if (l->start == 1) {
        g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(8), 1ull << 39, 3), ==, OK);
    }
    g_assert_cmphex(R(h, R_UNPROT_MAP, RD, 1ull << 39,
                      (1ull << 39) + 9 * l->g, 0x1e0001,
                      rmm_desc(h, HOST(20), 0, 9, 0)), ==, OK);
    g_assert_cmphex(h->x[1], ==, (1ull << 39) + 9 * l->g);
    g_assert_cmphex(R(h, R_UNPROT_UNMAP, RD, 1ull << 39,
                      (1ull << 39) + 9 * l->g, 1, 0), ==, OK);
    g_assert_cmphex(h->x[2], ==, rmm_desc(h, HOST(20), 0, 9, 1));
    rmm_stop(h);
}

/* sec B4.3.2.2, B4.4: donation counts granules of the configured size */
static void donation(gconstpointer data)
{
    static const struct {
        unsigned size, count, contig;
    } request[] = { { 0, 16, 0 }, { 0, 16, 1 }, { 0, 1500, 0 }, { 1, 1, 1 } };
    Large *l = (Large *)data;
    RmmHost *h = &l->h;

    begin(l, "");
    make_realm(l);
    whole(l, R_DELEGATE, l->block, l->entries);
    for (unsigned i = 0; i < ARRAY_SIZE(request); i++) {
        unsigned size = request[i].size, count = request[i].count;
        uint64_t n = size ? l->entries : count;
        uint64_t got = 0;
        g_autofree char *script = g_strdup_printf(
            "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
            " \"cancel\": true, \"donate\": [ { \"size\": %u, \"count\": %u,"
            " \"contig\": %s } ] } } ] }", size, count,
            request[i].contig ? "true" : "false");

        rmm_script(h, script);
        g_assert_cmphex(R(h, R_REC_CREATE, RD, REC, L_REC), ==,
                        WANT_DONATE | CANCELLABLE);
        g_assert_cmphex(h->x[2], ==, size | count << 2 |
                        request[i].contig << 16);
        qtest_writeq(h->qts, L_LIST, rmm_desc(h, l->block, size, count, 0));
        g_assert_cmphex(R(h, R_DONATE, 0, L_LIST, 1, 0), ==,
                        INCOMPLETE | CANCELLABLE);
        g_assert_cmpuint(h->x[1], ==, n);
        g_assert_cmpuint(rmm_count(h, "internal"), ==, n);
        g_assert_cmphex(R(h, R_CANCEL, 0), ==, WANT_RECLAIM);
        g_assert_cmphex(R(h, R_RECLAIM, 0, L_LIST, 8), ==, INCOMPLETE);
        for (unsigned k = 0; k < h->x[1]; k++) {
            uint64_t part = MIN(n - got, l->max_count);

            g_assert_cmphex(qtest_readq(h->qts, L_LIST + k * 8), ==,
                            rmm_desc(h, l->block + got * l->g, 0, part, 0));
            got += part;
        }
        g_assert_cmpuint(got, ==, n);
        g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, EINPUT);
    }
    rmm_stop(h);
}

/* The whole life, and nothing is left */
static void life(gconstpointer data)
{
    Large *l = (Large *)data;
    RmmHost *h = &l->h;

    begin(l, "");
    make_realm(l);
    qtest_writeq(h->qts, L_REC, 1);
    g_assert_cmphex(R(h, R_REC_CREATE, RD, REC, L_REC) & 0x3ff, ==,
                    WANT_DONATE);
    qtest_writeq(h->qts, L_LIST, rmm_desc(h, D(16), 0, 16, 0));
    R(h, R_DONATE, 0, L_LIST, 1, 0);
    g_assert_cmpuint(h->x[1], ==, 16);
    g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, OK);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, D(5), 0, 3), ==, OK);
    g_assert_cmphex(R(h, R_DATA_MAP, RD, 0, 4 * l->g, 1,
                      rmm_desc(h, D(40), 0, 4, 0)), ==, OK);
    g_assert_cmphex(R(h, R_REALM_ACTIVATE, RD), ==, OK);
    g_assert_cmphex(R(h, R_REALM_TERMINATE, RD), ==, OK);
    g_assert_cmphex(R(h, R_REALM_DESTROY, RD), ==, EREALM);
    g_assert_cmphex(R(h, R_DATA_UNMAP, RD, 0, 4 * l->g, 1, 0), ==, OK);
    g_assert_cmphex(R(h, R_RTT_DESTROY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h->x[1], ==, D(5));
    if (l->start == 1) {
        g_assert_cmphex(R(h, R_RTT_DESTROY, RD, 0, 2), ==, OK);
        g_assert_cmphex(h->x[1], ==, D(4));
    }
    g_assert_cmphex(R(h, R_REC_DESTROY, REC) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(R(h, R_RECLAIM, 0, L_LIST, 8) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(qtest_readq(h->qts, L_LIST), ==,
                    rmm_desc(h, D(16), 0, 16, 0));
    g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, OK);
    g_assert_cmphex(R(h, R_REALM_DESTROY, RD), ==, OK);
    whole(l, R_UNDELEGATE, D(0), N_DELEGATED);
    g_assert_cmpuint(rmm_count(h, "undelegated"), ==, 2 * GIB / l->g);
    for (uint64_t pa = D(0); pa < D(N_DELEGATED); pa += l->g) {
        rmm_granule_is(h, pa + l->g - 1, "undelegated", "ns");
    }
    rmm_stop(h);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(gconstpointer);
    } tests[] = {
        { "delegation", delegation }, { "objects", objects },
        { "tables", tables }, { "many", many }, { "donation", donation },
        { "life", life },
    };
    static const char *const abis[] = { "bet0", "bet1", "bet3" };
    static Large cases[ARRAY_SIZE(abis)][ARRAY_SIZE(sizes)];

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
        for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
            cases[i][s] = sizes[s];
            cases[i][s].abi = abis[i];
            for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
                g_autofree char *path = g_strdup_printf(
                    "/arm-rmm/large/%s/%uk/%s", abis[i],
                    (unsigned)(sizes[s].g / 1024), tests[k].name);

                qtest_add_data_func(path, &cases[i][s], tests[k].test);
            }
        }
    }
    return g_test_run();
}
