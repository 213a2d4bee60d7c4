/*
 * Snapshots and migration of pcie-fabric-* devices
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All 4 KiB of configuration space of every function are compared; the MSI-X
 * table and the memory BAR of an endpoint as well.
 */
#include "qemu/osdep.h"
#include "libqos/pcie-fabric-vmstate.h"
#include "pcie-fabric-oracle.h"

#define MARK_A          0x0123456789abcdefULL
#define MARK_B          0xfedcba9876543210ULL

#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2," \
    "atomic-routing=on,atomic-egress-block=on " \
    "-device pcie-fabric-endpoint,bus=pcie.0,addr=3 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2," \
    "slot=1 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2," \
    "slot=2,atomic-egress-block=on " \
    "-device pcie-fabric-endpoint,bus=ds0 " \
    "-device pcie-fabric-endpoint,bus=rp1,pcie-type=legacy "

typedef struct Saved {
    uint8_t cfg[PCI_CFG_SPACE_EXP_SIZE];
    uint64_t mem, vector_addr;
    uint32_t vector_data;
} Saved;

static OracleConf conf_of(QFabricFn *fn)
{
    OracleConf conf = oracle_default(oracle_kind(fn));

    /* routing: only what the attributes of AER and DevCtl2 depend on */
    conf.routing = (fn->type != QFABRIC_TYPE_NONE) &&
                   (qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCAP2) &
                    PCI_EXP_DEVCAP2_ATOMIC_ROUTE);
    return conf;
}

static bool is_ep(const QFabricFn *fn)
{
    return oracle_kind(fn) & K_DEV;
}

static void for_all(QFabric *fab, void (*fn)(QFabricFn *, void *),
                    void *opaque)
{
    unsigned i;

    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *f = g_ptr_array_index(fab->fns, i);

        if (oracle_kind(f)) {
            fn(f, opaque);
        }
    }
}

static void mark_memory(QFabricFn *fn, void *opaque)
{
    uint64_t mark = *(uint64_t *)opaque;

    if (is_ep(fn)) {
        qtest_writeq(fn->fab->qts, fn->bar[2].addr, mark);
        qfabric_msix_arm(fn, 0, QFABRIC_SCRATCH + (mark & 0xf0), mark);
    }
}

static void scramble(QFabricFn *fn, void *opaque)
{
    OracleConf conf = conf_of(fn);

    oracle_scramble(fn, &conf);
}

static void save(QFabricFn *fn, void *opaque)
{
    Saved *s = fn->user ?: g_new0(Saved, 1);

    qfabric_snapshot(fn, s->cfg);
    fn->user = s;
}

/* Readable only while decoding is on, so apart from save() */
static void save_memory(QFabricFn *fn, void *opaque)
{
    Saved *s = fn->user;
    uint64_t entry;

    if (is_ep(fn)) {
        entry = qfabric_msix_entry(fn, 0);
        s->mem = qtest_readq(fn->fab->qts, fn->bar[2].addr);
        s->vector_addr = qtest_readq(fn->fab->qts, entry);
        s->vector_data = qtest_readl(fn->fab->qts,
                                     entry + PCI_MSIX_ENTRY_DATA);
    }
}

static void check(QFabricFn *fn, void *opaque)
{
    OracleConf conf = conf_of(fn);
    Saved *s = fn->user;

    oracle_check_same(fn, &conf, s->cfg, opaque);
}

static void check_memory(QFabricFn *fn, void *opaque)
{
    Saved *s = fn->user;
    uint64_t entry;

    if (is_ep(fn)) {
        entry = qfabric_msix_entry(fn, 0);
        qfabric_expect(fn, "memory BAR", s->mem,
                       qtest_readq(fn->fab->qts, fn->bar[2].addr), opaque);
        qfabric_expect(fn, "MSI-X address", s->vector_addr,
                       qtest_readq(fn->fab->qts, entry), opaque);
        qfabric_expect(fn, "MSI-X data", s->vector_data,
                       qtest_readl(fn->fab->qts,
                                   entry + PCI_MSIX_ENTRY_DATA), opaque);
    }
}

static void forget(QFabricFn *fn, void *opaque)
{
    g_free(fn->user);
}

/* Snapshots in one process */

static QTestState *boot_with_image(const QFabricFiles *f)
{
    g_autofree char *drive = qfabric_files_drive(f);
    g_autofree char *args = g_strconcat(DEVICES, drive, NULL);

    return qfabric_boot(args);
}

/* Saved with everything programmed; changed; loaded */
static void snapshot_programmed(QTestState *qts, QFabric *fab)
{
    uint64_t mark = MARK_A;

    for_all(fab, mark_memory, &mark);
    for_all(fab, save, NULL);
    for_all(fab, save_memory, NULL);
    if (!qfabric_hmp_quiet(qts, "savevm programmed")) {
        return;
    }
    mark = MARK_B;
    for_all(fab, mark_memory, &mark);
    for_all(fab, scramble, NULL);
    if (qfabric_hmp_quiet(qts, "loadvm programmed")) {
        for_all(fab, check, (void *)"after loadvm");
        for_all(fab, check_memory, (void *)"after loadvm");
    }
}

