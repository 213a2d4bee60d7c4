/*
 * Requests from one endpoint to the memory of another one below the same
 * switch: with ACS request redirect they pass the SMMUv3, without it they do
 * not.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCIe r6.0 sec 6.12.3: RR in the ACS control of the downstream port at which a
 * request enters the switch sends it up, even if the address is that of a peer.
 * A request that went directly has the peer's address on the bus; one that was
 * redirected has an address that the SMMU translates. So one number means two
 * places once it is mapped to ordinary memory: this is how the ways are told
 * apart.
 */
#include "fabric-vfio.h"
#include "smmu-events.h"

#define ELSEWHERE (FABRIC_IOVA + 0x10000000)
#define REDIRECT (PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)
#define PATTERN 0x1122334455667788ull

static FabricIommu iommu;
static FabricEndpoint ep0, ep1;
static SmmuEvents events;
static char ds0[PATH_MAX], ds1[PATH_MAX];
static uint64_t bar;            /* ep1's BAR 2 on the bus */
static unsigned faults;

static bool set_redirect(unsigned mask, unsigned value)
{
    char assignment[64];
    int64_t now;

    snprintf(assignment, sizeof(assignment), "ECAP_ACS+6.w=%04x:%04x", value,
             mask);
    now = fabric_setpci(ds0, assignment) ?
          fabric_getpci(ds0, "ECAP_ACS+6.w") : -1;
    return now >= 0 && (now & mask) == value;
}

/* With an SMMU, the kernel redirects (pci_enable_acs()). */
static void check_redirect_at_boot(void)
{
    int64_t acs = fabric_getpci(ds0, "ECAP_ACS+6.w");

    tap_kernel(acs >= 0 && (acs & REDIRECT) == REDIRECT,
               "ds0: ACS redirect as the kernel has set it => %s (%#llx)",
               acs < 0 ? "no ACS" : (acs & REDIRECT) == REDIRECT ? "RR CR UF" :
               "not all", (long long)acs);
    /* Whatever it made of it: from here on all are set. */
    tap_ok(set_redirect(REDIRECT, REDIRECT), "ds0: ACS redirect set");
}

static void expect_fault(FabricDesc d, const char *what)
{
    if (!fabric_issue(&ep0, &d)) {
        tap_ok(false, "%s: answered", what);
        return;
    }
    fabric_check(&d, FABRIC_DONE, FABRIC_UR, FABRIC_IOMMU_FAULT,
                 FABRIC_ANYWHERE, "%s: the SMMU refuses it", what);
    smmu_told(&events, d.addr, what);
    faults++;
}

static void expect_done(FabricDesc *d, const char *how, const char *what)
{
    fabric_issue(&ep0, d);
    fabric_check(d, FABRIC_DONE, FABRIC_SC, FABRIC_NONE, FABRIC_ANYWHERE,
                 "%s: %s completes", how, what);
}

/* What the requester got or had, and what the memory has now. */
static const char *values(uint64_t requester, uint64_t peer)
{
    static char text[64];

    snprintf(text, sizeof(text), "%#llx, %#llx", (unsigned long long)requester,
             (unsigned long long)peer);
    return text;
}

/* Every operation on the peer's memory, which is at this address now. */
static void check_operations(uint64_t addr, const char *how)
{
    volatile uint64_t *mem = ep1.mem;
    uint64_t *own = ep0.mem;
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, addr + 8, 3, 0);

    printf("# step: %s\n", how);
    mem[1] = PATTERN;
    expect_done(&d, how, "FetchAdd of 64 bits");
    tap_ok(d.operand1[0] == PATTERN && mem[1] == PATTERN + 3,
           "%s: FetchAdd returns the old value and adds => %s", how,
           values(d.operand1[0], mem[1]));

    d = fabric_atomic(FABRIC_SWAP, 32, addr + 20, 0xcafe0001, 0);
    mem[2] = PATTERN;
    expect_done(&d, how, "Swap of 32 bits");
    tap_ok(d.operand1[0] == PATTERN >> 32 &&
           mem[2] == (0xcafe0001ull << 32 | (uint32_t)PATTERN),
           "%s: Swap returns the old value and leaves the neighbour => %s",
           how, values(d.operand1[0], mem[2]));

    d = fabric_atomic(FABRIC_CAS, 64, addr + 24, PATTERN, 42);
    mem[3] = PATTERN;
    expect_done(&d, how, "CAS of 64 bits");
    tap_ok(d.operand1[0] == PATTERN && mem[3] == 42,
           "%s: CAS that matches => %s", how, values(d.operand1[0], mem[3]));
    d = fabric_atomic(FABRIC_CAS, 64, addr + 24, PATTERN, 43);
    expect_done(&d, how, "CAS of another value");
    tap_ok(d.operand1[0] == 42 && mem[3] == 42,
           "%s: CAS that does not match writes nothing => %s", how,
           values(d.operand1[0], mem[3]));

    d = (FabricDesc) { .request = FABRIC_READ, .length = 8, .addr = addr + 8,
                       .local = 64 };
    own[8] = 0;
    expect_done(&d, how, "read");
    tap_ok(own[8] == PATTERN + 3, "%s: read brings the data => %s", how,
           values(own[8], mem[1]));

    d = (FabricDesc) { .request = FABRIC_WRITE, .length = 8, .addr = addr + 64,
                       .local = 72 };
    own[9] = ~PATTERN;
    mem[8] = 0;
    expect_done(&d, how, "write");
    tap_ok(mem[8] == ~PATTERN, "%s: write brings the data => %s", how,
           values(own[9], mem[8]));
}

