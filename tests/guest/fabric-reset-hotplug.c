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
 * one shows at its driver_override, which a new device does not have. That is
 * the kernel's; the machine's is that links go down when they must, and that
 * what is in a slot answers.
 */
#include "fabric-reset.h"
#include <sys/wait.h>

#define MARK "rig-mark"
#define PATIENCE 120.0          /* with the kernel, in its virtual time */

static Kmsg kernel;

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
    volatile uint32_t *regs;
    char path[PATH_MAX];
    bool ok;

    if (!topology_path(id, path) || !fabric_keep_awake(path) ||
        !fabric_write_attr(path, "enable", "1")) {
        return false;
    }
    regs = fabric_resource(path, 0, FABRIC_REGS_SIZE);
    ok = regs && regs[FABRIC_ID / 4] == FABRIC_ID_MAGIC;
    if (regs) {
        fabric_resource_close(regs, FABRIC_REGS_SIZE);
    }
    fabric_write_attr(path, "enable", "0");
    return ok;
}

/* What is done to a slot; 0 or an error of the kernel. */
static int reset_device(const char *id)
{
    char path[PATH_MAX];

    return !topology_path(id, path) ? ENOENT :
           !fabric_write_attr(path, "reset_method", "bus") ? EINVAL :
           reset_write(path, "reset").error;
}

static int reset_below(const char *port)
{
    char path[PATH_MAX];

    return topology_path(port, path) ?
           reset_write(path, "reset_subordinate").error : ENOENT;
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

/* Switch a slot on; a kernel in which that hangs keeps the child. */
static void switch_on(const char *slot)
{
    pid_t child;
    unsigned tries;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        /* Nobody is to wait for the end of what it could print. */
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        fabric_write_attr(slot, "power", "1");
        _exit(0);
    }
    for (tries = 0; child > 0 && tries < 600 &&
         waitpid(child, NULL, WNOHANG) == 0; tries++) {
        sleep_ms(100);
    }
}

/*
 * Where the kernel has lost sight of a device: its slot is switched on by hand,
 * so that the hot-plug driver knows of it.
 */
static bool find(const char *id)
{
    char parent[TOPOLOGY_ID], slot[16], path[PATH_MAX], name[PATH_MAX + 32];
    char address[32] = "", wanted[32];
    unsigned bus = 0;
    glob_t found;
    size_t i;
    FILE *f;

    if (topology_path(id, path)) {
        return true;
    }
    if (!topology_row(id, parent, slot) || !topology_path(parent, path)) {
        return false;
    }
    printf("# %s is gone; its slot is switched on\n", id);
    snprintf(name, sizeof(name), "%s/secondary_bus_number", path);
    f = fopen(name, "r");
    if (f) {
        if (fscanf(f, "%u", &bus) != 1) {
            bus = 0;
        }
        fclose(f);
    }
    snprintf(wanted, sizeof(wanted), "0000:%02x:00", bus);
    if (glob("/sys/bus/pci/slots/*/address", 0, NULL, &found) == 0) {
        for (i = 0; i < found.gl_pathc; i++) {
            f = fopen(found.gl_pathv[i], "r");
            if (f && fgets(address, sizeof(address), f) &&
                !strncmp(address, wanted, strlen(wanted))) {
                *strrchr(found.gl_pathv[i], '/') = '\0';
                switch_on(found.gl_pathv[i]);
            }
            if (f) {
                fclose(f);
            }
        }
        globfree(&found);
    }
    return topology_path(id, path) ||
           (fabric_write_file("/sys/bus/pci/rescan", "1") &&
            topology_path(id, path));
}

/* A device that was reset, and the kernel did not notice: set up anew. */
static void forget(const char *id)
{
    char path[PATH_MAX];

    if (topology_path(id, path) &&
        fabric_write_attr(path, "remove", "1")) {
        fabric_write_file("/sys/bus/pci/rescan", "1");
    }
}

/* The kernel has taken the power from a slot, and the machine the card. */
static bool ejected(const char *id)
{
    char parent[TOPOLOGY_ID], slot[16];

    return !topology_row(id, parent, slot) ||
           !strcmp(link_query(parent).state, "empty");
}

static void start(const char *what, const char *id)
{
    printf("# step: %s\n", what);
    tap_ok((find(id) && mark(id)) || ejected(id), "%s: %s is there", what, id);
    kernel_said(&kernel, "");
}

