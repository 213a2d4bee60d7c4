/*
 * Copies between the memories of two endpoints below one switch, by a user of
 * vfio that has mapped the BARs: through the SMMU with ACS redirect, below the
 * switch without it, as the counters of the ports show.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCIe r6.0 sec 6.12.3. A redirected request passes the root port twice: up,
 * and down again with the address that the SMMU has given it.
 */
#include "fabric-vfio.h"
#include "host.h"

#define CHUNK 4096u
#define CHUNKS 64u
#define SIZE (CHUNK * CHUNKS)

static FabricIommu iommu;
static FabricEndpoint ep0, ep1;
static char ds0[PATH_MAX], ds1[PATH_MAX];

static void fill(void *memory, uint64_t seed)
{
    volatile uint64_t *word = memory;
    unsigned i;

    for (i = 0; i < SIZE / 8; i++) {
        word[i] = seed + i * 0x0001000100010001ull;
    }
}

static unsigned wrong(const void *memory, uint64_t seed)
{
    const volatile uint64_t *word = memory;
    unsigned i, differ = 0;

    for (i = 0; i < SIZE / 8; i++) {
        differ += word[i] != seed + i * 0x0001000100010001ull;
    }
    return differ;
}

/* Chunk by chunk, through the registers: no ring, no queue in host memory. */
static unsigned copy(FabricEndpoint *ep, unsigned op, uint64_t addr)
{
    unsigned i, done = 0;

    for (i = 0; i < CHUNKS; i++) {
        FabricDesc d = { .request = op, .length = CHUNK,
                         .addr = addr + i * CHUNK, .local = i * CHUNK };

        done += fabric_issue(ep, &d) && fabric_outcome(&d) == FABRIC_DONE &&
                fabric_status(&d) == FABRIC_SC;
    }
    return done;
}

/* One way, one direction. */
static void check_copy(FabricEndpoint *from, FabricEndpoint *to, bool read,
                       uint64_t addr, bool direct)
{
    static uint64_t seed = 0x1020304050607080ull;
    FabricEndpoint *requester = read ? to : from;
    long long root = host_counter("rp0", "routed");
    long long port = host_counter(requester == &ep0 ? "ds0" : "ds1", "routed");
    char what[96];
    unsigned done, differ;

    snprintf(what, sizeof(what), "%s %s from %.8s to %.8s",
             direct ? "direct:" : "redirected:", read ? "read" : "write",
             from->id, to->id);
    fill(from->mem, ++seed);
    fill(to->mem, ~seed);
    done = copy(requester, read ? FABRIC_READ : FABRIC_WRITE, addr);
    differ = wrong(to->mem, seed);
    tap_ok(done == CHUNKS && differ == 0,
           "%s: all data arrives => %u of %u requests, %u words differ", what,
           done, CHUNKS, differ);
    root = host_counter("rp0", "routed") - root;
    port = host_counter(requester == &ep0 ? "ds0" : "ds1", "routed") - port;
    tap_ok(direct ? root == 0 : root >= (long long)CHUNKS,
           "%s: it passes the root port => %s (%lld requests)", what,
           root ? "yes" : "no", root);
    tap_ok(port >= (long long)CHUNKS,
           "%s: it passes the requester's port => %s (%lld requests)", what,
           port ? "yes" : "no", port);
}

static bool set_redirect(bool on)
{
    const char *bits = on ? "ECAP_ACS+6.w=000c:000c" : "ECAP_ACS+6.w=0000:000c";

    return fabric_setpci(ds0, bits) && fabric_setpci(ds1, bits);
}

static void check_both(bool direct)
{
    uint64_t mem0 = FABRIC_IOVA, mem1 = FABRIC_IOVA + 0x10000000;

    printf("# step: %s\n", direct ? "direct" : "redirected");
    tap_ok(set_redirect(!direct), "ds0 and ds1: ACS redirect %s",
           direct ? "cleared" : "set");
    if (direct) {
        mem0 = fabric_bar_address(ep0.path, 2);
        mem1 = fabric_bar_address(ep1.path, 2);
    } else if (!tap_ok(fabric_map(&iommu, mem0, ep0.mem, ep0.mem_size,
                                  FABRIC_RW) &&
                       fabric_map(&iommu, mem1, ep1.mem, ep1.mem_size,
                                  FABRIC_RW), "vfio maps both BARs")) {
        return;
    }
    check_copy(&ep1, &ep0, true, mem1, direct);
    check_copy(&ep0, &ep1, false, mem1, direct);
    check_copy(&ep0, &ep1, true, mem0, direct);
    check_copy(&ep1, &ep0, false, mem0, direct);
    if (!direct) {
        tap_ok(fabric_unmap(&iommu, mem0, ep0.mem_size) &&
               fabric_unmap(&iommu, mem1, ep1.mem_size), "both unmapped");
    }
}

int main(void)
{
    vfio_need();
    if (!fabric_iommu_open(&iommu) || !fabric_open(&ep0, &iommu, "ep0") ||
        !fabric_open(&ep1, &iommu, "ep1") || !ep0.mem || !ep1.mem ||
        !topology_path("ds0", ds0) || !topology_path("ds1", ds1)) {
        tap_ok(false, "ep0 and ep1 are there, open and issue requests");
        return tap_done();
    }
    check_both(false);
    check_both(true);
    tap_ok(set_redirect(true), "ds0 and ds1: ACS redirect set again");
    printf("# seen: %u KiB each way; past the root port without ACS redirect\n",
           SIZE / 1024);
    fabric_close(&ep1);
    fabric_close(&ep0);
    fabric_iommu_close(&iommu);
    return tap_done();
}
