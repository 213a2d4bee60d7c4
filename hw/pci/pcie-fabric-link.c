/*
 * PCIe fabric: the link below a port
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 3.2.1 (data link layer states),
 * 4.2.6 (training), 6.6.1 (resets), 6.7.3 (slot events).
 *
 * Modelled:     whether a link is up, when it comes up, and what that does to
 *               Link Status, Slot Status and interrupts.
 * Not modelled: widths and speeds other than the agreed one, equalization,
 *               ASPM, Downstream Port Containment.
 */

#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-audit.h"
#include "hw/pci/pcie-fabric-link.h"
#include "migration/vmstate.h"
#include "trace.h"

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

PCIEFabricLink *pcie_fabric_link(PCIDevice *d)
{
    PCIEFabricPort *port = pcie_fabric_port(d);

    return port ? &port->link : NULL;
}

bool pcie_fabric_link_is_active(PCIDevice *d)
{
    return pcie_fabric_link(d)->state == PCIE_FABRIC_LINK_STATE_ACTIVE;
}

/* The bus inside of a switch is no link, and has no registers of one. */
static bool is_real(PCIDevice *d)
{
    return pcie_cap_get_type(d) != PCI_EXP_TYPE_UPSTREAM;
}

static PCIBus *bus_below(PCIDevice *d)
{
    return pci_bridge_get_sec_bus(PCI_BRIDGE(d));
}

/* Call @fn for each port of ours on the bus below @d. */
static void for_each_port_below(PCIDevice *d, void (*fn)(PCIDevice *))
{
    PCIBus *bus = bus_below(d);
    int devfn;

    for (devfn = 0; devfn < ARRAY_SIZE(bus->devices); devfn++) {
        PCIDevice *below = bus->devices[devfn];

        if (below && below->qdev.realized && pcie_fabric_port(below)) {
            fn(below);
        }
    }
}

static uint8_t *exp_reg(PCIDevice *d, unsigned reg)
{
    return d->config + d->exp.exp_cap + reg;
}

/*
 * Events
 */

/* Can a message of @d reach the root complex? */
static bool is_reachable(PCIDevice *d)
{
    PCIDevice *above = pcie_fabric_port_above(d);
    PCIEFabricLink *link = pcie_fabric_link(above);

    return !link || link->state == PCIE_FABRIC_LINK_STATE_ACTIVE;
}

static bool event_condition(PCIDevice *d)
{
    uint16_t sltctl = pci_get_word(exp_reg(d, PCI_EXP_SLTCTL));
    uint16_t sltsta = pci_get_word(exp_reg(d, PCI_EXP_SLTSTA));
    uint16_t lnkctl = pci_get_word(exp_reg(d, PCI_EXP_LNKCTL));
    uint16_t lnksta = pci_get_word(exp_reg(d, PCI_EXP_LNKSTA));
    bool slot = ((sltsta & PCI_EXP_SLTSTA_DLLSC) &&
                 (sltctl & PCI_EXP_SLTCTL_DLLSCE)) ||
                ((sltsta & PCI_EXP_SLTSTA_PDC) &&
                 (sltctl & PCI_EXP_SLTCTL_PDCE));

    return (slot && (sltctl & PCI_EXP_SLTCTL_HPIE)) ||
           ((lnkctl & PCI_EXP_LNKCTL_LBMIE) && (lnksta & PCI_EXP_LNKSTA_LBMS));
}

void pcie_fabric_link_notify(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);
    bool was = link->notified;

    if (!is_real(d)) {
        return;
    }
    link->notified = event_condition(d);
    if (msi_enabled(d)) {
        /* sec 6.7.3.4: one message each time the condition comes to hold */
        if (link->notified && !was && !d->exp.hpev_notified &&
            is_reachable(d)) {
            msi_notify(d, pcie_cap_flags_get_vector(d));
        }
    } else if (pci_intx(d) != -1 && (link->notified || was)) {
        /* The line is shared with QEMU's slot code and with AER. */
        pci_set_irq(d, link->notified || d->exp.hpev_notified ||
                       pcie_fabric_aer_root_pending(d));
    }
}

static void slot_event(PCIDevice *d, uint16_t events)
{
    if (pci_get_long(exp_reg(d, PCI_EXP_FLAGS)) & PCI_EXP_FLAGS_SLOT) {
        pci_word_test_and_set_mask(exp_reg(d, PCI_EXP_SLTSTA), events);
    }
}

