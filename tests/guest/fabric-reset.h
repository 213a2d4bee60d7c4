/*
 * What the tests of resets share: configuration space before and after, DMA
 * afterwards, what the fabric's audit has found.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef RIG_FABRIC_RESET_H
#define RIG_FABRIC_RESET_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* O_DIRECT: include this file first */
#endif
#include "fabric-vfio.h"
#include "host.h"
#include "kmsg.h"
#include "nvme-disk.h"

#define CONFIG_SIZE 4096u

/* --- time: of the guest, which is virtual --------------------------------- */

static inline void sleep_ms(unsigned ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

    while (nanosleep(&time, &time) < 0 && errno == EINTR) {
    }
}

/* --- links, as the machine has them --------------------------------------- */

typedef struct Link {
    char state[16];
    long resets;                /* how often it has gone down; -1: unknown */
} Link;

static inline Link link_query(const char *port)
{
    static HostAnswer answer;
    Link link = { "?", -1 };

    if (host_ask(&answer, "links %s", port) && answer.lines == 1) {
        sscanf(answer.line[0], "%*s %15s %ld", link.state, &link.resets);
    }
    return link;
}

/* Of the port that a trigger is for: the one above a device. */
static inline const char *link_port(const char *device, const char *attr)
{
    static char parent[TOPOLOGY_ID];
    char slot[16];

    if (!strcmp(attr, "reset") && topology_row(device, parent, slot)) {
        return parent;
    }
    return device;
}

/*
 * One test point, of the machine: the link below a port has gone down since
 * then, or has stayed up. A kernel that says that it did not reset may have.
 */
static inline void link_check(const char *what, const char *port,
                              const Link *before, bool down, int error)
{
    Link now = link_query(port);
    long times = now.resets - before->resets;

    tap_ok(now.resets >= 0 && (error || (down ? times > 0 : times == 0)),
           "%s: the link of %s %s => %s (%ld times, %s)", what, port,
           down ? "goes down" : "stays up", times > 0 ? "down" : "up", times,
           now.state);
}

/* --- the audit ------------------------------------------------------------ */

/*
 * The audit's findings are the machine's judgement of the software. What we have
 * provoked ourselves, it has to name; what the kernel has done is a point of
 * the kernel, of which nothing is expected at all.
 */
#define AUDIT_MAX 48
#define AUDIT_WORD 64

typedef struct Finding {
    char kind[AUDIT_WORD], device[AUDIT_WORD], access[AUDIT_WORD];
    char detail[HOST_LINE];
    unsigned count;
    bool provoked, allowed;
} Finding;

typedef struct Audit {
    unsigned findings, dropped, events;
    unsigned known;             /* of the findings, in what follows */
    Finding finding[AUDIT_MAX];
} Audit;

static unsigned audit_findings, audit_untold;

/* All since the last time; the audit starts anew. */
static inline bool audit_take(Audit *audit)
{
    static HostAnswer answer;
    unsigned i;

    memset(audit, 0, sizeof(*audit));
    if (!host_ask(&answer, "audit") || !answer.lines ||
        sscanf(answer.line[0], "%u %u %u", &audit->findings, &audit->dropped,
               &audit->events) != 3) {
        return false;
    }
    for (i = 1; i < answer.lines && audit->known < AUDIT_MAX; i++) {
        Finding *f = &audit->finding[audit->known++];

        sscanf(answer.line[i], "%63s %63s %*s %u %*s %63s %*s %255[^\n]",
               f->kind, f->device, &f->count, f->access, f->detail);
    }
    audit_findings += audit->findings;
    if (audit->events < audit->findings) {
        audit_untold += audit->findings - audit->events;
    }
    return true;
}

/* What a former program of this boot has left behind is not ours. */
static inline bool audit_start(void)
{
    static Audit others;
    bool there;

    sleep_ms(1500);
    there = audit_take(&others);
    audit_findings = audit_untold = 0;
    return there;
}

/* "kind device": a finding of this kind in this device; "kind *": in any. */
static inline bool audit_match(const Finding *f, const char *pattern)
{
    char kind[AUDIT_WORD], device[AUDIT_WORD];

    return sscanf(pattern, "%63s %63s", kind, device) == 2 &&
           !strcmp(kind, f->kind) &&
           (!strcmp(device, "*") || !strcmp(device, f->device));
}

