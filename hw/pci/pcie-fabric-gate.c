/*
 * PCIe fabric: the gate in front of every Function below a port
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 2.3.1 and 2.3.2 (Request Retry
 * Status), 6.6.1 (conventional reset), 6.6.2 (FLR).
 *
 * A device listener sees each Function that is plugged in anywhere; for those
 * below our ports the accessors of the configuration space are replaced by the
 * gate, which calls them once it is open.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-audit.h"
#include "hw/pci/pcie-fabric-gate.h"
#include "hw/pci/pcie-fabric-link.h"
#include "hw/pci/pcie-fabric-rule.h"
#include "hw/qdev-core.h"
#include "migration/vmstate.h"
#include "qemu/range.h"
#include "trace.h"

/* By PCIDevice */
static GHashTable *functions;

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

PCIEFabricFunction *pcie_fabric_function(PCIDevice *d)
{
    return functions ? g_hash_table_lookup(functions, d) : NULL;
}

typedef struct BelowCtx {
    void (*fn)(PCIEFabricFunction *, void *);
    void *opaque;
} BelowCtx;

static void visit_below(PCIBus *bus, PCIDevice *d, void *opaque)
{
    BelowCtx *c = opaque;
    PCIEFabricFunction *f = pcie_fabric_function(d);

    if (f) {
        c->fn(f, c->opaque);
    }
    if (IS_PCI_BRIDGE(d)) {
        pci_for_each_device_under_bus(pci_bridge_get_sec_bus(PCI_BRIDGE(d)),
                                      visit_below, c);
    }
}

void pcie_fabric_functions_below(PCIDevice *d,
                                 void (*fn)(PCIEFabricFunction *, void *),
                                 void *opaque)
{
    BelowCtx c = { .fn = fn, .opaque = opaque };

    pci_for_each_device_under_bus(pci_bridge_get_sec_bus(PCI_BRIDGE(d)),
                                  visit_below, &c);
}

/*
 * Readiness
 */

static int64_t after_ms(int64_t since_ns, int32_t ms)
{
    return ms == PCIE_FABRIC_NEVER ? INT64_MAX :
                                     since_ns + ms * (int64_t)SCALE_MS;
}

/* When the Function stops answering with Request Retry Status */
static int64_t ready_ns(PCIEFabricFunction *f)
{
    PCIEFabricLink *link = pcie_fabric_link(f->port);
    int64_t ready = link->up_ns;

    if (link->up_ns != PCIE_FABRIC_LONG_AGO) {
        ready = MAX(after_ms(link->up_ns, link->ready_ms),
                    after_ms(link->up_ns,
                             pcie_fabric_endpoint_ready_ms(f->d, false)));
    }
    if (f->flr_ns != PCIE_FABRIC_LONG_AGO) {
        ready = MAX(ready, after_ms(f->flr_ns,
                                    pcie_fabric_endpoint_ready_ms(f->d, true)));
    }
    return ready;
}

PCIEFabricGateState pcie_fabric_gate_state(PCIEFabricFunction *f)
{
    if (!pcie_fabric_link_is_active(f->port)) {
        return PCIE_FABRIC_GATE_DOWN;
    }
    /* sec 2.3.1: once it has answered, it may not ask for a retry again */
    return f->answered || now_ns() >= ready_ns(f) ? PCIE_FABRIC_GATE_OPEN :
                                                    PCIE_FABRIC_GATE_RRS;
}

/*
 * Accesses
 */

static void note_answer(PCIEFabricFunction *f)
{
    if (!f->answered) {
        f->answered = true;
        pcie_fabric_audit_answered(f);
    }
}

/* sec 2.3.2: what software sees of a request that was answered with RRS */
static uint32_t rrs_value(PCIEFabricFunction *f, uint32_t addr, int len)
{
    uint32_t val = MAKE_64BIT_MASK(0, len * 8);

    if (pcie_fabric_rrs_visible(f->root_port) && addr == PCI_VENDOR_ID &&
        len >= 2) {
        val = (val & ~0xffffu) | 0x0001;
    }
    return val;
}

