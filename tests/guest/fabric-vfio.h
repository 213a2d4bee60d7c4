/*
 * A PCIe fabric endpoint in the hands of a user-space program: vfio-pci, its
 * registers, its ring.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A program opens a FabricIommu, then its endpoints into it, maps memory at
 * addresses of its choice (FABRIC_IOVA and above are free: no window of a
 * bridge and no RAM is there), and fills FabricDesc structures. One goes
 * through the registers with fabric_issue(), many through the ring.
 */
#ifndef RIG_FABRIC_VFIO_H
#define RIG_FABRIC_VFIO_H

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sched.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fabric-regs.h"
#include "tap.h"
#include "topology.h"

#define FABRIC_IOVA 0x100000000ull
/* What can be mapped for DMA whatever the kernel's pages are: 4, 16 or 64 KiB */
#define FABRIC_PAGE 0x10000ull
#define FABRIC_REGS_SIZE 4096u  /* of BAR 0 */

/*
 * One address space, with the IOMMU groups in it. Endpoints that ACS does not
 * keep apart are in the same group, and a group can be opened only once.
 */
#define FABRIC_GROUPS 16
typedef struct FabricIommu {
    int container;
    unsigned groups;
    struct {
        int fd;
        char number[16];
    } group[FABRIC_GROUPS];
} FabricIommu;

typedef struct FabricEndpoint {
    char id[TOPOLOGY_ID];
    char path[PATH_MAX];
    int device;
    uint64_t config;            /* where the device's file has config space */
    uint64_t regs_at;           /* and BAR 0 */
    volatile uint8_t *regs;     /* BAR 0 mapped; or NULL, if it fills no page */
    void *mem;                  /* BAR 2, or NULL */
    uint64_t mem_size;
    FabricDesc *ring;
    uint32_t ring_size;
    uint32_t ring_tail;
} FabricEndpoint;

/* --- files ---------------------------------------------------------------- */

