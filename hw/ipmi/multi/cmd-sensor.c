/*
 * IPMI BMC with many channels: sensor and event commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 29, 30 and 35.
 *
 * Modelled: event receiver, platform events, all commands of sensors.
 * Not modelled: Platform Event Filtering, whose capabilities say that it has
 * no actions and no table.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "qemu/bswap.h"
#include "qemu/log.h"

/* Get Sensor Reading: states of thresholds have bits that read as 1. */
#define READING_RESERVED        0xc0
#define READING_RESERVED_HIGH   0x80

/* sec 35.14: the readable mask has a bit a threshold */
#define THRESHOLD_MASK          0x3f

/* sec 35.10: how to change the enables */
#define ENABLE_OP(flags)        (((flags) >> 4) & 3)
#define ENABLE_OP_SET           1
#define ENABLE_OP_CLEAR         2

/* sec 35.12: 0: re-arm all events; 1: those of the masks */
#define REARM_SELECTED          0x80

/* sec 35.17: fields of the operation byte of Set Sensor Reading */
#define SET_EVENT_DATA(op)      ((op) >> 6)
#define SET_ASSERT(op)          (((op) >> 4) & 3)
#define SET_DEASSERT(op)        (((op) >> 2) & 3)
#define SET_READING(op)         ((op) & 3)

#define EVMREV_1_0              0x03
#define EVMREV_1_5              0x04

/* The sensor that byte 0 names. */
static IPMISensor *req_sensor(IPMIBmcMulti *s, const IPMIReq *req)
{
    return ipmi_sensor_find(&s->records.sensors, req->data[0]);
}

/* Two bytes at @at, as far as the request has them. */
static uint16_t req_mask(const IPMIReq *req, unsigned at)
{
    uint16_t mask = at < req->len ? req->data[at] : 0;

    return mask | (at + 1 < req->len ? req->data[at + 1] << 8 : 0);
}

/* sec 29.1: FFh disables the events of this BMC's sensors */
static uint8_t set_receiver(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    if ((req->data[0] & 1) && req->data[0] != 0xff) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    s->records.events.receiver = req->data[0];
    s->records.events.receiver_lun = req->data[1];
    return IPMI_CC_OK;
}

static uint8_t get_receiver(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, s->records.events.receiver);
    ipmi_rsp_u8(rsp, s->records.events.receiver_lun);
    return IPMI_CC_OK;
}

/*
 * sec 29.3: system software says itself who it is, in a first byte; of any
 * other channel it is the requester.
 */
static uint8_t platform_event(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    const uint8_t *event = req->data;
    uint8_t rec[IPMI_SEL_RECORD] = { [2] = 0x02 };

    if (req->len != (req->system ? 8 : 7)) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    if (req->system) {
        rec[7] = *event++;
    } else {
        rec[7] = req->src_addr;
        rec[8] = req->chan << 4 | req->src_lun;
    }
    if (event[0] != EVMREV_1_0 && event[0] != EVMREV_1_5) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    memcpy(rec + 9, event, 7);
    return ipmi_event(&s->records.events, rec);
}

/* sec 30.1: a version, and nothing behind it */
static uint8_t pef_caps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, IPMI_DEFINITION_VERSION);
    ipmi_rsp_u8(rsp, 0);
    ipmi_rsp_u8(rsp, 0);
    return IPMI_CC_OK;
}

/* sec 35.5: the factors are the same for all readings of a linear sensor */
static uint8_t get_factors(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (sensor->sdr[SDR_O_TYPE] != SDR_FULL ||
        !ipmi_sensor_is_threshold(sensor)) {
        return IPMI_CC_ILLEGAL_TYPE;
    }
    ipmi_rsp_u8(rsp, 0xff);     /* no other factors up to the last reading */
    ipmi_rsp_bytes(rsp, sensor->sdr + SDR_O_FACTORS, 6);
    return IPMI_CC_OK;
}

static uint8_t set_hysteresis(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (!ipmi_sensor_is_threshold(sensor) ||
        SDR_CAPS_HYST(sensor->sdr[SDR_O_CAPS]) != SDR_ACCESS_WRITE) {
        return IPMI_CC_ILLEGAL_TYPE;
    }
    if (req->data[1] != 0xff) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    sensor->hyst_pos = req->data[2];
    sensor->hyst_neg = req->data[3];
    ipmi_sensor_evaluate(&s->records.sensors, sensor, NULL);
    return IPMI_CC_OK;
}

static uint8_t get_hysteresis(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);
    unsigned access;

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    access = SDR_CAPS_HYST(sensor->sdr[SDR_O_CAPS]);
    if (!ipmi_sensor_is_threshold(sensor) ||
        (access != SDR_ACCESS_READ && access != SDR_ACCESS_WRITE)) {
        return IPMI_CC_ILLEGAL_TYPE;
    }
    if (req->data[1] != 0xff) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, sensor->hyst_pos);
    ipmi_rsp_u8(rsp, sensor->hyst_neg);
    return IPMI_CC_OK;
}

