/*
 * IPMI BMC with many channels: what the BMC knows of its channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6, 22.5, 22.22 to 22.24.
 */

#include "qemu/osdep.h"
#include "chans.h"
#include "kinds.h"

/*
 * What is kept on the drive: the non-volatile copy. It is there before the
 * channel is plugged in.
 */
static bool chan_load(void *opaque, uint32_t key, const uint8_t *data,
                      uint32_t len)
{
    IPMIChans *chans = opaque;

    if (key >= IPMI_MULTI_CHANNELS || len != 2 ||
        IPMI_CHAN_MODE(data[0]) > 3 || data[1] < IPMI_MULTI_PRIV_CALLBACK ||
        data[1] > IPMI_MULTI_PRIV_OEM) {
        return false;
    }
    chans->chan[key].nv.access = data[0] & 0x3f;
    chans->chan[key].nv.limit = data[1];
    return true;
}

static void chan_dump(void *opaque, IPMIStore *st)
{
    IPMIChans *chans = opaque;

    for (int i = 0; i < IPMI_MULTI_CHANNELS; i++) {
        const IPMIChanAccess *nv = &chans->chan[i].nv;
        uint8_t rec[2] = { nv->access, nv->limit };

        if (nv->limit) {
            ipmi_store_emit(st, IPMI_STORE_CHANNEL, i, rec, sizeof(rec));
        }
    }
}

static const IPMIStoreKind chan_kind = { "channel", chan_load, chan_dump };

bool ipmi_chan_set_nv(IPMIChans *chans, uint8_t number,
                      const IPMIChanAccess *nv)
{
    IPMIChan *c = &chans->chan[number];
    uint8_t rec[2] = { nv->access, nv->limit };

    if (c->nv.access == nv->access && c->nv.limit == nv->limit) {
        return true;
    }
    if (!ipmi_store_put(chans->store, IPMI_STORE_CHANNEL, number, rec,
                        sizeof(rec))) {
        return false;
    }
    c->nv = *nv;
    return true;
}

static void reset(IPMIChan *c)
{
    c->receive = true;
    c->vol = c->nv;
    ipmi_chan_end_sessions(c);
}

void ipmi_chan_add(IPMIChans *chans, uint8_t number, const IPMIChan *as)
{
    IPMIChan *c = &chans->chan[number];

    c->kind = as->kind;
    c->medium = as->medium;
    c->protocol = as->protocol;
    c->plugged = true;
    c->sessions = as->sessions;
    if (!c->nv.limit) {
        c->nv = as->nv;
    }
    reset(c);
}

/* Fh is there even if nobody has plugged in an interface. */
static void init_system(IPMIChan *c)
{
    c->kind = IPMI_CHAN_SYSTEM;
    c->medium = IPMI_MEDIUM_TYPE_SYSTEM;
    c->protocol = IPMI_PROTOCOL_KCS;
    c->plugged = false;
    c->receive = true;
}

void ipmi_chan_remove(IPMIChans *chans, uint8_t number)
{
    IPMIChan *c = &chans->chan[number];

    if (number == IPMI_MULTI_CHAN_SYS) {
        init_system(c);
    } else {
        c->kind = IPMI_CHAN_NONE;
        c->medium = IPMI_MEDIUM_TYPE_NONE;
        c->plugged = false;
    }
}

void ipmi_chans_init(IPMIChans *chans, IPMIStore *store)
{
    chans->store = store;
    init_system(&chans->chan[IPMI_MULTI_CHAN_SYS]);
    ipmi_store_register(store, IPMI_STORE_CHANNEL, &chan_kind, chans);
}

void ipmi_chans_reset(IPMIChans *chans)
{
    for (int i = 0; i < IPMI_MULTI_CHAN_NUMBERS; i++) {
        if (chans->chan[i].kind == IPMI_CHAN_MEDIUM) {
            reset(&chans->chan[i]);
        }
    }
}

bool ipmi_chan_is_disabled(const IPMIChan *c)
{
    return c->sessions != IPMI_SESSION_SUPPORT_NONE &&
           !IPMI_CHAN_MODE(c->vol.access);
}

void ipmi_chan_set_handle(IPMIChan *c, uint8_t handle)
{
    c->handles[handle / 64] |= 1ull << (handle % 64);
}

bool ipmi_chan_handle_is_alive(const IPMIChan *c, uint8_t handle)
{
    return handle && (c->handles[handle / 64] & (1ull << (handle % 64)));
}

unsigned ipmi_chan_sessions(const IPMIChan *c)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(c->handles); i++) {
        n += ctpop64(c->handles[i]);
    }
    return n;
}

void ipmi_chan_end_sessions(IPMIChan *c)
{
    memset(c->handles, 0, sizeof(c->handles));
}

static const VMStateDescription vmstate_chan = {
    .name = "ipmi-bmc-multi/chan",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(receive, IPMIChan),
        VMSTATE_UINT8(nv.access, IPMIChan),
        VMSTATE_UINT8(nv.limit, IPMIChan),
        VMSTATE_UINT8(vol.access, IPMIChan),
        VMSTATE_UINT8(vol.limit, IPMIChan),
        VMSTATE_UINT64_ARRAY(handles, IPMIChan, 4),
        VMSTATE_UINT64(n_received, IPMIChan),
        VMSTATE_UINT64(n_sent, IPMIChan),
        VMSTATE_UINT64(n_queued, IPMIChan),
        VMSTATE_UINT64(n_dropped, IPMIChan),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_ipmi_chans = {
    .name = "ipmi-bmc-multi/chans",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(chan, IPMIChans, IPMI_MULTI_CHAN_NUMBERS, 1,
                             vmstate_chan, IPMIChan),
        VMSTATE_END_OF_LIST()
    }
};
