/*
 * Hot-plug while the link trains or is held down; ports that sleep
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.7 (hot-plug; 6.7.3.4: events wake a port
 * that sleeps), 6.6.1, 7.5.2.2 (PMCSR), 7.5.3.11 (Slot Status), 7.5.3.14 (Root
 * Status).
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/pcie-fabric-link.h"

#define TRAIN_MS        40
#define MSG             (QFABRIC_SCRATCH + 0x40)
#define MSG_DATA        0x4a5a
#define ID_EP           (QFABRIC_DEVICE_EP << 16 | QFABRIC_VENDOR)

/* Empty slots: of a root port, and of a switch below another one */
#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1," \
    "link-up-ms=40 " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp1 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2," \
    "slot=1,link-up-ms=40 "

typedef struct Slot {
    const char *name;
    const char *id;
    int type;
} Slot;

static const Slot slots[] = {
    { "root-port", "rp0", PCI_EXP_TYPE_ROOT_PORT },
    { "downstream", "ds0", PCI_EXP_TYPE_DOWNSTREAM },
};

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *port;            /* with the slot */
    QFabricFn *root;            /* above it, or the same */
    QFabricFn ep;               /* where the card will be */
    const Slot *slot;
} Bench;

static void bench_open(Bench *b, const Slot *slot)
{
    b->slot = slot;
    b->qts = qfabric_boot(DEVICES);
    b->fab = qfabric_new(b->qts);
    b->port = qfabric_nth(b->fab, slot->type, 0);
    b->root = qfabric_nth(b->fab, PCI_EXP_TYPE_ROOT_PORT,
                          slot->type == PCI_EXP_TYPE_ROOT_PORT ? 0 : 1);
    b->ep = (QFabricFn) { .fab = b->fab, .bus = b->port->secondary };
    g_strlcpy(b->ep.name, "the slot's card", sizeof(b->ep.name));
    qfabric_clear_events(b->port);
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

static void add_card(Bench *b, const char *bus, const char *id)
{
    qtest_qmp_device_add(b->qts, "pcie-fabric-endpoint", id, "{ 'bus': %s }",
                         bus);
}

/* Slot power and its indicator, as pciehp switches both */
static void slot_power(Bench *b, bool on)
{
    uint16_t ctl = qfabric_cap_readw(b->port, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL);

    ctl &= ~(PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC);
    ctl |= on ? PCI_EXP_SLTCTL_PWR_ON | PCI_EXP_SLTCTL_PWR_IND_ON :
                PCI_EXP_SLTCTL_PWR_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF;
    qfabric_cap_writew(b->port, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL, ctl);
}

static void plug(Bench *b)
{
    add_card(b, b->slot->id, "hp0");
    slot_power(b, true);
}

static void unplug(Bench *b)
{
    qtest_qmp_device_del_send(b->qts, "hp0");
    slot_power(b, false);
    qtest_qmp_eventwait(b->qts, "DEVICE_DELETED");
}

static void expect_link(Bench *b, const char *state, uint16_t bits,
                        uint32_t id, const char *when)
{
    g_autofree char *is = qfabric_link_state(b->qts, b->slot->id);

    if (!g_str_equal(is, state)) {
        g_test_message("%s: link is %s, not %s", when, is, state);
        g_test_fail();
    }
    qfabric_expect(b->port, "DLLLA and LT", bits,
                   qfabric_link_status(b->port) &
                   (PCI_EXP_LNKSTA_DLLLA | PCI_EXP_LNKSTA_LT), when);
    qfabric_expect(&b->ep, "Vendor and Device ID", id,
                   qfabric_readl(&b->ep, PCI_VENDOR_ID), when);
}

static void expect_presence(Bench *b, bool present, const char *when)
{
    qfabric_expect(b->port, "presence", present ? PCI_EXP_SLTSTA_PDS : 0,
                   qfabric_slot_status(b->port) & PCI_EXP_SLTSTA_PDS, when);
}

/* sec 6.7.3.3: presence at once, the link when it has trained */
static void test_training(const void *data)
{
    Bench b;

    bench_open(&b, data);
    expect_link(&b, "empty", 0, UINT32_MAX, "of the empty slot");
    plug(&b);
    expect_presence(&b, true, "as soon as it is plugged in");
    expect_link(&b, "training", PCI_EXP_LNKSTA_LT, UINT32_MAX,
                "right after plugging");
    g_assert_cmphex(qfabric_slot_status(b.port) & PCI_EXP_SLTSTA_DLLSC, ==, 0);
    qfabric_step_ms(b.qts, TRAIN_MS - 1);
    expect_link(&b, "training", PCI_EXP_LNKSTA_LT, UINT32_MAX,
                "1 ms before the end of training");
    qfabric_step_ms(b.qts, 1);
    expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, ID_EP, "after training");
    qfabric_expect(b.port, "DLLSC after training", PCI_EXP_SLTSTA_DLLSC,
                   qfabric_slot_status(b.port) & PCI_EXP_SLTSTA_DLLSC,
                   "PCIe r6.0 sec 7.5.3.11");
    bench_close(&b);
}

