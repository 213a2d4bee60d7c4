/*
 * QTest of arm-rmm: REC_ENTER, list registers and the run structure
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.5.51, B4.6 RmiRecRun. The other conditions are in
 * the test of failure conditions.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/arm-rmm.h"

#define RD      P(0)
#define RTT     P(2)
#define REC     P(16)
#define MAILBOX NS(60)

static const char *const abis[] = { "bet0", "bet1", "bet3" };

/* A realm that is active, with a REC that can be entered */
static void make_rec(RmmHost *h)
{
    rmm_active(h);
    rmm_realm(h, RD, RTT);
    rmm_delegate(h, REC, 1);
    g_assert_cmphex(rmm_rec_begin(h, RD, REC, 0), ==, OK);
    g_assert_cmphex(R(h, R_REALM_ACTIVATE, RD), ==, OK);
    rmm_script(h, "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"times\": 0,"
               " \"exit\": { \"reason\": 1 } } ] }");
}

/*
 * A host at EL2 that writes a list register of CPU 0 and says so. There is no
 * other way to one without a guest.
 */
static char *firmware(unsigned n, uint16_t top)
{
    const uint32_t code[] = {
        0xd2e00000 | (uint32_t)top << 5,    /* movz x0, #top, lsl #48 */
        0xd28001e1,                         /* mov  x1, #0xf */
        0xd51cc9a1,                         /* msr  ICC_SRE_EL2, x1 */
        0xd5033fdf,                         /* isb */
        0xd51ccc00 | n << 5,                /* msr  ICH_LR<n>_EL2, x0 */
        0xd5033fdf,                         /* isb */
        0xd2a88062,                         /* movz x2, #0x4403, lsl #16 */
        0xf2980002,                         /* movk x2, #0xc000 */
        0xd2800023,                         /* mov  x3, #1 */
        0xf9000043,                         /* str  x3, [x2] */
        0xd503207f,                         /* wfi */
        0x17ffffff,                         /* b    . - 4 */
    };
    char *path = NULL;
    int fd = g_file_open_tmp("arm-rmm-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(code); i++) {
        uint32_t insn = cpu_to_le32(code[i]);

        g_assert_cmpint(write(fd, &insn, sizeof(insn)), ==, sizeof(insn));
    }
    close(fd);
    return path;
}

static void run(RmmHost *h)
{
    qtest_writeq(h->qts, MAILBOX, 0);
    qtest_qmp_assert_success(h->qts, "{ 'execute': 'cont' }");
    /* Without a limit: the test's guard has one. */
    while (!qtest_readq(h->qts, MAILBOX)) {
        g_usleep(1000);
    }
    qtest_qmp_assert_success(h->qts, "{ 'execute': 'stop' }");
}

/* sec B4.5.51: no list register may stand for a hardware interrupt */
static void list_registers(gconstpointer data)
{
    static const struct {
        unsigned n;
        uint16_t top;           /* bits 63:48 */
        uint64_t answer;
    } row[] = {
        { 0, 0x2000, EREC },    /* HW */
        { 3, 0x6000, EREC },    /* the last one; HW, pending */
        { 0, 0x5000, OK },      /* pending, group 1 */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        g_autofree char *path = firmware(row[i].n, row[i].top);
        g_autofree char *more = g_strdup_printf(",rec-granules=0,bl33=%s",
                                                path);
        RmmHost h;

        rmm_start_args(&h, data, more, "");
        run(&h);
        make_rec(&h);
        g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, row[i].answer);
        /* The registers are those of the CPU that calls. */
        g_assert_cmphex(rmm_smc(&h, 1, R_REC_ENTER,
                                (uint64_t[6]) { REC, RUN }), ==, OK);
        /* After the state of the realm, sec B4.5.51 */
        g_assert_cmphex(R(&h, R_REALM_TERMINATE, RD), ==, OK);
        g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, EREALM);
        rmm_stop(&h);
        g_assert_cmpint(unlink(path), ==, 0);
    }
}

