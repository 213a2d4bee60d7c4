/*
 * Slots with hot-plug and resets: a reset that the kernel asks for is no
 * removal; one behind its back, a lost link, and another card in the slot are.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every reset of a slot drops the link, and the port says so (Data Link Layer
 * State Changed, PCIe r6.0 sec 6.7.3). The kernel's hot-plug driver has to know
 * which of these events are its own doing. Whether it took a device for a new
 * one shows at its driver_override, which a new device does not have.
 */
#include "fabric-reset.h"

#define MARK "rig-mark"
#define PATIENCE 20.0

static Kmsg kernel;
static unsigned version;        /* of the kernel, if it is Debian's */

typedef enum Fate { KEPT, REPLACED, GONE } Fate;

static const char *const fates[] = { "the same", "found anew", "gone" };

/* The ports above stay awake: one that sleeps tells of nothing but by PME. */
static bool mark(const char *id)
{
    char path[PATH_MAX], driver[PATH_MAX];

    if (!topology_path(id, path)) {
        return false;
    }
    if (fabric_link(path, "driver", driver)) {
        fabric_write_attr(path, "driver/unbind", topology_bdf(path));
    }
    return fabric_keep_awake(path) &&
           fabric_write_attr(path, "driver_override", MARK);
}

static bool marked(const char *path)
{
    char name[PATH_MAX + 32], text[64] = "";
    FILE *f;

    snprintf(name, sizeof(name), "%s/driver_override", path);
    f = fopen(name, "r");
    if (f) {
        if (!fgets(text, sizeof(text), f)) {
            text[0] = '\0';
        }
        fclose(f);
    }
    return !strncmp(text, MARK, strlen(MARK));
}

static Fate fate(const char *id)
{
    char path[PATH_MAX];

    return !topology_path(id, path) ? GONE : marked(path) ? KEPT : REPLACED;
}

/* Hot-plug works in a thread of its own, and waits seconds at times. */
static Fate await(const char *id, Fate wanted)
{
    double deadline = kmsg_now() + PATIENCE;
    Fate now;

    while ((now = fate(id)) != wanted && kmsg_now() < deadline) {
        sleep_ms(100);
    }
    /* It may change once more. */
    sleep_ms(3000);
    return fate(id);
}

