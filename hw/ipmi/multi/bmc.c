/*
 * IPMI BMC with many channels: the device
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 20.2 and 20.3 (resets), 22.1 to 22.8
 * (flags, enables, event message buffer).
 *
 * Modelled:     two system interfaces, up to twelve channels with gaps,
 *               bridging, users, SEL, SDR, sensors, FRU, watchdog, chassis.
 * Not modelled: sessions over a network (RMCP, RMCP+), Serial over LAN, PEF
 *               actions, firmware firewall, OEM commands.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-ipmi-bmc-multi.h"
#include "qapi/visitor.h"
#include "bmc.h"
#include "fault.h"
#include "bridge.h"
#include "channel.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/uuid.h"
#include "system/reset.h"
#include "trace.h"

const char *ipmi_bmc_name(IPMIBmcMulti *s)
{
    return s->name ?: TYPE_IPMI_BMC_MULTI;
}

bool ipmi_event_allowed(IPMIBmcMulti *s)
{
    int64_t now = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
    int64_t forgiven = (now - s->events_ms) * IPMI_EVENTS_RATE / 1000;

    /* A snapshot may have set the clock back. */
    if (forgiven < 0 || forgiven >= s->events) {
        s->events = 0;
        s->events_ms = now;
    } else if (forgiven) {
        s->events -= forgiven;
        s->events_ms += forgiven * 1000 / IPMI_EVENTS_RATE;
    }
    if (s->events == IPMI_EVENTS) {
        trace_ipmi_event_withheld(ipmi_bmc_name(s));
        return false;
    }
    s->events++;
    return true;
}

/*
 * Flags, attention, event message buffer
 */

uint8_t ipmi_flags(IPMIBmcMulti *s)
{
    return s->flags | (s->queue.n ? IPMI_FLAG_RECEIVE : 0) |
           (s->event_valid ? IPMI_FLAG_EVENT_BUFFER : 0);
}

/* sec 22.4: attention is for any flag, its interrupt as far as enabled */
void ipmi_attention_update(IPMIBmcMulti *s)
{
    uint8_t flags = ipmi_flags(s);
    bool irq = ((flags & IPMI_FLAG_RECEIVE) &&
                (s->enables & IPMI_ENABLE_RECEIVE_IRQ)) ||
               ((flags & IPMI_FLAG_EVENT_BUFFER) &&
                (s->enables & IPMI_ENABLE_EVENT_IRQ)) ||
               (flags & (IPMI_FLAG_PRE_TIMEOUT | IPMI_FLAG_OEM));
    int i;

    trace_ipmi_flags(ipmi_bmc_name(s), flags, s->enables);
    for (i = 0; i < IPMI_PORTS; i++) {
        if (s->ports[i]) {
            ipmi_port_update(s->ports[i], flags, irq);
        }
    }
}

bool ipmi_irqs_enabled(IPMIBmcMulti *s)
{
    return s->enables & (IPMI_ENABLE_RECEIVE_IRQ | IPMI_ENABLE_EVENT_IRQ);
}

void ipmi_interrupts_update(IPMIBmcMulti *s)
{
    int i;

    for (i = 0; i < IPMI_PORTS; i++) {
        if (s->ports[i]) {
            ipmi_port_enable_irq(s->ports[i], ipmi_irqs_enabled(s));
        }
    }
    ipmi_attention_update(s);
}

void ipmi_flags_raise(IPMIBmcMulti *s, uint8_t flags)
{
    s->flags |= flags & (IPMI_FLAG_PRE_TIMEOUT | IPMI_FLAG_OEM);
    ipmi_attention_update(s);
}

void ipmi_flags_clear(IPMIBmcMulti *s, uint8_t flags)
{
    s->flags &= ~flags;
    ipmi_attention_update(s);
}

