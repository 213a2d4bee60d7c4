/*
 * QTest of arm-rmm: faults that were repaired
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A2.3, B4.3. Each test fails without the
 * repair that its comment names.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "libqos/arm-rmm.h"
#include "libqos/pcie-fabric-vmstate.h"

#define SRO_ROUNDS(cmd) "{ \"rules\": [ { \"command\": \"" cmd "\"," \
                        " \"times\": 0, \"sro\": { \"rounds\": 9 } } ] }"

/*
 * A reset ends open operations: granules that one had in work are free, also if
 * none was ever delegated.
 */
static void reset_unlocks(void)
{
    RmmHost h;

    rmm_start_args(&h, "bet3", "", "");
    rmm_active(&h);
    rmm_script(&h, SRO_ROUNDS("GRANULE_RANGE_DELEGATE"));
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)), ==, EBLOCKED);
    rmm_script(&h, "{ \"rules\": [] }");
    qtest_system_reset(h.qts);
    rmm_active(&h);
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)), ==, OK);
    rmm_stop(&h);
}

/*
 * Memory in two pieces: the ledger has no gap between them with large granules,
 * and a range over both changes what it says.
 */
static void two_banks(gconstpointer data)
{
    unsigned shift = GPOINTER_TO_UINT(data);
    uint64_t granule = 1 << shift;
    uint64_t mid = RAM + 130 * MiB;
    RmmHost h;

    rmm_start_args(&h, "bet3", "",
                   "-object memory-backend-ram,id=m0,size=130M "
                   "-object memory-backend-ram,id=m1,size=126M "
                   "-numa node,memdev=m0 -numa node,memdev=m1");
    qtest_writeq(h.qts, CONFIG, 0);
    qtest_writeq(h.qts, CONFIG + 8, (shift - 12) / 2);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, OK);
    g_assert_cmphex(R(&h, R_ACTIVATE), ==, OK);
    g_assert_cmphex(R(&h, R_DELEGATE, mid - 4 * granule, mid + 4 * granule),
                    ==, OK);
    g_assert_cmphex(h.x[1], ==, mid + 4 * granule);
    rmm_granule_is(&h, mid - 5 * granule, "undelegated", "ns");
    rmm_granule_is(&h, mid - 4 * granule, "delegated", "realm");
    rmm_granule_is(&h, mid, "delegated", "realm");
    rmm_granule_is(&h, mid + 3 * granule, "delegated", "realm");
    rmm_granule_is(&h, mid + 4 * granule, "undelegated", "ns");
    rmm_granule_is(&h, RAM, "undelegated", "ns");
    g_assert_cmpuint(rmm_count(&h, "delegated"), ==, 8);
    g_assert_cmphex(R(&h, R_UNDELEGATE, mid - 4 * granule, mid + 4 * granule),
                    ==, OK);
    g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / granule);
    rmm_stop(&h);
}

/* One call does 1 GiB, and says so; the next goes on from there. */
static void bounded(void)
{
    uint64_t base = RAM + 16 * MiB, top = RAM + 1536 * MiB;
    RmmHost h;

    rmm_start_args(&h, "bet3", "", "-m 2G");
    rmm_active(&h);
    g_assert_cmphex(R(&h, R_DELEGATE, base, top), ==, OK);
    g_assert_cmphex(h.x[1], ==, base + GiB);
    g_assert_cmphex(R(&h, R_DELEGATE, base + GiB, top), ==, OK);
    g_assert_cmphex(h.x[1], ==, top);
    g_assert_cmphex(R(&h, R_UNDELEGATE, base, top), ==, OK);
    g_assert_cmphex(h.x[1], ==, base + GiB);
    rmm_stop(&h);
}

/* A handle that a script chose is not given away a second time. */
static void handles(void)
{
    RmmHost h;

    rmm_start_args(&h, "bet3", "", "");
    rmm_active(&h);
    rmm_script(&h, "{ \"rules\": ["
               "  { \"command\": \"GRANULE_RANGE_DELEGATE\","
               "    \"sro\": { \"rounds\": 1, \"handle\": 1 } },"
               "  { \"command\": \"GRANULE_RANGE_DELEGATE\", \"times\": 0,"
               "    \"sro\": { \"rounds\": 1 } } ] }");
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(1)) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(h.x[1], ==, 1);
    g_assert_cmphex(R(&h, R_DELEGATE, P(1), P(2)) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(h.x[1], !=, 1);
    g_assert_cmphex(R(&h, R_CONTINUE, h.x[1], 0), ==, OK);
    g_assert_cmphex(h.x[1], ==, P(2));
    g_assert_cmphex(R(&h, R_CONTINUE, 1, 0), ==, OK);
    g_assert_cmphex(h.x[1], ==, P(1));
    rmm_stop(&h);
}

