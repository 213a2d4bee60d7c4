/*
 * PCIe fabric: the capabilities that its ports and endpoints have in common
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 7.5.2 (Power Management), 7.5.3
 * (PCI Express), 7.7.11 (ACS), 7.9.3 (Device Serial Number), 6.15 (AtomicOps).
 *
 * Modelled:     the registers' attributes, reset values and stickiness.
 * Not modelled: TLP prefixes, LTR, OBFF, IDO, 10-bit tags, completion timeout
 *               ranges.
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "qapi/error.h"
#include "qemu/range.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"

/* sec 7.5.3.3: sizes are coded as log2(bytes) - 7 */
#define MPS_512 2
/* sec 7.5.3.6, bit 22: must be 1 in hardware of these years */
#define LNKCAP_ASPM_OPTIONALITY 0x00400000

static bool has_link(uint8_t type)
{
    return type != PCI_EXP_TYPE_RC_END;
}

static bool is_downstream(uint8_t type)
{
    return type == PCI_EXP_TYPE_ROOT_PORT || type == PCI_EXP_TYPE_DOWNSTREAM;
}

/* sec 7.5.3.3 to 7.5.3.5 */
static void init_device_regs(PCIDevice *d, PCIEFabricRegs *regs, uint8_t type)
{
    uint8_t *exp = d->config + d->exp.exp_cap;
    uint8_t *wmask = d->wmask + d->exp.exp_cap;
    uint16_t rw = PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE |
                  PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |
                  PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_READRQ |
                  PCI_EXP_DEVCTL_EXT_TAG;
    uint16_t reset = PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_READRQ_512B;

    pci_set_long(exp + PCI_EXP_DEVCAP,
                 MPS_512 | PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_RBER);
    if (!pcie_fabric_type_is_port(type)) {
        rw |= PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN;
        reset |= PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN;
    }
    pci_set_word(exp + PCI_EXP_DEVCTL, reset);
    pci_set_word(wmask + PCI_EXP_DEVCTL, rw);
    pci_set_word(d->w1cmask + d->exp.exp_cap + PCI_EXP_DEVSTA,
                 PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED |
                 PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD);
    /* sec 6.6.2: what a path has agreed on outlives the reset of one end */
    pcie_fabric_regs_flr_keeps(regs, d->exp.exp_cap + PCI_EXP_DEVCTL,
                               PCI_EXP_DEVCTL_PAYLOAD);
}

/*
 * sec 7.5.3.18: every speed up to the highest; QEMU leaves the register empty
 * up to 5 GT/s. Encoded speed N is bit N of the register.
 */
static uint32_t supported_speeds(uint32_t lnkcap)
{
    return MAKE_64BIT_MASK(1, lnkcap & PCI_EXP_LNKCAP_SLS);
}

static void init_link_caps(uint8_t *exp, uint8_t type)
{
    uint32_t lnkcap = pci_get_long(exp + PCI_EXP_LNKCAP);

    lnkcap |= LNKCAP_ASPM_OPTIONALITY;
    if (is_downstream(type)) {
        lnkcap |= PCI_EXP_LNKCAP_DLLLARC | PCI_EXP_LNKCAP_LBNC;
    }
    pci_set_long(exp + PCI_EXP_LNKCAP, lnkcap);
    pci_set_long(exp + PCI_EXP_LNKCAP2, supported_speeds(lnkcap));
    pci_set_word(exp + PCI_EXP_LNKCTL2, lnkcap & PCI_EXP_LNKCTL2_TLS);
}

/* sec 7.5.3: RCiEPs have no link registers; they read as 0 */
static void clear_link_regs(uint8_t *exp)
{
    pci_set_long(exp + PCI_EXP_LNKCAP, 0);
    pci_set_word(exp + PCI_EXP_LNKSTA, 0);
    pci_set_long(exp + PCI_EXP_LNKCAP2, 0);
    pci_set_word(exp + PCI_EXP_LNKCTL2, 0);
}

/* sec 7.5.3.6 to 7.5.3.8 and 7.5.3.18 to 7.5.3.20 */
static void init_link_regs(PCIDevice *d, PCIEFabricRegs *regs, uint8_t type)
{
    uint16_t pos = d->exp.exp_cap;
    uint16_t rw = PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_CCC |
                  PCI_EXP_LNKCTL_ES;

    if (!has_link(type)) {
        clear_link_regs(d->config + pos);
        return;
    }
    init_link_caps(d->config + pos, type);
    if (is_downstream(type)) {
        rw |= PCI_EXP_LNKCTL_LBMIE | PCI_EXP_LNKCTL_LABIE;
    }
    if (!pcie_fabric_type_is_port(type)) {
        rw |= PCI_EXP_LNKCTL_RCB;
    }
    pci_set_word(d->wmask + pos + PCI_EXP_LNKCTL, rw);
    pcie_fabric_regs_flr_keeps(regs, pos + PCI_EXP_LNKCTL, rw);
    pci_set_word(d->wmask + pos + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS);
    pcie_fabric_regs_sticky(regs, pos + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS);
    /* pcie_sync_bridge_lnk() and the slot code change it at any time */
    pci_set_word(d->cmask + pos + PCI_EXP_LNKSTA, 0);
}

