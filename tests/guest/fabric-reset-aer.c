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
 * What becomes of that is the kernel's: whether it names the error, resets and
 * recovers, whether it gives each port the state back that it had, and waits for
 * the links and devices further down. The machine's is that the error is found
 * where it must be, that links go down, and that all works once it is set up.
 */
#include "fabric-reset.h"

#define PATIENCE 600.0          /* with the kernel, in its virtual time */

static FabricIommu iommu;
static Dma dma;
static Kmsg kernel;
static int error_event = -1;

static const char *const functions[] = {
    "us3", "ds5", "us4", "ds6", "ds7", "nvme1", "rp3",
};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static Snapshot before[FUNCTIONS], endpoint;

/* The whole tree, after something that the kernel does not recover from. */
static bool rebuild(void);

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

/* The port itself is not reset, and a kernel may leave fatal bits alone. */
static bool forget_loss(void)
{
    char path[PATH_MAX];

    return topology_path("ds7", path) &&
           fabric_setpci(path, "ECAP_AER+04.l=00000020");
}

/* Who has found it, by the fabric's own count; -1: it cannot be asked. */
static long long count_malformed(void)
{
    return host_counter("rp3", "malformed");
}

static long long count_blocked(void)
{
    return host_counter("us3", "blocked");
}

static long long count_lost(void)
{
    return link_query("ds7").resets;
}

/* Nobody has told the driver yet, and the link is up again soon. */
#define AFTER_LOSS { "?config-link-down nvme1", "?config-too-early nvme1", \
                     "?config-not-ready nvme1", "?reset-overlap ds7" }