static inline bool fabric_write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (!ok) {
        printf("# %s: %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* A file in the device's directory. */
static inline bool fabric_write_attr(const char *path, const char *attr,
                                     const char *text)
{
    char name[PATH_MAX + 32];

    snprintf(name, sizeof(name), "%s/%s", path, attr);
    return fabric_write_file(name, text);
}

/* The last component of what a link in the device's directory points to. */
static inline bool fabric_link(const char *path, const char *attr,
                               char name[PATH_MAX])
{
    char link[PATH_MAX + 32], target[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "%s/%s", path, attr);
    n = readlink(link, target, sizeof(target) - 1);
    if (n <= 0) {
        return false;
    }
    target[n] = '\0';
    strcpy(name, topology_bdf(target));
    return true;
}

/* --- configuration space, as the hardware has it -------------------------- */

static inline bool fabric_setpci(const char *path, const char *assignment)
{
    char command[PATH_MAX];

    snprintf(command, sizeof(command), "setpci -s %s %s", topology_bdf(path),
             assignment);
    if (system(command) != 0) {
        printf("# failed: %s\n", command);
        return false;
    }
    return true;
}

/* A register of up to 4 bytes, named as setpci does; -1: no such thing. */
static inline int64_t fabric_getpci(const char *path, const char *name)
{
    char command[PATH_MAX], line[32] = "";
    FILE *out;
    long long value;

    snprintf(command, sizeof(command), "setpci -s %s %s", topology_bdf(path),
             name);
    out = popen(command, "r");
    value = out && fgets(line, sizeof(line), out) && isxdigit(line[0]) ?
            strtoll(line, NULL, 16) : -1;
    if (out) {
        pclose(out);
    }
    return value;
}

/* Routing ID (r6.0 sec 2.2.4.2): bus, device, function. */
static inline unsigned fabric_routing_id(const char *path)
{
    unsigned bus = 0, slot = 0, function = 0;

    sscanf(topology_bdf(path), "%*x:%x:%x.%x", &bus, &slot, &function);
    return bus << 8 | slot << 3 | function;
}

/*
 * A port above an idle device may go into D3hot, and the kernel then undoes
 * what setpci has written meanwhile: keep the device awake, and all ports above
 * it.
 */
static inline bool fabric_keep_awake(const char *path)
{
    char above[PATH_MAX];
    unsigned n;

    strcpy(above, path);
    while (sscanf(topology_bdf(above), "%*x:%*x:%*x.%x", &n) == 1) {
        if (!fabric_write_attr(above, "power/control", "on")) {
            return false;
        }
        *strrchr(above, '/') = '\0';
    }
    return true;
}

/* --- vfio ----------------------------------------------------------------- */

/* A developer's own kernel may lack what Debian's have. */
static inline void vfio_need(void)
{
    static const char *const wanted[][2] = {
        { "/sys/bus/pci/drivers/vfio-pci", "vfio-pci" },
        { "/dev/vfio/vfio", "legacy VFIO container (CONFIG_VFIO_CONTAINER)" },
        { "/sys/kernel/iommu_groups/0", "driver for the SMMUv3" },
    };
    unsigned i;

    for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (access(wanted[i][0], F_OK) < 0) {
            tap_skip_all("kernel has no %s", wanted[i][1]);
        }
    }
}

static inline bool vfio_bind(const char *path)
{
    char driver[PATH_MAX];

    if (fabric_link(path, "driver", driver)) {
        if (!strcmp(driver, "vfio-pci")) {
            return true;
        }
        fabric_write_attr(path, "driver/unbind", topology_bdf(path));
    }
    return fabric_write_attr(path, "driver_override", "vfio-pci") &&
           fabric_write_file("/sys/bus/pci/drivers_probe", topology_bdf(path));
}

/* Which has to be viable: no device in it has another driver. */
static inline int vfio_open_group(const char *path)
{
    struct vfio_group_status status = { .argsz = sizeof(status) };
    char name[PATH_MAX + 32], number[PATH_MAX];
    int group;

    if (!fabric_link(path, "iommu_group", number)) {
        printf("# %s has no IOMMU group\n", topology_bdf(path));
        return -1;
    }
    snprintf(name, sizeof(name), "/dev/vfio/%s", number);
    group = open(name, O_RDWR);
    if (group < 0 || ioctl(group, VFIO_GROUP_GET_STATUS, &status) < 0 ||
        !(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
        printf("# %s: %s\n", name, group < 0 ? strerror(errno) : "not viable");
        if (group >= 0) {
            close(group);
        }
        return -1;
    }
    return group;
}

/* The device's file, once its group is in a container. */
static inline int vfio_open_device(int group, const char *path)
{
    int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, topology_bdf(path));

    if (device < 0) {
        printf("# %s: %s\n", topology_bdf(path), strerror(errno));
    }
    return device;
}

/* The first group in a container decides on the kind of IOMMU. */
static inline bool vfio_join(int container, int group, bool first)
{
    if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0 ||
        (first && ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)) {
        printf("# container: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static inline bool fabric_iommu_open(FabricIommu *iommu)
{
    iommu->groups = 0;
    iommu->container = open("/dev/vfio/vfio", O_RDWR);
    return iommu->container >= 0;
}

/* After all endpoints have been closed; mappings end here, too. */
static inline void fabric_iommu_close(FabricIommu *iommu)
{
    while (iommu->groups) {
        close(iommu->group[--iommu->groups].fd);
    }
    close(iommu->container);
}

/* The group of this device, opened if it is a new one; -1 on failure. */
static inline int fabric_group(FabricIommu *iommu, const char *path)
{
    char number[PATH_MAX];
    unsigned i;
    int fd;

    if (!fabric_link(path, "iommu_group", number) || strlen(number) > 15) {
        printf("# %s has no IOMMU group\n", topology_bdf(path));
        return -1;
    }
    for (i = 0; i < iommu->groups; i++) {
        if (!strcmp(iommu->group[i].number, number)) {
            return iommu->group[i].fd;
        }
    }
    fd = i < FABRIC_GROUPS ? vfio_open_group(path) : -1;
    if (fd < 0 || !vfio_join(iommu->container, fd, i == 0)) {
        return -1;
    }
    iommu->group[i].fd = fd;
    strcpy(iommu->group[i].number, number);
    iommu->groups++;
    return fd;
}

#define FABRIC_RO VFIO_DMA_MAP_FLAG_READ
#define FABRIC_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static inline bool fabric_map(FabricIommu *iommu, uint64_t iova, void *memory,
                              uint64_t size, uint32_t flags)
{
    struct vfio_iommu_type1_dma_map map = {
        .argsz = sizeof(map), .flags = flags, .vaddr = (uintptr_t)memory,
        .iova = iova, .size = size,
    };

    if (ioctl(iommu->container, VFIO_IOMMU_MAP_DMA, &map) < 0) {
        printf("# mapping %#llx: %s\n", (unsigned long long)iova,
               strerror(errno));
        return false;
    }
    return true;
}

static inline bool fabric_unmap(FabricIommu *iommu, uint64_t iova,
                                uint64_t size)
{
    struct vfio_iommu_type1_dma_unmap unmap = {
        .argsz = sizeof(unmap), .iova = iova, .size = size,
    };

    return ioctl(iommu->container, VFIO_IOMMU_UNMAP_DMA, &unmap) == 0 &&
           unmap.size == size;
}

/* Zeroed memory for DMA, or NULL. */
static inline void *fabric_memory(FabricIommu *iommu, uint64_t iova,
                                  uint64_t size, int mmap_flags)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | mmap_flags, -1, 0);

    if (memory == MAP_FAILED) {
        printf("# %#llx bytes of memory: %s\n", (unsigned long long)size,
               strerror(errno));
        return NULL;
    }
    memset(memory, 0, size);
    return fabric_map(iommu, iova, memory, size, FABRIC_RW) ? memory : NULL;
}

