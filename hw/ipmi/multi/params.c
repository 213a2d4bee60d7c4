/*
 * IPMI BMC with many channels: configuration parameters
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.14, 23.1, 23.2, 25.1, 26.2, 28.12.
 *
 * LAN, serial, SOL, System Info and boot parameters are set and read in the
 * same way. A table describes each set of them.
 */

#include "qemu/osdep.h"
#include "priv.h"

#define PARAM_LEN_MAX           32

#define PROGRESS_DONE           0
#define PROGRESS_SET            1
#define PROGRESS_COMMIT         2

static unsigned param_size(const IPMIParamDesc *d)
{
    return d->len * MAX(d->sets, 1);
}

const IPMIParamDesc *ipmi_params_find(const IPMIParamSet *set, uint8_t param,
                                      unsigned *offset)
{
    unsigned at = 0;

    for (unsigned i = 0; i < set->n; i++) {
        const IPMIParamDesc *d = &set->desc[i];

        assert(d->len <= PARAM_LEN_MAX);
        assert(at + param_size(d) <= IPMI_PARAMS_MAX);
        if (d->param == param) {
            *offset = at;
            return d;
        }
        at += param_size(d);
    }
    return NULL;
}

void ipmi_params_init(const IPMIParamSet *set, IPMIParams *p)
{
    memset(p, 0, sizeof(*p));
    for (unsigned i = 0; i < set->n; i++) {
        const IPMIParamDesc *d = &set->desc[i];
        unsigned at;

        ipmi_params_find(set, d->param, &at);
        for (unsigned n = 0; d->init && n < MAX(d->sets, 1); n++) {
            memcpy(p->data + at + n * d->len, d->init, d->len);
        }
    }
}

void ipmi_params_end_progress(const IPMIParamSet *set, IPMIParams *p)
{
    unsigned at;

    if (ipmi_params_find(set, 0, &at)) {
        p->data[at] = PROGRESS_DONE;
    }
}

/*
 * Set In Progress tells others to keep off. Values count as soon as they are
 * set; "commit" finds nothing left to do.
 */
static uint8_t set_progress(uint8_t *value, const uint8_t *data, unsigned len)
{
    if (len != 1) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    if (data[0] > PROGRESS_COMMIT) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (data[0] == PROGRESS_SET && *value == PROGRESS_SET) {
        return IPMI_CC_IN_PROGRESS;
    }
    if (data[0] != PROGRESS_COMMIT) {
        *value = data[0];
    }
    return IPMI_CC_OK;
}

static uint8_t check_value(const IPMIParamDesc *d, const uint8_t *data,
                           unsigned len)
{
    if (!len || len > d->len || (len < d->len &&
                                 !(d->flags & IPMI_PARAM_SHORT))) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    for (unsigned i = 0; d->reserved && i < len; i++) {
        if (data[i] & d->reserved[i]) {
            return IPMI_CC_INVALID_DATA_FIELD;
        }
    }
    return d->check ? d->check(data) : IPMI_CC_OK;
}

static uint32_t param_key(const IPMIParamSet *set, uint8_t chan, uint8_t param,
                          uint8_t selector)
{
    return (uint32_t)set->domain << 24 | chan << 16 | param << 8 | selector;
}

uint8_t ipmi_params_set(IPMIBmcMulti *s, const IPMIParamSet *set,
                        IPMIParams *p, uint8_t chan, uint8_t param,
                        const uint8_t *data, unsigned len)
{
    uint8_t value[PARAM_LEN_MAX] = { };
    uint8_t selector = 0;
    unsigned at;
    const IPMIParamDesc *d = ipmi_params_find(set, param, &at);
    uint8_t cc;

    if (!d) {
        return IPMI_CC_PARAM;
    }
    if (d->flags & IPMI_PARAM_RO) {
        return IPMI_CC_READ_ONLY;
    }
    if (d->flags & IPMI_PARAM_PROGRESS) {
        return set_progress(p->data + at, data, len);
    }
    if (d->sets) {
        if (!len) {
            return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
        }
        selector = *data++;
        len--;
        if (selector >= d->sets) {
            return IPMI_CC_PARM_OUT_OF_RANGE;
        }
    }
    cc = check_value(d, data, len);
    if (cc) {
        return cc;
    }
    memcpy(value, data, len);
    if (!(d->flags & IPMI_PARAM_VOLATILE) &&
        !ipmi_store_put(s, IPMI_STORE_PARAM,
                        param_key(set, chan, param, selector), value,
                        d->len)) {
        return IPMI_CC_UNSPECIFIED;
    }
    memcpy(p->data + at + selector * d->len, value, d->len);
    return IPMI_CC_OK;
}

