/*
 * QTest of arm-rmm: register traces that clients depend on
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.3.2; the traces are those that TF-RMM and
 * TF-A-Tests make together, and those of the programming model.
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"

#define RD      P(0)
#define RTT     P(2)
#define REC     P(16)

static void begin(RmmHost *h, const char *abi, const char *more)
{
    rmm_start(h, abi, more);
    rmm_active(h);
    rmm_realm(h, RD, RTT);
    rmm_delegate(h, REC, 17);
}

/* TF-A-Tests donates one granule fewer than asked, from inside a page. */
static void rec_create_destroy(void)
{
    RmmHost h;

    begin(&h, "bet1", "");
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, 0x10d);
    g_assert_cmphex(h.x[1], ==, 0);
    g_assert_cmphex(h.x[2], ==, 0x40);
    rmm_list(&h, 10, REC + PAGE, 16);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST + 80, 15, 0xdead), ==, 0x10d);
    g_assert_cmphex(h.x[1], ==, 15);
    g_assert_cmphex(h.x[2], ==, 4);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST + 200, 1, 0xdead), ==, 0x00d);
    g_assert_cmphex(h.x[1], ==, 1);
    g_assert_cmphex(h.x[2], ==, 0);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, 0);
    rmm_granule_is(&h, REC, "rec", "realm");
    rmm_granule_is(&h, REC + PAGE, "internal", "realm");

    g_assert_cmphex(R(&h, R_REC_DESTROY, REC), ==, 0x20d);
    g_assert_cmphex(h.x[1], ==, 0);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 512), ==, 0x00d);
    g_assert_cmphex(h.x[1], ==, 1);
    g_assert_cmphex(qtest_readq(h.qts, LIST), ==, (REC + PAGE) | 16 << 2);
    rmm_granule_is(&h, REC, "rec", "realm");
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, 0);
    rmm_undelegate(&h, REC, 17);
    g_assert_cmpuint(rmm_count(&h, "internal"), ==, 0);
    rmm_stop(&h);
}

/* The host's memory is refused, what was taken comes back, the failure last. */
static void donation_refused(void)
{
    RmmHost h;

    begin(&h, "bet0", "");
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, 0x10d);
    rmm_list(&h, 0, REC + PAGE, 4);
    rmm_list(&h, 4, NS(40), 1);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 5, 0), ==, EINPUT);
    g_assert_cmphex(h.x[1], ==, 4);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, 0x20d);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 512), ==, 0x00d);
    g_assert_cmphex(h.x[1], ==, 1);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    /* The handle is dead. */
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    g_assert_cmpuint(rmm_found(&h, "handle-reused"), ==, 1);
    rmm_undelegate(&h, REC, 17);
    rmm_stop(&h);
}

/* sec B4.3.2.4 */
static void cancelled(void)
{
    RmmHost h;

    begin(&h, "bet3", "");
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, 0x50d);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, 0x00d);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);

    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, 0x50d);
    rmm_list(&h, 0, REC + PAGE, 3);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 3, 0), ==, 0x50d);
    g_assert_cmphex(h.x[2], ==, 13 << 2);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, 0x20d);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 1), ==, 0x00d);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_undelegate(&h, REC, 17);
    rmm_stop(&h);
}

/* A range stops early; the host goes on from there. */
static void range_in_pieces(void)
{
    RmmHost h;

    begin(&h, "bet3", "");
    rmm_delegate(&h, P(512), 3 + 512);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, P(512), 0, 2), ==, OK);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, P(513), 0, 3), ==, OK);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"RTT_DATA_MAP\","
               " \"chunk\": 409600 } ] }");
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 0, 0x1ff000, 1,
                      rmm_desc(&h, P(515), 0, 511, 0)), ==, OK);
    g_assert_cmphex(h.x[1], ==, 400 * 1024);
    g_assert_cmphex(R(&h, R_DATA_MAP, RD, 400 * 1024, 0x1ff000, 1,
                      rmm_desc(&h, P(615), 0, 411, 0)), ==, OK);
    g_assert_cmphex(h.x[1], ==, 0x1ff000);

    rmm_script(&h, "{ \"rules\": [ { \"command\": \"RTT_DATA_UNMAP\","
               " \"sro\": { \"rounds\": 1 } } ] }");
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, 0, 0x1ff000, 1, 0) & ~CANCELLABLE,
                    ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, h.x[1], 0), ==, OK);
    g_assert_cmphex(h.x[1], ==, 0x1ff000);
    g_assert_cmphex(h.x[2], ==, rmm_desc(&h, P(515), 0, 511, 0));
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/arm-rmm/trace/rec", rec_create_destroy);
    qtest_add_func("/arm-rmm/trace/refused", donation_refused);
    qtest_add_func("/arm-rmm/trace/cancel", cancelled);
    qtest_add_func("/arm-rmm/trace/range", range_in_pieces);
    return g_test_run();
}
