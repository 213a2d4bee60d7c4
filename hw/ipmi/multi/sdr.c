/*
 * IPMI BMC with many channels: SDR repository and device SDRs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 33 and 35.2 to 35.4.
 *
 * Modelled: all commands of the repository, with modal and non-modal update;
 * the same records, which never change, as device SDRs.
 * Not modelled: an erasure that takes time; it is complete at once.
 *
 * Records lie one after the other in one buffer, with their IDs in them.
 */

#include "qemu/osdep.h"
#include "priv.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "trace.h"

#define SDR_SIZE_MIN            2048
#define SDR_SIZE_MAX            65528
/* More than these do not fit the store. */
#define SDR_RECORDS_MAX         2048

/* sec 33.9: operation support: all, and both ways to update */
#define SDR_SUPPORT             0x6f
#define SDR_OVERFLOW            0x80

/* sec 33.10: unit of allocation */
#define SDR_UNIT                8

/* sec 35.2: of LUN 0 only, and static */
#define SDR_DEVICE_LUN0         0x01
#define SDR_DEVICE_COUNT_SDRS   0x01

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

static void sdr_clear(IPMISdr *sdr)
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

static uint16_t sdr_new_id(const IPMISdr *sdr)
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
    stw_le_p(buf, sdr_new_id(sdr));
    sdr_insert(sdr, buf, len);
    return true;
}

static uint8_t sdr_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->stores.sdr;

    ipmi_rsp_u8(rsp, IPMI_DEFINITION_VERSION);
    ipmi_rsp_u16(rsp, sdr->count);
    ipmi_rsp_u16(rsp, sdr->size - sdr->used);
    ipmi_rsp_u32(rsp, sdr->add_time);
    ipmi_rsp_u32(rsp, sdr->erase_time);
    ipmi_rsp_u8(rsp, SDR_SUPPORT | (sdr->overflow ? SDR_OVERFLOW : 0));
    return IPMI_CC_OK;
}

static uint8_t sdr_alloc_info(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->stores.sdr;
    uint16_t left = (sdr->size - sdr->used) / SDR_UNIT;

    ipmi_rsp_u16(rsp, sdr->size / SDR_UNIT);
    ipmi_rsp_u16(rsp, SDR_UNIT);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u8(rsp, DIV_ROUND_UP(SDR_RECORD_MAX, SDR_UNIT));
    return IPMI_CC_OK;
}

static uint8_t sdr_reserve(IPMISdr *sdr, IPMIRsp *rsp)
{
    sdr->partial.active = false;
    ipmi_rsp_u16(rsp, ipmi_reserve(&sdr->reservation));
    return IPMI_CC_OK;
}

static uint8_t sdr_repo_reserve(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    return sdr_reserve(&s->stores.sdr, rsp);
}

static uint8_t sdr_dev_reserve(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    return sdr_reserve(&s->stores.dev, rsp);
}

/* sec 33.12: reservation, record ID, offset, count */
uint8_t ipmi_sdr_get(IPMISdr *sdr, const IPMIReq *req, IPMIRsp *rsp)
{
    const uint8_t *rec = ipmi_sdr_find(sdr, lduw_le_p(req->data + 2));
    const uint8_t *next;
    unsigned count = req->data[5];
    uint8_t offset = req->data[4];
    uint8_t cc;

    if (!rec) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    cc = ipmi_record_part(&sdr->reservation, lduw_le_p(req->data),
                          ipmi_sdr_record_len(rec), offset, &count,
                          ipmi_rsp_room(rsp) - 2);
    if (cc) {
        return cc;
    }
    next = ipmi_sdr_next(sdr, rec);
    ipmi_rsp_u16(rsp, next ? lduw_le_p(next) : IPMI_RECORD_LAST);
    ipmi_rsp_bytes(rsp, rec + offset, count);
    return IPMI_CC_OK;
}

/* sec 33.7: nobody reads a repository that is being updated. */
static uint8_t sdr_repo_get(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    if (s->stores.sdr.update) {
        return IPMI_CC_SDR_UPDATE;
    }
    return ipmi_sdr_get(&s->stores.sdr, req, rsp);
}

static uint8_t sdr_dev_get(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_sdr_get(&s->stores.dev, req, rsp);
}

static bool sdr_store(IPMIBmcMulti *s, uint32_t key, const uint8_t *rec,
                      uint32_t len, uint32_t now)
{
    uint8_t buf[SDR_STORE_TIME + SDR_RECORD_MAX];

    stl_le_p(buf, now);
    if (len) {
        memcpy(buf + SDR_STORE_TIME, rec, len);
    }
    return ipmi_store_put(s, IPMI_STORE_SDR, key, buf, SDR_STORE_TIME + len);
}

static bool sdr_record_valid(const uint8_t *rec, uint32_t len)
{
    return len >= SDR_HEADER && rec[SDR_O_VERSION] == SDR_VERSION &&
           ipmi_sdr_record_len(rec) == len;
}

