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
 * is logged but the correctable status bit, and nobody is told. Linux before
 * 7.3 leaves the mask alone, 7.3 clears it.
 */
#include <sys/utsname.h>

#include "fabric-vfio.h"
#include "kmsg.h"

#define MEMORY FABRIC_IOVA
#define PATIENCE 15.0
#define FETCH_ADD_4DW 0x6c      /* Fmt and Type, sec 2.2.1 */

static FabricIommu iommu;
static FabricEndpoint ep;
static char us0[PATH_MAX];
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
    long correctable, advisory, blocked;
} Aer;

static Aer aer_read(void)
{
    return (Aer) {
        .uncor = fabric_getpci(us0, "ECAP_AER+04.l"),
        .cor = fabric_getpci(us0, "ECAP_AER+10.l"),
        .header = fabric_getpci(us0, "ECAP_AER+1c.l"),
        .detected = fabric_getpci(us0, "CAP_EXP+0a.w") & PCI_EXP_DEVSTA_CED,
        .correctable = counter("aer_dev_correctable", "TOTAL_ERR_COR"),
        .advisory = counter("aer_dev_correctable", "NonFatalErr"),
        .blocked = counter("aer_dev_nonfatal", "AtomicOpBlocked"),
    };
}

static void aer_clear(void)
{
    fabric_setpci(us0, "ECAP_AER+04.l=ffffffff ECAP_AER+10.l=ffffffff "
                  "CAP_EXP+0a.w=000f");
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
    tap_ok(memory[0] == 7, "%s: memory is unchanged", how);
}

/* Masked: status bits, and nothing else (sec 6.2.4.3). */
static void check_masked(void)
{
    Aer before, after;

    printf("# step: advisory errors masked\n");
    aer_clear();
    before = aer_read();
    block("masked");
    after = aer_read();
    tap_ok(after.cor == PCI_ERR_COR_ADV_NFAT && after.detected,
           "masked: correctable status has Advisory Non-Fatal alone: %#llx",
           (long long)after.cor);
    tap_ok(after.uncor == 0 && after.header == before.header,
           "masked: uncorrectable status 0, header log unchanged");
    tap_ok(!(fabric_getpci(us0, "CAP_EXP+0a.w") & PCI_EXP_DEVSTA_URD),
           "masked: Unsupported Request Detected stays 0");
    tap_ok(after.correctable == before.correctable &&
           after.blocked == before.blocked,
           "masked: the kernel counts nothing");
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
static Said await_report(Kmsg *log, bool names_it, const Aer *before)
{
    double deadline = kmsg_now() + PATIENCE;
    Said said = { 0 };

    while (kmsg_now() < deadline) {
        while (kmsg_next(log)) {
            hear(&said, log->line);
        }
        if (said.advisory && (said.blocked || !names_it) &&
            counter("aer_dev_correctable", "TOTAL_ERR_COR") >
            before->correctable && !fabric_getpci(us0, "ECAP_AER+10.l")) {
            break;
        }
        fabric_relax();
    }
    while (kmsg_next(log)) {
        hear(&said, log->line);
    }
    return said;
}

/*
 * Reported with ERR_COR. A kernel that clears the mask itself also looks at the
 * uncorrectable status; an older one tells of the advisory bit alone.
 */
static void check_reported(Kmsg *log, bool names_it)
{
    const char *how = names_it ? "reported" : "reported after unmasking";
    Aer before, after;
    Said said;

    printf("# step: advisory errors %s\n", how);
    aer_clear();
    before = aer_read();
    block(how);
    said = await_report(log, names_it, &before);
    after = aer_read();
    /* The masked one came before: had it been told, there would be two. */
    tap_ok(said.errors == 1 && said.advisory,
           "%s: the kernel prints one correctable error, NonFatalErr", how);
    tap_ok(after.correctable == before.correctable + 1 &&
           after.advisory == before.advisory + 1,
           "%s: aer_dev_correctable advances by one", how);
    tap_ok(after.cor == 0, "%s: the kernel clears the correctable status", how);
    if (names_it) {
        tap_ok(said.blocked, "%s: the kernel prints AtomicOpBlocked", how);
        tap_ok(after.blocked == before.blocked + 1,
               "%s: aer_dev_nonfatal AtomicOpBlocked advances by one: %ld, %ld",
               how, before.blocked, after.blocked);
        tap_ok(after.uncor == 0,
               "%s: the kernel clears the uncorrectable status: %#llx", how,
               (long long)after.uncor);
        tap_ok(strtoul(said.header, NULL, 16) >> 24 == FETCH_ADD_4DW,
               "%s: the kernel prints the FetchAdd's header: %s", how,
               said.header);
    } else {
        tap_ok(!said.blocked && after.blocked == before.blocked,
               "%s: this kernel does not look for what the error was", how);
        tap_ok(after.uncor == PCI_ERR_UNC_ATOMEG,
               "%s: uncorrectable status has AtomicOp Egress Blocked alone: "
               "%#llx", how, (long long)after.uncor);
        tap_ok(after.header >> 24 == FETCH_ADD_4DW,
               "%s: the header log has the FetchAdd: %08llx", how,
               (long long)after.header);
    }
}

/* What is known of Debian's kernels; a developer's own one may differ. */
static void check_mask(bool masked)
{
    struct utsname kernel;
    unsigned major = 0, minor = 0;

    uname(&kernel);
    if (strstr(kernel.release, "+deb")) {
        sscanf(kernel.release, "%u.%u", &major, &minor);
        tap_ok(masked == (major < 7 || (major == 7 && minor < 3)),
               "Linux %u.%u leaves the advisory mask %s", major, minor,
               masked ? "set" : "clear");
    } else {
        printf("# this kernel leaves the advisory mask %s\n",
               masked ? "set" : "clear");
    }
}

static void check_unblocked(const char *when)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, MEMORY, 1, 0);

    memory[0] = 41;
    fabric_issue(&ep, &d);
    fabric_check(&d, FABRIC_DONE, FABRIC_SC, FABRIC_NONE, FABRIC_ANYWHERE,
                 "%s: the FetchAdd completes", when);
    tap_ok(d.operand1[0] == 41 && memory[0] == 42,
           "%s: it returns the old value and adds", when);
}

