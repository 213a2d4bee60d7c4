/*
 * Links that go down and come back; readiness; the reset audit
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The expectations are those of PCIe r6.0 sec 6.6.1 (resets), 2.3.2 (RRS), 6.7.3
 * (slot events) and 7.5.3 (registers), by trigger and by place: Secondary Bus
 * Reset in a root, an upstream and a downstream port, Link Disable, and a link
 * that is lost. Time is the virtual clock, which only the test moves.
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qemu/bitops.h"
#include "qemu/cutils.h"
#include "libqos/pcie-fabric-endpoint.h"

#define MS 1000000ll
#define MSG (QFABRIC_SCRATCH + 0x100)
#define MSG_DATA 0x4711

/* Times that no test confuses: the second level trains slower. */
#define DEVICES(ep) \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1,port=1 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,slot=1," \
    "port=1,link-up-ms=20 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2,slot=2," \
    "port=2 " \
    "-device pcie-fabric-endpoint,id=ep0,bus=ds0" ep " " \
    "-device pcie-fabric-endpoint,id=ep1,bus=ds1 "

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *rp, *us, *ds0, *ds1, *ep0, *ep1;
} Bench;

static void bench_open_with(Bench *b, const char *devices)
{
    b->qts = qfabric_boot(devices);
    b->fab = qfabric_new(b->qts);
    b->rp = qfabric_nth(b->fab, PCI_EXP_TYPE_ROOT_PORT, 0);
    b->us = qfabric_nth(b->fab, PCI_EXP_TYPE_UPSTREAM, 0);
    b->ds0 = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, 0);
    b->ds1 = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, 1);
    b->ep0 = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 0);
    b->ep1 = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 1);
}

static void bench_open(Bench *b)
{
    bench_open_with(b, DEVICES(""));
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

static void wait_ms(Bench *b, int64_t ms)
{
    qtest_clock_step(b->qts, ms * MS);
}

static void set_sbr(QFabricFn *port, bool on)
{
    uint16_t ctl = qfabric_readw(port, PCI_BRIDGE_CONTROL);

    qfabric_writew(port, PCI_BRIDGE_CONTROL,
                   on ? ctl | PCI_BRIDGE_CTL_BUS_RESET :
                        ctl & ~PCI_BRIDGE_CTL_BUS_RESET);
}

static void set_disable(QFabricFn *port, bool on)
{
    uint16_t ctl = qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL);

    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL,
                       on ? ctl | PCI_EXP_LNKCTL_LD : ctl & ~PCI_EXP_LNKCTL_LD);
}

static uint16_t lnksta(QFabricFn *port)
{
    return qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_LNKSTA);
}

static uint16_t sltsta(QFabricFn *port)
{
    return qfabric_cap_readw(port, PCI_CAP_ID_EXP, PCI_EXP_SLTSTA);
}

static void clear_events(QFabricFn *port)
{
    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_SLTSTA, 0x11f);
    qfabric_cap_writew(port, PCI_CAP_ID_EXP, PCI_EXP_LNKSTA, 0xc000);
}

static void expect_link(QFabricFn *port, bool active, bool training,
                        const char *when)
{
    g_autofree char *what = g_strdup_printf("DLLLA and LT %s", when);

    qfabric_expect(port, what, (active ? PCI_EXP_LNKSTA_DLLLA : 0) |
                               (training ? PCI_EXP_LNKSTA_LT : 0),
                   lnksta(port) & (PCI_EXP_LNKSTA_DLLLA | PCI_EXP_LNKSTA_LT),
                   "PCIe r6.0 sec 7.5.3.8");
}

static void expect_events(QFabricFn *port, uint16_t events, const char *when)
{
    g_autofree char *what = g_strdup_printf("DLLSC and PDC %s", when);

    qfabric_expect(port, what, events,
                   sltsta(port) & (PCI_EXP_SLTSTA_DLLSC | PCI_EXP_SLTSTA_PDC),
                   "PCIe r6.0 sec 7.5.3.11");
}

/* Vendor and Device ID as a read finds them without knowing the link */
static uint32_t id_of(QFabricFn *fn)
{
    return qfabric_readl(fn, PCI_VENDOR_ID);
}

