/*
 * PCIe fabric: which way a request goes
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.12 (ACS), 6.15 (AtomicOps),
 * 7.5.1.3 (windows), 2.9.1 (link down).
 *
 * Everything is decided from the configuration space of the ports as it is
 * now, so ports of another make are understood as well as ours. Each address
 * comparison narrows the range [lo, hi] for which the path found holds.
 *
 * Modelled:     windows, Memory Space and Bus Master Enable, AtomicOp routing
 *               and egress blocking, ACS source validation, translation
 *               blocking, request redirect, upstream forwarding, egress
 *               control, direct translated P2P.
 * Not modelled: multicast, enhanced ACS. Requests between root ports always
 *               pass the translation agent, as if their ACS redirect were set.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-link.h"
#include "hw/pci/pcie-fabric-tlp.h"
#include "trace.h"

typedef struct RouteCtx {
    PCIDevice *requester;
    uint64_t addr;
    bool atomic;
    uint8_t at;
    PCIEFabricPath *path;
    PCIEFabricHop *hop;
    void *opaque;
} RouteCtx;

static const char *const reason_name[PCIE_FABRIC_REASON__MAX] = {
    [PCIE_FABRIC_REASON_NONE] = "NONE",
    [PCIE_FABRIC_REASON_NO_BME] = "NO_BME",
    [PCIE_FABRIC_REASON_NO_REQ_EN] = "NO_REQ_EN",
    [PCIE_FABRIC_REASON_BAD_REQUEST] = "BAD_REQUEST",
    [PCIE_FABRIC_REASON_POWER_STATE] = "POWER_STATE",
    [PCIE_FABRIC_REASON_EGRESS_BLOCKED] = "EGRESS_BLOCKED",
    [PCIE_FABRIC_REASON_NO_ROUTING] = "NO_ROUTING",
    [PCIE_FABRIC_REASON_ACS_VIOLATION] = "ACS_VIOLATION",
    [PCIE_FABRIC_REASON_NO_TARGET] = "NO_TARGET",
    [PCIE_FABRIC_REASON_LINK_DOWN] = "LINK_DOWN",
    [PCIE_FABRIC_REASON_UNSUPPORTED] = "UNSUPPORTED",
    [PCIE_FABRIC_REASON_NOT_ATOMIC] = "NOT_ATOMIC",
    [PCIE_FABRIC_REASON_MALFORMED] = "MALFORMED",
    [PCIE_FABRIC_REASON_POISONED] = "POISONED",
    [PCIE_FABRIC_REASON_IOMMU_FAULT] = "IOMMU_FAULT",
    [PCIE_FABRIC_REASON_BAD_LOCAL] = "BAD_LOCAL",
    [PCIE_FABRIC_REASON_RULE] = "RULE",
};

const char *pcie_fabric_reason_name(PCIEFabricReason reason)
{
    return reason_name[reason];
}

static void note_hop(RouteCtx *c, PCIDevice *d, const char *verdict)
{
    trace_pcie_fabric_hop(c->requester ? pci_requester_id(c->requester) : 0,
                          c->addr,
                          d ? d->name : "root complex",
                          d ? pci_requester_id(d) : 0, verdict);
    if (c->hop) {
        c->hop(c->opaque, d, verdict);
    }
}

/* The request goes on from @d; @verdict says where. */
static void pass(RouteCtx *c, PCIDevice *d, const char *verdict)
{
    PCIEFabricCounters *counters = pcie_fabric_counters(d);
    PCIEFabricPath *path = c->path;

    note_hop(c, d, verdict);
    if (counters && path->nr_passed < PCIE_FABRIC_MAX_HOPS) {
        path->passed[path->nr_passed++] = counters;
    }
}

static bool refuse(RouteCtx *c, PCIDevice *where, PCIEFabricReason reason)
{
    c->path->reason = reason;
    c->path->where = where;
    note_hop(c, where, reason_name[reason]);
    return false;
}

