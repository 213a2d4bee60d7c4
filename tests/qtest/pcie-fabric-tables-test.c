/*
 * One test, or more, for every row of the tables on AtomicOps
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 2.2.7.1, 2.3, 2.7.2.1, 2.8, 6.2.3.2.5,
 * 6.12, 6.15; rows as in our reference: table 2.1 (operations and TLPs), 2.3
 * (completer), 2.4 (routing element), 2.5 (requester).
 *
 * Expected results are written down here and checked against the flow model
 * as well as against the machine.
 */
#include "qemu/osdep.h"
#include "pcie-fabric-flow-bench.h"

/* Machines */
static const FlowVariant only_32 = {
    .name = "32-bit only", .rp_comp = 1, .ep_comp = 1,
};
static const FlowVariant only_32_64 = {
    .name = "no 128-bit", .rp_comp = 3, .ep_comp = 3,
};
static const FlowVariant no_comp = {
    .name = "no completers", .rp_comp = COMP_NONE, .ep_comp = COMP_NONE,
};
static const FlowVariant deaf_switch = {
    .name = "switch without routing", .us_no_routing = 1,
    .ds_no_routing = 0x27,
};
static const FlowVariant mixed_us0 = {
    .name = "mixed us0", .us_no_routing = 1,
};
static const FlowVariant mixed_ds0 = {
    .name = "mixed ds0", .ds_no_routing = 1,
};
static const FlowVariant rp0_deaf = {
    .name = "rp0 without routing", .rp_no_routing = 1,
};
static const FlowVariant rp2_deaf = {
    .name = "rp2 without routing", .rp_no_routing = 4,
};

/* Addresses */

typedef enum Spot {
    RAM, PEER, PEER_DEEP, PEER_RP, PEER_REGS, PEER_MSIX, UART, HOLE, NO_BAR,
} Spot;

static uint64_t bar_of(FlowBench *b, FlowPlace place, unsigned bar)
{
    return b->fn[place]->fn->bar[bar].addr;
}

static uint64_t spot(FlowBench *b, Spot s)
{
    switch (s) {
    case RAM:
        return RAM_TARGET;
    case PEER:
        return bar_of(b, PLACE_SWITCH_PEER, QFEP_BAR_MEM) + MEM_TARGET;
    case PEER_DEEP:
        return bar_of(b, PLACE_DEEP_PEER, QFEP_BAR_MEM) + MEM_TARGET;
    case PEER_RP:
        return bar_of(b, PLACE_OTHER_RP, QFEP_BAR_MEM) + MEM_TARGET;
    case PEER_REGS:
        return bar_of(b, PLACE_SWITCH_PEER, QFEP_BAR_REGS);
    case PEER_MSIX:
        return bar_of(b, PLACE_SWITCH_PEER, QFEP_BAR_MSIX);
    case UART:
        return NOT_MEMORY;
    case HOLE:
        return HOLE_PCI64;
    case NO_BAR:
        return bar_of(b, PLACE_SWITCH_PEER, QFEP_BAR_MEM) + 2 * EP_MEM_SIZE;
    default:
        g_assert_not_reached();
    }
}

/* What is programmed before the request */