#define ID_EP (QFABRIC_DEVICE_EP << 16 | QFABRIC_VENDOR)

static const char *state_of(Bench *b, const char *port)
{
    static char state[32];
    QDict *rsp = qtest_qmp(b->qts, "{ 'execute': 'query-pcie-fabric-links' }");
    QListEntry *e;

    state[0] = '\0';
    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (!strcmp(qdict_get_str(d, "device"), port)) {
            pstrcpy(state, sizeof(state), qdict_get_str(d, "state"));
        }
    }
    qobject_unref(rsp);
    return state;
}

static void set_ms(Bench *b, const char *device, const char *name, int ms)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", device);
    QDict *rsp = qtest_qmp(b->qts, "{ 'execute': 'qom-set', 'arguments': { "
                           "'path': %s, 'property': %s, 'value': %d } }",
                           path, name, ms);

    g_assert_true(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
}

/*
 * Links
 */

/* Triggers of a port with a link: hold it, and let it go again */
typedef struct Trigger {
    const char *name;
    void (*set)(QFabricFn *port, bool on);
    const char *state;
} Trigger;

static const Trigger triggers[] = {
    { "secondary-bus-reset", set_sbr, "hot-reset" },
    { "link-disable", set_disable, "disabled" },
};

/* sec 6.6.1, table of what a port does: down, held, training, up */
static void test_root_port(const void *data)
{
    const Trigger *t = data;
    Bench b;

    bench_open(&b);
    clear_events(b.rp);
    expect_link(b.rp, true, false, "at first");
    t->set(b.rp, true);
    expect_link(b.rp, false, false, "while it is held");
    expect_events(b.rp, PCI_EXP_SLTSTA_DLLSC, "while it is held");
    g_assert_cmpstr(state_of(&b, "rp0"), ==, t->state);
    g_assert_cmpstr(state_of(&b, "us0"), ==, "hot-reset");
    g_assert_cmpstr(state_of(&b, "ds0"), ==, "hot-reset");
    g_assert_cmphex(id_of(b.us), ==, UINT32_MAX);
    g_assert_cmphex(id_of(b.ep0), ==, UINT32_MAX);
    /* However long it takes */
    wait_ms(&b, 1000);
    g_assert_cmphex(id_of(b.us), ==, UINT32_MAX);
    clear_events(b.rp);
    t->set(b.rp, false);
    expect_link(b.rp, false, true, "once it is released");
    g_assert_cmphex(id_of(b.us), ==, UINT32_MAX);
    wait_ms(&b, 9);
    expect_link(b.rp, false, true, "after 9 ms");
    wait_ms(&b, 1);
    expect_link(b.rp, true, false, "after 10 ms");
    expect_events(b.rp, PCI_EXP_SLTSTA_DLLSC, "after 10 ms");
    g_assert_cmpstr(state_of(&b, "ds1"), ==, "training");
    g_assert_cmpstr(state_of(&b, "ds0"), ==, "training");
    wait_ms(&b, 10);
    g_assert_cmpstr(state_of(&b, "ds1"), ==, "active");
    g_assert_cmpstr(state_of(&b, "ds0"), ==, "training");
    wait_ms(&b, 10);
    g_assert_cmpstr(state_of(&b, "ds0"), ==, "active");
    qfabric_enumerate(b.fab);
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    bench_close(&b);
}

static void test_downstream_port(const void *data)
{
    const Trigger *t = data;
    uint32_t busnr;
    Bench b;

    bench_open(&b);
    clear_events(b.ds0);
    busnr = qfabric_readl(b.ds0, PCI_PRIMARY_BUS);
    t->set(b.ds0, true);
    qfabric_expect(b.ds0, "bus numbers of the port itself", busnr,
                   qfabric_readl(b.ds0, PCI_PRIMARY_BUS),
                   "PCIe r6.0 sec 7.5.1.3");
    g_assert_cmphex(id_of(b.ep0), ==, UINT32_MAX);
    qfabric_writew(b.ep0, PCI_COMMAND, 6);
    g_assert_cmphex(id_of(b.ep1), ==, ID_EP);
    g_assert_cmpstr(state_of(&b, "ds1"), ==, "active");
    expect_link(b.rp, true, false, "above");
    t->set(b.ds0, false);
    wait_ms(&b, 19);
    g_assert_cmphex(id_of(b.ep0), ==, UINT32_MAX);
    wait_ms(&b, 1);
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    qfabric_expect(b.ep0, "Command, written while the link was down", 0,
                   qfabric_readw(b.ep0, PCI_COMMAND), "PCIe r6.0 sec 6.6.1");
    bench_close(&b);
}

