/*
 * QTest of arm-rmm: stateful operations, every phase and every OP_*
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.3.1 to B4.3.3, B4.4, B4.5.21 to B4.5.24. The table
 * of answers is written from there; bet1 is TF-RMM's strict behaviour.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqos/arm-rmm.h"

#define RD      P(0)
#define RTT     P(2)
#define REC     P(16)

static const char *const abis[] = { "bet0", "bet1", "bet3" };

static void begin(RmmHost *h, const char *abi, const char *more)
{
    rmm_start(h, abi, more);
    rmm_active(h);
    rmm_realm(h, RD, RTT);
    rmm_delegate(h, REC, 64);
}

/*
 * Phases: 0 wants CONTINUE, 1 wants DONATE with 2 granules taken, 2 wants
 * RECLAIM of them
 */
static void go_to_phase(RmmHost *h, unsigned phase, bool cancellable)
{
    g_autofree char *script = g_strdup_printf(
        "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
        " \"cancel\": %s, \"donate\": [ { \"count\": %u } ],"
        " \"fail\": \"error-global\" } } ] }", cancellable ? "true" : "false",
        phase == 1 ? 3 : 2);

    rmm_script(h, script);
    g_assert_cmphex(rmm_rec_begin(h, RD, REC, 0) & 0x3ff, ==, WANT_DONATE);
    rmm_list(h, 0, REC + PAGE, 2);
    R(h, R_DONATE, 0, LIST, 2, 0);
    g_assert_cmphex(h->x[1], ==, 2);
    if (phase == 2) {
        g_assert_cmphex(R(h, R_CONTINUE, 0, 0) & 0x3ff, ==, WANT_RECLAIM);
    }
}

static uint64_t op(RmmHost *h, unsigned num)
{
    if (num == R_DONATE) {
        rmm_list(h, 0, REC + 3 * PAGE, 1);
    }
    return R(h, num, 0, num == R_CONTINUE || num == R_CANCEL ? 0 : LIST, 1, 0);
}

/* Answers without the cancel bit; 0 in the table: see profile */
static void phases(gconstpointer data)
{
    static const unsigned ops[] = { R_CONTINUE, R_DONATE, R_RECLAIM, R_CANCEL };
    static const uint64_t answer[3][4] = {
        { WANT_RECLAIM, EINPUT, EINPUT, WANT_RECLAIM },
        { 0, INCOMPLETE, EINPUT, WANT_RECLAIM },
        { 0, EINPUT, INCOMPLETE, WANT_RECLAIM },
    };
    bool strict = g_str_equal(data, "bet1");
    RmmHost h;

    begin(&h, data, "");
    for (unsigned phase = 0; phase < 3; phase++) {
        for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
            uint64_t want = answer[phase][i];
            uint64_t x0;

            go_to_phase(&h, phase, true);
            x0 = op(&h, ops[i]);
            if (!want) {
                want = strict ? EINPUT : WANT_RECLAIM;
            }
            g_assert_cmphex(x0 & ~CANCELLABLE, ==, want);
            /* Whatever happened, the host can end it. */
            if (want == EINPUT && phase == 1) {
                g_assert_cmphex(R(&h, R_CANCEL, 0), ==, WANT_RECLAIM);
            } else if ((want == EINPUT && phase == 0) ||
                       (phase == 1 && i == 1)) {
                g_assert_cmphex(R(&h, R_CONTINUE, 0, 0) & 0x3ff, ==,
                                WANT_RECLAIM);
            }
            if (!(phase == 2 && i == 2)) {
                g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 64) & 0x3ff, ==,
                                INCOMPLETE);
            }
            x0 = R(&h, R_CONTINUE, 0, 0);
            g_assert_cmphex(x0 == EGLOBAL || x0 == EINPUT, ==, true);
            g_assert_cmpuint(rmm_count(&h, "internal"), ==, 0);
            rmm_granule_is(&h, REC, "delegated", "realm");
        }
    }
    /* Not cancellable: stays as it is. */
    go_to_phase(&h, 1, false);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, EINPUT);
    g_assert_cmpuint(rmm_found(&h, "not-cancellable"), ==, 1);
    rmm_list(&h, 0, REC + 3 * PAGE, 1);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0), ==, INCOMPLETE);
    rmm_stop(&h);
}