/*
 * Rules: the port above has its turn first.
 */

/* sec 6.2.3.2.4.1: advisory, since the requester gets a completion */
static void log_end(PCIDevice *d, PCIEFabricEnd end, const uint32_t *header)
{
    if (end == PCIE_FABRIC_END_UR) {
        pcie_fabric_aer_report(d, PCI_ERR_UNC_UNSUP, true, header);
    } else if (end == PCIE_FABRIC_END_CA) {
        pci_word_test_and_set_mask(d->config + (IS_PCI_BRIDGE(d) ?
                                                PCI_SEC_STATUS : PCI_STATUS),
                                   PCI_STATUS_SIG_TARGET_ABORT);
        pcie_fabric_aer_report(d, PCI_ERR_UNC_COMP_ABORT, true, header);
    }
}

typedef struct GateRules {
    PCIEFabricEffect effect[2];
    bool ruled[2];
} GateRules;

/* The message of an injected error may have unplugged it. */
static bool is_there(PCIDevice *d, PCIEFabricFunction *f)
{
    return pcie_fabric_function(d) == f;
}

static PCIEFabricGateState ask_rules(PCIEFabricFunction *f,
                                     const PCIEFabricAccess *access,
                                     GateRules *rules)
{
    PCIDevice *d = f->d;
    PCIDevice *whose[] = { f->port, pcie_fabric_port(d) ? NULL : d };
    uint32_t header[4];

    memset(rules->ruled, 0, sizeof(rules->ruled));
    for (int i = 0; i < 2; i++) {
        PCIEFabricEffect *effect = &rules->effect[i];

        rules->ruled[i] = pcie_fabric_rule_config(whose[i], f, access, effect);
        if (!rules->ruled[i]) {
            continue;
        }
        pcie_fabric_config_header(d, access, header);
        pcie_fabric_rule_act(effect, header);
        if (!is_there(d, f)) {
            return PCIE_FABRIC_GATE_DOWN;
        }
        if (effect->end == PCIE_FABRIC_END_RRS) {
            return PCIE_FABRIC_GATE_RRS;
        }
        if (effect->end != PCIE_FABRIC_END_NONE) {
            log_end(d, effect->end, header);
            return is_there(d, f) ? PCIE_FABRIC_GATE_REFUSED :
                                    PCIE_FABRIC_GATE_DOWN;
        }
    }
    return PCIE_FABRIC_GATE_OPEN;
}

static uint32_t change_data(GateRules *rules, uint32_t val, int len)
{
    uint8_t data[4];

    stl_le_p(data, val);
    for (int i = 0; i < 2; i++) {
        if (rules->ruled[i]) {
            pcie_fabric_rule_complete(&rules->effect[i], data, len, NULL, NULL);
        }
    }
    return ldl_le_p(data);
}

/*
 * Inside of a read: QEMU's ports look into the Function below them to find out
 * what to show in Link Status. That is no access of software.
 */
static bool reading;

static uint32_t read_open(PCIEFabricFunction *f, uint32_t addr, int len,
                          GateRules *rules)
{
    uint32_t val;

    note_answer(f);
    reading = true;
    val = f->config_read(f->d, addr, len);
    reading = false;
    return change_data(rules, val, len);
}

static uint32_t gate_read(PCIDevice *d, uint32_t addr, int len)
{
    PCIEFabricFunction *f = pcie_fabric_function(d);
    PCIEFabricGateState state = pcie_fabric_gate_state(f);
    PCIEFabricAccess access = { .offset = addr, .size = len };
    uint32_t val = MAKE_64BIT_MASK(0, len * 8);
    GateRules rules;

    if (reading) {
        return f->config_read(d, addr, len);
    }
    object_ref(OBJECT(d));
    if (state == PCIE_FABRIC_GATE_OPEN) {
        state = ask_rules(f, &access, &rules);
    }
    if (is_there(d, f)) {
        pcie_fabric_audit_access(f, state, &access);
        if (state == PCIE_FABRIC_GATE_OPEN) {
            val = read_open(f, addr, len, &rules);
        } else if (state == PCIE_FABRIC_GATE_RRS) {
            val = rrs_value(f, addr, len);
        } else if (state == PCIE_FABRIC_GATE_REFUSED) {
            note_answer(f);
        }
    }
    object_unref(OBJECT(d));
    return val;
}