/* Level 1 table of the first GiB, 128 KiB at @table */
static void make_table(RmmHost *h, uint64_t table)
{
    g_assert_cmphex(R(h, R_GPT_CREATE, RAM) & 0x3ff, ==, WANT_DONATE);
    qtest_writeq(h->qts, LIST, rmm_desc(h, table, 0, 32, 1));
    g_assert_cmphex(R(h, R_DONATE, 0, LIST, 1, 0) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, OK);
    rmm_granule_is(h, table, "internal", "realm");
}

/* GPT_L1_DESTROY that finds no context changes nothing; memory comes once. */
static void table_given_back_once(void)
{
    RmmHost h;

    rmm_start_args(&h, "bet3", ",gpt=host,sro-contexts=1", "");
    rmm_active(&h);
    make_table(&h, P(0));
    rmm_script(&h, SRO_ROUNDS("REALM_TERMINATE"));
    rmm_realm(&h, P(64), P(66));
    g_assert_cmphex(R(&h, R_REALM_TERMINATE, P(64)) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM), ==, EINPUT); /* in use */
    while (R(&h, R_CONTINUE, 0, 0)) {
        /* rounds */
    }
    g_assert_cmphex(R(&h, R_REALM_DESTROY, P(64)), ==, OK);
    rmm_undelegate(&h, P(64), 1);
    rmm_undelegate(&h, P(66), 2);
    rmm_script(&h, SRO_ROUNDS("GRANULE_RANGE_DELEGATE"));
    g_assert_cmphex(R(&h, R_DELEGATE, P(64), P(65)) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM), ==, EBLOCKED);
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM), ==, EBLOCKED);
    g_assert_cmphex(R(&h, R_CANCEL, 0) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 16) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmpuint(h.x[1], ==, 1);
    g_assert_cmphex(qtest_readq(h.qts, LIST), ==, rmm_desc(&h, P(0), 0, 32, 1));
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / PAGE);
    rmm_stop(&h);
}

/* While GPT_L1_DESTROY can turn round, nobody makes another table. */
static void table_taken_back(void)
{
    RmmHost h;

    rmm_start_args(&h, "bet3", ",gpt=host", "");
    rmm_active(&h);
    make_table(&h, P(0));
    g_assert_cmphex(R(&h, R_GPT_DESTROY, RAM), ==, WANT_RECLAIM | CANCELLABLE);
    rmm_granule_is(&h, P(0), "internal", "ns");
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM), ==, EBLOCKED);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_granule_is(&h, P(0), "internal", "realm");
    rmm_granule_is(&h, P(64), "undelegated", "ns");
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM), ==, EGPT);
    rmm_delegate(&h, P(64), 1);
    rmm_granule_is(&h, P(64), "delegated", "realm");
    rmm_stop(&h);
}

/* The seed's sequence begins anew at a reset. */
static void seed(void)
{
    uint64_t first[32];
    RmmHost h;

    rmm_start_args(&h, "bet3", "", "");
    rmm_script(&h, "{ \"random-seed\": 7, \"rules\": [] }");
    for (unsigned run = 0; run < 2; run++) {
        qtest_writeq(h.qts, CONFIG, 0);
        qtest_writeq(h.qts, CONFIG + 8, 0);
        g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, OK);
        while (R(&h, R_ACTIVATE)) {
            while ((h.x[0] & 0xff) == INCOMPLETE) {
                R(&h, R_CONTINUE, h.x[1], 0);
            }
            if (h.x[0] == OK) {
                break;
            }
        }
        for (unsigned i = 0; i < ARRAY_SIZE(first); i++) {
            uint64_t x0 = R(&h, R_DELEGATE, P(i * 16), P(i * 16 + 16));

            g_assert_true(!run || x0 == first[i]);
            first[i] = x0;
        }
        qtest_system_reset(h.qts);
    }
    rmm_stop(&h);
}

/* Of the findings, the one of @kind that is about @command */
static QDict *finding(RmmHost *h, const char *kind, const char *command)
{
    QDict *answer = qtest_qmp(h->qts, "{ 'execute': 'query-rmm-findings' }");
    QDict *found = NULL;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(answer, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(d, "kind"), kind) &&
            g_str_equal(qdict_get_try_str(d, "command") ?: "", command)) {
            found = qobject_ref(d);
        }
    }
    qobject_unref(answer);
    return found;
}