/* Saved with every writable bit changed; reset; loaded */
static void snapshot_scrambled(QTestState *qts, QFabric *fab)
{
    for_all(fab, scramble, NULL);
    for_all(fab, save, NULL);
    if (!qfabric_hmp_quiet(qts, "savevm scrambled")) {
        return;
    }
    qfabric_cold_reset(fab);
    if (qfabric_hmp_quiet(qts, "loadvm scrambled")) {
        for_all(fab, check, (void *)"after loadvm");
    }
}

/* A reset after a load gives the same as a reset before it */
static void snapshot_then_reset(QTestState *qts, QFabric *fab)
{
    for_all(fab, scramble, NULL);
    if (!qfabric_hmp_quiet(qts, "savevm scrambled")) {
        return;
    }
    qfabric_cold_reset(fab);
    qfabric_scan(fab, NULL);
    for_all(fab, save, NULL);
    if (qfabric_hmp_quiet(qts, "loadvm scrambled")) {
        qfabric_cold_reset(fab);
        qfabric_scan(fab, NULL);
        for_all(fab, check, (void *)"reset after loadvm");
    }
}

typedef void (*SnapshotTest)(QTestState *qts, QFabric *fab);

static void test_snapshot(const void *data)
{
    SnapshotTest body = *(const SnapshotTest *)data;
    QTestState *qts;
    QFabric *fab;
    QFabricFiles f;

    if (!have_qemu_img()) {
        g_test_skip("QTEST_QEMU_IMG is not set");
        return;
    }
    qfabric_files_open(&f);
    qts = boot_with_image(&f);
    fab = qfabric_new(qts);
    body(qts, fab);
    for_all(fab, forget, NULL);
    qfabric_free(fab);
    qtest_quit(qts);
    qfabric_files_close(&f);
}

/* Migration to a second process */

static void test_migration(const void *data)
{
    const char *scheme = data;
    uint64_t mark = MARK_A;
    g_autofree char *out = NULL, *in = NULL;
    QTestState *from, *to;
    QFabric *fab;
    QFabricFiles f;

    qfabric_files_open(&f);
    if (g_str_equal(scheme, "exec")) {
        out = g_strdup_printf("exec:cat > '%s'", f.stream);
        in = g_strdup_printf("exec:cat '%s'", f.stream);
    } else {
        out = g_strdup_printf("file:%s", f.stream);
        in = g_strdup(out);
    }
    from = qfabric_boot(DEVICES);
    to = qfabric_boot(DEVICES "-incoming defer");
    fab = qfabric_new(from);
    for_all(fab, mark_memory, &mark);
    for_all(fab, save, NULL);
    for_all(fab, save_memory, NULL);
    for_all(fab, scramble, NULL);
    for_all(fab, save, NULL);
    qfabric_migrate_out(from, out);
    if (qfabric_migrate_in(to, in)) {
        /* The same functions, seen in the other process */
        fab->qts = to;
        for_all(fab, check, (void *)"after migration");
        qfabric_program(fab);
        for_all(fab, check_memory, (void *)"after migration");
    } else {
        g_test_message("the destination refused the stream");
        g_test_fail();
    }
    for_all(fab, forget, NULL);
    qfabric_free(fab);
    qtest_quit(to);
    qtest_quit(from);
    qfabric_files_close(&f);
}

/* The two command lines must agree on what the guest can see */
static void test_migration_mismatch(const void *data)
{
    const char *const *pair = data;
    g_autofree char *uri = NULL;
    g_autofree char *in = g_strdup_printf(
        "%s -incoming defer", pair[1]);
    QTestState *from, *to;
    QFabricFiles f;

    qfabric_files_open(&f);
    uri = g_strdup_printf("file:%s", f.stream);
    from = qfabric_boot(pair[0]);
    to = qfabric_boot(in);
    qfabric_migrate_out(from, uri);
    g_assert_false(qfabric_migrate_in(to, uri));
    qtest_quit(to);
    qtest_quit(from);
    qfabric_files_close(&f);
}

static const char *const mismatches[][2] = {
    { "-device pcie-fabric-root-port,atomic-routing=on ",
      "-device pcie-fabric-root-port,atomic-routing=off " },
    { "-device pcie-fabric-root-port,atomic-comp128=on ",
      "-device pcie-fabric-root-port,atomic-comp128=off " },
    { "-device pcie-fabric-root-port,x-speed=16 ",
      "-device pcie-fabric-root-port,x-speed=32 " },
};

static const struct {
    const char *name;
    SnapshotTest body;
} snapshots[] = {
    { "programmed", snapshot_programmed },
    { "every-bit", snapshot_scrambled },
    { "reset-after-load", snapshot_then_reset },
};

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(snapshots); i++) {
        g_autofree char *path = g_strdup_printf(
            "/pcie-fabric/state/snapshot/%s", snapshots[i].name);

        qtest_add_data_func(path, &snapshots[i].body, test_snapshot);
    }
    qtest_add_data_func("/pcie-fabric/state/migration/file", "file",
                        test_migration);
    qtest_add_data_func("/pcie-fabric/state/migration/exec", "exec",
                        test_migration);
    for (i = 0; i < G_N_ELEMENTS(mismatches); i++) {
        g_autofree char *path = g_strdup_printf(
            "/pcie-fabric/state/migration/mismatch-is-refused/%u", i);

        qtest_add_data_func(path, mismatches[i], test_migration_mismatch);
    }
    return g_test_run();
}
