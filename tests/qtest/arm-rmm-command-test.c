/*
 * QTest of arm-rmm: commands about realms, RECs and translation tables
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec A5, B4.5. Every failure condition of every command,
 * alone; where the specification orders two of them, both at once.
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"

#define RD          P(0)
#define RTT         P(2)
#define REC         P(16)
#define FREE(i)     P(256 + (i))    /* delegated by begin() */
#define NOT_RAM     0x9000000ull
#define UNPROT      (1ull << 39)
#define L2_SPAN     (2ull << 20)
#define L1_SPAN     (1ull << 30)

static const char *const abis[] = { "bet0", "bet1", "bet3" };

static void begin(RmmHost *h, const char *abi)
{
    rmm_start(h, abi, ",rec-granules=0");
    rmm_active(h);
    rmm_realm(h, RD, RTT);
    rmm_delegate(h, P(256), 64);
}

/* A REC without donation */
static void make_rec(RmmHost *h, uint64_t rec, unsigned index)
{
    rmm_delegate(h, rec, 1);
    g_assert_cmphex(rmm_rec_begin(h, RD, rec, index), ==, OK);
}

/* Tables of levels 2 and 3 for an address */
static void make_tables(RmmHost *h, uint64_t ipa, unsigned first)
{
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, FREE(first), ipa & ~(L1_SPAN - 1),
                      2), ==, OK);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, FREE(first + 1),
                      ipa & ~(L2_SPAN - 1), 3), ==, OK);
}

/* What is no realm descriptor, for each command that takes one */
static void no_realm(gconstpointer data)
{
    static const unsigned commands[] = {
        R_REALM_ACTIVATE, R_REALM_TERMINATE, R_REALM_DESTROY, R_RTT_CREATE,
        R_RTT_DESTROY, R_RTT_FOLD, R_READ_ENTRY, R_DATA_MAP, R_DATA_UNMAP,
        R_UNPROT_MAP, R_UNPROT_UNMAP, R_INIT_RIPAS, R_SET_RIPAS,
    };
    static const uint64_t rds[] = {
        RD + 1, RD + PAGE, RTT, FREE(9), PARAMS, NOT_RAM, UINT64_MAX & ~0xfff,
    };
    RmmHost h;

    begin(&h, data);
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(rds); k++) {
            g_assert_cmphex(R(&h, commands[i], rds[k], 0, PAGE), ==, EINPUT);
        }
    }
    rmm_stop(&h);
}

/* sec B4.5 REALM_CREATE: one wrong field at a time */
static void realm_create(gconstpointer data)
{
    static const struct {
        unsigned offset;
        uint64_t value;
    } wrong[] = {
        { 0x000, 1 << 3 }, { 0x000, 2 << 7 }, { 0x008, 31 }, { 0x008, 53 },
        { 0x008, 49 }, { 0x018, 0 }, { 0x018, 63 }, { 0x020, 0 },
        { 0x020, 63 }, { 0x030, 3 }, { 0x038, 1 }, { 0x440, 1 },
        { 0x808, P(3) }, { 0x808, NS(32) }, { 0x808, P(63) }, { 0x808, RD },
        { 0x810, 0 }, { 0x810, 2 }, { 0x810, 3 }, { 0x810, UINT64_MAX - 1 },
        { 0x818, 0 }, { 0x818, 1 }, { 0x818, 3 }, { 0x818, 4 },
        { 0x820, 1 << 1 }, { 0x820, 1 << 2 },
    };
    RmmHost h;

    rmm_start(&h, data, ",vmids=1");
    rmm_active(&h);
    rmm_delegate(&h, RD, 4);
    rmm_params(&h, RTT);
    g_assert_cmphex(R(&h, R_REALM_CREATE, RD, PARAMS + 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REALM_CREATE, RD, P(3)), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REALM_CREATE, RD, NOT_RAM), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REALM_CREATE, RD + 8, PARAMS), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REALM_CREATE, P(9), PARAMS), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REALM_CREATE, RTT + PAGE, PARAMS), ==, EINPUT);
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        rmm_params(&h, RTT);
        qtest_writeq(h.qts, PARAMS + wrong[i].offset, wrong[i].value);
        g_assert_cmphex(R(&h, R_REALM_CREATE, RD, PARAMS), ==, EINPUT);
        rmm_granule_is(&h, RD, "delegated", "realm");
    }
    /* TF-A-Tests: private MEC, a tree for each plane, and no planes */
    rmm_params(&h, RTT);
    qtest_writeq(h.qts, PARAMS, 1 << 7);
    qtest_writeq(h.qts, PARAMS + 0x820, 1);
    g_assert_cmphex(R(&h, R_REALM_CREATE, RD, PARAMS), ==, OK);
    rmm_granule_is(&h, RD, "rd", "realm");
    rmm_granule_is(&h, RTT + PAGE, "rtt", "realm");

    /* sec A2.2: no VMID left */
    rmm_delegate(&h, P(64), 4);
    rmm_params(&h, P(66));
    g_assert_cmphex(R(&h, R_REALM_CREATE, P(64), PARAMS), ==, EGLOBAL);
    g_assert_cmphex(R(&h, R_REALM_TERMINATE, RD), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_CREATE, P(64), PARAMS), ==, OK);
    rmm_stop(&h);
}

