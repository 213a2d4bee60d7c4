/*
 * QTest of arm-rmm: configuration, granules, tracking, protection tables
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec A2, B4.5.
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"

static const char *const abis[] = { "bet0", "bet1", "bet3" };

/* sec A2.1: nothing but a few commands before activation */
static void before_activation(void)
{
    static const unsigned refused[] = {
        R_DELEGATE, R_UNDELEGATE, R_REALM_CREATE, R_REC_CREATE, R_CONTINUE,
        R_DONATE, R_RECLAIM, R_CANCEL, R_RTT_CREATE, R_DATA_MAP, R_GPT_CREATE,
        R_REC_ENTER, R_PSCI_COMPLETE, R_REALM_TERMINATE,
    };
    RmmHost h;

    rmm_start(&h, "bet3", "");
    for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
        g_assert_cmphex(R(&h, refused[i], POOL, POOL + PAGE), ==, EGLOBAL);
    }
    g_assert_cmphex(R(&h, R_STATE_GET), ==, OK);
    g_assert_cmphex(h.x[1], ==, 0);
    rmm_active(&h);
    g_assert_cmphex(R(&h, R_STATE_GET), ==, OK);
    g_assert_cmphex(h.x[1], ==, 2);
    g_assert_cmphex(R(&h, R_ACTIVATE), ==, EGLOBAL);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, EGLOBAL);
    g_assert_cmphex(R(&h, R_DEACTIVATE), ==, OK);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, OK);
    rmm_stop(&h);
}

static void version_and_unknown(void)
{
    static const unsigned retired[] = {
        0x151, 0x152, 0x154, 0x155, 0x15f, 0x162, 0x167, 0x176, 0x187, 0x18f,
        0x190, 0x1af, 0x1b0, 0x1d7, 0x2cf,
    };
    RmmHost h;

    rmm_start(&h, "bet0", "");
    g_assert_cmphex(R(&h, R_VERSION, 0x20000), ==, OK);
    g_assert_cmphex(h.x[1], ==, 0x20000);
    g_assert_cmphex(h.x[2], ==, 0x20000);
    g_assert_cmphex(R(&h, R_VERSION, 0x10000), ==, EINPUT);
    g_assert_cmphex(h.x[1], ==, 0x20000);
    g_assert_cmphex(R(&h, R_VERSION, 0x20001), ==, EINPUT);
    g_assert_cmphex(h.x[2], ==, 0x20000);
    for (unsigned i = 0; i < ARRAY_SIZE(retired); i++) {
        g_assert_cmphex(R(&h, retired[i]), ==, UNKNOWN);
    }
    g_assert_cmphex(R(&h, R_GPT_INFO), ==, UNKNOWN);
    /* SMCCC 1.3: the hint bit is no part of the number. */
    g_assert_cmphex(R(&h, R_VERSION | 0x10000, 0x20000), ==, OK);
    for (unsigned i = 5; i < 8; i++) {
        g_assert_cmphex(R(&h, R_FEATURES, i), ==, OK);
        g_assert_cmphex(h.x[1], ==, 0);
    }
    rmm_stop(&h);
}

static void configuration(void)
{
    RmmHost h;

    rmm_start(&h, "bet0", "");
    qtest_memset(h.qts, CONFIG, 0, PAGE);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG + 8), ==, EINPUT);
    g_assert_cmphex(R(&h, R_CONFIG_SET, RAM - PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_CONFIG_SET, UINT64_MAX & ~0xfffull), ==, EINPUT);
    qtest_writeq(h.qts, CONFIG + 8, 3);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, EINPUT);
    qtest_writeq(h.qts, CONFIG + 8, 0);
    qtest_writeq(h.qts, CONFIG, 1);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, EINPUT);
    qtest_writeq(h.qts, CONFIG + 8, 2);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, OK);
    g_assert_cmphex(R(&h, R_CONFIG_GET, CONTENT), ==, OK);
    g_assert_cmphex(qtest_readq(h.qts, CONTENT), ==, 1);
    g_assert_cmphex(qtest_readq(h.qts, CONTENT + 8), ==, 2);
    g_assert_cmphex(R(&h, R_ACTIVATE), ==, OK);
    /* 64 KiB granules */
    g_assert_cmphex(R(&h, R_DELEGATE, POOL + PAGE, POOL + 0x11000), ==,
                    EINPUT);
    g_assert_cmphex(R(&h, R_DELEGATE, POOL, POOL + 0x20000), ==, OK);
    for (unsigned i = 0; i < 32; i++) {
        rmm_granule_is(&h, P(i), "delegated", "realm");
    }
    rmm_granule_is(&h, P(32), "undelegated", "ns");
    rmm_granule_is(&h, POOL - 1, "undelegated", "ns");
    rmm_stop(&h);
}