/* The register file answers, through the file of BAR 0. */
static bool answers(const char *id)
{
    char path[PATH_MAX], name[PATH_MAX + 16];
    volatile uint32_t *regs;
    bool ok;
    int fd;

    if (!topology_path(id, path) || !fabric_keep_awake(path) ||
        !fabric_write_attr(path, "enable", "1")) {
        return false;
    }
    snprintf(name, sizeof(name), "%s/resource0", path);
    fd = open(name, O_RDWR);
    regs = mmap(NULL, FABRIC_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    ok = regs != MAP_FAILED && regs[FABRIC_ID / 4] == FABRIC_ID_MAGIC;
    if (regs != MAP_FAILED) {
        munmap((void *)regs, FABRIC_PAGE);
    }
    fabric_write_attr(path, "enable", "0");
    return ok;
}

/* What is done to a slot. */
static bool reset_device(const char *id)
{
    char path[PATH_MAX];

    return topology_path(id, path) &&
           fabric_write_attr(path, "reset_method", "bus") &&
           reset_write(path, "reset").error == 0;
}

static bool reset_below(const char *port)
{
    char path[PATH_MAX];

    return topology_path(port, path) &&
           reset_write(path, "reset_subordinate").error == 0;
}

static bool reset_behind(const char *port)
{
    char path[PATH_MAX];

    return topology_path(port, path) && reset_raw(path);
}

static bool lose(const char *port)
{
    return host_do("lose %s", port);
}

static void start(const char *what, const char *id)
{
    printf("# step: %s\n", what);
    tap_ok(mark(id), "%s: %s is there", what, id);
    kernel_said(&kernel, "");
}

static void finish(const char *what, const char *id, Fate wanted)
{
    Fate got = await(id, wanted);

    tap_ok(got == wanted, "%s: %s is %s afterwards: %s", what, id,
           fates[wanted], fates[got]);
    tap_ok(answers(id), "%s: %s answers", what, id);
}

/* --- resets that the kernel knows of -------------------------------------- */

static void check_reset(int ms)
{
    Snapshot before;
    char what[64];

    snprintf(what, sizeof(what), "reset of ep2, ready after %d ms", ms);
    start(what, "ep2");
    snapshot_take(&before, "ep2");
    host_set("ep2", "reset-ready-ms", ms);
    tap_ok(reset_device("ep2"), "%s: done", what);
    finish(what, "ep2", KEPT);
    tap_ok(snapshot_differs(&before, what) == 0,
           "%s: configuration space is as before", what);
    audit_empty(what);
    host_set("ep2", "reset-ready-ms", 0);
}

/*
 * Linux before it resets slots for this (6.12: __pci_reset_bus) does not tell
 * the hot-plug driver, which takes the reset for a removal.
 */
static void check_reset_subordinate(void)
{
    const char *what = "reset_subordinate of rp1";
    bool knows = version == 0 || version >= 7000;

    start(what, "ep2");
    reset_below("rp1");
    finish(what, "ep2", knows ? KEPT : REPLACED);
    if (knows) {
        audit_empty(what);
    } else {
        audit_expect(what, "?restore-lost ep2", "?config-link-down ep2",
                     "?config-too-early ep2");
    }
}

/*
 * The slot's registers are reset themselves, and the link below it goes down
 * and up unheard. The kernel writes Slot Control back, but leaves the event in Slot
 * Status: so the port's condition for an interrupt holds on, and its next event
 * makes no edge (sec 6.7.3.4).
 */
static void check_reset_above(void)
{
    const char *what = "reset_subordinate of rp2";
    char ds4[PATH_MAX];

    start(what, "ep3");
    tap_ok(reset_below("rp2"), "%s: done", what);
    finish(what, "ep3", KEPT);
    audit_empty(what);
    topology_path("ds4", ds4);
    tap_ok(fabric_getpci(ds4, "CAP_EXP+1a.w") & PCI_EXP_SLTSTA_DLLSC,
           "%s: the kernel leaves the link's event in ds4", what);
    fabric_setpci(ds4, "CAP_EXP+1a.w=0110");
    what = "link of ds4 lost after that";
    start(what, "ep3");
    tap_ok(lose("ds4"), "%s: done", what);
    finish(what, "ep3", REPLACED);
    audit_expect(what, "?config-link-down ep3", "?config-too-early ep3");
}

/* --- what it does not know of --------------------------------------------- */

static void check_behind(void)
{
    const char *what = "Secondary Bus Reset by setpci";

    start(what, "ep2");
    tap_ok(reset_behind("rp1"), "%s: done", what);
    finish(what, "ep2", REPLACED);
    tap_ok(true, "%s: the kernel %s", what, kernel_said(&kernel, "Link Down") ?
           "says Link Down" : "is silent");
    audit_expect(what, "?config-link-down ep2", "?config-too-early ep2");
}

static void check_lost(void)
{
    const char *what = "link of rp1 lost";

    start(what, "ep2");
    tap_ok(lose("rp1"), "%s: done", what);
    finish(what, "ep2", REPLACED);
    audit_expect(what, "?config-link-down ep2", "?config-too-early ep2");
}

/* The link comes up after a reset, and does not stay. */
static void check_lost_after_reset(void)
{
    const char *what = "link of rp1 lost half a second after a reset";

    start(what, "ep2");
    host_set("rp1", "link-loss-ms", 500);
    tap_ok(reset_device("ep2"), "%s: done", what);
    finish(what, "ep2", REPLACED);
    host_set("rp1", "link-loss-ms", 0);
    audit_expect(what, "?config-link-down ep2", "?config-too-early ep2");
}

/*
 * Another card after the reset: with another serial number, or another ID. Only
 * newer kernels look who came back.
 */
static void check_swapped(const char *id, const char *how)
{
    bool looks = version == 0 || version >= 7000;
    static uint8_t before[CONFIG_SIZE], after[CONFIG_SIZE];
    char what[64], path[PATH_MAX];

    snprintf(what, sizeof(what), "another card after a reset: %s", how);
    start(what, id);
    topology_path(id, path);
    config_read(path, before);
    reset_device(id);
    finish(what, id, looks ? REPLACED : KEPT);
    tap_ok(topology_path(id, path) && config_read(path, after) &&
           memcmp(before, after, CONFIG_SIZE), "%s: it is another one", what);
    audit_expect(what, "?config-too-early *");
}

static void check_never(void)
{
    const char *what = "reset of ep2, never ready";
    Fate got;

    start(what, "ep2");
    host_set("ep2", "reset-ready-ms", -1);
    reset_device("ep2");
    tap_ok(kernel_said(&kernel, "giving up"), "%s: the kernel gives up", what);
    sleep_ms(5000);
    got = fate("ep2");
    printf("# %s: ep2 is %s\n", what, fates[got]);
    audit_expect(what, "config-not-ready ep2", "?reset-overlap rp1");
    host_set("ep2", "reset-ready-ms", 0);
    mark("ep2");
    tap_ok(lose("rp1"), "%s: link lost", what);
    finish(what, "ep2", REPLACED);
    audit_expect(what, "?config-link-down ep2", "?config-too-early ep2",
                 "?config-not-ready ep2");
}

/* --- removal and insertion ------------------------------------------------ */

/*
 * The port of an empty slot may sleep, in D3hot; what happens in its slot then
 * comes as a PME (sec 6.7.3.4). Linux 7.3 makes use of that.
 */
static bool let_sleep(const char *id)
{
    char path[PATH_MAX], name[PATH_MAX + 32], state[32] = "";
    FILE *f;

    if (!topology_path(id, path) ||
        !fabric_write_attr(path, "power/control", "auto")) {
        return false;
    }
    sleep_ms(3000);
    snprintf(name, sizeof(name), "%s/power_state", path);
    f = fopen(name, "r");
    if (f) {
        if (fgets(state, sizeof(state), f)) {
            printf("# %s, whose slot is empty, is in %s", id, state);
        }
        fclose(f);
    }
    return true;
}

static void check_unplug(void)
{
    const char *what = "ep5 pulled and put in again";

    start(what, "ep5");
    tap_ok(host_do("del ep5"), "%s: the host asks for it", what);
    tap_ok(await("ep5", GONE) == GONE, "%s: the kernel lets it go", what);
    tap_ok(let_sleep("rp4") &&
           host_do("add pcie-fabric-endpoint id=ep5 bus=rp4"),
           "%s: the host puts it in", what);
    finish(what, "ep5", REPLACED);
    audit_empty(what);
    what = "reset of ep5, which was put in";
    start(what, "ep5");
    tap_ok(reset_device("ep5"), "%s: done", what);
    finish(what, "ep5", KEPT);
    audit_empty(what);
}

int main(void)
{
    version = debian_version();
    if (!kmsg_open(&kernel, false)) {
        tap_skip_all("no log of the kernel");
    }
    tap_ok(audit_start(), "the audit starts");
    check_reset(0);
    check_reset(300);
    check_reset(5000);
    check_reset_subordinate();
    check_reset_above();
    check_behind();
    check_lost();
    check_lost_after_reset();
    check_swapped("ep6", "serial number");
    check_swapped("ep7", "Device ID");
    check_never();
    check_unplug();
    printf("# seen: kept over the kernel's own resets, found anew after all "
           "others\n");
    return tap_done();
}