/* SBR in an upstream port resets its downstream ports, and what is below. */
static void test_upstream_port(void)
{
    Bench b;

    bench_open(&b);
    clear_events(b.rp);
    set_sbr(b.us, true);
    g_assert_cmphex(id_of(b.ds0), ==, UINT32_MAX);
    expect_link(b.rp, true, false, "above");
    expect_events(b.rp, 0, "above");
    g_assert_cmpstr(state_of(&b, "us0"), ==, "hot-reset");
    set_sbr(b.us, false);
    g_assert_cmpstr(state_of(&b, "us0"), ==, "active");
    qfabric_expect(b.ds0, "secondary bus number", 0,
                   qfabric_readb(b.ds0, PCI_SECONDARY_BUS),
                   "PCIe r6.0 sec 6.6.1");
    g_assert_cmpstr(state_of(&b, "ds0"), ==, "training");
    wait_ms(&b, 20);
    expect_link(b.ds0, true, false, "after 20 ms");
    expect_events(b.ds0, PCI_EXP_SLTSTA_DLLSC, "of a port that was reset");
    bench_close(&b);
}

/* sec 6.7.3.4: the interrupt needs HPIE and DLLSCE, which is not DLLSC's bit. */
static void test_interrupt(void)
{
    static const struct {
        uint16_t sltctl;
        bool message;
    } rows[] = {
        { 0, false },
        { PCI_EXP_SLTCTL_HPIE, false },
        { PCI_EXP_SLTCTL_DLLSCE, false },
        { PCI_EXP_SLTCTL_HPIE | 0x0100, false },
        { PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE, true },
    };
    unsigned i;
    Bench b;

    bench_open(&b);
    qfabric_msi_arm(b.rp, MSG, MSG_DATA);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        clear_events(b.rp);
        qfabric_cap_writew(b.rp, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL,
                           rows[i].sltctl);
        clear_events(b.rp);
        qfabric_msg_take(b.fab, MSG);
        set_sbr(b.rp, true);
        qfabric_expect(b.rp, "message when the link goes down",
                       rows[i].message ? MSG_DATA : 0,
                       qfabric_msg_take(b.fab, MSG), "PCIe r6.0 sec 6.7.3.4");
        clear_events(b.rp);
        set_sbr(b.rp, false);
        wait_ms(&b, 10);
        qfabric_expect(b.rp, "message when it comes back",
                       rows[i].message ? MSG_DATA : 0,
                       qfabric_msg_take(b.fab, MSG), "PCIe r6.0 sec 6.7.3.4");
    }
    bench_close(&b);
}

/* sec 7.5.3.7, 7.5.3.8: Retrain Link reads 0, LT for a while, then LBMS */
static void test_retrain(void)
{
    Bench b;

    bench_open(&b);
    clear_events(b.rp);
    qfabric_cap_writew(b.rp, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL,
                       PCI_EXP_LNKCTL_RL);
    qfabric_expect(b.rp, "Retrain Link", 0,
                   qfabric_cap_readw(b.rp, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL) &
                   PCI_EXP_LNKCTL_RL, "PCIe r6.0 sec 7.5.3.7");
    expect_link(b.rp, true, true, "while it retrains");
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    wait_ms(&b, 10);
    expect_link(b.rp, true, false, "afterwards");
    g_assert_cmphex(lnksta(b.rp) & PCI_EXP_LNKSTA_LBMS, !=, 0);
    expect_events(b.rp, 0, "of a link that stayed up");
    clear_events(b.rp);
    g_assert_cmphex(lnksta(b.rp) & PCI_EXP_LNKSTA_LBMS, ==, 0);
    bench_close(&b);
}

