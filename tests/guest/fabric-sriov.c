/*
 * Virtual Functions: Linux enables them, they issue AtomicOps of their own, and
 * the physical Function's AtomicOp Requester Enable governs them.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCIe r6.0 sec 7.5.3.16, 9.3. pci-pf-stub is the driver of physical Functions
 * that need none. No driver is bound to a virtual one: its registers are reached
 * through the resource file in sysfs. The target is the peer memory of the
 * physical Function: the request of a VF meets its own downstream port's window
 * and comes back only if that port's ACS upstream forwarding sends it up.
 */
#include "fabric-vfio.h"

#define VFS 4
#define IS_VF 0x10u             /* in FEATURES */
#define AT 0x100u               /* of the counter, in BAR 2 */
#define FIRST 5u
#define ADD 7u

static char pf[PATH_MAX], ds[PATH_MAX];

/* What a file in the function's directory starts with. */
static unsigned long attribute(const char *path, const char *name)
{
    char file[PATH_MAX + 32], text[32] = "";
    FILE *f;

    snprintf(file, sizeof(file), "%s/%s", path, name);
    f = fopen(file, "r");
    if (f) {
        if (!fgets(text, sizeof(text), f)) {
            text[0] = '\0';
        }
        fclose(f);
    }
    return strtoul(text, NULL, 0);
}

/* The directory of a virtual Function; false: there is none. */
static bool find_vf(unsigned number, char path[PATH_MAX])
{
    char link[PATH_MAX + 32];

    snprintf(link, sizeof(link), "%s/virtfn%u", pf, number);
    return realpath(link, path) != NULL;
}

static void enable(void)
{
    unsigned number, found = 0;
    char path[PATH_MAX];
    unsigned long on;

    printf("# step: enable\n");
    fabric_write_attr(pf, "driver_override", "pci-pf-stub");
    fabric_write_file("/sys/bus/pci/drivers_probe", topology_bdf(pf));
    fabric_write_attr(pf, "sriov_numvfs", "4");
    on = attribute(pf, "sriov_numvfs");
    tap_ok(on == VFS, "the kernel enables the virtual Functions => %lu", on);
    for (number = 0; number < VFS; number++) {
        unsigned long vendor = 0, device = 0;

        if (find_vf(number, path)) {
            vendor = attribute(path, "vendor");
            device = attribute(path, "device");
            found++;
        }
        tap_ok(vendor == 0x1af4 && device == 0x10f4,
               "virtfn%u: identity => %lx:%lx", number, vendor, device);
    }
    tap_ok(found == VFS, "all of them are there => %u", found);
}

static void add(FabricEndpoint *vf, FabricDesc *d, uint64_t target)
{
    *d = fabric_atomic(FABRIC_FETCH_ADD, 64, target, ADD, 0);
    fabric_issue(vf, d);
}

static bool requester_enable(bool on)
{
    return fabric_setpci(pf, on ? "CAP_EXP+28.w=0040:0040" :
                         "CAP_EXP+28.w=0000:0040");
}

static void check_vf(FabricEndpoint *vf, unsigned number, uint64_t target)
{
    uint64_t sum = FIRST + number * ADD;
    uint32_t id = fabric_get(vf, FABRIC_ID);
    uint32_t features = fabric_get(vf, FABRIC_FEATURES);
    int64_t control;
    FabricDesc d;

    tap_ok(id == FABRIC_ID_MAGIC, "%s: its register file => %#x", vf->id, id);
    tap_ok(features & IS_VF, "%s: says that it is virtual => %#x", vf->id,
           features);
    requester_enable(false);
    fabric_setpci(vf->path, "COMMAND=0000:0004");
    add(vf, &d, target);
    fabric_check(&d, FABRIC_NOT_ISSUED, FABRIC_SC, FABRIC_NO_BME,
                 FABRIC_ANYWHERE, "%s: NO_BME without its own Bus Master "
                 "Enable", vf->id);
    fabric_setpci(vf->path, "COMMAND=0004:0004");
    fabric_setpci(vf->path, "CAP_EXP+28.w=0040:0040");
    control = fabric_getpci(vf->path, "CAP_EXP+28.w");
    tap_ok(control == 0, "%s: AtomicOp Requester Enable is not its own => %#llx",
           vf->id, (long long)control);
    add(vf, &d, target);
    fabric_check(&d, FABRIC_NOT_ISSUED, FABRIC_SC, FABRIC_NO_REQ_EN,
                 FABRIC_ANYWHERE, "%s: NO_REQ_EN while the physical "
                 "Function's is 0", vf->id);
    requester_enable(true);
    add(vf, &d, target);
    fabric_check(&d, FABRIC_DONE, FABRIC_SC, FABRIC_NONE, FABRIC_ANYWHERE,
                 "%s: FetchAdd completes", vf->id);
    tap_ok(d.operand1[0] == sum, "%s: it gets the original value => %llu",
           vf->id, (unsigned long long)d.operand1[0]);
}

static void check_requests(void)
{
    volatile uint64_t *counter = fabric_resource(pf, 2, FABRIC_REGS_SIZE);
    uint64_t target = fabric_bar_address(pf, 2) + AT;
    unsigned number;

    printf("# step: requests of virtual Functions\n");
    if (!tap_ok(counter && fabric_keep_awake(pf) &&
                fabric_setpci(pf, "COMMAND=0006:0006") &&
                /* Upstream forwarding: to the root complex and back */
                fabric_setpci(ds, "ECAP_ACS+6.w=0010:0010"),
                "the physical Function's memory is there")) {
        return;
    }
    counter += AT / 8;
    *counter = FIRST;
    for (number = 0; number < VFS; number++) {
        FabricEndpoint vf = { .device = -1 };

        snprintf(vf.id, sizeof(vf.id), "virtfn%u", number);
        if (find_vf(number, vf.path)) {
            vf.regs = fabric_resource(vf.path, 0, FABRIC_REGS_SIZE);
        }
        if (!tap_ok(vf.regs, "%s: BAR 0 can be mapped", vf.id)) {
            continue;
        }
        check_vf(&vf, number, target);
        fabric_resource_close(vf.regs, FABRIC_REGS_SIZE);
    }
    tap_ok(*counter == FIRST + VFS * ADD,
           "the counter holds the sum of all => %llu",
           (unsigned long long)*counter);
}

int main(void)
{
    unsigned number, left = 0;
    char path[PATH_MAX + 32];

    if (access("/sys/bus/pci/drivers/pci-pf-stub", F_OK) < 0) {
        tap_skip_all("kernel has no pci-pf-stub");
    }
    if (!topology_path("pf0", pf) || !topology_path("ds0", ds)) {
        tap_ok(false, "pf0 and ds0 are there");
        return tap_done();
    }
    snprintf(path, sizeof(path), "%s/sriov_numvfs", pf);
    if (access(path, F_OK) < 0) {
        tap_skip_all("kernel offers no virtual Functions (CONFIG_PCI_IOV; or "
                     "its pages are larger than their BARs)");
    }
    enable();
    check_requests();
    printf("# seen: %u virtual Functions, each with a FetchAdd of its own\n",
           VFS);
    printf("# step: disable\n");
    fabric_write_attr(pf, "sriov_numvfs", "0");
    for (number = 0; number < VFS; number++) {
        left += find_vf(number, path);
    }
    tap_ok(left == 0, "disabled, they are gone => %u are left", left);
    return tap_done();
}
