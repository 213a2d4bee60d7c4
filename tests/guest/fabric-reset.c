/*
 * Resets that the user asks the kernel for: reset_subordinate of ports at every
 * level, reset of a device, with devices that are ready at once, late, very
 * late, or never.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCIe r6.0 sec 6.6.1. The kernel saves and restores configuration space; after
 * that every function is as it was, and the devices work. Whether it waits and
 * restores is the kernel's; the machine's is which links go down, which devices
 * are reset, and that they work once they are set up as before.
 */
#include "fabric-reset.h"

#define LATE "waiting"

static FabricIommu iommu;
static Dma dma[3];
static Kmsg kernel;

/* Everything below rp0, rp1 and rp2, parents first. */
static const char *const functions[] = {
    "rp0", "us0", "ds0", "us1", "ds2", "ep0", "ds3", "mf0", "mf1", "ds1",
    "nvme0", "rp1", "ep2", "rp2", "us2", "ds4", "ep3",
};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

/* As they were at first; no reset that ends well changes that. */
static Snapshot before[FUNCTIONS];

static const char *const ids[] = { "ep0", "ep2", "ep3" };

/* Each reset once: who writes what, and who is late by how much. */
static const struct Reset {
    const char *device, *attr, *method;
    const char *slow, *property;
    int ms;
} resets[] = {
    { "rp0", "reset_subordinate", NULL, NULL, NULL, 0 },
    { "rp0", "reset_subordinate", NULL, "ep0", "reset-ready-ms", 300 },
    { "rp0", "reset_subordinate", NULL, "ep0", "reset-ready-ms", 5000 },
    { "rp0", "reset_subordinate", NULL, "rp0", "reset-ready-ms", 5000 },
    { "us0", "reset_subordinate", NULL, NULL, NULL, 0 },
    { "us0", "reset_subordinate", NULL, "ep0", "reset-ready-ms", 300 },
    { "ds0", "reset_subordinate", NULL, "ds0", "reset-ready-ms", 300 },
    { "us1", "reset_subordinate", NULL, NULL, NULL, 0 },
    { "ds2", "reset_subordinate", NULL, "ds2", "reset-ready-ms", 300 },
    { "ep0", "reset", "bus", NULL, NULL, 0 },
    { "ep0", "reset", "bus", "ep0", "reset-ready-ms", 300 },
    { "ep0", "reset", "bus", "ep0", "reset-ready-ms", 5000 },
    { "ep0", "reset", "flr", NULL, NULL, 0 },
    { "ep0", "reset", "flr", "ep0", "flr-ready-ms", 300 },
    { "ep0", "reset", "flr", "ep0", "flr-ready-ms", 5000 },
    { "nvme0", "reset", "bus", NULL, NULL, 0 },
    { "nvme0", "reset", "bus", "ds1", "reset-ready-ms", 300 },
    { "ep2", "reset", "bus", NULL, NULL, 0 },
    { "ep2", "reset", "bus", "ep2", "reset-ready-ms", 300 },
    { "ep2", "reset", "bus", "rp1", "reset-ready-ms", 5000 },
    { "rp2", "reset_subordinate", NULL, NULL, NULL, 0 },
    { "rp2", "reset_subordinate", NULL, "ep3", "reset-ready-ms", 300 },
};

static void take_all(void)
{
    unsigned i;

    for (i = 0; i < FUNCTIONS; i++) {
        snapshot_take(&before[i], functions[i]);
    }
}

static unsigned dma_count(void)
{
    unsigned i, works = 0;

    for (i = 0; i < 3; i++) {
        works += dma_works(&dma[i]);
    }
    return works;
}

static void check_dma(const char *what)
{
    unsigned works = dma_count();

    tap_ok(works == 3, "%s: DMA of ep0, ep2 and ep3 works => %u of 3", what,
           works);
}

/* Below which of the three a reset begins; NULL: below none of them. */
static const char *concerned(const struct Reset *r)
{
    return !strcmp(r->device, "nvme0") ? NULL :
           !strcmp(r->device, "ep2") ? "ep2" :
           !strcmp(r->device, "rp2") ? "ep3" : "ep0";
}

/* A register that every reset of a function takes back, and no kernel knows. */
#define ENGINE_MARK (FABRIC_TIMEOUT_US_RESET + 1)

static void engines_mark(void)
{
    unsigned i;

    for (i = 0; i < 3; i++) {
        fabric_set(&dma[i].ep, FABRIC_TIMEOUT_US, ENGINE_MARK);
    }
}

/* One test point, of the machine: this one was reset and no other. */
static void engines_check(const char *what, const char *id, int error)
{
    char text[64] = "";
    bool right = true;
    unsigned i;

    for (i = 0; i < 3; i++) {
        uint32_t timeout = fabric_get(&dma[i].ep, FABRIC_TIMEOUT_US);
        bool reset = timeout == FABRIC_TIMEOUT_US_RESET;

        right &= timeout == (id && !strcmp(id, ids[i]) ?
                             FABRIC_TIMEOUT_US_RESET : ENGINE_MARK);
        if (reset) {
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
                     text[0] ? ", " : "", ids[i]);
        }
        fabric_set(&dma[i].ep, FABRIC_TIMEOUT_US, FABRIC_TIMEOUT_US_RESET);
    }
    tap_ok(right || error, "%s: of ep0, ep2 and ep3 are reset => %s", what,
           text[0] ? text : "none");
}

