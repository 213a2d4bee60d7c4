/*
 * PCIe fabric: Advanced Error Reporting registers
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.2 and 7.8.4.
 *
 * QEMU's pcie_aer_init() offers error bits to ports that cannot have the error,
 * several header logs by default, and resets nothing on a cold reset; so the
 * registers are laid out here. What QEMU's own devices below our ports send up
 * (pcie_aer_inject_error) still finds the capability where QEMU looks for it.
 *
 * For the same reason errors are logged and signalled here: QEMU 10.0's helper
 * clobbers Link Capabilities, overwrites the log of the first error, swaps its
 * bytes, and applies a port's own SERR# Enable to the port's own errors.
 *
 * Modelled:     registers, attributes, stickiness; logging of the first error;
 *               advisory non-fatal errors; messages up to the root port and its
 *               interrupt.
 * Not modelled: ECRC, multiple header recording, TLP prefix log, root complex
 *               event collectors (errors of RCiEPs stay local).
 */

#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-tlp.h"
#include "trace.h"

/* sec 7.8.4.2: errors that any PCI Express function can have */
#define UNCOR_ANY   (PCI_ERR_UNC_DLP | PCI_ERR_UNC_POISON_TLP |             \
                     PCI_ERR_UNC_FCP | PCI_ERR_UNC_COMP_TIME |              \
                     PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP |        \
                     PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP |           \
                     PCI_ERR_UNC_UNSUP | PCI_ERR_UNC_INTN)

/* sec 7.8.4.4: fatal by default */
#define UNCOR_FATAL (PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN |                 \
                     PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER |                \
                     PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_INTN)

/* sec 7.8.4.3: masked by default */
#define UNCOR_MASKED PCI_ERR_UNC_INTN

static uint32_t supported_uncor(PCIDevice *d, const PCIEFabricProps *props,
                                bool acs)
{
    uint8_t type = pcie_cap_get_type(d);
    bool downstream = type == PCI_EXP_TYPE_ROOT_PORT ||
                      type == PCI_EXP_TYPE_DOWNSTREAM;

    return UNCOR_ANY | (downstream ? PCI_ERR_UNC_SURPDN : 0) |
           (acs ? PCI_ERR_UNC_ACSV : 0) |
           (props->atomic_routing ? PCI_ERR_UNC_ATOP_EBLOCKED : 0);
}

static void init_masks(PCIDevice *d, PCIEFabricRegs *regs, uint32_t uncor)
{
    uint16_t pos = PCIE_FABRIC_AER_OFFSET;

    pci_set_long(d->w1cmask + pos + PCI_ERR_UNCOR_STATUS, uncor);
    pci_set_long(d->wmask + pos + PCI_ERR_UNCOR_MASK, uncor);
    pci_set_long(d->config + pos + PCI_ERR_UNCOR_MASK, UNCOR_MASKED & uncor);
    pci_set_long(d->wmask + pos + PCI_ERR_UNCOR_SEVER, uncor);
    pci_set_long(d->config + pos + PCI_ERR_UNCOR_SEVER, UNCOR_FATAL & uncor);

    pci_set_long(d->w1cmask + pos + PCI_ERR_COR_STATUS, PCI_ERR_COR_SUPPORTED);
    pci_set_long(d->wmask + pos + PCI_ERR_COR_MASK, PCI_ERR_COR_SUPPORTED);
    pci_set_long(d->config + pos + PCI_ERR_COR_MASK, PCI_ERR_COR_MASK_DEFAULT);
}

static void init_root(PCIDevice *d, PCIEFabricRegs *regs)
{
    uint16_t pos = PCIE_FABRIC_AER_OFFSET;

    pci_set_long(d->wmask + pos + PCI_ERR_ROOT_COMMAND,
                 PCI_ERR_ROOT_CMD_EN_MASK);
    pci_set_long(d->w1cmask + pos + PCI_ERR_ROOT_STATUS,
                 PCI_ERR_ROOT_STATUS_REPORT_MASK);
    pcie_fabric_regs_sticky(regs, pos + PCI_ERR_ROOT_STATUS, UINT32_MAX);
    pcie_fabric_regs_status(regs, d, pos + PCI_ERR_ROOT_ERR_SRC, UINT32_MAX);
    pcie_fabric_regs_sticky(regs, pos + PCI_ERR_ROOT_ERR_SRC, UINT32_MAX);
}