static inline void audit_show(const Audit *audit, const char *what)
{
    unsigned i;

    for (i = 0; i < audit->known; i++) {
        const Finding *f = &audit->finding[i];

        printf("# audit: %s: %s of %s, %s, %u times; %s\n", what, f->kind,
               f->device, f->access, f->count, f->detail);
    }
}

static inline int audit_compare(const void *a, const void *b)
{
    const Finding *x = a, *y = b;
    int kinds = strcmp(x->kind, y->kind);

    return kinds ? kinds : strcmp(x->device, y->device);
}

/* "kind device, kind device": those that nobody has allowed for, each once. */
static inline const char *audit_others(Audit *audit)
{
    static char text[320];
    char last[2 * AUDIT_WORD] = "", word[2 * AUDIT_WORD + 2];
    unsigned i;

    qsort(audit->finding, audit->known, sizeof(Finding), audit_compare);
    text[0] = '\0';
    for (i = 0; i < audit->known; i++) {
        const Finding *f = &audit->finding[i];

        snprintf(word, sizeof(word), "%s %s", f->kind, f->device);
        if (f->provoked || f->allowed || !strcmp(word, last)) {
            continue;
        }
        if (strlen(text) + strlen(word) + 6 < sizeof(text)) {
            strcat(text, text[0] ? ", " : "");
            strcat(text, word);
        }
        snprintf(last, sizeof(last), "%.120s", word);
    }
    return text[0] ? text : "nothing";
}

static inline bool audit_has(const Audit *audit, const char *pattern)
{
    unsigned i;

    for (i = 0; i < audit->known; i++) {
        if (audit_match(&audit->finding[i], pattern)) {
            return true;
        }
    }
    return false;
}

/*
 * What the audit has found since the last time. "!kind device": we have
 * provoked it, and a point of the machine says whether it was named; "?kind
 * device": depends on the moment. All others are the kernel's, in one point.
 */
static inline Audit *audit_check(const char *what, const char *const *patterns,
                                 unsigned count)
{
    static Audit audit;
    unsigned i, j, allowed = 0;
    const char *others;

    if (!audit_take(&audit)) {
        printf("# %s: the audit does not answer\n", what);
        audit_untold++;
    }
    for (i = 0; i < count; i++) {
        const char *pattern = patterns[i] + 1;
        bool provoked = patterns[i][0] == '!';
        unsigned found = 0;

        for (j = 0; j < audit.known; j++) {
            if (audit_match(&audit.finding[j], pattern)) {
                audit.finding[j].provoked |= provoked;
                audit.finding[j].allowed |= !provoked;
                found++;
            }
        }
        allowed += provoked ? 0 : found;
        if (provoked) {
            tap_ok(found, "%s: the audit names %s => %s", what, pattern,
                   found ? "yes" : "no");
        }
    }
    others = audit_others(&audit);
    tap_kernel(!strcmp(others, "nothing"),
               "%s: what the audit has against the kernel => %s (%u findings, "
               "%u of them depend on the moment)", what, others,
               audit.findings, allowed);
    audit_show(&audit, what);
    return &audit;
}

#define audit_expect(what, ...) \
    ({ \
        const char *const patterns_[] = { __VA_ARGS__ }; \
        audit_check(what, patterns_, \
                    sizeof(patterns_) / sizeof(patterns_[0])); \
    })

#define audit_empty(what) audit_check(what, NULL, 0)

/* One test point at the end, of the machine: its books are in order. */
static inline void audit_done(void)
{
    tap_ok(!audit_untold, "an event has told each finding of the audit => %s "
           "(%u findings, %u were not told)", audit_untold ? "no" : "yes",
           audit_findings, audit_untold);
}

/* --- configuration space -------------------------------------------------- */

typedef struct Snapshot {
    char id[TOPOLOGY_ID];
    char path[PATH_MAX];
    bool present;
    uint8_t config[CONFIG_SIZE];
} Snapshot;