/* Does the access write a 1 to @bit of the byte at @reg? */
static bool writes_bit(uint32_t reg, uint8_t bit, uint32_t addr, uint32_t val,
                       int len)
{
    return range_covers_byte(addr, len, reg) &&
           (val >> 8 * (reg - addr)) & bit;
}

static bool starts_flr(PCIDevice *d, uint32_t addr, uint32_t val, int len)
{
    return d->exp.exp_cap &&
           (pci_get_long(d->config + d->exp.exp_cap + PCI_EXP_DEVCAP) &
            PCI_EXP_DEVCAP_FLR) &&
           writes_bit(d->exp.exp_cap + PCI_EXP_DEVCTL + 1,
                      PCI_EXP_DEVCTL_BCR_FLR >> 8, addr, val, len);
}

static void reset_begins(PCIEFabricFunction *f, void *why)
{
    f->answered = false;
    f->enabled = false;
    f->resets++;
    f->why = why;
    pcie_fabric_audit_before(f);
}

static void flr_done(PCIEFabricFunction *f)
{
    f->flr_ns = now_ns();
    pcie_fabric_audit_after(f);
}

static void write_open(PCIEFabricFunction *f, uint32_t addr, uint32_t val,
                       int len)
{
    PCIDevice *d = f->d;
    bool flr = starts_flr(d, addr, val, len);

    note_answer(f);
    f->enabled |= writes_bit(PCI_COMMAND, PCI_COMMAND_MASTER, addr, val, len);
    if (flr) {
        pcie_fabric_audit_busy(f, "function level reset");
        reset_begins(f, (void *)"function level reset");
    }
    f->config_write(d, addr, val, len);
    if (flr && is_there(d, f)) {
        flr_done(f);
    }
}

static void gate_write(PCIDevice *d, uint32_t addr, uint32_t val, int len)
{
    PCIEFabricFunction *f = pcie_fabric_function(d);
    PCIEFabricGateState state = pcie_fabric_gate_state(f);
    PCIEFabricAccess access = {
        .write = true, .offset = addr, .size = len, .value = val,
    };
    GateRules rules;

    /* It may unplug itself, by way of the slot that it is in. */
    object_ref(OBJECT(d));
    if (state == PCIE_FABRIC_GATE_OPEN) {
        state = ask_rules(f, &access, &rules);
    }
    if (is_there(d, f)) {
        pcie_fabric_audit_access(f, state, &access);
    }
    if (state == PCIE_FABRIC_GATE_OPEN) {
        write_open(f, addr, val, len);
    } else {
        trace_pcie_fabric_gate_dropped(d->name, pci_requester_id(d), addr, val,
                                       len);
    }
    object_unref(OBJECT(d));
}

/*
 * Resets
 */

void pcie_fabric_gate_reset_begin(PCIDevice *d, const char *why)
{
    pcie_fabric_audit_reset(d, why);
    pcie_fabric_functions_below(d, reset_begins, (void *)why);
}

static void reset_ended(PCIEFabricFunction *f, void *opaque)
{
    f->flr_ns = PCIE_FABRIC_LONG_AGO;
    if (!pcie_fabric_counters(f->d)) {
        pcie_fabric_reset_stock(f);
    }
    /*
     * sec 7.5.1.1.3: QEMU clears Bus Master Enable, and leaves open what it
     * stands for. The router looks at the bit itself, and tells the audit; but
     * with bypass_iommu=on it is not asked.
     */
    if (pci_bus_bypass_iommu(pci_get_bus(f->d))) {
        memory_region_set_enabled(&f->d->bus_master_enable_region, false);
    }
    pcie_fabric_audit_after(f);
}