/* sec 35.8: mask, then LNC, LC, LNR, UNC, UC, UNR */
static uint8_t set_thresholds(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);
    uint8_t mask = req->data[1];

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (!ipmi_sensor_is_threshold(sensor) ||
        SDR_CAPS_THRESHOLD(sensor->sdr[SDR_O_CAPS]) != SDR_ACCESS_WRITE) {
        return IPMI_CC_ILLEGAL_TYPE;
    }
    if (mask & ~sensor->sdr[SDR_O_SETTABLE]) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    for (int i = 0; i < IPMI_THRESHOLDS; i++) {
        if (mask & (1 << i)) {
            sensor->threshold[i] = req->data[2 + i];
        }
    }
    ipmi_sensor_evaluate(&s->records.sensors, sensor, NULL);
    return IPMI_CC_OK;
}

/* sec 35.9: a threshold that cannot be read is 00h */
static uint8_t get_thresholds(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);
    uint8_t mask = 0;
    unsigned access;

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (!ipmi_sensor_is_threshold(sensor)) {
        return IPMI_CC_ILLEGAL_TYPE;
    }
    access = SDR_CAPS_THRESHOLD(sensor->sdr[SDR_O_CAPS]);
    if (access == SDR_ACCESS_READ || access == SDR_ACCESS_WRITE) {
        mask = sensor->sdr[SDR_O_MASK] & THRESHOLD_MASK;
    }
    ipmi_rsp_u8(rsp, mask);
    for (int i = 0; i < IPMI_THRESHOLDS; i++) {
        ipmi_rsp_u8(rsp, mask & (1 << i) ? sensor->threshold[i] : 0);
    }
    return IPMI_CC_OK;
}

static uint8_t set_event_enable(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);
    uint16_t assert = req_mask(req, 2);
    uint16_t deassert = req_mask(req, 4);
    uint8_t flags = req->data[1];

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    switch (ENABLE_OP(flags)) {
    case 0:
        break;
    case ENABLE_OP_SET:
        sensor->assert_enable |= assert & ipmi_sensor_events(sensor, false);
        sensor->deassert_enable |= deassert & ipmi_sensor_events(sensor, true);
        break;
    case ENABLE_OP_CLEAR:
        sensor->assert_enable &= ~assert;
        sensor->deassert_enable &= ~deassert;
        break;
    default:
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    sensor->flags &= ~(IPMI_SENSOR_EVENTS | IPMI_SENSOR_SCANNING);
    sensor->flags |= flags & (IPMI_SENSOR_EVENTS | IPMI_SENSOR_SCANNING);
    ipmi_sensor_evaluate(&s->records.sensors, sensor, NULL);
    return IPMI_CC_OK;
}

static uint8_t get_event_enable(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    ipmi_rsp_u8(rsp, sensor->flags &
                     (IPMI_SENSOR_EVENTS | IPMI_SENSOR_SCANNING));
    ipmi_rsp_u16(rsp, sensor->assert_enable);
    ipmi_rsp_u16(rsp, sensor->deassert_enable);
    return IPMI_CC_OK;
}

static uint8_t rearm(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);
    bool selected = req->data[1] & REARM_SELECTED;

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    ipmi_sensor_rearm(&s->records.sensors, sensor,
                      selected ? req_mask(req, 2) : UINT16_MAX,
                      selected ? req_mask(req, 4) : UINT16_MAX);
    return IPMI_CC_OK;
}

static uint8_t get_event_status(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    ipmi_rsp_u8(rsp, sensor->flags);
    ipmi_rsp_u16(rsp, sensor->asserted);
    ipmi_rsp_u16(rsp, sensor->deasserted);
    return IPMI_CC_OK;
}

/* sec 35.14: a discrete sensor has two bytes of states, and no reading */
static uint8_t get_reading(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (ipmi_sensor_is_threshold(sensor)) {
        ipmi_rsp_u8(rsp, sensor->reading);
        ipmi_rsp_u8(rsp, sensor->flags);
        ipmi_rsp_u8(rsp, sensor->present | READING_RESERVED);
        return IPMI_CC_OK;
    }
    ipmi_rsp_u8(rsp, 0);
    ipmi_rsp_u8(rsp, sensor->flags);
    ipmi_rsp_u8(rsp, sensor->present);
    ipmi_rsp_u8(rsp, sensor->present >> 8 | READING_RESERVED_HIGH);
    return IPMI_CC_OK;
}