/* Our devices tell when they change (pcie_fabric_paths_changed()). */
static void consult(RouteCtx *c, PCIDevice *d)
{
    if (PCI_DEVICE_GET_CLASS(d)->vendor_id != PCIE_FABRIC_VENDOR_ID ||
        (!pcie_fabric_port(d) &&
         !object_dynamic_cast(OBJECT(d), TYPE_PCIE_FABRIC_ENDPOINT))) {
        c->path->cacheable = false;
    }
}

/* Is the address inside [base, limit]? The path holds where that is the same */
static bool in_range(RouteCtx *c, uint64_t base, uint64_t limit)
{
    PCIEFabricPath *path = c->path;

    if (base > limit) {
        return false;
    }
    if (c->addr < base) {
        path->hi = MIN(path->hi, base - 1);
        return false;
    }
    if (c->addr > limit) {
        path->lo = MAX(path->lo, limit + 1);
        return false;
    }
    path->lo = MAX(path->lo, base);
    path->hi = MIN(path->hi, limit);
    return true;
}

static uint16_t command(PCIDevice *d)
{
    return pci_get_word(d->config + PCI_COMMAND);
}

/* sec 7.5.1.3.8, 7.5.1.3.9: does the bridge take the address downstream? */
static bool claims(RouteCtx *c, PCIDevice *bridge)
{
    static const uint8_t types[] = {
        PCI_BASE_ADDRESS_SPACE_MEMORY,
        PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH,
    };
    int i;

    consult(c, bridge);
    if (!(command(bridge) & PCI_COMMAND_MEMORY)) {
        return false;
    }
    for (i = 0; i < ARRAY_SIZE(types); i++) {
        if (in_range(c, pci_bridge_get_base(bridge, types[i]),
                     pci_bridge_get_limit(bridge, types[i]))) {
            return true;
        }
    }
    return false;
}

static uint8_t port_type(PCIDevice *d)
{
    return d->exp.exp_cap ? pcie_cap_get_type(d) : PCI_EXP_TYPE_PCI_BRIDGE;
}

static bool has_routing(PCIDevice *d)
{
    return d->exp.exp_cap &&
           (pci_get_long(d->config + d->exp.exp_cap + PCI_EXP_DEVCAP2) &
            PCI_EXP_DEVCAP2_ATOMIC_ROUTE);
}