static void test_never_up(void)
{
    Bench b;

    bench_open(&b);
    set_ms(&b, "ds0", "link-up-ms", -1);
    set_sbr(b.ds0, true);
    set_sbr(b.ds0, false);
    wait_ms(&b, 100000);
    expect_link(b.ds0, false, true, "for ever");
    g_assert_cmphex(id_of(b.ep0), ==, UINT32_MAX);
    set_ms(&b, "ds0", "link-up-ms", 5);
    qfabric_cap_writew(b.ds0, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL,
                       PCI_EXP_LNKCTL_RL);
    wait_ms(&b, 5);
    expect_link(b.ds0, true, false, "after Retrain Link");
    bench_close(&b);
}

/* sec 3.2.1: lost once more after it has come up, once a reset */
static void test_loss(void)
{
    Bench b;

    bench_open(&b);
    set_ms(&b, "ds0", "link-loss-ms", 50);
    set_sbr(b.ds0, true);
    set_sbr(b.ds0, false);
    wait_ms(&b, 69);
    expect_link(b.ds0, true, false, "before it is lost");
    clear_events(b.ds0);
    wait_ms(&b, 1);
    expect_link(b.ds0, false, true, "when it is lost");
    expect_events(b.ds0, PCI_EXP_SLTSTA_DLLSC, "when it is lost");
    wait_ms(&b, 20);
    expect_link(b.ds0, true, false, "again");
    wait_ms(&b, 1000);
    expect_link(b.ds0, true, false, "for good");
    bench_close(&b);
}

static void lose(Bench *b, const char *port)
{
    QDict *rsp = qtest_qmp(b->qts, "{ 'execute': 'pcie-fabric-link-lose', "
                           "'arguments': { 'device': %s } }", port);

    g_assert_true(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
}

/* sec 3.2.1: an error unless the slot expects surprises */
static void test_surprise_down(void)
{
    static const bool hotplug[] = { false, true };
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(hotplug); i++) {
        g_autofree char *devices = g_strdup_printf(
            "-device pcie-fabric-root-port,id=rp0,chassis=1,slot=1,hotplug=%s "
            "-device pcie-fabric-endpoint,id=ep0,bus=rp0 ",
            hotplug[i] ? "on" : "off");
        Bench b;

        bench_open_with(&b, devices);
        lose(&b, "rp0");
        qfabric_expect(b.rp, "Surprise Down",
                       hotplug[i] ? 0 : PCI_ERR_UNC_SURPDN,
                       qfabric_ext_readl(b.rp, PCI_EXT_CAP_ID_ERR,
                                         PCI_ERR_UNCOR_STATUS) &
                       PCI_ERR_UNC_SURPDN, "PCIe r6.0 sec 3.2.1");
        bench_close(&b);
    }
}

static void test_in_band_presence(void)
{
    Bench b;

    bench_open_with(&b, "-device pcie-fabric-root-port,id=rp0,chassis=1,slot=1,"
                    "in-band-presence=on "
                    "-device pcie-fabric-endpoint,id=ep0,bus=rp0 ");
    clear_events(b.rp);
    set_sbr(b.rp, true);
    expect_events(b.rp, PCI_EXP_SLTSTA_DLLSC | PCI_EXP_SLTSTA_PDC, "in band");
    g_assert_cmphex(sltsta(b.rp) & PCI_EXP_SLTSTA_PDS, ==, 0);
    set_sbr(b.rp, false);
    wait_ms(&b, 10);
    g_assert_cmphex(sltsta(b.rp) & PCI_EXP_SLTSTA_PDS, !=, 0);
    bench_close(&b);
}

/*
 * Readiness
 */

static void enable_rrs_sv(Bench *b, bool on)
{
    qfabric_cap_writew(b->rp, PCI_CAP_ID_EXP, PCI_EXP_RTCTL,
                       on ? PCI_EXP_RTCTL_RRS_SVE : 0);
}

static void slow_reset(Bench *b)
{
    set_sbr(b->ds0, true);
    set_sbr(b->ds0, false);
    wait_ms(b, 20);
}