static void block(FlowBench *b, const char *port)
{
    flow_set_devctl2(flow_port(b, port), 0,
                     PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
}

static void unmaster(FlowBench *b, const char *port)
{
    flow_set_command(flow_port(b, port), PCI_COMMAND_MASTER, 0);
}

static void no_mse(FlowBench *b, const char *port)
{
    flow_set_command(flow_port(b, port), PCI_COMMAND_MEMORY, 0);
}

static void d3hot(FlowBench *b, const char *port)
{
    flow_set_d_state(flow_port(b, port), 3);
}

static void egress_control(FlowBench *b, const char *port)
{
    flow_set_acs(flow_port(b, port), PCI_ACS_EC, ~0u);
}

static void block_translated(FlowBench *b, const char *port)
{
    flow_set_acs(flow_port(b, port), PCI_ACS_TB, 0);
}

/* ds0 sends all peer requests up; port names who blocks, if any */
static void redirect(FlowBench *b, const char *port)
{
    flow_set_acs(flow_port(b, "ds0"), PCI_ACS_RR | PCI_ACS_UF, 0);
    flow_set_acs(flow_port(b, "rp1"), PCI_ACS_UF, 0);
    if (port) {
        block(b, port);
    }
}

static void not_enabled(FlowBench *b, const char *port)
{
    flow_set_devctl2(flow_port(b, port), PCI_EXP_DEVCTL2_ATOMIC_REQ, 0);
}

/* ReqEn of a root port is about host-initiated AtomicOps only */
static void root_requester(FlowBench *b, const char *port)
{
    FlowNode *rp = flow_port(b, port);
    uint16_t val = qfabric_cap_readw(rp->fn, PCI_CAP_ID_EXP,
                                     PCI_EXP_DEVCTL2);

    /* RW, or hardwired to 0 (sec 7.5.3.16) */
    qfabric_cap_writew(rp->fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       val ^ PCI_EXP_DEVCTL2_ATOMIC_REQ);
    rp->devctl2 = qfabric_cap_readw(rp->fn, PCI_CAP_ID_EXP,
                                    PCI_EXP_DEVCTL2);
}

static void root_blocks(FlowBench *b, const char *port)
{
    block(b, port);
}

/* The window of ds1 is closed; those of us0 and rp1 stay open */
static void close_window(FlowBench *b, const char *port)
{
    flow_set_window(flow_port(b, port), 1, 0xfff00000, 0);
}

/* The window of ds1 moves to ds5, below which there is nothing */
static void move_window(FlowBench *b, const char *port)
{
    FlowNode *n = flow_port(b, port), *empty = flow_port(b, "ds5");
    uint64_t base = n->base[1], limit = n->limit[1];

    close_window(b, port);
    flow_set_window(empty, 1, base, limit);
}

/* Rows */

typedef struct RowCase {
    const char *name;
    const FlowVariant *variant;
    FlowPlace from;
    Spot spot;
    QFabricReq req;             /* addr is added to the spot */
    QFabricOutcome outcome;
    QFabricCpl status;
    QFabricReason reason;
    const char *where;          /* who refuses, and logs */
    uint32_t logged;            /* Uncorrectable Error Status there */
    void (*set)(FlowBench *b, const char *port);
    const char *port;
} RowCase;

#define OP(o, s, ...)   { .op = QFEP_##o, .size = s, __VA_ARGS__ }
#define FULL            &flow_full
#define DIRECT          PLACE_DIRECT
#define SWITCH          PLACE_SWITCH
#define DEEP            PLACE_DEEP
#define SC              QFEP_DONE, QFEP_SC, QFEP_R_NONE, NULL, 0
#define UR(r, w, log)   QFEP_DONE, QFEP_UR, QFEP_R_##r, w, PCI_ERR_UNC_##log
#define CA(r, w, log)   QFEP_DONE, QFEP_CA, QFEP_R_##r, w, PCI_ERR_UNC_##log
#define LOST(r, w)      QFEP_TIMEOUT, 0, QFEP_R_##r, w, PCI_ERR_UNC_MALF_TLP
#define HELD(r, w)      QFEP_NOT_ISSUED, 0, QFEP_R_##r, w, 0
#define READ(...)       { .op = QFEP_READ, .len = 8, .local = MEM_LOCAL, \
                          __VA_ARGS__ }
#define WRITE(...)      { .op = QFEP_WRITE, .len = 8, .local = MEM_LOCAL, \
                          __VA_ARGS__ }
#define T21             "table-2.1/row-"
#define T23             "table-2.3/row-"
#define T24             "table-2.4/row-"
#define T25             "table-2.5/row-"

