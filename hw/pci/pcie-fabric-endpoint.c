/*
 * PCIe fabric: endpoint with peer memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.15 (AtomicOps), 6.6.2 (FLR),
 * 7.5.3 (PCI Express capability).
 *
 * Modelled:     an endpoint, legacy endpoint or RCiEP that requests memory
 *               reads, writes and AtomicOps (pcie-fabric-engine.c), completes
 *               those of others in its memory; MSI-X.
 *               SR-IOV with virtual Functions that do the same.
 * Not modelled: ATS, PASID, more than one request under way; AER and Power
 *               Management of virtual Functions, VF BARs that grow with the
 *               system page size.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qemu/units.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-endpoint.h"
#include "hw/pci/pcie-fabric-engine.h"
#include "hw/pci/pcie-fabric-rule.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "trace.h"

OBJECT_DECLARE_SIMPLE_TYPE(PCIEFabricEndpoint, PCIE_FABRIC_ENDPOINT)

struct PCIEFabricEndpoint {
    PCIDevice parent_obj;

    /* properties */
    PCIEFabricProps props;
    char *pcie_type;
    uint64_t mem_size;
    uint16_t sriov_vfs;
    int32_t ready_ms;
    int32_t flr_ready_ms;
    uint16_t reset_device_id;
    uint64_t reset_serial;
    bool pm;

    PCIEFabricRegs regs;
    MemoryRegion mmio;
    MemoryRegion mem;
    PCIEFabricEngine engine;
    PCIEFabricCounters counters;
    RigRules rules;
};

PCIEFabricCounters *pcie_fabric_endpoint_counters(PCIDevice *d)
{
    if (!object_dynamic_cast(OBJECT(d), TYPE_PCIE_FABRIC_ENDPOINT)) {
        return NULL;
    }
    return &PCIE_FABRIC_ENDPOINT(d)->counters;
}

static PCIEFabricEndpoint *endpoint_of(PCIDevice *d)
{
    return (PCIEFabricEndpoint *)object_dynamic_cast(
        OBJECT(d), TYPE_PCIE_FABRIC_ENDPOINT);
}

int32_t pcie_fabric_endpoint_ready_ms(PCIDevice *d, bool flr)
{
    /* A virtual Function becomes ready as its physical one does. */
    PCIEFabricEndpoint *ep = endpoint_of(pci_is_vf(d) ? pcie_sriov_get_pf(d) :
                                                        d);

    if (!ep) {
        return 0;
    }
    return flr ? ep->flr_ready_ms : ep->ready_ms;
}

bool pcie_fabric_endpoint_busy(PCIDevice *d)
{
    PCIEFabricEndpoint *ep = endpoint_of(d);

    return ep && pcie_fabric_engine_is_busy(&ep->engine);
}

static uint32_t endpoint_features(PCIEFabricEndpoint *ep)
{
    uint32_t val = 0;

    val = FIELD_DP32(val, EP_FEATURES, COMP32, ep->props.atomic_comp32);
    val = FIELD_DP32(val, EP_FEATURES, COMP64, ep->props.atomic_comp64);
    val = FIELD_DP32(val, EP_FEATURES, COMP128, ep->props.atomic_comp128 &&
                                                pcie_fabric_atomic_has_128());
    val = FIELD_DP32(val, EP_FEATURES, PEER_MEMORY, ep->mem_size != 0);
    val = FIELD_DP32(val, EP_FEATURES, VIRTUAL, pci_is_vf(&ep->parent_obj));
    return val;
}

static bool endpoint_reg_read(PCIEFabricEndpoint *ep, hwaddr addr,
                              uint32_t *val)
{
    switch (addr) {
    case A_EP_ID:
        *val = EP_ID_MAGIC;
        return true;
    case A_EP_VERSION:
        *val = EP_VERSION_CURRENT;
        return true;
    case A_EP_FEATURES:
        *val = endpoint_features(ep);
        return true;
    case A_EP_MEM_SIZE_LO:
        *val = ep->mem_size;
        return true;
    case A_EP_MEM_SIZE_HI:
        *val = ep->mem_size >> 32;
        return true;
    default:
        *val = 0;
        return pcie_fabric_engine_read(&ep->engine, addr, val);
    }
}