/* sec 2.3.2: by offset and width of the read */
static void test_rrs(const void *data)
{
    static const struct {
        unsigned off, width;
        uint32_t visible;
    } rows[] = {
        { 0, 4, 0xffff0001 }, { 0, 2, 0x0001 }, { 0, 1, 0xff },
        { 1, 1, 0xff }, { 2, 2, 0xffff }, { 4, 4, UINT32_MAX },
        { 0x10, 4, UINT32_MAX }, { 0x100, 4, UINT32_MAX },
    };
    bool visible = data != NULL;
    unsigned i;
    Bench b;

    bench_open_with(&b, DEVICES(",reset-ready-ms=300"));
    enable_rrs_sv(&b, visible);
    slow_reset(&b);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t ones = MAKE_64BIT_MASK(0, rows[i].width * 8);

        g_assert_cmphex(qfabric_read(b.ep0, rows[i].off, rows[i].width), ==,
                        visible ? rows[i].visible : ones);
    }
    qfabric_writel(b.ep0, PCI_BASE_ADDRESS_0, 0x12340000);
    wait_ms(&b, 299);
    g_assert_cmphex(qfabric_readw(b.ep0, 0), ==, visible ? 1 : 0xffff);
    wait_ms(&b, 1);
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    g_assert_cmphex(qfabric_readl(b.ep0, PCI_BASE_ADDRESS_0), ==, 0);
    bench_close(&b);
}

static void test_rrs_capability(void)
{
    Bench b;

    bench_open_with(&b, "-device pcie-fabric-root-port,id=rp0,chassis=1,slot=1,"
                    "rrs-sv=off "
                    "-device pcie-fabric-endpoint,id=ep0,bus=rp0 ");
    g_assert_cmphex(qfabric_cap_readw(b.rp, PCI_CAP_ID_EXP, PCI_EXP_RTCAP), ==,
                    0);
    enable_rrs_sv(&b, true);
    g_assert_cmphex(qfabric_cap_readw(b.rp, PCI_CAP_ID_EXP, PCI_EXP_RTCTL) &
                    PCI_EXP_RTCTL_RRS_SVE, ==, 0);
    bench_close(&b);
}

/* The port's time is for whatever is below it; the later of two counts. */
static void test_never_ready(void)
{
    Bench b;

    bench_open_with(&b, DEVICES(",reset-ready-ms=100"));
    enable_rrs_sv(&b, true);
    set_ms(&b, "ds0", "reset-ready-ms", -1);
    slow_reset(&b);
    wait_ms(&b, 3600000);
    g_assert_cmphex(qfabric_readw(b.ep0, 0), ==, 1);
    bench_close(&b);
}

/* sec 6.6.2: only the Function itself, and its link stays up */
static void test_flr(void)
{
    Bench b;

    bench_open_with(&b, DEVICES(",flr-ready-ms=70"));
    enable_rrs_sv(&b, true);
    qfabric_flr(b.ep0);
    expect_link(b.ds0, true, false, "during an FLR");
    g_assert_cmphex(qfabric_readw(b.ep0, 0), ==, 1);
    wait_ms(&b, 70);
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    g_assert_cmphex(id_of(b.ep1), ==, ID_EP);
    bench_close(&b);
}

/* Somebody has changed the card meanwhile. */
static void test_another_card(void)
{
    Bench b;

    bench_open_with(&b, DEVICES(",reset-device-id=0x10fe,reset-sn=99"));
    qfabric_flr(b.ep0);
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    slow_reset(&b);
    g_assert_cmphex(id_of(b.ep0), ==, 0x10fe << 16 | QFABRIC_VENDOR);
    g_assert_cmphex(qfabric_ext_readl(b.ep0, PCI_EXT_CAP_ID_DSN, 4), ==, 99);
    bench_close(&b);
}

/*
 * Audit
 */

static QDict *audit(Bench *b)
{
    QDict *rsp = qtest_qmp(b->qts, "{ 'execute': 'query-pcie-fabric-audit' }");
    QDict *ret = qdict_get_qdict(rsp, "return");

    qobject_ref(ret);
    qobject_unref(rsp);
    return ret;
}

static void audit_clear(Bench *b)
{
    qobject_unref(qtest_qmp(b->qts,
                            "{ 'execute': 'pcie-fabric-audit-clear' }"));
}

