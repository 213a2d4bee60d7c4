/*
 * IPMI BMC with many channels: a repository of Sensor Data Records
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 33 and 35.2 to 35.4.
 *
 * Not modelled: an erasure that takes time; it is complete at once.
 */

#include "qemu/osdep.h"
#include "file.h"
#include "kinds.h"
#include "numbers.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "sdr.h"
#include "trace.h"

#define SDR_SIZE_MIN            2048
#define SDR_SIZE_MAX            65528
/* More than these do not fit the store. */
#define SDR_RECORDS_MAX         2048

/* In the store: time of the change, and the record unless it is deleted */
#define SDR_STORE_TIME          4
/* An empty repository, and both times */
#define SDR_STORE_BASE          8

uint32_t ipmi_sdr_record_len(const uint8_t *rec)
{
    return SDR_HEADER + rec[SDR_O_LENGTH];
}

const uint8_t *ipmi_sdr_first(const IPMISdr *sdr)
{
    return sdr->used ? sdr->data : NULL;
}

const uint8_t *ipmi_sdr_next(const IPMISdr *sdr, const uint8_t *rec)
{
    rec += ipmi_sdr_record_len(rec);
    return rec < sdr->data + sdr->used ? rec : NULL;
}

const uint8_t *ipmi_sdr_find(const IPMISdr *sdr, uint16_t id)
{
    const uint8_t *rec = ipmi_sdr_first(sdr);
    const uint8_t *next;

    if (id == IPMI_RECORD_FIRST || !rec) {
        return rec;
    }
    for (; rec; rec = next) {
        next = ipmi_sdr_next(sdr, rec);
        if (lduw_le_p(rec) == id || (id == IPMI_RECORD_LAST && !next)) {
            break;
        }
    }
    return rec;
}

static void sdr_insert(IPMISdr *sdr, const uint8_t *rec, uint32_t len)
{
    memcpy(sdr->data + sdr->used, rec, len);
    sdr->used += len;
    sdr->count++;
    sdr->next_id = ipmi_next_id(lduw_le_p(rec));
}

static void sdr_remove(IPMISdr *sdr, const uint8_t *rec)
{
    uint32_t at = rec - sdr->data;
    uint32_t len = ipmi_sdr_record_len(rec);

    memmove(sdr->data + at, sdr->data + at + len, sdr->used - at - len);
    sdr->used -= len;
    sdr->count--;
    sdr->overflow = false;
}

static void sdr_empty(IPMISdr *sdr)
{
    sdr->used = 0;
    sdr->count = 0;
    sdr->next_id = 1;
    sdr->overflow = false;
}

static bool sdr_has_room(const IPMISdr *sdr, uint32_t len)
{
    return sdr->used + len <= sdr->size && sdr->count < SDR_RECORDS_MAX;
}

uint16_t ipmi_sdr_new_id(const IPMISdr *sdr)
{
    uint16_t id = sdr->next_id;

    while (ipmi_sdr_find(sdr, id)) {
        id = ipmi_next_id(id);
    }
    return id;
}

bool ipmi_sdr_append(IPMISdr *sdr, const uint8_t *rec, uint32_t len)
{
    uint8_t buf[SDR_RECORD_MAX];

    if (len > sizeof(buf) || !sdr_has_room(sdr, len)) {
        return false;
    }
    memcpy(buf, rec, len);
    stw_le_p(buf, ipmi_sdr_new_id(sdr));
    sdr_insert(sdr, buf, len);
    return true;
}

static bool sdr_store(IPMISdr *sdr, uint32_t key, const uint8_t *rec,
                      uint32_t len, uint32_t now)
{
    uint8_t buf[SDR_STORE_TIME + SDR_RECORD_MAX];

    stl_le_p(buf, now);
    if (len) {
        memcpy(buf + SDR_STORE_TIME, rec, len);
    }
    return ipmi_store_put(sdr->store, IPMI_STORE_SDR, key, buf,
                          SDR_STORE_TIME + len);
}

static bool sdr_record_valid(const uint8_t *rec, uint32_t len)
{
    return len >= SDR_HEADER && rec[SDR_O_VERSION] == SDR_VERSION &&
           ipmi_sdr_record_len(rec) == len;
}

