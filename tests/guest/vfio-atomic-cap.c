/*
 * Ask vfio-pci which AtomicOps a device may send to host memory, for every row
 * of the truth table of pci_enable_atomic_ops_to_root().
 *
 * Of each row the machine has to have what the command line says, from the
 * endpoint up to the root port; what the kernel makes of it is the kernel's.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel walks from the device up to the root port when the question comes
 * (VFIO_DEVICE_GET_INFO), sets AtomicOp Requester Enable (PCIe r6.0 sec
 * 7.5.3.16) if it finds no obstacle, and says so in the capability
 * VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP, size by size. The rows are in
 * /rig/rows, made from topologies/atomic-rows.tab.
 */
#include "fabric-vfio.h"

/* Not in the C library's headers of every host that cross-compiles this. */
#ifndef VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP
#define VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP 5
struct vfio_device_info_cap_pci_atomic_comp {
    struct vfio_info_cap_header header;
    __u32 flags;
    __u32 reserved;
};
#endif

typedef struct Row {
    int number;
    char endpoint[TOPOLOGY_ID];
    char blocking[TOPOLOGY_ID];   /* the port whose EgrBlk is set, or "-" */
    int req_en_before;
    unsigned grants;              /* bit 0: 32, bit 1: 64, bit 2: 128 bits */
    unsigned grants_unblocked;    /* the same once EgrBlk is cleared */
    char text[128];
} Row;

typedef struct Answer {
    bool valid;
    unsigned flags;
    int req_en_open;              /* while the device's file is open */
    int req_en_after;             /* after closing, which restores */
} Answer;

/* --- configuration space -------------------------------------------------- */

static int config_read(int fd, unsigned offset, unsigned size)
{
    uint16_t value = 0;

    return pread(fd, &value, size, offset) == (ssize_t)size ? value : -1;
}

/* A register of the PCI Express capability, as the hardware has it; or -1. */
static long read_express(const char *path, unsigned offset, unsigned size)
{
    char name[PATH_MAX + 16];
    long value = -1;
    int fd, cap;

    snprintf(name, sizeof(name), "%s/config", path);
    fd = open(name, O_RDONLY);
    if (fd < 0) {
        return -1;
    }
    cap = config_read(fd, PCI_CAPABILITY_LIST, 1);
    while (cap > 0 && config_read(fd, cap, 1) != PCI_CAP_ID_EXP) {
        cap = config_read(fd, cap + 1, 1);
    }
    if (cap > 0) {
        value = config_read(fd, cap + offset, size);
    }
    close(fd);
    return value;
}

/* ReqEn in the real configuration space: 0, 1, or -1 if it cannot be read. */
static int read_req_en(const char *path)
{
    long value = read_express(path, PCI_EXP_DEVCTL2, 2);

    return value < 0 ? -1 : !!(value & PCI_EXP_DEVCTL2_ATOMIC_REQ);
}

/* --- the command line ----------------------------------------------------- */

typedef struct Device {
    char driver[64], parent[TOPOLOGY_ID], props[256];
} Device;

static bool device_row(const char *id, Device *d)
{
    FILE *f = fopen("/rig/devices", "r");
    char line[512], name[TOPOLOGY_ID];
    bool found = false;

    while (f && !found && fgets(line, sizeof(line), f)) {
        d->props[0] = '\0';
        found = sscanf(line, "%63s %63s %63s %*s %255[^\n]", name, d->driver,
                       d->parent, d->props) >= 3 && !strcmp(name, id);
    }
    if (f) {
        fclose(f);
    }
    return found;
}

static bool device_prop(const Device *d, const char *name, bool otherwise)
{
    char key[64];
    const char *at;

    snprintf(key, sizeof(key), "%s=", name);
    at = strstr(d->props, key);
    return at ? !strncmp(at + strlen(key), "on", 2) : otherwise;
}

