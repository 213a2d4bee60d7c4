/*
 * AtomicOp Egress Blocking in a switch's upstream port: what the requester
 * gets, what the port logs, and what the kernel's AER driver makes of it.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCIe r6.0 sec 6.15.2: the egress port answers with Unsupported Request and
 * logs AtomicOp Egress Blocked. With its default severity that is an Advisory
 * Non-Fatal Error (sec 6.2.3.2.4.1), which is masked by default: then nothing
 * is logged but the correctable status bit, and nobody is told. Some kernels
 * leave the mask alone, others clear it. Here both is tried on each, with
 * reporting switched off in the root port (sec 7.8.4.9), so that the port's
 * registers stay as they are until they have been read; then it is switched on,
 * and it is the kernel's turn.
 */
#include "fabric-vfio.h"
#include "kmsg.h"

#define MEMORY FABRIC_IOVA
#define PATIENCE 60.0           /* with the kernel */
#define FETCH_ADD_4DW 0x6c      /* Fmt and Type, sec 2.2.1 */
#define ROOT_CORRECTABLE 0x1    /* Root Error Command, and Status */

static FabricIommu iommu;
static FabricEndpoint ep;
static char us0[PATH_MAX], rp0[PATH_MAX];
static uint64_t *memory;

/* A line of a counter file: a name and a number. -1: there is no such line. */
static long counter(const char *file, const char *line)
{
    char path[PATH_MAX + 32], name[64];
    long value, found = -1;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", us0, file);
    f = fopen(path, "r");
    while (f && fscanf(f, "%63s %ld", name, &value) == 2) {
        if (!strcmp(name, line)) {
            found = value;
        }
    }
    if (f) {
        fclose(f);
    }
    return found;
}

typedef struct Aer {
    int64_t uncor, cor, header;
    bool detected;              /* Device Status: Correctable Error Detected */
    bool told;                  /* Root Error Status: ERR_COR received */
    long correctable, advisory, blocked;
} Aer;

static Aer aer_read(void)
{
    return (Aer) {
        .uncor = fabric_getpci(us0, "ECAP_AER+04.l"),
        .cor = fabric_getpci(us0, "ECAP_AER+10.l"),
        .header = fabric_getpci(us0, "ECAP_AER+1c.l"),
        .detected = fabric_getpci(us0, "CAP_EXP+0a.w") & PCI_EXP_DEVSTA_CED,
        .told = fabric_getpci(rp0, "ECAP_AER+30.l") & ROOT_CORRECTABLE,
        .correctable = counter("aer_dev_correctable", "TOTAL_ERR_COR"),
        .advisory = counter("aer_dev_correctable", "NonFatalErr"),
        .blocked = counter("aer_dev_nonfatal", "AtomicOpBlocked"),
    };
}

static void aer_clear(void)
{
    fabric_setpci(us0, "ECAP_AER+04.l=ffffffff ECAP_AER+10.l=ffffffff "
                  "CAP_EXP+0a.w=000f");
    fabric_setpci(rp0, "ECAP_AER+30.l=0000007f");
}

static bool set_mask(bool on)
{
    return fabric_setpci(us0, on ? "ECAP_AER+14.l=2000:2000" :
                         "ECAP_AER+14.l=0000:2000");
}

/* Whether the root port interrupts for ERR_COR. */
static bool set_reporting(bool on)
{
    return fabric_setpci(rp0, on ? "ECAP_AER+2c.l=1:1" : "ECAP_AER+2c.l=0:1");
}

static void block(const char *how)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, MEMORY, 1, 0);

    memory[0] = 7;
    if (!fabric_issue(&ep, &d)) {
        tap_ok(false, "%s: the FetchAdd is answered", how);
        return;
    }
    fabric_check(&d, FABRIC_DONE, FABRIC_UR, FABRIC_EGRESS_BLOCKED,
                 (int)fabric_routing_id(us0),
                 "%s: Unsupported Request, EGRESS_BLOCKED at the upstream port",
                 how);
    tap_ok(memory[0] == 7, "%s: memory is unchanged => %llu", how,
           (unsigned long long)memory[0]);
}

