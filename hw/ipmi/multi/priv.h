/*
 * IPMI BMC with many channels: what the files of the stores share
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef IPMI_MULTI_PRIV_H
#define IPMI_MULTI_PRIV_H

#include "bmc.h"

/* Privilege levels in the rows of command tables */
#define USER                    IPMI_MULTI_PRIV_USER
#define OPER                    IPMI_MULTI_PRIV_OPERATOR
#define ADMIN                   IPMI_MULTI_PRIV_ADMIN

#define IPMI_RECORD_FIRST       0x0000
#define IPMI_RECORD_LAST        0xffff

/* Version of the SEL, SDR and PEF definitions: 1.5 and later */
#define IPMI_DEFINITION_VERSION 0x51

/* Of SEL and SDR commands that do not fit the record (sec 31.6, 33.9) */
#define IPMI_CC_RECORD          0x80

/*
 * ipmi_clock_set, ipmi_clock_get: seconds, as a SEL time stamp has them.
 */
void ipmi_clock_set(IPMIClock *clock, uint32_t now);
uint32_t ipmi_clock_get(const IPMIClock *clock);

/*
 * ipmi_reserve: a new reservation; cancels the one before.
 * ipmi_reserved: is this the one that counts?
 * ipmi_unreserve: the store has changed, or the system was reset.
 */
uint16_t ipmi_reserve(IPMIReservation *r);
bool ipmi_reserved(const IPMIReservation *r, uint16_t id);
void ipmi_unreserve(IPMIReservation *r, IPMIPartial *p);

/*
 * ipmi_erase: what Clear SEL and Clear SDR Repository have in common: checks
 * the request. @erase: whether to do it, or only to say how far it is.
 */
uint8_t ipmi_erase_check(const IPMIReservation *r, const IPMIReq *req,
                         bool *erase);

/*
 * ipmi_record_part: which part of a record of @len bytes is wanted (sec 31.5,
 * 33.12). @count: FFh is all that is left; on success the true number.
 * Returns the completion code.
 */
uint8_t ipmi_record_part(const IPMIReservation *r, uint16_t reservation,
                         uint32_t len, uint8_t offset, unsigned *count,
                         unsigned room);

/*
 * ipmi_partial_put: a piece of a record: reservation, record ID, offset,
 * progress, data. @last: on success, whether it is complete.
 */
uint8_t ipmi_partial_put(IPMIPartial *p, const IPMIReservation *r,
                         const IPMIReq *req, uint16_t id, bool *last);

/*
 * ipmi_next_id: the record ID after @id; 0000h and FFFFh name no record.
 */
uint16_t ipmi_next_id(uint16_t id);

/*
 * SDR repository
 *
 * ipmi_sdr_find: record by ID, 0000h and FFFFh included; NULL if absent.
 * ipmi_sdr_first, ipmi_sdr_next: NULL at the end.
 * ipmi_sdr_append: false if there is no room. @rec: whole; gets an ID.
 */
const uint8_t *ipmi_sdr_find(const IPMISdr *sdr, uint16_t id);
const uint8_t *ipmi_sdr_first(const IPMISdr *sdr);
const uint8_t *ipmi_sdr_next(const IPMISdr *sdr, const uint8_t *rec);
uint32_t ipmi_sdr_record_len(const uint8_t *rec);
bool ipmi_sdr_append(IPMISdr *sdr, const uint8_t *rec, uint32_t len);
bool ipmi_sdr_realize(IPMIBmcMulti *s, Error **errp);
void ipmi_sdr_unrealize(IPMIBmcMulti *s);
void ipmi_sdr_add_defaults(IPMISdr *sdr);

/*
 * Answers of Get SDR and Get Device SDR; of Reserve ...
 */
uint8_t ipmi_sdr_get(IPMISdr *sdr, const IPMIReq *req, IPMIRsp *rsp);

/* Sensors */
int ipmi_sensor_number(const IPMISensor *sensor, uint8_t raw);
bool ipmi_sensors_realize(IPMIBmcMulti *s, Error **errp);
void ipmi_sensors_unrealize(IPMIBmcMulti *s);
void ipmi_sensor_init_all(IPMIBmcMulti *s);     /* initialisation agent */
void ipmi_sensor_evaluate(IPMIBmcMulti *s, IPMISensor *sensor,
                          const uint8_t *event_data);
void ipmi_sensor_rearm(IPMIBmcMulti *s, IPMISensor *sensor, uint16_t assert,
                       uint16_t deassert);
uint16_t ipmi_sensor_events(const IPMISensor *sensor, bool deassert);

/*
 * ipmi_sensor_post: an event of a sensor of this BMC.
 */
void ipmi_sensor_post(IPMIBmcMulti *s, uint8_t type, uint8_t number,
                      uint8_t dir_type, const uint8_t data[3]);

/*
 * IPMIParamDesc: a configuration parameter.
 */
#define IPMI_PARAM_PROGRESS     0x01    /* Set In Progress */
#define IPMI_PARAM_RO           0x02
#define IPMI_PARAM_SHORT        0x04    /* fewer bytes may be written */
#define IPMI_PARAM_VOLATILE     0x08    /* not kept on the drive */

typedef struct IPMIParamDesc {
    uint8_t param;
    uint8_t len;                /* bytes, without a selector */
    uint8_t sets;               /* how many; 0: it has no set selector */
    uint8_t flags;
    const char *name;
    const uint8_t *init;        /* len bytes, for every set; NULL: 00h */
    const uint8_t *reserved;    /* bits that must be 0; NULL: none */
    uint8_t (*check)(const uint8_t *data);  /* completion code */
} IPMIParamDesc;

