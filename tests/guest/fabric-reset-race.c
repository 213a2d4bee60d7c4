/*
 * Races around a reset, provoked: one thread reads configuration space or runs
 * DMA while another one resets the bus; and what of it the audit names.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel holds back those who read the config file of a function while it
 * resets that function. Nobody holds them back when setpci sets Secondary Bus
 * Reset; nor those who read another file of sysfs that looks into configuration
 * space.
 */


#include "fabric-reset.h"
#include <pthread.h>

static FabricIommu iommu;
static Dma dma;
static char ep0[PATH_MAX], ds2[PATH_MAX], ds0[PATH_MAX], rp0[PATH_MAX];

/* --- the other thread ----------------------------------------------------- */

typedef struct Reader {
    const char *file;           /* in the directory of ep0 */
    volatile bool stop;
    unsigned long reads;
    pthread_t thread;
} Reader;

static void *reader_main(void *opaque)
{
    Reader *r = opaque;
    char name[PATH_MAX + 32], data[64];
    int fd;

    snprintf(name, sizeof(name), "%s/%s", ep0, r->file);
    while (!r->stop) {
        fd = open(name, O_RDONLY);
        if (fd >= 0 && pread(fd, data, sizeof(data), 0) > 0) {
            r->reads++;
        }
        close(fd);
        sched_yield();
    }
    return NULL;
}

static bool reader_start(Reader *r, const char *file)
{
    *r = (Reader) { .file = file };
    if (pthread_create(&r->thread, NULL, reader_main, r) != 0) {
        return false;
    }
    while (!r->reads) {
        sleep_ms(1);
    }
    return true;
}

static unsigned long reader_stop(Reader *r)
{
    r->stop = true;
    pthread_join(r->thread, NULL);
    return r->reads;
}

/* --- the races ------------------------------------------------------------ */

/* Nobody restores what setpci has had reset. */
static void rebuild(const char *what)
{
    static const char *const below[] = { "ep0", NULL };

    tap_ok(reset_anew("ds2", below) && topology_path("ep0", ep0),
           "%s: ep0 removed, reset and found again", what);
    sleep_ms(1500);
    audit_expect(what, "?config-too-early ep0", "?restore-lost ep0");
}

static void check_raw(void)
{
    const char *what = "setpci resets, config is read";
    unsigned long reads;
    Reader reader;

    printf("# step: %s\n", what);
    tap_ok(reader_start(&reader, "config") && reset_raw(ds2), "%s: done",
           what);
    sleep_ms(50);
    reads = reader_stop(&reader);
    sleep_ms(1500);
    tap_ok(reads > 1, "%s: %lu reads", what, reads);
    audit_expect(what, "config-link-down ep0", "config-too-early ep0",
                 "?restore-lost ep0");
    rebuild(what);
}

/* Bit 6 of Bridge Control is left set: what is below stays down. */
static void check_held(void)
{
    const char *what = "reset held, config is read";
    static uint8_t config[CONFIG_SIZE];

    printf("# step: %s\n", what);
    config_bits(ds2, PCI_BRIDGE_CONTROL, 0, PCI_BRIDGE_CTL_BUS_RESET);
    tap_ok(config_read(ep0, config) && config_word(config, 0) == 0xffff,
           "%s: all ones", what);
    config_bits(ds2, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, 0);
    sleep_ms(200);
    audit_expect(what, "config-link-down ep0");
    rebuild(what);
}

/* Both by sysfs: the kernel lets nobody in. */
static void check_locked(const char *path, const char *attr, const char *what)
{
    unsigned long reads;
    Reader reader;
    Trigger t;

    printf("# step: %s\n", what);
    tap_ok(reader_start(&reader, "config"), "%s: ready", what);
    t = reset_write(path, attr);
    sleep_ms(50);
    reads = reader_stop(&reader);
    tap_ok(t.error == 0 && reads > 1, "%s: done after %.3f s, %lu reads (%s)",
           what, t.seconds, reads, strerror(t.error));
    sleep_ms(1500);
    audit_empty(what);
}

/* pcie_capability_read_word() asks no lock. */
static void check_unlocked_file(void)
{
    const char *what = "the kernel resets, current_link_speed is read";
    unsigned long reads;
    Reader reader;
    Trigger t;

    printf("# step: %s\n", what);
    tap_ok(reader_start(&reader, "current_link_speed"), "%s: ready", what);
    t = reset_write(ds2, "reset_subordinate");
    sleep_ms(50);
    reads = reader_stop(&reader);
    tap_ok(t.error == 0, "%s: done after %.3f s, %lu reads (%s)", what,
           t.seconds, reads, strerror(t.error));
    sleep_ms(1500);
    audit_expect(what, "config-link-down ep0", "config-too-early ep0");
}

/* A second reset before the first one is over, further up. */
static void check_overlap(void)
{
    const char *what = "setpci resets ds0 while ds2 is in reset";

    printf("# step: %s\n", what);
    config_bits(ds2, PCI_BRIDGE_CONTROL, 0, PCI_BRIDGE_CTL_BUS_RESET);
    reset_write(ds0, "reset_subordinate");
    config_bits(ds2, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, 0);
    sleep_ms(1500);
    audit_expect(what, "reset-overlap ds0", "?config-link-down ep0",
                 "?restore-lost *");
    rebuild(what);
}

/* --- DMA under way -------------------------------------------------------- */

static void check_dma(void)
{
    /* Not aligned: malformed, no completion comes for 50 ms (sec 2.8). */
    const char *what = "setpci resets, a request waits for its completion";
    FabricDesc d;

    printf("# step: %s\n", what);
    if (!tap_ok(fabric_iommu_open(&iommu) && dma_open(&dma, &iommu, "ep0", 0) &&
                dma_works(&dma), "%s: ep0 opens", what)) {
        return;
    }
    /* Not fatal here: this is about the reset alone. */
    fabric_setpci(rp0, "ECAP_AER+08.l=00040000:00040000");
    sleep_ms(1500);
    audit_empty(what);
    d = fabric_atomic(FABRIC_FETCH_ADD, 64, dma.iova + 4, 1, 0);
    fabric_start(&dma.ep, &d);
    tap_ok(reset_raw(ds2), "%s: done", what);
    sleep_ms(1500);
    audit_expect(what, "reset-dma-in-flight ep0", "?restore-lost ep0");
    fabric_setpci(rp0, "ECAP_AER+08.l=00000000:00040000");
    dma_close(&dma);
    fabric_iommu_close(&iommu);
    rebuild(what);
}

static bool prepare(void)
{
    return topology_path("ep0", ep0) && fabric_isolate("ep0", ep0) &&
           topology_path("ds2", ds2) && topology_path("ds0", ds0) &&
           topology_path("rp0", rp0) && fabric_keep_awake(ep0) &&
           fabric_write_attr(ep0, "reset_method", "bus");
}

int main(void)
{
    vfio_need();
    if (!tap_ok(audit_start() && prepare(), "ep0 and its ports are there")) {
        return tap_done();
    }
    sleep_ms(1500);
    audit_empty("before");
    check_raw();
    check_held();
    fabric_write_attr(ep0, "reset_method", "bus");
    check_locked(ep0, "reset", "the kernel resets ep0, config is read");
    check_locked(ds2, "reset_subordinate",
                 "the kernel resets below ds2, config is read");
    check_locked(rp0, "reset_subordinate",
                 "the kernel resets below rp0, config is read");
    check_unlocked_file();
    check_overlap();
    check_dma();
    printf("# seen: accesses to a link that is down or came up just now, "
           "overlapping resets, DMA under way\n");
    return tap_done();
}