static const RowCase rows[] = {
    /* Table 2.1: alignment is that of the operand, not of the payload */
    { T21 "1-fetchadd/32-aligned-to-4", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 4, .addr = 4), SC },
    { T21 "1-fetchadd/64-aligned-to-8", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 8, .addr = 8), SC },
    { T21 "1-fetchadd/64-aligned-to-4", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 8, .addr = 4), LOST(MALFORMED, "rp0") },
    { T21 "1-fetchadd/no-128", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 16), LOST(MALFORMED, "rp0") },
    { T21 "2-swap/32-aligned-to-4", FULL, DIRECT, RAM,
      OP(SWAP, 4, .addr = 12), SC },
    { T21 "2-swap/64-aligned-to-8", FULL, DIRECT, RAM,
      OP(SWAP, 8, .addr = 24), SC },
    { T21 "2-swap/64-aligned-to-4", FULL, DIRECT, RAM,
      OP(SWAP, 8, .addr = 12), LOST(MALFORMED, "rp0") },
    { T21 "2-swap/no-128", FULL, DIRECT, RAM,
      OP(SWAP, 16), LOST(MALFORMED, "rp0") },
    { T21 "3-cas/32-aligned-to-4", FULL, DIRECT, RAM,
      OP(CAS, 4, .addr = 4), SC },
    { T21 "3-cas/64-aligned-to-8", FULL, DIRECT, RAM,
      OP(CAS, 8, .addr = 8), SC },
    { T21 "3-cas/128-aligned-to-16", FULL, DIRECT, RAM,
      OP(CAS, 16, .addr = 16), SC },
    { T21 "3-cas/128-aligned-to-8", FULL, DIRECT, RAM,
      OP(CAS, 16, .addr = 8), LOST(MALFORMED, "rp0") },

    /* Table 2.3 */
    { T23 "1-length/at-root-port", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 4, .len = 3), LOST(MALFORMED, "rp0") },
    { T23 "1-length/at-peer", FULL, SWITCH, PEER,
      OP(CAS, 8, .len = 5), LOST(MALFORMED, "ep2") },
    { T23 "1-length/before-row-3", &only_32, DIRECT, RAM,
      OP(SWAP, 8, .len = 1023), LOST(MALFORMED, "rp0") },
    { T23 "1-length/before-row-4", FULL, DIRECT, HOLE,
      OP(CAS, 4, .len = 1), LOST(MALFORMED, "rp0") },
    { T23 "1-length/before-row-5", FULL, SWITCH, PEER_REGS,
      OP(CAS, 4, .len = 1), LOST(MALFORMED, "ep2") },
    { T23 "1-length/before-row-6", FULL, DIRECT, RAM,
      OP(CAS, 4, .len = 1, .poisoned = true), LOST(MALFORMED, "rp0") },
    { T23 "2-alignment/at-root-port", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 8, .addr = 4), LOST(MALFORMED, "rp0") },
    { T23 "2-alignment/at-peer", FULL, SWITCH, PEER,
      OP(SWAP, 4, .addr = 2), LOST(MALFORMED, "ep2") },
    { T23 "2-alignment/before-row-3", &only_32, SWITCH, PEER,
      OP(SWAP, 8, .addr = 4), LOST(MALFORMED, "ep2") },
    { T23 "2-alignment/before-row-4", FULL, DIRECT, HOLE,
      OP(CAS, 16, .addr = 8), LOST(MALFORMED, "rp0") },
    { T23 "2-alignment/before-row-4-at-peer", FULL, SWITCH, NO_BAR,
      OP(CAS, 16, .addr = 8), LOST(MALFORMED, "ep2") },
    { T23 "2-alignment/before-row-5", FULL, SWITCH, PEER_REGS,
      OP(FETCH_ADD, 8, .addr = 4), LOST(MALFORMED, "ep2") },
    { T23 "2-alignment/before-row-6", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8, .addr = 4, .poisoned = true),
      LOST(MALFORMED, "ep2") },
    { T23 "3-unsupported/64-at-root-port", &only_32, DIRECT, RAM,
      OP(FETCH_ADD, 8), UR(UNSUPPORTED, "rp0", UNSUP) },
    { T23 "3-unsupported/128-at-root-port", &only_32_64, DEEP, RAM,
      OP(CAS, 16), UR(UNSUPPORTED, "rp1", UNSUP) },
    { T23 "3-unsupported/32-at-root-port-without-completer", &no_comp,
      DIRECT, RAM, OP(SWAP, 4), UR(UNSUPPORTED, "rp0", UNSUP) },
    { T23 "3-unsupported/64-at-peer", &only_32, SWITCH, PEER,
      OP(CAS, 8), UR(UNSUPPORTED, "ep2", UNSUP) },
    { T23 "3-unsupported/supported-at-peer", &only_32, SWITCH, PEER,
      OP(CAS, 4), SC },
    { T23 "3-unsupported/before-row-5", &only_32, SWITCH, PEER_REGS,
      OP(CAS, 8), UR(UNSUPPORTED, "ep2", UNSUP) },
    { T23 "3-unsupported/before-row-6", &only_32, DIRECT, RAM,
      OP(SWAP, 8, .poisoned = true), UR(UNSUPPORTED, "rp0", UNSUP) },
    { T23 "4-no-memory/no-bar", FULL, SWITCH, NO_BAR,
      OP(FETCH_ADD, 8), UR(NO_TARGET, "ep2", UNSUP) },
    { T23 "4-no-memory/mse-0", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), UR(NO_TARGET, "ep2", UNSUP), no_mse, "ep2" },
    { T23 "4-no-memory/d3hot", FULL, SWITCH, PEER,
      OP(SWAP, 4), UR(NO_TARGET, "ep2", UNSUP), d3hot, "ep2" },
    { T23 "4-no-memory/hole-at-root-port", FULL, DEEP, HOLE,
      OP(CAS, 16), UR(NO_TARGET, "rp1", UNSUP) },
    { T23 "4-no-memory/read", FULL, SWITCH, NO_BAR, READ(),
      UR(NO_TARGET, "ep2", UNSUP) },
    { T23 "4-no-memory/before-row-6", FULL, SWITCH, NO_BAR,
      OP(SWAP, 8, .poisoned = true), UR(NO_TARGET, "ep2", UNSUP) },
    { T23 "5-range-does-no-atomics/registers", FULL, SWITCH, PEER_REGS,
      OP(FETCH_ADD, 4), CA(NOT_ATOMIC, "ep2", COMP_ABORT) },
    { T23 "5-range-does-no-atomics/msix-table", FULL, SWITCH, PEER_MSIX,
      OP(SWAP, 8), CA(NOT_ATOMIC, "ep2", COMP_ABORT) },
    { T23 "5-range-does-no-atomics/device-of-the-machine", FULL, DIRECT,
      UART, OP(CAS, 4), CA(NOT_ATOMIC, "rp0", COMP_ABORT) },
    { T23 "5-range-does-no-atomics/before-row-6", FULL, SWITCH, PEER_REGS,
      OP(FETCH_ADD, 4, .poisoned = true),
      CA(NOT_ATOMIC, "ep2", COMP_ABORT) },
    { T23 "6-poisoned/at-root-port", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 8, .poisoned = true), UR(POISONED, "rp0", POISON_TLP) },
    { T23 "6-poisoned/at-peer", FULL, DIRECT, PEER_RP,
      OP(CAS, 16, .poisoned = true), UR(POISONED, "ep5", POISON_TLP) },
    { T23 "8-success/ram", FULL, DIRECT, RAM, OP(FETCH_ADD, 8), SC },
    { T23 "8-success/peer", FULL, SWITCH, PEER, OP(SWAP, 4), SC },

    /* Table 2.4 */
    { T24 "1-no-routing/whole-switch-up", &deaf_switch, SWITCH, RAM,
      OP(FETCH_ADD, 8), LOST(NO_ROUTING, "ds0") },
    { T24 "1-no-routing/whole-switch-peer", &deaf_switch, SWITCH, PEER,
      OP(FETCH_ADD, 8), LOST(NO_ROUTING, "ds0") },
    { T24 "1-no-routing/whole-switch-from-lower-switch", &deaf_switch, DEEP,
      RAM, OP(SWAP, 4), LOST(NO_ROUTING, "ds2") },
    { T24 "1-no-routing/whole-switch-down", &deaf_switch, DIRECT, PEER,
      OP(SWAP, 4), LOST(NO_ROUTING, "us0") },
    { T24 "1-no-routing/egress-only", &mixed_us0, SWITCH, RAM,
      OP(CAS, 8), LOST(NO_ROUTING, "ds0") },
    { T24 "1-no-routing/ingress-only", &mixed_ds0, SWITCH, RAM,
      OP(CAS, 8), LOST(NO_ROUTING, "ds0") },
    { T24 "1-no-routing/reads-pass", &deaf_switch, SWITCH, RAM, READ(), SC },
    { T24 "1-no-routing/writes-pass", &deaf_switch, SWITCH, PEER, WRITE(),
      SC },
    { T24 "2-root-port-pair/supported-both-ways-1", FULL, DIRECT, PEER_RP,
      OP(FETCH_ADD, 8), SC },
    { T24 "2-root-port-pair/supported-both-ways-2", FULL, PLACE_OTHER_RP,
      PEER, OP(FETCH_ADD, 8), SC },
    { T24 "3-egress-root-port-without-routing/from-direct", &rp2_deaf,
      DIRECT, PEER_RP, OP(FETCH_ADD, 8), UR(NO_ROUTING, "rp0", UNSUP) },
    { T24 "3-egress-root-port-without-routing/from-switch", &rp2_deaf,
      DEEP, PEER_RP, OP(CAS, 16), UR(NO_ROUTING, "rp1", UNSUP) },
    { T24 "3-egress-root-port-without-routing/ingress-instead", &rp0_deaf,
      DIRECT, PEER_RP, OP(FETCH_ADD, 8), UR(NO_ROUTING, "rp0", UNSUP) },
    { T24 "3-egress-root-port-without-routing/reads-pass", &rp2_deaf,
      DIRECT, PEER_RP, READ(), SC },
    { T24 "4-egress-blocked/us0-up", FULL, SWITCH, RAM,
      OP(FETCH_ADD, 8), UR(EGRESS_BLOCKED, "us0", ATOMEG), block, "us0" },
    { T24 "4-egress-blocked/ds1-to-peer", FULL, SWITCH, PEER,
      OP(SWAP, 8), UR(EGRESS_BLOCKED, "ds1", ATOMEG), block, "ds1" },
    { T24 "4-egress-blocked/ds4-down", FULL, DIRECT, PEER_DEEP,
      OP(CAS, 4), UR(EGRESS_BLOCKED, "ds4", ATOMEG), block, "ds4" },
    { T24 "4-egress-blocked/rp2-to-peer", FULL, DIRECT, PEER_RP,
      OP(CAS, 16), UR(EGRESS_BLOCKED, "rp2", ATOMEG), block, "rp2" },
    { T24 "4-egress-blocked/ingress-does-not-count", FULL, SWITCH, RAM,
      OP(FETCH_ADD, 8), SC, block, "ds0" },
    { T24 "4-egress-blocked/no-egress-port-to-ram", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 8), SC, block, "rp0" },
    { T24 "4-egress-blocked/us0-is-not-on-the-way-to-a-peer", FULL, SWITCH,
      PEER, OP(FETCH_ADD, 8), SC, block, "us0" },
    { T24 "4-egress-blocked/reads-pass", FULL, SWITCH, RAM, READ(), SC,
      block, "us0" },
    { T24 "4-egress-blocked/writes-pass", FULL, SWITCH, PEER, WRITE(), SC,
      block, "ds1" },
    { T24 "5-acs-violation/egress-control", FULL, SWITCH, PEER,
      OP(SWAP, 4), CA(ACS_VIOLATION, "ds0", ACSV), egress_control, "ds0" },
    { T24 "5-acs-violation/translation-blocking", FULL, SWITCH, RAM,
      OP(SWAP, 4, .at = QFEP_AT_TRANSLATED), CA(ACS_VIOLATION, "ds0", ACSV),
      block_translated, "ds0" },
    { T24 "5-acs-violation/at-root-port", FULL, DIRECT, RAM,
      OP(CAS, 8, .at = QFEP_AT_TRANSLATED), CA(ACS_VIOLATION, "rp0", ACSV),
      block_translated, "rp0" },
    { T24 "5-acs-violation/read", FULL, SWITCH, PEER, READ(),
      CA(ACS_VIOLATION, "ds0", ACSV), egress_control, "ds0" },
    { T24 "6-acs-redirect/comes-back-down", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), SC, redirect },
    { T24 "6-acs-redirect/us0-blocks", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), UR(EGRESS_BLOCKED, "us0", ATOMEG), redirect, "us0" },
    { T24 "6-acs-redirect/ds1-blocks-on-the-way-down", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), UR(EGRESS_BLOCKED, "ds1", ATOMEG), redirect, "ds1" },
    { T24 "7-link-down/peer", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), UR(LINK_DOWN, "ds5", UNSUP), move_window, "ds1" },
    { T24 "7-link-down/from-above", FULL, DIRECT, PEER,
      OP(FETCH_ADD, 8), UR(LINK_DOWN, "ds5", UNSUP), move_window, "ds1" },
    { T24 "7-link-down/read", FULL, SWITCH, PEER, READ(),
      UR(LINK_DOWN, "ds5", UNSUP), move_window, "ds1" },
    { T24 "8-no-window-goes-up/ram", FULL, DEEP, RAM, OP(CAS, 8), SC },
    { T24 "8-no-window-goes-up/hole", FULL, DEEP, HOLE, OP(CAS, 8),
      UR(NO_TARGET, "rp1", UNSUP) },
    { T24 "8-no-window-goes-up/upper-switch", FULL, DEEP, PEER, OP(CAS, 8),
      SC },
    { T24 "9-window-of-switch-only/from-below", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), UR(NO_TARGET, "ds0", UNSUP), close_window, "ds1" },
    { T24 "9-window-of-switch-only/from-lower-switch", FULL, DEEP, PEER,
      OP(FETCH_ADD, 8), UR(NO_TARGET, "ds2", UNSUP), close_window, "ds1" },
    { T24 "9-window-of-switch-only/mse-0", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), UR(NO_TARGET, "ds0", UNSUP), no_mse, "ds1" },
    { T24 "9-window-of-switch-only/from-above", FULL, DIRECT, PEER,
      OP(FETCH_ADD, 8), UR(NO_TARGET, "us0", UNSUP), close_window, "ds1" },
    { T24 "10-no-bme/ds0", FULL, SWITCH, RAM, OP(FETCH_ADD, 8),
      UR(NO_BME, "ds0", UNSUP), unmaster, "ds0" },
    { T24 "10-no-bme/ds0-to-peer", FULL, SWITCH, PEER, OP(FETCH_ADD, 8),
      UR(NO_BME, "ds0", UNSUP), unmaster, "ds0" },
    { T24 "10-no-bme/us0", FULL, SWITCH, RAM, OP(FETCH_ADD, 8),
      UR(NO_BME, "us0", UNSUP), unmaster, "us0" },
    { T24 "10-no-bme/rp1", FULL, DEEP, RAM, OP(FETCH_ADD, 8),
      UR(NO_BME, "rp1", UNSUP), unmaster, "rp1" },
    { T24 "10-no-bme/ds1-downwards-does-not-count", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), SC, unmaster, "ds1" },
    { T24 "10-no-bme/us0-to-peer-does-not-count", FULL, SWITCH, PEER,
      OP(FETCH_ADD, 8), SC, unmaster, "us0" },

    /* Table 2.5 */
    { T25 "1-not-issued/req-en-0", FULL, DIRECT, RAM, OP(FETCH_ADD, 8),
      HELD(NO_REQ_EN, "ep0"), not_enabled, "ep0" },
    { T25 "1-not-issued/req-en-0-rciep", FULL, PLACE_RCIEP, RAM,
      OP(FETCH_ADD, 8), HELD(NO_REQ_EN, "ep6"), not_enabled, "ep6" },
    { T25 "1-not-issued/bme-0", FULL, SWITCH, RAM, OP(SWAP, 4),
      HELD(NO_BME, "ep1"), unmaster, "ep1" },
    { T25 "1-not-issued/bme-0-read", FULL, SWITCH, RAM, READ(),
      HELD(NO_BME, "ep1"), unmaster, "ep1" },
    { T25 "1-not-issued/req-en-0-does-not-hold-reads", FULL, DIRECT, RAM,
      READ(), SC, not_enabled, "ep0" },
    { T25 "2-root-port-requester/req-en-does-not-count", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 8), SC, root_requester, "rp0" },
    { T25 "2-root-port-requester/egress-block-does-not-count", FULL, DIRECT,
      RAM, OP(FETCH_ADD, 8), SC, root_blocks, "rp0" },
    { T25 "3-ur-and-ca/ur", FULL, DIRECT, HOLE, OP(FETCH_ADD, 8),
      UR(NO_TARGET, "rp0", UNSUP) },
    { T25 "3-ur-and-ca/ca", FULL, SWITCH, PEER_REGS, OP(FETCH_ADD, 8),
      CA(NOT_ATOMIC, "ep2", COMP_ABORT) },
    { T25 "3-ur-and-ca/ur-read", FULL, DIRECT, HOLE, READ(),
      UR(NO_TARGET, "rp0", UNSUP) },
    { T25 "4-completion-timeout/direct", FULL, DIRECT, RAM,
      OP(FETCH_ADD, 8, .addr = 4), LOST(MALFORMED, "rp0") },
    { T25 "4-completion-timeout/below-switches", FULL, DEEP, RAM,
      OP(CAS, 4, .len = 7), LOST(MALFORMED, "rp1") },
};