/* Two test points: what it is to the kernel, and the device itself. */
static void finish(const char *what, const char *id, Fate wanted)
{
    Fate got = await(id, wanted);
    bool there;

    tap_kernel(got == wanted, "%s: to the kernel %s is afterwards => %s "
               "(limit %.0f s)", what, id, fates[got], PATIENCE);
    if (wanted == REPLACED && got == KEPT) {
        forget(id);
    }
    there = find(id) && answers(id);
    tap_ok(there || ejected(id), "%s: %s answers => %s", what, id,
           there ? "yes" : "no");
}

/* One test point: the kernel says that it did it. */
static bool done(int error, const char *what)
{
    return tap_kernel(!error, "%s: the kernel resets => %s", what,
                      error ? strerror(error) : "done");
}

/* --- resets that the kernel knows of -------------------------------------- */

static void check_reset(int ms)
{
    Snapshot before;
    char what[64];
    Link link;
    bool reset;

    snprintf(what, sizeof(what), "reset of ep2, ready after %d ms", ms);
    start(what, "ep2");
    /* Asking switches its memory on. */
    answers("ep2");
    snapshot_take(&before, "ep2");
    host_set("ep2", "reset-ready-ms", ms);
    link = link_query("rp1");
    reset = done(reset_device("ep2"), what);
    link_check(what, "rp1", &link, true, !reset);
    finish(what, "ep2", KEPT);
    snapshots_check(&before, 1, what);
    audit_empty(what);
    host_set("ep2", "reset-ready-ms", 0);
}

/*
 * A kernel that resets no slot for this, but a bus, does not tell its hot-plug
 * driver, which takes the reset for a removal. The device then goes while the
 * kernel still has its bus locked, and at times the kernel with it: so this is
 * what is tried last.
 */
static void check_reset_subordinate(void)
{
    const char *what = "reset_subordinate of rp1";
    bool reset;
    Link link;

    start(what, "ep2");
    link = link_query("rp1");
    reset = done(reset_below("rp1"), what);
    link_check(what, "rp1", &link, true, !reset);
    finish(what, "ep2", KEPT);
    audit_expect(what, "?restore-lost ep2", "?config-link-down ep2",
                 "?config-too-early ep2");
}

/*
 * The slot's registers are reset themselves, and the link below it goes down
 * and up unheard. A kernel that writes Slot Control back, but leaves the event in
 * Slot Status, leaves the port's condition for an interrupt on: its next event
 * makes no edge (sec 6.7.3.4).
 */
static void check_reset_above(void)
{
    const char *what = "reset_subordinate of rp2";
    char ds4[PATH_MAX];
    bool reset, left;
    Link link;

    start(what, "ep3");
    link = link_query("ds4");
    reset = done(reset_below("rp2"), what);
    link_check(what, "ds4", &link, true, !reset);
    finish(what, "ep3", KEPT);
    audit_empty(what);
    topology_path("ds4", ds4);
    left = fabric_getpci(ds4, "CAP_EXP+1a.w") & PCI_EXP_SLTSTA_DLLSC;
    tap_kernel(!left, "%s: the kernel takes the link's event from ds4 => %s",
               what, left ? "no" : "yes");
    fabric_setpci(ds4, "CAP_EXP+1a.w=0110");
    what = "link of ds4 lost after that";
    start(what, "ep3");
    link = link_query("ds4");
    tap_ok(lose("ds4"), "%s: done", what);
    link_check(what, "ds4", &link, true, 0);
    finish(what, "ep3", REPLACED);
    audit_expect(what, "?config-link-down ep3", "?config-too-early ep3");
}

/* --- what it does not know of --------------------------------------------- */

static void check_behind(void)
{
    const char *what = "Secondary Bus Reset by setpci";
    bool said;
    Link link;

    start(what, "ep2");
    link = link_query("rp1");
    tap_ok(reset_behind("rp1"), "%s: done", what);
    link_check(what, "rp1", &link, true, 0);
    finish(what, "ep2", REPLACED);
    said = kernel_said(&kernel, "Link Down");
    tap_kernel(said, "%s: the kernel says Link Down => %s", what,
               said ? "yes" : "no");
    audit_expect(what, "?config-link-down ep2", "?config-too-early ep2");
}

static void check_lost(void)
{
    const char *what = "link of rp1 lost";
    Link link;

    start(what, "ep2");
    link = link_query("rp1");
    tap_ok(lose("rp1"), "%s: done", what);
    link_check(what, "rp1", &link, true, 0);
    finish(what, "ep2", REPLACED);
    audit_expect(what, "?config-link-down ep2", "?config-too-early ep2");
}

