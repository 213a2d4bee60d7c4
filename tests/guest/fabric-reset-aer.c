/*
 * Fatal errors, and the kernel's recovery from them with a reset of the link: a
 * malformed request, an AtomicOp that egress blocking stops, a link that is
 * lost.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The port that has found the error sends ERR_FATAL (PCIe r6.0 sec 6.2.4). The
 * AER driver stops all drivers below, resets the link, has each port and each
 * driver that knows how to restore its function, and goes on. vfio-pci does
 * not restore: this is up to its user.
 *
 * Two things of Linux come to light here, on 6.12 and 7.3 alike. The state that
 * a port gets back is the one of when its driver was bound: an upstream port is
 * not a bus master then, unless firmware has made it one, and no DMA passes it
 * after the recovery. And nobody waits for the links and devices further down.
 */
#include "fabric-reset.h"

#define PATIENCE 100.0

static FabricIommu iommu;
static Dma dma;
static Kmsg kernel;
static int error_event = -1;

static const char *const functions[] = {
    "us3", "ds5", "us4", "ds6", "ds7", "nvme1", "rp3",
};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static Snapshot before[FUNCTIONS], endpoint;

typedef struct Said {
    bool fatal, named, reset, recovered, failed;
} Said;

/* --- the errors ----------------------------------------------------------- */

/* Sec 6.15.2: an AtomicOp that is not aligned; the root port finds it. */
static bool malformed(void)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, dma.iova + 4, 1, 0);

    fabric_start(&dma.ep, &d);
    return true;
}

/* Severity fatal: then it is no advisory error (sec 6.2.3.2.4.1). */
static bool blocked(void)
{
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, dma.iova, 1, 0);
    char path[PATH_MAX];

    if (!topology_path("us3", path) ||
        !fabric_setpci(path, "ECAP_AER+0c.l=01000000:01000000 "
                       "CAP_EXP+28.w=0080:0080")) {
        return false;
    }
    fabric_start(&dma.ep, &d);
    return true;
}

static bool unblock(void)
{
    char path[PATH_MAX];

    return topology_path("us3", path) &&
           fabric_setpci(path, "ECAP_AER+0c.l=00000000:01000000 "
                         "CAP_EXP+28.w=0000:0080");
}

/* A slot without Hot-Plug Surprise: an error (sec 3.2.1). */
static bool lost(void)
{
    return host_do("lose ds7");
}

/* The port itself is not reset, and the kernel leaves fatal bits alone. */
static bool forget_loss(void)
{
    char path[PATH_MAX];

    return topology_path("ds7", path) &&
           fabric_setpci(path, "ECAP_AER+04.l=00000020");
}

/* Nobody has told the driver yet, and the link is up again soon. */
#define AFTER_LOSS { "?config-link-down nvme1", "?config-too-early nvme1", \
                     "?config-not-ready nvme1", "?reset-overlap ds7" }

static const struct Error {
    const char *what, *name;    /* as the kernel prints it */
    bool (*provoke)(void);
    bool (*undo)(void);
    bool endpoint;              /* ep4 is reset as well */
    const char *slow;           /* whose devices are late by this */
    int ms;
    const char *found[5];       /* by the audit */
} errors[] = {
    { "malformed request", "MalfTLP", malformed, NULL, true, "rp3", 0,
      { "restore-lost ep4", "?reset-dma-in-flight ep4",
        "?config-too-early nvme1" } },
    { "malformed request", "MalfTLP", malformed, NULL, true, "rp3", 300,
      { "restore-lost ep4", "?reset-dma-in-flight ep4" } },
    { "malformed request", "MalfTLP", malformed, NULL, true, "rp3", 5000,
      { "restore-lost ep4", "?reset-dma-in-flight ep4" } },
    /*
     * From an upstream port: its link may be what is broken, so that it is not
     * asked. What setpci wrote is not in the state that it gets back.
     */
    { "blocked AtomicOp", "Inaccessible", blocked, unblock, true, "rp3", 300,
      { "restore-lost ep4", "restore-lost us3", "?reset-dma-in-flight ep4" } },
    { "lost link", "SDES", lost, forget_loss, false, "ds7", 0, AFTER_LOSS },
    { "lost link", "SDES", lost, forget_loss, false, "ds7", 300, AFTER_LOSS },
    { "lost link", "SDES", lost, forget_loss, false, "ds7", 5000, AFTER_LOSS },
};

/* --- the recovery --------------------------------------------------------- */