static void is_left(RmmHost *h, const char *kind, const char *command,
                    uint64_t count, uint64_t address, const char *says)
{
    QDict *d = finding(h, kind, command);

    g_assert_nonnull(d);
    g_assert_cmpuint(qdict_get_int(d, "count"), ==, count);
    g_assert_cmphex(qdict_get_int(d, "address"), ==, address);
    g_assert_nonnull(strstr(qdict_get_str(d, "detail"), says));
    qobject_unref(d);
}

/* What is left names the command, the first granule and the last answer. */
static void who_lost_it(void)
{
    RmmHost h;

    rmm_start_args(&h, "bet3", "", "");
    rmm_active(&h);
    rmm_realm(&h, P(0), P(2));
    rmm_rec(&h, P(0), P(16), 0);
    g_assert_cmphex(R(&h, R_REC_DESTROY, P(16)) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 16) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    is_left(&h, "left-delegated", "REC_DESTROY", 17, P(16), "given back");
    g_assert_null(finding(&h, "left-delegated", "GRANULE_RANGE_DELEGATE"));

    rmm_delegate(&h, P(64), 8);
    is_left(&h, "left-delegated", "GRANULE_RANGE_DELEGATE", 8, P(64),
            "were delegated");
    rmm_rec_begin(&h, P(0), P(64), 1);
    g_assert_cmphex(h.x[0] & 0x3ff, ==, WANT_DONATE);
    rmm_list(&h, 0, P(65), 16); /* of which 7 are delegated */
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 16, 0), ==, EINPUT);
    g_assert_cmpuint(h.x[1], ==, 7);
    is_left(&h, "memory-held", "REC_CREATE", 7, P(65), "error-input");
    is_left(&h, "sro-abandoned", "REC_CREATE", 1, 0, "holds 7 granules");
    is_left(&h, "bad-donation", "OP_MEM_DONATE", 1, P(72), "not in the state");
    rmm_stop(&h);
}

/*
 * fw_cfg's DMA: a structure at NS(8) makes it write four bytes of the selected
 * item to @pa. Returns its control word: 0, or 1 for an error.
 */
static uint32_t fw_cfg_reads_to(RmmHost *h, uint64_t pa)
{
    uint32_t control[2] = { cpu_to_be32(0x0a), cpu_to_be32(4) };
    uint64_t address[2] = { cpu_to_be64(pa), cpu_to_be64(NS(8)) };

    qtest_memwrite(h->qts, NS(8), control, 8);
    qtest_memwrite(h->qts, NS(8) + 8, &address[0], 8);
    qtest_memwrite(h->qts, 0x09020010, &address[1], 8);
    qtest_memread(h->qts, NS(8), control, 4);
    return be32_to_cpu(control[0]);
}

static void fw_cfg(gconstpointer data)
{
    bool checked = GPOINTER_TO_UINT(data);
    RmmHost h;

    rmm_start_args(&h, "bet3", checked ? "" : ",dma-check=off", "");
    rmm_active(&h);
    g_assert_cmphex(fw_cfg_reads_to(&h, P(0)), ==, 0);
    g_assert_cmphex(qtest_readl(h.qts, P(0)), ==, 0x554d4551); /* "QEMU" */
    rmm_delegate(&h, P(1), 1);
    g_assert_cmphex(fw_cfg_reads_to(&h, P(1)), ==, checked);
    g_assert_cmphex(qtest_readl(h.qts, P(1)), ==, checked ? 0 : 0x554d4551);
    g_assert_cmpuint(rmm_found(&h, "protection-fault") > 0, ==, checked);
    rmm_stop(&h);
}

/* edu: BAR 0 has the source, destination, count and command of its DMA. */
#define ECAM_EDU    (0x4010000000ull + (2 << 15))
#define EDU_BAR     0x10000000ull
#define EDU_BUFFER  0x40000

static void edu_dma(RmmHost *h, uint64_t from, uint64_t to, unsigned command)
{
    qtest_writeq(h->qts, EDU_BAR + 0x80, from);
    qtest_writeq(h->qts, EDU_BAR + 0x88, to);
    qtest_writeq(h->qts, EDU_BAR + 0x90, 8);
    qtest_writeq(h->qts, EDU_BAR + 0x98, command);
    qtest_clock_step(h->qts, 200 * 1000 * 1000);
}