static void handles(gconstpointer data)
{
    static const unsigned ops[] = { R_CONTINUE, R_DONATE, R_RECLAIM, R_CANCEL };
    RmmHost h;

    begin(&h, data, "");
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        g_assert_cmphex(R(&h, ops[i], 99, LIST, 1, 0), ==, EINPUT);
    }
    g_assert_cmpuint(rmm_found(&h, "unknown-handle"), ==, 4);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
               " \"handle\": 18446744073709551615, \"rounds\": 1,"
               " \"donate\": [] } } ] }");
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(h.x[1], ==, UINT64_MAX);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    /* TF-A-Tests: flags in X1, handle in X2; and from the other CPU */
    g_assert_cmphex(rmm_smc(&h, 1, R_CONTINUE,
                            (uint64_t[6]) { 0, UINT64_MAX }), ==, OK);
    rmm_granule_is(&h, REC, "rec", "realm");
    g_assert_cmphex(R(&h, R_CONTINUE, UINT64_MAX, 0), ==, EINPUT);
    rmm_stop(&h);

    begin(&h, data, ",swapped-arguments=off");
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
               " \"handle\": 5, \"rounds\": 1, \"donate\": [] } } ] }");
    rmm_rec_begin(&h, RD, REC, 0);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 5), ==, EINPUT);
    g_assert_cmphex(R(&h, R_CONTINUE, 5, 0), ==, OK);
    rmm_stop(&h);
}

/* sec B4.3.3: objects of an open operation; sec B4.3.2: no context left */
static void ownership(gconstpointer data)
{
    uint64_t owned = g_str_equal(data, "bet1") ? EINPUT : EBLOCKED;
    RmmHost h;

    begin(&h, data, ",sro-contexts=1");
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"times\": 0,"
               " \"sro\": { \"rounds\": 1, \"donate\": [] } } ] }");
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_UNDELEGATE, REC, REC + PAGE), ==, owned);
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, owned);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, REC, 0, 2), ==, owned);
    /* Others are free, but there is no context for them. */
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC + PAGE, 0), ==, EBLOCKED);
    rmm_undelegate(&h, REC + PAGE, 1);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    rmm_stop(&h);

    /* Two at the same time; the second one comes too late for its index. */
    begin(&h, data, "");
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"times\": 0,"
               " \"sro\": { \"rounds\": 1, \"donate\": [] } } ] }");
    rmm_rec_begin(&h, RD, REC, 0);
    g_assert_cmphex(h.x[1], ==, 0);
    rmm_rec_begin(&h, RD, REC + PAGE, 0);
    g_assert_cmphex(h.x[1], ==, 1);
    g_assert_cmphex(R(&h, R_CONTINUE, 1, 0), ==, OK);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_granule_is(&h, REC, "delegated", "realm");
    rmm_granule_is(&h, REC + PAGE, "rec", "realm");
    rmm_stop(&h);
}

/* sec B4.5.23: what a list may hold */
typedef struct BadList {
    const char *what;
    uint64_t list;
    unsigned count;
    uint64_t base;
    unsigned size, n, state;
} BadList;

static void bad_lists(gconstpointer data)
{
    static const BadList lists[] = {
        { "list misaligned", LIST + 4, 1, REC + PAGE, 0, 1, 0 },
        { "list in a device", 0x9000000, 1, REC + PAGE, 0, 1, 0 },
        { "list in delegated memory", REC + 60 * PAGE, 1, REC + PAGE, 0, 1, 0 },
        { "too much", LIST, 1, REC + PAGE, 0, 17, 0 },
        { "wrong state", LIST, 1, REC + PAGE, 0, 1, 1 },
        { "block misaligned", LIST, 1, REC + PAGE, 1, 1, 0 },
    };
    bool forgives = g_str_equal(data, "bet1");
    RmmHost h;

    begin(&h, data, "");
    for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
        const BadList *l = &lists[i];

        g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0) & 0x3ff, ==,
                        WANT_DONATE);
        qtest_writeq(h.qts, LIST, rmm_desc(&h, l->base, l->size, l->n,
                                           l->state));
        g_assert_cmphex(R(&h, R_DONATE, 0, l->list, l->count, 0), ==, EINPUT);
        g_assert_cmphex(h.x[1], ==, 0);
        if (forgives) {
            rmm_list(&h, 0, REC + PAGE, 16);
            g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 16, 0), ==, INCOMPLETE);
            g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
            g_assert_cmphex(R(&h, R_REC_DESTROY, REC), ==, WANT_RECLAIM);
            g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 16), ==, INCOMPLETE);
            g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
            rmm_stop(&h);
            begin(&h, data, "");
        } else {
            g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
        }
    }
    /* An empty list, and entries with nothing in them: no progress */
    rmm_rec_begin(&h, RD, REC, 0);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 0, 0) & 0x3ff, ==, WANT_DONATE);
    g_assert_cmphex(h.x[2], ==, 16 << 2);
    qtest_writeq(h.qts, LIST, REC + PAGE);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0) & 0x3ff, ==, WANT_DONATE);
    g_assert_cmphex(h.x[1], ==, 0);
    rmm_stop(&h);
}

