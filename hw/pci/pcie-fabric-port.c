/*
 * PCIe fabric: what root, upstream and downstream ports have in common
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 7.5.1.3 (type 1 header), 6.6.1
 * (hot reset), 6.7 (slots).
 *
 * The port types differ in data only: the fields of PCIEFabricPortClass and
 * the properties that they register.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/rig/rule-target.h"
#include "hw/pci/pcie-fabric-gate.h"
#include "hw/pci/pcie-fabric-link.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "trace.h"

PCIEFabricPort *pcie_fabric_port(PCIDevice *d)
{
    if (!d || !object_dynamic_cast(OBJECT(d), TYPE_PCIE_FABRIC_PORT)) {
        return NULL;
    }
    return PCIE_FABRIC_PORT_GET_CLASS(d)->get(d);
}

PCIDevice *pcie_fabric_port_above(PCIDevice *d)
{
    PCIBus *bus = pci_get_bus(d);

    /* A pxb-pcie's root bus has a parent device, too. */
    return pci_bus_is_root(bus) ? NULL : pci_bridge_get_device(bus);
}

static PCIESlot *port_slot(PCIDevice *d)
{
    return (PCIESlot *)object_dynamic_cast(OBJECT(d), TYPE_PCIE_SLOT);
}

static void port_cfg_trace(PCIDevice *d, uint32_t address, uint32_t val,
                           int len)
{
    trace_pcie_fabric_port_cfg_write(d->name, pci_dev_bus_num(d),
                                     PCI_SLOT(d->devfn), PCI_FUNC(d->devfn),
                                     address, val, len);
}

/* Before anything below is reset: who is there, and the link goes down. */
static void hot_reset_begin(PCIDevice *d, PCIEFabricLinkState state,
                            const char *why)
{
    trace_pcie_fabric_port_hot_reset(d->name, pci_dev_bus_num(d),
                                     PCI_SLOT(d->devfn), PCI_FUNC(d->devfn),
                                     why);
    pcie_fabric_gate_reset_begin(d, why);
    if (pcie_fabric_link(d)->state != PCIE_FABRIC_LINK_STATE_EMPTY) {
        pcie_fabric_link_down(d, state);
    }
    pcie_fabric_port(d)->hot_reset = true;
}

static void hot_reset_end(PCIDevice *d)
{
    pcie_fabric_port(d)->hot_reset = false;
    pcie_fabric_gate_reset_end(d);
}

void pcie_fabric_hot_reset(PCIDevice *d, PCIEFabricLinkState state,
                           const char *why)
{
    hot_reset_begin(d, state, why);
    bus_cold_reset(BUS(pci_bridge_get_sec_bus(PCI_BRIDGE(d))));
    hot_reset_end(d);
}

/* Does the write set a bit of the byte at @reg that is clear and writable? */
static bool sets_bit(PCIDevice *d, uint32_t reg, uint8_t bit, uint32_t address,
                     uint32_t val, int len)
{
    return range_covers_byte(address, len, reg) &&
           (val >> 8 * (reg - address)) & d->wmask[reg] & ~d->config[reg] & bit;
}

/*
 * Bridge Control, Secondary Bus Reset: pci_bridge_write_config() resets what is
 * below on its rising edge, inside of which each device finds hot_reset set.
 */
static void port_write_bridge(PCIDevice *d, uint32_t address, uint32_t val,
                              int len)
{
    bool reset = sets_bit(d, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET,
                          address, val, len);

    if (reset) {
        hot_reset_begin(d, PCIE_FABRIC_LINK_STATE_HOT_RESET,
                        "secondary bus reset");
    }
    pci_bridge_write_config(d, address, val, len);
    if (reset) {
        hot_reset_end(d);
    }
}

/* Link Control, Link Disable and Retrain Link (sec 7.5.3.7) */
static void port_write_link(PCIDevice *d, uint32_t address, uint32_t val,
                            int len, bool disable)
{
    uint32_t reg = d->exp.exp_cap + PCI_EXP_LNKCTL;

    if (disable) {
        pcie_fabric_hot_reset(d, PCIE_FABRIC_LINK_STATE_DISABLED,
                              "link disable");
    }
    pcie_fabric_link_update(d);
    if (pcie_cap_get_type(d) != PCI_EXP_TYPE_UPSTREAM &&
        range_covers_byte(address, len, reg) &&
        (val >> 8 * (reg - address)) & PCI_EXP_LNKCTL_RL) {
        pcie_fabric_link_retrain(d);
    }
    pcie_fabric_link_notify(d);
}