/* As "lspci -xxxx" reads it. */
static inline bool config_read(const char *path, uint8_t config[CONFIG_SIZE])
{
    char name[PATH_MAX + 32];
    ssize_t n = -1;
    int fd;

    snprintf(name, sizeof(name), "%s/config", path);
    fd = open(name, O_RDONLY);
    if (fd >= 0) {
        n = pread(fd, config, CONFIG_SIZE, 0);
        close(fd);
    }
    return n == CONFIG_SIZE;
}

static inline bool snapshot_take(Snapshot *s, const char *id)
{
    snprintf(s->id, sizeof(s->id), "%s", id);
    s->present = topology_path(id, s->path) && config_read(s->path, s->config);
    return s->present;
}

static inline unsigned config_word(const uint8_t *config, unsigned offset)
{
    return config[offset] | config[offset + 1] << 8;
}

/* Where a capability is; 0: nowhere. */
static inline unsigned config_cap(const uint8_t *config, unsigned id)
{
    unsigned at = config[PCI_CAPABILITY_LIST] & ~3u, left = 48;

    while (at && left-- && config[at] != id) {
        at = config[at + 1] & ~3u;
    }
    return at;
}

static inline unsigned config_ecap(const uint8_t *config, unsigned id)
{
    unsigned at = 0x100, left = 480;

    while (at && left-- && config_word(config, at) != id) {
        at = config_word(config, at + 2) >> 4 & ~3u;
    }
    return at;
}

/*
 * What a hot reset takes back and no kernel restores: events and states that
 * the hardware notes, sec 7.5.1.1.4, 7.5.1.3.7, 7.5.3.5, 7.5.3.8, 7.5.3.11.
 */
static const struct ConfigVolatile {
    enum { IN_HEADER, IN_CAP, IN_ECAP } where;
    unsigned id, offset;
    uint16_t bits;
    bool bridge;                /* of type 1 headers alone */
} config_volatile[] = {
    { IN_HEADER, 0, PCI_STATUS, 0xf900, false },
    { IN_HEADER, 0, PCI_SEC_STATUS, 0xf900, true },
    { IN_CAP, PCI_CAP_ID_EXP, PCI_EXP_DEVSTA, 0x000f, false },
    { IN_CAP, PCI_CAP_ID_EXP, PCI_EXP_LNKSTA,
      PCI_EXP_LNKSTA_LBMS | PCI_EXP_LNKSTA_LABS, false },
    { IN_CAP, PCI_CAP_ID_EXP, PCI_EXP_SLTSTA,
      PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC | PCI_EXP_SLTSTA_CC, true },
};

static inline void config_mask(uint8_t *config)
{
    unsigned i;

    for (i = 0; i < sizeof(config_volatile) / sizeof(config_volatile[0]);
         i++) {
        const struct ConfigVolatile *v = &config_volatile[i];
        unsigned base = v->where == IN_HEADER ? 0 :
                        v->where == IN_CAP ? config_cap(config, v->id) :
                        config_ecap(config, v->id);

        if ((v->where != IN_HEADER && !base) ||
            (v->bridge && (config[PCI_HEADER_TYPE] & 0x7f) !=
             PCI_HEADER_TYPE_BRIDGE)) {
            continue;
        }
        config[base + v->offset] &= ~(v->bits & 0xff);
        config[base + v->offset + 1] &= ~(v->bits >> 8);
    }
}

/* How many bytes differ now; the first few of them are printed. */
static inline unsigned snapshot_differs(const Snapshot *s, const char *what)
{
    static uint8_t before[CONFIG_SIZE], now[CONFIG_SIZE];
    unsigned i, differ = 0;

    if (!config_read(s->path, now)) {
        printf("# %s: %s cannot be read\n", what, s->id);
        return CONFIG_SIZE;
    }
    memcpy(before, s->config, CONFIG_SIZE);
    config_mask(before);
    config_mask(now);
    for (i = 0; i < CONFIG_SIZE; i += 2) {
        if (config_word(before, i) == config_word(now, i)) {
            continue;
        }
        if (differ++ < 4) {
            printf("# %s: %s, %#x: %#06x before, %#06x after\n", what, s->id,
                   i, config_word(before, i), config_word(now, i));
        }
    }
    return differ;
}

/*
 * One test point, of the kernel: what it has restored. False: something differs
 * from what was there before.
 */