/* Only DLLSC is enabled: the message comes with the link, not before */
static void test_message(const void *data)
{
    Bench b;

    bench_open(&b, data);
    qfabric_msi_arm(b.port, MSG, MSG_DATA);
    qfabric_cap_writew(b.port, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL,
                       PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE);
    qfabric_clear_events(b.port);
    plug(&b);
    qfabric_clear_events(b.port);
    qfabric_msg_take(b.fab, MSG);
    qfabric_step_ms(b.qts, TRAIN_MS - 1);
    g_assert_cmphex(qfabric_msg_take(b.fab, MSG), ==, 0);
    qfabric_step_ms(b.qts, 1);
    g_assert_cmphex(qfabric_msg_take(b.fab, MSG), ==, MSG_DATA);
    bench_close(&b);
}

/* A card that goes while its link trains takes the training with it. */
static void test_unplug_training(const void *data)
{
    Bench b;

    bench_open(&b, data);
    plug(&b);
    qfabric_step_ms(b.qts, TRAIN_MS - 1);
    unplug(&b);
    qfabric_clear_events(b.port);
    expect_presence(&b, false, "unplugged");
    expect_link(&b, "empty", 0, UINT32_MAX, "unplugged while it trained");
    qfabric_step_ms(b.qts, 10 * TRAIN_MS);
    expect_link(&b, "empty", 0, UINT32_MAX, "long after");
    g_assert_cmphex(qfabric_slot_status(b.port) & PCI_EXP_SLTSTA_DLLSC, ==, 0);
    /* The next one starts from the beginning. */
    plug(&b);
    qfabric_step_ms(b.qts, TRAIN_MS - 1);
    expect_link(&b, "training", PCI_EXP_LNKSTA_LT, UINT32_MAX,
                "of the second card");
    qfabric_step_ms(b.qts, 1);
    expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, ID_EP,
                "of the second card");
    bench_close(&b);
}

/* What keeps a link down does so for a card that comes meanwhile, too. */
static void test_plug_held(const void *data)
{
    static const struct {
        void (*set)(QFabricFn *port, bool on);
        const char *state;
    } rows[] = {
        { qfabric_sbr, "hot-reset" },
        { qfabric_link_disable, "disabled" },
    };
    unsigned i;
    Bench b;

    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        bench_open(&b, data);
        rows[i].set(b.port, true);
        plug(&b);
        expect_presence(&b, true, rows[i].state);
        expect_link(&b, rows[i].state, 0, UINT32_MAX, rows[i].state);
        qfabric_step_ms(b.qts, 10 * TRAIN_MS);
        expect_link(&b, rows[i].state, 0, UINT32_MAX, rows[i].state);
        rows[i].set(b.port, false);
        expect_link(&b, "training", PCI_EXP_LNKSTA_LT, UINT32_MAX,
                    "once it is released");
        qfabric_step_ms(b.qts, TRAIN_MS);
        expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, ID_EP, "at the end");
        bench_close(&b);
    }
}