/* Table 2.5 rows 3 and 4: what the requester itself shows, and only that */
static bool check_requester(FlowBench *b, const RowCase *rc)
{
    QFabricFn *fn = b->fn[rc->from]->fn;
    uint16_t status = 0;
    uint32_t uncor = 0;
    bool ok;

    if (rc->outcome == QFEP_TIMEOUT) {
        uncor = PCI_ERR_UNC_COMP_TIME;
    } else if (rc->outcome == QFEP_DONE) {
        status = rc->status == QFEP_UR ? PCI_STATUS_REC_MASTER_ABORT :
                 rc->status == QFEP_CA ? PCI_STATUS_REC_TARGET_ABORT : 0;
    }
    ok = qfabric_expect(fn, "Status of the requester", status,
                        qfabric_readw(fn, PCI_STATUS) &
                        (PCI_STATUS_REC_MASTER_ABORT |
                         PCI_STATUS_REC_TARGET_ABORT),
                        "r6.0 sec 7.5.1.1.4");
    ok &= qfabric_expect(fn, "Uncorrectable Error Status of the requester",
                         uncor, qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                                  PCI_ERR_UNCOR_STATUS),
                         "r6.0 sec 6.2.3.2.5, 2.8");
    return ok;
}

static bool check_logger(FlowBench *b, const RowCase *rc)
{
    FlowNode *n = rc->logged ? flow_port(b, rc->where) : NULL;

    return !n ||
           qfabric_expect(n->fn, "Uncorrectable Error Status", rc->logged,
                          qfabric_ext_readl(n->fn, PCI_EXT_CAP_ID_ERR,
                                            PCI_ERR_UNCOR_STATUS),
                          rc->name);
}

