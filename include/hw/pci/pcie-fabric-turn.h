/*
 * PCIe fabric: turns, so that engines share the machine with everything else
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A guest can give an engine work without end: descriptors that write
 * themselves anew, endpoints that ring each other's doorbells. All of it runs
 * under the BQL, and some of it makes QEMU build its memory map anew, whose
 * predecessor goes when the RCU thread gets the BQL. So what an engine cannot
 * do at once, it does in turns: one engine at a time, a slice each, all from
 * one bottom half. Between two slices
 *  - nothing more is done while old memory maps wait to be freed, beyond a few;
 *  - the main loop sleeps a moment now and then, for a mutex is not fair, and
 *    who polls without a pause may never let others have it.
 *
 * All functions are called with the BQL held.
 */

#ifndef HW_PCI_PCIE_FABRIC_TURN_H
#define HW_PCI_PCIE_FABRIC_TURN_H

#include "qemu/queue.h"

typedef struct PCIEFabricTurn {
    void (*work)(void *opaque); /* one slice */
    void *opaque;
    bool wanted;
    QTAILQ_ENTRY(PCIEFabricTurn) next;
} PCIEFabricTurn;

/*
 * pcie_fabric_turn_init: @work is called for each turn that it gets.
 */
void pcie_fabric_turn_init(PCIEFabricTurn *turn, void (*work)(void *opaque),
                           void *opaque);

/*
 * pcie_fabric_turn_want: one turn, please, behind those who wait already.
 * Nothing if it waits itself. To be called from @work if there is more to do.
 */
void pcie_fabric_turn_want(PCIEFabricTurn *turn);

/*
 * pcie_fabric_turn_cancel: no turn any more.
 */
void pcie_fabric_turn_cancel(PCIEFabricTurn *turn);

/*
 * pcie_fabric_turn_is_open: may work be done now, in a turn or outside of one?
 * Not while old memory maps have to go first; who wants a turn gets it later.
 */
bool pcie_fabric_turn_is_open(void);

/*
 * pcie_fabric_turn_begin, pcie_fabric_turn_end: before and after any work, in a
 * turn or outside of one.
 */
typedef struct PCIEFabricWork {
    int64_t start_ns;
    uint64_t changes;           /* of the memory map */
} PCIEFabricWork;

PCIEFabricWork pcie_fabric_turn_begin(void);
void pcie_fabric_turn_end(const PCIEFabricWork *work);

/*
 * pcie_fabric_turn_changed: has QEMU built its memory map anew since @work
 * began?
 */
bool pcie_fabric_turn_changed(const PCIEFabricWork *work);

#endif