/* An event whose enable bit is set; bit 8 is enabled by bit 12. */
static bool has_enabled_slot_event(PCIDevice *d)
{
    uint16_t sltctl = pci_get_word(exp_reg(d, PCI_EXP_SLTCTL));
    uint16_t sltsta = pci_get_word(exp_reg(d, PCI_EXP_SLTSTA));

    return (sltctl & sltsta & (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PDC)) ||
           ((sltsta & PCI_EXP_SLTSTA_DLLSC) &&
            (sltctl & PCI_EXP_SLTCTL_DLLSCE));
}

/* sec 7.5.3.14: the root port keeps one requester; others have to wait. */
static void root_receive_pme(PCIDevice *root, uint16_t requester)
{
    uint8_t *rtsta = exp_reg(root, PCI_EXP_RTSTA);

    if (pci_get_long(rtsta) & PCI_EXP_RTSTA_PME) {
        return;
    }
    pci_set_long(rtsta, PCI_EXP_RTSTA_PME | requester);
    if (!(pci_get_word(exp_reg(root, PCI_EXP_RTCTL)) & PCI_EXP_RTCTL_PMEIE)) {
        return;
    }
    if (msi_enabled(root)) {
        msi_notify(root, pcie_cap_flags_get_vector(root));
    } else if (pci_intx(root) != -1) {
        pci_irq_assert(root);
    }
}

void pcie_fabric_link_wake(PCIDevice *d)
{
    uint8_t *pmcsr = d->config + d->pm_cap + PCI_PM_CTRL;
    uint16_t ctl = pci_get_word(pmcsr);
    PCIDevice *root = d;

    if (!is_real(d) || !d->pm_cap || !(ctl & PCI_PM_CTRL_STATE_MASK) ||
        !(ctl & PCI_PM_CTRL_PME_ENABLE) || (ctl & PCI_PM_CTRL_PME_STATUS) ||
        !has_enabled_slot_event(d)) {
        return;
    }
    trace_pcie_fabric_pme(d->name, pci_requester_id(d));
    pci_set_word(pmcsr, ctl | PCI_PM_CTRL_PME_STATUS);
    while (root && !(root->exp.exp_cap &&
                     pcie_cap_get_type(root) == PCI_EXP_TYPE_ROOT_PORT)) {
        root = pcie_fabric_port_above(root);
    }
    if (root && pcie_fabric_port(root)) {
        root_receive_pme(root, pci_requester_id(d));
    }
}

/*
 * State
 */

void pcie_fabric_link_sync(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);
    uint8_t *lnksta = exp_reg(d, PCI_EXP_LNKSTA);
    uint8_t *sltsta = exp_reg(d, PCI_EXP_SLTSTA);
    bool active = link->state == PCIE_FABRIC_LINK_STATE_ACTIVE;
    bool training = link->state == PCIE_FABRIC_LINK_STATE_TRAINING ||
                    (active && link->retraining);

    if (!is_real(d)) {
        return;
    }
    pci_word_test_and_clear_mask(lnksta, PCI_EXP_LNKSTA_DLLLA |
                                         PCI_EXP_LNKSTA_LT);
    pci_word_test_and_set_mask(lnksta,
                               (active ? PCI_EXP_LNKSTA_DLLLA : 0) |
                               (training ? PCI_EXP_LNKSTA_LT : 0));
    if (link->in_band_presence) {
        pci_word_test_and_clear_mask(sltsta, PCI_EXP_SLTSTA_PDS);
        pci_word_test_and_set_mask(sltsta, active ? PCI_EXP_SLTSTA_PDS : 0);
    }
}

static void enter(PCIDevice *d, PCIEFabricLinkState state)
{
    PCIEFabricLink *link = pcie_fabric_link(d);
    bool was_active = link->state == PCIE_FABRIC_LINK_STATE_ACTIVE;
    bool active = state == PCIE_FABRIC_LINK_STATE_ACTIVE;

    trace_pcie_fabric_link(d->name, pci_requester_id(d),
                           PCIEFabricLinkState_str(link->state),
                           PCIEFabricLinkState_str(state));
    link->state = state;
    link->retraining = false;
    pcie_fabric_link_sync(d);
    pcie_fabric_paths_changed();
    if (was_active == active) {
        return;
    }
    if (is_real(d)) {
        slot_event(d, PCI_EXP_SLTSTA_DLLSC |
                      (link->in_band_presence ? PCI_EXP_SLTSTA_PDC : 0));
        pcie_fabric_link_notify(d);
        pcie_fabric_link_wake(d);
    }
    for_each_port_below(d, pcie_fabric_link_update);
}