/* Masked: status bits, and nothing else (sec 6.2.4.3). */
static void check_masked(void)
{
    Aer before, after;

    printf("# step: advisory errors masked\n");
    tap_ok(set_mask(true), "masked: mask set by setpci");
    aer_clear();
    before = aer_read();
    block("masked");
    after = aer_read();
    tap_ok(after.cor == PCI_ERR_COR_ADV_NFAT && after.detected,
           "masked: correctable status has Advisory Non-Fatal alone => %#llx",
           (long long)after.cor);
    tap_ok(after.uncor == 0 && after.header == before.header,
           "masked: no uncorrectable status, header log unchanged => %#llx, %s",
           (long long)after.uncor,
           after.header == before.header ? "unchanged" : "changed");
    tap_ok(!(fabric_getpci(us0, "CAP_EXP+0a.w") & PCI_EXP_DEVSTA_URD),
           "masked: Unsupported Request Detected stays 0");
    tap_ok(!after.told, "masked: the root port is told => %s",
           after.told ? "yes" : "no");
}

/* Not masked: logged, and the root port is told; nobody takes it away. */
static void check_unmasked(void)
{
    unsigned source;
    Aer after;

    printf("# step: advisory errors not masked\n");
    tap_ok(set_mask(false), "unmasked: mask cleared by setpci");
    aer_clear();
    block("unmasked");
    after = aer_read();
    source = fabric_getpci(rp0, "ECAP_AER+34.w");
    tap_ok(after.cor == PCI_ERR_COR_ADV_NFAT && after.detected,
           "unmasked: correctable status has Advisory Non-Fatal alone => %#llx",
           (long long)after.cor);
    tap_ok(after.uncor == PCI_ERR_UNC_ATOMEG,
           "unmasked: uncorrectable status has AtomicOp Egress Blocked alone "
           "=> %#llx", (long long)after.uncor);
    tap_ok(after.header >> 24 == FETCH_ADD_4DW,
           "unmasked: the header log has the FetchAdd => %#llx",
           (long long)(after.header >> 24));
    tap_ok(after.told && source == fabric_routing_id(us0),
           "unmasked: the root port is told by the upstream port => %s",
           !after.told ? "no" : source == fabric_routing_id(us0) ? "yes" :
           "by another one");
}

/* The lines that the kernel prints for one error of the port. */
typedef struct Said {
    unsigned errors;            /* "PCIe Bus Error: severity=Correctable" */
    bool advisory;
    bool blocked;
    char header[16];            /* the first double word of the request */
} Said;

static void hear(Said *said, const char *line)
{
    const char *header = strstr(line, "TLP Header:");

    if (!strstr(line, topology_bdf(us0))) {
        return;
    }
    said->errors += strstr(line, "PCIe Bus Error: severity=Correct") != NULL;
    said->advisory |= strstr(line, "NonFatalErr") != NULL;
    said->blocked |= strstr(line, "AtomicOpBlocked") != NULL;
    if (header) {
        sscanf(header + 11, "%15s", said->header);
    }
}

/* Until the kernel has counted and acknowledged the error. */
static Said await_report(Kmsg *log, const Aer *before)
{
    double deadline = kmsg_now() + PATIENCE;
    Said said = { 0 };

    while (kmsg_now() < deadline &&
           (counter("aer_dev_correctable", "TOTAL_ERR_COR") <=
            before->correctable || fabric_getpci(us0, "ECAP_AER+10.l"))) {
        usleep(10000);
    }
    /* Whoever looks for more than that does it now. */
    sleep(1);
    while (kmsg_next(log)) {
        hear(&said, log->line);
    }
    return said;
}

/*
 * Reported with ERR_COR: what this kernel tells of it. It may look at the
 * uncorrectable status as well, and so know what the error was.
 */
