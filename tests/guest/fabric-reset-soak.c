/*
 * Many resets at every level of a tree, in an order that a seed decides, while
 * an NVMe disk reads and writes and an endpoint's ring runs.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Now and then a kernel reports Unsupported Requests here: one that prepares for
 * a reset from the top down, and so takes the ports' Bus Master Enable before the
 * driver of the disk has come to rest. What the disk sends then stops at a port
 * (PCIe r6.0 sec 7.5.1.1.3). The root port, which logs that, is not compared.
 */
#include "fabric-reset.h"
#include <pthread.h>

#define RESETS 300u
#define SEED 0x2545f4914f6cdd1dull
#define BLOCKS 64u

static FabricIommu iommu;
static Dma dma;
static Kmsg kernel;

static const char *const functions[] = {
    "us0", "ds0", "us1", "ds2", "ep0", "ds3", "mf0", "mf1", "ds1", "nvme0",
};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static Snapshot before[FUNCTIONS];

static const struct Kind {
    const char *device, *attr, *method;
} kinds[] = {
    { "rp0", "reset_subordinate", NULL },
    { "us0", "reset_subordinate", NULL },
    { "ds0", "reset_subordinate", NULL },
    { "us1", "reset_subordinate", NULL },
    { "ds1", "reset_subordinate", NULL },
    { "ds2", "reset_subordinate", NULL },
    { "ep0", "reset", "bus" },
    { "ep0", "reset", "flr" },
    { "nvme0", "reset", "bus" },
    { "nvme0", "reset", "flr" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint64_t random_next(void)
{
    static uint64_t state = SEED;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* --- the disk ------------------------------------------------------------- */

typedef struct Disk {
    volatile bool stop;
    unsigned long transfers;
    unsigned errors, mismatches;
    int error;
    pthread_t thread;
} Disk;

/* The disk takes what is written; what it gives is zeros, over what was there. */
static void *disk_main(void *opaque)
{
    static uint64_t data[512] __attribute__((aligned(4096)));
    Disk *disk = opaque;
    char node[PATH_MAX];
    int fd = disk_node("nvme0", node) ? open(node, O_RDWR | O_DIRECT) : -1;

    while (!disk->stop) {
        off_t at = disk->transfers % BLOCKS * sizeof(data);
        unsigned i, differ = 0;

        memset(data, 0x5a, sizeof(data));
        if (pwrite(fd, data, sizeof(data), at) != (ssize_t)sizeof(data) ||
            pread(fd, data, sizeof(data), at) != (ssize_t)sizeof(data)) {
            disk->errors++;
            disk->error = errno;
        } else {
            for (i = 0; i < sizeof(data) / 8; i++) {
                differ += data[i] != 0;
            }
            disk->mismatches += differ != 0;
        }
        disk->transfers++;
        sleep_ms(1);
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

/* --- a reset -------------------------------------------------------------- */

typedef struct Count {
    unsigned failed, differ, dma, reports;
} Count;

/* The ring is still at work when the reset comes, or just done. */
static void one_reset(unsigned number, Count *count)
{
    const struct Kind *k = &kinds[random_next() % KINDS];
    static const int late[] = { 0, 0, 0, 50, 300, 1200 };
    int ms = late[random_next() % 6];
    char what[96], path[PATH_MAX];
    unsigned i, differ = 0;
    Trigger t;

    snprintf(what, sizeof(what), "%u: %s of %s %s, ep0 %d ms", number, k->attr,
             k->device, k->method ? k->method : "", ms);
    if (number % 20 == 0) {
        printf("# step: %s\n", what);
    }
    host_set("ep0", "reset-ready-ms", ms);
    for (i = 0; i < FUNCTIONS; i++) {
        snapshot_take(&before[i], functions[i]);
    }
    topology_path(k->device, path);
    if (k->method) {
        fabric_write_attr(path, "reset_method", k->method);
    }
    if (fabric_ring_start(&dma.ep, dma.ring, dma.iova + FABRIC_PAGE,
                          RING_ORDER)) {
        for (i = 0; i < 15; i++) {
            *fabric_ring_slot(&dma.ep, i) =
                fabric_atomic(FABRIC_FETCH_ADD, 64, dma.iova, 1, 0);
        }
        fabric_ring_kick(&dma.ep, random_next() % 15 + 1);
    }
    t = reset_write(path, k->attr);
    for (i = 0; i < FUNCTIONS; i++) {
        differ += snapshot_differs(&before[i], what);
    }
    if (t.error) {
        printf("# %s: %s\n", what, strerror(t.error));
    }
    while (kmsg_next(&kernel)) {
        count->reports += strstr(kernel.line, "UnsupReq") != NULL;
    }
    count->failed += t.error != 0;
    count->differ += differ != 0;
    /* With all as before, the rest is the machine's. */
    count->dma += !dma_works(&dma) && !differ && !t.error;
}

static bool prepare(void)
{
    char path[PATH_MAX];
    unsigned i;

    if (!fabric_iommu_open(&iommu) || !dma_open(&dma, &iommu, "ep0", 0)) {
        return false;
    }
    for (i = 0; i < FUNCTIONS; i++) {
        if (!topology_path(functions[i], path) || !fabric_keep_awake(path)) {
            return false;
        }
    }
    return true;
}

int main(void)
{
    Disk disk = { 0 };
    Count count = { 0 };
    unsigned i;

    vfio_need();
    if (!tap_ok(audit_start() && prepare() &&
                kmsg_open(&kernel, false) &&
                pthread_create(&disk.thread, NULL, disk_main, &disk) == 0,
                "ep0 opens, the disk is at work")) {
        return tap_done();
    }
    for (i = 0; i < RESETS; i++) {
        one_reset(i, &count);
    }
    disk.stop = true;
    pthread_join(disk.thread, NULL);
    host_set("ep0", "reset-ready-ms", 0);
    tap_kernel(count.failed == 0, "resets by the kernel that fail => %u "
               "(of %u)", count.failed, RESETS);
    tap_kernel(count.differ == 0, "resets after which configuration space "
               "differs => %u", count.differ);
    tap_ok(count.dma == 0, "resets after which all is as before, but DMA of "
           "ep0 does not work => %u", count.dma);
    tap_kernel(disk.transfers > 0 && !disk.errors,
               "transfers of the disk that the kernel lets fail => %u (of %lu; "
               "the last: %s)", disk.errors, disk.transfers,
               strerror(disk.error));
    tap_ok(disk.mismatches == 0, "transfers of the disk with other data => %u "
           "(of %lu)", disk.mismatches, disk.transfers);
    sleep_ms(1500);
    audit_expect("at last", "?reset-dma-in-flight ep0");
    audit_done();
    printf("# seen: %u resets, %lu transfers of the disk meanwhile, UnsupReq "
           "%u times\n", RESETS, disk.transfers, count.reports);
    dma_close(&dma);
    fabric_iommu_close(&iommu);
    return tap_done();
}