/* Device Capabilities 2, sec 7.5.3.15: completers of what has memory. */
static unsigned wanted_caps(const Device *d)
{
    bool root = !strcmp(d->driver, "pcie-fabric-root-port");
    bool endpoint = !strcmp(d->driver, "pcie-fabric-endpoint");
    unsigned caps = 0;

    if (!endpoint && device_prop(d, "atomic-routing", !root)) {
        caps |= PCI_EXP_DEVCAP2_ATOMIC_ROUTE;
    }
    if (root || endpoint) {
        caps |= device_prop(d, "atomic-comp32", true) ?
                PCI_EXP_DEVCAP2_ATOMIC_COMP32 : 0;
        caps |= device_prop(d, "atomic-comp64", true) ?
                PCI_EXP_DEVCAP2_ATOMIC_COMP64 : 0;
        caps |= device_prop(d, "atomic-comp128", true) ?
                PCI_EXP_DEVCAP2_ATOMIC_COMP128 : 0;
    }
    return caps;
}

/* One of the row's devices; what differs is printed. */
static bool device_right(const char *id, const Device *d, bool req_en)
{
    const unsigned caps = PCI_EXP_DEVCAP2_ATOMIC_ROUTE |
                          PCI_EXP_DEVCAP2_ATOMIC_COMP32 |
                          PCI_EXP_DEVCAP2_ATOMIC_COMP64 |
                          PCI_EXP_DEVCAP2_ATOMIC_COMP128;
    const unsigned bits = PCI_EXP_DEVCTL2_ATOMIC_REQ |
                          PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK;
    unsigned want = (req_en ? PCI_EXP_DEVCTL2_ATOMIC_REQ : 0) |
                    (device_prop(d, "atomic-egress-block", false) ?
                     PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK : 0);
    long cap2 = -1, ctl2 = -1;
    char path[PATH_MAX];

    if (topology_path(id, path)) {
        cap2 = read_express(path, PCI_EXP_DEVCAP2, 2);
        ctl2 = read_express(path, PCI_EXP_DEVCTL2, 2);
    }
    if (cap2 >= 0 && ctl2 >= 0 && (cap2 & caps) == wanted_caps(d) &&
        (ctl2 & bits) == want) {
        return true;
    }
    printf("# %s: Device Capabilities 2 %#lx, Control 2 %#lx; of the AtomicOp "
           "bits %#x and %#x are wanted\n", id, cap2, ctl2, wanted_caps(d),
           want);
    return false;
}

/* From the endpoint up. */
static bool chain_right(const char *endpoint, bool req_en)
{
    char id[TOPOLOGY_ID];
    bool right = true;
    Device d;

    strcpy(id, endpoint);
    while (strcmp(id, "pcie.0")) {
        if (!device_row(id, &d)) {
            return false;
        }
        right &= device_right(id, &d, req_en && !strcmp(id, endpoint));
        strcpy(id, d.parent);
    }
    return right;
}

/* --- vfio ----------------------------------------------------------------- */

/* The flags of the capability; 0 if it is absent; false if vfio refuses. */
static bool ask(int device, unsigned *flags)
{
    union {
        struct vfio_device_info info;
        uint8_t bytes[4096];
    } answer = { .info.argsz = sizeof(answer) };
    uint32_t offset;

    *flags = 0;
    if (ioctl(device, VFIO_DEVICE_GET_INFO, &answer.info) < 0) {
        printf("# VFIO_DEVICE_GET_INFO: %s\n", strerror(errno));
        return false;
    }
    if (!(answer.info.flags & VFIO_DEVICE_FLAGS_CAPS)) {
        return true;
    }
    for (offset = answer.info.cap_offset; offset;) {
        struct vfio_device_info_cap_pci_atomic_comp cap;

        if (offset + sizeof(cap.header) > sizeof(answer)) {
            printf("# the capability chain leaves the buffer\n");
            return false;
        }
        memcpy(&cap, answer.bytes + offset, sizeof(cap.header));
        if (cap.header.id == VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP &&
            offset + sizeof(cap) <= sizeof(answer)) {
            memcpy(&cap, answer.bytes + offset, sizeof(cap));
            *flags = cap.flags;
        }
        offset = cap.header.next;
    }
    return true;
}