/* sec A2.2: which state allows what */
static void realm_states(gconstpointer data)
{
    RmmHost h;

    begin(&h, data);
    make_rec(&h, REC, 0);
    make_tables(&h, 0, 0);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, EREALM);
    g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, EREALM);
    g_assert_cmphex(R(&h, R_REALM_ACTIVATE, RD), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_ACTIVATE, RD), ==, EREALM);
    rmm_delegate(&h, P(20), 1);
    g_assert_cmphex(rmm_rec_begin(&h, RD, P(20), 1), ==, EREALM);
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, 0, PAGE), ==, EREALM);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(8), 0, CONTENT, 0), ==,
                    EREALM);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 0, PAGE, 1, FREE(8) | 4), ==, OK);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, OK);
    g_assert_cmphex(qtest_readq(h.qts, RUN + 0x800), ==, 3);
    g_assert_cmphex(qtest_readq(h.qts, RUN + 0xa00), ==, 0x84000008);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, EREALM);
    g_assert_cmphex(R(&h, R_REALM_TERMINATE, RD), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, EREALM);
    g_assert_cmphex(R(&h, R_REC_DESTROY, REC), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, EREALM);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, PAGE, 1, 0), ==, OK);
    g_assert_cmphex(h.x[2], ==, FREE(8) | 4);
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, 0, 3), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, EREALM);
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, 0, 2), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, OK);
    rmm_granule_is(&h, RD, "delegated", "realm");
    rmm_granule_is(&h, RTT, "delegated", "realm");
    rmm_stop(&h);
}

static void recs(gconstpointer data)
{
    RmmHost h;

    begin(&h, data);
    rmm_delegate(&h, REC, 4);
    g_assert_cmphex(R(&h, R_REC_CREATE, RD, REC, REC_PARAMS + 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_CREATE, RD, REC, FREE(1)), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_CREATE, RD, REC, NOT_RAM), ==, EINPUT);
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC + 1, 0), ==, EINPUT);
    g_assert_cmphex(rmm_rec_begin(&h, RD, NS(50), 0), ==, EINPUT);
    g_assert_cmphex(rmm_rec_begin(&h, RD, RD, 0), ==, EINPUT);
    g_assert_cmphex(rmm_rec_begin(&h, FREE(1), REC, 0), ==, EINPUT);
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 1), ==, EINPUT);
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, OK);
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC + PAGE, 0), ==, EINPUT);
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 1), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_DESTROY, REC + 1), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_DESTROY, REC + PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_DESTROY, NOT_RAM), ==, EINPUT);

    /* sec B4.5.51; [1, 2] before the state of the realm */
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN + 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, FREE(0)), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC + PAGE, RUN), ==, EINPUT);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, EREALM);
    qtest_memset(h.qts, REC_PARAMS, 0, PAGE);
    qtest_writeq(h.qts, REC_PARAMS + 0x100, 1);
    g_assert_cmphex(R(&h, R_REC_CREATE, RD, REC + PAGE, REC_PARAMS), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_ACTIVATE, RD), ==, OK);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC + PAGE, RUN), ==, EREC);
    qtest_writeq(h.qts, RUN, 1);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, EREC);
    rmm_stop(&h);
}