/*
 * sec 7.5.3.8: the fastest speed and widest width that both ends have. Both lie
 * at the same place in Link Capabilities and in Link Status.
 */
static void set_link_status(PCIDevice *d, uint32_t mine, uint32_t its)
{
    uint8_t *sta = d->config + d->exp.exp_cap + PCI_EXP_LNKSTA;
    uint16_t speed = MIN(mine & PCI_EXP_LNKCAP_SLS, its & PCI_EXP_LNKCAP_SLS);
    uint16_t width = MIN(mine & PCI_EXP_LNKCAP_MLW, its & PCI_EXP_LNKCAP_MLW);

    pci_set_word(sta, (pci_get_word(sta) &
                       ~(PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW)) |
                      MAX(speed, PCI_EXP_LNKSTA_CLS_2_5GB) |
                      MAX(width, PCI_EXP_LNKSTA_NLW_X1));
}

static uint32_t link_caps(PCIDevice *d)
{
    return pci_get_long(d->config + d->exp.exp_cap + PCI_EXP_LNKCAP);
}

/* Of the other end below @d; QEMU's own devices say it in Link Status. */
static uint32_t link_caps_below(PCIDevice *d)
{
    PCIDevice *below = pci_bridge_get_sec_bus(PCI_BRIDGE(d))->devices[0];

    if (!below || !below->exp.exp_cap) {
        return link_caps(d);
    }
    if (pcie_fabric_counters(below)) {
        return link_caps(below);
    }
    return pci_get_word(below->config + below->exp.exp_cap + PCI_EXP_LNKSTA);
}

/*
 * QEMU's pci_default_read_config() would ask the Function below, which is not
 * an access that software makes.
 */
static uint32_t read_config(PCIDevice *d, uint32_t address, int len)
{
    uint32_t val = 0;

    memcpy(&val, d->config + address, len);
    return le32_to_cpu(val);
}

uint32_t pcie_fabric_downstream_read_config(PCIDevice *d, uint32_t address,
                                            int len)
{
    if (ranges_overlap(address, len, d->exp.exp_cap + PCI_EXP_LNKSTA, 2)) {
        set_link_status(d, link_caps(d), link_caps_below(d));
    }
    return read_config(d, address, len);
}

uint32_t pcie_fabric_read_config(PCIDevice *d, uint32_t address, int len)
{
    PCIDevice *above = pcie_fabric_port_above(d);

    if (above && above->exp.exp_cap &&
        ranges_overlap(address, len, d->exp.exp_cap + PCI_EXP_LNKSTA, 2)) {
        set_link_status(d, link_caps(d), link_caps(above));
    }
    return read_config(d, address, len);
}

/* sec 7.5.3.15, 7.5.3.16: which bits exist depends on the type */
static void init_atomic_regs(PCIDevice *d, const PCIEFabricProps *props,
                             uint8_t type)
{
    uint8_t *exp = d->config + d->exp.exp_cap;
    uint8_t *wmask = d->wmask + d->exp.exp_cap;
    uint32_t cap = 0;
    uint16_t rw = 0;

    if (pcie_fabric_type_is_port(type)) {
        if (props->atomic_routing) {
            cap |= PCI_EXP_DEVCAP2_ATOMIC_ROUTE;
            rw |= PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK;
        }
    } else {
        rw |= PCI_EXP_DEVCTL2_ATOMIC_REQ;
    }
    /* Switch ports have no memory BAR, so nothing that could complete. */
    if (type != PCI_EXP_TYPE_UPSTREAM && type != PCI_EXP_TYPE_DOWNSTREAM) {
        cap |= (props->atomic_comp32 ? PCI_EXP_DEVCAP2_ATOMIC_COMP32 : 0) |
               (props->atomic_comp64 ? PCI_EXP_DEVCAP2_ATOMIC_COMP64 : 0) |
               (props->atomic_comp128 && pcie_fabric_atomic_has_128() ?
                PCI_EXP_DEVCAP2_ATOMIC_COMP128 : 0);
    }
    /* This also takes back the TLP prefix bits that QEMU gives everybody. */
    pci_set_long(exp + PCI_EXP_DEVCAP2, cap);
    pci_set_word(wmask + PCI_EXP_DEVCTL2, rw);
}