static bool blocks_egress(PCIDevice *d)
{
    return d->exp.exp_cap &&
           (pci_get_word(d->config + d->exp.exp_cap + PCI_EXP_DEVCTL2) &
            PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
}

static bool is_downstream_port(PCIDevice *d)
{
    uint8_t type = port_type(d);

    return type == PCI_EXP_TYPE_ROOT_PORT || type == PCI_EXP_TYPE_DOWNSTREAM;
}

/*
 * Ports of ours know. Of others: a bus of conventional PCI is always up,
 * whatever its slot 0 holds.
 */
static bool link_is_up(PCIDevice *port)
{
    PCIBus *bus = pci_bridge_get_sec_bus(PCI_BRIDGE(port));

    if (pcie_fabric_port(port)) {
        return pcie_fabric_link_is_active(port);
    }
    return (!is_downstream_port(port) ||
            (bus->devices[0] && bus->devices[0]->enabled)) &&
           !(pci_get_word(port->config + PCI_BRIDGE_CONTROL) &
             PCI_BRIDGE_CTL_BUS_RESET);
}

static uint16_t acs_ctrl(PCIDevice *d)
{
    return d->exp.acs_cap ?
           pci_get_word(d->config + d->exp.acs_cap + PCI_ACS_CTRL) : 0;
}

/* sec 7.7.11.4: is the egress control vector's bit of @peer's port set? */
static bool acs_vector_bit(PCIDevice *d, PCIDevice *peer)
{
    uint32_t lnkcap = pci_get_long(peer->config + peer->exp.exp_cap +
                                   PCI_EXP_LNKCAP);
    uint8_t port = lnkcap >> 24;

    return port < PCIE_FABRIC_ACS_VECTOR_BITS &&
           (pci_get_long(d->config + d->exp.acs_cap + PCI_ACS_EGRESS_CTL_V) &
            (1u << port));
}

/* sec 6.12.1.1: source validation and translation blocking at the ingress */
static bool check_ingress_acs(RouteCtx *c, PCIDevice *port)
{
    uint16_t ctrl = acs_ctrl(port);
    uint8_t bus = pci_requester_id(c->requester) >> 8;

    if ((ctrl & PCI_ACS_SV) && (bus < port->config[PCI_SECONDARY_BUS] ||
                                bus > port->config[PCI_SUBORDINATE_BUS])) {
        return refuse(c, port, PCIE_FABRIC_REASON_ACS_VIOLATION);
    }
    if ((ctrl & PCI_ACS_TB) && c->at != PCIE_FABRIC_AT_UNTRANSLATED) {
        return refuse(c, port, PCIE_FABRIC_REASON_ACS_VIOLATION);
    }
    return true;
}

typedef enum PeerDecision {
    PEER_DIRECT,
    PEER_REDIRECT,
    PEER_VIOLATION,
} PeerDecision;

/* sec 6.12.3, the table of P2P request redirect and egress control */
static PeerDecision decide_peer(RouteCtx *c, PCIDevice *ingress,
                                PCIDevice *peer)
{
    uint16_t ctrl = acs_ctrl(ingress);
    bool redirect = ctrl & PCI_ACS_RR;

    if ((ctrl & PCI_ACS_DT) && c->at == PCIE_FABRIC_AT_TRANSLATED) {
        return PEER_DIRECT;
    }
    if (!(ctrl & PCI_ACS_EC)) {
        return redirect ? PEER_REDIRECT : PEER_DIRECT;
    }
    if (!acs_vector_bit(ingress, peer)) {
        return PEER_DIRECT;
    }
    return redirect ? PEER_REDIRECT : PEER_VIOLATION;
}

/* The memory BAR of a Function on @bus that the address is in. */
static bool find_bar(RouteCtx *c, PCIDevice *d)
{
    int i;

    consult(c, d);
    for (i = 0; i < PCI_NUM_REGIONS; i++) {
        PCIIORegion *r = &d->io_regions[i];

        if (!r->size || (r->type & PCI_BASE_ADDRESS_SPACE_IO) ||
            r->addr == PCI_BAR_UNMAPPED) {
            continue;
        }
        if (in_range(c, r->addr, r->addr + r->size - 1)) {
            c->path->target = d;
            c->path->bar = i;
            note_hop(c, d, "peer");
            return true;
        }
    }
    return false;
}

static PCIDevice *claiming_port(RouteCtx *c, PCIBus *bus)
{
    int devfn;

    for (devfn = 0; devfn < ARRAY_SIZE(bus->devices); devfn++) {
        PCIDevice *d = bus->devices[devfn];

        if (d && IS_PCI_BRIDGE(d) && claims(c, d)) {
            return d;
        }
    }
    return NULL;
}

/*
 * A request has been sent to @port, a root or downstream port, to leave by its
 * link. Returns the switch below if it claims the address, NULL if the path
 * ends here.
 */
static PCIDevice *leave_by(RouteCtx *c, PCIDevice *port)
{
    PCIBus *bus = pci_bridge_get_sec_bus(PCI_BRIDGE(port));
    PCIDevice *below;
    int devfn;

    if (c->atomic && blocks_egress(port)) {
        refuse(c, port, PCIE_FABRIC_REASON_EGRESS_BLOCKED);
        return NULL;
    }
    if (!link_is_up(port)) {
        refuse(c, port, PCIE_FABRIC_REASON_LINK_DOWN);
        return NULL;
    }
    pass(c, port, "down");
    below = claiming_port(c, bus);
    if (below) {
        return below;
    }
    for (devfn = 0; devfn < ARRAY_SIZE(bus->devices); devfn++) {
        PCIDevice *d = bus->devices[devfn];

        if (d && !IS_PCI_BRIDGE(d) && find_bar(c, d)) {
            return NULL;
        }
    }
    /* sec 2.3.1: nobody's address, so Function 0 answers */
    refuse(c, bus->devices[0] ?: port, PCIE_FABRIC_REASON_NO_TARGET);
    return NULL;
}

static void walk_down(RouteCtx *c, PCIDevice *port)
{
    PCIDevice *upstream, *downstream;

    while ((upstream = leave_by(c, port))) {
        if (port_type(upstream) != PCI_EXP_TYPE_UPSTREAM) {
            /* A bridge to conventional PCI: no AtomicOps (sec 6.15). */
            if (c->atomic) {
                refuse(c, upstream, PCIE_FABRIC_REASON_NO_ROUTING);
                return;
            }
            port = upstream;
            continue;
        }
        downstream = claiming_port(
            c, pci_bridge_get_sec_bus(PCI_BRIDGE(upstream)));
        if (c->atomic && (!has_routing(upstream) ||
                          (downstream && !has_routing(downstream)))) {
            refuse(c, upstream, PCIE_FABRIC_REASON_NO_ROUTING);
            return;
        }
        if (!downstream) {
            refuse(c, upstream, PCIE_FABRIC_REASON_NO_TARGET);
            return;
        }
        pass(c, upstream, "down");
        port = downstream;
    }
}

/*
 * In a switch, at the ingress @port: is the address that of a peer, and does
 * ACS let it go there directly? Returns false if the path ends here.
 */
static bool try_peer(RouteCtx *c, PCIDevice *port, PCIDevice *upstream)
{
    PCIDevice *peer = claiming_port(c, pci_get_bus(port));

    if (!peer) {
        /* sec 6.12: inside of the switch's window, but nobody's */
        return claims(c, upstream) ?
               refuse(c, port, PCIE_FABRIC_REASON_NO_TARGET) : true;
    }
    if (peer == port) {
        /* Back to where it came from: only upstream forwarding allows it. */
        return acs_ctrl(port) & PCI_ACS_UF ? true :
               refuse(c, port, PCIE_FABRIC_REASON_NO_TARGET);
    }
    switch (decide_peer(c, port, peer)) {
    case PEER_VIOLATION:
        return refuse(c, port, PCIE_FABRIC_REASON_ACS_VIOLATION);
    case PEER_REDIRECT:
        note_hop(c, port, "redirect");
        return true;
    default:
        break;
    }
    if (c->atomic && !has_routing(peer)) {
        return refuse(c, port, PCIE_FABRIC_REASON_NO_ROUTING);
    }
    if (!(command(port) & PCI_COMMAND_MASTER)) {
        return refuse(c, port, PCIE_FABRIC_REASON_NO_BME);
    }
    pass(c, port, "direct");
    walk_down(c, peer);
    return false;
}

/* From the downstream port @port to beyond the upstream port of its switch. */
static bool pass_switch_up(RouteCtx *c, PCIDevice *port, PCIDevice *upstream)
{
    consult(c, upstream);
    /* sec 6.2.3.2.3: malformed, then ACS, then unsupported */
    if (c->atomic && !has_routing(port)) {
        return refuse(c, port, PCIE_FABRIC_REASON_NO_ROUTING);
    }
    if (!check_ingress_acs(c, port) || !try_peer(c, port, upstream)) {
        return false;
    }
    if (!(command(port) & PCI_COMMAND_MASTER)) {
        return refuse(c, port, PCIE_FABRIC_REASON_NO_BME);
    }
    if (c->atomic && !has_routing(upstream)) {
        return refuse(c, port, PCIE_FABRIC_REASON_NO_ROUTING);
    }
    if (c->atomic && blocks_egress(upstream)) {
        return refuse(c, upstream, PCIE_FABRIC_REASON_EGRESS_BLOCKED);
    }
    if (!(command(upstream) & PCI_COMMAND_MASTER)) {
        return refuse(c, upstream, PCIE_FABRIC_REASON_NO_BME);
    }
    pass(c, port, "up");
    pass(c, upstream, "up");
    return true;
}

/* A bridge to conventional PCI above: no AtomicOps (sec 6.15). */
static bool pass_pci_bridge_up(RouteCtx *c, PCIDevice *bridge)
{
    if (c->atomic) {
        return refuse(c, bridge, PCIE_FABRIC_REASON_NO_ROUTING);
    }
    if (!(command(bridge) & PCI_COMMAND_MASTER)) {
        return refuse(c, bridge, PCIE_FABRIC_REASON_NO_BME);
    }
    pass(c, bridge, "up");
    return true;
}

static bool enter_root_complex(RouteCtx *c, PCIDevice *root_port)
{
    if (!check_ingress_acs(c, root_port)) {
        return false;
    }
    if (!(command(root_port) & PCI_COMMAND_MASTER)) {
        return refuse(c, root_port, PCIE_FABRIC_REASON_NO_BME);
    }
    c->path->root_port = root_port;
    pass(c, root_port, "host");
    return false;
}

/* One link and, if there is a switch above it, that switch. */
static PCIDevice *walk_up_once(RouteCtx *c, PCIDevice *port)
{
    PCIDevice *upstream;

    consult(c, port);
    if (!link_is_up(port)) {
        refuse(c, port, PCIE_FABRIC_REASON_LINK_DOWN);
        return NULL;
    }
    switch (port_type(port)) {
    case PCI_EXP_TYPE_ROOT_PORT:
        enter_root_complex(c, port);
        return NULL;
    case PCI_EXP_TYPE_DOWNSTREAM:
        upstream = pcie_fabric_port_above(port);
        if (!upstream) {
            /* A downstream port on a root bus: QEMU lets users do that. */
            enter_root_complex(c, port);
            return NULL;
        }
        return pass_switch_up(c, port, upstream) ? upstream : NULL;
    default:
        return pass_pci_bridge_up(c, port) ? port : NULL;
    }
}

static void init_path(PCIEFabricPath *path)
{
    *path = (PCIEFabricPath) { .hi = UINT64_MAX, .cacheable = true };
}

void pcie_fabric_route_up(PCIDevice *requester, bool atomic, uint8_t at,
                          uint64_t addr, PCIEFabricPath *path,
                          PCIEFabricHop *hop, void *opaque)
{
    RouteCtx c = {
        .requester = requester, .addr = addr, .atomic = atomic, .at = at,
        .path = path, .hop = hop, .opaque = opaque,
    };
    PCIDevice *d = requester;

    init_path(path);
    while (d) {
        PCIDevice *above = pcie_fabric_port_above(d);

        if (!above) {
            note_hop(&c, NULL, "host");
            return;
        }
        d = walk_up_once(&c, above);
    }
}

/* A BAR of an RCiEP: no link, no port */
static bool find_integrated(RouteCtx *c, PCIBus *bus)
{
    int devfn;

    for (devfn = 0; devfn < ARRAY_SIZE(bus->devices); devfn++) {
        PCIDevice *d = bus->devices[devfn];

        if (d && !IS_PCI_BRIDGE(d) && find_bar(c, d)) {
            return true;
        }
    }
    return refuse(c, c->path->root_port, PCIE_FABRIC_REASON_NO_TARGET);
}

void pcie_fabric_route_down(PCIDevice *ingress, PCIBus *root_bus, bool atomic,
                            uint64_t addr, PCIEFabricPath *path,
                            PCIEFabricHop *hop, void *opaque)
{
    RouteCtx c = {
        .requester = ingress, .addr = addr, .atomic = atomic,
        .path = path, .hop = hop, .opaque = opaque,
    };
    PCIDevice *egress;

    init_path(path);
    path->root_port = ingress;
    if (ingress) {
        consult(&c, ingress);
    }
    egress = claiming_port(&c, root_bus);
    if (!egress && !find_integrated(&c, root_bus)) {
        return;
    }
    /* sec 6.15.3.2: root ports that take part in routing, to RCiEPs as well */
    if (atomic && ((ingress && !has_routing(ingress)) ||
                   (egress && !has_routing(egress)))) {
        refuse(&c, ingress ?: egress, PCIE_FABRIC_REASON_NO_ROUTING);
        return;
    }
    if (egress) {
        walk_down(&c, egress);
    }
}