static void psci(gconstpointer data)
{
    bool two = g_str_equal(data, "bet3");
    const char *on = "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": {"
        " \"reason\": 3, \"gprs\": [ 3288334339, 1, 4660, 22136 ] } } ] }";
    RmmHost h;

    begin(&h, data);
    make_rec(&h, REC, 0);
    rmm_delegate(&h, REC + PAGE, 1);
    qtest_memset(h.qts, REC_PARAMS, 0, PAGE);
    qtest_writeq(h.qts, REC_PARAMS + 0x100, 1);
    g_assert_cmphex(R(&h, R_REC_CREATE, RD, REC + PAGE, REC_PARAMS), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_ACTIVATE, RD), ==, OK);
    g_assert_cmphex(R(&h, R_PSCI_COMPLETE, REC, REC + PAGE, 0), ==, EINPUT);
    rmm_script(&h, on);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, OK);
    g_assert_cmphex(qtest_readq(h.qts, RUN + 0xa18), ==, 22136);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, EREC);
    g_assert_cmphex(R(&h, R_PSCI_COMPLETE, REC, REC, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_PSCI_COMPLETE, FREE(0), REC + PAGE, 0), ==,
                    EINPUT);
    /* NOT_SUPPORTED is no answer to CPU_ON. */
    g_assert_cmphex(R(&h, R_PSCI_COMPLETE, REC, REC + PAGE, -1), ==, EINPUT);
    g_assert_cmphex(two ? R(&h, R_PSCI_COMPLETE, REC, 0) :
                    R(&h, R_PSCI_COMPLETE, REC, REC + PAGE, 0), ==, OK);
    /* The target can be entered now. */
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": {"
               " \"reason\": 1 } } ] }");
    g_assert_cmphex(R(&h, R_REC_ENTER, REC + PAGE, RUN), ==, OK);
    g_assert_cmphex(qtest_readq(h.qts, RUN + 0x800), ==, 1);
    rmm_script(&h, on);
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, OK);
    /* DENIED, though it is on */
    g_assert_cmphex(R(&h, R_PSCI_COMPLETE, REC, REC + PAGE, -3), ==, EINPUT);
    g_assert_cmphex(R(&h, R_PSCI_COMPLETE, REC, REC + PAGE, 0), ==, OK);
    rmm_stop(&h);
}

/* sec B4.5 RTT_CREATE, RTT_DESTROY, RTT_FOLD, RTT_READ_ENTRY */
static void tables(gconstpointer data)
{
    RmmHost h;

    begin(&h, data);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), 0, 1), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), 0, 4), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), 0, -1), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), L2_SPAN, 2), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), 1ull << 40, 2), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0) + 8, 0, 2), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, NS(9), 0, 2), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, RD, 0, 2), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), 0, 3), ==, ERTT(1));
    /* The granule before the walk */
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, 0, 2), ==, ERTT(1));
    g_assert_cmphex(h.x[2], ==, 1ull << 39);
    make_tables(&h, 0, 0);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(2), 0, 3), ==, ERTT(2));
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(2), 0, 2), ==, ERTT(1));

    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[1], ==, 3);
    g_assert_cmphex(h.x[2], ==, 0);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 2), ==, OK);
    g_assert_cmphex(h.x[2], ==, 2);
    g_assert_cmphex(h.x[3], ==, FREE(1));
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, L2_SPAN, 3), ==, OK);
    g_assert_cmphex(h.x[1], ==, 2);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, PAGE, 2), ==, EINPUT);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 1ull << 40, 3), ==, EINPUT);

    /* Live tables stay; the next live address is told. */
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, 0, 2), ==, ERTT(2));
    g_assert_cmphex(h.x[2], ==, 0);
    g_assert_cmphex(R(&h, R_RTT_FOLD, RD, 0, 2), ==, ERTT(2));
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 3 * PAGE, 4 * PAGE, 1, FREE(3) | 4),
                    ==, OK);
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, 0, 3), ==, ERTT(3));
    g_assert_cmphex(R(&h, R_RTT_FOLD, RD, 0, 3), ==, ERTT(3));
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, L2_SPAN, 3), ==, ERTT(2));
    g_assert_cmphex(h.x[2], ==, L1_SPAN);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 3 * PAGE, 4 * PAGE, 1, 0), ==, OK);

    /* All alike: folded. Destroyed: RIPAS DESTROYED. */
    g_assert_cmphex(R(&h, R_RTT_FOLD, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[1], ==, FREE(1));
    rmm_granule_is(&h, FREE(1), "delegated", "realm");
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(1), 0, 3), ==, OK);
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[1], ==, FREE(1));
    g_assert_cmphex(h.x[2], ==, L1_SPAN);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 2), ==, OK);
    g_assert_cmphex(h.x[4], ==, 2);
    rmm_stop(&h);
}