static inline bool snapshots_check(const Snapshot *s, unsigned count,
                                   const char *what)
{
    char text[320] = "";
    unsigned i;

    for (i = 0; i < count; i++) {
        if (s[i].present && !snapshot_differs(&s[i], what)) {
            continue;
        }
        if (strlen(text) + strlen(s[i].id) + 16 < sizeof(text)) {
            strcat(text, text[0] ? ", " : "differs in ");
            strcat(text, s[i].id);
        }
    }
    return tap_kernel(!text[0], "%s: configuration space afterwards => %s", what,
                      text[0] ? text : "as before");
}

/* --- a trigger ------------------------------------------------------------ */

typedef struct Trigger {
    int error;
    double seconds;
} Trigger;

/* Write 1 to a file of a function, and see how long it takes. */
static inline Trigger reset_write(const char *path, const char *attr)
{
    char name[PATH_MAX + 32];
    Trigger t = { 0 };
    double start;
    int fd;

    snprintf(name, sizeof(name), "%s/%s", path, attr);
    fd = open(name, O_WRONLY);
    start = kmsg_now();
    if (fd < 0 || write(fd, "1", 1) != 1) {
        t.error = errno;
    }
    t.seconds = kmsg_now() - start;
    if (fd >= 0) {
        close(fd);
    }
    return t;
}

/* What the kernel's waiting may take beyond twice what the device needs. */
#define SLACK_SECONDS 10.0

/*
 * Two test points, of the kernel: what it says that came of it, and how long it
 * took. It has to give 100 ms to everybody (r6.0 sec 6.6.1), and to wait for a
 * device that needs more; it looks again after 1, 2, 4 ... ms.
 */
static inline void trigger_check(const char *what, const Trigger *t, int ms)
{
    double least = (ms > 100 ? ms : 100) / 1000.0;
    double most = ms * 2 / 1000.0 + SLACK_SECONDS;

    tap_kernel(t->error == 0, "%s: the kernel resets => %s", what,
               t->error ? strerror(t->error) : "done");
    tap_kernel(t->seconds >= least && t->seconds < most,
               "%s: the kernel waits for as long as it has to => %s (%.3f s, at "
               "least %.1f s and less than %.1f s)", what,
               t->seconds < least ? "too short" : t->seconds < most ? "yes" :
               "too long", t->seconds, least, most);
}

/* The same where the device never comes: after a minute the kernel gives up. */
#define GIVING_UP_SECONDS 55.0

static inline void trigger_check_never(const char *what, const Trigger *t,
                                       bool gives_up)
{
    tap_kernel(t->error != 0, "%s: the kernel reports an error => %s", what,
               t->error ? strerror(t->error) : "none");
    tap_kernel(t->seconds > GIVING_UP_SECONDS, "%s: the kernel waits for a "
               "minute or longer => %s (%.1f s, more than %.0f s)", what,
               t->seconds > GIVING_UP_SECONDS ? "yes" : "no", t->seconds,
               GIVING_UP_SECONDS);
    tap_kernel(gives_up, "%s: the kernel says that it gives up => %s", what,
               gives_up ? "yes" : "no");
}

/* Any of the kernel's lines since the last call has this text. */
static inline bool kernel_said(Kmsg *log, const char *text)
{
    bool said = false;

    while (kmsg_next(log)) {
        said |= strstr(log->line, text) != NULL;
    }
    return said;
}

/* --- a reset behind the kernel's back ------------------------------------- */