uint8_t ipmi_sdr_add(IPMISdr *sdr, const uint8_t *data, uint32_t len,
                     uint16_t *id)
{
    uint32_t now = ipmi_clock_get(&sdr->clock);
    uint8_t rec[SDR_RECORD_MAX];

    if (len < SDR_HEADER || len > sizeof(rec) ||
        ipmi_sdr_record_len(data) != len) {
        return IPMI_CC_RECORD;
    }
    if (data[SDR_O_VERSION] != SDR_VERSION) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!sdr_has_room(sdr, len)) {
        sdr->overflow = true;
        return IPMI_CC_OUT_OF_SPACE;
    }
    memcpy(rec, data, len);
    *id = ipmi_sdr_new_id(sdr);
    stw_le_p(rec, *id);
    if (!sdr_store(sdr, *id, rec, len, now)) {
        return IPMI_CC_UNSPECIFIED;
    }
    sdr_insert(sdr, rec, len);
    sdr->add_time = now;
    ipmi_unreserve(&sdr->reservation, &sdr->partial);
    trace_ipmi_sdr_add(sdr->store->name, *id, rec[SDR_O_TYPE], len);
    return IPMI_CC_OK;
}

uint8_t ipmi_sdr_delete(IPMISdr *sdr, const uint8_t *rec)
{
    uint32_t now = ipmi_clock_get(&sdr->clock);

    if (!sdr_store(sdr, lduw_le_p(rec), NULL, 0, now)) {
        return IPMI_CC_UNSPECIFIED;
    }
    sdr_remove(sdr, rec);
    sdr->erase_time = now;
    ipmi_unreserve(&sdr->reservation, &sdr->partial);
    return IPMI_CC_OK;
}

uint8_t ipmi_sdr_clear(IPMISdr *sdr)
{
    uint32_t now = ipmi_clock_get(&sdr->clock);

    if (!sdr_store(sdr, IPMI_STORE_KEY_CLEAR, NULL, 0, now)) {
        return IPMI_CC_UNSPECIFIED;
    }
    sdr_empty(sdr);
    sdr->erase_time = now;
    ipmi_unreserve(&sdr->reservation, &sdr->partial);
    return IPMI_CC_OK;
}

/* Key: record ID. Data: time, and the record; time only: deleted, or cleared */
static bool sdr_load(void *opaque, uint32_t key, const uint8_t *data,
                     uint32_t len)
{
    IPMISdr *sdr = opaque;
    const uint8_t *rec = data + SDR_STORE_TIME;

    if (len < SDR_STORE_TIME) {
        return false;
    }
    if (key == IPMI_STORE_KEY_CLEAR) {
        if (len != SDR_STORE_TIME && len != SDR_STORE_BASE) {
            return false;
        }
        sdr_empty(sdr);
        sdr->erase_time = ldl_le_p(data);
        sdr->add_time = len == SDR_STORE_BASE ? ldl_le_p(data + 4) :
                                                sdr->add_time;
        return true;
    }
    len -= SDR_STORE_TIME;
    if (len) {
        if (len > SDR_RECORD_MAX || !sdr_record_valid(rec, len) ||
            lduw_le_p(rec) != key || !sdr_has_room(sdr, len)) {
            return false;
        }
        sdr_insert(sdr, rec, len);
        sdr->add_time = ldl_le_p(data);
        return true;
    }
    rec = key && key < IPMI_RECORD_LAST ? ipmi_sdr_find(sdr, key) : NULL;
    if (!rec) {
        return false;
    }
    sdr_remove(sdr, rec);
    sdr->erase_time = ldl_le_p(data);
    return true;
}

static void sdr_dump(void *opaque, IPMIStore *st)
{
    IPMISdr *sdr = opaque;
    uint8_t buf[SDR_STORE_TIME + SDR_RECORD_MAX];
    const uint8_t *rec;

    stl_le_p(buf, sdr->erase_time);
    stl_le_p(buf + 4, sdr->add_time);
    ipmi_store_emit(st, IPMI_STORE_SDR, IPMI_STORE_KEY_CLEAR, buf,
                    SDR_STORE_BASE);
    stl_le_p(buf, sdr->add_time);
    for (rec = ipmi_sdr_first(sdr); rec; rec = ipmi_sdr_next(sdr, rec)) {
        uint32_t len = ipmi_sdr_record_len(rec);

        memcpy(buf + SDR_STORE_TIME, rec, len);
        ipmi_store_emit(st, IPMI_STORE_SDR, lduw_le_p(rec), buf,
                        SDR_STORE_TIME + len);
    }
}