void pcie_fabric_aer_init(PCIDevice *d, PCIEFabricRegs *regs,
                          const PCIEFabricProps *props, bool acs)
{
    uint16_t pos = PCIE_FABRIC_AER_OFFSET;
    uint16_t reg;

    pcie_add_capability(d, PCI_EXT_CAP_ID_ERR, PCI_ERR_VER, pos,
                        PCI_ERR_SIZEOF);
    d->exp.aer_cap = pos;
    init_masks(d, regs, supported_uncor(d, props, acs));

    /* First Error Pointer and the four dwords of the header log */
    pcie_fabric_regs_status(regs, d, pos + PCI_ERR_CAP, PCI_ERR_CAP_FEP_MASK);
    for (reg = PCI_ERR_HEADER_LOG; reg < PCI_ERR_ROOT_COMMAND; reg += 4) {
        pcie_fabric_regs_status(regs, d, pos + reg, UINT32_MAX);
    }
    /* sec 7.8.4: all of these are ROS, RW1CS or RWS */
    for (reg = PCI_ERR_UNCOR_STATUS; reg < PCI_ERR_ROOT_COMMAND; reg += 4) {
        pcie_fabric_regs_sticky(regs, pos + reg, UINT32_MAX);
    }
    if (pcie_cap_get_type(d) == PCI_EXP_TYPE_ROOT_PORT) {
        init_root(d, regs);
    }
}

void pcie_fabric_aer_write_config(PCIDevice *d)
{
    uint8_t *aer = d->config + d->exp.aer_cap;
    uint32_t cap = pci_get_long(aer + PCI_ERR_CAP);
    uint32_t owner = 1u << (cap & PCI_ERR_CAP_FEP_MASK);

    if (d->exp.aer_cap && !(pci_get_long(aer + PCI_ERR_UNCOR_STATUS) & owner)) {
        pci_set_long(aer + PCI_ERR_CAP, cap & ~PCI_ERR_CAP_FEP_MASK);
        memset(aer + PCI_ERR_HEADER_LOG, 0, PCI_ERR_HEADER_LOG_SIZE);
    }
}

/*
 * Messages: sec 6.2.4.1.2, 6.2.5, 6.2.6
 */

/* The Root Error Command bit that enables the interrupt; DevCtl's likewise */
typedef enum ErrorMessage {
    ERR_COR = PCI_ERR_ROOT_CMD_COR_EN,
    ERR_NONFATAL = PCI_ERR_ROOT_CMD_NONFATAL_EN,
    ERR_FATAL = PCI_ERR_ROOT_CMD_FATAL_EN,
} ErrorMessage;

static void root_notify(PCIDevice *root, uint32_t root_status)
{
    unsigned vector =
        (root_status & PCI_ERR_ROOT_IRQ) >> PCI_ERR_ROOT_IRQ_SHIFT;

    if (msix_enabled(root)) {
        msix_notify(root, vector);
    } else if (msi_enabled(root)) {
        msi_notify(root, vector);
    } else if (pci_intx(root) != -1) {
        pci_irq_assert(root);
    }
}

/* Root Error Command bits whose condition holds in a Root Error Status */
static uint32_t pending_messages(uint32_t status)
{
    return (status & PCI_ERR_ROOT_COR_RCV ? ERR_COR : 0) |
           (status & PCI_ERR_ROOT_NONFATAL_RCV ? ERR_NONFATAL : 0) |
           (status & PCI_ERR_ROOT_FATAL_RCV ? ERR_FATAL : 0);
}

bool pcie_fabric_aer_root_pending(PCIDevice *d)
{
    uint8_t *aer = d->config + d->exp.aer_cap;

    return d->exp.aer_cap &&
           pcie_cap_get_type(d) == PCI_EXP_TYPE_ROOT_PORT &&
           (pending_messages(pci_get_long(aer + PCI_ERR_ROOT_STATUS)) &
            pci_get_long(aer + PCI_ERR_ROOT_COMMAND));
}

/* sec 7.8.4.10: Root Error Status after the message has been received */
static uint32_t root_status_after(uint32_t status, ErrorMessage msg)
{
    if (msg == ERR_COR) {
        return status | (status & PCI_ERR_ROOT_COR_RCV ?
                         PCI_ERR_ROOT_MULTI_COR_RCV : PCI_ERR_ROOT_COR_RCV);
    }
    if (status & PCI_ERR_ROOT_UNCOR_RCV) {
        status |= PCI_ERR_ROOT_MULTI_UNCOR_RCV;
    } else if (msg == ERR_FATAL) {
        status |= PCI_ERR_ROOT_FIRST_FATAL;
    }
    return status | PCI_ERR_ROOT_UNCOR_RCV |
           (msg == ERR_FATAL ? PCI_ERR_ROOT_FATAL_RCV :
                               PCI_ERR_ROOT_NONFATAL_RCV);
}