static uint8_t sdr_add(IPMIBmcMulti *s, const uint8_t *data, uint32_t len,
                       IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->stores.sdr;
    uint32_t now = ipmi_clock_get(&s->stores.sdr_clock);
    uint8_t rec[SDR_RECORD_MAX];

    if (len > sizeof(rec) || ipmi_sdr_record_len(data) != len) {
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
    stw_le_p(rec, sdr_new_id(sdr));
    if (!sdr_store(s, lduw_le_p(rec), rec, len, now)) {
        return IPMI_CC_UNSPECIFIED;
    }
    sdr_insert(sdr, rec, len);
    sdr->add_time = now;
    ipmi_unreserve(&sdr->reservation, &sdr->partial);
    trace_ipmi_sdr_add(ipmi_bmc_name(s), lduw_le_p(rec), rec[SDR_O_TYPE], len);
    ipmi_rsp_u16(rsp, lduw_le_p(rec));
    return IPMI_CC_OK;
}

static uint8_t sdr_add_cmd(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return sdr_add(s, req->data, req->len, rsp);
}

static uint8_t sdr_partial_add(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->stores.sdr;
    bool last;
    uint8_t cc = ipmi_partial_put(&sdr->partial, &sdr->reservation, req,
                                  sdr_new_id(sdr), &last);

    if (cc) {
        return cc;
    }
    if (!last) {
        ipmi_rsp_u16(rsp, sdr->partial.id);
        return IPMI_CC_OK;
    }
    sdr->partial.active = false;
    if (sdr->partial.len < SDR_HEADER) {
        return IPMI_CC_RECORD;
    }
    return sdr_add(s, sdr->partial.data, sdr->partial.len, rsp);
}

static uint8_t sdr_delete(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->stores.sdr;
    const uint8_t *rec = ipmi_sdr_find(sdr, lduw_le_p(req->data + 2));
    uint32_t now = ipmi_clock_get(&s->stores.sdr_clock);
    uint16_t id;

    if (!ipmi_reserved(&sdr->reservation, lduw_le_p(req->data))) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (!rec) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    id = lduw_le_p(rec);
    if (!sdr_store(s, id, NULL, 0, now)) {
        return IPMI_CC_UNSPECIFIED;
    }
    sdr_remove(sdr, rec);
    sdr->erase_time = now;
    ipmi_unreserve(&sdr->reservation, &sdr->partial);
    ipmi_rsp_u16(rsp, id);
    return IPMI_CC_OK;
}

static uint8_t sdr_clear_cmd(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->stores.sdr;
    uint32_t now = ipmi_clock_get(&s->stores.sdr_clock);
    bool erase;
    uint8_t cc = ipmi_erase_check(&sdr->reservation, req, &erase);

    if (cc) {
        return cc;
    }
    if (erase) {
        if (!sdr_store(s, IPMI_STORE_KEY_CLEAR, NULL, 0, now)) {
            return IPMI_CC_UNSPECIFIED;
        }
        sdr_clear(sdr);
        sdr->erase_time = now;
        ipmi_unreserve(&sdr->reservation, &sdr->partial);
    }
    ipmi_rsp_u8(rsp, 1);        /* erasure completed */
    return IPMI_CC_OK;
}

static uint8_t sdr_get_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u32(rsp, ipmi_clock_get(&s->stores.sdr_clock));
    return IPMI_CC_OK;
}

static uint8_t sdr_set_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_clock_set(&s->stores.sdr_clock, ldl_le_p(req->data));
    return IPMI_CC_OK;
}

static uint8_t sdr_enter_update(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    s->stores.sdr.update = true;
    return IPMI_CC_OK;
}

static uint8_t sdr_exit_update(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    s->stores.sdr.update = false;
    return IPMI_CC_OK;
}

/* sec 33.21: bit 0: run it; else say whether it is complete */
static uint8_t sdr_init_agent(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    if (req->data[0] & 1) {
        ipmi_sensor_init_all(s);
    }
    ipmi_rsp_u8(rsp, 1);
    return IPMI_CC_OK;
}

/* sec 35.2: without data, or bit 0 clear: number of sensors; else of SDRs */
static uint8_t sdr_dev_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    bool sdrs = req->len && (req->data[0] & SDR_DEVICE_COUNT_SDRS);

    ipmi_rsp_u8(rsp, MIN(sdrs ? s->stores.dev.count : s->stores.n_sensors,
                         UINT8_MAX));
    ipmi_rsp_u8(rsp, SDR_DEVICE_LUN0);
    return IPMI_CC_OK;
}