/* sec 7.5.3.12, 7.5.3.13: RRS Software Visibility */
static void init_rrs(PCIDevice *d)
{
    if (pcie_fabric_port(d)->rrs_sv) {
        pci_set_word(d->config + d->exp.exp_cap + PCI_EXP_RTCAP,
                     PCI_EXP_RTCAP_RRS_SV);
        pci_word_test_and_set_mask(d->wmask + d->exp.exp_cap + PCI_EXP_RTCTL,
                                   PCI_EXP_RTCTL_RRS_SVE);
    }
}

bool pcie_fabric_exp_init(PCIDevice *d, PCIEFabricRegs *regs,
                          const PCIEFabricProps *props, uint8_t type,
                          uint8_t port, Error **errp)
{
    if (pcie_cap_init(d, PCIE_FABRIC_EXP_OFFSET, type, port, errp) < 0) {
        return false;
    }
    if (!is_downstream(type)) {
        pcie_cap_fill_link_ep_usp(d, props->width, props->speed);
    }
    init_device_regs(d, regs, type);
    init_link_regs(d, regs, type);
    init_atomic_regs(d, props, type);
    if (is_downstream(type)) {
        pcie_cap_arifwd_init(d);
    }
    if (type == PCI_EXP_TYPE_ROOT_PORT) {
        pcie_cap_root_init(d);
        pci_word_test_and_set_mask(d->wmask + d->exp.exp_cap + PCI_EXP_RTCTL,
                                   PCI_EXP_RTCTL_PMEIE);
        /* sec 7.5.3.14: PME Status, and who it was */
        pci_set_long(d->w1cmask + d->exp.exp_cap + PCI_EXP_RTSTA,
                     PCI_EXP_RTSTA_PME);
        pcie_fabric_regs_status(regs, d, d->exp.exp_cap + PCI_EXP_RTSTA,
                                PCI_EXP_RTSTA_PME | 0xffff);
        init_rrs(d);
    }
    return true;
}

void pcie_fabric_acs_init(PCIDevice *d, uint16_t caps)
{
    uint16_t pos = PCIE_FABRIC_ACS_OFFSET;
    uint16_t cap = caps;
    uint16_t size = PCI_ACS_SIZEOF;

    if (caps & PCI_ACS_EC) {
        cap |= PCIE_FABRIC_ACS_VECTOR_BITS << 8;
        size += PCIE_FABRIC_ACS_VECTOR_BITS / 8;
    }
    pcie_add_capability(d, PCI_EXT_CAP_ID_ACS, PCI_ACS_VER, pos, size);
    d->exp.acs_cap = pos;
    pci_set_word(d->config + pos + PCI_ACS_CAP, cap);
    pci_set_word(d->wmask + pos + PCI_ACS_CTRL, caps);
    if (caps & PCI_ACS_EC) {
        pci_set_long(d->wmask + pos + PCI_ACS_EGRESS_CTL_V, UINT32_MAX);
    }
}

bool pcie_fabric_pm_init(PCIDevice *d, PCIEFabricRegs *regs, Error **errp)
{
    int pos = pci_pm_init(d, PCIE_FABRIC_PM_OFFSET, errp);
    uint16_t pmc = 3 /* version */;

    if (pos < 0) {
        return false;
    }
    pci_set_word(d->config + pos + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(d->wmask + pos + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
    if (IS_PCI_BRIDGE(d)) {
        /* sec 7.5.2.1: all ports must, since they forward PME messages */
        pmc |= PCI_PM_CAP_PME_D0 | PCI_PM_CAP_PME_D3hot |
               PCI_PM_CAP_PME_D3cold;
        pci_word_test_and_set_mask(d->wmask + pos + PCI_PM_CTRL,
                                   PCI_PM_CTRL_PME_ENABLE);
        pci_set_word(d->w1cmask + pos + PCI_PM_CTRL, PCI_PM_CTRL_PME_STATUS);
        pcie_fabric_regs_sticky(regs, pos + PCI_PM_CTRL,
                                PCI_PM_CTRL_PME_ENABLE |
                                PCI_PM_CTRL_PME_STATUS);
    }
    pci_set_word(d->config + pos + PCI_PM_PMC, pmc);
    return true;
}

void pcie_fabric_dsn_init(PCIDevice *d, uint64_t serial)
{
    if (!serial) {
        g_autofree char *path = object_get_canonical_path(OBJECT(d));
        uint32_t low = crc32(0, (const uint8_t *)path, strlen(path));

        serial = (uint64_t)PCIE_FABRIC_VENDOR_ID << 48 | low;
    }
    pcie_dev_ser_num_init(d, PCIE_FABRIC_DSN_OFFSET, serial);
}