/* sec 35.15: a threshold sensor stays one, and a discrete one, too */
static uint8_t set_type(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);
    uint8_t reading_type = req->data[2];

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (ipmi_sensor_is_threshold(sensor) !=
        (reading_type == READING_THRESHOLD)) {
        return IPMI_CC_ILLEGAL_TYPE;
    }
    sensor->type = req->data[1];
    sensor->reading_type = reading_type;
    return IPMI_CC_OK;
}

static uint8_t get_type(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    ipmi_rsp_u8(rsp, sensor->type);
    ipmi_rsp_u8(rsp, sensor->reading_type);
    return IPMI_CC_OK;
}

/* sec 35.17: 1: the given bits; 2: set those given; 3: clear those not given */
static uint16_t set_bits(unsigned op, uint16_t old, uint16_t given)
{
    switch (op) {
    case 1:
        return given;
    case 2:
        return old | given;
    case 3:
        return old & given;
    default:
        return old;
    }
}

/* Are the bytes there that the operations need? */
static bool set_reading_complete(const IPMIReq *req)
{
    uint8_t op = req->data[1];

    return req->len >= (SET_EVENT_DATA(op) ? 10 :
                        SET_DEASSERT(op) ? 7 :
                        SET_ASSERT(op) ? 5 :
                        SET_READING(op) ? 3 : 2);
}

static uint8_t set_reading(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISensor *sensor = req_sensor(s, req);
    uint8_t op = req->data[1];
    uint8_t event_data[3];
    uint16_t deasserted;
    bool given;

    if (!sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (!(sensor->sdr[SDR_O_INIT] & SDR_INIT_SETTABLE)) {
        return IPMI_CC_ILLEGAL_TYPE;
    }
    if (SET_READING(op) > 1 || SET_EVENT_DATA(op) == 3) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!set_reading_complete(req)) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    given = SET_EVENT_DATA(op);
    if (given) {
        memcpy(event_data, req->data + 7, sizeof(event_data));
    }
    if (SET_READING(op)) {
        ipmi_sensor_put_value(&s->records.sensors, sensor, req->data[2]);
    }
    deasserted = set_bits(SET_DEASSERT(op), sensor->deasserted,
                          req_mask(req, 5));
    if (SET_ASSERT(op) && !ipmi_sensor_is_threshold(sensor)) {
        sensor->states = set_bits(SET_ASSERT(op), sensor->states,
                                  req_mask(req, 3)) & 0x7fff;
    }
    ipmi_sensor_evaluate(&s->records.sensors, sensor,
                         given ? event_data : NULL);
    if (SET_ASSERT(op) && ipmi_sensor_is_threshold(sensor)) {
        ipmi_sensor_assert(&s->records.sensors, sensor,
                           set_bits(SET_ASSERT(op), sensor->asserted,
                                    req_mask(req, 3)),
                           given ? event_data : NULL);
    }
    if (SET_DEASSERT(op)) {
        sensor->deasserted = deasserted & ipmi_sensor_events(sensor, true);
    }
    return IPMI_CC_OK;
}

static const IPMICommand sensor_commands[] = {
    { 0x00, "Set Event Receiver", 2, 2, ADMIN, 0, set_receiver,
      { { 1, 0xfc } } },
    { 0x01, "Get Event Receiver", 0, 0, USER, 0, get_receiver },
    { 0x02, "Platform Event", 7, 8, OPER, 0, platform_event },
    { 0x10, "Get PEF Capabilities", 0, 0, USER, 0, pef_caps },
    { 0x23, "Get Sensor Reading Factors", 2, 2, USER, 0, get_factors },
    { 0x24, "Set Sensor Hysteresis", 4, 4, OPER, 0, set_hysteresis },
    { 0x25, "Get Sensor Hysteresis", 2, 2, USER, 0, get_hysteresis },
    { 0x26, "Set Sensor Thresholds", 8, 8, OPER, 0, set_thresholds,
      { { 1, 0xc0 } } },
    { 0x27, "Get Sensor Thresholds", 1, 1, USER, 0, get_thresholds },
    { 0x28, "Set Sensor Event Enable", 2, 6, OPER, 0, set_event_enable,
      { { 1, 0x0f } } },
    { 0x29, "Get Sensor Event Enable", 1, 1, USER, 0, get_event_enable },
    { 0x2a, "Re-arm Sensor Events", 2, 6, OPER, 0, rearm, { { 1, 0x7f } } },
    { 0x2b, "Get Sensor Event Status", 1, 1, USER, 0, get_event_status },
    { 0x2d, "Get Sensor Reading", 1, 1, USER, 0, get_reading },
    { 0x2e, "Set Sensor Type", 3, 3, OPER, 0, set_type, { { 2, 0x80 } } },
    { 0x2f, "Get Sensor Type", 1, 1, USER, 0, get_type },
    { 0x30, "Set Sensor Reading and Event Status", 2, 10, OPER, 0,
      set_reading },
};

const IPMICommandTable ipmi_cmds_sensor =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_SENSOR, sensor_commands);