int main(void)
{
    Kmsg log;
    bool masked;

    vfio_need();
    if (fabric_iommu_open(&iommu) && fabric_open(&ep, &iommu, "ep0")) {
        memory = fabric_memory(&iommu, MEMORY, FABRIC_PAGE, 0);
    }
    if (!memory || !topology_path("us0", us0) || !kmsg_open(&log, false)) {
        tap_ok(false, "ep0 and us0 are there, ep0 issues requests");
        return tap_done();
    }
    if (counter("aer_dev_nonfatal", "AtomicOpBlocked") < 0) {
        tap_skip_all("kernel has no AER driver (CONFIG_PCIEAER)");
    }
    check_unblocked("before");
    masked = fabric_getpci(us0, "ECAP_AER+14.l") & PCI_ERR_COR_ADV_NFAT;
    check_mask(masked);
    tap_ok(fabric_setpci(us0, "CAP_EXP+28.w=0080:0080"),
           "AtomicOp Egress Blocking set by setpci");
    if (masked) {
        check_masked();
        fabric_setpci(us0, "ECAP_AER+14.l=0:2000");
    }
    check_reported(&log, !masked);
    if (masked) {
        fabric_setpci(us0, "ECAP_AER+14.l=2000:2000");
    }
    aer_clear();
    tap_ok(fabric_setpci(us0, "CAP_EXP+28.w=0000:0080"),
           "AtomicOp Egress Blocking cleared by setpci");
    check_unblocked("after");
    printf("# seen: UR from the upstream port; %s\n", masked ?
           "silent by default, once unmasked the kernel reports NonFatalErr" :
           "the kernel reports AtomicOpBlocked and counts it");
    fabric_close(&ep);
    fabric_iommu_close(&iommu);
    return tap_done();
}