void ipmi_event_buffer_put(IPMIBmcMulti *s, const uint8_t rec[16])
{
    if (!(s->enables & IPMI_ENABLE_EVENT_BUFFER) || s->event_valid) {
        return;
    }
    memcpy(s->event, rec, sizeof(s->event));
    s->event_valid = true;
    ipmi_attention_update(s);
}

bool ipmi_enable_sel_logging(IPMIBmcMulti *s)
{
    return s->enables & IPMI_ENABLE_SEL;
}

bool ipmi_queue_put(IPMIBmcMulti *s, uint8_t chan, uint8_t priv,
                    const uint8_t *data, unsigned len)
{
    IPMIQueue *q = &s->queue;
    IPMIQueueEntry *e;

    if (q->n == IPMI_QUEUE_DEPTH || len > IPMI_QUEUE_MESSAGE) {
        trace_ipmi_queue(ipmi_bmc_name(s), chan, len, q->n, "lost");
        return false;
    }
    e = &q->entry[(q->head + q->n) % IPMI_QUEUE_DEPTH];
    e->chan = chan;
    e->priv = priv;
    e->len = len;
    memcpy(e->data, data, len);
    q->n++;
    trace_ipmi_queue(ipmi_bmc_name(s), chan, len, q->n, "put");
    ipmi_attention_update(s);
    return true;
}

/*
 * Resets
 */

/* sec 20.2, 20.3: what a BMC forgets of its own accord */
void ipmi_bmc_reset(IPMIBmcMulti *s, bool cold)
{
    int i;

    trace_ipmi_bmc_reset(ipmi_bmc_name(s), cold ? "cold" : "warm");
    if (cold) {
        s->resets++;
        s->enables = IPMI_ENABLE_SEL;
        s->flags = 0;
        s->event_valid = false;
        s->queue.n = 0;
        s->queue.head = 0;
        ipmi_bridge_reset(s);
        for (i = 0; i < IPMI_MULTI_CHANNELS; i++) {
            if (s->channels[i]) {
                ipmi_channel_reset(s->channels[i]);
            }
        }
        ipmi_interrupts_update(s);
    }
    ipmi_stores_bmc_reset(s, cold);
    ipmi_attention_update(s);
}

/*
 * The machine has been reset. A BMC lives on: what it knows stays, what was
 * under way on its system interfaces does not.
 */
static void machine_reset(IPMIBmcMulti *s, bool snapshot)
{
    int i;

    s->enables = IPMI_ENABLE_SEL;
    s->queue.n = 0;
    s->queue.head = 0;
    for (i = 0; i < IPMI_PORTS; i++) {
        if (s->ports[i]) {
            ipmi_port_reset(s->ports[i]);
        }
    }
    ipmi_stores_system_reset(s, snapshot);
    ipmi_attention_update(s);
}

/*
 * A BMC sits on no bus that is reset with the machine, so it is registered by
 * itself; as a Resettable, because of what a snapshot that is loaded asks for.
 */
#define TYPE_IPMI_BMC_RESET "ipmi-bmc-multi-reset"
OBJECT_DECLARE_SIMPLE_TYPE(IPMIBmcReset, IPMI_BMC_RESET)

struct IPMIBmcReset {
    Object parent_obj;

    ResettableState state;
    IPMIBmcMulti *bmc;
};

static ResettableState *reset_get_state(Object *obj)
{
    return &IPMI_BMC_RESET(obj)->state;
}

static void reset_hold(Object *obj, ResetType type)
{
    machine_reset(IPMI_BMC_RESET(obj)->bmc, type == RESET_TYPE_SNAPSHOT_LOAD);
}

static void reset_class_init(ObjectClass *oc, void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    rc->get_state = reset_get_state;
    rc->phases.hold = reset_hold;
}

static const TypeInfo reset_info = {
    .name = TYPE_IPMI_BMC_RESET,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(IPMIBmcReset),
    .class_init = reset_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_RESETTABLE_INTERFACE },
        { }
    },
};