/* A block is unfolded into pages and folded again; attributes stay. */
static void blocks(gconstpointer data)
{
    uint64_t block = 0x46000000;
    RmmHost h;

    begin(&h, data);
    rmm_delegate(&h, block, 512);
    qtest_memset(h.qts, PARAMS, 0, PAGE);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), 0, 2), ==, OK);
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, 0, L2_SPAN), ==, OK);
    g_assert_cmphex(h.x[1], ==, L2_SPAN);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 0, L2_SPAN, 1,
                      rmm_desc(&h, block, 1, 1, 0)), ==, OK);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[1], ==, 2);
    g_assert_cmphex(h.x[2], ==, 1);
    g_assert_cmphex(h.x[3], ==, block);
    g_assert_cmphex(h.x[4], ==, 1);
    /* Part of a block cannot be unmapped. */
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, PAGE, 1, 0), ==, ERTT(2));
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(1), 0, 3), ==, OK);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 7 * PAGE, 3), ==, OK);
    g_assert_cmphex(h.x[3], ==, block + 7 * PAGE);
    g_assert_cmphex(h.x[4], ==, 1);
    g_assert_cmphex(R(&h, R_RTT_FOLD, RD, 0, 3), ==, OK);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[1], ==, 2);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, L2_SPAN, 1, 0), ==, OK);
    g_assert_cmphex(h.x[2], ==, rmm_desc(&h, block, 1, 1, 0));
    /* RAM that went away is DESTROYED. */
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[2], ==, 0);
    g_assert_cmphex(h.x[4], ==, 2);
    rmm_granule_is(&h, block + 511 * PAGE, "delegated", "realm");
    rmm_stop(&h);
}

static void data_map(gconstpointer data)
{
    RmmHost h;

    begin(&h, data);
    make_tables(&h, 0, 0);
    /* DATA_MAP_INIT */
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(4), 0, CONTENT + 8, 0), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(4), 0, FREE(5), 0), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, NS(9), 0, CONTENT, 0), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(4), 8, CONTENT, 0), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(4), UNPROT, CONTENT, 0),
                    ==, EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(4), L1_SPAN, CONTENT, 0),
                    ==, ERTT(1));
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(4), L2_SPAN, CONTENT, 0),
                    ==, ERTT(2));
    qtest_writeq(h.qts, CONTENT, 0x1122334455667788);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(4), 0, CONTENT, 1), ==,
                    OK);
    g_assert_cmphex(qtest_readq(h.qts, FREE(4)), ==, 0x1122334455667788);
    g_assert_cmphex(R(&h, R_DATA_MAP_INIT, RD, FREE(5), 0, CONTENT, 0), ==,
                    ERTT(3));
    rmm_granule_is(&h, FREE(4), "data", "realm");

    /* DATA_MAP */
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 8, PAGE, 1, FREE(5) | 4), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, PAGE, PAGE, 1, FREE(5) | 4), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, UNPROT, UNPROT + PAGE, 1,
                      FREE(5) | 4), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, UNPROT - PAGE, UNPROT + PAGE, 1,
                      FREE(5) | 4), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, PAGE, 2 * PAGE, 0, FREE(5) | 4), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, PAGE, 2 * PAGE, 3, FREE(5) | 4), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, PAGE, 2 * PAGE, 2 | 1 << 2,
                      LIST + 4), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, PAGE, 2 * PAGE, 2 | 1 << 2,
                      FREE(6)), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 0, PAGE, 1, FREE(5) | 4), ==,
                    ERTT(3));
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, L2_SPAN, L2_SPAN + PAGE, 1,
                      FREE(5) | 4), ==, ERTT(2));
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, PAGE, 2 * PAGE, 1, NS(9) | 4), ==,
                    EINPUT);
    /* A list, the second half of which cannot be used */
    rmm_list(&h, 0, FREE(5), 2);
    qtest_writeq(h.qts, LIST + 16, NS(9) | 4);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, PAGE, 5 * PAGE, 2 | 3 << 2, LIST),
                    ==, OK);
    g_assert_cmphex(h.x[1], ==, 3 * PAGE);
    rmm_granule_is(&h, NS(9), "undelegated", "ns");

    /* DATA_UNMAP: nothing there is progress; a list tells all pieces. */
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 8, PAGE, 1, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, UNPROT, UNPROT + PAGE, 1, 0), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, PAGE, 2 | 1 << 2, LIST + 1), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, PAGE, 2 | 1 << 2, FREE(8)), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 8 * PAGE, 16 * PAGE, 1, 0), ==,
                    OK);
    g_assert_cmphex(h.x[1], ==, 16 * PAGE);
    g_assert_cmphex(h.x[2], ==, 0);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 3 * PAGE, 4 * PAGE, 1,
                      FREE(20) | 4), ==, OK);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, L2_SPAN, 2 | 4 << 2, LIST), ==,
                    OK);
    g_assert_cmphex(h.x[1], ==, L2_SPAN);
    g_assert_cmphex(h.x[3], ==, 2);
    g_assert_cmphex(qtest_readq(h.qts, LIST), ==, FREE(4) | 3 << 2);
    g_assert_cmphex(qtest_readq(h.qts, LIST + 8), ==, FREE(20) | 1 << 2);
    rmm_stop(&h);
}