/* Every field that a rule can set, and nothing else in the exit half */
static void run_structure(gconstpointer data)
{
    static const struct {
        unsigned offset;
        uint64_t value;
    } field[] = {
        { 0x800, 0 }, { 0x900, 101 }, { 0x908, 102 }, { 0x910, 103 },
        { 0xa00, 201 }, { 0xa08, 202 }, { 0xa10, 203 },
        { 0xc00, 104 }, { 0xc08, 105 }, { 0xc10, 106 }, { 0xc18, 107 },
        { 0xd00, 108 }, { 0xd08, 109 }, { 0xd10, 1 }, { 0xe00, 110 },
    };
    uint64_t page[PAGE / 8];
    RmmHost h;

    rmm_start(&h, data, ",rec-granules=0");
    make_rec(&h);
    for (unsigned reason = 0; reason < 6; reason++) {
        g_autofree char *script = g_strdup_printf(
            "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": {"
            " \"reason\": %u, \"esr\": 101, \"far\": 102, \"hpfar\": 103,"
            " \"cntp-ctl\": 104, \"cntp-cval\": 105, \"cntv-ctl\": 106,"
            " \"cntv-cval\": 107, \"ripas-base\": 108, \"ripas-top\": 109,"
            " \"ripas-value\": 1, \"imm\": 110, \"gprs\": [ 201, 202, 203 ]"
            " } } ] }", reason);

        qtest_memset(h.qts, RUN, 0xa5, PAGE);
        qtest_writeq(h.qts, RUN, 0);
        rmm_script(&h, script);
        g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, OK);
        qtest_memread(h.qts, RUN, page, PAGE);
        for (unsigned i = 1; i < 0x800 / 8; i++) {
            g_assert_cmphex(page[i], ==, 0xa5a5a5a5a5a5a5a5);
        }
        for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
            uint64_t *at = &page[field[i].offset / 8];

            g_assert_cmphex(le64_to_cpu(*at), ==,
                            i ? field[i].value : reason);
            *at = 0;
        }
        for (unsigned i = 0x800 / 8; i < PAGE / 8; i++) {
            g_assert_cmphex(page[i], ==, 0);
        }
    }
    rmm_stop(&h);
}

/* sec B4.5.51 [6]: only after an abort that can be emulated, and only once */
static void emulation(gconstpointer data)
{
    static const struct {
        const char *exit;
        uint64_t answer;
    } row[] = {
        { "\"reason\": 0, \"esr\": 2432696320", OK },       /* EC 0x24, ISV */
        { "\"reason\": 0, \"esr\": 2415919104", EREC },     /* EC 0x24 */
        { "\"reason\": 0, \"esr\": 2164260864", EREC },     /* EC 0x20, ISV */
        { "\"reason\": 1, \"esr\": 2432696320", EREC },     /* IRQ */
        { "\"reason\": 4", EREC },
    };
    RmmHost h;

    rmm_start(&h, data, ",rec-granules=0");
    make_rec(&h);
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        g_autofree char *script = g_strdup_printf(
            "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": { %s } },"
            " { \"command\": \"REC_ENTER\", \"times\": 0, \"exit\": {"
            " \"reason\": 1 } } ] }", row[i].exit);

        rmm_script(&h, script);
        qtest_writeq(h.qts, RUN, 0);
        g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, OK);
        qtest_writeq(h.qts, RUN, 1);
        g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, row[i].answer);
        g_assert_cmphex(R(&h, R_REC_ENTER, REC, RUN), ==, EREC);
    }
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(gconstpointer);
    } tests[] = {
        { "run-structure", run_structure }, { "emulation", emulation },
        { "list-registers", list_registers },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
            g_autofree char *path = g_strdup_printf("/arm-rmm/enter/%s/%s",
                                                    abis[i], tests[k].name);

            qtest_add_data_func(path, abis[i], tests[k].test);
        }
    }
    return g_test_run();
}