/* A reset in the middle of the first training; a card that goes in a reset */
static void test_reset_training(const void *data)
{
    Bench b;

    bench_open(&b, data);
    plug(&b);
    qfabric_step_ms(b.qts, TRAIN_MS - 1);
    qfabric_sbr(b.port, true);
    expect_link(&b, "hot-reset", 0, UINT32_MAX, "reset while it trained");
    qfabric_step_ms(b.qts, TRAIN_MS);
    expect_link(&b, "hot-reset", 0, UINT32_MAX, "held");
    qfabric_sbr(b.port, false);
    qfabric_step_ms(b.qts, TRAIN_MS - 1);
    expect_link(&b, "training", PCI_EXP_LNKSTA_LT, UINT32_MAX, "released");
    qfabric_step_ms(b.qts, 1);
    expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, ID_EP, "released");
    qfabric_sbr(b.port, true);
    unplug(&b);
    expect_link(&b, "empty", 0, UINT32_MAX, "unplugged in a reset");
    qfabric_sbr(b.port, false);
    qfabric_step_ms(b.qts, 10 * TRAIN_MS);
    expect_link(&b, "empty", 0, UINT32_MAX, "and that is over");
    bench_close(&b);
}

/* A training that was broken off does not end later on. */
static void test_never_up(const void *data)
{
    Bench b;

    bench_open(&b, data);
    plug(&b);
    qfabric_step_ms(b.qts, TRAIN_MS - 1);
    qfabric_sbr(b.port, true);
    qfabric_set_prop(b.qts, b.slot->id, "link-up-ms", -1);
    qfabric_sbr(b.port, false);
    qfabric_step_ms(b.qts, 10 * TRAIN_MS);
    expect_link(&b, "training", PCI_EXP_LNKSTA_LT, UINT32_MAX, "for ever");
    bench_close(&b);
}

/* sec 6.6.1: power-on is a reset, after which a Function may need time */
static void test_ready(const void *data)
{
    Bench b;

    bench_open(&b, data);
    qfabric_cap_writew(b.root, PCI_CAP_ID_EXP, PCI_EXP_RTCTL,
                       PCI_EXP_RTCTL_RRS_SVE);
    qfabric_set_prop(b.qts, b.slot->id, "reset-ready-ms", 100);
    plug(&b);
    qfabric_step_ms(b.qts, TRAIN_MS);
    expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, 0xffff0001, "not ready");
    qfabric_step_ms(b.qts, 99);
    expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, 0xffff0001, "not ready");
    qfabric_step_ms(b.qts, 1);
    expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, ID_EP, "ready");
    bench_close(&b);
}

/*
 * Power Management Events
 */

static uint16_t pmcsr(QFabricFn *fn)
{
    return qfabric_cap_readw(fn, PCI_CAP_ID_PM, PCI_PM_CTRL);
}

static uint32_t root_status(Bench *b)
{
    return qfabric_cap_readl(b->root, PCI_CAP_ID_EXP, PCI_EXP_RTSTA);
}

static uint16_t requester_id(const QFabricFn *fn)
{
    return fn->bus << 8 | fn->devfn;
}

static void sleep_port(QFabricFn *port, uint16_t ctrl, uint16_t sltctl)
{
    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL,
                       PCI_EXP_SLTCTL_PWR_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF |
                       sltctl);
    qfabric_clear_events(port);
    qfabric_cap_writew(port, PCI_CAP_ID_PM, PCI_PM_CTRL,
                       PCI_PM_CTRL_PME_STATUS | ctrl);
}

#define D3HOT   PCI_PM_CTRL_STATE_MASK
#define PME     PCI_PM_CTRL_PME_ENABLE

/* By power state, PME_En, enabled events and PME Interrupt Enable */
static const struct {
    uint16_t ctrl, sltctl;
    bool pmeie;
    bool wakes, message;
} pme_rows[] = {
    { D3HOT | PME, PCI_EXP_SLTCTL_PDCE, true, true, true },
    { D3HOT | PME, PCI_EXP_SLTCTL_ABPE, true, true, true },
    { D3HOT | PME, PCI_EXP_SLTCTL_PDCE, false, true, false },
    { D3HOT | PME, 0, true, false, false },
    { D3HOT, PCI_EXP_SLTCTL_PDCE, true, false, false },
    { PME, PCI_EXP_SLTCTL_PDCE, true, false, false },
};