static void hear(Said *said, const struct Error *e)
{
    const char *line = kernel.line;

    said->fatal |= strstr(line, "severity=Uncorrectable (Fatal)") != NULL;
    said->named |= strstr(line, e->name) != NULL;
    said->reset |= strstr(line, "link has been reset (0)") != NULL;
    said->recovered |= strstr(line, "device recovery successful") != NULL;
    said->failed |= strstr(line, "device recovery failed") != NULL;
}

static Said await_recovery(const struct Error *e)
{
    double deadline = kmsg_now() + PATIENCE;
    Said said = { 0 };

    while (!said.recovered && !said.failed && kmsg_wait(&kernel, deadline)) {
        hear(&said, e);
    }
    return said;
}

static bool prepare(void)
{
    char path[PATH_MAX];
    unsigned i;

    if (!fabric_iommu_open(&iommu) || !dma_open(&dma, &iommu, "ep4", 0)) {
        return false;
    }
    for (i = 0; i < FUNCTIONS; i++) {
        if (!topology_path(functions[i], path) || !fabric_keep_awake(path)) {
            return false;
        }
    }
    return true;
}

/* The user of vfio is told by an event. */
static bool listen_error(void)
{
    struct {
        struct vfio_irq_set set;
        int fd;
    } request = {
        .set = {
            .argsz = sizeof(request), .index = VFIO_PCI_ERR_IRQ_INDEX,
            .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
            .count = 1,
        },
    };

    if (error_event < 0) {
        error_event = eventfd(0, EFD_NONBLOCK);
    }
    request.fd = error_event;
    return ioctl(dma.ep.device, VFIO_DEVICE_SET_IRQS, &request) == 0;
}

/* What the kernel leaves to the user: vfio puts the state back on closing. */
static void check_endpoint(const struct Error *e, const char *what)
{
    tap_ok((fabric_interrupts(error_event) > 0) == e->endpoint,
           "%s: the user of ep4 %s", what, e->endpoint ? "is told" :
           "is not bothered");
    if (e->endpoint) {
        tap_ok(snapshot_differs(&endpoint, what) > 0,
               "%s: vfio-pci does not restore ep4", what);
        dma_close(&dma);
        fabric_iommu_close(&iommu);
        tap_ok(prepare() && listen_error(), "%s: ep4 opens again", what);
    }
    tap_ok(dma_works(&dma), "%s: DMA of ep4 works", what);
}

static void take_all(void)
{
    unsigned i;

    for (i = 0; i < FUNCTIONS; i++) {
        snapshot_take(&before[i], functions[i]);
    }
    snapshot_take(&endpoint, "ep4");
    fabric_interrupts(error_event);
}

/* A restore is looked for from the first access on. */
static void settle(void)
{
    static uint8_t config[CONFIG_SIZE];

    config_read(endpoint.path, config);
    sleep_ms(1500);
}

/* But for the root port, which is not reset and has the error's header. */
static unsigned differences(const char *what)
{
    unsigned i, differ = 0;

    for (i = 0; i < FUNCTIONS - 1; i++) {
        differ += snapshot_differs(&before[i], what);
    }
    return differ;
}

static void check_error(const struct Error *e)
{
    unsigned found = 0;
    char what[96];
    Said said;

    snprintf(what, sizeof(what), "%s, below %s %d ms", e->what, e->slow, e->ms);
    printf("# step: %s\n", what);
    host_set(e->slow, "reset-ready-ms", e->ms);
    take_all();
    kernel_said(&kernel, "");
    tap_ok(e->provoke(), "%s: provoked", what);
    said = await_recovery(e);
    tap_ok(said.fatal && said.named, "%s: the kernel hears of a fatal %s", what,
           e->name);
    tap_ok(said.reset && said.recovered, "%s: it resets the link and recovers",
           what);
    if (e->undo) {
        e->undo();
    }
    tap_ok(disk_works("nvme1"), "%s: the NVMe disk reads what was written",
           what);
    tap_ok(differences(what) == 0,
           "%s: configuration space of %zu functions is as before", what,
           FUNCTIONS - 1);
    settle();
    while (e->found[found]) {
        found++;
    }
    audit_check(what, e->found, found);
    check_endpoint(e, what);
    host_set(e->slow, "reset-ready-ms", 0);
    sleep_ms(1500);
    audit_empty(what);
}

/* --- what Linux does not do ----------------------------------------------- */

/*
 * Have the driver of the upstream ports bound anew while they are bus masters,
 * as firmware would have left them: this is the state that it restores.
 */
