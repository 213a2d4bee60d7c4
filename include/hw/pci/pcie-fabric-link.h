/*
 * PCIe fabric: the link below a port
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 4.2.6 (training), 6.6.1 (resets),
 * 6.7.3 (slot events), 7.5.3.7 and 7.5.3.8 (Link Control and Status).
 *
 * Every port of ours has a PCIEFabricLink for its secondary side. That of an
 * upstream port stands for the bus inside of its switch: it has no registers
 * and needs no training. A link is active only if all links above it are.
 *
 *            held                    released              link-up-ms
 *   active --------> hot-reset or -------------> training -----------> active
 *                    disabled
 *
 * All times are nanoseconds of QEMU_CLOCK_VIRTUAL.
 */

#ifndef HW_PCI_PCIE_FABRIC_LINK_H
#define HW_PCI_PCIE_FABRIC_LINK_H

#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "qapi/qapi-types-pcie-fabric.h"
#include "qemu/timer.h"

/* Milliseconds of a property that mean "never" */
#define PCIE_FABRIC_NEVER   (-1)
#define PCIE_FABRIC_MAX_MS  3600000

/* A time before the machine was switched on */
#define PCIE_FABRIC_LONG_AGO (INT64_MIN / 2)

typedef struct PCIEFabricLink {
    /* properties */
    int32_t up_ms;              /* from the start of training to active */
    int32_t ready_ms;           /* Functions below answer RRS until then */
    int32_t loss_ms;            /* lost again after that; 0: is not */
    bool in_band_presence;      /* Presence Detect State follows the link */

    uint8_t state;              /* PCIEFabricLinkState */
    bool retraining;            /* active, on behalf of Retrain Link */
    bool lose;                  /* loss_ms counts for this time */
    bool notified;              /* the interrupt condition as last seen */
    int64_t released_ns;        /* end of the last reset of what is below */
    int64_t up_ns;              /* active since, or when it last became so */
    uint32_t resets;            /* how often it has gone down */
    QEMUTimer timer;            /* training */
    QEMUTimer loss_timer;
} PCIEFabricLink;

/*
 * pcie_fabric_link: that of a port of ours; NULL of any other device.
 */
PCIEFabricLink *pcie_fabric_link(PCIDevice *d);

/*
 * pcie_fabric_link_init, pcie_fabric_link_exit: with realize and exit of port
 * @d, which already has, or still has, its PCI Express capability.
 */
void pcie_fabric_link_init(PCIDevice *d);
void pcie_fabric_link_exit(PCIDevice *d);

/*
 * pcie_fabric_link_cold_reset: the machine has been switched on: what is there
 * has trained and is ready.
 */
void pcie_fabric_link_cold_reset(PCIDevice *d);

/*
 * pcie_fabric_link_sync: show the state in the port's registers, after they
 * have been reset, loaded or touched by QEMU's slot code.
 */
void pcie_fabric_link_sync(PCIDevice *d);

/*
 * pcie_fabric_link_update: to be called whenever something has changed that the
 * state depends on: Secondary Bus Reset, Link Disable, what is plugged in, or
 * its power.
 */
void pcie_fabric_link_update(PCIDevice *d);

/*
 * pcie_fabric_link_down: begin a reset of what is below @d: the link goes down
 * at once, before anything below is reset.
 * @state: HOT_RESET, DISABLED or TRAINING
 */
void pcie_fabric_link_down(PCIDevice *d, PCIEFabricLinkState state);

/*
 * pcie_fabric_link_retrain: Retrain Link has been written as 1.
 */
void pcie_fabric_link_retrain(PCIDevice *d);

/*
 * pcie_fabric_link_lose: the link of @d goes down although nobody asked for it
 * (sec 3.2.1, surprise down), and trains again. Nothing happens if it is not
 * active.
 */
void pcie_fabric_link_lose(PCIDevice *d);

/*
 * pcie_fabric_link_notify: send or withdraw the interrupt of the events that
 * QEMU's slot code does not know: Data Link Layer State Changed and Link
 * Bandwidth Management. To be called after any write to the port's registers.
 */
void pcie_fabric_link_notify(PCIDevice *d);

/*
 * pcie_fabric_link_wake: a slot event has happened: if port @d sleeps and may
 * wake up, it sends PME (sec 6.7.3.4).
 */
void pcie_fabric_link_wake(PCIDevice *d);

/*
 * pcie_fabric_link_is_active: can requests pass between port @d and what is
 * below it?
 */
bool pcie_fabric_link_is_active(PCIDevice *d);

extern const VMStateDescription vmstate_pcie_fabric_link;
extern const PropertyInfo pcie_fabric_prop_ms;

/* Properties of a port with a link; @_f: the PCIEFabricLink inside of @_s */
#define PCIE_FABRIC_PROP_MS(_n, _s, _f, _d)                                 \
    DEFINE_PROP_SIGNED(_n, _s, _f, _d, pcie_fabric_prop_ms, int32_t)

#define PCIE_FABRIC_PROPS_LINK_TIMES(_s, _f)                                \
    PCIE_FABRIC_PROP_MS("link-up-ms", _s, _f.up_ms, 10),                    \
    PCIE_FABRIC_PROP_MS("reset-ready-ms", _s, _f.ready_ms, 0),              \
    PCIE_FABRIC_PROP_MS("link-loss-ms", _s, _f.loss_ms, 0),                 \
    DEFINE_PROP_BOOL("in-band-presence", _s, _f.in_band_presence, false)

void pcie_fabric_describe_link_times(ObjectClass *klass);

#endif