/* Windows and power states are not part of the baseline */
static void undo(FlowBench *b, const RowCase *rc, uint64_t base,
                 uint64_t limit)
{
    if (rc->set == d3hot) {
        flow_set_d_state(flow_port(b, rc->port), 0);
    } else if (rc->set == move_window || rc->set == close_window) {
        close_window(b, "ds5");
        flow_set_window(flow_port(b, rc->port), 1, base, limit);
    }
}

static void test_row(const void *data)
{
    const RowCase *rc = data;
    FlowBench *b = flow_bench(rc->variant);
    QFabricReq req = rc->req;
    uint64_t base = 0, limit = 0;
    FlowNode *port = rc->port ? flow_port(b, rc->port) : NULL;
    bool ok;

    req.addr += spot(b, rc->spot);
    req.operand[0] = (QFabric128) { 0x1111111122222222ULL, 3 };
    req.operand[1] = (QFabric128) { 0x4444444455555555ULL, 6 };
    if (port) {
        base = port->base[1];
        limit = port->limit[1];
    }
    if (rc->set) {
        rc->set(b, rc->port);
    }
    ok = flow_try_is(b, rc->from, &req, rc->outcome, rc->status, rc->reason,
                     rc->where, rc->name);
    ok &= check_logger(b, rc);
    ok &= check_requester(b, rc);
    if (ok && rc->set == d3hot) {
        /* Reset on the way back to D0 is allowed, so start anew */
        flow_bench_quit();
        return;
    }
    undo(b, rc, base, limit);
    flow_bench_end(b, ok);
}