/* Bits of a 16-bit register, by the file that the kernel offers. */
static inline bool config_bits(const char *path, unsigned offset,
                               uint16_t clear, uint16_t set)
{
    char name[PATH_MAX + 32];
    uint16_t value = 0;
    bool ok;
    int fd;

    snprintf(name, sizeof(name), "%s/config", path);
    fd = open(name, O_RDWR);
    ok = fd >= 0 && pread(fd, &value, 2, offset) == 2;
    value = (value & ~clear) | set;
    ok = ok && pwrite(fd, &value, 2, offset) == 2;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* As setpci would do it: nothing is saved, nobody is asked. */
static inline bool reset_raw(const char *port)
{
    bool ok = config_bits(port, PCI_BRIDGE_CONTROL, 0,
                          PCI_BRIDGE_CTL_BUS_RESET);

    sleep_ms(2);
    return config_bits(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, 0) &&
           ok;
}

/*
 * What is below a port, set up anew: removed, reset, and found again. For
 * devices of which the kernel has lost the state.
 */
static inline bool reset_anew(const char *port, const char *const *below)
{
    const char *const *first = below;
    char path[PATH_MAX], port_path[PATH_MAX];

    /* A port that falls asleep in between gets its Bridge Control restored. */
    if (!topology_path(port, port_path) || !fabric_keep_awake(port_path)) {
        return false;
    }
    for (; *below; below++) {
        if (topology_path(*below, path)) {
            fabric_write_attr(path, "remove", "1");
        }
    }
    if (!reset_raw(port_path)) {
        return false;
    }
    sleep_ms(200);
    if (!fabric_write_file("/sys/bus/pci/rescan", "1")) {
        return false;
    }
    for (below = first; *below; below++) {
        if (!topology_path(*below, path)) {
            printf("# %s is not found again\n", *below);
            return false;
        }
    }
    return true;
}

/* --- disks ---------------------------------------------------------------- */

/*
 * Its driver resets the controller and sets it up; then a write is taken, and a
 * read brings zeros over what was in memory, as the disk of the topology has
 * them. QEMU does both in its main loop, at once: no thread of the host has to
 * finish while the guest's clock runs ahead to the driver's time-out.
 */
static inline bool disk_works(const char *id)
{
    static uint8_t data[4096] __attribute__((aligned(4096)));
    char node[PATH_MAX];
    int fd = disk_node(id, node) ? open(node, O_RDWR | O_DIRECT) : -1;
    unsigned i, differ = 0;
    bool done;

    memset(data, 0x5a, sizeof(data));
    done = fd >= 0 && pwrite(fd, data, sizeof(data), 0) == sizeof(data) &&
           pread(fd, data, sizeof(data), 0) == sizeof(data);
    for (i = 0; i < sizeof(data); i++) {
        differ += data[i] != 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return done && !differ;
}

/* --- DMA ------------------------------------------------------------------ */

#define RING_ORDER 4

/* A page for one endpoint: a counter and a ring. */
typedef struct Dma {
    FabricEndpoint ep;
    uint64_t iova;
    volatile uint64_t *counter;
    FabricDesc *ring;
} Dma;

static inline bool dma_open(Dma *dma, FabricIommu *iommu, const char *id,
                            unsigned number)
{
    uint8_t *memory = NULL;

    dma->iova = FABRIC_IOVA + number * 2 * FABRIC_PAGE;
    if (fabric_open(&dma->ep, iommu, id)) {
        memory = fabric_memory(iommu, dma->iova, 2 * FABRIC_PAGE, 0);
    }
    dma->counter = (volatile uint64_t *)memory;
    dma->ring = (FabricDesc *)(memory + FABRIC_PAGE);
    return memory;
}

static inline void dma_close(Dma *dma)
{
    if (dma->ep.device >= 0) {
        fabric_close(&dma->ep);
    }
}

/* One request through the registers, a few through the ring. */
static inline bool dma_works(Dma *dma)
{
    const unsigned count = (1u << RING_ORDER) - 1;
    FabricDesc d = fabric_atomic(FABRIC_FETCH_ADD, 64, dma->iova, 5, 0);
    unsigned i;

    *dma->counter = 1000;
    if (!fabric_issue(&dma->ep, &d) || fabric_outcome(&d) != FABRIC_DONE ||
        fabric_reason(&d) != FABRIC_NONE || *dma->counter != 1005) {
        fabric_describe(dma->ep.id, fabric_outcome(&d), fabric_status(&d),
                        fabric_reason(&d), fabric_where(&d));
        return false;
    }
    if (!fabric_ring_start(&dma->ep, dma->ring, dma->iova + FABRIC_PAGE,
                           RING_ORDER)) {
        printf("# %s: the ring does not start\n", dma->ep.id);
        return false;
    }
    for (i = 0; i < count; i++) {
        *fabric_ring_slot(&dma->ep, i) =
            fabric_atomic(FABRIC_FETCH_ADD, 64, dma->iova, 1, 0);
    }
    fabric_ring_kick(&dma->ep, count);
    return fabric_ring_wait(&dma->ep, &dma->ring[count - 1]) &&
           *dma->counter == 1005 + count;
}

#endif