/* Where the kernel has put a BAR; 0: nowhere. */
static inline uint64_t fabric_bar_address(const char *path, unsigned number)
{
    char name[PATH_MAX + 32];
    unsigned long long start = 0;
    unsigned line;
    FILE *f;

    snprintf(name, sizeof(name), "%s/resource", path);
    f = fopen(name, "r");
    for (line = 0; f && line <= number; line++) {
        if (fscanf(f, "%llx %*x %*x", &start) != 1) {
            start = 0;
        }
    }
    if (f) {
        fclose(f);
    }
    return start;
}

/*
 * A BAR of a function without a driver, by the kernel's file of it; or NULL. The
 * page that is mapped may begin before it.
 */
static inline void *fabric_resource(const char *path, unsigned number,
                                    size_t size)
{
    size_t offset = fabric_bar_address(path, number) &
                    (sysconf(_SC_PAGESIZE) - 1);
    char name[PATH_MAX + 32];
    uint8_t *page;
    int fd;

    snprintf(name, sizeof(name), "%s/resource%u", path, number);
    fd = open(name, O_RDWR);
    page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        printf("# %s: %s\n", name, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return page == MAP_FAILED ? NULL : page + offset;
}

static inline void fabric_resource_close(volatile void *bar, size_t size)
{
    munmap((void *)((uintptr_t)bar & ~(sysconf(_SC_PAGESIZE) - 1ul)), size);
}

/* --- registers ------------------------------------------------------------ */

static inline uint64_t fabric_regs_read(const FabricEndpoint *ep, unsigned reg,
                                        unsigned size)
{
    uint64_t value = 0;

    return pread(ep->device, &value, size, ep->regs_at + reg) ==
           (ssize_t)size ? value : ~0ull;
}

static inline void fabric_regs_write(FabricEndpoint *ep, unsigned reg,
                                     unsigned size, uint64_t value)
{
    if (pwrite(ep->device, &value, size, ep->regs_at + reg) != (ssize_t)size) {
        printf("# %s: register %#x: %s\n", ep->id, reg, strerror(errno));
    }
}

static inline uint32_t fabric_get(const FabricEndpoint *ep, unsigned reg)
{
    return ep->regs ? *(volatile uint32_t *)(ep->regs + reg) :
           fabric_regs_read(ep, reg, 4);
}

static inline void fabric_set(FabricEndpoint *ep, unsigned reg, uint32_t value)
{
    /* What was written to memory before is there when the device looks. */
    asm volatile("dsb sy" ::: "memory");
    if (ep->regs) {
        *(volatile uint32_t *)(ep->regs + reg) = value;
    } else {
        fabric_regs_write(ep, reg, 4, value);
    }
}

static inline uint64_t fabric_get64(const FabricEndpoint *ep, unsigned reg)
{
    return ep->regs ? *(volatile uint64_t *)(ep->regs + reg) :
           fabric_regs_read(ep, reg, 8);
}

static inline void fabric_set64(FabricEndpoint *ep, unsigned reg,
                                uint64_t value)
{
    if (ep->regs) {
        *(volatile uint64_t *)(ep->regs + reg) = value;
    } else {
        fabric_regs_write(ep, reg, 8, value);
    }
}

/* Configuration space of the endpoint, as vfio lets its user have it. */
static inline uint32_t fabric_config(const FabricEndpoint *ep, unsigned offset,
                                     unsigned size)
{
    uint32_t value = 0;

    return pread(ep->device, &value, size, ep->config + offset) ==
           (ssize_t)size ? value : 0;
}

static inline bool fabric_config_bits(FabricEndpoint *ep, unsigned offset,
                                      uint16_t clear, uint16_t set)
{
    uint16_t value = (fabric_config(ep, offset, 2) & ~clear) | set;

    return pwrite(ep->device, &value, 2, ep->config + offset) == 2;
}

static inline unsigned fabric_exp_cap(const FabricEndpoint *ep)
{
    unsigned cap = fabric_config(ep, PCI_CAPABILITY_LIST, 1);

    while (cap && fabric_config(ep, cap, 1) != PCI_CAP_ID_EXP) {
        cap = fabric_config(ep, cap + PCI_CAP_LIST_NEXT, 1);
    }
    return cap;
}

/* r6.0 sec 7.5.1.1.3 and 7.5.3.16: both are needed to issue an AtomicOp. */
static inline bool fabric_set_requester(FabricEndpoint *ep, bool master,
                                        bool atomics)
{
    return fabric_config_bits(ep, PCI_COMMAND, PCI_COMMAND_MASTER,
                              master ? PCI_COMMAND_MASTER : 0) &&
           fabric_config_bits(ep, fabric_exp_cap(ep) + PCI_EXP_DEVCTL2,
                              PCI_EXP_DEVCTL2_ATOMIC_REQ,
                              atomics ? PCI_EXP_DEVCTL2_ATOMIC_REQ : 0);
}

/* --- open and close ------------------------------------------------------- */

static inline void *fabric_bar(FabricEndpoint *ep, unsigned index,
                               uint64_t *size)
{
    struct vfio_region_info info = { .argsz = sizeof(info), .index = index };
    void *bar;

    *size = 0;
    if (ioctl(ep->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0 ||
        !info.size || !(info.flags & VFIO_REGION_INFO_FLAG_MMAP)) {
        return NULL;
    }
    bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, ep->device,
               info.offset);
    *size = info.size;
    return bar == MAP_FAILED ? NULL : bar;
}

static inline bool fabric_open_regions(FabricEndpoint *ep)
{
    struct vfio_region_info info = { .argsz = sizeof(info),
                                     .index = VFIO_PCI_CONFIG_REGION_INDEX };
    uint64_t size;

    if (ioctl(ep->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0) {
        return false;
    }
    ep->config = info.offset;
    info = (struct vfio_region_info) { .argsz = sizeof(info),
                                       .index = VFIO_PCI_BAR0_REGION_INDEX };
    if (ioctl(ep->device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0 ||
        info.size != FABRIC_REGS_SIZE) {
        return false;
    }
    ep->regs_at = info.offset;
    ep->mem = fabric_bar(ep, VFIO_PCI_BAR2_REGION_INDEX, &ep->mem_size);
    ep->regs = fabric_bar(ep, VFIO_PCI_BAR0_REGION_INDEX, &size);
    return true;
}

/* The registers say what they are, and hold what is written to them. */
static inline bool fabric_identify(FabricEndpoint *ep)
{
    uint32_t id = fabric_get(ep, FABRIC_ID);
    uint32_t version = fabric_get(ep, FABRIC_VERSION);
    uint32_t timeout = fabric_get(ep, FABRIC_TIMEOUT_US);

    if (id != FABRIC_ID_MAGIC || version != 1) {
        printf("# %s: ID %#x, VERSION %u: not the device that this program "
               "knows\n", ep->id, id, version);
        return false;
    }
    if (timeout != FABRIC_TIMEOUT_US_RESET) {
        printf("# %s: TIMEOUT_US is %u: this QEMU's endpoint issues no "
               "requests\n", ep->id, timeout);
        return false;
    }
    return true;
}

static inline void fabric_close(FabricEndpoint *ep)
{
    if (ep->regs) {
        munmap((void *)ep->regs, FABRIC_REGS_SIZE);
    }
    if (ep->mem) {
        munmap(ep->mem, ep->mem_size);
    }
    if (ep->device >= 0) {
        close(ep->device);
    }
    *ep = (FabricEndpoint) { .device = -1 };
}

/* The root port above, or the device itself if there is none. */
static inline void fabric_root_port(const char *path, char root[PATH_MAX])
{
    const char *root_bus = strstr(path, "/pci0000:00/");
    const char *end = root_bus ? strchr(root_bus + 12, '/') : NULL;

    snprintf(root, PATH_MAX, "%s", path);
    if (end) {
        root[end - path] = '\0';
    }
}

/* All of them, so that the buses get the numbers that they had. */
static inline bool fabric_find_anew(void)
{
    glob_t found;
    size_t i;
    bool ok = glob("/sys/devices/platform/*/pci0000:00/0000:00:*/"
                   "secondary_bus_number", 0, NULL, &found) == 0;

    for (i = 0; ok && i < found.gl_pathc; i++) {
        *strrchr(found.gl_pathv[i], '/') = '\0';
        ok = fabric_write_attr(found.gl_pathv[i], "remove", "1");
    }
    globfree(&found);
    return ok && fabric_write_file("/sys/bus/pci/rescan", "1");
}

/*
 * Older kernels, when they boot with a device tree, ask for ACS too late for
 * the devices that are there at boot: an endpoint then shares its group with
 * all ports above it, and with the group vfio takes the root port's interrupts
 * away from the kernel. What is found anew later is set up right.
 */
static inline bool fabric_isolate(const char *id, char path[PATH_MAX])
{
    char own[PATH_MAX], ports[PATH_MAX], root[PATH_MAX];

    fabric_root_port(path, root);
    if (!strcmp(root, path) || !fabric_link(path, "iommu_group", own) ||
        !fabric_link(root, "iommu_group", ports) || strcmp(own, ports)) {
        return true;
    }
    printf("# %s shares an IOMMU group with its ports: all found anew\n", id);
    return fabric_find_anew() && topology_path(id, path);
}

/* From the name on the command line to a device that may issue AtomicOps. */
static inline bool fabric_open(FabricEndpoint *ep, FabricIommu *iommu,
                               const char *id)
{
    int group = -1;

    *ep = (FabricEndpoint) { .device = -1 };
    snprintf(ep->id, sizeof(ep->id), "%s", id);
    if (topology_path(id, ep->path) && fabric_isolate(id, ep->path) &&
        fabric_keep_awake(ep->path) && vfio_bind(ep->path)) {
        group = fabric_group(iommu, ep->path);
    }
    if (group >= 0) {
        ep->device = vfio_open_device(group, ep->path);
    }
    if (ep->device >= 0 && fabric_open_regions(ep) && fabric_identify(ep) &&
        fabric_set_requester(ep, true, true)) {
        return true;
    }
    fabric_close(ep);
    return false;
}

/* An eventfd for each vector. */
static inline bool fabric_open_msix(FabricEndpoint *ep, int fds[2])
{
    struct {
        struct vfio_irq_set set;
        int fds[2];
    } request = {
        .set = {
            .argsz = sizeof(request), .index = VFIO_PCI_MSIX_IRQ_INDEX,
            .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
            .count = 2,
        },
    };

    fds[0] = request.fds[0] = eventfd(0, EFD_NONBLOCK);
    fds[1] = request.fds[1] = eventfd(0, EFD_NONBLOCK);
    return ioctl(ep->device, VFIO_DEVICE_SET_IRQS, &request) == 0;
}

/* How many interrupts came since the last call. */
static inline uint64_t fabric_interrupts(int fd)
{
    uint64_t count = 0;

    return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* --- time ----------------------------------------------------------------- */

static inline uint64_t fabric_ticks(void)
{
    uint64_t ticks;

    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) :: "memory");
    return ticks;
}

static inline double fabric_seconds(uint64_t ticks)
{
    uint64_t frequency;

    asm("mrs %0, cntfrq_el0" : "=r"(frequency));
    return (double)ticks / frequency;
}

/*
 * Let others run: other threads of this CPU, and the other CPUs where QEMU has
 * but one thread for all (it goes on to the next one at a YIELD).
 */
static inline void fabric_relax(void)
{
    sched_yield();
    asm volatile("yield" ::: "memory");
}

/* --- single requests ------------------------------------------------------ */

static inline unsigned fabric_status(const FabricDesc *d)
{
    return d->result & 7;
}

static inline unsigned fabric_outcome(const FabricDesc *d)
{
    return d->result >> 4 & 0xf;
}

static inline unsigned fabric_reason(const FabricDesc *d)
{
    return d->where >> 16;
}

static inline unsigned fabric_where(const FabricDesc *d)
{
    return d->where & 0xffff;
}

/* All ones: nobody is there, or he is in reset. */
static inline bool fabric_absent(const FabricEndpoint *ep, uint32_t status)
{
    if (status == ~0u) {
        printf("# %s: its registers do not answer\n", ep->id);
    }
    return status == ~0u;
}

/*
 * Waiting has no limit here, since no time of the guest says anything about
 * the device: the host may be slow, and with -icount time jumps. Where it never
 * ends the harness does, and names the step.
 */
static inline bool fabric_wait_idle(const FabricEndpoint *ep)
{
    uint32_t status;

    while ((status = fabric_get(ep, FABRIC_STATUS)) & FABRIC_STATUS_BUSY) {
        if (fabric_absent(ep, status)) {
            return false;
        }
        fabric_relax();
    }
    return true;
}

/* Send it on its way, through the registers. */
static inline void fabric_start(FabricEndpoint *ep, const FabricDesc *d)
{
    unsigned i;

    fabric_set(ep, FABRIC_REQ_OP, d->request);
    fabric_set(ep, FABRIC_REQ_LEN, d->length);
    fabric_set64(ep, FABRIC_REQ_ADDR, d->addr);
    for (i = 0; i < 2; i++) {
        fabric_set64(ep, FABRIC_REQ_OPERAND0 + 8 * i, d->operand0[i]);
        fabric_set64(ep, FABRIC_REQ_OPERAND1 + 8 * i, d->operand1[i]);
    }
    fabric_set(ep, FABRIC_REQ_LOCAL, d->local);
    fabric_set(ep, FABRIC_DOORBELL, 1);
}

/* The same, and the results come back in *d. */
static inline bool fabric_issue(FabricEndpoint *ep, FabricDesc *d)
{
    unsigned i;

    fabric_start(ep, d);
    if (!fabric_wait_idle(ep)) {
        return false;
    }
    d->result = fabric_get(ep, FABRIC_RES_STATUS);
    d->where = fabric_get(ep, FABRIC_RES_WHERE);
    for (i = 0; i < 2; i++) {
        d->operand1[i] = fabric_get64(ep, FABRIC_RES_DATA + 8 * i);
    }
    asm volatile("dsb sy" ::: "memory");
    return true;
}

static inline FabricDesc fabric_atomic(unsigned op, unsigned bits,
                                       uint64_t addr, uint64_t operand0,
                                       uint64_t operand1)
{
    return (FabricDesc) {
        .request = op | FABRIC_BITS(bits), .addr = addr,
        .operand0 = { operand0 }, .operand1 = { operand1 },
    };
}

/* --- the ring ------------------------------------------------------------- */

static inline bool fabric_ring_start(FabricEndpoint *ep, FabricDesc *ring,
                                     uint64_t iova, unsigned order)
{
    fabric_set(ep, FABRIC_CTRL, 0);
    fabric_set64(ep, FABRIC_RING_BASE, iova);
    fabric_set(ep, FABRIC_RING_ORDER, order);
    fabric_set(ep, FABRIC_CTRL, FABRIC_CTRL_RING_EN);
    ep->ring = ring;
    ep->ring_size = 1u << order;
    ep->ring_tail = 0;
    return fabric_get(ep, FABRIC_RING_ORDER) == order &&
           fabric_get64(ep, FABRIC_RING_BASE) == iova &&
           fabric_get(ep, FABRIC_CTRL) == FABRIC_CTRL_RING_EN &&
           fabric_get(ep, FABRIC_RING_HEAD) == 0;
}

/* The n-th free descriptor. One of them always stays free: a ring with as many
 * ready descriptors as it has places would look empty. */
static inline FabricDesc *fabric_ring_slot(FabricEndpoint *ep, uint32_t n)
{
    return &ep->ring[(ep->ring_tail + n) & (ep->ring_size - 1)];
}

/* Hand n descriptors over. */
static inline void fabric_ring_kick(FabricEndpoint *ep, uint32_t n)
{
    ep->ring_tail = (ep->ring_tail + n) & (ep->ring_size - 1);
    fabric_set(ep, FABRIC_RING_TAIL, ep->ring_tail);
}

static inline bool fabric_desc_complete(const FabricDesc *d)
{
    return __atomic_load_n(&d->result, __ATOMIC_ACQUIRE) & FABRIC_COMPLETE;
}

/* Until this one is done, hence all before it; or the ring has stopped. */
static inline bool fabric_ring_wait(const FabricEndpoint *ep,
                                    const FabricDesc *last)
{
    uint32_t status;
    unsigned polls;

    for (polls = 1; !fabric_desc_complete(last); polls++) {
        fabric_relax();
        /* Registers are slow, memory is not. */
        if (polls % 256) {
            continue;
        }
        status = fabric_get(ep, FABRIC_STATUS);
        if (fabric_absent(ep, status)) {
            return false;
        }
        if (status & FABRIC_STATUS_RING_ERROR) {
            printf("# %s: the ring stopped at descriptor %u\n", ep->id,
                   fabric_get(ep, FABRIC_RING_HEAD));
            return false;
        }
    }
    return true;
}

/* --- judging -------------------------------------------------------------- */

static inline const char *fabric_reason_name(unsigned reason)
{
    static const char *const names[FABRIC_REASONS] = {
        "NONE", "NO_BME", "NO_REQ_EN", "BAD_REQUEST", "POWER_STATE",
        "EGRESS_BLOCKED", "NO_ROUTING", "ACS_VIOLATION", "NO_TARGET",
        "LINK_DOWN", "UNSUPPORTED", "NOT_ATOMIC", "MALFORMED", "POISONED",
        "IOMMU_FAULT", "BAD_LOCAL", "RULE",
    };

    return reason < FABRIC_REASONS ? names[reason] : "?";
}

/* "DONE, UR, EGRESS_BLOCKED, at 01:00.0"; a where below 0 is anywhere. */
static inline const char *fabric_result(unsigned outcome, unsigned status,
                                        unsigned reason, int where)
{
    static const char *const outcomes[] = {
        "pending", "DONE", "TIMEOUT", "NOT_ISSUED",
    };
    static const char *const states[] = {
        "SC", "UR", "?", "?", "CA", "?", "?", "?",
    };
    static char text[64];
    int n = snprintf(text, sizeof(text), "%s, %s, %s",
                     outcome < 4 ? outcomes[outcome] : "?",
                     states[status & 7], fabric_reason_name(reason));

    if (where >= 0) {
        snprintf(text + n, sizeof(text) - n, ", at %02x:%02x.%x", where >> 8,
                 where >> 3 & 0x1f, where & 7);
    }
    return text;
}

/* How a request has ended. */
static inline const char *fabric_text(const FabricDesc *d)
{
    return fabric_result(fabric_outcome(d), fabric_status(d),
                         fabric_reason(d), fabric_where(d));
}

static inline void fabric_describe(const char *what, unsigned outcome,
                                   unsigned status, unsigned reason, int where)
{
    printf("#   %s %s\n", what, fabric_result(outcome, status, reason, where));
}

/* Wherever it was decided. */
#define FABRIC_ANYWHERE (-1)

/* One test point: did the request end like this? */
#define fabric_check(d, outcome, status, reason, where, ...) \
    do { \
        const FabricDesc *d_ = (d); \
        int where_ = (where); \
        if (!tap_ok(fabric_outcome(d_) == (outcome) && \
                    fabric_status(d_) == (status) && \
                    fabric_reason(d_) == (reason) && \
                    (where_ < 0 || (int)fabric_where(d_) == where_), \
                    __VA_ARGS__)) { \
            fabric_describe("wanted:", outcome, status, reason, where_); \
            fabric_describe("got:   ", fabric_outcome(d_), fabric_status(d_), \
                            fabric_reason(d_), fabric_where(d_)); \
        } \
    } while (0)

#endif