/* sec 23.2: selectors are 00h where a parameter has none */
uint8_t ipmi_params_get(const IPMIParamSet *set, const IPMIParams *p,
                        uint8_t param, uint8_t selector, uint8_t block,
                        IPMIRsp *rsp)
{
    unsigned at;
    const IPMIParamDesc *d = ipmi_params_find(set, param, &at);

    if (!d) {
        return IPMI_CC_PARAM;
    }
    if (block || (selector && !d->sets)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (d->sets) {
        if (selector >= d->sets) {
            return IPMI_CC_PARM_OUT_OF_RANGE;
        }
        ipmi_rsp_u8(rsp, selector);
    }
    ipmi_rsp_bytes(rsp, p->data + at + selector * d->len, d->len);
    return IPMI_CC_OK;
}

/* The parameters that a domain and a channel name; NULL if they name none. */
static IPMIParams *params_named(IPMIBmcMulti *s, uint8_t domain, uint8_t chan,
                                const IPMIParamSet **set)
{
    static const IPMIParamSet *const sets[] = {
        [IPMI_PARAM_LAN] = &ipmi_params_lan,
        [IPMI_PARAM_SERIAL] = &ipmi_params_serial,
        [IPMI_PARAM_SOL] = &ipmi_params_sol,
        [IPMI_PARAM_INFO] = &ipmi_params_info,
        [IPMI_PARAM_BOOT] = &ipmi_params_boot,
    };
    IPMIBmcStores *st = &s->stores;

    if (domain >= ARRAY_SIZE(sets) || chan >= IPMI_PARAM_CHANNELS) {
        return NULL;
    }
    *set = sets[domain];
    switch (domain) {
    case IPMI_PARAM_LAN:
        return &st->lan[chan].lan;
    case IPMI_PARAM_SERIAL:
        return &st->lan[chan].serial;
    case IPMI_PARAM_SOL:
        return &st->lan[chan].sol;
    case IPMI_PARAM_INFO:
        return chan ? NULL : &st->info;
    default:
        return chan ? NULL : &st->chassis.boot;
    }
}

static bool param_stored(const IPMIParamDesc *d)
{
    return !(d->flags & (IPMI_PARAM_PROGRESS | IPMI_PARAM_RO |
                         IPMI_PARAM_VOLATILE));
}

static bool param_load(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                       uint32_t len)
{
    const IPMIParamSet *set;
    const IPMIParamDesc *d;
    IPMIParams *p = params_named(s, key >> 24, extract32(key, 16, 8), &set);
    uint8_t selector = key;
    unsigned at;

    if (!p) {
        return false;
    }
    d = ipmi_params_find(set, extract32(key, 8, 8), &at);
    if (!d || !param_stored(d) || len != d->len ||
        selector >= MAX(d->sets, 1)) {
        return false;
    }
    memcpy(p->data + at + selector * d->len, data, len);
    return true;
}

static void param_dump_set(IPMIBmcMulti *s, const IPMIParamSet *set,
                           const IPMIParams *p, uint8_t chan)
{
    for (unsigned i = 0; i < set->n; i++) {
        const IPMIParamDesc *d = &set->desc[i];
        unsigned at;

        ipmi_params_find(set, d->param, &at);
        for (unsigned n = 0; param_stored(d) && n < MAX(d->sets, 1); n++) {
            ipmi_store_emit(s, IPMI_STORE_PARAM,
                            param_key(set, chan, d->param, n),
                            p->data + at + n * d->len, d->len);
        }
    }
}

static void param_dump(IPMIBmcMulti *s)
{
    for (int domain = 0; domain <= IPMI_PARAM_BOOT; domain++) {
        for (int chan = 0; chan < IPMI_PARAM_CHANNELS; chan++) {
            const IPMIParamSet *set;
            IPMIParams *p = params_named(s, domain, chan, &set);

            if (p) {
                param_dump_set(s, set, p, chan);
            }
        }
    }
}

const IPMIStoreKind ipmi_store_param = { "param", param_load, param_dump };

const VMStateDescription vmstate_ipmi_params = {
    .name = "ipmi-bmc-multi/params",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_ARRAY(data, IPMIParams, IPMI_PARAMS_MAX),
        VMSTATE_END_OF_LIST()
    }
};
