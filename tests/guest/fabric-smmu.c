/*
 * Requests that the SMMUv3 refuses: one event each, and an Unsupported Request
 * for the requester.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An AtomicOp reads and writes, but it is one transaction: one record in the
 * event queue (IHI 0070, sec 7.3). Each request has an address of its own, by
 * which the records are told apart. All are counted at the end, after the
 * record of a last request: the queue keeps their order.
 */
#include "fabric-vfio.h"
#include "smmu-events.h"

#define RING FABRIC_IOVA
#define UNMAPPED (FABRIC_IOVA + 0x100000)
#define READ_ONLY (FABRIC_IOVA + 0x200000)
#define LATER (FABRIC_IOVA + 0x300000)
#define NO_RING (FABRIC_IOVA + 0x400000)
#define LAST (FABRIC_IOVA + 0x500000)
#define PATTERN 0x0123456789abcdefull

/* What is wanted of the event queue in the end. */
typedef struct Wanted {
    uint64_t addr;
    unsigned type;
    unsigned count;
    int read;                   /* RnW, or -1 if both are right */
    const char *what;
} Wanted;

static FabricIommu iommu;
static FabricEndpoint ep;
static SmmuEvents events;
static Wanted wanted[SMMU_EVENTS];
static unsigned wants;

static void want(uint64_t addr, unsigned type, unsigned count, int read,
                 const char *what)
{
    wanted[wants++] = (Wanted) { addr, type, count, read, what };
}

static void refused(const char *what, FabricDesc d, unsigned type, int read)
{
    bool posted = (d.request & 0xf) == FABRIC_WRITE;

    printf("# step: %s\n", what);
    want(d.addr, type, 1, read, what);
    if (!fabric_issue(&ep, &d)) {
        tap_ok(false, "%s: answered", what);
    } else if (posted) {
        tap_ok(fabric_outcome(&d) == FABRIC_DONE &&
               fabric_status(&d) == FABRIC_SC,
               "%s: sent, and nothing more since it is posted => %s", what,
               fabric_text(&d));
    } else {
        fabric_check(&d, FABRIC_DONE, FABRIC_UR, FABRIC_IOMMU_FAULT,
                     FABRIC_ANYWHERE, "%s: Unsupported Request", what);
    }
    smmu_told(&events, d.addr, what);
}

static FabricDesc plain(unsigned op, uint64_t addr, unsigned length)
{
    return (FabricDesc) { .request = op, .addr = addr, .length = length };
}

static void check_unmapped(void)
{
    refused("FetchAdd to a page that is not mapped",
            fabric_atomic(FABRIC_FETCH_ADD, 64, UNMAPPED, 1, 0),
            SMMU_F_TRANSLATION, -1);
    refused("CAS of 128 bits to a page that is not mapped",
            fabric_atomic(FABRIC_CAS, 128, UNMAPPED + 0x1010, 1, 0),
            SMMU_F_TRANSLATION, -1);
    refused("read of a page that is not mapped",
            plain(FABRIC_READ, UNMAPPED + 0x2040, 64), SMMU_F_TRANSLATION, 1);
    refused("write to a page that is not mapped",
            plain(FABRIC_WRITE, UNMAPPED + 0x3080, 64), SMMU_F_TRANSLATION, 0);
}

static void check_read_only(void)
{
    uint64_t *page = fabric_memory(&iommu, READ_ONLY, FABRIC_PAGE, 0);
    FabricDesc d = plain(FABRIC_READ, READ_ONLY, 8);

    if (!page || !fabric_unmap(&iommu, READ_ONLY, FABRIC_PAGE) ||
        !fabric_map(&iommu, READ_ONLY, page, FABRIC_PAGE, FABRIC_RO)) {
        tap_ok(false, "a page is mapped for reading");
        return;
    }
    page[0] = page[1] = page[2] = PATTERN;
    tap_ok(fabric_issue(&ep, &d) && fabric_outcome(&d) == FABRIC_DONE &&
           fabric_status(&d) == FABRIC_SC &&
           *(uint64_t *)ep.mem == PATTERN, "read of a read-only page");
    want(READ_ONLY, 0, 0, -1, "read of a read-only page");
    refused("FetchAdd to a read-only page",
            fabric_atomic(FABRIC_FETCH_ADD, 64, READ_ONLY + 8, 1, 0),
            SMMU_F_PERMISSION, 0);
    memset(ep.mem, 0, 64);
    refused("write to a read-only page",
            plain(FABRIC_WRITE, READ_ONLY + 16, 8), SMMU_F_PERMISSION, 0);
    tap_ok(page[0] == PATTERN && page[1] == PATTERN && page[2] == PATTERN,
           "the read-only page is unchanged => %#llx, %#llx, %#llx",
           (unsigned long long)page[0], (unsigned long long)page[1],
           (unsigned long long)page[2]);
}

