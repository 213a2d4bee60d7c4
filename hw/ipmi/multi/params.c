/*
 * IPMI BMC with many channels: configuration parameters
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.14, 23.1, 23.2, 25.1, 26.2, 28.12.
 */

#include "qemu/osdep.h"
#include "kinds.h"
#include "numbers.h"
#include "params.h"

#define PARAM_LEN_MAX           32

#define PROGRESS_DONE           0
#define PROGRESS_SET            1
#define PROGRESS_COMMIT         2

static unsigned param_size(const IPMIParamDesc *d)
{
    return d->len * MAX(d->sets, 1);
}

/* Description of a parameter, and where its values are; NULL: none such */
static const IPMIParamDesc *find_desc(const IPMIParamSet *set, uint8_t param,
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

uint8_t *ipmi_params_value(IPMIParams *p, uint8_t param)
{
    unsigned at;

    return find_desc(p->set, param, &at) ? p->data + at : NULL;
}

void ipmi_params_init(IPMIParams *p, IPMIParamsDir *dir,
                      const IPMIParamSet *set, uint8_t chan)
{
    p->set = set;
    p->dir = dir;
    p->chan = chan;
    dir->at[set->domain][chan] = p;
    for (unsigned i = 0; i < set->n; i++) {
        const IPMIParamDesc *d = &set->desc[i];
        uint8_t *value = ipmi_params_value(p, d->param);

        for (unsigned n = 0; d->init && n < MAX(d->sets, 1); n++) {
            memcpy(value + n * d->len, d->init, d->len);
        }
    }
}

void ipmi_params_end_progress(IPMIParams *p)
{
    uint8_t *progress = ipmi_params_value(p, 0);

    if (progress) {
        *progress = PROGRESS_DONE;
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

static uint32_t param_key(const IPMIParams *p, uint8_t param, uint8_t selector)
{
    return (uint32_t)p->set->domain << 24 | p->chan << 16 | param << 8 |
           selector;
}

static bool param_stored(const IPMIParamDesc *d)
{
    return !(d->flags & (IPMI_PARAM_PROGRESS | IPMI_PARAM_RO |
                         IPMI_PARAM_VOLATILE));
}

/* The value, filled up, on the drive and in memory */
static uint8_t commit(IPMIParams *p, const IPMIParamDesc *d, unsigned at,
                      uint8_t selector, const uint8_t *data, unsigned len)
{
    uint8_t value[PARAM_LEN_MAX] = { };

    memcpy(value, data, len);
    if (param_stored(d) &&
        !ipmi_store_put(p->dir->store, IPMI_STORE_PARAM,
                        param_key(p, d->param, selector), value, d->len)) {
        return IPMI_CC_UNSPECIFIED;
    }
    memcpy(p->data + at + selector * d->len, value, d->len);
    return IPMI_CC_OK;
}

uint8_t ipmi_params_set(IPMIParams *p, uint8_t param, const uint8_t *data,
                        unsigned len)
{
    uint8_t selector = 0;
    unsigned at;
    const IPMIParamDesc *d = find_desc(p->set, param, &at);
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
    return cc ? cc : commit(p, d, at, selector, data, len);
}

/* sec 23.2: selectors are 00h where a parameter has none */
uint8_t ipmi_params_get(const IPMIParams *p, uint8_t param, uint8_t selector,
                        uint8_t block, IPMIParamValue *value)
{
    unsigned at;
    const IPMIParamDesc *d = find_desc(p->set, param, &at);

    if (!d) {
        return IPMI_CC_PARAM;
    }
    if (block || (selector && !d->sets)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (d->sets && selector >= d->sets) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    value->has_selector = d->sets;
    value->data = p->data + at + selector * d->len;
    value->len = d->len;
    return IPMI_CC_OK;
}

/* Key: see param_key() */
static bool param_load(void *opaque, uint32_t key, const uint8_t *data,
                       uint32_t len)
{
    IPMIParamsDir *dir = opaque;
    unsigned domain = key >> 24, chan = extract32(key, 16, 8), at;
    uint8_t selector = key;
    const IPMIParamDesc *d;
    IPMIParams *p;

    if (domain >= IPMI_PARAM__MAX || chan >= IPMI_PARAM_CHANNELS ||
        !dir->at[domain][chan]) {
        return false;
    }
    p = dir->at[domain][chan];
    d = find_desc(p->set, extract32(key, 8, 8), &at);
    if (!d || !param_stored(d) || len != d->len ||
        selector >= MAX(d->sets, 1)) {
        return false;
    }
    memcpy(p->data + at + selector * d->len, data, len);
    return true;
}

static void dump_set(const IPMIParams *p, IPMIStore *st)
{
    for (unsigned i = 0; i < p->set->n; i++) {
        const IPMIParamDesc *d = &p->set->desc[i];
        unsigned at;

        find_desc(p->set, d->param, &at);
        for (unsigned n = 0; param_stored(d) && n < MAX(d->sets, 1); n++) {
            ipmi_store_emit(st, IPMI_STORE_PARAM, param_key(p, d->param, n),
                            p->data + at + n * d->len, d->len);
        }
    }
}

static void param_dump(void *opaque, IPMIStore *st)
{
    IPMIParamsDir *dir = opaque;

    for (unsigned domain = 0; domain < IPMI_PARAM__MAX; domain++) {
        for (unsigned chan = 0; chan < IPMI_PARAM_CHANNELS; chan++) {
            if (dir->at[domain][chan]) {
                dump_set(dir->at[domain][chan], st);
            }
        }
    }
}

static const IPMIStoreKind param_kind = { "param", param_load, param_dump };

void ipmi_params_dir_init(IPMIParamsDir *dir, IPMIStore *store)
{
    dir->store = store;
    ipmi_store_register(store, IPMI_STORE_PARAM, &param_kind, dir);
}

const VMStateDescription vmstate_ipmi_params = {
    .name = "ipmi-bmc-multi/params",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_ARRAY(data, IPMIParams, IPMI_PARAMS_MAX),
        VMSTATE_END_OF_LIST()
    }
};
