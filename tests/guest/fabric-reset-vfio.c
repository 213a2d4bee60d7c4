/*
 * VFIO_DEVICE_PCI_HOT_RESET and VFIO_DEVICE_RESET, with devices that are ready
 * at once, late, very late, or never.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The user of vfio owns every function that the reset concerns. After it
 * configuration space is as before, what the user has mapped is there again,
 * and DMA works.
 */
#include "fabric-reset.h"

#define GIVING_UP "giving up"

static FabricIommu iommu;
static Dma dma[4];
static Kmsg kernel;

/* ep0: below a switch; ep2: in a hot-plug slot; mf0 and mf1: one device. */
static const char *const ids[] = { "ep0", "ep2", "mf0", "mf1" };
#define ENDPOINTS 4

static const struct HotReset {
    unsigned endpoint;          /* and its neighbours */
    unsigned functions;         /* that are concerned */
    const char *slow, *property;
    int ms;
    const char *found[3];       /* by the audit */
} resets[] = {
    { 0, 1, "ep0", "reset-ready-ms", 0, { NULL } },
    { 0, 1, "ep0", "reset-ready-ms", 300, { NULL } },
    { 0, 1, "ds2", "reset-ready-ms", 5000, { NULL } },
    { 1, 1, "ep2", "reset-ready-ms", 0, { NULL } },
    { 1, 1, "ep2", "reset-ready-ms", 300, { NULL } },
    { 1, 1, "rp1", "reset-ready-ms", 5000, { NULL } },
    { 2, 2, "ds3", "reset-ready-ms", 0, { NULL } },
    { 2, 2, "ds3", "reset-ready-ms", 300, { NULL } },
};

/* How many functions the reset concerns, as the kernel says; 0: none at all. */
static unsigned concerned(int device)
{
    struct {
        struct vfio_pci_hot_reset_info info;
        struct vfio_pci_dependent_device functions[8];
    } answer = { .info.argsz = sizeof(answer) };

    return ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &answer) == 0 ?
           answer.info.count : 0;
}

/* All groups that are concerned have to be shown; most often it is one. */
static Trigger hot_reset(const Dma *d, unsigned functions)
{
    struct {
        struct vfio_pci_hot_reset reset;
        int32_t group[2];
    } request = { .reset = { .argsz = sizeof(request), .count = 1 } };
    double start = kmsg_now();
    Trigger t = { 0 };

    request.group[0] = fabric_group(&iommu, d[0].ep.path);
    request.group[1] = fabric_group(&iommu, d[functions - 1].ep.path);
    if (request.group[1] != request.group[0]) {
        request.reset.count = 2;
    }
    if (ioctl(d->ep.device, VFIO_DEVICE_PCI_HOT_RESET, &request) < 0) {
        t.error = errno;
    }
    t.seconds = kmsg_now() - start;
    return t;
}

static bool in_time(const Trigger *t, int ms)
{
    return t->error == 0 && t->seconds >= (ms > 100 ? ms : 100) / 1000.0 &&
           t->seconds < ms * 2 / 1000.0 + 1.0;
}

static void check_state(const Snapshot *before, unsigned first, unsigned count,
                        const char *what)
{
    unsigned i, differ = 0, works = 0;

    for (i = 0; i < count; i++) {
        differ += snapshot_differs(&before[i], what);
        works += dma_works(&dma[first + i]);
    }
    tap_ok(differ == 0, "%s: configuration space is as before", what);
    tap_ok(works == count, "%s: DMA works", what);
}

static void check_hot_reset(const struct HotReset *r)
{
    Dma *d = &dma[r->endpoint];
    static Snapshot before[2];
    unsigned i, found = 0;
    char what[96];
    Trigger t;

    snprintf(what, sizeof(what), "hot reset of %s, below %s %d ms", d->ep.id,
             r->slow, r->ms);
    printf("# step: %s\n", what);
    host_set(r->slow, r->property, r->ms);
    for (i = 0; i < r->functions; i++) {
        snapshot_take(&before[i], ids[r->endpoint + i]);
    }
    tap_ok(concerned(d->ep.device) == r->functions,
           "%s: it concerns %u functions", what, r->functions);
    t = hot_reset(d, r->functions);
    tap_ok(in_time(&t, r->ms), "%s: done after %.3f s (%s)", what, t.seconds,
           strerror(t.error));
    check_state(before, r->endpoint, r->functions, what);
    sleep_ms(1500);
    while (found < 3 && r->found[found]) {
        found++;
    }
    audit_check(what, r->found, found);
    host_set(r->slow, r->property, 0);
}