/* What makes a realm live, sec A2.2: each thing alone, in each root */
static void live(gconstpointer data)
{
    RmmHost h;

    begin(&h, data);
    rmm_delegate(&h, REC, 1);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t ipa = i == 1 ? UNPROT : 0;

        if (i < 2) {
            g_assert_cmphex(R(&h, R_RTT_CREATE, RD, FREE(0), ipa, 2), ==, OK);
        } else {
            g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, OK);
        }
        g_assert_cmphex(R(&h, R_REALM_TERMINATE, RD), ==, OK);
        g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, EREALM);
        if (i < 2) {
            g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, ipa, 2), ==, OK);
            /* Nothing was ever protected there. */
            g_assert_cmphex(R(&h, R_READ_ENTRY, RD, ipa, 1), ==, OK);
            g_assert_cmphex(h.x[4], ==, i ? 0 : 2);
        } else {
            g_assert_cmphex(R(&h, R_REC_DESTROY, REC), ==, OK);
        }
        g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, OK);
        rmm_params(&h, RTT);
        g_assert_cmphex(R(&h, R_REALM_CREATE, RD, PARAMS), ==, OK);
    }
    rmm_stop(&h);
}

/* DATA_MAP: neither pages nor blocks bring anything with them. */
static void wiped(gconstpointer data)
{
    uint64_t block = 0x46000000;
    RmmHost h;

    begin(&h, data);
    rmm_delegate(&h, block, 512);
    qtest_memset(h.qts, FREE(4), 0x5a, PAGE);
    qtest_memset(h.qts, block, 0x5a, L2_SPAN);
    make_tables(&h, 0, 0);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 0, PAGE, 1, FREE(4) | 4), ==, OK);
    g_assert_cmphex(qtest_readq(h.qts, FREE(4)), ==, 0);
    g_assert_cmphex(qtest_readq(h.qts, FREE(5) - 8), ==, 0);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, L2_SPAN, 2 * L2_SPAN, 1,
                      rmm_desc(&h, block, 1, 1, 0)), ==, OK);
    g_assert_cmphex(qtest_readq(h.qts, block), ==, 0);
    g_assert_cmphex(qtest_readq(h.qts, block + L2_SPAN - 8), ==, 0);
    rmm_stop(&h);
}