void pcie_fabric_gate_reset_end(PCIDevice *d)
{
    pcie_fabric_functions_below(d, reset_ended, NULL);
}

static void forget(PCIEFabricFunction *f, void *opaque)
{
    f->answered = false;
    f->enabled = false;
    f->resets = 0;
    f->flr_ns = PCIE_FABRIC_LONG_AGO;
    pcie_fabric_audit_forget(f);
}

void pcie_fabric_gate_cold_reset(PCIDevice *d)
{
    pcie_fabric_functions_below(d, forget, NULL);
}

/*
 * Life
 */

static int function_post_load(void *opaque, int version_id)
{
    PCIEFabricFunction *f = opaque;

    /* What the audit remembers is of another run. */
    pcie_fabric_audit_forget(f);
    return f->flr_ns < PCIE_FABRIC_LONG_AGO ? -EINVAL : 0;
}

static const VMStateDescription vmstate_function = {
    .name = "pcie-fabric-function",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = function_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(answered, PCIEFabricFunction),
        VMSTATE_BOOL(enabled, PCIEFabricFunction),
        VMSTATE_INT64(flr_ns, PCIEFabricFunction),
        VMSTATE_UINT32(resets, PCIEFabricFunction),
        VMSTATE_END_OF_LIST()
    }
};

static PCIDevice *nearest_port(PCIDevice *d)
{
    PCIDevice *above = pcie_fabric_port_above(d);

    while (above && !pcie_fabric_port(above)) {
        above = pcie_fabric_port_above(above);
    }
    return above;
}

static void find_ports(PCIEFabricFunction *f, PCIDevice *nearest)
{
    PCIDevice *port;

    f->port = nearest;
    for (port = nearest; port; port = nearest_port(port)) {
        uint8_t type = pcie_cap_get_type(port);

        if (!f->link_port && type != PCI_EXP_TYPE_UPSTREAM) {
            f->link_port = port;
        }
        if (type == PCI_EXP_TYPE_ROOT_PORT) {
            f->root_port = port;
        }
    }
}

static void function_plugged(DeviceListener *listener, DeviceState *dev)
{
    PCIDevice *d = (PCIDevice *)object_dynamic_cast(OBJECT(dev),
                                                    TYPE_PCI_DEVICE);
    PCIDevice *nearest = d ? nearest_port(d) : NULL;
    PCIEFabricFunction *f;

    if (!nearest || pcie_fabric_function(d)) {
        return;
    }
    f = g_new0(PCIEFabricFunction, 1);
    f->d = d;
    find_ports(f, nearest);
    f->flr_ns = PCIE_FABRIC_LONG_AGO;
    memcpy(f->initial, d->config, pci_config_size(d));
    f->config_read = d->config_read;
    f->config_write = d->config_write;
    d->config_read = gate_read;
    d->config_write = gate_write;
    pcie_fabric_audit_init(f);
    vmstate_register(VMSTATE_IF(d), VMSTATE_INSTANCE_ID_ANY, &vmstate_function,
                     f);
    g_hash_table_insert(functions, d, f);
}

static void function_unplugged(DeviceListener *listener, DeviceState *dev)
{
    PCIDevice *d = (PCIDevice *)object_dynamic_cast(OBJECT(dev),
                                                    TYPE_PCI_DEVICE);
    PCIEFabricFunction *f = d ? pcie_fabric_function(d) : NULL;

    if (!f) {
        return;
    }
    g_hash_table_remove(functions, d);
    vmstate_unregister(VMSTATE_IF(d), &vmstate_function, f);
    pcie_fabric_audit_forget(f);
    d->config_read = f->config_read;
    d->config_write = f->config_write;
    g_free(f);
}

static DeviceListener listener = {
    .realize = function_plugged,
    .unrealize = function_unplugged,
};

void pcie_fabric_gate_init(void)
{
    if (!functions) {
        functions = g_hash_table_new(NULL, NULL);
        device_listener_register(&listener);
    }
}