/* Table 2.1, second half: the first byte and the length of each TLP */

typedef struct TlpCase {
    const char *name;
    QFabricOp op;
    unsigned size;
    uint8_t first[2];           /* 3 DW, 4 DW */
    unsigned length;
} TlpCase;

static const TlpCase tlps[] = {
    { "table-2.1/tlp-1-fetchadd-4c-6c/32", QFEP_FETCH_ADD, 4,
      { 0x4c, 0x6c }, 1 },
    { "table-2.1/tlp-1-fetchadd-4c-6c/64", QFEP_FETCH_ADD, 8,
      { 0x4c, 0x6c }, 2 },
    { "table-2.1/tlp-2-swap-4d-6d/32", QFEP_SWAP, 4, { 0x4d, 0x6d }, 1 },
    { "table-2.1/tlp-2-swap-4d-6d/64", QFEP_SWAP, 8, { 0x4d, 0x6d }, 2 },
    { "table-2.1/tlp-3-cas-4e-6e/32", QFEP_CAS, 4, { 0x4e, 0x6e }, 2 },
    { "table-2.1/tlp-3-cas-4e-6e/64", QFEP_CAS, 8, { 0x4e, 0x6e }, 4 },
    { "table-2.1/tlp-3-cas-4e-6e/128", QFEP_CAS, 16, { 0x4e, 0x6e }, 8 },
};

