/*
 * Linux' PCI_P2PDMA: an NVMe controller memory buffer (CMB) as the memory,
 * disks at other places as the ones that read and write it; which pairs the
 * kernel lets through, and where their data goes.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel takes a peer's bus address when both are below one switch and no
 * port on the way redirects (ACS RR, CR or EC, PCIe r6.0 sec 6.12); else the
 * way leads through the host bridge, which is not in its list, and the block
 * layer gives EREMOTEIO, or where it maps requests itself EINVAL.
 * What the switch routes itself does not pass the root port: its counter moves
 * about as far as for as many commands that have no data, which are the entries
 * of the queues and the interrupts.
 */
#define _GNU_SOURCE             /* O_DIRECT */
#include <linux/nvme_ioctl.h>

#include "fabric-vfio.h"
#include "host.h"
#include "kmsg.h"
#include "nvme-disk.h"

#define BLOCK 8192u             /* two PRP entries: no list in host memory */
#define COMMANDS 32u
#define SIZE (BLOCK * COMMANDS)
#define REDIRECT (PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC)

typedef struct Disk {
    char id[TOPOLOGY_ID];
    char path[PATH_MAX];
    int fd;
} Disk;

/* A client, and what it may do with a provider's memory. */
static const struct Pair {
    const char *provider, *client, *root;
    const char *ports[4];       /* that the way below the root port has */
    bool redirect;              /* one of them does, as the kernel set it */
    bool direct;                /* the kernel lets it */
    bool smmu;
} pairs[] = {
    { "cmb0", "near", "rp0", { "ds0", "ds1" }, false, true, false },
    { "cmb0", "deep", "rp0", { "ds0", "ds2", "ds3" }, false, true, false },
    { "cmb0", "redirected", "rp0", { "ds0", "ds4" }, true, false, false },
    { "cmb0", "far", NULL, { NULL }, false, false, false },
    { "cmb0", "redirected", "rp0", { "ds0", "ds1" }, true, false, true },
    { "cmb1", "direct", "rp1", { "ds2", "ds3" }, false, true, true },
    { "cmb1", "up", "rp1", { "ds2", "ds4" }, true, false, true },
    { "cmb1", "redirected", NULL, { NULL }, true, false, true },
    { "cmb1", "far", NULL, { NULL }, false, false, true },
};

static uint8_t *ram;            /* ordinary memory, SIZE bytes */

/* --- devices -------------------------------------------------------------- */

/*
 * The kernel looks for disks after our first program has begun. A disk that never
 * comes is a hang, and the harness says in which step.
 */
static bool disk_open(Disk *disk, const char *id)
{
    char name[PATH_MAX] = "";

    snprintf(disk->id, sizeof(disk->id), "%s", id);
    disk->fd = -1;
    if (!topology_path(id, disk->path)) {
        return false;
    }
    while (disk->fd < 0) {
        if (disk_node(id, name)) {
            disk->fd = open(name, O_RDWR | O_DIRECT);
        }
        if (disk->fd < 0) {
            usleep(100000);
        }
    }
    return true;
}

static long attribute(const char *path, const char *name)
{
    char file[PATH_MAX + 64];
    long value = -1;
    FILE *f;

    snprintf(file, sizeof(file), "%s/p2pmem/%s", path, name);
    f = fopen(file, "r");
    if (f) {
        if (fscanf(f, "%ld", &value) != 1) {
            value = -1;
        }
        fclose(f);
    }
    return value;
}

/* ACS Control of a port, as it is; a port may have none. */
static unsigned acs_control(const char *id)
{
    char path[PATH_MAX];
    int64_t value = topology_path(id, path) ?
                    fabric_getpci(path, "ECAP_ACS+6.w") : -1;

    return value < 0 ? 0 : value;
}

/* --- the memory of a provider --------------------------------------------- */

static uint8_t *p2p_allocate(const char *path)
{
    char name[PATH_MAX + 32];
    uint8_t *memory;
    int fd;

    snprintf(name, sizeof(name), "%s/p2pmem/allocate", path);
    fd = open(name, O_RDWR);
    if (fd < 0) {
        printf("# %s: %s\n", name, strerror(errno));
        return NULL;
    }
    memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) {
        printf("# %s: mmap: %s\n", name, strerror(errno));
        return NULL;
    }
    return memory;
}

