/*
 * A random guest and random peers of an ipmi-bmc-multi
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nothing that a guest, a peer on a channel, or a fault rule does may crash or
 * hang QEMU, or wedge the BMC for good. Two system interfaces are on it, a root
 * port above each; seven channels, five of them with a chardev. What happens is
 * a function of the seed alone.
 *
 * A round (a QEMU, a seed) is CASES cases of some operations each. After each
 * case the fault rules are taken away, and then the abort sequence and Get
 * Device ID work on both interfaces and for the peer on the IPMB. Only
 * what a rule has made stuck for good may need a reset of the machine.
 *
 * Environment:
 *   RIG_IPMI_FUZZ_SEEDS  file of seeds to replay, one a line; '#' starts a
 *                        comment
 *   RIG_FUZZ_SECONDS     go on from RIG_FUZZ_SEED for so long (0: that one)
 *   RIG_FUZZ_SEED        first seed (default 1); each further round takes the
 *                        next
 *   RIG_FUZZ_LOG         set: tell each operation
 */
#include "qemu/osdep.h"
#include "fuzz-seeds.h"
#include "ipmi-fuzz.h"

#define CASES           20
#define OPERATIONS      40      /* of a case, at most */
#define STORE_MIB       4

#define MS              1000000LL

#define BMC \
    "-action shutdown=pause " \
    "-device ipmi-bmc-multi,id=bmc0,sel-time=1700000000,sel-entries=64," \
    "sdr-size=4096%s " \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb,chardev=peer0 " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan,chardev=peer1 " \
    "-device ipmi-channel,bmc=bmc0,number=2,medium=serial,chardev=peer2 " \
    "-device ipmi-channel,bmc=bmc0,number=3,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=4,medium=smbus,chardev=peer4 " \
    "-device ipmi-channel,bmc=bmc0,number=6,medium=ipmb,any-address=on," \
    "chardev=peer6 " \
    "-device ipmi-channel,bmc=bmc0,number=11,medium=icmb " \
    "-device ipmi-ipmb-mc,bmc=bmc0,channel=0,address=0x82 " \
    "-device ipmi-ipmb-mc,bmc=bmc0,channel=6,address=0x84 " \
    "-device pcie-root-port,id=rp0,addr=8,chassis=1,slot=1 " \
    "-device pcie-root-port,id=rp1,addr=9,chassis=1,slot=2 " \
    "-device pci-ipmi-kcs,bmc=bmc0,bus=rp0,id=if0 " \
    "-device pci-ipmi-bt,bmc=bmc0,bus=rp1,id=if1 "