/* A granule in the wrong state, at the beginning and in the middle */
static void bad_granules(gconstpointer data)
{
    bool tf = g_str_equal(data, "bet1");
    RmmHost h;

    begin(&h, data, "");
    for (unsigned good = 0; good < 3; good += 2) {
        rmm_rec_begin(&h, RD, REC, 0);
        rmm_list(&h, 0, REC + PAGE, good);
        rmm_list(&h, good, NS(30), 1);
        R(&h, R_DONATE, 0, LIST, good + 1, 0);
        g_assert_cmphex(h.x[1], ==, good);
        if (tf && good) {
            g_assert_cmphex(h.x[0], ==, WANT_DONATE);
            g_assert_cmphex(h.x[2], ==, 14 << 2);
            break;
        }
        g_assert_cmphex(h.x[0], ==, tf ? WANT_RECLAIM : EINPUT);
        if (good) {
            g_assert_cmphex(R(&h, R_CONTINUE, 0, 0) & 0x3ff, ==, WANT_RECLAIM);
        }
        if (good || tf) {
            g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 1) & 0x3ff, ==,
                            INCOMPLETE);
        }
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    }
    rmm_stop(&h);
}

/* Requests of every size; contiguous ones need one aligned piece. */
static void shapes(gconstpointer data)
{
    RmmHost h;

    begin(&h, data, "");
    rmm_delegate(&h, 0x46000000, 1024);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
               " \"donate\": [ { \"size\": 1, \"count\": 1 },"
               " { \"count\": 8, \"contig\": true },"
               " { \"count\": 2, \"state\": \"undelegated\" } ] } } ] }");
    rmm_rec_begin(&h, RD, REC, 0);
    g_assert_cmphex(h.x[2], ==, 1 | 1 << 2);
    qtest_writeq(h.qts, LIST, rmm_desc(&h, 0x46000000, 1, 1, 0));
    R(&h, R_DONATE, 0, LIST, 1, 0);
    g_assert_cmphex(h.x[1], ==, 512);
    g_assert_cmphex(h.x[2], ==, 8 << 2 | 1 << 16);
    qtest_writeq(h.qts, LIST, rmm_desc(&h, 0x46200000, 0, 8, 0));
    R(&h, R_DONATE, 0, LIST, 1, 0);
    g_assert_cmphex(h.x[1], ==, 8);
    g_assert_cmphex(h.x[2], ==, 2 << 2 | 1 << 17);
    qtest_writeq(h.qts, LIST, rmm_desc(&h, NS(32), 0, 2, 1));
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0) & 0x3ff, ==, INCOMPLETE);
    rmm_granule_is(&h, NS(32), "internal", "realm");
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);

    /* Each piece comes back as what it was. */
    g_assert_cmphex(R(&h, R_REC_DESTROY, REC) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 8) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(h.x[1], ==, 2);
    g_assert_cmphex(qtest_readq(h.qts, LIST), ==,
                    rmm_desc(&h, 0x46000000, 0, 520, 0));
    g_assert_cmphex(qtest_readq(h.qts, LIST + 8), ==,
                    rmm_desc(&h, NS(32), 0, 2, 1));
    rmm_granule_is(&h, NS(32), "undelegated", "ns");
    rmm_granule_is(&h, 0x46200000, "delegated", "realm");
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    rmm_stop(&h);
}

static void contiguous(gconstpointer data)
{
    static const struct {
        uint64_t base;
        unsigned n;
    } bad[] = {
        { 0x46001000, 8 }, { 0x46000000, 4 }, { 0x46000000, 7 },
    };
    RmmHost h;

    begin(&h, data, "");
    rmm_delegate(&h, 0x46000000, 64);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\":"
                   " { \"cancel\": true, \"donate\":"
                   " [ { \"count\": 8, \"contig\": true } ] } } ] }");
        rmm_rec_begin(&h, RD, REC, 0);
        qtest_writeq(h.qts, LIST, rmm_desc(&h, bad[i].base, 0, bad[i].n, 0));
        g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0), ==, EINPUT);
        if (g_str_equal(data, "bet1")) {
            g_assert_cmphex(R(&h, R_CANCEL, 0), ==, INCOMPLETE);
        }
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    }
    rmm_stop(&h);
}