/* A PCI device writes to a delegated granule, and to the one behind it. */
static void pci_dma(gconstpointer data)
{
    RmmHost h = { .abi = "bet3" };

    /* The device's timer needs a clock that the test drives. */
    h.qts = qtest_initf("-M virt,virtualization=on,secure=on,gic-version=3%s "
                        "-cpu max -m 256M -nodefaults -device arm-rmm "
                        "-device edu,addr=2,dma_mask=0xffffffffffffffff",
                        (const char *)data);
    qtest_writel(h.qts, ECAM_EDU + 0x10, EDU_BAR);
    qtest_writew(h.qts, ECAM_EDU + 4, 6);
    rmm_active(&h);
    rmm_delegate(&h, P(1), 1);
    qtest_writeq(h.qts, P(0), 0x1122334455667788ull);
    edu_dma(&h, P(0), EDU_BUFFER, 1);
    edu_dma(&h, EDU_BUFFER, P(1), 3);
    edu_dma(&h, EDU_BUFFER, P(2), 3);
    g_assert_cmphex(qtest_readq(h.qts, P(1)), ==, 0);
    g_assert_cmphex(qtest_readq(h.qts, P(2)), ==, 0x1122334455667788ull);
    g_assert_cmpuint(rmm_found(&h, "protection-fault"), >, 0);
    rmm_stop(&h);
}

/*
 * A host at EL2 waits for its hypervisor timer, and is migrated meanwhile. The
 * status bit of the timer changes when QEMU's timer fires.
 */
static const uint32_t waits_for_timer[] = {
    0xd2a88003,         /* movz x3, #0x4400, lsl #16: NS_BASE */
    0xd2afffe0,         /* movz x0, #0x7fff, lsl #16: 2.1 s */
    0xf29fffe0,         /* movk x0, #0xffff */
    0xd51ce200,         /* msr cnthp_tval_el2, x0 */
    0xd2800021,         /* mov x1, #1 */
    0xd51ce221,         /* msr cnthp_ctl_el2, x1 */
    0xf9000461,         /* str x1, [x3, #8]: it runs */
    0xd53ce222,         /* mrs x2, cnthp_ctl_el2 */
    0x3617ffe2,         /* tbz x2, #2, .-4: ISTATUS */
    0xf9000061,         /* str x1, [x3]: it fired */
    0x14000000,         /* b . */
};

/* Without a limit: the test's guard has one. */
static void wait_for_one(RmmHost *h, uint64_t pa)
{
    while (qtest_readq(h->qts, pa) != 1) {
        g_usleep(10 * 1000);
    }
}

static void hyp_timer(void)
{
    g_autofree char *bl33 = NULL, *uri = NULL, *more = NULL;
    QFabricFiles files;
    RmmHost h;

    qfabric_files_open(&files);
    bl33 = g_strdup_printf("%s/bl33", files.dir);
    uri = g_strdup_printf("exec:cat > %s", files.stream);
    more = g_strdup_printf(",bl33=%s", bl33);
    g_assert_true(g_file_set_contents(bl33, (const char *)waits_for_timer,
                                      sizeof(waits_for_timer), NULL));
    rmm_start_args(&h, "bet3", more, "");
    qtest_qmp_assert_success(h.qts, "{ 'execute': 'cont' }");
    wait_for_one(&h, NS_BASE + 8);
    qtest_qmp_assert_success(h.qts, "{ 'execute': 'stop' }");
    if (qtest_readq(h.qts, NS_BASE)) {
        g_test_skip("this machine is too slow: the timer fired before");
    } else {
        qfabric_migrate_out(h.qts, uri);
        rmm_stop(&h);
        g_free(uri);
        uri = g_strdup_printf("exec:cat %s", files.stream);
        rmm_start_args(&h, "bet3", more, "-incoming defer");
        g_assert_true(qfabric_migrate_in(h.qts, uri));
        qtest_qmp_assert_success(h.qts, "{ 'execute': 'cont' }");
        wait_for_one(&h, NS_BASE);
    }
    rmm_stop(&h);
    unlink(bl33);
    qfabric_files_close(&files);
}

/*
 * The list of addresses of a map is read once, when the operation begins: what
 * the host writes to it later is not looked at.
 */