void pcie_fabric_port_write_config(PCIDevice *d, uint32_t address,
                                   uint32_t val, int len)
{
    PCIESlot *slot = port_slot(d);
    bool is_root = pcie_cap_get_type(d) == PCI_EXP_TYPE_ROOT_PORT;
    uint8_t *aer = d->config + d->exp.aer_cap;
    uint32_t root_cmd = pci_get_long(aer + PCI_ERR_ROOT_COMMAND);
    bool disable = sets_bit(d, d->exp.exp_cap + PCI_EXP_LNKCTL,
                            PCI_EXP_LNKCTL_LD, address, val, len);
    uint16_t slt_ctl = 0, slt_sta = 0;

    port_cfg_trace(d, address, val, len);
    if (slot) {
        pcie_cap_slot_get(d, &slt_ctl, &slt_sta);
    }
    port_write_bridge(d, address, val, len);
    if (slot) {
        pcie_cap_slot_write_config(d, slt_ctl, slt_sta, address, val, len);
    }
    pcie_fabric_aer_write_config(d);
    if (is_root) {
        pcie_aer_root_write_config(d, address, val, len, root_cmd);
    }
    port_write_link(d, address, val, len, disable);
    pcie_fabric_paths_changed();
}

void pcie_fabric_port_reset_hold(Object *obj, ResetType type)
{
    PCIDevice *d = PCI_DEVICE(obj);
    PCIEFabricPort *port = pcie_fabric_port(d);
    PCIEFabricResetKind kind = pcie_fabric_reset_kind(d);

    pcie_fabric_regs_reset(&port->regs, d, kind);
    if (kind == PCIE_FABRIC_RESET_COLD && port->props.atomic_egress_block) {
        /* As firmware could have left it; a hot reset runs no firmware. */
        pci_word_test_and_set_mask(d->config + d->exp.exp_cap +
                                   PCI_EXP_DEVCTL2,
                                   PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
    }
    if (port_slot(d)) {
        pcie_cap_slot_reset(d);
    }
    if (kind == PCIE_FABRIC_RESET_COLD) {
        pcie_fabric_gate_cold_reset(d);
        pcie_fabric_link_cold_reset(d);
    } else {
        pcie_fabric_link_sync(d);
        port->link.notified = false;
    }
    /* The windows are closed now: sec 7.5.1.3. */
    pci_bridge_update_mappings(PCI_BRIDGE(d));
    pcie_fabric_paths_changed();
}

/* sec 7.5.1.3.6: a port may have no I/O window; its registers then read 0 */
static void port_init_io_window(PCIDevice *d, PCIEFabricPort *port)
{
    if (!port->io_window) {
        pci_word_test_and_clear_mask(d->wmask + PCI_COMMAND, PCI_COMMAND_IO);
        pci_set_word(d->wmask + PCI_IO_BASE, 0);
        pci_set_word(d->config + PCI_IO_BASE, 0);
    }
}

static void port_init_header(PCIDevice *d, PCIEFabricPort *port)
{
    pci_config_set_interrupt_pin(d->config, 1);
    pcie_port_init_reg(d);
    pci_word_test_and_set_mask(d->wmask + PCI_BRIDGE_CONTROL,
                               PCI_BRIDGE_CTL_SERR);
    /* sec 7.5.1.3.7; QEMU's pcie_aer_init() sets one bit of it, elsewhere */
    pci_set_word(d->w1cmask + PCI_SEC_STATUS,
                 PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT |
                 PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT |
                 PCI_SEC_STATUS_RCV_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY);
    /* Not specified after reset (sec 7.5.1.3.8): closed is the safe choice. */
    pci_bridge_disable_base_limit(d);
    port_init_io_window(d, port);
}

/* Where the machine has no MSI (gic-version=3,its=off) INTx remains. */
static void port_init_msi(PCIDevice *d, PCIEFabricPort *port)
{
    if (msi_init(d, PCIE_FABRIC_MSI_OFFSET, 1, true, true, NULL) == 0) {
        /* QEMU's msi_init() forgets that pending bits come and go. */
        pcie_fabric_regs_status(&port->regs, d, PCIE_FABRIC_MSI_OFFSET +
                                PCI_MSI_PENDING_64, UINT32_MAX);
    }
}

static bool port_init_caps(PCIDevice *d, PCIEFabricPort *port, Error **errp)
{
    PCIEFabricPortClass *fpc = PCIE_FABRIC_PORT_GET_CLASS(d);
    PCIDeviceClass *pc = PCI_DEVICE_GET_CLASS(d);

    if (!pcie_fabric_pm_init(d, &port->regs, errp) ||
        pci_bridge_ssvid_init(d, PCIE_FABRIC_SSVID_OFFSET, pc->vendor_id, 0,
                              errp) < 0) {
        return false;
    }
    if (!pcie_fabric_exp_init(d, &port->regs, &port->props, fpc->exp_type,
                              PCIE_PORT(d)->port, errp)) {
        return false;
    }
    pcie_fabric_aer_init(d, &port->regs, &port->props, port->acs);
    if (port->acs) {
        pcie_fabric_acs_init(d, fpc->acs_caps);
    }
    if (fpc->exp_type == PCI_EXP_TYPE_UPSTREAM) {
        pcie_fabric_dsn_init(d, port->props.serial);
    }
    return true;
}

static bool port_init_slot(PCIDevice *d, Error **errp)
{
    PCIESlot *slot = port_slot(d);

    if (!slot) {
        return true;
    }
    pcie_chassis_create(slot->chassis);
    if (pcie_chassis_add_slot(slot) < 0) {
        error_setg(errp, "slot=%u is taken in chassis=%u: each root and "
                   "downstream port needs a chassis and slot of its own",
                   slot->slot, slot->chassis);
        return false;
    }
    pcie_cap_slot_init(d, slot);
    /* sec 7.5.3.10: exists wherever DLLLARC does */
    pci_word_test_and_set_mask(d->wmask + d->exp.exp_cap + PCI_EXP_SLTCTL,
                               PCI_EXP_SLTCTL_DLLSCE);
    return true;
}

static bool port_check(PCIDevice *d, PCIEFabricPort *port, Error **errp)
{
    PCIESlot *slot = port_slot(d);

    if (d->exp.aer_log.log_max) {
        error_setg(errp, "aer_log_max must be 0: multiple header recording "
                   "is not modelled");
        return false;
    }
    /* sec 7.5.3.9: Physical Slot Number has 13 bits */
    if (slot && slot->slot > PCI_EXP_SLTCAP_PSN >> PCI_EXP_SLTCAP_PSN_SHIFT) {
        error_setg(errp, "slot=%u: must be 0 to %u", slot->slot,
                   PCI_EXP_SLTCAP_PSN >> PCI_EXP_SLTCAP_PSN_SHIFT);
        return false;
    }
    return pcie_fabric_props_check(&port->props, errp);
}

bool pcie_fabric_port_realize(PCIDevice *d, Error **errp)
{
    PCIEFabricPort *port = pcie_fabric_port(d);

    if (!port_check(d, port, errp)) {
        return false;
    }
    pcie_fabric_regs_init(d);
    pci_bridge_initfn(d, TYPE_PCIE_BUS);
    port_init_header(d, port);
    port_init_msi(d, port);
    if (!port_init_caps(d, port, errp)) {
        goto err_msi;
    }
    if (!port_init_slot(d, errp)) {
        goto err_caps;
    }
    if (!rig_rules_realize(&port->rules, OBJECT(d), errp)) {
        goto err_slot;
    }
    pcie_fabric_link_init(d);
    pcie_fabric_dma_init(d);
    pcie_fabric_gate_init();
    pcie_fabric_regs_seal(&port->regs, d);
    pcie_fabric_paths_changed();
    return true;

err_slot:
    if (port_slot(d)) {
        pcie_chassis_del_slot(port_slot(d));
    }
err_caps:
    pcie_cap_exit(d);
err_msi:
    msi_uninit(d);
    pci_bridge_exitfn(d);
    return false;
}

void pcie_fabric_port_exit(PCIDevice *d)
{
    PCIESlot *slot = port_slot(d);

    rig_rules_unrealize(&pcie_fabric_port(d)->rules);
    pcie_fabric_link_exit(d);
    if (slot) {
        pcie_chassis_del_slot(slot);
    }
    pcie_cap_exit(d);
    msi_uninit(d);
    pcie_fabric_dma_exit(d);
    pci_bridge_exitfn(d);
    pcie_fabric_paths_changed();
}

bool pcie_fabric_rrs_visible(PCIDevice *root_port)
{
    return root_port &&
           (pci_get_word(root_port->config + root_port->exp.exp_cap +
                         PCI_EXP_RTCTL) & PCI_EXP_RTCTL_RRS_SVE);
}

bool pcie_fabric_audit_enabled(PCIDevice *root_port)
{
    return pcie_fabric_port(root_port)->audit;
}

static const TypeInfo pcie_fabric_port_info = {
    .name = TYPE_PCIE_FABRIC_PORT,
    .parent = TYPE_INTERFACE,
    .class_size = sizeof(PCIEFabricPortClass),
};

static void pcie_fabric_port_register_types(void)
{
    type_register_static(&pcie_fabric_port_info);
}

type_init(pcie_fabric_port_register_types)
