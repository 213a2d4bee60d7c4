/*
 * PCIe fabric: root port, switch ports and endpoint
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base Specification r6.0. Where a comment cites a
 * section without naming a document, it is of this one.
 *
 * What the four devices share: type names, where each capability lies in the
 * configuration space, the properties, and the model of what a reset does to a
 * register. See docs/architecture.rst for how a configuration access travels.
 */

#ifndef HW_PCI_PCIE_FABRIC_H
#define HW_PCI_PCIE_FABRIC_H

#include "hw/pci/pci_device.h"
#include "hw/pci/pcie-fabric-link.h"
#include "hw/pci/pcie-fabric-tlp.h"
#include "hw/pci/pcie_port.h"
#include "hw/qdev-properties.h"
#include "hw/rig/rule.h"
#include "qom/object.h"

#define TYPE_PCIE_FABRIC_ROOT_PORT  "pcie-fabric-root-port"
#define TYPE_PCIE_FABRIC_UPSTREAM   "pcie-fabric-upstream"
#define TYPE_PCIE_FABRIC_DOWNSTREAM "pcie-fabric-downstream"
#define TYPE_PCIE_FABRIC_ENDPOINT   "pcie-fabric-endpoint"
#define TYPE_PCIE_FABRIC_ENDPOINT_VF "pcie-fabric-endpoint-vf"

/* Vendor 1af4, from the block that is left free for experiments. */
#define PCIE_FABRIC_VENDOR_ID            0x1af4
#define PCIE_FABRIC_ROOT_PORT_DEVICE_ID  0x10f0
#define PCIE_FABRIC_UPSTREAM_DEVICE_ID   0x10f1
#define PCIE_FABRIC_DOWNSTREAM_DEVICE_ID 0x10f2
#define PCIE_FABRIC_ENDPOINT_DEVICE_ID   0x10f3
#define PCIE_FABRIC_ENDPOINT_VF_DEVICE_ID 0x10f4

/* Where the capabilities lie; the same in all four devices. */
#define PCIE_FABRIC_PM_OFFSET       0x40
#define PCIE_FABRIC_SSVID_OFFSET    0x48    /* ports */
#define PCIE_FABRIC_MSI_OFFSET      0x50    /* ports */
#define PCIE_FABRIC_EXP_OFFSET      0x70
#define PCIE_FABRIC_AER_OFFSET      0x100
#define PCIE_FABRIC_ACS_OFFSET      0x148   /* root port, downstream port */
#define PCIE_FABRIC_DSN_OFFSET      0x160   /* upstream port, endpoint */
#define PCIE_FABRIC_ARI_OFFSET      0x170   /* endpoint with SR-IOV */
#define PCIE_FABRIC_SRIOV_OFFSET    0x180   /* endpoint with SR-IOV */

/* sec 7.7.11.4: one bit of egress control vector a port of the switch. */
#define PCIE_FABRIC_ACS_VECTOR_BITS 32

/*
 * Why registers are being reset (sec 6.6.1, 6.6.2).
 */
typedef enum PCIEFabricResetKind {
    PCIE_FABRIC_RESET_COLD,     /* power-on: sticky bits too */
    PCIE_FABRIC_RESET_HOT,      /* secondary bus reset in a port above */
    PCIE_FABRIC_RESET_FLR,      /* function level reset */
    PCIE_FABRIC_RESET__MAX
} PCIEFabricResetKind;

/*
 * PCIEFabricRegs: what each kind of reset does to each configuration bit.
 *
 * One bit of each array stands for the same bit of PCIDevice.config. A bit is
 * reset if it is in @state and the kind of reset does not keep it.
 */
typedef struct PCIEFabricRegs {
    uint8_t value[PCIE_CONFIG_SPACE_SIZE];      /* after a cold reset */
    uint8_t state[PCIE_CONFIG_SPACE_SIZE];      /* changes at run time */
    uint8_t sticky[PCIE_CONFIG_SPACE_SIZE];     /* kept by hot reset and FLR */
    uint8_t flr_keeps[PCIE_CONFIG_SPACE_SIZE];  /* kept by FLR only */
} PCIEFabricRegs;

/*
 * PCIEFabricProps: the AtomicOp and link properties. A device registers those
 * that exist in its kind of port (table 1.4 of the specification's facts).
 */