static Answer measure(const char *path)
{
    Answer answer = { .req_en_open = -1, .req_en_after = -1 };
    int container = open("/dev/vfio/vfio", O_RDWR);
    int group = vfio_open_group(path);
    int device = group < 0 || !vfio_join(container, group, true) ? -1 :
                 vfio_open_device(group, path);

    if (device >= 0) {
        answer.valid = ask(device, &answer.flags);
        answer.req_en_open = read_req_en(path);
        close(device);
    }
    if (group >= 0) {
        close(group);
    }
    close(container);
    answer.req_en_after = read_req_en(path);
    return answer;
}

/* --- rows ----------------------------------------------------------------- */

static unsigned asked, answers;

/*
 * One question. The words of the point are the row's and the step's; a refusal
 * leaves ReqEn alone, a grant sets it until the file is closed.
 */
static void check(const Row *row, const char *path, unsigned grants,
                  const char *how)
{
    Answer got = measure(path);
    int open = grants ? 1 : row->req_en_before;
    bool right = got.valid && got.flags == grants && got.req_en_open == open &&
                 got.req_en_after == row->req_en_before;

    asked++;
    answers += right;
    if (!tap_kernel(right, "row %d%s: %s => flags %#x, ReqEn %d while open, "
                    "%d after%s", row->number, how, row->text, got.flags,
                    got.req_en_open, got.req_en_after,
                    got.valid ? "" : ", vfio refuses")) {
        printf("#   wanted: flags %#x, ReqEn %d while open, %d after\n",
               grants, open, row->req_en_before);
    }
}

/* The same bit of the same port, changed while the system runs. */
static void check_run_time(const Row *row, const char *path)
{
    char port[PATH_MAX];
    bool found = topology_path(row->blocking, port) && fabric_keep_awake(port);
    int64_t now = found &&
                  fabric_setpci(port, "CAP_EXP+28.w=0000:0080") ?
                  fabric_getpci(port, "CAP_EXP+28.w") : -1;

    tap_ok(now >= 0 && !(now & 0x80), "row %d: EgrBlk of %s cleared => %#llx",
           row->number, row->blocking, (long long)now);
    check(row, path, row->grants_unblocked, ", EgrBlk cleared by setpci");
    now = found && fabric_setpci(port, "CAP_EXP+28.w=0080:0080") ?
          fabric_getpci(port, "CAP_EXP+28.w") : -1;
    tap_ok(now >= 0 && (now & 0x80), "row %d: EgrBlk of %s set => %#llx",
           row->number, row->blocking, (long long)now);
    check(row, path, row->grants, ", EgrBlk set by setpci");
}

static void check_row(const Row *row)
{
    char path[PATH_MAX] = "";

    printf("# step: row %d\n", row->number);
    /*
     * Before the driver is bound: vfio-pci puts an idle device into D3hot, and
     * on the way back the kernel restores what it saved on the way down.
     */
    if (topology_path(row->endpoint, path) && row->req_en_before) {
        fabric_setpci(path, "CAP_EXP+28.w=0040:0040");
    }
    if (!tap_ok(path[0] && chain_right(row->endpoint, row->req_en_before),
                "row %d: the AtomicOp bits of all its devices are as on the "
                "command line", row->number)) {
        return;
    }
    if (!vfio_bind(path)) {
        printf("# row %d: vfio-pci does not bind\n", row->number);
    }
    check(row, path, row->grants, "");
    if (strcmp(row->blocking, "-")) {
        check_run_time(row, path);
    }
}

static bool read_row(FILE *f, Row *row)
{
    char line[512];

    return fgets(line, sizeof(line), f) &&
           sscanf(line, "%d %63s %63s %d %u %u %127[^\n]", &row->number,
                  row->endpoint, row->blocking, &row->req_en_before,
                  &row->grants, &row->grants_unblocked, row->text) == 7;
}

int main(void)
{
    FILE *f = fopen("/rig/rows", "r");
    unsigned rows = 0, granted = 0;
    Row row;

    vfio_need();
    while (f && read_row(f, &row)) {
        check_row(&row);
        rows++;
        granted += row.grants != 0;
    }
    tap_ok(rows > 0, "/rig/rows has rows");
    printf("# seen: %u of %u answers of vfio-pci as the truth table has them, "
           "ReqEn included; %u rows grant, %u refuse\n", answers, asked, granted,
           rows - granted);
    return tap_done();
}
