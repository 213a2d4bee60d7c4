/*
 * QTest of arm-rmm: snapshots, migration and reset in the middle of things
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"
#include "libqos/arm-rmm-op.h"
#include "libqos/pcie-fabric-vmstate.h"

#define RD      P(0)
#define RTT     P(2)
#define REC     P(16)
#define FREE(i) P(256 + (i))

/* A realm with a REC, tables and data, and an operation that has 5 granules */
static void build(RmmHost *h)
{
    rmm_active(h);
    rmm_realm(h, RD, RTT);
    rmm_rec(h, RD, REC, 0);
    rmm_delegate(h, P(256), 64);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, FREE(0), 0, 2), ==, OK);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD, FREE(1), 0, 3), ==, OK);
    g_assert_cmphex(R(h, R_DATA_MAP, RD, 0, 2 * PAGE, 1, FREE(2) | 8), ==, OK);
    g_assert_cmphex(rmm_rec_begin(h, RD, FREE(8), 1) & 0x3ff, ==, WANT_DONATE);
    rmm_list(h, 0, FREE(9), 5);
    g_assert_cmphex(R(h, R_DONATE, h->x[1], LIST, 5, 0) & 0x3ff, ==,
                    WANT_DONATE);
}

/* The operation goes on to its end, and everything comes back. */
static void finish(RmmHost *h)
{
    rmm_granule_is(h, FREE(8), "delegated", "realm");
    g_assert_cmphex(R(h, R_UNDELEGATE, FREE(8), FREE(9)), ==, EBLOCKED);
    rmm_list(h, 0, FREE(14), 11);
    g_assert_cmphex(R(h, R_DONATE, 0, LIST, 11, 0) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, OK);
    rmm_granule_is(h, FREE(8), "rec", "realm");
    g_assert_cmphex(R(h, R_READ_ENTRY, RD, PAGE, 3), ==, OK);
    g_assert_cmphex(h->x[3], ==, FREE(3));
    for (unsigned i = 0; i < 2; i++) {
        uint64_t rec = i ? FREE(8) : REC;

        g_assert_cmphex(R(h, R_REC_DESTROY, rec) & 0x3ff, ==, WANT_RECLAIM);
        g_assert_cmphex(R(h, R_RECLAIM, 0, LIST, 16) & 0x3ff, ==, INCOMPLETE);
        g_assert_cmphex(qtest_readq(h->qts, LIST), ==,
                        rmm_desc(h, rec + PAGE, 0, 16, 0));
        g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, OK);
        rmm_undelegate(h, rec, 17);
    }
    g_assert_cmphex(R(h, R_DATA_UNMAP, RD, 0, 2 * PAGE, 1, 0), ==, OK);
    g_assert_cmphex(R(h, R_RTT_DESTROY, RD, 0, 3), ==, OK);
    g_assert_cmphex(R(h, R_RTT_DESTROY, RD, 0, 2), ==, OK);
    g_assert_cmphex(R(h, R_REALM_TERMINATE, RD), ==, OK);
    g_assert_cmphex(R(h, R_REALM_DESTROY, RD), ==, OK);
    rmm_undelegate(h, RD, 1);
    rmm_undelegate(h, RTT, 2);
    rmm_undelegate(h, FREE(0), 64);
    g_assert_cmpuint(rmm_count(h, "undelegated"), ==, RAM_SIZE / PAGE);
}

/* What happened since the snapshot is forgotten, in the tables as well. */
static void snapshot(void)
{
    g_autofree char *drive = NULL;
    QFabricFiles files;
    RmmHost h;

    qfabric_files_open(&files);
    drive = qfabric_files_drive(&files);
    rmm_start_args(&h, "bet3", "", drive);
    build(&h);
    if (qfabric_hmp_quiet(h.qts, "savevm mid")) {
        rmm_delegate(&h, P(512), 8);
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0) & 0x3ff, ==, WANT_RECLAIM);
        g_assert_true(qfabric_hmp_quiet(h.qts, "loadvm mid"));
        rmm_granule_is(&h, P(512), "undelegated", "ns");
        finish(&h);
        /* Twice: the first one's leftovers must not matter. */
        g_assert_true(qfabric_hmp_quiet(h.qts, "loadvm mid"));
        finish(&h);
    }
    rmm_stop(&h);
    qfabric_files_close(&files);
}

/* An operation that needs memory, gets it and fails, after so many calls */
static void open_after(RmmHost *h, RmmOp *op, unsigned calls, bool cancel)
{
    static const RmmCourse course = {
        .command = "REC_CREATE", .num = R_REC_CREATE, .rounds = 1,
        .request = { 2, 1 }, .pages = FREE(9), .list = LIST, .cancel = true,
        .fails = true,
    };
    const uint64_t in[6] = { RD, FREE(8), REC_PARAMS };

    rmm_op_script(h, &course);
    qtest_writeq(h->qts, REC_PARAMS + 0x100, 0);
    rmm_op_begin(op, h, &course, in);
    for (unsigned i = 0; i < calls; i++) {
        rmm_op_forward(op);
    }
    if (cancel) {
        rmm_op_call(op, R_CANCEL);
    }
}

/* Another operation, so that nothing of an old one is left in its context */
static void use_context(RmmHost *h)
{
    static const RmmCourse course = {
        .command = "GRANULE_RANGE_DELEGATE", .num = R_DELEGATE, .rounds = 2,
        .list = LIST,
    };
    const uint64_t in[6] = { P(512), P(513) };
    RmmOp op;

    rmm_op_script(h, &course);
    rmm_op_begin(&op, h, &course, in);
    g_assert_cmpuint(op.handle, ==, 0);
    g_assert_cmphex(rmm_op_end(&op), ==, OK);
}