/* sec B1: what is no output is preserved; TF-RMM writes X1 to X3. */
static void preserved(gconstpointer data)
{
    bool tf = g_str_equal(data, "bet1");
    RmmHost h;

    begin(&h, data);
    for (unsigned good = 0; good < 2; good++) {
        uint64_t rd = good ? RD : FREE(9);

        g_assert_cmphex(R(&h, R_REALM_ACTIVATE, rd, 0x22, 0x33, 0x44), ==,
                        good ? OK : EINPUT);
        g_assert_cmphex(h.x[1], ==, tf ? 0 : rd);
        g_assert_cmphex(h.x[2], ==, tf ? 0 : 0x22);
        g_assert_cmphex(h.x[3], ==, tf ? 0 : 0x33);
        g_assert_cmphex(h.x[4], ==, 0x44);
    }
    g_assert_cmphex(R(&h, R_FEATURES, 9, 0x22, 0x33, 0x44), ==, OK);
    g_assert_cmphex(h.x[1], ==, 0);
    g_assert_cmphex(h.x[2], ==, tf ? 0 : 0x22);
    rmm_stop(&h);
}

/* Output addresses that make no block, and lists that are too short */
static void pieces(gconstpointer data)
{
    uint64_t block = 0x46000000;
    RmmHost h;

    begin(&h, data);
    rmm_delegate(&h, block, 1024);
    make_tables(&h, 0, 0);
    /* A page fewer than a block */
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, L2_SPAN, 2 * L2_SPAN, 1,
                      rmm_desc(&h, block, 0, 511, 0)), ==, ERTT(2));
    rmm_granule_is(&h, block, "delegated", "realm");
    /* 512 pages in a row that begin a page behind a block */
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 0, L2_SPAN, 1,
                      rmm_desc(&h, block + PAGE, 0, 512, 0)), ==, OK);
    g_assert_cmphex(h.x[1], ==, L2_SPAN);
    g_assert_cmphex(R(&h, R_RTT_FOLD, RD, 0, 3), ==, ERTT(3));
    /* Three pieces, and room for fewer: only those are unmapped. */
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, L2_SPAN, 1, 0), ==, OK);
    g_assert_cmphex(h.x[2], ==, rmm_desc(&h, block + PAGE, 0, 512, 0));
    for (unsigned room = 1; room <= 3; room++) {
        for (unsigned i = 0; i < 3; i++) {
            g_assert_cmphex(R(&h, R_DATA_MAP, RD, (4 + i) * PAGE,
                              (5 + i) * PAGE, 1,
                              (block + 2 * i * PAGE) | 4), ==, OK);
        }
        qtest_memset(h.qts, LIST, 0, 64);
        g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 4 * PAGE, 7 * PAGE,
                          2 | room << 2, LIST), ==, OK);
        g_assert_cmphex(h.x[1], ==, (4 + room) * PAGE);
        g_assert_cmphex(h.x[3], ==, room);
        for (unsigned i = 0; i < 3; i++) {
            g_assert_cmphex(qtest_readq(h.qts, LIST + i * 8), ==,
                            i < room ? (block + 2 * i * PAGE) | 4 : 0);
        }
        g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 4 * PAGE, 7 * PAGE,
                          2 | 3 << 2, LIST), ==, OK);
        g_assert_cmphex(h.x[3], ==, 3 - room);
    }
    rmm_stop(&h);
}