/* How often @kind was found of @device; 0 if it was not */
static int64_t found(Bench *b, const char *kind, const char *device)
{
    QDict *a = audit(b);
    int64_t count = 0;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(a, "findings"), e) {
        QDict *f = qobject_to(QDict, qlist_entry_obj(e));

        if (!strcmp(qdict_get_str(f, "kind"), kind) &&
            !strcmp(qdict_get_str(f, "device"), device)) {
            count += qdict_get_int(f, "count");
        }
    }
    qobject_unref(a);
    return count;
}

static size_t findings(Bench *b)
{
    QDict *a = audit(b);
    size_t n = qlist_size(qdict_get_qlist(a, "findings"));

    qobject_unref(a);
    return n;
}

static void audit_open(Bench *b, const char *devices)
{
    bench_open_with(b, devices);
    enable_rrs_sv(b, true);
    audit_clear(b);
}

/* What a kernel that does everything right does */
static void test_audit_clean(void)
{
    Bench b;

    audit_open(&b, DEVICES(",reset-ready-ms=300"));
    set_sbr(b.rp, true);
    wait_ms(&b, 2);
    set_sbr(b.rp, false);
    wait_ms(&b, 10 + 100);
    qfabric_enumerate(b.fab);
    wait_ms(&b, 500);
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    qfabric_enumerate(b.fab);
    audit_clear(&b);
    set_sbr(b.ds0, true);
    wait_ms(&b, 2);
    set_sbr(b.ds0, false);
    wait_ms(&b, 20 + 100);
    g_assert_cmphex(qfabric_readl(b.ep0, 0), ==, 0xffff0001);
    wait_ms(&b, 300);
    g_assert_cmphex(id_of(b.ep0), ==, ID_EP);
    qfabric_enumerate(b.fab);
    wait_ms(&b, 2000);
    g_assert_cmpint(found(&b, "config-link-down", "ep0"), ==, 0);
    g_assert_cmpint(found(&b, "config-too-early", "ep0"), ==, 0);
    g_assert_cmpint(found(&b, "config-not-ready", "ep0"), ==, 0);
    g_assert_cmpint(found(&b, "reset-overlap", "ds0"), ==, 0);
    bench_close(&b);
}

static void test_audit_link_down(void)
{
    Bench b;

    audit_open(&b, DEVICES(""));
    set_sbr(b.ds0, true);
    id_of(b.ep0);
    id_of(b.ep0);
    qfabric_writew(b.ep0, PCI_COMMAND, 6);
    g_assert_cmpint(found(&b, "config-link-down", "ep0"), ==, 3);
    g_assert_cmpint(findings(&b), ==, 1);
    /* Another reset, another finding */
    set_sbr(b.ds0, false);
    wait_ms(&b, 200);
    set_sbr(b.ds0, true);
    id_of(b.ep0);
    g_assert_cmpint(found(&b, "config-link-down", "ep0"), ==, 4);
    g_assert_cmpint(findings(&b), ==, 2);
    bench_close(&b);
}

/* sec 6.6.1: 100 ms from the end of training, or of the reset up to 5 GT/s */
static void test_audit_too_early(const void *data)
{
    bool slow = data != NULL;
    g_autofree char *devices = g_strdup_printf(
        "-device pcie-fabric-root-port,id=rp0,chassis=1,slot=1,link-up-ms=50,"
        "x-speed=%s -device pcie-fabric-endpoint,id=ep0,bus=rp0 ",
        slow ? "5" : "16");
    Bench b;

    audit_open(&b, devices);
    set_sbr(b.rp, true);
    set_sbr(b.rp, false);
    wait_ms(&b, slow ? 99 : 149);
    id_of(b.ep0);
    g_assert_cmpint(found(&b, "config-too-early", "ep0"), ==, 1);
    audit_clear(&b);
    wait_ms(&b, 1);
    id_of(b.ep0);
    g_assert_cmpint(found(&b, "config-too-early", "ep0"), ==, 0);
    bench_close(&b);
}

static void test_audit_too_early_flr(void)
{
    Bench b;

    audit_open(&b, DEVICES(""));
    qfabric_flr(b.ep0);
    audit_clear(&b);
    wait_ms(&b, 98);
    id_of(b.ep0);
    g_assert_cmpint(found(&b, "config-too-early", "ep0"), ==, 1);
    audit_clear(&b);
    wait_ms(&b, 2);
    id_of(b.ep0);
    g_assert_cmpint(findings(&b), ==, 0);
    bench_close(&b);
}