/* Seen in the Header Log of a root port that knows nothing there */
static void test_tlp(const void *data)
{
    static const uint64_t holes[] = { HOLE_ABOVE_RAM, HOLE_PCI64 };
    const TlpCase *tc = data;
    FlowBench *b = flow_bench(&flow_full);
    QFabricFn *rp0 = flow_port(b, "rp0")->fn;
    bool ok = true;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(holes); i++) {
        QFabricReq req = qfabric_atomic(tc->op, tc->size, holes[i], 1, 2);
        uint32_t dw0;

        ok &= flow_try_keep(b, PLACE_DIRECT, &req, tc->name);
        dw0 = qfabric_ext_readl(rp0, PCI_EXT_CAP_ID_ERR, PCI_ERR_HEADER_LOG);
        ok &= qfabric_expect(rp0, "Fmt and Type", tc->first[i], dw0 >> 24,
                             "r6.0 sec 2.2.1");
        ok &= qfabric_expect(rp0, "Length", tc->length, dw0 & 0x3ff,
                             "r6.0 sec 2.2.7.1");
        flow_clear_dirty(b->m);
    }
    flow_bench_end(b, ok);
}

/* A completion with data carries one operand; one without changes nothing */
static void test_cpld(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    QFabricReq req = qfabric_atomic(QFEP_CAS, 16, RAM_TARGET, 5, 7);
    QFabricRes res;
    bool ok = true;

    qtest_writeq(b->qts, RAM_TARGET, 5);
    qtest_writeq(b->qts, RAM_TARGET + 8, 0);
    res = qfabric_ep_do(ep, &req);
    ok &= qfabric_expect(ep->fn, "status", QFEP_SC, res.status, "CplD");
    ok &= qfabric_expect(ep->fn, "data", 5, res.data.lo, "CplD");
    ok &= qfabric_expect(ep->fn, "data", 0, res.data.hi, "CplD");
    ok &= qfabric_expect(ep->fn, "target", 7,
                         qtest_readq(b->qts, RAM_TARGET), "CplD");
    flow_bench_end(b, ok);
}

