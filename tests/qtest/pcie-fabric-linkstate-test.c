/*
 * Snapshots and migration in the middle of a reset
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One machine with a lane per state that a link or a Function can be in: a root
 * port, a switch, an endpoint. Each lane's script brings it into its state by
 * the moment of the snapshot. Then a machine that has loaded it and one that
 * has not live on side by side, and must look the same all the time: every
 * timer, every window of Request Retry Status, every pending event.
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "libqos/pcie-fabric-link.h"
#include "libqos/pcie-fabric-vmstate.h"

#define SAVE_MS         50
#define STEP_MS         5
#define END_MS          200
#define MSG(lane)       (QFABRIC_SCRATCH + 0x100 * (lane))
#define MSG_DATA        0x4711
#define ID_EP           (QFABRIC_DEVICE_EP << 16 | QFABRIC_VENDOR)

typedef enum Place { RP, US, DS, EP, PLACES } Place;
typedef enum Act {
    NOTHING,
    SBR_SET, SBR_CLEAR,
    DISABLE_SET, DISABLE_CLEAR,
    RETRAIN,
    LOSE,
    FLR,
    SLEEP,                      /* nobody is ready within a minute */
} Act;

typedef struct Event {
    unsigned ms;                /* a multiple of STEP_MS */
    Act act;
    Place where;
} Event;

/* Properties of the lane's root port, downstream port and endpoint */
typedef struct Lane {
    const char *name;
    const char *rp, *ds, *ep;
    Event events[4];
    const char *saved[PLACES];  /* states at the moment of the snapshot */
    uint32_t id_saved;          /* what ep's first dword is then */
    uint32_t id_end;            /* and at the end */
} Lane;

#define ONES    UINT32_MAX
#define RRS     0xffff0001

static const Lane lanes[] = {
    { "active", .saved = { "active", "active", "active" },
      .id_saved = ID_EP, .id_end = ID_EP },
    { "reset-held-by-root-port",
      .events = { { 20, SBR_SET, RP }, { 70, SBR_CLEAR, RP } },
      .saved = { "hot-reset", "hot-reset", "hot-reset" }, .id_saved = ONES },
    { "reset-held-in-band", ",in-band-presence=on",
      .events = { { 20, SBR_SET, RP }, { 70, SBR_CLEAR, RP } },
      .saved = { "hot-reset", "hot-reset", "hot-reset" }, .id_saved = ONES },
    { "reset-held-by-upstream-port",
      .events = { { 20, SBR_SET, US }, { 70, SBR_CLEAR, US } },
      .saved = { "active", "hot-reset", "hot-reset" }, .id_saved = ONES },
    { "reset-held-by-downstream-port",
      .events = { { 20, SBR_SET, DS }, { 70, SBR_CLEAR, DS } },
      .saved = { "active", "active", "hot-reset" },
      .id_saved = ONES, .id_end = ID_EP },
    { "root-port-disabled",
      .events = { { 20, DISABLE_SET, RP }, { 70, DISABLE_CLEAR, RP } },
      .saved = { "disabled", "hot-reset", "hot-reset" }, .id_saved = ONES },
    { "downstream-port-disabled",
      .events = { { 20, DISABLE_SET, DS }, { 70, DISABLE_CLEAR, DS } },
      .saved = { "active", "active", "disabled" },
      .id_saved = ONES, .id_end = ID_EP },
    { "root-port-trains",
      .events = { { 40, SBR_SET, RP }, { 45, SBR_CLEAR, RP } },
      .saved = { "training", "hot-reset", "hot-reset" }, .id_saved = ONES },
    { "second-level-trains", .ds = ",link-up-ms=30",
      .events = { { 30, SBR_SET, RP }, { 35, SBR_CLEAR, RP } },
      .saved = { "active", "active", "training" }, .id_saved = ONES },
    { "never-up", .ds = ",link-up-ms=-1",
      .events = { { 20, SBR_SET, DS }, { 25, SBR_CLEAR, DS } },
      .saved = { "active", "active", "training" },
      .id_saved = ONES, .id_end = ONES },
    { "retraining", .ds = ",link-up-ms=40",
      .events = { { 45, RETRAIN, DS } },
      .saved = { "active", "active", "active" },
      .id_saved = ID_EP, .id_end = ID_EP },
    { "just-lost", .ds = ",link-up-ms=40",
      .events = { { 45, LOSE, DS } },
      .saved = { "active", "active", "training" },
      .id_saved = ONES, .id_end = ID_EP },
    { "about-to-be-lost", .ds = ",link-loss-ms=30",
      .events = { { 20, SBR_SET, DS }, { 25, SBR_CLEAR, DS } },
      .saved = { "active", "active", "active" },
      .id_saved = ID_EP, .id_end = ID_EP },
    { "trains-and-will-be-lost", .ds = ",link-up-ms=40,link-loss-ms=30",
      .events = { { 20, SBR_SET, DS }, { 25, SBR_CLEAR, DS } },
      .saved = { "active", "active", "training" },
      .id_saved = ONES, .id_end = ID_EP },
    { "not-ready-after-reset", .ep = ",reset-ready-ms=100",
      .events = { { 20, SBR_SET, DS }, { 25, SBR_CLEAR, DS } },
      .saved = { "active", "active", "active" },
      .id_saved = RRS, .id_end = ID_EP },
    { "never-ready", .ds = ",reset-ready-ms=-1",
      .events = { { 20, SBR_SET, DS }, { 25, SBR_CLEAR, DS } },
      .saved = { "active", "active", "active" },
      .id_saved = RRS, .id_end = RRS },
    { "not-ready-after-flr", .ep = ",flr-ready-ms=100",
      .events = { { 45, FLR, EP } },
      .saved = { "active", "active", "active" },
      .id_saved = RRS, .id_end = ID_EP },
    /* sec 2.3.1: it has answered, and may not ask for a retry any more */
    { "answered", .ep = ",reset-ready-ms=5",
      .events = { { 20, SBR_SET, DS }, { 25, SBR_CLEAR, DS },
                  { SAVE_MS, SLEEP, EP } },
      .saved = { "active", "active", "active" },
      .id_saved = ID_EP, .id_end = ID_EP },
    { "another-card", .ep = ",reset-device-id=0x10fe,reset-sn=77",
      .events = { { 20, SBR_SET, DS }, { 25, SBR_CLEAR, DS } },
      .saved = { "active", "active", "active" },
      .id_saved = 0x10fe << 16 | QFABRIC_VENDOR,
      .id_end = 0x10fe << 16 | QFABRIC_VENDOR },
    /* The card changes at a reset after the load. */
    { "another-card-later", .ep = ",reset-device-id=0x10fe",
      .events = { { 100, SBR_SET, DS }, { 105, SBR_CLEAR, DS } },
      .saved = { "active", "active", "active" }, .id_saved = ID_EP,
      .id_end = 0x10fe << 16 | QFABRIC_VENDOR },
};