static void test_audit_not_ready(void)
{
    Bench b;

    audit_open(&b, DEVICES(",reset-ready-ms=500"));
    slow_reset(&b);
    wait_ms(&b, 100);
    qfabric_readl(b.ep0, PCI_VENDOR_ID);
    qfabric_readw(b.ep0, PCI_VENDOR_ID);
    g_assert_cmpint(findings(&b), ==, 0);
    qfabric_readl(b.ep0, PCI_COMMAND);
    qfabric_writew(b.ep0, PCI_COMMAND, 0);
    qfabric_readb(b.ep0, PCI_VENDOR_ID);
    g_assert_cmpint(found(&b, "config-not-ready", "ep0"), ==, 3);
    audit_clear(&b);
    /* Without software visibility it cannot know. */
    enable_rrs_sv(&b, false);
    qfabric_readl(b.ep0, PCI_COMMAND);
    g_assert_cmpint(findings(&b), ==, 0);
    bench_close(&b);
}

static void test_audit_overlap(void)
{
    Bench b;

    audit_open(&b, DEVICES(""));
    set_sbr(b.ds0, true);
    g_assert_cmpint(findings(&b), ==, 0);
    set_disable(b.ds0, true);
    g_assert_cmpint(found(&b, "reset-overlap", "ds0"), ==, 1);
    audit_clear(&b);
    set_disable(b.ds0, false);
    set_sbr(b.ds0, false);
    /* It trains; then one from above comes */
    set_sbr(b.us, true);
    g_assert_cmpint(found(&b, "reset-overlap", "us0"), ==, 1);
    bench_close(&b);
}

static void test_audit_in_flight(void)
{
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, QFABRIC_SCRATCH + 4, 1,
                                    0);
    QFabricEp *ep;
    Bench b;

    audit_open(&b, DEVICES(""));
    qfabric_cap_writew(b.ep0, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_REQ);
    ep = qfabric_ep_new(b.ep0);
    /* Misaligned, hence malformed: no completion comes. */
    qfabric_ep_issue(ep, &req);
    g_assert_cmphex(qfabric_cap_readw(b.ep0, PCI_CAP_ID_EXP, PCI_EXP_DEVSTA) &
                    PCI_EXP_DEVSTA_TRPND, !=, 0);
    set_sbr(b.ds0, true);
    g_assert_cmpint(found(&b, "reset-dma-in-flight", "ep0"), ==, 1);
    set_sbr(b.ds0, false);
    wait_ms(&b, 200);
    g_assert_cmphex(qfabric_cap_readw(b.ep0, PCI_CAP_ID_EXP, PCI_EXP_DEVSTA) &
                    PCI_EXP_DEVSTA_TRPND, ==, 0);
    audit_clear(&b);
    set_sbr(b.ds0, true);
    g_assert_cmpint(findings(&b), ==, 0);
    qfabric_ep_free(ep);
    bench_close(&b);
}

static void test_audit_restore(void)
{
    uint32_t bar;
    Bench b;

    audit_open(&b, DEVICES(""));
    bar = qfabric_readl(b.ep0, PCI_BASE_ADDRESS_0);
    slow_reset(&b);
    wait_ms(&b, 100);
    id_of(b.ep0);
    wait_ms(&b, 999);
    g_assert_cmpint(findings(&b), ==, 0);
    wait_ms(&b, 1);
    g_assert_cmpint(found(&b, "restore-lost", "ep0"), ==, 1);
    /* What is restored in time is not lost: all that can be written */
    qfabric_enumerate(b.fab);
    g_assert_cmphex(qfabric_readl(b.ep0, PCI_BASE_ADDRESS_0), ==, bar);
    audit_clear(&b);
    slow_reset(&b);
    wait_ms(&b, 100);
    qfabric_enumerate(b.fab);
    wait_ms(&b, 2000);
    g_assert_cmpint(found(&b, "restore-lost", "ep0"), ==, 0);
    bench_close(&b);
}