static void ranges(gconstpointer data)
{
    RmmHost h;
    bool bet3 = g_str_equal(data, "bet3");

    rmm_start(&h, data, "");
    rmm_active(&h);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0) + 1, P(1)), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1) + 1), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(0)), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DELEGATE, P(1), P(0)), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DELEGATE, RAM - PAGE, RAM), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DELEGATE, 0x9000000, 0x9001000), ==, EINPUT);
    g_assert_cmphex(R(&h, R_UNDELEGATE, P(0), P(1)), ==, bet3 ? OK : EINPUT);
    g_assert_cmpuint(rmm_count(&h, "delegated"), ==, 0);

    /* Behind the end of memory nothing can be delegated. */
    g_assert_cmphex(R(&h, R_DELEGATE, RAM + RAM_SIZE - PAGE,
                      RAM + RAM_SIZE + PAGE), ==, OK);
    g_assert_cmphex(h.x[1], ==, RAM + RAM_SIZE);
    g_assert_cmphex(R(&h, R_UNDELEGATE, RAM + RAM_SIZE - PAGE,
                      UINT64_MAX & ~0xfffull), ==, OK);
    g_assert_cmphex(h.x[1], ==, RAM + RAM_SIZE);

    /* A range that is partly there already */
    rmm_delegate(&h, P(2), 1);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(4)), ==, OK);
    g_assert_cmphex(h.x[1], ==, bet3 ? P(4) : P(2));
    g_assert_cmphex(R(&h, R_DELEGATE, P(2), P(3)), ==, bet3 ? OK : EINPUT);
    g_assert_cmpuint(rmm_found(&h, "double-delegate"), ==, !bet3);
    rmm_granule_is(&h, P(0), "delegated", "realm");
    rmm_granule_is(&h, P(1), "delegated", "realm");
    rmm_granule_is(&h, P(3), bet3 ? "delegated" : "undelegated",
                   bet3 ? "realm" : "ns");
    rmm_stop(&h);
}

/* Every edge of the entries of a table: 16 pages each */
static void table_edges(void)
{
    RmmHost h;

    rmm_start(&h, "bet3", "");
    rmm_active(&h);
    for (unsigned first = 0; first < 34; first += 3) {
        for (unsigned n = 1; n < 37; n += 5) {
            rmm_delegate(&h, P(first), n);
            for (unsigned i = 0; i < 80; i++) {
                bool in = i >= first && i < first + n;

                if (i + 1 == first || i == first || i + 1 == first + n ||
                    i == first + n) {
                    rmm_granule_is(&h, P(i), in ? "delegated" : "undelegated",
                                   in ? "realm" : "ns");
                }
            }
            g_assert_cmpuint(rmm_count(&h, "delegated"), ==, n);
            rmm_undelegate(&h, P(first), n);
        }
    }
    g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / PAGE);
    rmm_stop(&h);
}

static void scrub(gconstpointer data)
{
    g_autofree char *more = g_strdup_printf(",scrub=%s", (const char *)data);
    RmmHost h;

    rmm_start(&h, "bet3", more);
    rmm_active(&h);
    qtest_memset(h.qts, P(0), 0x5a, 2 * PAGE);
    rmm_delegate(&h, P(0), 2);
    rmm_undelegate(&h, P(0), 2);
    g_assert_cmphex(qtest_readq(h.qts, P(1) - 8), ==,
                    g_str_equal(data, "always") ? 0 : 0x5a5a5a5a5a5a5a5aull);
    rmm_stop(&h);
}