static void test_cpl(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq req = qfabric_atomic(QFEP_SWAP, 8, HOLE_PCI64, 5, 7);
    bool ok = flow_try_is(b, PLACE_DIRECT, &req, QFEP_DONE, QFEP_UR,
                          QFEP_R_NO_TARGET, "rp0", "Cpl");

    flow_bench_end(b, ok);
}

/* Table 2.3 row 7 */
static void test_uncorrectable(void)
{
    g_test_skip("QEMU's memory has no uncorrectable errors to provoke");
}

/* Table 2.5 row 2: host-initiated AtomicOps need a CPU, qtest has none */

int main(int argc, char **argv)
{
    unsigned i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(tlps); i++) {
        g_autofree char *path = g_strdup_printf("/pcie-fabric/%s",
                                                tlps[i].name);

        qtest_add_data_func(path, &tlps[i], test_tlp);
    }
    qtest_add_func("/pcie-fabric/table-2.1/tlp-4-cpld", test_cpld);
    qtest_add_func("/pcie-fabric/table-2.1/tlp-5-cpl", test_cpl);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/pcie-fabric/%s",
                                                rows[i].name);

        qtest_add_data_func(path, &rows[i], test_row);
    }
    qtest_add_func("/pcie-fabric/table-2.3/row-7-uncorrectable-error",
                   test_uncorrectable);
    ret = g_test_run();
    flow_bench_quit();
    return ret;
}