static const IPMIStoreKind sdr_kind = { "sdr", sdr_load, sdr_dump };

/* A file of records, one after the other. Their IDs are not kept. */
static bool sdr_load_file(IPMISdr *sdr, const char *name, Error **errp)
{
    g_autofree uint8_t *data = g_malloc(sdr->size);
    ssize_t len = ipmi_file_read("sdr-file", name, data, sdr->size, "sdr-size",
                                 errp);
    ssize_t at = 0;

    if (len < 0) {
        return false;
    }
    while (at < len) {
        const uint8_t *rec = data + at;
        uint32_t size = len - at < SDR_HEADER ? 0 : ipmi_sdr_record_len(rec);

        if (!size || size > len - at || !sdr_record_valid(rec, size)) {
            error_setg(errp, "sdr-file: '%s' has no SDR of version 0x51 at "
                       "offset %zd", name, at);
            return false;
        }
        if (!ipmi_sdr_append(sdr, rec, size)) {
            error_setg(errp, "sdr-file: '%s' does not fit sdr-size=%u", name,
                       sdr->size);
            return false;
        }
        at += size;
    }
    return true;
}

bool ipmi_sdr_init(IPMISdr *sdr, IPMIStore *store, const char *file,
                   Error **errp)
{
    if (sdr->size < SDR_SIZE_MIN || sdr->size > SDR_SIZE_MAX) {
        error_setg(errp, "sdr-size is %u, and has to be %u to %u", sdr->size,
                   SDR_SIZE_MIN, SDR_SIZE_MAX);
        return false;
    }
    sdr->store = store;
    sdr->data = g_malloc0(sdr->size);
    sdr_empty(sdr);
    if (!file) {
        ipmi_sdr_add_defaults(sdr);
    } else if (!sdr_load_file(sdr, file, errp)) {
        ipmi_sdr_exit(sdr);
        return false;
    }
    ipmi_store_register(store, IPMI_STORE_SDR, &sdr_kind, sdr);
    return true;
}

void ipmi_sdr_copy(IPMISdr *to, const IPMISdr *from)
{
    *to = *from;
    to->store = NULL;
    to->data = g_memdup2(from->data, from->size);
}

void ipmi_sdr_exit(IPMISdr *sdr)
{
    g_clear_pointer(&sdr->data, g_free);
}

static bool sdr_size_valid(void *opaque, int version_id)
{
    IPMISdr *sdr = opaque;

    return sdr->used <= sdr->size && sdr->next_id &&
           sdr->next_id != IPMI_RECORD_LAST;
}

/* What came has to be whole records, for ipmi_sdr_next() not to run off. */
static int sdr_post_load(void *opaque, int version_id)
{
    IPMISdr *sdr = opaque;
    uint32_t at = 0;

    sdr->count = 0;
    while (at < sdr->used) {
        uint32_t left = sdr->used - at;

        if (left < SDR_HEADER || ipmi_sdr_record_len(sdr->data + at) > left ||
            ++sdr->count > SDR_RECORDS_MAX) {
            return -EINVAL;
        }
        at += ipmi_sdr_record_len(sdr->data + at);
    }
    return 0;
}

const VMStateDescription vmstate_ipmi_sdr = {
    .name = "ipmi-bmc-multi/sdr",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = sdr_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(clock, IPMISdr, 1, vmstate_ipmi_clock, IPMIClock),
        VMSTATE_UINT32(used, IPMISdr),
        VMSTATE_UINT16(next_id, IPMISdr),
        VMSTATE_VALIDATE("size of the SDR repository", sdr_size_valid),
        VMSTATE_VBUFFER_UINT32(data, IPMISdr, 1, NULL, used),
        VMSTATE_BOOL(overflow, IPMISdr),
        VMSTATE_BOOL(update, IPMISdr),
        VMSTATE_UINT32(add_time, IPMISdr),
        VMSTATE_UINT32(erase_time, IPMISdr),
        VMSTATE_STRUCT(reservation, IPMISdr, 1, vmstate_ipmi_reservation,
                       IPMIReservation),
        VMSTATE_STRUCT(partial, IPMISdr, 1, vmstate_ipmi_partial, IPMIPartial),
        VMSTATE_END_OF_LIST()
    }
};