static void list_read_once(gconstpointer data)
{
    bool unprot = GPOINTER_TO_UINT(data);
    uint64_t ipa = unprot ? 1ull << 39 : 0;
    uint64_t first = unprot ? NS(20) : P(20), second = unprot ? NS(24) : P(24);
    unsigned num = unprot ? R_UNPROT_MAP : R_DATA_MAP;
    RmmHost h;

    rmm_start_args(&h, "bet3", "", "");
    rmm_active(&h);
    rmm_realm(&h, P(0), P(2));
    rmm_delegate(&h, P(16), 16);
    g_assert_cmphex(R(&h, R_RTT_CREATE, P(0), P(16), ipa, 2), ==, OK);
    g_assert_cmphex(R(&h, R_RTT_CREATE, P(0), P(17), ipa, 3), ==, OK);
    rmm_script(&h, unprot ? SRO_ROUNDS("RTT_UNPROT_MAP") :
                            SRO_ROUNDS("RTT_DATA_MAP"));
    rmm_list(&h, 0, first, 2);
    g_assert_cmphex(R(&h, num, P(0), ipa, ipa + 2 * PAGE,
                      2 | 2 << 2 | 0x1e0000, LIST) & 0x3ff, ==, INCOMPLETE);
    rmm_list(&h, 0, second, 2);
    while (R(&h, R_CONTINUE, 0, 0)) {
        g_assert_cmphex(h.x[0] & 0x3ff, ==, INCOMPLETE);
    }
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmphex(R(&h, R_READ_ENTRY, P(0), ipa + i * PAGE, 3), ==, OK);
        g_assert_cmphex(h.x[3] & ~(PAGE - 1), ==, first + i * PAGE);
    }
    rmm_stop(&h);
}

/* A realm can let the host change what is DESTROYED, or not. */
static void ripas_destroyed(void)
{
    static const char script[] =
        "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": {"
        " \"reason\": 4, \"ripas-base\": 0, \"ripas-top\": 4096,"
        " \"ripas-value\": 1%s } } ] }";
    RmmHost h;

    rmm_start_args(&h, "bet3", ",rec-granules=0", "");
    rmm_active(&h);
    rmm_realm(&h, P(0), P(2));
    rmm_delegate(&h, P(16), 16);
    g_assert_cmphex(rmm_rec_begin(&h, P(0), P(16), 0), ==, OK);
    g_assert_cmphex(R(&h, R_RTT_CREATE, P(0), P(17), 0, 2), ==, OK);
    g_assert_cmphex(R(&h, R_RTT_CREATE, P(0), P(18), 0, 3), ==, OK);
    g_assert_cmphex(R(&h, R_INIT_RIPAS, P(0), 0, PAGE), ==, OK);
    g_assert_cmphex(R(&h, R_DATA_MAP, P(0), 0, PAGE, 1, P(19) | 4), ==, OK);
    g_assert_cmphex(R(&h, R_DATA_UNMAP, P(0), 0, PAGE, 0, 0), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_ACTIVATE, P(0)), ==, OK);
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        g_autofree char *rule = g_strdup_printf(
            script, allowed ? ", \"ripas-destroyed\": true" : "");

        rmm_script(&h, rule);
        g_assert_cmphex(R(&h, R_REC_ENTER, P(16), RUN), ==, OK);
        g_assert_cmphex(R(&h, R_SET_RIPAS, P(0), P(16), 0, PAGE), ==, OK);
        g_assert_cmphex(h.x[1], ==, PAGE);
        g_assert_cmphex(R(&h, R_READ_ENTRY, P(0), 0, 3), ==, OK);
        g_assert_cmpuint(h.x[4], ==, allowed ? 1 : 2); /* RAM, DESTROYED */
    }
    rmm_stop(&h);
}

/* A command that the profile lacks is told apart from one that nobody knows. */
static void lacking(void)
{
    QDict *info;
    QListEntry *e;
    bool found = false;
    RmmHost h;

    rmm_start_args(&h, "bet1", "", "");
    g_assert_cmphex(R(&h, R_GPT_INFO, RAM, RAM + GiB), ==, UNKNOWN);
    info = qtest_qmp_assert_success_ref(h.qts, "{ 'execute': 'query-rmm' }");
    QLIST_FOREACH_ENTRY(qdict_get_qlist(info, "refusals"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        found |= g_str_equal(qdict_get_str(d, "command"), "GPT_INFO") &&
                 strstr(qdict_get_str(d, "condition"), "bet1");
    }
    g_assert_true(found);
    qobject_unref(info);
    rmm_stop(&h);
}

/* Address space of QEMU at its largest so far, in KiB */
static unsigned long vm_peak(RmmHost *h)
{
    g_autofree char *name = g_strdup_printf("/proc/%d/status",
                                            qtest_pid(h->qts));
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(name, &text, NULL, NULL));
    return g_ascii_strtoull(strstr(text, "VmPeak:") + 7, NULL, 10);
}