static void check_reset(const struct Reset *r)
{
    bool flr = r->method && !strcmp(r->method, "flr");
    const char *port = link_port(r->device, r->attr);
    char what[160], path[PATH_MAX];
    bool said, same, disk;
    unsigned works;
    Link link;
    Trigger t;

    snprintf(what, sizeof(what), "%s of %s%s%s%s%s, %d ms", r->attr, r->device,
             r->method ? " by " : "", r->method ? r->method : "",
             r->slow ? ", slow: " : "", r->slow ? r->slow : "", r->ms);
    printf("# step: %s\n", what);
    if (!topology_path(r->device, path) ||
        (r->slow && !host_set(r->slow, r->property, r->ms))) {
        tap_ok(false, "%s: prepared", what);
        return;
    }
    if (r->method && !fabric_write_attr(path, "reset_method", r->method)) {
        printf("# %s: the kernel has no such method\n", what);
    }
    engines_mark();
    link = link_query(port);
    kernel_said(&kernel, "");
    t = reset_write(path, r->attr);
    said = kernel_said(&kernel, LATE);
    trigger_check(what, &t, r->ms);
    tap_kernel(said == (r->ms > 1000), "%s: the kernel says that it waits => "
               "%s", what, said ? "yes" : "no");
    link_check(what, port, &link, !flr, t.error);
    engines_check(what, concerned(r), t.error);
    same = snapshots_check(before, FUNCTIONS, what);
    works = dma_count();
    disk = disk_works("nvme0");
    tap_ok(works == 3 || !same, "%s: DMA of ep0, ep2 and ep3 works where all "
           "is as before => %u of 3", what, works);
    tap_ok(disk || !same, "%s: the NVMe disk works where all is as before => "
           "%s", what, disk ? "yes" : "no");
    /* A lost restore shows a second later. */
    sleep_ms(1500);
    audit_empty(what);
    if (r->slow) {
        host_set(r->slow, r->property, 0);
    }
    if (r->method) {
        fabric_write_attr(path, "reset_method", "default");
    }
}

/* One test point, of the machine: the audit raises no false alarm. */
static void check_alarm(const char *what, const Audit *audit, const Snapshot *s)
{
    char pattern[TOPOLOGY_ID + 16];
    bool named, lost = snapshot_differs(s, what) > 0;

    snprintf(pattern, sizeof(pattern), "restore-lost %s", s->id);
    named = audit_has(audit, pattern);
    tap_ok(lost || !named, "%s: the audit names restore-lost of %s where "
           "something is lost => %s, %s", what, s->id,
           named ? "named" : "not named", lost ? "lost" : "nothing lost");
}

/*
 * Functions of one device need not be ready at the same time (sec 2.3.1). A
 * kernel that waits for the first one alone restores the others before they
 * listen.
 */
static void check_multifunction(void)
{
    static const char *const below[] = { "mf0", "mf1", NULL };
    static const char *const what = "mf1 ready a second after mf0";
    static Snapshot mf[2];
    char path[PATH_MAX];
    Trigger t;

    printf("# step: %s\n", what);
    host_set("mf1", "reset-ready-ms", 1000);
    snapshot_take(&mf[0], "mf0");
    snapshot_take(&mf[1], "mf1");
    t = topology_path("ds3", path) ? reset_write(path, "reset_subordinate") :
        (Trigger) { .error = ENOENT };
    trigger_check(what, &t, 1000);
    sleep_ms(2000);
    snapshots_check(mf, 2, what);
    sleep_ms(1500);
    check_alarm(what, audit_empty(what), &mf[1]);
    host_set("mf1", "reset-ready-ms", 0);
    tap_ok(reset_anew("ds3", below), "%s: removed, reset and found again",
           what);
    sleep_ms(1500);
    audit_empty("mf1 found again");
}

/* What the first word of configuration space reads as; below 0: not at all. */
static int vendor(const char *path)
{
    char name[PATH_MAX + 32];
    uint16_t value = 0;
    bool done;
    int fd;

    snprintf(name, sizeof(name), "%s/config", path);
    fd = open(name, O_RDONLY);
    done = fd >= 0 && pread(fd, &value, sizeof(value), 0) == sizeof(value);
    if (fd >= 0) {
        close(fd);
    }
    return done ? value : -1;
}

/*
 * Nothing comes back. After a minute the kernel gives up; one that writes to the
 * device all the same has lost with that what it had saved.
 */
