/*
 * IPMI BMC with many channels: Data Center Manageability Interface
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: Data Center Manageability Interface v1.5 ("DCMI").
 *
 * Modelled: capabilities, power reading, asset tag, sensor info, management
 * controller identifier.
 * Not modelled: power limits, thermal limits, rolling averages.
 *
 * Other groups share the network function. Linux takes a success from any of
 * them for its own, so the group is the first thing to be looked at.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "qemu/bswap.h"

#define GROUP_DCMI              0xdc
#define DCMI_MAJOR              0x01
#define DCMI_MINOR              0x05
#define DCMI_REVISION           0x02

#define CHUNK_MAX               16

/* DCMI sec 6.6.1: mode of Get Power Reading; the state that it reports */
#define POWER_MODE_SYSTEM       0x01
#define POWER_ACTIVE            0x40

/* DCMI sec 6.5.2 */
#define SENSOR_INFO_MAX         8

/* DCMI sec 6.1.1, table 6-2 and 6-3: parameters by selector */
static const struct {
    uint8_t len;
    uint8_t data[5];
} dcmi_caps[] = {
    [1] = { 3, { 0x00, 0x01, 0x20 } },  /* power management, in-band KCS */
    [2] = { 5, { 0x00, 0x00, 0x00, 0x00, 0x01 } },  /* size of the SEL */
    [3] = { 2, { 0x20, 0x00 } },        /* power management is here */
    [4] = { 3, { 0xff, 0xff, 0xff } },  /* no LAN, no serial channel */
    [5] = { 1, { 0x00 } },              /* no rolling averages */
};

static bool is_dcmi(const IPMIReq *req)
{
    return req->data[0] == GROUP_DCMI;
}

static uint8_t get_caps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t data[sizeof(dcmi_caps[0].data)];
    uint8_t selector;

    if (!is_dcmi(req)) {
        return IPMI_CC_INVALID_CMD;
    }
    if (req->len != 2) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    selector = req->data[1];
    if (!selector || selector >= ARRAY_SIZE(dcmi_caps)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    memcpy(data, dcmi_caps[selector].data, sizeof(data));
    if (selector == 2) {
        /* 12 bits; it does not overwrite old entries */
        stw_le_p(data, MIN(s->records.sel.capacity, 0xfff));
    }
    ipmi_rsp_u8(rsp, GROUP_DCMI);
    ipmi_rsp_u8(rsp, DCMI_MAJOR);
    ipmi_rsp_u8(rsp, DCMI_MINOR);
    ipmi_rsp_u8(rsp, DCMI_REVISION);
    ipmi_rsp_bytes(rsp, data, dcmi_caps[selector].len);
    return IPMI_CC_OK;
}

static uint8_t get_power(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIPowerReading r;

    if (!is_dcmi(req)) {
        return IPMI_CC_INVALID_CMD;
    }
    if (req->len != 4) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    if (req->data[1] != POWER_MODE_SYSTEM || req->data[2] || req->data[3]) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_meter_read(&s->records.meter, &r);
    ipmi_rsp_u8(rsp, GROUP_DCMI);
    ipmi_rsp_u16(rsp, r.now);
    ipmi_rsp_u16(rsp, r.min);
    ipmi_rsp_u16(rsp, r.max);
    ipmi_rsp_u16(rsp, r.average);
    ipmi_rsp_u32(rsp, ipmi_clock_get(&s->records.sel.clock));
    ipmi_rsp_u32(rsp, r.period);
    ipmi_rsp_u8(rsp, r.active ? POWER_ACTIVE : 0);
    return IPMI_CC_OK;
}

/* offset and count of a piece of at most 16 bytes, within @max */
static uint8_t check_piece(const IPMIReq *req, unsigned max)
{
    if (!is_dcmi(req)) {
        return IPMI_CC_INVALID_CMD;
    }
    if (req->len < 3) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    return req->data[2] > CHUNK_MAX || req->data[1] + req->data[2] > max ?
           IPMI_CC_PARM_OUT_OF_RANGE : IPMI_CC_OK;
}

static uint8_t get_text(const IPMIReq *req, IPMIRsp *rsp, const uint8_t *text,
                        unsigned len, unsigned max)
{
    uint8_t cc = check_piece(req, max + CHUNK_MAX);
    unsigned offset;

    if (cc) {
        return cc;
    }
    if (req->len != 3) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    offset = MIN(req->data[1], len);
    ipmi_rsp_u8(rsp, GROUP_DCMI);
    ipmi_rsp_u8(rsp, len);
    ipmi_rsp_bytes(rsp, text + offset, MIN(req->data[2], len - offset));
    return IPMI_CC_OK;
}

static uint8_t get_asset_tag(IPMIBmcMulti *s, const IPMIReq *req,
                             IPMIRsp *rsp)
{
    IPMISettings *st = &s->records.settings;

    return get_text(req, rsp, st->asset_tag, st->asset_tag_len,
                    IPMI_ASSET_TAG_MAX);
}