static void reset_register(IPMIBmcMulti *s)
{
    IPMIBmcReset *r = IPMI_BMC_RESET(object_new(TYPE_IPMI_BMC_RESET));

    r->bmc = s;
    s->reset = OBJECT(r);
    qemu_register_resettable(s->reset);
}

static void reset_unregister(IPMIBmcMulti *s)
{
    qemu_unregister_resettable(s->reset);
    g_clear_pointer(&s->reset, object_unref);
}

/*
 * Life
 */

static bool set_guid(IPMIBmcMulti *s, Error **errp)
{
    if (!s->guid_str) {
        /* The same command line makes the same BMC. */
        g_autofree char *path = object_get_canonical_path(OBJECT(s));
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        uint8_t digest[32];
        gsize len = sizeof(digest);

        g_checksum_update(sum, (const guchar *)path, -1);
        g_checksum_get_digest(sum, digest, &len);
        memcpy(s->guid.data, digest, sizeof(s->guid.data));
        return true;
    }
    if (qemu_uuid_parse(s->guid_str, &s->guid) < 0) {
        error_setg(errp, "guid=%s: must be a UUID such as "
                   "01234567-89ab-cdef-0123-456789abcdef", s->guid_str);
        return false;
    }
    return true;
}

static bool check_props(IPMIBmcMulti *s, Error **errp)
{
    if (s->ipmi_version != 0x02 && s->ipmi_version != 0x51) {
        error_setg(errp, "ipmi_version=0x%02x: must be 0x02 (2.0) or 0x51 "
                   "(1.5)", s->ipmi_version);
        return false;
    }
    if (s->port2_channel >= IPMI_MULTI_CHANNELS) {
        error_setg(errp, "second-interface=%u: must be a channel number, 0 to "
                   "11", s->port2_channel);
        return false;
    }
    if (s->parent_obj.slave_addr & 1 || s->parent_obj.slave_addr < 0x10 ||
        s->parent_obj.slave_addr > 0xee) {
        error_setg(errp, "slave_addr=0x%02x: must be an even number, 0x10 to "
                   "0xee", s->parent_obj.slave_addr);
        return false;
    }
    if (s->mfg_id >= 1u << 20) {
        error_setg(errp, "mfg_id=%u: must be less than %u", s->mfg_id,
                   1u << 20);
        return false;
    }
    return true;
}

static void bmc_realize(DeviceState *dev, Error **errp)
{
    static unsigned count;
    IPMIBmcMulti *s = IPMI_BMC_MULTI(dev);

    s->name = g_strdup(dev->id) ?: object_get_canonical_path(OBJECT(dev));
    if (!check_props(s, errp) || !set_guid(s, errp)) {
        return;
    }
    ipmi_users_init(s);
    if (!ipmi_stores_realize(s, errp)) {
        return;
    }
    ipmi_bridge_init(s);
    ipmi_ports_attach_init();
    s->enables = IPMI_ENABLE_SEL;
    s->index = count++;
    reset_register(s);
}

static void bmc_unrealize(DeviceState *dev)
{
    IPMIBmcMulti *s = IPMI_BMC_MULTI(dev);

    reset_unregister(s);
    ipmi_bridge_reset(s);
    ipmi_stores_unrealize(s);
}

static void bmc_instance_init(Object *obj)
{
    IPMIBmcMulti *s = IPMI_BMC_MULTI(obj);

    s->faults = ipmi_faults_new();
}

static void bmc_finalize(Object *obj)
{
    IPMIBmcMulti *s = IPMI_BMC_MULTI(obj);

    ipmi_faults_free(s->faults);
    g_free(s->name);
}

/*
 * From an interface that has got no port of its own, see port.c: SSIF. Its
 * software is told so, and does not wait.
 */