#define LANES ARRAY_SIZE(lanes)

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *fn[LANES][PLACES];
    QFabricFiles files;
    int64_t now_ns;
} Bench;

static char *lane_id(unsigned lane, Place place)
{
    static const char *const names[PLACES] = { "rp", "us", "ds", "ep" };

    return g_strdup_printf("%s%u", names[place], lane);
}

static char *all_devices(void)
{
    GString *s = g_string_new(NULL);
    unsigned i;

    for (i = 0; i < LANES; i++) {
        const Lane *l = &lanes[i];

        g_string_append_printf(s,
            "-device pcie-fabric-root-port,id=rp%u,addr=%x,chassis=1,slot=%u%s "
            "-device pcie-fabric-upstream,id=us%u,bus=rp%u "
            "-device pcie-fabric-downstream,id=ds%u,bus=us%u,chassis=%u,"
            "slot=1%s -device pcie-fabric-endpoint,id=ep%u,bus=ds%u%s ",
            i, i + 1, i + 1, l->rp ?: "", i, i, i, i, i + 2, l->ds ?: "", i, i,
            l->ep ?: "");
    }
    return g_string_free(s, false);
}

static void find_functions(Bench *b)
{
    static const int types[PLACES] = {
        PCI_EXP_TYPE_ROOT_PORT, PCI_EXP_TYPE_UPSTREAM,
        PCI_EXP_TYPE_DOWNSTREAM, PCI_EXP_TYPE_ENDPOINT,
    };
    unsigned i, p;

    for (i = 0; i < LANES; i++) {
        for (p = 0; p < PLACES; p++) {
            b->fn[i][p] = qfabric_nth(b->fab, types[p], i);
            g_assert_nonnull(b->fn[i][p]);
        }
    }
}