void fuzz_log(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (!g_getenv("RIG_FUZZ_LOG")) {
        return;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_test_message("%s", text);
}

uint32_t fuzz_pick(Fuzz *f, uint32_t n)
{
    return g_rand_int_range(f->rand, 0, n);
}

uint8_t fuzz_byte(Fuzz *f)
{
    static const uint8_t special[] = { 0x00, 0x01, 0x20, 0x7f, 0x80, 0xff };

    switch (fuzz_pick(f, 3)) {
    case 0:
        return special[fuzz_pick(f, ARRAY_SIZE(special))];
    case 1:
        return fuzz_pick(f, 16);
    default:
        return fuzz_pick(f, 256);
    }
}

FuzzMedium fuzz_medium(unsigned chan)
{
    static const FuzzMedium media[16] = {
        [0] = FUZZ_IPMB, [1] = FUZZ_SESSION, [2] = FUZZ_SESSION,
        [3] = FUZZ_SESSION, [4] = FUZZ_OPAQUE, [6] = FUZZ_IPMB,
        [11] = FUZZ_OPAQUE,
    };

    return media[chan % ARRAY_SIZE(media)];
}

static void wait_a_while(Fuzz *f)
{
    static const unsigned most_ms[] = { 2, 50, 1000, 6000, 6000, 400000 };
    int64_t ms = 1 + fuzz_pick(f, most_ms[fuzz_pick(f, ARRAY_SIZE(most_ms))]);

    fuzz_log("%" PRId64 " ms pass", ms);
    qtest_clock_step(f->qts, ms * MS);
}

static void one_operation(Fuzz *f)
{
    unsigned n = fuzz_pick(f, 1000);

    if (n < 200) {
        fuzz_registers(f);
    } else if (n < 480) {
        fuzz_exchanges(f);
    } else if (n < 580) {
        fuzz_half_request(f);
    } else if (n < 740) {
        fuzz_peer(f);
    } else if (n < 840) {
        fuzz_inject(f);
    } else if (n < 870) {
        fuzz_query(f);
    } else if (n < 910) {
        fuzz_rules(f);
    } else if (n < 970) {
        wait_a_while(f);
    } else if (n < 980) {
        fuzz_no_rules(f);
    } else if (n < 985) {
        fuzz_machine_reset(f);
    } else if (n < 992) {
        fuzz_snapshot(f);
    } else if (n < 996) {
        fuzz_hotplug(f);
    } else {
        /* Or soon nothing would be reachable any more. */
        fuzz_machine_ready(f);
    }
}

static void check_device_id(Fuzz *f, unsigned i)
{
    QIPMIRsp rsp;

    g_assert_cmphex(qipmi_cmd(&f->port[i], 0x06, 0x01, "", 0, &rsp), ==, 0);
    g_assert_cmpmem(rsp.data, 2, f->device_id[i], 2);
    /* The update mode of the SDR repository shows in the next one. */
    g_assert_cmpmem(rsp.data + 3, 8, f->device_id[i] + 3, 8);
}

static void check_interface(Fuzz *f, unsigned i)
{
    if (!fuzz_recover(&f->port[i])) {
        fuzz_log("%s is stuck", f->port[i].name);
        g_assert_true(f->stuck && fuzz_is_busy(f, i));
        fuzz_machine_reset(f);
        fuzz_machine_ready(f);
        g_assert_true(fuzz_recover(&f->port[i]));
    }
    check_device_id(f, i);
}

static void check_health(Fuzz *f)
{
    unsigned i;

    fuzz_no_rules(f);
    qtest_clock_step(f->qts, FUZZ_WAIT_MS * MS);
    fuzz_machine_ready(f);
    for (i = 0; i < FUZZ_PORTS; i++) {
        check_interface(f, i);
    }
    f->stuck = false;
    fuzz_peer_check(f);
    fuzz_check_limits(f);
}

static char *store_option(Fuzz *f)
{
    f->store = g_build_filename(f->files.dir, "store.qcow2", NULL);
    g_assert_true(mkimg(f->store, "qcow2", STORE_MIB));
    return g_strdup_printf("-blockdev driver=qcow2,node-name=store,"
                           "cache.no-flush=on,file.cache.no-flush=on,"
                           "file.driver=file,file.filename=%s ", f->store);
}

static void boot(Fuzz *f)
{
    g_autofree char *vm = NULL, *store = NULL, *peers = NULL, *all = NULL;
    unsigned i;

    qfabric_files_open(&f->files);
    vm = qfabric_files_drive(&f->files);
    store = f->seed % 2 ? store_option(f) : NULL;
    peers = fuzz_peers_init(f);
    all = g_strdup_printf("%s%s%s" BMC, vm, store ?: "", peers,
                          store ? ",drive=store" : "");
    f->qts = qipmi_boot(all);
    fuzz_machine_ready(f);
    for (i = 0; i < FUZZ_PORTS; i++) {
        QIPMIRsp rsp;

        g_assert_cmphex(qipmi_cmd(&f->port[i], 0x06, 0x01, "", 0, &rsp), ==,
                        0);
        memcpy(f->device_id[i], rsp.data, sizeof(f->device_id[i]));
    }
}

static void run_seed(uint32_t seed)
{
    Fuzz f = { .seed = seed };
    unsigned i, j, n;

    f.rand = g_rand_new_with_seed(seed);
    boot(&f);
    for (i = 0; i < CASES; i++) {
        fuzz_log("case %u", i);
        n = 1 + fuzz_pick(&f, OPERATIONS);
        for (j = 0; j < n; j++) {
            one_operation(&f);
        }
        check_health(&f);
    }
    qtest_quit(f.qts);
    fuzz_peers_close(&f);
    if (f.store) {
        unlink(f.store);
        g_free(f.store);
    }
    qfabric_files_close(&f.files);
    g_rand_free(f.rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fuzz_add_tests("/ipmi/fuzz", "RIG_IPMI_FUZZ_SEEDS", run_seed);
    return g_test_run();
}