typedef struct PCIEFabricProps {
    bool atomic_routing;        /* DevCap2 bit 6 */
    bool atomic_comp32;         /* DevCap2 bit 7 */
    bool atomic_comp64;         /* DevCap2 bit 8 */
    bool atomic_comp128;        /* DevCap2 bit 9 */
    bool atomic_egress_block;   /* DevCtl2 bit 7 after a cold reset */
    PCIExpLinkSpeed speed;      /* upstream port and endpoint: the others   */
    PCIExpLinkWidth width;      /*   have PCIESlot's                        */
    uint64_t serial;            /* Device Serial Number; 0: made from path  */
} PCIEFabricProps;

/*
 * PCIEFabricPort: what root, upstream and downstream ports have in common
 * beyond what their QOM parents give them.
 */
typedef struct PCIEFabricPort {
    PCIEFabricProps props;
    PCIEFabricRegs regs;
    bool acs;                   /* has the ACS capability */
    bool io_window;             /* forwards I/O space */
    bool hot_reset;             /* this port is resetting what is below it */
    bool rrs_sv;                /* root port: RRS Software Visibility */
    bool audit;                 /* root port: watch what is below */
    PCIEFabricLink link;        /* of the secondary side */
    GPtrArray *dma;             /* PCIEFabricDMA, by devfn below */
    PCIEFabricCounters counters;
    RigRules rules;
} PCIEFabricPort;

/*
 * Interface of the three port types: from a PCIDevice to its PCIEFabricPort.
 */
#define TYPE_PCIE_FABRIC_PORT "pcie-fabric-port"
typedef struct PCIEFabricPortClass PCIEFabricPortClass;
DECLARE_CLASS_CHECKERS(PCIEFabricPortClass, PCIE_FABRIC_PORT,
                       TYPE_PCIE_FABRIC_PORT)

struct PCIEFabricPortClass {
    InterfaceClass parent_class;

    uint8_t exp_type;           /* PCI_EXP_TYPE_*: Device/Port Type */
    uint16_t acs_caps;          /* ACS capability bits; 0: no ACS */
    PCIEFabricPort *(*get)(PCIDevice *d);
};

/*
 * pcie_fabric_port: the fabric port that a PCI device is.
 * @d: any PCI device, or NULL
 * Returns NULL if @d is none.
 */
PCIEFabricPort *pcie_fabric_port(PCIDevice *d);

/*
 * pcie_fabric_port_above: the port or bridge whose secondary bus @d is on; NULL
 * on a root bus, that of a pxb-pcie included.
 */
PCIDevice *pcie_fabric_port_above(PCIDevice *d);

/*
 * pcie_fabric_endpoint_counters: of one of our endpoints; NULL of another
 * device.
 */
PCIEFabricCounters *pcie_fabric_endpoint_counters(PCIDevice *d);

/*
 * pcie_fabric_port_realize: build the configuration space of a port.
 * @d: the port; its class implements TYPE_PCIE_FABRIC_PORT
 * Returns false with @errp set, and nothing left behind, on a property that is
 * not allowed; the message names it.
 */
bool pcie_fabric_port_realize(PCIDevice *d, Error **errp);

/*
 * pcie_fabric_port_exit: undo pcie_fabric_port_realize().
 */
void pcie_fabric_port_exit(PCIDevice *d);

/*
 * pcie_fabric_hot_reset: reset everything below port @d, as the other end of a
 * link does that goes down (sec 6.6.1).
 * @state: of the link from now on
 * @why: static string, for the audit
 */
void pcie_fabric_hot_reset(PCIDevice *d, PCIEFabricLinkState state,
                           const char *why);

/*
 * pcie_fabric_rrs_visible: has software asked to see Request Retry Status (sec
 * 7.5.3.12)?
 * @root_port: of ours, or NULL
 */
bool pcie_fabric_rrs_visible(PCIDevice *root_port);

/*
 * pcie_fabric_audit_enabled: property audit of a root port of ours.
 */
bool pcie_fabric_audit_enabled(PCIDevice *root_port);

/*
 * pcie_fabric_device_name: what QMP calls @d: its ID, or its QOM path if it has
 * none. To be freed with g_free().
 */
char *pcie_fabric_device_name(PCIDevice *d);

/*
 * pcie_fabric_endpoint_ready_ms: how long endpoint @d answers with Request
 * Retry Status after a conventional reset, or after an FLR (@flr);
 * PCIE_FABRIC_NEVER for ever. 0 for any other device.
 */
int32_t pcie_fabric_endpoint_ready_ms(PCIDevice *d, bool flr);

/*
 * pcie_fabric_endpoint_busy: has endpoint @d requests under way? False for any
 * other device.
 */
bool pcie_fabric_endpoint_busy(PCIDevice *d);

