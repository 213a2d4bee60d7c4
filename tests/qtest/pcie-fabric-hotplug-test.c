/*
 * Hot-plug behind pcie-fabric-root-port and pcie-fabric-downstream
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.7 (hot-plug), 7.5.3.9 to 7.5.3.11.  The
 * guest's part is what Linux' pciehp does: clear the events, switch the slot
 * on or off by power control and indicator.
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/pcie-fabric.h"

#define MSG_ADDR        (QFABRIC_SCRATCH + 0x40)
#define MSG_DATA        0x4a5a

#define SLTSTA_EVENTS   (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PFD | \
                         PCI_EXP_SLTSTA_MRLSC | PCI_EXP_SLTSTA_PDC | \
                         PCI_EXP_SLTSTA_CC | PCI_EXP_SLTSTA_DLLSC)

/* rp1 carries the switch; both kinds of slot are empty */
#define DEVICES(opts) \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1" opts " " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp1 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2," \
    "slot=1" opts " "

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
    QFabricFn *port;
} Bench;

static void bench_open(Bench *b, const Slot *slot, const char *devices)
{
    b->qts = qfabric_boot(devices);
    b->fab = qfabric_new(b->qts);
    b->port = qfabric_nth(b->fab, slot->type, 0);
    g_assert_nonnull(b->port);
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

static uint16_t slot_status(QFabricFn *port)
{
    return qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_SLTSTA);
}

static void clear_events(QFabricFn *port)
{
    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_SLTSTA, SLTSTA_EVENTS);
}

/* Changes bits of Slot Control, as a guest that owns the slot does */
static void slot_control(QFabricFn *port, uint16_t clear, uint16_t set)
{
    uint16_t ctl = qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL);

    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL,
                       (ctl & ~clear) | set);
}

static void slot_on(QFabricFn *port)
{
    slot_control(port, PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC,
                 PCI_EXP_SLTCTL_PWR_ON | PCI_EXP_SLTCTL_PWR_IND_ON);
}

static void slot_off(QFabricFn *port)
{
    slot_control(port, PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC,
                 PCI_EXP_SLTCTL_PWR_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF);
}

static void expect_present(QFabricFn *port, bool present, const char *when)
{
    g_autofree char *pds = g_strdup_printf("presence %s", when);
    g_autofree char *dll = g_strdup_printf("DLLLA %s", when);

    qfabric_expect(port, pds, present ? PCI_EXP_SLTSTA_PDS : 0,
                   slot_status(port) & PCI_EXP_SLTSTA_PDS,
                   "PCIe r6.0 sec 7.5.3.11");
    qfabric_expect(port, dll, present ? PCI_EXP_LNKSTA_DLLLA : 0,
                   qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_LNKSTA) &
                   PCI_EXP_LNKSTA_DLLLA, "PCIe r6.0 sec 7.5.3.8");
}

static QFabricFn *plug(Bench *b, const Slot *slot)
{
    qtest_qmp_device_add(b->qts, "pcie-fabric-endpoint", "hp0",
                         "{ 'bus': %s }", slot->id);
    slot_on(b->port);
    qfabric_wait_for_links(b->fab);
    qfabric_enumerate(b->fab);
    return qfabric_child(b->port, 0);
}

/* The endpoint appears, is announced, and works */
static void test_plug(const void *data)
{
    const Slot *slot = data;
    QFabricFn *ep;
    uint16_t sta;
    Bench b;

    bench_open(&b, slot, DEVICES(""));
    expect_present(b.port, false, "of the empty slot");
    clear_events(b.port);
    qfabric_expect(b.port, "slot events of the empty slot", 0,
                   slot_status(b.port) & SLTSTA_EVENTS,
                   "PCIe r6.0 sec 7.5.3.11");

    qtest_qmp_device_add(b.qts, "pcie-fabric-endpoint", "hp0",
                         "{ 'bus': %s }", slot->id);
    sta = slot_status(b.port);
    qfabric_expect(b.port, "an event after device_add", 1,
                   !!(sta & (PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_ABP |
                             PCI_EXP_SLTSTA_DLLSC)),
                   "PCIe r6.0 sec 6.7.3.1");
    qfabric_expect(b.port, "presence detect changed", PCI_EXP_SLTSTA_PDC,
                   sta & PCI_EXP_SLTSTA_PDC, "PCIe r6.0 sec 7.5.3.11");
    clear_events(b.port);
    slot_on(b.port);
    qfabric_wait_for_links(b.fab);
    expect_present(b.port, true, "after device_add");

    qfabric_enumerate(b.fab);
    ep = qfabric_child(b.port, 0);
    g_assert_nonnull(ep);
    qfabric_expect(ep, "device ID", QFABRIC_DEVICE_EP, ep->device, "docs");
    g_assert_cmphex(ep->bar[2].addr, !=, 0);
    qtest_writel(b.qts, ep->bar[2].addr, 0xfeedface);
    qfabric_expect(ep, "word in BAR 2", 0xfeedface,
                   qtest_readl(b.qts, ep->bar[2].addr), "docs");
    bench_close(&b);
}