static const IPMICommand sdr_commands[] = {
    { 0x20, "Get SDR Repository Info", 0, 0, USER, 0, sdr_info },
    { 0x21, "Get SDR Repository Allocation Info", 0, 0, USER, 0,
      sdr_alloc_info },
    { 0x22, "Reserve SDR Repository", 0, 0, USER, 0, sdr_repo_reserve },
    { 0x23, "Get SDR", 6, 6, USER, 0, sdr_repo_get },
    { 0x24, "Add SDR", SDR_HEADER, SDR_RECORD_MAX, OPER, 0, sdr_add_cmd },
    { 0x25, "Partial Add SDR", 7, 6 + SDR_RECORD_MAX, OPER, 0,
      sdr_partial_add, { { 5, 0xf0 } } },
    { 0x26, "Delete SDR", 4, 4, OPER, 0, sdr_delete },
    { 0x27, "Clear SDR Repository", 6, 6, OPER, 0, sdr_clear_cmd },
    { 0x28, "Get SDR Repository Time", 0, 0, USER, 0, sdr_get_time },
    { 0x29, "Set SDR Repository Time", 4, 4, OPER, 0, sdr_set_time },
    { 0x2a, "Enter SDR Repository Update Mode", 0, 0, OPER, 0,
      sdr_enter_update },
    { 0x2b, "Exit SDR Repository Update Mode", 0, 0, OPER, 0,
      sdr_exit_update },
    { 0x2c, "Run Initialization Agent", 1, 1, OPER, 0, sdr_init_agent,
      { { 0, 0xfe } } },
};

const IPMICommandTable ipmi_cmds_sdr =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_STORAGE, sdr_commands);

static const IPMICommand sdr_dev_commands[] = {
    { 0x20, "Get Device SDR Info", 0, 1, USER, 0, sdr_dev_info,
      { { 0, 0xfe } } },
    { 0x21, "Get Device SDR", 6, 6, USER, 0, sdr_dev_get },
    { 0x22, "Reserve Device SDR Repository", 0, 0, USER, 0, sdr_dev_reserve },
};

const IPMICommandTable ipmi_cmds_sdr_dev =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_SENSOR, sdr_dev_commands);

/* Key: record ID. Data: time, and the record; time only: deleted, or cleared */
static bool sdr_load(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                     uint32_t len)
{
    IPMISdr *sdr = &s->stores.sdr;
    const uint8_t *rec = data + SDR_STORE_TIME;

    if (len < SDR_STORE_TIME) {
        return false;
    }
    if (key == IPMI_STORE_KEY_CLEAR) {
        if (len != SDR_STORE_TIME && len != SDR_STORE_BASE) {
            return false;
        }
        sdr_clear(sdr);
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

static void sdr_dump(IPMIBmcMulti *s)
{
    IPMISdr *sdr = &s->stores.sdr;
    uint8_t buf[SDR_STORE_TIME + SDR_RECORD_MAX];
    const uint8_t *rec;

    stl_le_p(buf, sdr->erase_time);
    stl_le_p(buf + 4, sdr->add_time);
    ipmi_store_emit(s, IPMI_STORE_SDR, IPMI_STORE_KEY_CLEAR, buf,
                    SDR_STORE_BASE);
    stl_le_p(buf, sdr->add_time);
    for (rec = ipmi_sdr_first(sdr); rec; rec = ipmi_sdr_next(sdr, rec)) {
        uint32_t len = ipmi_sdr_record_len(rec);

        memcpy(buf + SDR_STORE_TIME, rec, len);
        ipmi_store_emit(s, IPMI_STORE_SDR, lduw_le_p(rec), buf,
                        SDR_STORE_TIME + len);
    }
}

const IPMIStoreKind ipmi_store_sdr = { "sdr", sdr_load, sdr_dump };

/* A file of records, one after the other. Their IDs are not kept. */
static bool sdr_load_file(IPMISdr *sdr, const char *name, Error **errp)
{
    g_autofree gchar *data = NULL;
    g_autoptr(GError) err = NULL;
    gsize len, at = 0;

    if (!g_file_get_contents(name, &data, &len, &err)) {
        error_setg(errp, "sdr-file: %s", err->message);
        return false;
    }
    while (at < len) {
        const uint8_t *rec = (uint8_t *)data + at;
        uint32_t size = len - at < SDR_HEADER ? 0 : ipmi_sdr_record_len(rec);

        if (!size || size > len - at || !sdr_record_valid(rec, size)) {
            error_setg(errp, "sdr-file: '%s' has no SDR of version 0x51 at "
                       "offset %zu", name, (size_t)at);
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

bool ipmi_sdr_realize(IPMIBmcMulti *s, Error **errp)
{
    IPMIBmcStores *st = &s->stores;
    IPMISdr *sdr = &st->sdr;

    if (sdr->size < SDR_SIZE_MIN || sdr->size > SDR_SIZE_MAX) {
        error_setg(errp, "sdr-size is %u, and has to be %u to %u", sdr->size,
                   SDR_SIZE_MIN, SDR_SIZE_MAX);
        return false;
    }
    sdr->data = g_malloc0(sdr->size);
    sdr_clear(sdr);
    if (!st->sdr_file) {
        ipmi_sdr_add_defaults(sdr);
    } else if (!sdr_load_file(sdr, st->sdr_file, errp)) {
        g_clear_pointer(&sdr->data, g_free);
        return false;
    }
    st->dev = *sdr;
    st->dev.data = g_memdup2(sdr->data, sdr->size);
    return true;
}

void ipmi_sdr_unrealize(IPMIBmcMulti *s)
{
    g_clear_pointer(&s->stores.sdr.data, g_free);
    g_clear_pointer(&s->stores.dev.data, g_free);
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