/* RRS visible, and messages of the links of root and downstream ports */
static void prepare(Bench *b)
{
    unsigned i;

    for (i = 0; i < LANES; i++) {
        QFabricFn **fn = b->fn[i];

        qfabric_cap_writew(fn[RP], PCI_CAP_ID_EXP, PCI_EXP_RTCTL,
                           PCI_EXP_RTCTL_RRS_SVE);
        qfabric_clear_events(fn[RP]);
        qfabric_clear_events(fn[DS]);
        qfabric_msi_arm(fn[RP], MSG(2 * i), MSG_DATA);
        qfabric_msi_arm(fn[DS], MSG(2 * i + 1), MSG_DATA);
        qfabric_cap_writew(fn[RP], PCI_CAP_ID_EXP, PCI_EXP_SLTCTL,
                           PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE);
        qfabric_cap_writew(fn[DS], PCI_CAP_ID_EXP, PCI_EXP_SLTCTL,
                           PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE);
        qfabric_clear_events(fn[RP]);
        qfabric_clear_events(fn[DS]);
        qfabric_msg_take(b->fab, MSG(2 * i));
        qfabric_msg_take(b->fab, MSG(2 * i + 1));
    }
}

static void bench_open(Bench *b)
{
    g_autofree char *devices = all_devices(), *drive = NULL, *args = NULL;

    qfabric_files_open(&b->files);
    drive = have_qemu_img() ? qfabric_files_drive(&b->files) : g_strdup("");
    args = g_strconcat(devices, drive, NULL);
    b->qts = qfabric_boot(args);
    b->fab = qfabric_new(b->qts);
    find_functions(b);
    prepare(b);
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
    qfabric_files_close(&b->files);
}

/*
 * Scripts
 */

static void do_act(Bench *b, unsigned lane, const Event *e)
{
    QFabricFn *fn = b->fn[lane][e->where];
    g_autofree char *id = lane_id(lane, e->where);

    switch (e->act) {
    case SBR_SET:
    case SBR_CLEAR:
        qfabric_sbr(fn, e->act == SBR_SET);
        break;
    case DISABLE_SET:
    case DISABLE_CLEAR:
        qfabric_link_disable(fn, e->act == DISABLE_SET);
        break;
    case RETRAIN:
        qfabric_link_retrain(fn);
        break;
    case LOSE:
        qfabric_link_lose(b->fab->qts, id);
        break;
    case FLR:
        qfabric_flr(fn);
        break;
    case SLEEP:
        qfabric_set_prop(b->fab->qts, id, "reset-ready-ms", 60000);
        break;
    case NOTHING:
        break;
    }
}

/*
 * Messages are taken when the snapshot has been made, and the events that they
 * were for are not: further events of the same port bring no other message.
 */
static void do_events(Bench *b, unsigned ms)
{
    unsigned i, e;

    for (i = 0; i < LANES; i++) {
        if (ms == SAVE_MS) {
            qfabric_msg_take(b->fab, MSG(2 * i));
            qfabric_msg_take(b->fab, MSG(2 * i + 1));
        }
        for (e = 0; e < ARRAY_SIZE(lanes[i].events); e++) {
            if (lanes[i].events[e].act && lanes[i].events[e].ms == ms) {
                do_act(b, i, &lanes[i].events[e]);
            }
        }
    }
}

/*
 * Pictures: what a guest and the monitor see, in words
 */

static void picture_lane(Bench *b, unsigned lane, GString *s)
{
    QFabricFn **fn = b->fn[lane];
    QTestState *qts = b->fab->qts;

    g_string_append_printf(s, "%s: rp lnksta %04x sltsta %04x msg %x; ",
                           lanes[lane].name, qfabric_link_status(fn[RP]),
                           qfabric_slot_status(fn[RP]),
                           qtest_readl(qts, MSG(2 * lane)));
    g_string_append_printf(s, "us %08x; ds %08x lnksta %04x sltsta %04x "
                           "msg %x; ", qfabric_readl(fn[US], 0),
                           qfabric_readl(fn[DS], 0),
                           qfabric_link_status(fn[DS]),
                           qfabric_slot_status(fn[DS]),
                           qtest_readl(qts, MSG(2 * lane + 1)));
    g_string_append_printf(s, "ep %08x %08x %02x\n", qfabric_readl(fn[EP], 0),
                           qfabric_readl(fn[EP], PCI_COMMAND),
                           qfabric_readb(fn[EP], PCI_INTERRUPT_LINE));
}

static char *picture(Bench *b)
{
    QDict *rsp = qtest_qmp(b->fab->qts,
                           "{ 'execute': 'query-pcie-fabric-links' }");
    GString *s = g_string_new(NULL);
    QListEntry *e;
    unsigned i;

    for (i = 0; i < LANES; i++) {
        picture_lane(b, i, s);
    }
    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        g_string_append_printf(s, "%s %s since %" PRId64 " resets %" PRId64
                               "\n", qdict_get_str(d, "device"),
                               qdict_get_str(d, "state"),
                               qdict_get_try_int(d, "up-since-ns", -1),
                               qdict_get_int(d, "resets"));
    }
    qobject_unref(rsp);
    return g_string_free(s, false);
}