/* device_del asks; the endpoint goes when the guest switches the slot off */
static void test_unplug(const void *data)
{
    const Slot *slot = data;
    QFabricFn *ep;
    Bench b;

    bench_open(&b, slot, DEVICES(""));
    ep = plug(&b, slot);
    g_assert_nonnull(ep);
    clear_events(b.port);

    qtest_qmp_device_del_send(b.qts, "hp0");
    qfabric_expect(b.port, "attention button after device_del",
                   PCI_EXP_SLTSTA_ABP, slot_status(b.port) &
                   PCI_EXP_SLTSTA_ABP, "PCIe r6.0 sec 6.7.1.5");
    expect_present(b.port, true, "before the guest agrees");
    qfabric_expect(ep, "vendor ID before the guest agrees", QFABRIC_VENDOR,
                   qfabric_readw(ep, PCI_VENDOR_ID), "PCIe r6.0 sec 6.7");

    clear_events(b.port);
    slot_off(b.port);
    qtest_qmp_eventwait(b.qts, "DEVICE_DELETED");
    expect_present(b.port, false, "after the guest switched the slot off");
    qfabric_expect(ep, "vendor ID of the empty slot", 0xffff,
                   qfabric_readw(ep, PCI_VENDOR_ID), "PCIe r6.0 sec 2.3.1");
    qfabric_scan(b.fab, NULL);
    g_assert_null(qfabric_child(b.port, 0));

    /* The slot can be used again */
    ep = plug(&b, slot);
    g_assert_nonnull(ep);
    expect_present(b.port, true, "after a second device_add");
    bench_close(&b);
}

/* sec 6.7.3.1: an event whose enable and HPIE are set sends a message */
static void test_message(const void *data)
{
    const Slot *slot = data;
    Bench b;

    bench_open(&b, slot, DEVICES(""));
    clear_events(b.port);
    qfabric_msi_arm(b.port, MSG_ADDR, MSG_DATA);
    slot_control(b.port, 0, PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_PDCE);
    clear_events(b.port);
    qfabric_msg_take(b.fab, MSG_ADDR);

    qtest_qmp_device_add(b.qts, "pcie-fabric-endpoint", "hp0",
                         "{ 'bus': %s }", slot->id);
    qfabric_expect(b.port, "message of the hot-plug event", MSG_DATA,
                   qfabric_msg_take(b.fab, MSG_ADDR),
                   "PCIe r6.0 sec 6.7.3.1");
    bench_close(&b);
}

static void test_no_message(const void *data)
{
    const Slot *slot = data;
    Bench b;

    bench_open(&b, slot, DEVICES(""));
    clear_events(b.port);
    qfabric_msi_arm(b.port, MSG_ADDR, MSG_DATA);
    slot_control(b.port, PCI_EXP_SLTCTL_HPIE, PCI_EXP_SLTCTL_PDCE);
    clear_events(b.port);
    qfabric_msg_take(b.fab, MSG_ADDR);

    qtest_qmp_device_add(b.qts, "pcie-fabric-endpoint", "hp0",
                         "{ 'bus': %s }", slot->id);
    qfabric_expect(b.port, "message without HPIE", 0,
                   qfabric_msg_take(b.fab, MSG_ADDR),
                   "PCIe r6.0 sec 6.7.3.1");
    bench_close(&b);
}

/* The text of the error, which must be there */
static char *device_add_error(QTestState *qts, const char *driver,
                              const char *bus)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'device_add', 'arguments': {"
                           " 'driver': %s, 'id': 'hp0', 'bus': %s } }",
                           driver, bus);
    char *text;

    g_assert_true(qdict_haskey(rsp, "error"));
    text = g_strdup(qdict_get_str(qdict_get_qdict(rsp, "error"), "desc"));
    qobject_unref(rsp);
    return text;
}

/* hotplug=off: no hot-plug capability, and device_add says so */
static void test_no_hotplug(const void *data)
{
    const Slot *slot = data;
    g_autofree char *text = NULL;
    Bench b;

    bench_open(&b, slot, DEVICES(",hotplug=off"));
    qfabric_expect(b.port, "SltCap hot-plug capable", 0,
                   qfabric_cap_readl(b.port, PCI_CAP_ID_EXP,
                                     PCI_EXP_SLTCAP) & PCI_EXP_SLTCAP_HPC,
                   "property hotplug");
    text = device_add_error(b.qts, "pcie-fabric-endpoint", slot->id);
    g_test_message("device_add: %s", text);
    g_assert_nonnull(strstr(text, "hotplug"));
    expect_present(b.port, false, "after the refused device_add");
    bench_close(&b);
}

/*
 * Only leaves are hot-plugged.  A switch would need its downstream ports at
 * the same moment, and device_add adds one device at a time; the bus inside a
 * switch has no hot-plug controller (sec 6.7: slots belong to links).
 */
static void test_port_on_switch_bus(void)
{
    g_autofree char *text = NULL;
    Bench b;

    bench_open(&b, &slots[0], DEVICES(""));
    text = device_add_error(b.qts, "pcie-fabric-downstream", "us0");
    g_test_message("device_add: %s", text);
    g_assert_nonnull(strstr(text, "hotplug"));
    bench_close(&b);
}

static void add(const char *what, const Slot *slot, void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/pcie-fabric/hotplug/%s/%s",
                                            slot->name, what);

    qtest_add_data_func(path, slot, fn);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(slots); i++) {
        add("device-add", &slots[i], test_plug);
        add("device-del", &slots[i], test_unplug);
        add("message", &slots[i], test_message);
        add("no-message-when-disabled", &slots[i], test_no_message);
        add("hotplug-off-is-refused", &slots[i], test_no_hotplug);
    }
    qtest_add_func("/pcie-fabric/hotplug/switch-bus-is-refused",
                   test_port_on_switch_bus);
    return g_test_run();
}