static void tracking(gconstpointer data)
{
    RmmHost h;
    bool bet0 = g_str_equal(data, "bet0");
    bool bet1 = g_str_equal(data, "bet1");

    rmm_start(&h, data, "");
    if (bet0) {
        g_assert_cmphex(R(&h, R_TRACKING_GET, RAM), ==, OK);
        g_assert_cmphex(R(&h, R_TRACKING_GET, RAM + PAGE), ==, EINPUT);
    } else {
        g_assert_cmphex(R(&h, R_TRACKING_GET, RAM, RAM + 2 * RAM_SIZE), ==, OK);
        g_assert_cmphex(h.x[3], ==, RAM + RAM_SIZE);
        g_assert_cmphex(R(&h, R_TRACKING_GET, RAM, RAM), ==, EINPUT);
        g_assert_cmphex(R(&h, R_TRACKING_GET, RAM + 1, RAM + PAGE), ==, EINPUT);
        g_assert_cmphex(R(&h, R_TRACKING_GET, 0x1000, RAM + PAGE), ==, OK);
        g_assert_cmphex(h.x[2], ==, 1);
        g_assert_cmphex(h.x[3], ==, RAM);
        g_assert_cmphex(R(&h, R_TRACKING_GET, RAM, RAM + PAGE), ==, OK);
        g_assert_cmphex(h.x[3], ==, RAM + PAGE);
    }
    g_assert_cmphex(h.x[1], ==, 0);
    g_assert_cmphex(R(&h, R_TRACKING_GET, 0, bet0 ? 0 : RAM), ==, OK);
    g_assert_cmphex(h.x[2], ==, 1);
    rmm_stop(&h);

    rmm_start(&h, data, ",tracking=host");
    rmm_active(&h);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)), ==,
                    bet1 ? EINPUT : ETRACKING);
    if (bet1) {
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM, 0, 2), ==, UNKNOWN);
    } else {
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM, 0, 5), ==, EINPUT);
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM + PAGE, 0, 2), ==, EINPUT);
        g_assert_cmphex(R(&h, R_TRACKING_SET, 0, 0, 2), ==, EINPUT);
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM, 1, 2), ==, EINPUT);
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM, 0, 2), ==, OK);
        rmm_delegate(&h, P(0), 1);
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM, 0, 1), ==, EINPUT);
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM, 0, 2), ==, OK);
        rmm_undelegate(&h, P(0), 1);
        g_assert_cmphex(R(&h, R_TRACKING_SET, RAM, 0, 3), ==, OK);
        g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)), ==, EINPUT);
    }
    rmm_stop(&h);
}

/* sec A2.3.4 */
static void gpt_tables(void)
{
    uint64_t table = 0x46000000;
    RmmHost h;

    rmm_start(&h, "bet3", "");
    rmm_active(&h);
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM), ==, EGPT);
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM + PAGE), ==, EINPUT);
    g_assert_cmphex(R(&h, R_GPT_CREATE, 1ull << 52), ==, EINPUT);
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM), ==, EGLOBAL);
    g_assert_cmphex(R(&h, R_GPT_INFO, RAM, RAM + RAM_SIZE), ==, OK);
    g_assert_cmphex(h.x[1], ==, RAM + RAM_SIZE);
    g_assert_cmphex(h.x[2], ==, 1);
    rmm_stop(&h);

    rmm_start(&h, "bet3", ",gpt=host");
    rmm_active(&h);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)), ==, EGPT);
    g_assert_cmphex(R(&h, R_GPT_INFO, RAM, RAM + RAM_SIZE), ==, OK);
    g_assert_cmphex(h.x[2], ==, 2);
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM), ==, WANT_DONATE | CANCELLABLE);
    g_assert_cmphex(h.x[2], ==, 32 << 2 | 1 << 16 | 1 << 17);
    /* Not aligned to its size */
    qtest_writeq(h.qts, LIST, rmm_desc(&h, table + PAGE, 0, 32, 1));
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM), ==, WANT_DONATE | CANCELLABLE);
    qtest_writeq(h.qts, LIST, rmm_desc(&h, table, 0, 32, 1));
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0), ==,
                    INCOMPLETE | CANCELLABLE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    rmm_granule_is(&h, table, "internal", "realm");
    rmm_granule_is(&h, table - PAGE, "undelegated", "ns");
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM), ==, EGPT);
    rmm_delegate(&h, P(0), 3);
    rmm_granule_is(&h, P(2), "delegated", "realm");
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM), ==, EINPUT);
    rmm_undelegate(&h, P(0), 3);
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM), ==,
                    WANT_RECLAIM | CANCELLABLE);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 8), ==,
                    INCOMPLETE | CANCELLABLE);
    g_assert_cmphex(qtest_readq(h.qts, LIST), ==,
                    rmm_desc(&h, table, 0, 32, 1));
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / PAGE);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)), ==, EGPT);
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/arm-rmm/before-activation", before_activation);
    qtest_add_func("/arm-rmm/version", version_and_unknown);
    qtest_add_func("/arm-rmm/config", configuration);
    qtest_add_func("/arm-rmm/table-edges", table_edges);
    qtest_add_func("/arm-rmm/gpt-tables", gpt_tables);
    qtest_add_data_func("/arm-rmm/scrub/off", "off", scrub);
    qtest_add_data_func("/arm-rmm/scrub/used", "used", scrub);
    qtest_add_data_func("/arm-rmm/scrub/always", "always", scrub);
    for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
        g_autofree char *r = g_strdup_printf("/arm-rmm/ranges/%s", abis[i]);
        g_autofree char *t = g_strdup_printf("/arm-rmm/tracking/%s", abis[i]);

        qtest_add_data_func(r, abis[i], ranges);
        qtest_add_data_func(t, abis[i], tracking);
    }
    return g_test_run();
}