static void become_active(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);

    link->up_ns = now_ns();
    if (link->lose && link->loss_ms > 0) {
        timer_mod(&link->loss_timer,
                  link->up_ns + link->loss_ms * (int64_t)SCALE_MS);
    }
    link->lose = false;
    enter(d, PCIE_FABRIC_LINK_STATE_ACTIVE);
}

static void start_timer(PCIEFabricLink *link)
{
    if (link->up_ms > 0) {
        timer_mod(&link->timer, now_ns() + link->up_ms * (int64_t)SCALE_MS);
    }
}

static void start_training(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);

    link->released_ns = now_ns();
    if (!is_real(d) || link->up_ms == 0) {
        become_active(d);
        return;
    }
    enter(d, PCIE_FABRIC_LINK_STATE_TRAINING);
    start_timer(link);
}

/* sec 7.5.3.8: LBMS is for what software asked for by Retrain Link. */
static void end_retraining(PCIDevice *d)
{
    pcie_fabric_link(d)->retraining = false;
    pcie_fabric_link_sync(d);
    pci_word_test_and_set_mask(exp_reg(d, PCI_EXP_LNKSTA),
                               PCI_EXP_LNKSTA_LBMS);
    pcie_fabric_link_notify(d);
}

static void training_done(void *opaque)
{
    PCIDevice *d = opaque;
    PCIEFabricLink *link = pcie_fabric_link(d);

    if (link->state == PCIE_FABRIC_LINK_STATE_TRAINING) {
        become_active(d);
    } else if (link->retraining) {
        end_retraining(d);
    }
}

void pcie_fabric_link_retrain(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);

    if (link->state == PCIE_FABRIC_LINK_STATE_ACTIVE) {
        link->retraining = true;
        pcie_fabric_link_sync(d);
    } else if (link->state != PCIE_FABRIC_LINK_STATE_TRAINING) {
        return;
    }
    timer_del(&link->timer);
    if (link->up_ms == 0) {
        training_done(d);
    } else {
        start_timer(link);
    }
}

static bool is_populated(PCIDevice *d)
{
    PCIDevice *below = bus_below(d)->devices[0];

    return !is_real(d) || (below && below->enabled);
}

/* What keeps the link down; ACTIVE: nothing does */
static PCIEFabricLinkState what_holds(PCIDevice *d)
{
    PCIEFabricLink *above = pcie_fabric_link(pcie_fabric_port_above(d));

    if (!is_populated(d)) {
        return PCIE_FABRIC_LINK_STATE_EMPTY;
    }
    if ((above && above->state != PCIE_FABRIC_LINK_STATE_ACTIVE) ||
        (pci_get_word(d->config + PCI_BRIDGE_CONTROL) &
         PCI_BRIDGE_CTL_BUS_RESET)) {
        return PCIE_FABRIC_LINK_STATE_HOT_RESET;
    }
    if (is_real(d) && (pci_get_word(exp_reg(d, PCI_EXP_LNKCTL)) &
                       PCI_EXP_LNKCTL_LD)) {
        return PCIE_FABRIC_LINK_STATE_DISABLED;
    }
    return PCIE_FABRIC_LINK_STATE_ACTIVE;
}

void pcie_fabric_link_down(PCIDevice *d, PCIEFabricLinkState state)
{
    PCIEFabricLink *link = pcie_fabric_link(d);

    timer_del(&link->timer);
    timer_del(&link->loss_timer);
    link->resets++;
    link->lose = true;
    enter(d, state);
}

void pcie_fabric_link_update(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);
    PCIEFabricLinkState holds = what_holds(d);

    if (holds == PCIE_FABRIC_LINK_STATE_ACTIVE) {
        if (link->state < PCIE_FABRIC_LINK_STATE_TRAINING) {
            start_training(d);
        }
    } else if (holds != link->state) {
        if (link->state >= PCIE_FABRIC_LINK_STATE_TRAINING) {
            pcie_fabric_link_down(d, holds);
        } else {
            enter(d, holds);
        }
    }
    /* QEMU's slot code has its own idea of what a link does. */
    pcie_fabric_link_sync(d);
}