typedef enum IPMIParamDomain {
    IPMI_PARAM_LAN,
    IPMI_PARAM_SERIAL,
    IPMI_PARAM_SOL,
    IPMI_PARAM_INFO,
    IPMI_PARAM_BOOT,
} IPMIParamDomain;

typedef struct IPMIParamSet {
    IPMIParamDomain domain;     /* with the channel, the name in the store */
    const IPMIParamDesc *desc;
    unsigned n;
} IPMIParamSet;

extern const IPMIParamSet ipmi_params_lan, ipmi_params_serial;
extern const IPMIParamSet ipmi_params_sol, ipmi_params_info;
extern const IPMIParamSet ipmi_params_boot;

/* Completion codes of parameters (sec 23.1) */
#define IPMI_CC_PARAM           0x80
#define IPMI_CC_IN_PROGRESS     0x81
#define IPMI_CC_READ_ONLY       0x82

/*
 * ipmi_params_find: description of a parameter, and where its values are.
 * ipmi_params_init: values as they come from the maker.
 * ipmi_params_set: @data begins with the selector, if there is one.
 * ipmi_params_get: appends selector and value to @rsp.
 */
const IPMIParamDesc *ipmi_params_find(const IPMIParamSet *set, uint8_t param,
                                      unsigned *offset);
void ipmi_params_init(const IPMIParamSet *set, IPMIParams *p);
void ipmi_params_end_progress(const IPMIParamSet *set, IPMIParams *p);
uint8_t ipmi_params_set(IPMIBmcMulti *s, const IPMIParamSet *set,
                        IPMIParams *p, uint8_t chan, uint8_t param,
                        const uint8_t *data, unsigned len);
uint8_t ipmi_params_get(const IPMIParamSet *set, const IPMIParams *p,
                        uint8_t param, uint8_t selector, uint8_t block,
                        IPMIRsp *rsp);
extern const VMStateDescription vmstate_ipmi_params;

/* Power */
typedef enum IPMIPowerOp {      /* values of Chassis Control */
    IPMI_POWER_DOWN,
    IPMI_POWER_UP,
    IPMI_POWER_CYCLE,
    IPMI_POWER_RESET,
    IPMI_POWER_DIAG,
    IPMI_POWER_SOFT,
    IPMI_POWER__MAX
} IPMIPowerOp;

/* Restart causes (sec 28.11) */
#define IPMI_CAUSE_UNKNOWN      0x0
#define IPMI_CAUSE_CONTROL      0x1
#define IPMI_CAUSE_BUTTON       0x3
#define IPMI_CAUSE_WATCHDOG     0x4
#define IPMI_CAUSE_ALWAYS_ON    0x6
#define IPMI_CAUSE_PREVIOUS     0x7
#define IPMI_CAUSE_SOFT         0xa

/*
 * ipmi_power: do it. @cause: IPMI_CAUSE_CONTROL or _WATCHDOG; @chan: whence.
 * Returns a completion code: D5h if that is not possible now.
 */
uint8_t ipmi_power(IPMIBmcMulti *s, IPMIPowerOp op, uint8_t cause,
                   uint8_t chan);
bool ipmi_power_is_on(void);
bool ipmi_nmi(void);

void ipmi_chassis_realize(IPMIBmcMulti *s);
void ipmi_chassis_unrealize(IPMIBmcMulti *s);
void ipmi_chassis_system_reset(IPMIBmcMulti *s);
void ipmi_boot_init(IPMIBmcMulti *s);
void ipmi_boot_restart(IPMIBmcMulti *s);
void ipmi_boot_control(IPMIBmcMulti *s);
uint32_t ipmi_chassis_poh(IPMIBmcMulti *s);
IPMIHandler ipmi_boot_set, ipmi_boot_get;

void ipmi_watchdog_realize(IPMIBmcMulti *s);
void ipmi_watchdog_unrealize(IPMIBmcMulti *s);
void ipmi_watchdog_stop(IPMIBmcMulti *s);
void ipmi_watchdog_reset(IPMIBmcMulti *s);

bool ipmi_sel_realize(IPMIBmcMulti *s, Error **errp);
void ipmi_sel_unrealize(IPMIBmcMulti *s);
bool ipmi_fru_realize(IPMIBmcMulti *s, Error **errp);
void ipmi_fru_unrealize(IPMIBmcMulti *s);
void ipmi_fru_default(IPMIBmcMulti *s, unsigned id);
void ipmi_lan_init(IPMIBmcMulti *s);
void ipmi_dcmi_init(IPMIBmcMulti *s);
void ipmi_dcmi_sample(IPMIBmcMulti *s);

bool ipmi_store_open(IPMIBmcMulti *s, Error **errp);
void ipmi_store_close(IPMIBmcMulti *s);
void ipmi_store_stale(IPMIBmcMulti *s);

/* Keys of IPMI_STORE_MISC */
#define IPMI_MISC_UTC_OFFSET    1
#define IPMI_MISC_ASSET_TAG     2
#define IPMI_MISC_MC_ID         3

/* Key of a record that empties a store */
#define IPMI_STORE_KEY_CLEAR    0xffffffff

extern const VMStateDescription vmstate_ipmi_sel, vmstate_ipmi_sdr;
extern const VMStateDescription vmstate_ipmi_fru, vmstate_ipmi_sensor;
extern const VMStateDescription vmstate_ipmi_watchdog, vmstate_ipmi_chassis;
extern const VMStateDescription vmstate_ipmi_clock, vmstate_ipmi_reservation;
extern const VMStateDescription vmstate_ipmi_partial;

#endif