/* The peer's address, but the SMMU has ordinary memory there. */
static void check_way(uint64_t *page, bool direct, const char *how)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, bar + 128, 1, 0);
    volatile uint64_t *peer = (uint64_t *)ep1.mem + 16, *host = page + 16;

    *peer = 1000;
    *host = 2000;
    expect_done(&d, how, "FetchAdd to the peer's address");
    tap_ok(d.operand1[0] == (direct ? 1000 : 2000) &&
           *peer == 1000u + direct && *host == 2000u + !direct,
           "%s: it has reached %s => peer %llu, host memory %llu", how,
           direct ? "the peer" : "host memory", (unsigned long long)*peer,
           (unsigned long long)*host);
}

static void check_egress_blocking(void)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, bar, 1, 0);

    tap_ok(fabric_setpci(ds1, "CAP_EXP+28.w=0080:0080"),
           "AtomicOp Egress Blocking set in ds1");
    fabric_issue(&ep0, &d);
    fabric_check(&d, FABRIC_DONE, FABRIC_UR, FABRIC_EGRESS_BLOCKED,
                 (int)fabric_routing_id(ds1),
                 "direct, FetchAdd: blocked at the egress port of the peer");
    d = (FabricDesc) { .request = FABRIC_READ, .length = 8, .addr = bar };
    expect_done(&d, "direct", "read (egress blocking is for AtomicOps)");
    fabric_setpci(ds1, "CAP_EXP+28.w=0000:0080");
}

static void check_redirected(void)
{
    uint64_t *page;

    printf("# step: redirected, not mapped\n");
    expect_fault(fabric_atomic(FABRIC_FETCH_ADD, 64, bar, 1, 0),
                 "redirected, FetchAdd to a BAR that is not mapped");
    expect_fault((FabricDesc) { .request = FABRIC_READ, .length = 8,
                                .addr = bar + 8 },
                 "redirected, read of a BAR that is not mapped");
    if (!tap_ok(fabric_map(&iommu, ELSEWHERE, ep1.mem, ep1.mem_size,
                           FABRIC_RW), "vfio maps the BAR for the SMMU")) {
        return;
    }
    check_operations(ELSEWHERE, "redirected");
    tap_ok(fabric_unmap(&iommu, ELSEWHERE, ep1.mem_size), "BAR unmapped");
    expect_fault(fabric_atomic(FABRIC_FETCH_ADD, 64, ELSEWHERE, 1, 0),
                 "redirected, FetchAdd once the BAR is unmapped");

    page = fabric_memory(&iommu, bar, FABRIC_PAGE, 0);
    if (!tap_ok(page, "vfio maps host memory at the peer's address")) {
        return;
    }
    check_way(page, false, "redirected");
    tap_ok(set_redirect(PCI_ACS_RR, 0), "direct: request redirect cleared");
    check_way(page, true, "direct");
    tap_ok(set_redirect(PCI_ACS_RR, PCI_ACS_RR),
           "redirected again: request redirect set");
    check_way(page, false, "redirected again");
    tap_ok(fabric_unmap(&iommu, bar, FABRIC_PAGE), "host memory unmapped");
}

static void check_direct(void)
{
    FabricDesc d;

    tap_ok(set_redirect(PCI_ACS_RR, 0),
           "direct, nothing mapped: request redirect cleared");
    check_operations(bar, "direct, nothing mapped");
    d = fabric_atomic(FABRIC_CAS, 128, bar + 256, 0, 7);
    expect_done(&d, "direct, nothing mapped", "CAS of 128 bits");
    check_egress_blocking();
    /* The last line of the log before the count. */
    tap_ok(set_redirect(PCI_ACS_RR, PCI_ACS_RR),
           "redirected at last: request redirect set");
    expect_fault(fabric_atomic(FABRIC_FETCH_ADD, 64, bar + 16, 1, 0),
                 "redirected at last, FetchAdd");
}

static bool prepare(void)
{
    return fabric_iommu_open(&iommu) && fabric_open(&ep0, &iommu, "ep0") &&
           fabric_open(&ep1, &iommu, "ep1") && ep0.mem && ep1.mem &&
           topology_path("ds0", ds0) && topology_path("ds1", ds1) &&
           smmu_listen(&events);
}

int main(void)
{
    vfio_need();
    if (!prepare()) {
        tap_ok(false, "ep0 and ep1 are there, open and issue requests");
        return tap_done();
    }
    bar = fabric_bar_address(ep1.path, 2);
    tap_ok(bar != 0, "ep1's peer memory has an address => %s (%#llx)",
           bar ? "yes" : "no", (unsigned long long)bar);
    check_redirect_at_boot();
    check_redirected();
    check_direct();
    tap_ok(events.count == faults ||
           (events.count < faults && !smmu_all_told(&events)),
           "as many events of the SMMU as there were faults => %u of %u",
           events.count, faults);
    printf("# seen: FetchAdd, Swap, CAS, read and write to a peer; through the "
           "SMMU with ACS redirect, past it without\n");
    fabric_close(&ep1);
    fabric_close(&ep0);
    fabric_iommu_close(&iommu);
    return tap_done();
}
