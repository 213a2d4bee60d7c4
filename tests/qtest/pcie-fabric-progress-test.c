/*
 * A guest that gives endpoints work without end must not take QEMU with it
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Wherever ring, requests and messages of an endpoint point: QEMU answers all
 * the time, frees what it no longer needs, and the work goes on. "All the time"
 * is counted in answers, not in seconds. Limits are limits of QEMU's memory
 * above what it had before.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "libqos/pcie-fabric-endpoint.h"

/* The second flash of "virt": each write of it changes the memory map */
#define FLASH           0x04000000ULL
#define FLASH_RING      (FLASH + 0x10000)

#define ANSWERS         300
#define GROWTH          (192 * MiB)

#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 " \
    "-device pcie-fabric-endpoint,bus=rp0 " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2 " \
    "-device pcie-fabric-endpoint,bus=rp1 "

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricEp *ep[2];
    uint64_t before;
} Bench;

static uint64_t resident(Bench *b)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm",
                                            (int)qtest_pid(b->qts));
    g_autofree char *text = NULL;
    g_auto(GStrv) word = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    word = g_strsplit(text, " ", 3);
    return g_ascii_strtoull(word[1], NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void check_memory(Bench *b, uint64_t limit)
{
    uint64_t now = resident(b);

    if (now > b->before + limit) {
        g_error("QEMU's memory grew from %" PRIu64 " to %" PRIu64 " MiB",
                b->before / MiB, now / MiB);
    }
}

static void begin(Bench *b, const char *devices)
{
    unsigned i;

    b->qts = qfabric_boot(devices);
    b->fab = qfabric_new(b->qts);
    for (i = 0; i < G_N_ELEMENTS(b->ep); i++) {
        b->ep[i] = qfabric_ep_new(qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT,
                                              i));
    }
    b->before = resident(b);
}

static void end(Bench *b)
{
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(b->ep); i++) {
        qfabric_ep_free(b->ep[i]);
    }
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

/* QEMU answers so often, on both ways that it has, and grows no further. */
static void live_on(Bench *b, unsigned answers)
{
    unsigned i;

    for (i = 0; i < answers; i++) {
        qobject_unref(qtest_qmp(b->qts, "{ 'execute': 'query-status' }"));
        qtest_readl(b->qts, QFABRIC_SCRATCH);
        check_memory(b, GROWTH);
    }
}

static void start_ring(QFabricEp *ep, uint64_t base, unsigned order,
                       uint32_t tail)
{
    qfabric_ep_writel(ep, QFEP_REG_CTRL, 0);
    qfabric_ep_writeq(ep, QFEP_REG_RING_BASE, base);
    qfabric_ep_writel(ep, QFEP_REG_RING_ORDER, order);
    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_RING_EN);
    qfabric_ep_writel(ep, QFEP_REG_RING_TAIL, tail);
}

/* Until the head has moved on; then it is not stuck. */
static void check_progress(Bench *b, QFabricEp *ep)
{
    uint32_t head = qfabric_ep_readl(ep, QFEP_REG_RING_HEAD);

    while (qfabric_ep_readl(ep, QFEP_REG_RING_HEAD) == head &&
           qfabric_ep_busy(ep)) {
        check_memory(b, GROWTH);
    }
}

static void test_ring_in_flash(void)
{
    Bench b;

    begin(&b, DEVICES);
    start_ring(b.ep[0], FLASH_RING, QFEP_ORDER_MAX, 65535);
    live_on(&b, ANSWERS);
    check_progress(&b, b.ep[0]);
    end(&b);
}

/* Two of them, and doorbells meanwhile that write to the flash as well */
static void test_rings_and_doorbells(void)
{
    QFabricReq req = qfabric_write_req(FLASH, 64, 0);
    unsigned i;
    Bench b;

    begin(&b, DEVICES);
    start_ring(b.ep[0], FLASH_RING, QFEP_ORDER_MAX, 65535);
    for (i = 0; i < ANSWERS; i++) {
        if (!qfabric_ep_busy(b.ep[1])) {
            qfabric_ep_issue(b.ep[1], &req);
        }
        live_on(&b, 1);
    }
    check_progress(&b, b.ep[0]);
    end(&b);
}