static void unprot_map(gconstpointer data)
{
    bool tf = g_str_equal(data, "bet1");
    RmmHost h;

    begin(&h, data);
    make_tables(&h, UNPROT, 0);
    g_assert_cmphex(R(&h, R_UNPROT_MAP, RD, 0, PAGE, 0x1e0001, NS(9) | 4), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_UNPROT_MAP, RD, UNPROT, UNPROT, 0x1e0001,
                      NS(9) | 4), ==, EINPUT);
    g_assert_cmphex(R(&h, R_UNPROT_MAP, RD, UNPROT, UNPROT + PAGE, 0x1e0000,
                      NS(9) | 4), ==, EINPUT);
    g_assert_cmphex(R(&h, R_UNPROT_MAP, RD, UNPROT + L2_SPAN,
                      UNPROT + L2_SPAN + PAGE, 0x1e0001, NS(9) | 4), ==,
                    ERTT(2));
    g_assert_cmphex(R(&h, R_UNPROT_MAP, RD, UNPROT, UNPROT + 2 * PAGE,
                      0x1e0001, NS(9) | 2 << 2), ==, OK);
    g_assert_cmphex(h.x[1], ==, UNPROT + 2 * PAGE);
    g_assert_cmphex(R(&h, R_UNPROT_MAP, RD, UNPROT, UNPROT + PAGE, 0x1e0001,
                      NS(9) | 4), ==, ERTT(3));
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, UNPROT + PAGE, 3), ==, OK);
    g_assert_cmphex(h.x[2], ==, 1);
    g_assert_cmphex(h.x[3] & ~0xfffull, ==, NS(10));
    /* Stage 2, Arm ARM D8.3: NS, XN, AF, inner, read and write, WB, page */
    g_assert_cmphex(qtest_readq(h.qts, FREE(1) + 8), ==, NS(10) |
                    1ull << 55 | 2ull << 53 | 1 << 10 | 3 << 8 | 3 << 6 |
                    6 << 2 | 3);
    g_assert_cmphex(R(&h, R_UNPROT_UNMAP, RD, 0, PAGE, 0, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_UNPROT_UNMAP, RD, UNPROT + 8 * PAGE,
                      UNPROT + 9 * PAGE, 0, 0), ==, tf ? OK : ERTT(3));
    g_assert_cmphex(R(&h, R_UNPROT_UNMAP, RD, UNPROT, UNPROT + 2 * PAGE, 0, 0),
                    ==, OK);
    g_assert_cmphex(h.x[1], ==, UNPROT + 2 * PAGE);
    /* A table with nothing but such mappings can be destroyed. */
    g_assert_cmphex(R(&h, R_UNPROT_MAP, RD, UNPROT, UNPROT + PAGE, 0x1e0001,
                      NS(9) | 4), ==, OK);
    g_assert_cmphex(R(&h, R_RTT_DESTROY, RD, UNPROT, 3), ==, OK);
    rmm_stop(&h);
}

static void ripas(gconstpointer data)
{
    RmmHost h;

    begin(&h, data);
    make_rec(&h, REC, 0);
    make_tables(&h, 0, 0);
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, PAGE, PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, 0, UNPROT + PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, 0, PAGE + 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, L2_SPAN, L2_SPAN + PAGE), ==,
                    ERTT(2));
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, L2_SPAN + PAGE, 2 * L2_SPAN), ==,
                    ERTT(2));
    g_assert_cmphex(R(&h, R_INIT_RIPAS, RD, 2 * PAGE, L2_SPAN + PAGE), ==, OK);
    g_assert_cmphex(h.x[1], ==, L2_SPAN);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 2 * PAGE, 3), ==, OK);
    g_assert_cmphex(h.x[4], ==, 1);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, PAGE, 3), ==, OK);
    g_assert_cmphex(h.x[4], ==, 0);

    g_assert_cmphex(R(&h, R_REALM_ACTIVATE, RD), ==, OK);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": {"
               " \"reason\": 4, \"ripas-base\": 0, \"ripas-top\": 16384,"
               " \"ripas-value\": 1 } } ] }");
    g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, OK);
    g_assert_cmphex(qtest_readq(h.qts, RUN + 0xd08), ==, 16384);
    g_assert_cmphex(R(&h, R_SET_RIPAS, RD, REC, PAGE, 4 * PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_SET_RIPAS, RD, REC, 0, 5 * PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_SET_RIPAS, RD, REC, 0, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_SET_RIPAS, RD, FREE(9), 0, PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_SET_RIPAS, RD, REC, 0, PAGE), ==, OK);
    g_assert_cmphex(h.x[1], ==, PAGE);
    g_assert_cmphex(R(&h, R_SET_RIPAS, RD, REC, 0, PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_SET_RIPAS, RD, REC, PAGE, 4 * PAGE), ==, OK);
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[4], ==, 1);
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(gconstpointer);
    } tests[] = {
        { "no-realm", no_realm }, { "realm-create", realm_create },
        { "realm-states", realm_states }, { "recs", recs }, { "psci", psci },
        { "tables", tables }, { "blocks", blocks }, { "data-map", data_map },
        { "unprot-map", unprot_map }, { "ripas", ripas }, { "live", live },
        { "wiped", wiped }, { "pieces", pieces },
        { "preserved", preserved },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
            g_autofree char *path = g_strdup_printf("/arm-rmm/command/%s/%s",
                                                    tests[k].name, abis[i]);

            qtest_add_data_func(path, abis[i], tests[k].test);
        }
    }
    return g_test_run();
}
