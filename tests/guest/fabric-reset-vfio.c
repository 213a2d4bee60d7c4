/*
 * VFIO_DEVICE_PCI_HOT_RESET and VFIO_DEVICE_RESET, with devices that are ready
 * at once, late, very late, or never.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The user of vfio owns every function that the reset concerns. After it
 * configuration space is as before, what the user has mapped is there again,
 * and DMA works: the former is for the kernel to do, the latter for the machine.
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
} resets[] = {
    { 0, 1, "ep0", "reset-ready-ms", 0 },
    { 0, 1, "ep0", "reset-ready-ms", 300 },
    { 0, 1, "ds2", "reset-ready-ms", 5000 },
    { 1, 1, "ep2", "reset-ready-ms", 0 },
    { 1, 1, "ep2", "reset-ready-ms", 300 },
    { 1, 1, "rp1", "reset-ready-ms", 5000 },
    { 2, 2, "ds3", "reset-ready-ms", 0 },
    { 2, 2, "ds3", "reset-ready-ms", 300 },
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

/* What the kernel has restored, and whether the machine works with it. */
static void check_state(const Snapshot *before, unsigned first, unsigned count,
                        const char *what)
{
    bool same = snapshots_check(before, count, what);
    unsigned i, works = 0;

    for (i = 0; i < count; i++) {
        works += dma_works(&dma[first + i]);
    }
    tap_ok(works == count || !same, "%s: DMA works where all is as before => "
           "%u of %u", what, works, count);
}

static void check_hot_reset(const struct HotReset *r)
{
    Dma *d = &dma[r->endpoint];
    const char *port = link_port(d->ep.id, "reset");
    static Snapshot before[2];
    unsigned i, functions;
    char what[96];
    Link link;
    Trigger t;

    snprintf(what, sizeof(what), "hot reset of %s, below %s %d ms", d->ep.id,
             r->slow, r->ms);
    printf("# step: %s\n", what);
    host_set(r->slow, r->property, r->ms);
    for (i = 0; i < r->functions; i++) {
        snapshot_take(&before[i], ids[r->endpoint + i]);
    }
    functions = concerned(d->ep.device);
    tap_kernel(functions == r->functions,
               "%s: functions that it concerns, says the kernel => %u", what,
               functions);
    link = link_query(port);
    t = hot_reset(d, r->functions);
    trigger_check(what, &t, r->ms);
    link_check(what, port, &link, true, t.error);
    check_state(before, r->endpoint, r->functions, what);
    sleep_ms(1500);
    audit_empty(what);
    host_set(r->slow, r->property, 0);
}

/* The function alone: Linux takes the function level reset that it has. */
static void check_function_reset(int ms)
{
    static Snapshot before;
    char what[64];
    Trigger t = { 0 };
    double start;
    Link link;

    snprintf(what, sizeof(what), "VFIO_DEVICE_RESET of ep0, %d ms", ms);
    printf("# step: %s\n", what);
    host_set("ep0", "flr-ready-ms", ms);
    snapshot_take(&before, "ep0");
    link = link_query("ds2");
    start = kmsg_now();
    if (ioctl(dma[0].ep.device, VFIO_DEVICE_RESET) < 0) {
        t.error = errno;
    }
    t.seconds = kmsg_now() - start;
    trigger_check(what, &t, ms);
    link_check(what, "ds2", &link, false, t.error);
    check_state(&before, 0, 1, what);
    sleep_ms(1500);
    audit_empty(what);
    host_set("ep0", "flr-ready-ms", 0);
}

/*
 * The same by a reset of the bus. A kernel for which vfio locks the device, but
 * not the port whose bit it is, notes that itself, once.
 */
static void check_unlocked(void)
{
    const char *what = "VFIO_DEVICE_RESET of ep2 by bus";
    static Snapshot before;
    Trigger t = { 0 };
    bool said;
    Link link;

    printf("# step: %s\n", what);
    fabric_write_attr(dma[1].ep.path, "reset_method", "bus");
    snapshot_take(&before, "ep2");
    link = link_query("rp1");
    kernel_said(&kernel, "");
    if (ioctl(dma[1].ep.device, VFIO_DEVICE_RESET) < 0) {
        t.error = errno;
    }
    said = kernel_said(&kernel, "unlocked secondary bus reset");
    tap_kernel(!t.error, "%s: the kernel resets => %s", what,
               t.error ? strerror(t.error) : "done");
    tap_kernel(!said, "%s: the kernel says that the reset is not locked => %s",
               what, said ? "yes" : "no");
    link_check(what, "rp1", &link, true, t.error);
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
    trigger_check_never(what, &t, kernel_said(&kernel, GIVING_UP));
    sleep_ms(1500);
    audit_empty(what);
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
    /* Of the opening: a look into a device that was reset just now. */
    audit_expect("before", "?config-too-early *");
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
    audit_done();
    dma_close(&dma[0]);
    fabric_iommu_close(&iommu);
    printf("# seen: hot resets of single functions, of a device of two and of "
           "a hot-plug slot\n");
    return tap_done();
}