/* One request of 4 KiB, each word of which is a command for the flash */
static void test_long_write(void)
{
    QFabricReq req = qfabric_write_req(FLASH, QFEP_LEN_MAX, 0);
    Bench b;

    begin(&b, DEVICES);
    qtest_memset(b.qts, b.ep[0]->fn->bar[QFEP_BAR_MEM].addr, 0xff,
                 QFEP_LEN_MAX);
    b.before = resident(&b);
    qfabric_ep_issue(b.ep[0], &req);
    check_memory(&b, 8 * MiB);
    end(&b);
}

/* Messages to the flash, as often as another endpoint clears their cause */
static void test_messages_to_flash(void)
{
    QFabricReq req = qfabric_write_req(QFABRIC_SCRATCH, 4, 0);
    unsigned i;
    Bench b;

    begin(&b, DEVICES);
    qfabric_ep_arm(b.ep[0], FLASH);
    for (i = 0; i < 2 * ANSWERS; i++) {
        if (!qfabric_ep_busy(b.ep[0])) {
            qfabric_ep_writel(b.ep[0], QFEP_REG_INT_STATUS, ~0u);
            qfabric_ep_issue(b.ep[0], &req);
        }
        live_on(&b, 1);
    }
    end(&b);
}

/*
 * Each descriptor of one endpoint is the other one's doorbell, for ever.
 * @base: of both rings, two descriptors each
 */
static void play(Bench *b, uint64_t base)
{
    unsigned i, n;

    for (i = 0; i < 2; i++) {
        QFabricEp *ep = b->ep[i], *other = b->ep[!i];
        uint64_t mem = ep->fn->bar[QFEP_BAR_MEM].addr;
        QFabricRing ring;

        qtest_writel(b->qts, mem, 1);
        qtest_writel(b->qts, mem + 4, 0);
        qfabric_ring_start(&ring, ep, base + i * 0x1000, 1);
        for (n = 0; n < 2; n++) {
            QFabricReq req = qfabric_write_req(
                other->fn->bar[QFEP_BAR_REGS].addr + QFEP_REG_RING_TAIL, 4,
                4 * n);

            qfabric_ring_push(&ring, &req);
        }
    }
    qfabric_ep_writel(b->ep[0], QFEP_REG_RING_TAIL, 1);
}

static void test_ping_pong(void)
{
    unsigned i;
    Bench b;

    begin(&b, DEVICES);
    play(&b, QFABRIC_SCRATCH);
    /* Each of these makes a new memory map, and an old one to be freed. */
    for (i = 0; i < ANSWERS; i++) {
        qfabric_writew(b.ep[0]->fn->parent, PCI_MEMORY_LIMIT, i << 4);
        live_on(&b, 1);
    }
    end(&b);
}

/* The machine is stopped and goes on in the middle of it. */
static void test_stop_and_go(void)
{
    unsigned i;
    Bench b;

    begin(&b, DEVICES);
    start_ring(b.ep[0], FLASH_RING, QFEP_ORDER_MAX, 65535);
    for (i = 0; i < 20; i++) {
        uint32_t head;

        qtest_qmp_assert_success(b.qts, "{ 'execute': 'stop' }");
        head = qfabric_ep_readl(b.ep[0], QFEP_REG_RING_HEAD);
        live_on(&b, 3);
        g_assert_cmpuint(qfabric_ep_readl(b.ep[0], QFEP_REG_RING_HEAD), ==,
                         head);
        qtest_qmp_assert_success(b.qts, "{ 'execute': 'cont' }");
        check_progress(&b, b.ep[0]);
    }
    end(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pcie-fabric/progress/flash/ring", test_ring_in_flash);
    qtest_add_func("/pcie-fabric/progress/flash/doorbells",
                   test_rings_and_doorbells);
    qtest_add_func("/pcie-fabric/progress/flash/long-write", test_long_write);
    qtest_add_func("/pcie-fabric/progress/flash/messages",
                   test_messages_to_flash);
    qtest_add_func("/pcie-fabric/progress/flash/stop", test_stop_and_go);
    qtest_add_func("/pcie-fabric/progress/ping-pong", test_ping_pong);
    return g_test_run();
}