static void test_audit_off(void)
{
    Bench b;

    bench_open_with(&b, "-device pcie-fabric-root-port,id=rp0,chassis=1,slot=1,"
                    "audit=off "
                    "-device pcie-fabric-endpoint,id=ep0,bus=rp0 ");
    set_sbr(b.rp, true);
    id_of(b.ep0);
    set_disable(b.rp, true);
    g_assert_cmpint(findings(&b), ==, 0);
    bench_close(&b);
}

/* 256 are kept, the others counted */
static void test_audit_bound(void)
{
    QDict *a;
    int i;
    Bench b;

    audit_open(&b, DEVICES(""));
    for (i = 0; i < 300; i++) {
        set_sbr(b.ds0, true);
        id_of(b.ep0);
        set_sbr(b.ds0, false);
        wait_ms(&b, 200);
    }
    a = audit(&b);
    g_assert_cmpint(qlist_size(qdict_get_qlist(a, "findings")), ==, 256);
    g_assert_cmpint(qdict_get_int(a, "dropped"), ==, 300 - 256);
    qobject_unref(a);
    bench_close(&b);
}

static void test_audit_event(void)
{
    QDict *event;
    Bench b;

    audit_open(&b, DEVICES(""));
    set_sbr(b.ds0, true);
    qfabric_writew(b.ep0, PCI_COMMAND, 0x0406);
    event = qtest_qmp_eventwait_ref(b.qts, "PCIE_FABRIC_AUDIT");
    event = qdict_get_qdict(qdict_get_qdict(event, "data"), "finding");
    g_assert_cmpstr(qdict_get_str(event, "kind"), ==, "config-link-down");
    g_assert_cmpstr(qdict_get_str(event, "device"), ==, "ep0");
    g_assert_cmpstr(qdict_get_str(event, "port"), ==, "ds0");
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(event, "access"), "offset"),
                    ==, PCI_COMMAND);
    g_assert_cmpint(qdict_get_int(qdict_get_qdict(event, "access"), "value"),
                    ==, 0x0406);
    bench_close(&b);
}

#define ADD(path, fn) qtest_add_func("/pcie-fabric/hot-reset/" path, fn)
#define ADD_DATA(path, fn, data) \
    qtest_add_data_func("/pcie-fabric/hot-reset/" path, data, fn)

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(triggers); i++) {
        g_autofree char *rp = g_strdup_printf(
            "/pcie-fabric/hot-reset/root-port/%s", triggers[i].name);
        g_autofree char *dsp = g_strdup_printf(
            "/pcie-fabric/hot-reset/downstream-port/%s", triggers[i].name);

        qtest_add_data_func(rp, &triggers[i], test_root_port);
        qtest_add_data_func(dsp, &triggers[i], test_downstream_port);
    }
    ADD("upstream-port", test_upstream_port);
    ADD("interrupt", test_interrupt);
    ADD("retrain", test_retrain);
    ADD("link-never-up", test_never_up);
    ADD("link-lost-again", test_loss);
    ADD("surprise-down", test_surprise_down);
    ADD("in-band-presence", test_in_band_presence);
    ADD_DATA("rrs/hidden", test_rrs, NULL);
    ADD_DATA("rrs/visible", test_rrs, "visible");
    ADD("rrs/not-capable", test_rrs_capability);
    ADD("rrs/never-ready", test_never_ready);
    ADD("flr", test_flr);
    ADD("another-card", test_another_card);
    ADD("audit/clean", test_audit_clean);
    ADD("audit/config-link-down", test_audit_link_down);
    ADD_DATA("audit/config-too-early/fast", test_audit_too_early, NULL);
    ADD_DATA("audit/config-too-early/slow", test_audit_too_early, "slow");
    ADD("audit/config-too-early/flr", test_audit_too_early_flr);
    ADD("audit/config-not-ready", test_audit_not_ready);
    ADD("audit/reset-overlap", test_audit_overlap);
    ADD("audit/reset-dma-in-flight", test_audit_in_flight);
    ADD("audit/restore-lost", test_audit_restore);
    ADD("audit/off", test_audit_off);
    ADD("audit/bound", test_audit_bound);
    ADD("audit/event", test_audit_event);
    return g_test_run();
}