/* Device memory: plain accesses of 8 bytes, no library function. */
static void fill(uint8_t *memory, unsigned seed)
{
    volatile uint64_t *word = (volatile uint64_t *)memory;
    unsigned i;

    for (i = 0; i < SIZE / 8; i++) {
        word[i] = (i + 1) * 0x9e3779b97f4a7c15ull + seed;
    }
}

static unsigned wrong(const uint8_t *memory, unsigned seed)
{
    const volatile uint64_t *word = (const volatile uint64_t *)memory;
    unsigned i, differ = 0;

    for (i = 0; i < SIZE / 8; i++) {
        differ += word[i] != (i + 1) * 0x9e3779b97f4a7c15ull + seed;
    }
    return differ;
}

/* --- input and output ----------------------------------------------------- */

/* All blocks, a command each; the first error, or 0. */
static int transfer(const Disk *disk, bool write, uint8_t *memory)
{
    unsigned at;
    ssize_t n;

    for (at = 0; at < SIZE; at += BLOCK) {
        n = write ? pwrite(disk->fd, memory + at, BLOCK, at) :
                    pread(disk->fd, memory + at, BLOCK, at);
        if (n != BLOCK) {
            return n < 0 ? errno : EIO;
        }
    }
    return 0;
}

/* As many commands without data: what the queues alone cost. */
static int flush(const Disk *disk)
{
    unsigned i;

    for (i = 0; i < COMMANDS; i++) {
        struct nvme_passthru_cmd command = { .opcode = 0, .nsid = 1 };

        if (ioctl(disk->fd, NVME_IOCTL_IO_CMD, &command) != 0) {
            return errno ? errno : EIO;
        }
    }
    return 0;
}

/* --- one pair ------------------------------------------------------------- */

/*
 * As the kernel set it; pci=disable_acs_redir of the topology says where it must
 * not. What follows is about the ports as this program leaves them.
 */
static void check_ports(const struct Pair *p)
{
    bool redirect = false;
    unsigned i;

    for (i = 0; i < 4 && p->ports[i]; i++) {
        redirect |= (acs_control(p->ports[i]) & REDIRECT) != 0;
    }
    if (p->root) {
        tap_kernel(redirect == p->redirect, "%s for %s: ACS redirect on the "
                   "way => %s", p->provider, p->client, redirect ? "yes" : "no");
    }
}

/* Once for each pair, when it is first asked for. */
static bool kernel_explains(Kmsg *log)
{
    bool said = false;

    while (kmsg_next(log)) {
        said |= strstr(log->line, "cannot be used for peer-to-peer") != NULL;
    }
    return said;
}

static bool refused(int error)
{
    return error == EREMOTEIO || error == EINVAL;
}

static void check_refused(const struct Pair *p, const Disk *client,
                          uint8_t *memory)
{
    bool said;
    Kmsg log;
    int error[2];

    kmsg_open(&log, false);
    fill(memory, 1);
    error[0] = transfer(client, true, memory);
    said = kernel_explains(&log);
    error[1] = transfer(client, false, memory);
    close(log.fd);
    tap_kernel(refused(error[0]), "%s for %s: the kernel refuses to write => %s",
               p->provider, p->client, strerror(error[0]));
    tap_kernel(said, "%s for %s: the kernel says that it does not go => %s",
               p->provider, p->client, said ? "yes" : "no");
    tap_kernel(refused(error[1]), "%s for %s: the kernel refuses to read => %s",
               p->provider, p->client, strerror(error[1]));
    tap_ok(!refused(error[1]) || wrong(memory, 1) == 0,
           "%s for %s: refused, the memory is unchanged => %u words differ",
           p->provider, p->client, wrong(memory, 1));
}

/* The kernel lets it, and then the data is the machine's. */
static bool check_data(const struct Pair *p, const Disk *client,
                       uint8_t *memory)
{
    int error[2], plain;

    fill(memory, 2);
    error[0] = transfer(client, true, memory);
    plain = transfer(client, false, ram);
    tap_kernel(error[0] == 0, "%s for %s: the kernel writes from the CMB => %s",
               p->provider, p->client, strerror(error[0]));
    tap_ok(plain == 0 && (error[0] || wrong(ram, 2) == 0),
           "%s for %s: the disk has what was in the CMB => %s, %u words differ",
           p->provider, p->client, strerror(plain), wrong(ram, 2));
    fill(ram, 3);
    plain = transfer(client, true, ram);
    error[1] = transfer(client, false, memory);
    tap_kernel(error[1] == 0, "%s for %s: the kernel reads into the CMB => %s",
               p->provider, p->client, strerror(error[1]));
    tap_ok(plain == 0 && (error[1] || wrong(memory, 3) == 0),
           "%s for %s: the CMB gets what is on the disk => %s, %u words differ",
           p->provider, p->client, strerror(plain), wrong(memory, 3));
    return !error[0] && !error[1];
}