static void check_never(const char *device, const char *attr,
                        const char *method, const char *property,
                        const char *slow, const char *port, const char *below)
{
    const char *const again[] = { below, NULL };
    const char *slower = slow;
    char what[96], after[128], path[PATH_MAX], silent[PATH_MAX];
    Trigger t;
    int id;

    snprintf(what, sizeof(what), "%s of %s%s%s, never ready below %s", attr,
             device, method ? " by " : "", method ? method : "", slow);
    snprintf(after, sizeof(after), "%s, found again", what);
    printf("# step: %s\n", what);
    /* A port is slow for what is below it. */
    if (!strcmp(slow, port)) {
        slower = below;
    }
    if (!topology_path(device, path) || !topology_path(slower, silent) ||
        (method && !fabric_write_attr(path, "reset_method", method))) {
        tap_ok(false, "%s: prepared", what);
        return;
    }
    host_set(slow, property, -1);
    kernel_said(&kernel, "");
    t = reset_write(path, attr);
    trigger_check_never(what, &t, kernel_said(&kernel, "giving up"));
    id = vendor(silent);
    tap_ok(id < 0 || id == 0x0001 || id == 0xffff,
           "%s: %s is silent => %s (Vendor ID %#x)", what, slower,
           id < 0 || id == 0x0001 || id == 0xffff ? "yes" : "no", id);
    sleep_ms(1500);
    audit_expect(what, "?config-link-down *", "?config-too-early *",
                 "?restore-lost *", "?reset-overlap *");
    host_set(slow, property, 0);
    tap_ok(reset_anew(port, again), "%s: removed, reset and found again",
           what);
    sleep_ms(1500);
    tap_ok(topology_path(device, path), "%s: %s is there again", what, device);
    audit_expect(after, "?config-too-early *", "?restore-lost *");
}

/*
 * A kernel that takes the time to wait from the Power Management capability does
 * not wait at all without one, and writes to a link that is down.
 */
static void check_no_pm(void)
{
    static const char *const below[] = { "ep8", NULL };
    const char *what = "reset of ep8, which has no Power Management";
    static Snapshot ep8;
    Link link;
    Trigger t;

    printf("# step: %s\n", what);
    snapshot_take(&ep8, "ep8");
    link = link_query("rp7");
    fabric_write_attr(ep8.path, "reset_method", "bus");
    t = reset_write(ep8.path, "reset");
    trigger_check(what, &t, 0);
    link_check(what, "rp7", &link, true, t.error);
    sleep_ms(100);
    snapshots_check(&ep8, 1, what);
    sleep_ms(1500);
    check_alarm(what, audit_expect(what, "?config-too-early ep8",
                                   "?restore-lost ep8"), &ep8);
    tap_ok(reset_anew("rp7", below), "%s: removed, reset and found again",
           what);
    sleep_ms(1500);
    audit_expect("ep8 found again", "?config-too-early ep8");
}

static bool prepare(void)
{
    char path[PATH_MAX];
    unsigned i;

    if (!fabric_iommu_open(&iommu) || !kmsg_open(&kernel, false)) {
        return false;
    }
    for (i = 0; i < 3; i++) {
        if (!dma_open(&dma[i], &iommu, ids[i], i)) {
            return false;
        }
    }
    for (i = 0; i < FUNCTIONS; i++) {
        if (!topology_path(functions[i], path) || !fabric_keep_awake(path)) {
            printf("# %s is not there\n", functions[i]);
            return false;
        }
    }
    return true;
}

int main(void)
{
    unsigned i;

    vfio_need();
    if (!tap_ok(audit_start() && prepare(),
                "all devices are there, ep0, ep2 and ep3 open")) {
        return tap_done();
    }
    check_dma("before");
    tap_ok(disk_works("nvme0"), "before: the NVMe disk works");
    sleep_ms(1500);
    /* Of the opening: a look into a device that was reset just now. */
    audit_expect("before", "?config-too-early *");
    take_all();
    for (i = 0; i < sizeof(resets) / sizeof(resets[0]); i++) {
        check_reset(&resets[i]);
    }
    check_multifunction();
    check_no_pm();
    for (i = 0; i < 3; i++) {
        dma_close(&dma[i]);
    }
    fabric_iommu_close(&iommu);
    /* On closing vfio puts back the state of when it was opened. */
    sleep_ms(1500);
    audit_expect("vfio closed", "?restore-lost ep0", "?restore-lost ep2",
                 "?restore-lost ep3");
    check_never("ep0", "reset", "bus", "reset-ready-ms", "ep0", "ds2", "ep0");
    check_never("ep0", "reset", "flr", "flr-ready-ms", "ep0", "ds2", "ep0");
    check_never("rp0", "reset_subordinate", NULL, "reset-ready-ms", "ep0",
                "rp0", "us0");
    check_never("rp0", "reset_subordinate", NULL, "reset-ready-ms", "rp0",
                "rp0", "us0");
    tap_ok(prepare(), "at last: ep0, ep2 and ep3 open again");
    check_dma("at last");
    audit_done();
    for (i = 0; i < 3; i++) {
        dma_close(&dma[i]);
    }
    fabric_iommu_close(&iommu);
    printf("# seen: %zu resets, devices ready after 0, 300 and 5000 ms, or "
           "never\n",
           sizeof(resets) / sizeof(resets[0]));
    return tap_done();
}