static void bmc_handle_command(IPMIBmc *b, uint8_t *cmd, unsigned len,
                               unsigned max_len, uint8_t msg_id)
{
    uint8_t rsp[] = { (len ? cmd[0] : 0) | 0x04, len > 1 ? cmd[1] : 0,
                      IPMI_CC_COMMAND_NOT_SUPPORTED };

    qemu_log_mask(LOG_UNIMP, "%s: a system interface that is neither KCS nor "
                  "BT\n", ipmi_bmc_name(IPMI_BMC_MULTI(b)));
    IPMI_INTERFACE_GET_CLASS(b->intf)->handle_rsp(b->intf, msg_id, rsp,
                                                  sizeof(rsp));
}

static void get_faults(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    IpmiFaultList *list = ipmi_faults_get(IPMI_BMC_MULTI(obj)->faults);

    visit_type_IpmiFaultList(v, name, &list, errp);
    qapi_free_IpmiFaultList(list);
}

static void set_faults(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    IpmiFaultList *list = NULL;

    if (visit_type_IpmiFaultList(v, name, &list, errp)) {
        ipmi_faults_set(IPMI_BMC_MULTI(obj)->faults, list, errp);
    }
    qapi_free_IpmiFaultList(list);
}

static bool queue_is_valid(IPMIBmcMulti *s)
{
    unsigned i;

    if (s->queue.n > IPMI_QUEUE_DEPTH || s->queue.head >= IPMI_QUEUE_DEPTH) {
        return false;
    }
    for (i = 0; i < IPMI_QUEUE_DEPTH; i++) {
        if (s->queue.entry[i].len > IPMI_QUEUE_MESSAGE ||
            s->queue.entry[i].chan >= IPMI_MULTI_CHAN_NUMBERS) {
            return false;
        }
    }
    return true;
}

static bool tracked_is_valid(IPMIBmcMulti *s)
{
    unsigned i;

    for (i = 0; i < IPMI_TRACKED; i++) {
        const IPMITracked *t = &s->tracked[i];

        if (t->used && (t->origin >= IPMI_MULTI_CHANNELS ||
                        t->deadline_ms < 0 ||
                        t->deadline_ms > INT64_MAX / SCALE_MS)) {
            return false;
        }
    }
    return true;
}

/* A snapshot is as little to be trusted as a guest. */
static int bmc_post_load(void *opaque, int version_id)
{
    IPMIBmcMulti *s = opaque;

    s->flags &= IPMI_FLAG_PRE_TIMEOUT | IPMI_FLAG_OEM;
    if (!queue_is_valid(s) || !tracked_is_valid(s)) {
        return -EINVAL;
    }
    ipmi_bridge_loaded(s);
    return 0;
}