static void root_receive(PCIDevice *root, ErrorMessage msg, uint16_t source)
{
    uint8_t *aer = root->config + root->exp.aer_cap;
    uint32_t old, command;
    bool is_cor = msg == ERR_COR;

    if (!root->exp.aer_cap) {
        return;
    }
    old = pci_get_long(aer + PCI_ERR_ROOT_STATUS);
    command = pci_get_long(aer + PCI_ERR_ROOT_COMMAND);
    if (!(old & (is_cor ? PCI_ERR_ROOT_COR_RCV : PCI_ERR_ROOT_UNCOR_RCV))) {
        /* sec 7.8.4.11: the first one's ID stays */
        pci_set_word(aer + PCI_ERR_ROOT_ERR_SRC + (is_cor ? 0 : 2), source);
    }
    pci_set_long(aer + PCI_ERR_ROOT_STATUS, root_status_after(old, msg));
    if ((command & msg) && !(pending_messages(old) & command)) {
        root_notify(root, old);
    }
}

/* Up from @d to the root port above it; each bridge may stop it. */
static void send_message(PCIDevice *d, ErrorMessage msg)
{
    uint16_t source = pci_requester_id(d);
    PCIDevice *bridge = d;

    trace_pcie_fabric_error_message(d->name, source,
                                    msg == ERR_COR ? "ERR_COR" :
                                    msg == ERR_FATAL ? "ERR_FATAL" :
                                    "ERR_NONFATAL");
    while (pcie_cap_get_type(bridge) != PCI_EXP_TYPE_ROOT_PORT) {
        bridge = pcie_fabric_port_above(bridge);
        if (!bridge || !bridge->exp.exp_cap ||
            (pcie_fabric_link(bridge) &&
             !pcie_fabric_link_is_active(bridge))) {
            return;
        }
        if (msg != ERR_COR) {
            /* sec 7.5.1.3.7, Received System Error */
            pci_word_test_and_set_mask(bridge->config + PCI_SEC_STATUS,
                                       PCI_SEC_STATUS_RCV_SYSTEM_ERROR);
        }
        if (!(pci_get_word(bridge->config + PCI_BRIDGE_CONTROL) &
              PCI_BRIDGE_CTL_SERR)) {
            return;
        }
    }
    root_receive(bridge, msg, source);
}

/*
 * Logging: sec 6.2.4.2, 6.2.5
 */

/* One slot: the first error keeps it until software clears its status bit. */
static void record_header(PCIDevice *d, uint32_t bit, const uint32_t *header)
{
    uint8_t *aer = d->config + d->exp.aer_cap;
    uint32_t cap = pci_get_long(aer + PCI_ERR_CAP);
    uint32_t status = pci_get_long(aer + PCI_ERR_UNCOR_STATUS);
    int i;

    if (status & (1u << (cap & PCI_ERR_CAP_FEP_MASK))) {
        return;
    }
    pci_set_long(aer + PCI_ERR_CAP,
                 (cap & ~PCI_ERR_CAP_FEP_MASK) | ctz32(bit));
    for (i = 0; i < 4; i++) {
        pci_set_long(aer + PCI_ERR_HEADER_LOG + 4 * i, header ? header[i] : 0);
    }
}

/* Returns false if the error is masked: then it is neither logged nor sent. */
static bool record_uncor(PCIDevice *d, uint32_t bit, const uint32_t *header)
{
    uint8_t *aer = d->config + d->exp.aer_cap;
    bool masked;

    if (!d->exp.aer_cap) {
        return true;
    }
    masked = pci_get_long(aer + PCI_ERR_UNCOR_MASK) & bit;
    if (!masked) {
        record_header(d, bit, header);
    }
    pci_long_test_and_set_mask(aer + PCI_ERR_UNCOR_STATUS, bit);
    return !masked;
}

static void set_devsta(PCIDevice *d, uint32_t bit, uint16_t severity)
{
    if (bit == PCI_ERR_UNC_UNSUP) {
        severity |= PCI_EXP_DEVSTA_URD;
    }
    pci_word_test_and_set_mask(d->config + d->exp.exp_cap + PCI_EXP_DEVSTA,
                               severity);
}

/* sec 6.2.5: URs have an enable bit of their own besides their severity's */
static bool ur_enabled(uint32_t bit, uint16_t devctl)
{
    return bit != PCI_ERR_UNC_UNSUP || (devctl & PCI_EXP_DEVCTL_URRE);
}

static void report_advisory(PCIDevice *d, uint32_t bit, const uint32_t *header)
{
    uint8_t *aer = d->config + d->exp.aer_cap;
    uint16_t devctl = pci_get_word(d->config + d->exp.exp_cap +
                                   PCI_EXP_DEVCTL);

    set_devsta(d, bit, PCI_EXP_DEVSTA_CED);
    if (!d->exp.aer_cap) {
        return;
    }
    pci_long_test_and_set_mask(aer + PCI_ERR_COR_STATUS,
                               PCI_ERR_COR_ADV_NONFATAL);
    if (pci_get_long(aer + PCI_ERR_COR_MASK) & PCI_ERR_COR_ADV_NONFATAL) {
        return;
    }
    record_uncor(d, bit, header);
    if ((devctl & PCI_EXP_DEVCTL_CERE) && ur_enabled(bit, devctl)) {
        send_message(d, ERR_COR);
    }
}