static bool make_masters(void)
{
    static const char *const ports[] = { "us3", "us4" };
    char path[PATH_MAX];
    unsigned i;

    for (i = 0; i < 2; i++) {
        if (!topology_path(ports[i], path) ||
            !fabric_write_attr(path, "driver/unbind", topology_bdf(path)) ||
            !fabric_setpci(path, "COMMAND=0006:0006") ||
            !fabric_write_file("/sys/bus/pci/drivers/pcieport/bind",
                               topology_bdf(path))) {
            return false;
        }
    }
    return true;
}

/* The whole tree, after something that the kernel does not recover from. */
static bool rebuild(void)
{
    static const char *const below[] = { "us3", NULL };
    unsigned tries;

    dma_close(&dma);
    fabric_iommu_close(&iommu);
    if (!reset_anew("rp3", below)) {
        return false;
    }
    for (tries = 0; tries < 100 && !disk_works("nvme1"); tries++) {
        sleep_ms(100);
    }
    return tries < 100 && prepare() && listen_error();
}

/* Bus Master Enable of the upstream ports, sec 7.5.1.1.3 */
static void check_masters(void)
{
    const char *what = "as the kernel finds the ports";
    Said said;

    printf("# step: %s\n", what);
    take_all();
    kernel_said(&kernel, "");
    malformed();
    said = await_recovery(&errors[0]);
    tap_ok(said.fatal && said.reset && said.recovered,
           "%s: the kernel says that it recovers", what);
    tap_ok(!(fabric_getpci(before[0].path, "COMMAND") & PCI_COMMAND_MASTER) &&
           !(fabric_getpci(before[2].path, "COMMAND") & PCI_COMMAND_MASTER),
           "%s: us3 and us4 are no bus masters any more", what);
    tap_ok(!disk_works("nvme1"), "%s: the NVMe disk does not work", what);
    settle();
    audit_expect(what, "restore-lost ep4", "?reset-dma-in-flight ep4",
                 "?config-too-early nvme1", "?late-dma *");
    tap_ok(rebuild(), "%s: removed, reset and found again", what);
}

/* The reset is above, the late device far below. */
static void check_nested(void)
{
    const char *what = "malformed request, below ds7 300 ms";
    Said said;

    printf("# step: %s\n", what);
    host_set("ds7", "reset-ready-ms", 300);
    take_all();
    kernel_said(&kernel, "");
    malformed();
    said = await_recovery(&errors[0]);
    tap_ok(said.fatal && said.reset && said.recovered,
           "%s: the kernel says that it recovers", what);
    tap_ok(!disk_works("nvme1"), "%s: the NVMe disk does not work", what);
    settle();
    audit_expect(what, "restore-lost ep4", "?reset-dma-in-flight ep4",
                 "config-not-ready nvme1", "?config-too-early nvme1",
                 "?restore-lost nvme1");
    host_set("ds7", "reset-ready-ms", 0);
    tap_ok(rebuild(), "%s: removed, reset and found again", what);
}

/* A device that never comes back. */
static void check_never(void)
{
    static const struct Error never = { "never ready", "SDES", lost, NULL,
                                        false, "ds7", -1, AFTER_LOSS };
    const char *what = never.what;
    double start;
    Said said;

    printf("# step: %s\n", what);
    host_set("ds7", "reset-ready-ms", never.ms);
    kernel_said(&kernel, "");
    start = kmsg_now();
    tap_ok(lost(), "%s: provoked", what);
    said = await_recovery(&never);
    tap_ok(said.fatal && said.failed && !said.recovered,
           "%s: the recovery fails after %.1f s", what, kmsg_now() - start);
    sleep_ms(1500);
    audit_check(what, never.found, 4);
    host_set("ds7", "reset-ready-ms", 0);
    tap_ok(rebuild(), "%s: removed, reset and found again", what);
}

int main(void)
{
    unsigned i;

    vfio_need();
    if (!tap_ok(audit_start() && prepare() && listen_error() &&
                kmsg_open(&kernel, false),
                "all devices are there, ep4 opens")) {
        return tap_done();
    }
    tap_ok(dma_works(&dma) && disk_works("nvme1"),
           "before: DMA of ep4 and the NVMe disk work");
    sleep_ms(1500);
    audit_empty("before");
    check_masters();
    tap_ok(make_masters(), "us3 and us4 are bus masters when their driver is "
           "bound");
    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        check_error(&errors[i]);
    }
    check_nested();
    check_never();
    tap_ok(dma_works(&dma), "at last: DMA of ep4 works");
    dma_close(&dma);
    fabric_iommu_close(&iommu);
    printf("# seen: ERR_FATAL from a root port, an upstream port and a lost "
           "link; nested devices are not waited for\n");
    return tap_done();
}