static const VMStateDescription vmstate_queue_entry = {
    .name = "ipmi-queue-entry",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(chan, IPMIQueueEntry),
        VMSTATE_UINT8(priv, IPMIQueueEntry),
        VMSTATE_UINT16(len, IPMIQueueEntry),
        VMSTATE_UINT8_ARRAY(data, IPMIQueueEntry, IPMI_QUEUE_MESSAGE),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription vmstate_queue = {
    .name = "ipmi-queue",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(entry, IPMIQueue, IPMI_QUEUE_DEPTH, 1,
                             vmstate_queue_entry, IPMIQueueEntry),
        VMSTATE_UINT32(head, IPMIQueue),
        VMSTATE_UINT32(n, IPMIQueue),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription vmstate_bmc = {
    .name = TYPE_IPMI_BMC_MULTI,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = bmc_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(enables, IPMIBmcMulti),
        VMSTATE_UINT8(flags, IPMIBmcMulti),
        VMSTATE_UINT8(acpi_sys, IPMIBmcMulti),
        VMSTATE_UINT8(acpi_dev, IPMIBmcMulti),
        VMSTATE_BOOL(event_valid, IPMIBmcMulti),
        VMSTATE_UINT8_ARRAY(event, IPMIBmcMulti, 16),
        VMSTATE_STRUCT(queue, IPMIBmcMulti, 1, vmstate_queue, IPMIQueue),
        VMSTATE_STRUCT_ARRAY(tracked, IPMIBmcMulti, IPMI_TRACKED, 1,
                             vmstate_ipmi_tracked, IPMITracked),
        VMSTATE_STRUCT_ARRAY(users, IPMIBmcMulti, IPMI_USERS, 1,
                             vmstate_ipmi_user, IPMIUser),
        VMSTATE_STRUCT(stores, IPMIBmcMulti, 1, vmstate_ipmi_bmc_stores,
                       IPMIBmcStores),
        VMSTATE_STRUCT_POINTER(faults, IPMIBmcMulti, vmstate_ipmi_faults,
                               IPMIBmcFaults),
        VMSTATE_END_OF_LIST()
    }
};

static const Property bmc_props[] = {
    DEFINE_PROP_UINT8("device_id", IPMIBmcMulti, device_id, 0x20),
    DEFINE_PROP_UINT8("device_rev", IPMIBmcMulti, device_rev, 1),
    DEFINE_PROP_UINT8("fwrev1", IPMIBmcMulti, fwrev1, 1),
    DEFINE_PROP_UINT8("fwrev2", IPMIBmcMulti, fwrev2, 0),
    DEFINE_PROP_UINT32("aux_fwrev", IPMIBmcMulti, aux_fwrev, 0),
    DEFINE_PROP_UINT8("ipmi_version", IPMIBmcMulti, ipmi_version, 0x02),
    /* sensors, SDR, SEL, FRU, IPMB receiver and generator, chassis */
    DEFINE_PROP_UINT8("support", IPMIBmcMulti, support, 0xbf),
    DEFINE_PROP_UINT32("mfg_id", IPMIBmcMulti, mfg_id, 0),
    DEFINE_PROP_UINT16("product_id", IPMIBmcMulti, product_id, 0),
    DEFINE_PROP_STRING("guid", IPMIBmcMulti, guid_str),
    DEFINE_PROP_UINT8("second-interface", IPMIBmcMulti, port2_channel, 7),
};

static void describe(ObjectClass *oc)
{
    static const struct {
        const char *name, *text;
    } props[] = {
        { "device_id", "Device ID" },
        { "device_rev", "Device Revision" },
        { "fwrev1", "firmware revision, major" },
        { "fwrev2", "firmware revision, minor, BCD" },
        { "aux_fwrev", "auxiliary firmware revision; 0: not told" },
        { "ipmi_version", "IPMI Version: 0x02 (2.0) or 0x51 (1.5)" },
        { "support", "Additional Device Support" },
        { "mfg_id", "Manufacturer ID, 20 bits" },
        { "product_id", "Product ID" },
        { "guid", "GUID of the BMC and of the system; made from the device's "
                  "path if it is left out" },
        { "second-interface", "channel number of a second system interface" },
        { "faults", "how it misbehaves: a list of IpmiFault (JSON)" },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(props); i++) {
        object_class_property_set_description(oc, props[i].name, props[i].text);
    }
}

static void bmc_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    IPMIBmcClass *bk = IPMI_BMC_CLASS(oc);

    dc->desc = "IPMI BMC with many channels";
    dc->hotpluggable = false;
    dc->realize = bmc_realize;
    dc->unrealize = bmc_unrealize;
    dc->vmsd = &vmstate_bmc;
    bk->handle_command = bmc_handle_command;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, bmc_props);
    object_class_property_add(oc, "faults", "IpmiFaultList", get_faults,
                              set_faults, NULL, NULL);
    ipmi_stores_class_props(oc);
    describe(oc);
}

static const TypeInfo bmc_info = {
    .name = TYPE_IPMI_BMC_MULTI,
    .parent = TYPE_IPMI_BMC,
    .instance_size = sizeof(IPMIBmcMulti),
    .instance_init = bmc_instance_init,
    .instance_finalize = bmc_finalize,
    .class_init = bmc_class_init,
};

static void bmc_register_types(void)
{
    type_register_static(&bmc_info);
    type_register_static(&reset_info);
}

type_init(bmc_register_types)
