/*
 * PCIe fabric: turns, so that engines share the machine with everything else
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a turn comes at once or later depends on the host. That it comes does
 * not: a guest sees an endpoint that is BUSY for a while longer.
 */

#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/pci/pcie-fabric-turn.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "trace.h"

/* Old memory maps that may wait to be freed: a few, for the common case */
#define OLD_MAPS_MAX    16
/* After so much work without a pause, a pause of so long: 1 % */
#define BUSY_NS         (10 * SCALE_MS)
#define PAUSE_NS        (100 * SCALE_US)

static struct {
    QTAILQ_HEAD(, PCIEFabricTurn) queue;
    QEMUBH *bh;                 /* NULL: nobody has had a turn yet */
    QEMUTimer *pause;
    MemoryListener listener;
    uint64_t changes;
    unsigned old_maps;
    struct rcu_head rcu;
    bool freeing;               /* rcu is in use */
    int64_t busy_ns;            /* work since the last pause ... */
    int64_t last_ns;            /* ... and the end of it */
} turns = {
    .queue = QTAILQ_HEAD_INITIALIZER(turns.queue),
};

static void map_changed(MemoryListener *listener)
{
    turns.changes++;
}

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
}

bool pcie_fabric_turn_changed(const PCIEFabricWork *work)
{
    return turns.changes != work->changes;
}

bool pcie_fabric_turn_is_open(void)
{
    return turns.old_maps < OLD_MAPS_MAX;
}

/* Somebody has a turn next; when? */
static void schedule(void)
{
    if (QTAILQ_EMPTY(&turns.queue) || !pcie_fabric_turn_is_open() ||
        timer_pending(turns.pause)) {
        return;
    }
    if (turns.busy_ns > BUSY_NS) {
        turns.busy_ns = 0;
        timer_mod(turns.pause, now_ns() + PAUSE_NS);
    } else {
        qemu_bh_schedule(turns.bh);
    }
}

static void next_turn(void *opaque)
{
    PCIEFabricTurn *turn = QTAILQ_FIRST(&turns.queue);

    if (!turn || !pcie_fabric_turn_is_open()) {
        return;
    }
    pcie_fabric_turn_cancel(turn);
    turn->work(turn->opaque);
    schedule();
}

static void pause_ends(void *opaque)
{
    qemu_bh_schedule(turns.bh);
}

/* In the RCU thread, in the order of its calls: older maps have been freed. */
static void maps_freed(struct rcu_head *rcu)
{
    trace_pcie_fabric_turn_maps_freed(turns.old_maps);
    turns.freeing = false;
    turns.old_maps = 0;
    schedule();
}

PCIEFabricWork pcie_fabric_turn_begin(void)
{
    PCIEFabricWork work = {
        .start_ns = now_ns(),
        .changes = turns.changes,
    };

    if (work.start_ns - turns.last_ns > PAUSE_NS) {
        turns.busy_ns = 0;
    }
    return work;
}

void pcie_fabric_turn_end(const PCIEFabricWork *work)
{
    turns.last_ns = now_ns();
    turns.busy_ns += turns.last_ns - work->start_ns;
    if (!pcie_fabric_turn_changed(work)) {
        return;
    }
    turns.old_maps += MIN(turns.changes - work->changes, OLD_MAPS_MAX);
    if (!turns.freeing) {
        turns.freeing = true;
        call_rcu1(&turns.rcu, maps_freed);
    }
}

void pcie_fabric_turn_want(PCIEFabricTurn *turn)
{
    if (!turn->wanted) {
        turn->wanted = true;
        QTAILQ_INSERT_TAIL(&turns.queue, turn, next);
        schedule();
    }
}

void pcie_fabric_turn_cancel(PCIEFabricTurn *turn)
{
    if (turn->wanted) {
        turn->wanted = false;
        QTAILQ_REMOVE(&turns.queue, turn, next);
    }
}

void pcie_fabric_turn_init(PCIEFabricTurn *turn, void (*work)(void *opaque),
                           void *opaque)
{
    turn->work = work;
    turn->opaque = opaque;
    turn->wanted = false;
    if (!turns.bh) {
        turns.bh = qemu_bh_new(next_turn, NULL);
        turns.pause = timer_new_ns(QEMU_CLOCK_REALTIME, pause_ends, NULL);
        turns.listener = (MemoryListener) {
            .name = "pcie-fabric-turn",
            .commit = map_changed,
        };
        memory_listener_register(&turns.listener, &address_space_memory);
    }
}