/* Nothing that was learnt of the address may outlive a change of the tables. */
static void check_later(void)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, LATER, 5, 0);
    uint64_t *page;

    refused("FetchAdd before the page is mapped", d, SMMU_F_TRANSLATION, -1);
    page = fabric_memory(&iommu, LATER, FABRIC_PAGE, 0);
    if (!page) {
        tap_ok(false, "the page is mapped");
        return;
    }
    page[0] = PATTERN;
    fabric_issue(&ep, &d);
    fabric_check(&d, FABRIC_DONE, FABRIC_SC, FABRIC_NONE, FABRIC_ANYWHERE,
                 "FetchAdd once the page is mapped");
    tap_ok(d.operand1[0] == PATTERN && page[0] == PATTERN + 5,
           "FetchAdd returns the old value and adds => %#llx, %#llx",
           (unsigned long long)d.operand1[0], (unsigned long long)page[0]);
    tap_ok(fabric_unmap(&iommu, LATER, FABRIC_PAGE), "the page is unmapped");
    /* Another address in the page, so that this record is told apart. */
    d.addr += 8;
    refused("FetchAdd when the page is no longer mapped", d,
            SMMU_F_TRANSLATION, -1);
    tap_ok(page[0] == PATTERN + 5 && page[1] == 0,
           "the page that was unmapped is unchanged => %#llx, %#llx",
           (unsigned long long)page[0], (unsigned long long)page[1]);
}

/* The ring is read through the SMMU as well. */
static void check_ring(void)
{
    uint64_t other;
    uint32_t status;
    int fds[2];

    printf("# step: a ring that is not mapped\n");
    tap_ok(fabric_open_msix(&ep, fds), "MSI-X through eventfd");
    fabric_set(&ep, FABRIC_INT_ENABLE, FABRIC_INT_ERROR);
    tap_ok(fabric_ring_start(&ep, NULL, NO_RING, 4), "the ring is enabled");
    want(NO_RING, SMMU_F_TRANSLATION, 1, 1, "descriptor in an unmapped page");
    fabric_ring_kick(&ep, 1);
    while (!(fabric_get(&ep, FABRIC_STATUS) & FABRIC_STATUS_RING_ERROR)) {
        fabric_relax();
    }
    smmu_told(&events, NO_RING, "descriptor in an unmapped page");
    fabric_wait_idle(&ep);
    status = fabric_get(&ep, FABRIC_STATUS);
    tap_ok(status == FABRIC_STATUS_RING_ERROR,
           "STATUS is RING_ERROR alone => %#x", status);
    status = fabric_get(&ep, FABRIC_INT_STATUS);
    tap_ok(status & FABRIC_INT_ERROR, "INT_STATUS has ERROR => %#x", status);
    /* It ends when the interrupt comes. */
    while (!fabric_interrupts(fds[1])) {
        fabric_relax();
    }
    other = fabric_interrupts(fds[0]);
    tap_ok(!other, "an interrupt on vector 1, none on vector 0 => %llu",
           (unsigned long long)other);
    fabric_set(&ep, FABRIC_CTRL, 0);
}

/*
 * The records are the machine's, the messenger is the kernel: one that tells of
 * nothing is no fault of the machine. What it tells has to be right, and where
 * it has told of each request, their number is the machine's.
 */
static void judge(const Wanted *w)
{
    const SmmuEvent *event = NULL;
    unsigned count = smmu_count(&events, w->addr, &event);

    if (!tap_ok(count <= w->count &&
                (count == w->count || !smmu_all_told(&events)) &&
                (!count || (event->type == w->type &&
                            event->stream == fabric_routing_id(ep.path) &&
                            (w->read < 0 || w->read == event->read))),
                "%s: number and contents of the events => %u", w->what,
                count)) {
        printf("#   wanted: %u of type %#x, RnW %d, stream %#x\n", w->count,
               w->type, w->read, fabric_routing_id(ep.path));
        if (event) {
            printf("#   got:    %u, the last of type %#x, RnW %d, "
                   "stream %#x\n", count, event->type, event->read,
                   event->stream);
        } else {
            printf("#   got:    none\n");
        }
    }
}

int main(void)
{
    unsigned i;

    vfio_need();
    if (!fabric_iommu_open(&iommu) || !fabric_open(&ep, &iommu, "ep0") ||
        !smmu_listen(&events)) {
        tap_ok(false, "ep0 is there, open and issues requests");
        return tap_done();
    }
    check_unmapped();
    check_read_only();
    check_later();
    check_ring();
    refused("the last read", plain(FABRIC_READ, LAST, 4), SMMU_F_TRANSLATION,
            1);
    for (i = 0; i < wants; i++) {
        judge(&wanted[i]);
    }
    tap_ok(events.count == wants - 1 || (events.count < wants - 1 &&
                                         !smmu_all_told(&events)),
           "as many events as there were refused requests => %u of %u",
           events.count, wants - 1);
    printf("# seen: %u refused requests, %u events of the SMMU; an AtomicOp is "
           "one event and one UR, and works once its page is mapped\n",
           wants - 1, events.count);
    fabric_close(&ep);
    fabric_iommu_close(&iommu);
    return tap_done();
}