/* The function alone: Linux takes the function level reset that it has. */
static void check_function_reset(int ms)
{
    static Snapshot before;
    char what[64];
    Trigger t = { 0 };
    double start;

    snprintf(what, sizeof(what), "VFIO_DEVICE_RESET of ep0, %d ms", ms);
    printf("# step: %s\n", what);
    host_set("ep0", "flr-ready-ms", ms);
    snapshot_take(&before, "ep0");
    start = kmsg_now();
    if (ioctl(dma[0].ep.device, VFIO_DEVICE_RESET) < 0) {
        t.error = errno;
    }
    t.seconds = kmsg_now() - start;
    tap_ok(in_time(&t, ms), "%s: done after %.3f s (%s)", what, t.seconds,
           strerror(t.error));
    check_state(&before, 0, 1, what);
    sleep_ms(1500);
    audit_empty(what);
    host_set("ep0", "flr-ready-ms", 0);
}

/*
 * The same by a reset of the bus: vfio locks the device, but not the port whose
 * bit it is, and the kernel itself notes that, once.
 */
static void check_unlocked(void)
{
    const char *what = "VFIO_DEVICE_RESET of ep2 by bus";
    unsigned version = debian_version();
    static Snapshot before;
    bool said;

    printf("# step: %s\n", what);
    fabric_write_attr(dma[1].ep.path, "reset_method", "bus");
    snapshot_take(&before, "ep2");
    kernel_said(&kernel, "");
    tap_ok(ioctl(dma[1].ep.device, VFIO_DEVICE_RESET) == 0, "%s: done", what);
    said = kernel_said(&kernel, "unlocked secondary bus reset");
    tap_ok(said || (version != 6012 && version != 7003),
           "%s: the kernel %s of an unlocked reset", what,
           said ? "tells" : "does not tell");
    check_state(&before, 1, 1, what);
    sleep_ms(1500);
    audit_empty(what);
    fabric_write_attr(dma[1].ep.path, "reset_method", "default");
}

static void check_never(void)
{
    const char *what = "hot reset of ep0, never ready";
    Trigger t;

    printf("# step: %s\n", what);
    host_set("ep0", "reset-ready-ms", -1);
    kernel_said(&kernel, "");
    t = hot_reset(&dma[0], 1);
    tap_ok(t.seconds > 55, "%s: returns after %.1f s: %s", what, t.seconds,
           strerror(t.error));
    tap_ok(kernel_said(&kernel, GIVING_UP), "%s: the kernel gives up", what);
    sleep_ms(1500);
    audit_expect(what, "?config-not-ready ep0");
    dma_close(&dma[0]);
    host_set("ep0", "reset-ready-ms", 0);
}

static bool prepare(void)
{
    char path[PATH_MAX];
    unsigned i;

    if (!fabric_iommu_open(&iommu)) {
        return false;
    }
    /* All functions of a device have to be vfio's before one is opened. */
    for (i = 0; i < ENDPOINTS; i++) {
        if (!topology_path(ids[i], path) || !fabric_isolate(ids[i], path) ||
            !vfio_bind(path)) {
            return false;
        }
    }
    for (i = 0; i < ENDPOINTS; i++) {
        if (!dma_open(&dma[i], &iommu, ids[i], i)) {
            return false;
        }
    }
    return true;
}

static void close_all(void)
{
    unsigned i;

    for (i = 0; i < ENDPOINTS; i++) {
        dma_close(&dma[i]);
    }
    fabric_iommu_close(&iommu);
}

int main(void)
{
    static const char *const below[] = { "ep0", NULL };
    unsigned i;

    vfio_need();
    if (!tap_ok(audit_start() && prepare() && kmsg_open(&kernel, false),
                "ep0, ep2, mf0 and mf1 open")) {
        return tap_done();
    }
    sleep_ms(1500);
    audit_empty("before");
    for (i = 0; i < sizeof(resets) / sizeof(resets[0]); i++) {
        check_hot_reset(&resets[i]);
    }
    check_function_reset(0);
    check_function_reset(300);
    check_function_reset(5000);
    check_unlocked();
    check_never();
    close_all();
    tap_ok(reset_anew("ds2", below) && fabric_iommu_open(&iommu) &&
           dma_open(&dma[0], &iommu, "ep0", 0) && dma_works(&dma[0]),
           "ep0, removed, reset and found again: DMA works");
    dma_close(&dma[0]);
    fabric_iommu_close(&iommu);
    printf("# seen: hot resets of single functions, of a device of two and of "
           "a hot-plug slot\n");
    return tap_done();
}
