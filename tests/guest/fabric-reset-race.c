/*
 * Races around a reset, provoked: one thread reads configuration space or runs
 * DMA while another one resets the bus; and what of it the audit names.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A kernel holds back those who read the config file of a function while it
 * resets that function. Nobody holds them back when setpci sets Secondary Bus
 * Reset; at times nor those who read another file of sysfs that looks into
 * configuration space. What of it reaches the device is the kernel's doing; what
 * has reached it, the audit has to name.
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
    volatile unsigned long reads;
    volatile unsigned long ones;    /* that came back as all ones */
    pthread_t thread;
} Reader;

static void *reader_main(void *opaque)
{
    Reader *r = opaque;
    char name[PATH_MAX + 32];
    unsigned char data[64];
    int fd;

    snprintf(name, sizeof(name), "%s/%s", ep0, r->file);
    while (!r->stop) {
        fd = open(name, O_RDONLY);
        if (fd >= 0 && pread(fd, data, sizeof(data), 0) > 1) {
            r->reads++;
            r->ones += data[0] == 0xff && data[1] == 0xff;
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
    char again[128];

    snprintf(again, sizeof(again), "%s, found again", what);
    tap_ok(reset_anew("ds2", below) && topology_path("ep0", ep0),
           "%s: ep0 removed, reset and found again", what);
    sleep_ms(1500);
    audit_expect(again, "?config-too-early ep0", "?restore-lost ep0");
}

static bool bus_reset(bool on)
{
    return config_bits(ds2, PCI_BRIDGE_CONTROL,
                       on ? 0 : PCI_BRIDGE_CTL_BUS_RESET,
                       on ? PCI_BRIDGE_CTL_BUS_RESET : 0);
}

/* Some reads from begin to end. */
static void reader_await(const Reader *r, unsigned long count)
{
    unsigned long start = r->reads;

    while (r->reads - start < count) {
        sleep_ms(1);
    }
}

/* One test point, of the machine: ones are what a link that is down gives. */
static void check_ones(const char *what, const Reader *r, const Audit *audit)
{
    bool named = audit_has(audit, "config-link-down ep0");

    tap_ok(named || !r->ones, "%s: the audit names what came back as ones => "
           "%s (%lu of %lu reads)", what, !r->ones ? "none did" :
           named ? "yes" : "no", r->ones, r->reads);
}

static void check_raw(void)
{
    const char *what = "setpci resets, config is read";
    Reader reader;
    bool done;

    printf("# step: %s\n", what);
    done = reader_start(&reader, "config") && bus_reset(true);
    /* At least one of them has begun after the reset, whatever time it takes. */
    reader_await(&reader, 2);
    done &= bus_reset(false);
    sleep_ms(50);
    reader_await(&reader, 1);
    reader_stop(&reader);
    sleep_ms(1500);
    tap_ok(done, "%s: done", what);
    tap_ok(reader.ones, "%s: all ones while the link is down => %s (%lu of %lu "
           "reads)", what, reader.ones ? "yes" : "no", reader.ones,
           reader.reads);
    audit_expect(what, "!config-link-down ep0", "!config-too-early ep0",
                 "?restore-lost ep0");
    rebuild(what);
}

/* Bit 6 of Bridge Control is left set: what is below stays down. */
static void check_held(void)
{
    const char *what = "reset held, config is read";
    static uint8_t config[CONFIG_SIZE];
    unsigned word;
    bool read;

    printf("# step: %s\n", what);
    bus_reset(true);
    read = config_read(ep0, config);
    word = config_word(config, 0);
    tap_ok(read && word == 0xffff, "%s: all ones => %#x", what, word);
    bus_reset(false);
    sleep_ms(200);
    audit_expect(what, "!config-link-down ep0");
    rebuild(what);
}

/* Both by sysfs: the kernel lets nobody in, or it does. */
static void check_kernel(const char *path, const char *attr, const char *file,
                         const char *what)
{
    const char *port = path == ep0 ? "ds2" : path == ds2 ? "ds2" : "rp0";
    Reader reader;
    bool ready;
    Link link;
    Trigger t;

    printf("# step: %s\n", what);
    link = link_query(port);
    ready = reader_start(&reader, file);
    tap_ok(ready, "%s: ready", what);
    t = reset_write(path, attr);
    sleep_ms(50);
    reader_stop(&reader);
    tap_kernel(t.error == 0, "%s: the kernel resets => %s (%.3f s, %lu reads)",
               what, t.error ? strerror(t.error) : "done", t.seconds,
               reader.reads);
    link_check(what, port, &link, true, t.error);
    sleep_ms(1500);
    check_ones(what, &reader, audit_empty(what));
}

/* A second reset before the first one is over, further up. */
static void check_overlap(void)
{
    const char *what = "sysfs resets below ds0 while setpci holds ds2 in reset";
    Link link;
    Trigger t;

    printf("# step: %s\n", what);
    link = link_query("ds0");
    bus_reset(true);
    t = reset_write(ds0, "reset_subordinate");
    bus_reset(false);
    sleep_ms(1500);
    link_check(what, "ds0", &link, true, t.error);
    if (link_query("ds0").resets > link.resets) {
        audit_expect(what, "!reset-overlap ds0", "?config-link-down ep0",
                     "?restore-lost *");
    } else {
        audit_expect(what, "?config-link-down ep0", "?restore-lost *");
    }
    rebuild(what);
}

/* --- DMA under way -------------------------------------------------------- */

static void check_dma(void)
{
    /* Not aligned: malformed, and no completion comes (sec 2.8). */
    const char *what = "setpci resets, a request waits for its completion";
    const char *opened = "ep0 opened for DMA";
    FabricDesc d;

    printf("# step: %s\n", what);
    if (!tap_ok(fabric_iommu_open(&iommu) && dma_open(&dma, &iommu, "ep0", 0) &&
                dma_works(&dma), "%s: ep0 opens", what)) {
        return;
    }
    /* Not fatal here: this is about the reset alone. */
    fabric_setpci(rp0, "ECAP_AER+08.l=00040000:00040000");
    sleep_ms(1500);
    audit_empty(opened);
    /* A second, so that the kernel has time to set a bit. */
    fabric_set(&dma.ep, FABRIC_TIMEOUT_US, 1000000);
    d = fabric_atomic(FABRIC_FETCH_ADD, 64, dma.iova + 4, 1, 0);
    fabric_start(&dma.ep, &d);
    tap_ok(reset_raw(ds2), "%s: done", what);
    sleep_ms(1500);
    audit_expect(what, "!reset-dma-in-flight ep0", "?restore-lost ep0");
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
    /* Of the opening: a look into a device that was reset just now. */
    audit_expect("before", "?config-too-early *");
    check_raw();
    check_held();
    fabric_write_attr(ep0, "reset_method", "bus");
    check_kernel(ep0, "reset", "config",
                 "the kernel resets ep0, config is read");
    check_kernel(ds2, "reset_subordinate", "config",
                 "the kernel resets below ds2, config is read");
    check_kernel(rp0, "reset_subordinate", "config",
                 "the kernel resets below rp0, config is read");
    /* A file that looks into configuration space, and asks for no lock */
    check_kernel(ds2, "reset_subordinate", "current_link_speed",
                 "the kernel resets, current_link_speed is read");
    check_overlap();
    check_dma();
    audit_done();
    printf("# seen: accesses to a link that is down or came up just now, "
           "overlapping resets, DMA under way\n");
    return tap_done();
}