void pcie_fabric_link_cold_reset(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);
    PCIEFabricLinkState holds = what_holds(d);

    timer_del(&link->timer);
    timer_del(&link->loss_timer);
    link->retraining = false;
    link->lose = false;
    link->released_ns = PCIE_FABRIC_LONG_AGO;
    link->up_ns = PCIE_FABRIC_LONG_AGO;
    link->state = holds;
    pcie_fabric_link_sync(d);
    if (is_real(d)) {
        /* What the firmware has seen and cleared */
        pci_word_test_and_clear_mask(exp_reg(d, PCI_EXP_SLTSTA),
                                     PCI_EXP_SLTSTA_DLLSC);
    }
    link->notified = is_real(d) && event_condition(d);
    for_each_port_below(d, pcie_fabric_link_cold_reset);
}

/*
 * sec 3.2.1, 7.5.3.9: where a slot has Hot-Plug Surprise set, a card that goes
 * away is no error.
 */
static bool loss_is_error(PCIDevice *d)
{
    return !(pci_get_long(exp_reg(d, PCI_EXP_SLTCAP)) & PCI_EXP_SLTCAP_HPS);
}

void pcie_fabric_link_lose(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);

    if (!is_real(d) || link->state != PCIE_FABRIC_LINK_STATE_ACTIVE) {
        return;
    }
    pcie_fabric_hot_reset(d, PCIE_FABRIC_LINK_STATE_TRAINING, "link loss");
    /* Once a reset: it does not go on for ever. */
    link->lose = false;
    link->released_ns = now_ns();
    if (link->up_ms == 0) {
        become_active(d);
    } else {
        start_timer(link);
    }
    if (loss_is_error(d)) {
        pcie_fabric_aer_report(d, PCI_ERR_UNC_SURPDN, false, NULL);
    }
}

static void loss_expired(void *opaque)
{
    pcie_fabric_link_lose(opaque);
}

/*
 * Life
 */

void pcie_fabric_link_init(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);
    uint8_t *exp;

    link->state = PCIE_FABRIC_LINK_STATE_EMPTY;
    link->released_ns = PCIE_FABRIC_LONG_AGO;
    link->up_ns = PCIE_FABRIC_LONG_AGO;
    timer_init_ns(&link->timer, QEMU_CLOCK_VIRTUAL, training_done, d);
    timer_init_ns(&link->loss_timer, QEMU_CLOCK_VIRTUAL, loss_expired, d);
    if (!is_real(d)) {
        return;
    }
    exp = exp_reg(d, 0);
    pci_long_test_and_set_mask(exp + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SDERC);
    pci_word_test_and_set_mask(d->wmask + d->exp.exp_cap + PCI_EXP_LNKCTL,
                               PCI_EXP_LNKCTL_LD);
    pci_word_test_and_set_mask(d->w1cmask + d->exp.exp_cap + PCI_EXP_LNKSTA,
                               PCI_EXP_LNKSTA_LBMS);
    pci_word_test_and_set_mask(d->w1cmask + d->exp.exp_cap + PCI_EXP_SLTSTA,
                               PCI_EXP_SLTSTA_DLLSC);
}

void pcie_fabric_link_exit(PCIDevice *d)
{
    PCIEFabricLink *link = pcie_fabric_link(d);

    timer_del(&link->timer);
    timer_del(&link->loss_timer);
}

static int link_post_load(void *opaque, int version_id)
{
    PCIEFabricLink *link = opaque;

    if (link->state >= PCIE_FABRIC_LINK_STATE__MAX ||
        link->released_ns < PCIE_FABRIC_LONG_AGO ||
        link->up_ns < PCIE_FABRIC_LONG_AGO) {
        return -EINVAL;
    }
    return 0;
}

const VMStateDescription vmstate_pcie_fabric_link = {
    .name = "pcie-fabric-link",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = link_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(state, PCIEFabricLink),
        VMSTATE_BOOL(retraining, PCIEFabricLink),
        VMSTATE_BOOL(lose, PCIEFabricLink),
        VMSTATE_BOOL(notified, PCIEFabricLink),
        VMSTATE_INT64(released_ns, PCIEFabricLink),
        VMSTATE_INT64(up_ns, PCIEFabricLink),
        VMSTATE_UINT32(resets, PCIEFabricLink),
        VMSTATE_TIMER(timer, PCIEFabricLink),
        VMSTATE_TIMER(loss_timer, PCIEFabricLink),
        VMSTATE_END_OF_LIST()
    }
};