/* The link comes up after a reset, and does not stay. */
static void check_lost_after_reset(void)
{
    const char *what = "link of rp1 lost half a second after a reset";
    bool reset;
    Link link;

    start(what, "ep2");
    host_set("rp1", "link-loss-ms", 500);
    link = link_query("rp1");
    reset = done(reset_device("ep2"), what);
    finish(what, "ep2", REPLACED);
    host_set("rp1", "link-loss-ms", 0);
    /* By now it has gone down twice. */
    link.resets++;
    link_check(what, "rp1", &link, true, !reset);
    audit_expect(what, "?config-link-down ep2", "?config-too-early ep2");
}

/*
 * Another card after the reset: with another serial number, or another ID. Does
 * the kernel look who came back?
 */
static void check_swapped(const char *id, const char *how)
{
    static uint8_t before[CONFIG_SIZE], after[CONFIG_SIZE];
    char what[64], path[PATH_MAX];
    bool reset, read;

    snprintf(what, sizeof(what), "another card after a reset: %s", how);
    start(what, id);
    read = topology_path(id, path) && config_read(path, before);
    reset = done(reset_device(id), what);
    finish(what, id, REPLACED);
    tap_ok(!reset || (read && topology_path(id, path) &&
                      config_read(path, after) &&
                      memcmp(before, after, CONFIG_SIZE)),
           "%s: it is another one", what);
    audit_expect(what, "?config-too-early *");
}

static void check_never(void)
{
    const char *what = "reset of ep2, never ready";
    const char *then = "ep2 never ready, link of rp1 lost";
    bool said;
    Link link;
    Fate got;

    start(what, "ep2");
    host_set("ep2", "reset-ready-ms", -1);
    reset_device("ep2");
    said = kernel_said(&kernel, "giving up");
    tap_kernel(said, "%s: the kernel says that it gives up => %s", what,
               said ? "yes" : "no");
    sleep_ms(5000);
    got = fate("ep2");
    printf("# %s: ep2 is %s\n", what, fates[got]);
    audit_expect(what, "?reset-overlap rp1");
    host_set("ep2", "reset-ready-ms", 0);
    printf("# step: %s\n", then);
    /* If it is there at all; the hot-plug driver may have given it up. */
    if (got != GONE) {
        mark("ep2");
    }
    link = link_query("rp1");
    tap_ok(lose("rp1"), "%s: done", then);
    link_check(then, "rp1", &link, true, 0);
    finish(then, "ep2", REPLACED);
    audit_expect(then, "?config-link-down ep2", "?config-too-early ep2",
                 "?config-not-ready ep2");
}

/* --- removal and insertion ------------------------------------------------ */

/*
 * The port of an empty slot may sleep, in D3hot; what happens in its slot then
 * comes as a PME (sec 6.7.3.4). Some kernels make use of that.
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
    const char *then = "reset of ep5, which was put in";
    bool gone, reset;
    Link link;

    start(what, "ep5");
    tap_ok(host_do("del ep5"), "%s: the host asks for it", what);
    gone = await("ep5", GONE) == GONE;
    tap_kernel(gone, "%s: the kernel lets it go => %s (limit %.0f s)", what,
               gone ? "yes" : "no", PATIENCE);
    /* It takes the power from the slot, and then the machine takes the card. */
    while (gone && strcmp(link_query("rp4").state, "empty")) {
        sleep_ms(100);
    }
    tap_ok(!gone || (let_sleep("rp4") &&
                     host_do("add pcie-fabric-endpoint id=ep5 bus=rp4")),
           "%s: the host puts it in", what);
    finish(what, "ep5", REPLACED);
    audit_empty(what);
    start(then, "ep5");
    link = link_query("rp4");
    reset = done(reset_device("ep5"), then);
    link_check(then, "rp4", &link, true, !reset);
    finish(then, "ep5", KEPT);
    audit_empty(then);
}

int main(void)
{
    if (!kmsg_open(&kernel, false)) {
        tap_skip_all("no log of the kernel");
    }
    tap_ok(audit_start(), "the audit starts");
    check_reset(0);
    check_reset(300);
    check_reset(5000);
    check_reset_above();
    check_behind();
    check_lost();
    check_lost_after_reset();
    check_swapped("ep6", "serial number");
    check_swapped("ep7", "Device ID");
    check_never();
    check_unplug();
    check_reset_subordinate();
    audit_done();
    printf("# seen: the kernel's own resets of slots, resets behind its back, "
           "lost links, other cards\n");
    return tap_done();
}