static uint8_t get_mc_id(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISettings *st = &s->records.settings;
    unsigned len = strnlen((char *)st->mc_id, IPMI_MC_ID_LEN - 1) + 1;

    return get_text(req, rsp, st->mc_id, len, IPMI_MC_ID_LEN);
}

/* DCMI sec 6.4.3: the end of the last piece is the end of the tag */
static uint8_t set_asset_tag(IPMIBmcMulti *s, const IPMIReq *req,
                             IPMIRsp *rsp)
{
    IPMISettings *st = &s->records.settings;
    uint8_t tag[sizeof(st->asset_tag)] = { };
    uint8_t cc = check_piece(req, IPMI_ASSET_TAG_MAX);
    uint8_t offset, count;

    if (cc) {
        return cc;
    }
    offset = req->data[1];
    count = req->data[2];
    if (req->len != 3 + count) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    memcpy(tag, st->asset_tag, MIN(offset, st->asset_tag_len));
    memcpy(tag + offset, req->data + 3, count);
    ipmi_rsp_u8(rsp, GROUP_DCMI);
    ipmi_rsp_u8(rsp, offset + count);
    return ipmi_settings_set_asset_tag(st, tag, offset + count);
}

static uint8_t set_mc_id(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISettings *st = &s->records.settings;
    uint8_t id[IPMI_MC_ID_LEN];
    uint8_t cc = check_piece(req, IPMI_MC_ID_LEN);
    uint8_t offset, count;

    if (cc) {
        return cc;
    }
    offset = req->data[1];
    count = req->data[2];
    if (req->len != 3 + count) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    memcpy(id, st->mc_id, sizeof(id));
    memcpy(id + offset, req->data + 3, count);
    ipmi_rsp_u8(rsp, GROUP_DCMI);
    ipmi_rsp_u8(rsp, offset + count);
    return ipmi_settings_set_mc_id(st, id);
}

/* DCMI's entity IDs are other names of IPMI's */
static bool entity_matches(uint8_t wanted, uint8_t entity)
{
    static const struct {
        uint8_t dcmi, ipmi;
    } same[] = {
        { 0x40, 0x37 },         /* inlet */
        { 0x41, 0x03 },         /* processor */
        { 0x42, 0x07 },         /* baseboard */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(same); i++) {
        if (same[i].dcmi == wanted && same[i].ipmi == entity) {
            return true;
        }
    }
    return wanted == entity;
}

/*
 * DCMI sec 6.5.2: sensor type, entity ID, instance (0: all, from a first one
 * on). Answer: how many there are, and record IDs of up to eight.
 */
static uint8_t get_sensor_info(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    const IPMISdr *sdr = &s->records.sdr;
    uint16_t ids[SENSOR_INFO_MAX];
    unsigned total = 0, n = 0;
    const uint8_t *rec;

    if (!is_dcmi(req)) {
        return IPMI_CC_INVALID_CMD;
    }
    if (req->len != 5) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    for (rec = ipmi_sdr_first(sdr); rec; rec = ipmi_sdr_next(sdr, rec)) {
        uint8_t instance;

        if (rec[SDR_O_TYPE] != SDR_FULL ||
            ipmi_sdr_record_len(rec) <= SDR_O_FULL_NAME ||
            rec[SDR_O_SENSOR_TYPE] != req->data[1] ||
            !entity_matches(req->data[2], rec[SDR_O_ENTITY])) {
            continue;
        }
        instance = rec[SDR_O_INSTANCE] & 0x7f;
        total++;
        if ((req->data[3] ? instance == req->data[3] :
                            instance >= req->data[4]) &&
            n < SENSOR_INFO_MAX) {
            ids[n++] = lduw_le_p(rec);
        }
    }
    ipmi_rsp_u8(rsp, GROUP_DCMI);
    ipmi_rsp_u8(rsp, MIN(total, UINT8_MAX));
    ipmi_rsp_u8(rsp, n);
    for (unsigned i = 0; i < n; i++) {
        ipmi_rsp_u16(rsp, ids[i]);
    }
    return IPMI_CC_OK;
}

#define ANY IPMI_MULTI_MAX_DATA /* the handler looks at the group first */

static const IPMICommand dcmi_commands[] = {
    { 0x01, "Get DCMI Capabilities Info", 1, ANY, USER, 0, get_caps },
    { 0x02, "Get Power Reading", 1, ANY, USER, 0, get_power },
    { 0x06, "Get Asset Tag", 1, ANY, USER, 0, get_asset_tag },
    { 0x07, "Get DCMI Sensor Info", 1, ANY, USER, 0, get_sensor_info },
    { 0x08, "Set Asset Tag", 1, ANY, OPER, 0, set_asset_tag },
    { 0x09, "Get Management Controller ID String", 1, ANY, USER, 0,
      get_mc_id },
    { 0x0a, "Set Management Controller ID String", 1, ANY, ADMIN, 0,
      set_mc_id },
};

const IPMICommandTable ipmi_cmds_dcmi =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_GROUP, dcmi_commands);