static void check_report(Kmsg *log)
{
    Aer before, after;
    Said said;

    printf("# step: the kernel reports\n");
    aer_clear();
    while (kmsg_next(log)) {
    }
    tap_ok(set_reporting(true), "reported: reporting switched on in rp0");
    before = aer_read();
    block("reported");
    said = await_report(log, &before);
    after = aer_read();
    tap_kernel(said.errors == 1 && said.advisory,
               "reported: the kernel prints NonFatalErr, as one correctable "
               "error => %s (%u errors, limit %.0f s)",
               said.errors == 1 && said.advisory ? "yes" : "no", said.errors,
               PATIENCE);
    tap_kernel(after.correctable == before.correctable + 1 &&
               after.advisory == before.advisory + 1,
               "reported: aer_dev_correctable advances => by %ld, %ld of them "
               "NonFatalErr", after.correctable - before.correctable,
               after.advisory - before.advisory);
    tap_kernel(after.cor == 0, "reported: the kernel clears the correctable "
               "status => %#llx is left", (long long)after.cor);
    tap_kernel(said.blocked, "reported: the kernel prints AtomicOpBlocked => "
               "%s", said.blocked ? "yes" : "no");
    tap_kernel(after.blocked == before.blocked + 1, "reported: "
               "AtomicOpBlocked of aer_dev_nonfatal advances => by %ld",
               after.blocked - before.blocked);
    tap_kernel(after.uncor == 0, "reported: the kernel clears the "
               "uncorrectable status => %#llx is left", (long long)after.uncor);
    tap_kernel(strtoul(said.header, NULL, 16) >> 24 == FETCH_ADD_4DW,
               "reported: the kernel prints the request's header => %s (%s)",
               !said.header[0] ? "no" :
               strtoul(said.header, NULL, 16) >> 24 == FETCH_ADD_4DW ?
               "FetchAdd" : "another one", said.header);
}

/* What happened while nobody could be told is none of the kernel's business. */
static void check_silent(Kmsg *log, const Aer *before)
{
    Aer now = aer_read();
    Said said = { 0 };

    while (kmsg_next(log)) {
        hear(&said, log->line);
    }
    tap_kernel(!said.errors && now.correctable == before->correctable &&
               now.blocked == before->blocked, "reporting off: the kernel "
               "prints and counts nothing => %u errors, %ld and %ld counted",
               said.errors, now.correctable - before->correctable,
               now.blocked - before->blocked);
}

static void check_unblocked(const char *when)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, MEMORY, 1, 0);

    memory[0] = 41;
    fabric_issue(&ep, &d);
    fabric_check(&d, FABRIC_DONE, FABRIC_SC, FABRIC_NONE, FABRIC_ANYWHERE,
                 "%s: the FetchAdd completes", when);
    tap_ok(d.operand1[0] == 41 && memory[0] == 42,
           "%s: it returns the old value and adds => %llu, %llu", when,
           (unsigned long long)d.operand1[0], (unsigned long long)memory[0]);
}

int main(void)
{
    bool masked, reporting;
    Aer before;
    Kmsg log;

    vfio_need();
    if (fabric_iommu_open(&iommu) && fabric_open(&ep, &iommu, "ep0")) {
        memory = fabric_memory(&iommu, MEMORY, FABRIC_PAGE, 0);
    }
    if (!memory || !topology_path("us0", us0) || !topology_path("rp0", rp0) ||
        !kmsg_open(&log, false)) {
        tap_ok(false, "ep0 and us0 are there, ep0 issues requests");
        return tap_done();
    }
    if (counter("aer_dev_nonfatal", "AtomicOpBlocked") < 0) {
        tap_skip_all("kernel has no AER driver (CONFIG_PCIEAER)");
    }
    check_unblocked("before");
    masked = fabric_getpci(us0, "ECAP_AER+14.l") & PCI_ERR_COR_ADV_NFAT;
    reporting = fabric_getpci(rp0, "ECAP_AER+2c.l") & ROOT_CORRECTABLE;
    tap_kernel_open("the mask of advisory errors, as the kernel has left it => "
                    "%s", masked ? "set" : "clear");
    tap_kernel(reporting, "the kernel has correctable errors reported => %s",
               reporting ? "yes" : "no");
    tap_ok(set_reporting(false), "reporting switched off in rp0");
    tap_ok(fabric_setpci(us0, "CAP_EXP+28.w=0080:0080"),
           "AtomicOp Egress Blocking set by setpci");
    before = aer_read();
    check_masked();
    check_unmasked();
    check_silent(&log, &before);
    check_report(&log);
    aer_clear();
    set_mask(masked);
    tap_ok(fabric_setpci(us0, "CAP_EXP+28.w=0000:0080"),
           "AtomicOp Egress Blocking cleared by setpci");
    check_unblocked("after");
    printf("# seen: UR from the upstream port; %s by default\n", masked ?
           "the kernel leaves it masked" : "the kernel is told");
    fabric_close(&ep);
    fabric_iommu_close(&iommu);
    return tap_done();
}