/*
 * pcie_fabric_dma_init, pcie_fabric_dma_exit: put the fabric between port @d's
 * secondary bus and the root complex (pcie-fabric-dma.c). With realize and
 * exit of the port.
 * pcie_fabric_dma_finalize: with its instance_finalize: by then nobody can be
 * in the middle of a request any more.
 */
void pcie_fabric_dma_init(PCIDevice *d);
void pcie_fabric_dma_exit(PCIDevice *d);
void pcie_fabric_dma_finalize(PCIEFabricPort *port);

/*
 * pcie_fabric_host_address_space: what the root complex makes of the addresses
 * of @d: that of the IOMMU, if there is one.
 */
AddressSpace *pcie_fabric_host_address_space(PCIDevice *d);

/*
 * pcie_fabric_port_write_config: PCIDeviceClass.config_write of the ports.
 * @address, @len: byte range of the configuration space; @val: little endian
 */
void pcie_fabric_port_write_config(PCIDevice *d, uint32_t address,
                                   uint32_t val, int len);

/*
 * pcie_fabric_port_reset_hold: hold phase of the ports' reset.
 */
void pcie_fabric_port_reset_hold(Object *obj, ResetType type);

/*
 * pcie_fabric_props_check: refuse AtomicOp properties that contradict each
 * other (sec 7.5.3.16: egress blocking exists only where routing does).
 * Returns false with @errp set, naming the property and what is allowed.
 */
bool pcie_fabric_props_check(const PCIEFabricProps *props, Error **errp);

/*
 * pcie_fabric_exp_init: add the PCI Express capability (sec 7.5.3) with the
 * attributes that a port or Function of @type has.
 * @regs: learns which bits are sticky or kept by FLR
 * @port: Link Capabilities, Port Number
 * Returns false with @errp set if the capability cannot be added.
 */
bool pcie_fabric_exp_init(PCIDevice *d, PCIEFabricRegs *regs,
                          const PCIEFabricProps *props, uint8_t type,
                          uint8_t port, Error **errp);

/*
 * pcie_fabric_read_config: PCIDeviceClass.config_read of what faces upstream.
 * Link Status shows what this end of the link and the port above agree on.
 */
uint32_t pcie_fabric_read_config(PCIDevice *d, uint32_t address, int len);

/*
 * pcie_fabric_downstream_read_config: the same of what faces downstream.
 */
uint32_t pcie_fabric_downstream_read_config(PCIDevice *d, uint32_t address,
                                            int len);

/*
 * pcie_fabric_aer_init: add the AER capability (sec 7.8.4), with root error
 * registers if @d is a root port. After pcie_fabric_exp_init(); needs to know
 * whether @d routes AtomicOps and has @acs, for the error bits that exist.
 */
void pcie_fabric_aer_init(PCIDevice *d, PCIEFabricRegs *regs,
                          const PCIEFabricProps *props, bool acs);

/*
 * pcie_fabric_aer_write_config: to be called after any configuration write.
 * Frees First Error Pointer and header log when software has cleared the
 * status bit that owns them (sec 6.2.4.2).
 */
void pcie_fabric_aer_write_config(PCIDevice *d);

/*
 * pcie_fabric_aer_report: log an uncorrectable error and signal it as the
 * registers of @d ask for, up to the root port's interrupt (sec 6.2.5).
 * @bit: one bit of Uncorrectable Error Status
 * @advisory: report it as advisory non-fatal if its severity is non-fatal
 * @header: four dwords for the header log, or NULL if there is none
 */
void pcie_fabric_aer_report(PCIDevice *d, uint32_t bit, bool advisory,
                            const uint32_t *header);

/*
 * pcie_fabric_aer_report_cor: the same of a correctable error.
 * @bit: one bit of Correctable Error Status
 */
void pcie_fabric_aer_report_cor(PCIDevice *d, uint32_t bit);

/*
 * pcie_fabric_aer_root_pending: does @d signal an AER interrupt, sec 6.2.4.1.2?
 * False if it is no root port.
 */
bool pcie_fabric_aer_root_pending(PCIDevice *d);

/*
 * pcie_fabric_acs_init: add the ACS capability (sec 7.7.11).
 * @caps: ACS capability bits; egress control gets a vector of
 *        PCIE_FABRIC_ACS_VECTOR_BITS
 */
void pcie_fabric_acs_init(PCIDevice *d, uint16_t caps);

/*
 * pcie_fabric_pm_init: add the Power Management capability (version 3, D0 and
 * D3hot, No_Soft_Reset set; ports support PME: sec 7.5.2).
 * Returns false with @errp set if it cannot be added.
 */