/* Where a stream has a piece of memory: one, of @granules from @base on */
static uint8_t *find_extent(char *stream, gsize len, uint64_t base,
                            uint64_t granules)
{
    uint8_t want[20];

    stl_be_p(want, 1);
    stq_be_p(want + 4, base);
    stq_be_p(want + 12, granules);
    return memmem(stream, len, want, sizeof(want));
}

/* A snapshot that claims 2^26 - 1 pieces of memory gets no room for them */
static void hostile_count(void)
{
    g_autofree char *uri = NULL, *stream = NULL;
    unsigned long before;
    QFabricFiles files;
    uint8_t *count;
    gsize len;
    RmmHost h;

    qfabric_files_open(&files);
    uri = g_strdup_printf("file:%s", files.stream);
    rmm_start_args(&h, "bet3", "", "");
    rmm_active(&h);
    rmm_realm(&h, P(0), P(2));
    rmm_delegate(&h, P(64), 8);
    g_assert_cmphex(rmm_rec_begin(&h, P(0), P(64), 0) & 0x3ff, ==,
                    WANT_DONATE);
    rmm_list(&h, 0, P(65), 5);
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 5, 0) & 0x3ff, ==, WANT_DONATE);
    qfabric_migrate_out(h.qts, uri);
    rmm_stop(&h);

    g_assert_true(g_file_get_contents(files.stream, &stream, &len, NULL));
    count = find_extent(stream, len, P(65), 5);
    g_assert_nonnull(count);
    stl_be_p(count, (1 << 26) - 1);
    g_assert_true(g_file_set_contents(files.stream, stream, len, NULL));

    rmm_start_args(&h, "bet3", "", "-incoming defer");
    before = vm_peak(&h);
    qtest_qmp_assert_success(h.qts,
        "{ 'execute': 'migrate-incoming', 'arguments': { 'uri': %s,"
        "  'exit-on-error': false } }", uri);
    for (;;) {
        QDict *info = qtest_qmp_assert_success_ref(h.qts,
            "{ 'execute': 'query-migrate' }");
        bool failed = !g_strcmp0(qdict_get_try_str(info, "status"), "failed");

        qobject_unref(info);
        if (failed) {
            break;
        }
        g_usleep(10 * 1000);
    }
    g_assert_cmpuint(vm_peak(&h) - before, <, 512 * 1024);
    rmm_stop(&h);
    qfabric_files_close(&files);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/arm-rmm/regress/reset-unlocks", reset_unlocks);
    qtest_add_data_func("/arm-rmm/regress/two-banks-4k", GUINT_TO_POINTER(12),
                        two_banks);
    qtest_add_data_func("/arm-rmm/regress/two-banks-64k", GUINT_TO_POINTER(16),
                        two_banks);
    qtest_add_func("/arm-rmm/regress/bounded", bounded);
    qtest_add_func("/arm-rmm/regress/handles", handles);
    qtest_add_func("/arm-rmm/regress/table-given-back-once",
                   table_given_back_once);
    qtest_add_func("/arm-rmm/regress/table-taken-back", table_taken_back);
    qtest_add_func("/arm-rmm/regress/seed", seed);
    qtest_add_func("/arm-rmm/regress/who-lost-it", who_lost_it);
    qtest_add_data_func("/arm-rmm/regress/fw-cfg", GUINT_TO_POINTER(1), fw_cfg);
    qtest_add_data_func("/arm-rmm/regress/fw-cfg-unchecked",
                        GUINT_TO_POINTER(0), fw_cfg);
    qtest_add_data_func("/arm-rmm/regress/pci", "", pci_dma);
    qtest_add_data_func("/arm-rmm/regress/pci-smmu", ",iommu=smmuv3", pci_dma);
    qtest_add_func("/arm-rmm/regress/hyp-timer", hyp_timer);
    qtest_add_data_func("/arm-rmm/regress/list-read-once",
                        GUINT_TO_POINTER(0), list_read_once);
    qtest_add_data_func("/arm-rmm/regress/list-read-once-unprotected",
                        GUINT_TO_POINTER(1), list_read_once);
    qtest_add_func("/arm-rmm/regress/ripas-destroyed", ripas_destroyed);
    qtest_add_func("/arm-rmm/regress/lacking", lacking);
    qtest_add_func("/arm-rmm/regress/hostile-count", hostile_count);
    return g_test_run();
}