/* The lines that differ, both ways */
static void expect_same(const char *a, const char *b, const char *when,
                        unsigned ms)
{
    g_auto(GStrv) la = g_strsplit(a, "\n", -1), lb = g_strsplit(b, "\n", -1);
    unsigned i;

    for (i = 0; la[i] && lb[i]; i++) {
        if (!g_str_equal(la[i], lb[i])) {
            g_test_message("%s, %u ms: saved:  %s", when, ms, la[i]);
            g_test_message("%s, %u ms: loaded: %s", when, ms, lb[i]);
            g_test_fail();
        }
    }
    g_assert_true(!la[i] && !lb[i]);
}

/* The lanes are where their names say. */
static void check_saved(Bench *b)
{
    unsigned i, p;

    for (i = 0; i < LANES; i++) {
        for (p = RP; p <= DS; p++) {
            g_autofree char *id = lane_id(i, p);
            g_autofree char *state = qfabric_link_state(b->fab->qts, id);

            g_assert_cmpstr(state, ==, lanes[i].saved[p]);
        }
        g_assert_cmphex(qfabric_readl(b->fn[i][EP], 0), ==,
                        lanes[i].id_saved);
    }
}

static void check_end(Bench *b, const char *when)
{
    unsigned i;

    for (i = 0; i < LANES; i++) {
        /* Where a port was reset, its endpoint has no bus number: 0. */
        qfabric_expect(b->fn[i][EP], lanes[i].name, lanes[i].id_end ?: ONES,
                       qfabric_readl(b->fn[i][EP], 0), when);
    }
}

static void run_to_save(Bench *b)
{
    unsigned ms;

    for (ms = 0; ms < SAVE_MS; ms += STEP_MS) {
        do_events(b, ms);
        b->now_ns = qtest_clock_step(b->qts, STEP_MS * QFABRIC_MS);
    }
}

/*
 * A snapshot in the same process. Its clock does not go back in a qtest, so
 * nothing may happen in between but what takes no time.
 */
static void test_snapshot(void)
{
    g_autofree char *before = NULL, *other = NULL, *after = NULL;
    unsigned ms;
    Bench b;

    if (!have_qemu_img()) {
        g_test_skip("QTEST_QEMU_IMG is not set");
        return;
    }
    bench_open(&b);
    run_to_save(&b);
    check_saved(&b);
    before = picture(&b);
    if (qfabric_hmp_quiet(b.qts, "savevm reset")) {
        qfabric_cold_reset(b.fab);
        other = picture(&b);
        g_assert_cmpstr(before, !=, other);
        g_assert_true(qfabric_hmp_quiet(b.qts, "loadvm reset"));
        after = picture(&b);
        expect_same(before, after, "after loadvm", SAVE_MS);
    }
    for (ms = SAVE_MS; ms < END_MS; ms += STEP_MS) {
        do_events(&b, ms);
        qfabric_step_ms(b.qts, STEP_MS);
    }
    check_end(&b, "150 ms after loadvm");
    bench_close(&b);
}

/* Both ends at the same moment of the same virtual clock */
static QTestState *migrate(Bench *b)
{
    g_autofree char *devices = all_devices();
    g_autofree char *args = g_strconcat(devices, "-incoming defer", NULL);
    g_autofree char *uri = g_strdup_printf("file:%s", b->files.stream);
    QTestState *to = qfabric_boot(args);

    qtest_clock_set(to, b->now_ns);
    qfabric_migrate_out(b->qts, uri);
    g_assert_true(qfabric_migrate_in(to, uri));
    qtest_qmp_assert_success(b->qts, "{ 'execute': 'cont' }");
    return to;
}

static void test_migration(void)
{
    QTestState *to;
    unsigned ms;
    Bench b;

    bench_open(&b);
    run_to_save(&b);
    check_saved(&b);
    to = migrate(&b);
    for (ms = SAVE_MS; ms <= END_MS; ms += STEP_MS) {
        g_autofree char *here = NULL, *there = NULL;

        do_events(&b, ms);
        here = picture(&b);
        b.fab->qts = to;
        do_events(&b, ms);
        there = picture(&b);
        expect_same(here, there, "after migration", ms);
        qfabric_step_ms(to, STEP_MS);
        b.fab->qts = b.qts;
        qfabric_step_ms(b.qts, STEP_MS);
    }
    check_end(&b, "where it was saved");
    b.fab->qts = to;
    check_end(&b, "where it was loaded");
    b.fab->qts = b.qts;
    qtest_quit(to);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pcie-fabric/linkstate/snapshot", test_snapshot);
    qtest_add_func("/pcie-fabric/linkstate/migration", test_migration);
    return g_test_run();
}