static void test_pme_row(const Slot *slot, unsigned i)
{
    g_autofree char *why = g_strdup_printf("row %u, PCIe r6.0 sec 6.7.3.4", i);
    uint32_t rtsta;
    Bench b;

    bench_open(&b, slot);
    qfabric_msi_arm(b.root, MSG, MSG_DATA);
    qfabric_cap_writew(b.root, PCI_CAP_ID_EXP, PCI_EXP_RTCTL,
                       pme_rows[i].pmeie ? PCI_EXP_RTCTL_PMEIE : 0);
    sleep_port(b.port, pme_rows[i].ctrl, pme_rows[i].sltctl);
    qfabric_msg_take(b.fab, MSG);
    add_card(&b, slot->id, "hp0");
    qfabric_expect(b.port, "PME Status",
                   pme_rows[i].wakes ? PCI_PM_CTRL_PME_STATUS : 0,
                   pmcsr(b.port) & PCI_PM_CTRL_PME_STATUS, why);
    rtsta = pme_rows[i].wakes ? PCI_EXP_RTSTA_PME | requester_id(b.port) : 0;
    qfabric_expect(b.root, "Root Status", rtsta, root_status(&b), why);
    qfabric_expect(b.root, "message", pme_rows[i].message ? MSG_DATA : 0,
                   qfabric_msg_take(b.fab, MSG), why);
    bench_close(&b);
}

static void test_pme(const void *data)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(pme_rows); i++) {
        test_pme_row(data, i);
    }
}

/* What software does then: clear both; wake the port, find the card */
static void test_pme_served(const void *data)
{
    Bench b;

    bench_open(&b, data);
    qfabric_cap_writew(b.root, PCI_CAP_ID_EXP, PCI_EXP_RTCTL,
                       PCI_EXP_RTCTL_PMEIE);
    sleep_port(b.port, D3HOT | PME, PCI_EXP_SLTCTL_PDCE);
    add_card(&b, b.slot->id, "hp0");
    g_assert_cmphex(root_status(&b) & PCI_EXP_RTSTA_PME, !=, 0);
    qfabric_cap_writel(b.root, PCI_CAP_ID_EXP, PCI_EXP_RTSTA, 0);
    g_assert_cmphex(root_status(&b) & PCI_EXP_RTSTA_PME, !=, 0);
    qfabric_cap_writew(b.port, PCI_CAP_ID_PM, PCI_PM_CTRL,
                       PCI_PM_CTRL_PME_STATUS);
    g_assert_cmphex(pmcsr(b.port), ==, PCI_PM_CTRL_NO_SOFT_RESET);
    qfabric_cap_writel(b.root, PCI_CAP_ID_EXP, PCI_EXP_RTSTA,
                       PCI_EXP_RTSTA_PME);
    g_assert_cmphex(root_status(&b) & PCI_EXP_RTSTA_PME, ==, 0);
    g_assert_cmphex(qfabric_slot_status(b.port) & PCI_EXP_SLTSTA_PDC, !=, 0);
    slot_power(&b, true);
    qfabric_step_ms(b.qts, TRAIN_MS);
    expect_link(&b, "active", PCI_EXP_LNKSTA_DLLLA, ID_EP, "after waking");
    bench_close(&b);
}

static void add(const char *what, const Slot *slot, void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/pcie-fabric/hotplug-link/%s/%s",
                                            slot->name, what);

    qtest_add_data_func(path, slot, fn);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(slots); i++) {
        add("training", &slots[i], test_training);
        add("message", &slots[i], test_message);
        add("unplug-while-training", &slots[i], test_unplug_training);
        add("plug-while-held", &slots[i], test_plug_held);
        add("reset-while-training", &slots[i], test_reset_training);
        add("never-up", &slots[i], test_never_up);
        add("not-ready", &slots[i], test_ready);
        add("pme", &slots[i], test_pme);
        add("pme-served", &slots[i], test_pme_served);
    }
    return g_test_run();
}