/* sec B4.5.24: capacity, fragments, order; nothing is lost */
static void fragments(gconstpointer data)
{
    static const struct {
        const char *reclaim;
        unsigned capacity, calls;
        uint64_t first;
    } row[] = {
        { "{}", 512, 1, REC + PAGE },
        { "{ \"max-granules\": 1 }", 512, 1, REC + PAGE },
        { "{ \"max-granules\": 1 }", 3, 6, REC + PAGE },
        { "{ \"max-granules\": 5, \"max-entries\": 1 }", 512, 4, REC + PAGE },
        { "{ \"max-granules\": 1, \"order\": \"reverse\" }", 512, 1,
          REC + 16 * PAGE },
        { "{ \"max-granules\": 1, \"order\": \"interleave\" }", 5, 4,
          REC + PAGE },
        { "{ \"empty\": 2 }", 512, 3, REC + PAGE },
    };
    RmmHost h;

    rmm_start(&h, data, "");
    rmm_active(&h);
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        g_autofree char *script = g_strdup_printf(
            "{ \"rules\": [ { \"command\": \"REC_DESTROY\", \"sro\": {"
            " \"reclaim\": %s } } ] }", row[i].reclaim);
        unsigned calls = 0, pages = 0;
        uint64_t first = 0;

        rmm_realm(&h, RD, RTT);
        rmm_rec(&h, RD, REC, 0);
        rmm_script(&h, script);
        g_assert_cmphex(R(&h, R_REC_DESTROY, REC) & 0x3ff, ==, WANT_RECLAIM);
        do {
            unsigned entries;

            R(&h, R_RECLAIM, 0, LIST, row[i].capacity);
            entries = h.x[1];
            calls++;
            for (unsigned k = 0; k < entries; k++) {
                uint64_t desc = qtest_readq(h.qts, LIST + k * 8);
                unsigned n = extract64(desc, 2, 10);

                first = first ?: desc & ~0xfffull;
                pages += n;
                rmm_undelegate(&h, desc & ~0xfffull, n);
            }
            g_assert_cmpuint(calls, <, 32);
        } while (pages < 16);
        g_assert_cmpuint(calls, ==, row[i].calls);
        g_assert_cmphex(first, ==, row[i].first);
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
        rmm_undelegate(&h, REC, 1);
        g_assert_cmphex(R(&h, R_REALM_TERMINATE, RD), ==, OK);
        g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, OK);
        rmm_undelegate(&h, RD, 1);
        rmm_undelegate(&h, RTT, 2);
        g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / PAGE);
    }
    /* Lists that cannot be written change nothing. */
    rmm_realm(&h, RD, RTT);
    rmm_rec(&h, RD, REC, 0);
    R(&h, R_REC_DESTROY, REC);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST + 1, 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, REC, 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, 0x9000000, 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 0) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(h.x[1], ==, 0);
    g_assert_cmpuint(rmm_count(&h, "internal"), ==, 16);
    rmm_stop(&h);
}

/* sec B4.3.5: STOP ends with what is in work, KEEP_GOING with the range. */
static void stop_or_go_on(gconstpointer data)
{
    RmmHost h;

    begin(&h, data, "");
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"GRANULE_RANGE_DELEGATE\","
               " \"times\": 0, \"sro\": { \"rounds\": 2, \"chunk\": 12288 } }"
               " ] }");
    for (unsigned stop = 0; stop < 2; stop++) {
        uint64_t base = P(128 + stop * 64);

        g_assert_cmphex(R(&h, R_DELEGATE, base, base + 10 * PAGE) & 0x3ff, ==,
                        INCOMPLETE);
        g_assert_cmphex(R(&h, R_CONTINUE, 0, stop) & 0x3ff, ==, INCOMPLETE);
        rmm_granule_is(&h, base, "undelegated", "ns");
        g_assert_cmphex(R(&h, R_CONTINUE, 0, stop), ==, OK);
        g_assert_cmphex(h.x[1], ==, base + (stop ? 3 : 10) * PAGE);
        rmm_granule_is(&h, base + 9 * PAGE, stop ? "undelegated" : "delegated",
                       stop ? "ns" : "realm");
    }
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(gconstpointer);
    } tests[] = {
        { "phases", phases }, { "handles", handles },
        { "ownership", ownership }, { "bad-lists", bad_lists },
        { "bad-granules", bad_granules }, { "shapes", shapes },
        { "contiguous", contiguous }, { "fragments", fragments },
        { "stop", stop_or_go_on },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
            g_autofree char *path = g_strdup_printf("/arm-rmm/sro/%s/%s",
                                                    tests[k].name, abis[i]);

            qtest_add_data_func(path, abis[i], tests[k].test);
        }
    }
    return g_test_run();
}