static uint64_t endpoint_mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIEFabricEndpoint *ep = opaque;
    uint32_t val;

    if (!endpoint_reg_read(ep, addr, &val)) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: read of reserved register 0x%03" HWADDR_PRIx "\n",
                      ep->parent_obj.name, addr);
    }
    trace_pcie_fabric_endpoint_mmio_read(ep->parent_obj.name, addr, size, val);
    return val;
}

static void endpoint_mmio_write(void *opaque, hwaddr addr, uint64_t val,
                                unsigned size)
{
    PCIEFabricEndpoint *ep = opaque;

    trace_pcie_fabric_endpoint_mmio_write(ep->parent_obj.name, addr, size, val);
    if (!pcie_fabric_engine_write(&ep->engine, addr, val)) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: write of 0x%" PRIx64 " to register "
                      "0x%03" HWADDR_PRIx ", which is read-only, reserved, "
                      "busy, or cannot have that value\n",
                      ep->parent_obj.name, val, addr);
    }
}

static const MemoryRegionOps endpoint_mmio_ops = {
    .read = endpoint_mmio_read,
    .write = endpoint_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

/*
 * sec 9.3.3.3.4: VF MSE of the physical Function maps the BARs of all its
 * virtual ones, whose own Memory Space Enable is hardwired to 0. QEMU looks at
 * the latter; so it is kept set in VFs for QEMU, and not shown to the guest.
 */
static void endpoint_map_vfs(PCIDevice *pf)
{
    uint16_t total, i;
    bool mse;

    if (!pf->exp.sriov_cap) {
        return;
    }
    total = pci_get_word(pf->config + pf->exp.sriov_cap + PCI_SRIOV_TOTAL_VF);
    mse = pci_get_word(pf->config + pf->exp.sriov_cap + PCI_SRIOV_CTRL) &
          PCI_SRIOV_CTRL_MSE;
    /* One new memory map for all of them */
    memory_region_transaction_begin();
    for (i = 0; i < total; i++) {
        PCIDevice *vf = pf->exp.sriov_pf.vf[i];
        uint16_t cmd = pci_get_word(vf->config + PCI_COMMAND);

        pci_set_word(vf->config + PCI_COMMAND,
                     mse ? cmd | PCI_COMMAND_MEMORY :
                           cmd & ~PCI_COMMAND_MEMORY);
        /* A write of Command is what makes QEMU look at the BARs again. */
        pci_default_write_config(vf, PCI_COMMAND, cmd, 2);
    }
    memory_region_transaction_commit();
}

static uint32_t endpoint_vf_read_config(PCIDevice *d, uint32_t address, int len)
{
    uint32_t val = pci_default_read_config(d, address, len);

    if (range_covers_byte(address, len, PCI_COMMAND)) {
        val &= ~(PCI_COMMAND_MEMORY << 8 * (PCI_COMMAND - address));
    }
    return val;
}

static void endpoint_write_config(PCIDevice *d, uint32_t address,
                                  uint32_t val, int len)
{
    trace_pcie_fabric_endpoint_cfg_write(d->name, pci_dev_bus_num(d),
                                         PCI_SLOT(d->devfn),
                                         PCI_FUNC(d->devfn),
                                         address, val, len);
    pci_default_write_config(d, address, val, len);
    pcie_cap_flr_write_config(d, address, val, len);
    pcie_fabric_aer_write_config(d);
    if (d->exp.sriov_cap && ranges_overlap(address, len, d->exp.sriov_cap,
                                           PCI_EXT_CAP_SRIOV_SIZEOF)) {
        endpoint_map_vfs(d);
    }
    pcie_fabric_paths_changed();
}

/* Properties reset-device-id and reset-sn: somebody has changed the card. */
static void endpoint_replace(PCIEFabricEndpoint *ep)
{
    PCIDevice *d = PCI_DEVICE(ep);

    if (ep->reset_device_id) {
        pci_config_set_device_id(d->config, ep->reset_device_id);
    }
    if (ep->reset_serial) {
        pci_set_quad(d->config + PCIE_FABRIC_DSN_OFFSET + 4, ep->reset_serial);
    }
}

static void endpoint_reset_hold(Object *obj, ResetType type)
{
    PCIEFabricEndpoint *ep = PCIE_FABRIC_ENDPOINT(obj);
    PCIDevice *d = PCI_DEVICE(obj);
    PCIEFabricResetKind kind = pcie_fabric_reset_kind(d);

    pcie_fabric_engine_reset(&ep->engine);
    pcie_fabric_regs_reset(&ep->regs, d, kind);
    if (kind == PCIE_FABRIC_RESET_HOT && !pci_is_vf(d)) {
        endpoint_replace(ep);
    }
    pcie_fabric_paths_changed();
}

static bool endpoint_check_props(PCIEFabricEndpoint *ep, Error **errp)
{
    if (strcmp(ep->pcie_type, "endpoint") && strcmp(ep->pcie_type, "legacy")) {
        error_setg(errp, "pcie-type=%s: must be 'endpoint' or 'legacy'",
                   ep->pcie_type);
        return false;
    }
    if (ep->mem_size && (!is_power_of_2(ep->mem_size) ||
                         ep->mem_size < 4 * KiB)) {
        error_setg(errp, "mem-size=%" PRIu64 ": must be 0 or a power of two "
                   "of at least 4 KiB (4096 bytes)", ep->mem_size);
        return false;
    }
    if (ep->sriov_vfs > PCIE_FABRIC_EP_MAX_VFS) {
        error_setg(errp, "sriov-vfs=%u: must be 0 to %u", ep->sriov_vfs,
                   PCIE_FABRIC_EP_MAX_VFS);
        return false;
    }
    if (ep->parent_obj.devfn + ep->sriov_vfs >= PCI_DEVFN_MAX) {
        error_setg(errp, "sriov-vfs=%u: the VFs of a Function at addr=%02x.%x "
                   "would leave its bus", ep->sriov_vfs,
                   PCI_SLOT(ep->parent_obj.devfn),
                   PCI_FUNC(ep->parent_obj.devfn));
        return false;
    }
    return true;
}

/* The bus decides whether there is a link above (sec 1.3.2). */
static uint8_t endpoint_type(PCIEFabricEndpoint *ep)
{
    if (pci_bus_is_root(pci_get_bus(PCI_DEVICE(ep)))) {
        return PCI_EXP_TYPE_RC_END;
    }
    return strcmp(ep->pcie_type, "legacy") ? PCI_EXP_TYPE_ENDPOINT :
                                             PCI_EXP_TYPE_LEG_END;
}

/*
 * sec 9.3.3 to 9.3.5: of a virtual Function's own registers only Bus Master
 * Enable, FLR and its error status do anything; the rest follows the physical
 * one, AtomicOp Requester Enable included.
 */
static void endpoint_strip_vf(PCIDevice *d)
{
    uint8_t *exp = d->config + d->exp.exp_cap;
    uint8_t *wmask = d->wmask + d->exp.exp_cap;

    pci_set_word(d->wmask + PCI_COMMAND, PCI_COMMAND_MASTER);
    pci_set_byte(d->wmask + PCI_INTERRUPT_LINE, 0);
    pci_set_byte(d->wmask + PCI_CACHE_LINE_SIZE, 0);
    pci_set_word(exp + PCI_EXP_DEVCTL, 0);
    pci_set_word(wmask + PCI_EXP_DEVCTL, 0);
    pci_set_word(exp + PCI_EXP_LNKSTA, 0);
    pci_set_word(wmask + PCI_EXP_LNKCTL, 0);
    pci_set_word(exp + PCI_EXP_LNKCTL2, 0);
    pci_set_word(wmask + PCI_EXP_LNKCTL2, 0);
    pci_set_word(wmask + PCI_EXP_DEVCTL2, 0);
}

static bool endpoint_init_exp(PCIEFabricEndpoint *ep, Error **errp)
{
    PCIDevice *d = PCI_DEVICE(ep);

    if (!pcie_fabric_exp_init(d, &ep->regs, &ep->props, endpoint_type(ep), 0,
                              errp)) {
        return false;
    }
    if (pci_is_vf(d)) {
        endpoint_strip_vf(d);
    }
    pcie_cap_flr_init(d);
    /* Transactions Pending: the engine sets and clears it */
    pcie_fabric_regs_status(&ep->regs, d, d->exp.exp_cap + PCI_EXP_DEVCTL,
                            PCI_EXP_DEVSTA_TRPND << 16);
    return true;
}

static bool endpoint_init_caps(PCIEFabricEndpoint *ep, Error **errp)
{
    PCIDevice *d = PCI_DEVICE(ep);

    pcie_fabric_regs_init(d);
    if (pci_is_vf(d)) {
        if (!endpoint_init_exp(ep, errp)) {
            return false;
        }
        pcie_ari_init(d, PCI_CONFIG_SPACE_SIZE);
        return true;
    }
    if ((ep->pm && !pcie_fabric_pm_init(d, &ep->regs, errp)) ||
        !endpoint_init_exp(ep, errp)) {
        return false;
    }
    pcie_fabric_aer_init(d, &ep->regs, &ep->props, false);
    pcie_fabric_dsn_init(d, ep->props.serial);
    /* A snapshot may be of the card that it was, or has become. */
    pci_set_word(d->cmask + PCI_DEVICE_ID, 0);
    pci_set_quad(d->cmask + PCIE_FABRIC_DSN_OFFSET + 4, 0);
    return true;
}

static bool endpoint_init_bars(PCIEFabricEndpoint *ep, Error **errp)
{
    PCIDevice *d = PCI_DEVICE(ep);

    memory_region_init_io(&ep->mmio, OBJECT(d), &endpoint_mmio_ops, ep,
                          "pcie-fabric-endpoint-regs",
                          PCIE_FABRIC_EP_REGS_SIZE);
    pci_register_bar(d, PCIE_FABRIC_EP_REGS_BAR, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &ep->mmio);
    if (ep->mem_size) {
        if (!memory_region_init_ram(&ep->mem, OBJECT(d),
                                    "pcie-fabric-endpoint-mem",
                                    ep->mem_size, errp)) {
            return false;
        }
        pci_register_bar(d, PCIE_FABRIC_EP_MEM_BAR,
                         PCI_BASE_ADDRESS_SPACE_MEMORY |
                         PCI_BASE_ADDRESS_MEM_TYPE_64 |
                         PCI_BASE_ADDRESS_MEM_PREFETCH, &ep->mem);
    }
    return true;
}

static void endpoint_init_msix(PCIDevice *d)
{
    int i;

    /* Where the machine has no MSI there is no interrupt to be had. */
    if (msix_init_exclusive_bar(d, PCIE_FABRIC_EP_MSIX_VECTORS,
                                PCIE_FABRIC_EP_MSIX_BAR, NULL) < 0) {
        return;
    }
    for (i = 0; i < PCIE_FABRIC_EP_MSIX_VECTORS; i++) {
        msix_vector_use(d, i);
    }
}

/* sec 9.2.1.2: with First VF Offset and VF Stride 1 they follow their PF. */
static bool endpoint_init_sriov(PCIEFabricEndpoint *ep, Error **errp)
{
    PCIDevice *d = PCI_DEVICE(ep);
    int i;

    if (!ep->sriov_vfs || pci_is_vf(d)) {
        return true;
    }
    pcie_ari_init(d, PCIE_FABRIC_ARI_OFFSET);
    if (!pcie_sriov_pf_init(d, PCIE_FABRIC_SRIOV_OFFSET,
                            TYPE_PCIE_FABRIC_ENDPOINT_VF,
                            PCIE_FABRIC_ENDPOINT_VF_DEVICE_ID,
                            ep->sriov_vfs, ep->sriov_vfs, 1, 1, errp)) {
        return false;
    }
    for (i = 0; i < PCI_ROM_SLOT; i++) {
        if (d->io_regions[i].size) {
            pcie_sriov_pf_init_vf_bar(d, i, d->io_regions[i].type,
                                      d->io_regions[i].size);
        }
    }
    return true;
}

/* What a virtual Function is built with is its physical Function's. */
static void endpoint_inherit(PCIEFabricEndpoint *ep)
{
    PCIEFabricEndpoint *pf;

    if (pci_is_vf(&ep->parent_obj)) {
        pf = PCIE_FABRIC_ENDPOINT(pcie_sriov_get_pf(&ep->parent_obj));
        ep->props = pf->props;
        ep->mem_size = pf->mem_size;
        g_free(ep->pcie_type);
        ep->pcie_type = g_strdup(pf->pcie_type);
    }
}

static void endpoint_exit_bars(PCIEFabricEndpoint *ep)
{
    PCIDevice *d = PCI_DEVICE(ep);

    if (msix_present(d)) {
        msix_uninit_exclusive_bar(d);
    }
    if (ep->mem_size) {
        /*
         * The memory itself goes later, when the last reference to it does.
         * Its name must be free at once for whatever is plugged in next.
         */
        vmstate_unregister_ram(&ep->mem, DEVICE(d));
    }
}

static void endpoint_realize(PCIDevice *d, Error **errp)
{
    PCIEFabricEndpoint *ep = PCIE_FABRIC_ENDPOINT(d);

    endpoint_inherit(ep);
    if (!endpoint_check_props(ep, errp) || !endpoint_init_caps(ep, errp) ||
        !endpoint_init_bars(ep, errp)) {
        return;
    }
    endpoint_init_msix(d);
    if (!endpoint_init_sriov(ep, errp)) {
        endpoint_exit_bars(ep);
        return;
    }
    if (!rig_rules_realize(&ep->rules, OBJECT(d), errp)) {
        pcie_sriov_pf_exit(d);
        endpoint_exit_bars(ep);
        pcie_cap_exit(d);
        return;
    }
    pcie_fabric_engine_init(&ep->engine, d, ep->mem_size ? &ep->mem : NULL);
    pcie_fabric_regs_seal(&ep->regs, d);
    pcie_fabric_paths_changed();
}

static void endpoint_exit(PCIDevice *d)
{
    pcie_sriov_pf_exit(d);
    rig_rules_unrealize(&PCIE_FABRIC_ENDPOINT(d)->rules);
    pcie_fabric_engine_exit(&PCIE_FABRIC_ENDPOINT(d)->engine);
    pcie_fabric_paths_changed();
    endpoint_exit_bars(PCIE_FABRIC_ENDPOINT(d));
    pcie_cap_exit(d);
}

static int endpoint_post_load(void *opaque, int version_id)
{
    pcie_fabric_paths_changed();
    return 0;
}

#define ENDPOINT_VMSTATE_FIELDS                                             \
    (const VMStateField[]) {                                                \
        VMSTATE_PCI_DEVICE(parent_obj, PCIEFabricEndpoint),                 \
        VMSTATE_MSIX(parent_obj, PCIEFabricEndpoint),                       \
        VMSTATE_STRUCT(engine, PCIEFabricEndpoint, 1,                       \
                       vmstate_pcie_fabric_engine, PCIEFabricEngine),       \
        VMSTATE_RIG_RULES(rules, PCIEFabricEndpoint),                       \
        VMSTATE_END_OF_LIST()                                               \
    }

/* Loaded before its VFs: QEMU resets those when it sees VF Enable. */
static const VMStateDescription vmstate_endpoint = {
    .name = TYPE_PCIE_FABRIC_ENDPOINT,
    .priority = MIG_PRI_PCI_BUS,
    .version_id = 2,
    .minimum_version_id = 2,
    .post_load = endpoint_post_load,
    .fields = ENDPOINT_VMSTATE_FIELDS,
};

static const VMStateDescription vmstate_endpoint_vf = {
    .name = TYPE_PCIE_FABRIC_ENDPOINT_VF,
    .version_id = 2,
    .minimum_version_id = 2,
    .post_load = endpoint_post_load,
    .fields = ENDPOINT_VMSTATE_FIELDS,
};

static const Property endpoint_props[] = {
    PCIE_FABRIC_PROPS_COMPLETER(PCIEFabricEndpoint, props),
    DEFINE_PROP_STRING("pcie-type", PCIEFabricEndpoint, pcie_type),
    DEFINE_PROP_SIZE("mem-size", PCIEFabricEndpoint, mem_size, 1 * MiB),
    DEFINE_PROP_UINT16("sriov-vfs", PCIEFabricEndpoint, sriov_vfs, 0),
    DEFINE_PROP_UINT64("sn", PCIEFabricEndpoint, props.serial, 0),
    PCIE_FABRIC_PROP_MS("reset-ready-ms", PCIEFabricEndpoint, ready_ms, 0),
    PCIE_FABRIC_PROP_MS("flr-ready-ms", PCIEFabricEndpoint, flr_ready_ms, 0),
    DEFINE_PROP_UINT16("reset-device-id", PCIEFabricEndpoint, reset_device_id,
                       0),
    DEFINE_PROP_UINT64("reset-sn", PCIEFabricEndpoint, reset_serial, 0),
    DEFINE_PROP_BOOL("x-pm", PCIEFabricEndpoint, pm, true),
    PCIE_FABRIC_PROPS_LINK(PCIEFabricEndpoint, props.speed, props.width),
};

static RigRules *endpoint_rules(Object *obj)
{
    return &PCIE_FABRIC_ENDPOINT(obj)->rules;
}

static void endpoint_instance_init(Object *obj)
{
    PCIE_FABRIC_ENDPOINT(obj)->pcie_type = g_strdup("endpoint");
    rig_rules_init(endpoint_rules(obj), &pcie_fabric_rule_family);
}

static void endpoint_instance_finalize(Object *obj)
{
    rig_rules_free(endpoint_rules(obj));
}

static void endpoint_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->desc = "PCI Express endpoint: AtomicOp requester and peer memory";
    dc->vmsd = &vmstate_endpoint;
    pc->realize = endpoint_realize;
    pc->exit = endpoint_exit;
    pc->config_read = pcie_fabric_read_config;
    pc->config_write = endpoint_write_config;
    pc->vendor_id = PCIE_FABRIC_VENDOR_ID;
    pc->device_id = PCIE_FABRIC_ENDPOINT_DEVICE_ID;
    pc->class_id = PCIE_FABRIC_EP_CLASS;
    rc->phases.hold = endpoint_reset_hold;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, endpoint_props);
    rig_rules_class_init(klass, endpoint_rules);
    pcie_fabric_describe_completer(klass);
    pcie_fabric_describe_serial(klass);
    object_class_property_set_description(klass, "pcie-type",
        "Device/Port Type below a port: 'endpoint' or 'legacy' "
        "(default endpoint); on a root bus it is always an RCiEP");
    object_class_property_set_description(klass, "mem-size",
        "size of the peer memory in BAR 2: 0 (none), or a power of two of at "
        "least 4 KiB");
    object_class_property_set_description(klass, "reset-ready-ms",
        "time after a conventional reset in which the Function answers with "
        "Request Retry Status, in ms; -1: for ever");
    object_class_property_set_description(klass, "flr-ready-ms",
        "the same after a function level reset");
    object_class_property_set_description(klass, "reset-device-id",
        "Device ID that it has after a hot reset, as another card in the slot "
        "would; 0: the same");
    object_class_property_set_description(klass, "reset-sn",
        "Device Serial Number that it has after a hot reset; 0: the same");
    object_class_property_set_description(klass, "x-pm",
        "have the Power Management capability; off is against the "
        "specification, and lets Linux not wait after a reset");
    object_class_property_set_description(klass, "sriov-vfs",
        "number of SR-IOV virtual Functions, 0 to 63; more than 7 need ARI");
}

static void endpoint_vf_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    dc->desc = "Virtual Function of a " TYPE_PCIE_FABRIC_ENDPOINT;
    dc->user_creatable = false;
    dc->vmsd = &vmstate_endpoint_vf;
    pc->config_read = endpoint_vf_read_config;
    pc->device_id = PCIE_FABRIC_ENDPOINT_VF_DEVICE_ID;
}

static const TypeInfo endpoint_info = {
    .name = TYPE_PCIE_FABRIC_ENDPOINT,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PCIEFabricEndpoint),
    .instance_init = endpoint_instance_init,
    .instance_finalize = endpoint_instance_finalize,
    .class_init = endpoint_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { TYPE_RIG_RULE_TARGET },
        { }
    },
};

static const TypeInfo endpoint_vf_info = {
    .name = TYPE_PCIE_FABRIC_ENDPOINT_VF,
    .parent = TYPE_PCIE_FABRIC_ENDPOINT,
    .class_init = endpoint_vf_class_init,
};

static void endpoint_register_types(void)
{
    type_register_static(&endpoint_info);
    type_register_static(&endpoint_vf_info);
}

type_init(endpoint_register_types)