bool pcie_fabric_pm_init(PCIDevice *d, PCIEFabricRegs *regs, Error **errp);

/*
 * pcie_fabric_dsn_init: add the Device Serial Number capability (sec 7.9.3).
 * A @serial of 0 is replaced by a number made from the device's path, so that
 * the same command line always gives the same number.
 */
void pcie_fabric_dsn_init(PCIDevice *d, uint64_t serial);

/*
 * pcie_fabric_regs_init: to be called first in realize. What no capability
 * claims reads as 0 and cannot be written (sec 7.2); QEMU lets a guest write
 * there unless told otherwise.
 */
void pcie_fabric_regs_init(PCIDevice *d);

/*
 * pcie_fabric_regs_sticky, pcie_fabric_regs_flr_keeps: mark bits of the dword
 * at @offset that hot reset and FLR, or FLR alone, leave as they are.
 */
void pcie_fabric_regs_sticky(PCIEFabricRegs *regs, uint16_t offset,
                             uint32_t mask);
void pcie_fabric_regs_flr_keeps(PCIEFabricRegs *regs, uint16_t offset,
                                uint32_t mask);

/*
 * pcie_fabric_regs_status: the guest can only read these bits of the dword at
 * @offset, and the device changes them at run time: they are reset, and may
 * differ when a snapshot is loaded.
 */
void pcie_fabric_regs_status(PCIEFabricRegs *regs, PCIDevice *d,
                             uint16_t offset, uint32_t mask);

/*
 * pcie_fabric_regs_seal: to be called last in realize. What the configuration
 * space holds now is what a cold reset brings back.
 */
void pcie_fabric_regs_seal(PCIEFabricRegs *regs, PCIDevice *d);

/*
 * pcie_fabric_regs_reset: reset the configuration space as @kind asks for.
 */
void pcie_fabric_regs_reset(const PCIEFabricRegs *regs, PCIDevice *d,
                            PCIEFabricResetKind kind);

/*
 * pcie_fabric_reset_kind: what kind of reset is being done to @d just now.
 * Only meaningful in a reset phase of @d.
 */
PCIEFabricResetKind pcie_fabric_reset_kind(PCIDevice *d);

/*
 * pcie_fabric_type_is_port: is @type one whose AtomicOp Routing bit
 * exists (sec 7.5.3.15)?
 */
static inline bool pcie_fabric_type_is_port(uint8_t type)
{
    return type == PCI_EXP_TYPE_ROOT_PORT || type == PCI_EXP_TYPE_UPSTREAM ||
           type == PCI_EXP_TYPE_DOWNSTREAM;
}

/*
 * The AtomicOp and link properties, for a device's Property array.
 * @_f: the PCIEFabricProps inside of @_s
 */
#define PCIE_FABRIC_PROPS_COMPLETER(_s, _f)                                 \
    DEFINE_PROP_BOOL("atomic-comp32", _s, _f.atomic_comp32, true),          \
    DEFINE_PROP_BOOL("atomic-comp64", _s, _f.atomic_comp64, true),          \
    DEFINE_PROP_BOOL("atomic-comp128", _s, _f.atomic_comp128, true)

#define PCIE_FABRIC_PROPS_ROUTING(_s, _f, _routing)                         \
    DEFINE_PROP_BOOL("atomic-routing", _s, _f.atomic_routing, _routing),    \
    DEFINE_PROP_BOOL("atomic-egress-block", _s, _f.atomic_egress_block, false)

extern const PropertyInfo pcie_fabric_prop_speed;
extern const PropertyInfo pcie_fabric_prop_width;

/* @_fs, @_fw: PCIExpLinkSpeed and PCIExpLinkWidth inside of @_s */
#define PCIE_FABRIC_PROPS_LINK(_s, _fs, _fw)                                \
    DEFINE_PROP_SIGNED("x-speed", _s, _fs, PCIE_LINK_SPEED_16,              \
                       pcie_fabric_prop_speed, PCIExpLinkSpeed),            \
    DEFINE_PROP_SIGNED("x-width", _s, _fw, PCIE_LINK_WIDTH_16,              \
                       pcie_fabric_prop_width, PCIExpLinkWidth)

/* Descriptions that -device X,help prints. */
void pcie_fabric_describe_completer(ObjectClass *klass);
void pcie_fabric_describe_routing(ObjectClass *klass);
void pcie_fabric_describe_io_window(ObjectClass *klass);
void pcie_fabric_describe_serial(ObjectClass *klass);

#endif