static const struct Error {
    const char *what, *name;    /* as the kernel prints it */
    bool (*provoke)(void);
    bool (*undo)(void);
    long long (*count)(void);
    bool endpoint;              /* ep4 is reset as well */
    const char *slow;           /* whose devices are late by this */
    int ms;
    const char *found[5];       /* by the audit */
} errors[] = {
    { "malformed request", "MalfTLP", malformed, NULL, count_malformed, true,
      "rp3", 0, { "?reset-dma-in-flight ep4", "?config-too-early nvme1" } },
    { "malformed request", "MalfTLP", malformed, NULL, count_malformed, true,
      "rp3", 300, { "?reset-dma-in-flight ep4" } },
    { "malformed request", "MalfTLP", malformed, NULL, count_malformed, true,
      "rp3", 5000, { "?reset-dma-in-flight ep4" } },
    /*
     * From an upstream port: its link may be what is broken, so that it is not
     * asked. What setpci wrote may not be in the state that it gets back.
     */
    { "blocked AtomicOp", "Inaccessible", blocked, unblock, count_blocked,
      true, "rp3", 300, { "?reset-dma-in-flight ep4" } },
    { "lost link", "SDES", lost, forget_loss, count_lost, false, "ds7", 0,
      AFTER_LOSS },
    { "lost link", "SDES", lost, forget_loss, count_lost, false, "ds7", 300,
      AFTER_LOSS },
    { "lost link", "SDES", lost, forget_loss, count_lost, false, "ds7", 5000,
      AFTER_LOSS },
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

/* Four test points, of the kernel: what it says of an error. */
static void check_said(const Said *said, const char *what, const char *name)
{
    tap_kernel(said->fatal, "%s: the kernel hears of a fatal error => %s", what,
               said->fatal ? "yes" : "no");
    tap_kernel(said->named, "%s: the kernel names it %s => %s", what, name,
               said->named ? "yes" : "no");
    tap_kernel(said->reset, "%s: the kernel says that it has reset the link => "
               "%s", what, said->reset ? "yes" : "no");
    tap_kernel(said->recovered, "%s: the kernel recovers => %s (limit %.0f s)",
               what, said->recovered ? "yes" : said->failed ? "it fails" : "no",
               PATIENCE);
}

/* What the kernel leaves to the user: vfio puts the state back on closing. */
static void check_user(const struct Error *e, const char *what)
{
    bool told = fabric_interrupts(error_event) > 0;
    bool same = snapshot_differs(&endpoint, what) == 0;

    tap_kernel(told == e->endpoint, "%s: the user of ep4 is told => %s", what,
               told ? "yes" : "no");
    tap_kernel(same, "%s: ep4 is as before => %s", what, same ? "yes" : "no");
}

/* Closed and opened again where it was reset; or all has been set up anew. */
static void check_endpoint(const struct Error *e, const char *what,
                           bool recovered)
{
    bool opens = true;

    if (!recovered) {
        opens = rebuild();
    } else if (e->endpoint) {
        dma_close(&dma);
        fabric_iommu_close(&iommu);
        opens = prepare() && listen_error();
    }
    tap_ok(opens, "%s: ep4 is open", what);
    tap_ok(dma_works(&dma), "%s: DMA of ep4 works", what);
    tap_ok(disk_works("nvme1"), "%s: the NVMe disk works", what);
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

static void check_error(const struct Error *e)
{
    unsigned found = 0;
    char what[96], after[128];
    long long count;
    bool disk, same;
    Link link;
    Said said;

    snprintf(what, sizeof(what), "%s, below %s %d ms", e->what, e->slow, e->ms);
    snprintf(after, sizeof(after), "%s, set up again", what);
    printf("# step: %s\n", what);
    host_set(e->slow, "reset-ready-ms", e->ms);
    take_all();
    count = e->count();
    link = link_query(e->slow);
    kernel_said(&kernel, "");
    tap_ok(e->provoke(), "%s: provoked", what);
    said = await_recovery(e);
    count = e->count() - count;
    tap_ok(count >= 1, "%s: the machine finds it => %s (%lld times)", what,
           count >= 1 ? "yes" : "no", count);
    check_said(&said, what, e->name);
    link_check(what, e->slow, &link, true, !said.reset);
    if (e->undo) {
        e->undo();
    }
    disk = disk_works("nvme1");
    tap_kernel(disk, "%s: the kernel has the NVMe disk at work again => %s",
               what, disk ? "yes" : "no");
    /* But for the root port, which is not reset and has the error's header */
    same = snapshots_check(before, FUNCTIONS - 1, what);
    settle();
    while (e->found[found]) {
        found++;
    }
    audit_check(what, e->found, found);
    check_user(e, what);
    host_set(e->slow, "reset-ready-ms", 0);
    check_endpoint(e, what, said.recovered && disk && same);
    sleep_ms(1500);
    audit_empty(after);
}

/* --- what kernels have been seen not to do -------------------------------- */

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

static bool rebuild(void)
{
    static const char *const below[] = { "us3", NULL };

    dma_close(&dma);
    fabric_iommu_close(&iommu);
    if (!reset_anew("rp3", below)) {
        return false;
    }
    /* Its driver is at work. Where it never ends, the harness does. */
    while (!disk_works("nvme1")) {
        sleep_ms(100);
    }
    return prepare() && listen_error();
}

/* What the scene has left behind, the audit tells now and not in the next one. */
static void check_rebuilt(const char *what)
{
    char after[128];

    snprintf(after, sizeof(after), "%s, found again", what);
    tap_ok(rebuild(), "%s: removed, reset and found again", what);
    sleep_ms(1500);
    audit_expect(after, "?config-too-early *", "?restore-lost *",
                 "?config-not-ready nvme1", "?late-dma *");
}

static bool is_master(const Snapshot *port)
{
    return fabric_getpci(port->path, "COMMAND") & PCI_COMMAND_MASTER;
}

/*
 * Bus Master Enable of the upstream ports, sec 7.5.1.1.3. A kernel that gives a
 * port the state of when its driver was bound takes it away, unless firmware
 * had set it; then no DMA passes.
 */
static void check_masters(void)
{
    const char *what = "as the kernel finds the ports";
    bool masters, disk;
    Said said;

    printf("# step: %s\n", what);
    take_all();
    kernel_said(&kernel, "");
    malformed();
    said = await_recovery(&errors[0]);
    check_said(&said, what, errors[0].name);
    masters = is_master(&before[0]) && is_master(&before[2]);
    tap_kernel(masters, "%s: us3 and us4 are bus masters afterwards => %s",
               what, masters ? "yes" : "no");
    disk = disk_works("nvme1");
    tap_kernel(disk, "%s: the kernel has the NVMe disk at work again => %s",
               what, disk ? "yes" : "no");
    /* The kernel may have changed its mind meanwhile. */
    masters |= is_master(&before[0]) && is_master(&before[2]);
    tap_ok(masters || !disk, "%s: DMA passes bus masters and no others => %s",
           what, disk ? "it passes" : "it does not pass");
    settle();
    audit_expect(what, "?reset-dma-in-flight ep4", "?config-too-early nvme1",
                 "?late-dma *");
    check_rebuilt(what);
}

/* The reset is above, the late device far below. */
static void check_nested(void)
{
    const char *what = "malformed request, below ds7 300 ms";
    bool disk;
    Said said;

    printf("# step: %s\n", what);
    host_set("ds7", "reset-ready-ms", 300);
    take_all();
    kernel_said(&kernel, "");
    malformed();
    said = await_recovery(&errors[0]);
    check_said(&said, what, errors[0].name);
    disk = disk_works("nvme1");
    tap_kernel(disk, "%s: the kernel has the NVMe disk at work again => %s",
               what, disk ? "yes" : "no");
    settle();
    audit_expect(what, "?reset-dma-in-flight ep4", "?config-too-early nvme1",
                 "?restore-lost nvme1");
    host_set("ds7", "reset-ready-ms", 0);
    check_rebuilt(what);
}

/* A device that never comes back. */
static void check_never(void)
{
    static const struct Error never = { "never ready", "SDES", lost, NULL,
                                        count_lost, false, "ds7", -1,
                                        AFTER_LOSS };
    const char *what = never.what;
    long long count;
    double start;
    Said said;

    printf("# step: %s\n", what);
    host_set("ds7", "reset-ready-ms", never.ms);
    count = count_lost();
    kernel_said(&kernel, "");
    start = kmsg_now();
    tap_ok(lost(), "%s: provoked", what);
    said = await_recovery(&never);
    start = kmsg_now() - start;
    count = count_lost() - count;
    tap_ok(count >= 1, "%s: the machine finds it => %s (%lld times)", what,
           count >= 1 ? "yes" : "no", count);
    tap_kernel(said.fatal && said.failed && !said.recovered,
               "%s: the kernel's recovery fails => %s (%.1f s, limit %.0f s)",
               what, said.recovered ? "no, it says that it recovers" :
               said.failed ? "yes" : "it does not end", start, PATIENCE);
    sleep_ms(1500);
    audit_check(what, never.found, 4);
    host_set("ds7", "reset-ready-ms", 0);
    check_rebuilt(what);
}

int main(void)
{
    bool masters;
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
    /* Of the opening: a look into a device that was reset just now. */
    audit_expect("before", "?config-too-early *");
    check_masters();
    masters = make_masters();
    tap_kernel(masters, "the kernel binds us3 and us4 as bus masters => %s",
               masters ? "yes" : "no");
    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        check_error(&errors[i]);
    }
    check_nested();
    check_never();
    tap_ok(dma_works(&dma), "at last: DMA of ep4 works");
    audit_done();
    dma_close(&dma);
    fabric_iommu_close(&iommu);
    printf("# seen: ERR_FATAL from a root port, an upstream port and a lost "
           "link\n");
    return tap_done();
}