/* A test point of the machine, with the requests that were counted. */
static void __attribute__((format(printf, 3, 4)))
say(bool passed, long long requests, const char *format, ...)
{
    char words[128];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    tap_ok(passed, "%s => %s (%lld requests)", words, passed ? "yes" : "no",
           requests);
}

/* What passes the root port, and the port above the client. */
static void check_way(const struct Pair *p, const Disk *client,
                      uint8_t *memory)
{
    const char *const port = p->ports[1];
    long long root[4], above[4];

    root[0] = host_counter(p->root, "routed");
    above[0] = host_counter(port, "routed");
    flush(client);
    root[1] = host_counter(p->root, "routed");
    above[1] = host_counter(port, "routed");
    transfer(client, true, memory);
    transfer(client, false, memory);
    root[2] = host_counter(p->root, "routed");
    above[2] = host_counter(port, "routed");
    transfer(client, true, ram);
    transfer(client, false, ram);
    root[3] = host_counter(p->root, "routed");
    above[3] = host_counter(port, "routed");

    say(root[1] > root[0] && above[1] > above[0], root[1] - root[0],
        "%s for %s: commands without data pass %s", p->provider, p->client,
        p->root);
    /* Hardly more than as many commands without data. */
    say(root[2] - root[1] < 2 * (root[1] - root[0]) + COMMANDS / 2,
        root[2] - root[1], "%s for %s: data of the CMB does not pass %s",
        p->provider, p->client, p->root);
    say(above[2] - above[1] >= root[2] - root[1] + 2 * COMMANDS,
        above[2] - above[1], "%s for %s: data of the CMB passes %s",
        p->provider, p->client, port);
    say(root[3] - root[2] >= root[2] - root[1] + 2 * COMMANDS,
        root[3] - root[2], "%s for %s: data of host memory passes %s",
        p->provider, p->client, p->root);
}

static void check_pair(const struct Pair *p)
{
    Disk provider, client;
    uint8_t *memory;

    printf("# step: %s for %s\n", p->provider, p->client);
    if (!disk_open(&provider, p->provider) || !disk_open(&client, p->client)) {
        tap_ok(false, "%s and %s are there", p->provider, p->client);
        return;
    }
    check_ports(p);
    memory = p2p_allocate(provider.path);
    if (tap_ok(memory, "%s for %s: memory of the CMB", p->provider,
               p->client)) {
        if (p->direct) {
            if (check_data(p, &client, memory)) {
                check_way(p, &client, memory);
            }
        } else {
            check_refused(p, &client, memory);
        }
        munmap(memory, SIZE);
    }
    close(provider.fd);
    close(client.fd);
}

static void check_provider(const char *id)
{
    char path[PATH_MAX];
    Disk disk;

    if (!disk_open(&disk, id) || !topology_path(id, path)) {
        tap_ok(false, "%s is there", id);
        return;
    }
    tap_ok(attribute(path, "size") == 16 << 20 &&
           attribute(path, "published") == 1 &&
           attribute(path, "available") > 0,
           "%s: p2pmem of the size of its CMB, published => %ld bytes, %ld "
           "free", id, attribute(path, "size"), attribute(path, "available"));
    close(disk.fd);
}

int main(void)
{
    char path[PATH_MAX];
    Disk disk;
    bool smmu = topology_path("cmb1", path);
    unsigned i, direct = 0, refused = 0;

    if (access("/sys/bus/pci/drivers/nvme", F_OK) < 0) {
        tap_skip_all("kernel has no nvme driver");
    }
    /* Before there is a disk, its driver has offered its buffer. */
    if (disk_open(&disk, "cmb0")) {
        close(disk.fd);
        if (attribute(disk.path, "size") < 0) {
            tap_skip_all("kernel has no CONFIG_PCI_P2PDMA");
        }
    }
    ram = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check_provider("cmb0");
    if (smmu) {
        check_provider("cmb1");
    }
    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].smmu == smmu) {
            check_pair(&pairs[i]);
            direct += pairs[i].direct;
            refused += !pairs[i].direct;
        }
    }
    printf("# seen: pairs that stay below their switch: %u, that the kernel "
           "refuses: %u\n", direct, refused);
    return tap_done();
}