static void report_uncor(PCIDevice *d, uint32_t bit, bool fatal,
                         const uint32_t *header)
{
    uint16_t devctl = pci_get_word(d->config + d->exp.exp_cap +
                                   PCI_EXP_DEVCTL);
    bool serr = pci_get_word(d->config + PCI_COMMAND) & PCI_COMMAND_SERR;
    ErrorMessage msg = fatal ? ERR_FATAL : ERR_NONFATAL;

    set_devsta(d, bit, fatal ? PCI_EXP_DEVSTA_FED : PCI_EXP_DEVSTA_NFED);
    if (!record_uncor(d, bit, header)) {
        return;
    }
    if (!serr && !((devctl & msg) && ur_enabled(bit, devctl))) {
        return;
    }
    if (serr) {
        pci_word_test_and_set_mask(d->config + PCI_STATUS,
                                   PCI_STATUS_SIG_SYSTEM_ERROR);
    }
    send_message(d, msg);
}

void pcie_fabric_aer_report(PCIDevice *d, uint32_t bit, bool advisory,
                            const uint32_t *header)
{
    uint32_t sever = UNCOR_FATAL;
    bool fatal;

    if (!d->exp.exp_cap) {
        return;
    }
    if (d->exp.aer_cap) {
        sever = pci_get_long(d->config + d->exp.aer_cap + PCI_ERR_UNCOR_SEVER);
    }
    fatal = sever & bit;
    trace_pcie_fabric_error(d->name, pci_requester_id(d), bit,
                            fatal ? "fatal" :
                            advisory ? "advisory" : "non-fatal");
    if (advisory && !fatal) {
        report_advisory(d, bit, header);
    } else {
        report_uncor(d, bit, fatal, header);
    }
}

void pcie_fabric_aer_report_cor(PCIDevice *d, uint32_t bit)
{
    uint8_t *aer = d->config + d->exp.aer_cap;

    if (!d->exp.exp_cap) {
        return;
    }
    trace_pcie_fabric_error(d->name, pci_requester_id(d), bit, "correctable");
    set_devsta(d, 0, PCI_EXP_DEVSTA_CED);
    if (d->exp.aer_cap) {
        pci_long_test_and_set_mask(aer + PCI_ERR_COR_STATUS, bit);
        if (pci_get_long(aer + PCI_ERR_COR_MASK) & bit) {
            return;
        }
    }
    if (pci_get_word(d->config + d->exp.exp_cap + PCI_EXP_DEVCTL) &
        PCI_EXP_DEVCTL_CERE) {
        send_message(d, ERR_COR);
    }
}

/* Fmt and Type, first byte of the header: sec 2.2.1 */
static const uint8_t fmt_type[PCIE_FABRIC_OP__MAX] = {
    [PCIE_FABRIC_OP_READ] = 0x00,
    [PCIE_FABRIC_OP_WRITE] = 0x40,
    [PCIE_FABRIC_OP_FETCHADD] = 0x4c,
    [PCIE_FABRIC_OP_SWAP] = 0x4d,
    [PCIE_FABRIC_OP_CAS] = 0x4e,
};
#define FMT_4DW 0x20

/* sec 2.2.5: the byte enables of a read or write */
static uint8_t byte_enables(const PCIEFabricTLP *tlp)
{
    unsigned first = tlp->addr & 3, end = (tlp->addr + tlp->len) & 3;
    uint8_t first_be = 0xf << first & 0xf;
    uint8_t last_be = end ? 0xf >> (4 - end) : 0xf;

    if (pcie_fabric_op_is_atomic(tlp->op)) {
        return 0;
    }
    return tlp->length_dw == 1 ? first_be & last_be : last_be << 4 | first_be;
}

void pcie_fabric_tlp_header(PCIDevice *requester, const PCIEFabricTLP *tlp,
                            uint32_t header[4])
{
    bool is_4dw = tlp->addr >> 32;
    uint32_t low = tlp->addr & ~3u;

    header[0] = (fmt_type[tlp->op] | (is_4dw ? FMT_4DW : 0)) << 24 |
                tlp->poisoned << 14 | tlp->relaxed << 13 | tlp->at << 10 |
                (tlp->length_dw & 0x3ff);
    header[1] = pci_requester_id(requester) << 16 | byte_enables(tlp);
    header[2] = is_4dw ? tlp->addr >> 32 : low;
    header[3] = is_4dw ? low : 0;
}