/* A failure that is recorded although the script has none */
static void open_and_give_up(RmmHost *h, RmmOp *op)
{
    static const RmmCourse course = {
        .command = "REC_CREATE", .num = R_REC_CREATE, .request = { 2, 1 },
        .pages = FREE(9), .list = LIST, .cancel = true,
    };
    const uint64_t in[6] = { RD, FREE(8), REC_PARAMS };

    rmm_op_script(h, &course);
    rmm_op_begin(op, h, &course, in);
    rmm_op_call(op, R_DONATE);
    rmm_op_call(op, R_CONTINUE);
    if (g_str_equal(h->abi, "bet1")) {
        rmm_op_call(op, R_CANCEL);  /* bet1 does not take that for a failure */
    }
}

/*
 * Saved after each step, with and without OP_CANCEL behind it: what the
 * operation wants, holds and has to hand back, rounds, recorded failures.
 */
static void snapshot_phases(gconstpointer data)
{
    g_autofree char *drive = NULL;
    QFabricFiles files;
    RmmHost h;

    qfabric_files_open(&files);
    drive = qfabric_files_drive(&files);
    rmm_start_args(&h, data, "", drive);
    rmm_active(&h);
    rmm_realm(&h, RD, RTT);
    rmm_delegate(&h, P(256), 64);
    for (unsigned i = 0; i < 11; i++) {
        RmmOp op, saved;

        if (i < 10) {
            open_after(&h, &op, i % 7, i > 6);
        } else {
            open_and_give_up(&h, &op);
        }
        if (!qfabric_hmp_quiet(h.qts, "savevm phase")) {
            break;
        }
        saved = op;
        rmm_op_end(&op);
        use_context(&h);
        g_assert_true(qfabric_hmp_quiet(h.qts, "loadvm phase"));
        rmm_op_end(&saved);
        g_assert_cmpuint(rmm_count(&h, "internal"), ==, 0);
        g_assert_cmphex(R(&h, R_CONTINUE, saved.handle, 0), ==, EINPUT);
    }
    rmm_stop(&h);
    qfabric_files_close(&files);
}

/* A reset ends operations in each of their phases. */
static void reset_phases(gconstpointer data)
{
    RmmHost h;

    rmm_start(&h, data, "");
    for (unsigned i = 0; i < 14; i++) {
        RmmOp op;

        rmm_active(&h);
        rmm_realm(&h, RD, RTT);
        rmm_delegate(&h, P(256), 64);
        open_after(&h, &op, i % 7, i > 6);
        qtest_system_reset(h.qts);
        g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / PAGE);
        rmm_active(&h);
        for (unsigned k = 0; k < 4; k++) {
            static const unsigned ops[] = {
                R_CONTINUE, R_DONATE, R_RECLAIM, R_CANCEL
            };

            g_assert_cmphex(R(&h, ops[k], op.handle, LIST, 1, 0), ==, EINPUT);
        }
        /* Neither the object nor what was donated is locked or in use. */
        rmm_delegate(&h, FREE(8), 16);
        rmm_undelegate(&h, FREE(8), 16);
        qtest_system_reset(h.qts);
    }
    rmm_stop(&h);
}

static void migration(void)
{
    g_autofree char *out = NULL;
    QFabricFiles files;
    RmmHost h;

    qfabric_files_open(&files);
    out = g_strdup_printf("file:%s", files.stream);
    rmm_start(&h, "bet3", "");
    build(&h);
    qfabric_migrate_out(h.qts, out);
    rmm_stop(&h);

    rmm_start_args(&h, "bet3", "", "-incoming defer");
    g_assert_true(qfabric_migrate_in(h.qts, out));
    finish(&h);
    rmm_stop(&h);

    /* Another profile is refused. */
    rmm_start_args(&h, "bet1", "", "-incoming defer");
    g_assert_false(qfabric_migrate_in(h.qts, out));
    rmm_stop(&h);
    qfabric_files_close(&files);
}

static void reset(void)
{
    RmmHost h;

    rmm_start(&h, "bet3", "");
    for (unsigned i = 0; i < 3; i++) {
        build(&h);
        qtest_system_reset(h.qts);
        g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / PAGE);
        rmm_granule_is(&h, RD, "undelegated", "ns");
        rmm_granule_is(&h, REC, "undelegated", "ns");
        g_assert_cmphex(R(&h, R_STATE_GET), ==, OK);
        g_assert_cmphex(h.x[1], ==, 0);
    }
    build(&h);
    finish(&h);
    rmm_stop(&h);
}

static void reset_active(void)
{
    RmmHost h;

    /* Active from reset on; no second activation */
    rmm_start(&h, "bet3", ",reset-active=on");
    g_assert_cmphex(R(&h, R_ACTIVATE), ==, EGLOBAL);
    rmm_delegate(&h, P(0), 4);
    qtest_system_reset(h.qts);
    rmm_granule_is(&h, P(3), "undelegated", "ns");
    rmm_delegate(&h, P(0), 4);
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (have_qemu_img()) {
        qtest_add_func("/arm-rmm/state/snapshot", snapshot);
        qtest_add_data_func("/arm-rmm/state/snapshot-phases/bet1", "bet1",
                            snapshot_phases);
        qtest_add_data_func("/arm-rmm/state/snapshot-phases/bet3", "bet3",
                            snapshot_phases);
    }
    qtest_add_data_func("/arm-rmm/state/reset-phases/bet0", "bet0",
                        reset_phases);
    qtest_add_data_func("/arm-rmm/state/reset-phases/bet3", "bet3",
                        reset_phases);
    qtest_add_func("/arm-rmm/state/migration", migration);
    qtest_add_func("/arm-rmm/state/reset", reset);
    qtest_add_func("/arm-rmm/state/reset-active", reset_active);
    return g_test_run();
}
