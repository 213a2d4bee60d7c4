/*
 * IPMI BMC with many channels: what it stores, watches and switches
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1. Where a comment cites a section without
 * naming a document, it is of this one.
 *
 * SEL, SDR repository, FRU data, sensors, watchdog, chassis, configuration
 * parameters; and the store on a drive that they are kept in. The core embeds
 * one IPMIBmcStores, and calls ipmi_stores_*().
 */

#ifndef IPMI_MULTI_STORES_H
#define IPMI_MULTI_STORES_H

#include "block/block.h"
#include "sdr-layout.h"
#include "migration/vmstate.h"
#include "qemu/timer.h"
#include "system/block-backend-global-state.h"

typedef struct IPMIBmcMulti IPMIBmcMulti;
typedef struct IPMICommandTable IPMICommandTable;

/*
 * IPMIClock: seconds since 1970, or since power-up below 20000000h (sec 37).
 */
typedef struct IPMIClock {
    int64_t base;               /* seconds, when the virtual clock was 0 */
} IPMIClock;

/*
 * IPMIReservation: see sec 31.4 and 33.11. 0 is no reservation.
 */
typedef struct IPMIReservation {
    uint16_t last;              /* handed out most recently */
    bool valid;                 /* and not cancelled since */
} IPMIReservation;

/*
 * IPMIPartial: a record that comes in pieces (sec 31.7, 33.10).
 */
#define IPMI_PARTIAL_MAX        260

typedef struct IPMIPartial {
    bool active;
    uint16_t id;                /* what the pieces name it by */
    uint32_t len;               /* bytes received */
    uint8_t data[IPMI_PARTIAL_MAX];
} IPMIPartial;

/*
 * IPMISel: System Event Log (sec 31)
 */
#define IPMI_SEL_RECORD         16
#define IPMI_SEL_MAX            4096

typedef struct IPMISel {
    uint32_t capacity;          /* property: records */
    uint8_t *data;              /* oldest record first */
    uint32_t used;              /* bytes */
    uint16_t next_id;
    bool overflow;              /* an event was lost: it is full */
    uint32_t add_time, erase_time;
    IPMIReservation reservation;
    IPMIPartial partial;
} IPMISel;

/*
 * IPMISdr: a repository of Sensor Data Records (sec 33)
 */
typedef struct IPMISdr {
    uint32_t size;              /* bytes that it can hold */
    uint8_t *data;              /* records, one after the other */
    uint32_t used;              /* bytes */
    uint32_t count;             /* records */
    uint16_t next_id;
    bool overflow;
    bool update;                /* in modal update mode */
    uint32_t add_time, erase_time;
    IPMIReservation reservation;
    IPMIPartial partial;
} IPMISdr;

/*
 * IPMIFru: inventory data of one field replaceable unit (sec 34)
 */
#define IPMI_FRUS               4
#define IPMI_FRU_MAX            8192

typedef struct IPMIFru {
    uint8_t *data;
    uint32_t size;
} IPMIFru;

/*
 * IPMISensor: a sensor that the BMC owns. What it is comes from its SDR.
 */
#define IPMI_THRESHOLDS         6   /* LNC, LC, LNR, UNC, UC, UNR */

typedef struct IPMISensor {
    const uint8_t *sdr;         /* the record that it was made from */
    uint8_t number;

    uint8_t type, reading_type; /* sec 42 */
    uint8_t value;              /* what the hardware has */
    uint16_t states;            /*   the same, of a discrete sensor */
    uint8_t reading;            /* as last scanned */
    uint16_t present;           /* states, or thresholds at or beyond */
    uint8_t flags;              /* IPMI_SENSOR_* */
    uint8_t threshold[IPMI_THRESHOLDS];
    uint8_t hyst_pos, hyst_neg;
    uint16_t assert_enable, deassert_enable;
    uint16_t conditions;        /* event conditions that are true now */
    uint16_t asserted, deasserted;  /* as Get Sensor Event Status has them */
} IPMISensor;

#define IPMI_SENSOR_EVENTS      0x80
#define IPMI_SENSOR_SCANNING    0x40
#define IPMI_SENSOR_UNAVAILABLE 0x20

/*
 * IPMIWatchdog: watchdog timer (sec 27)
 */
typedef struct IPMIWatchdog {
    QEMUTimer timer;
    bool set;                   /* Set Watchdog Timer came since BMC reset */
    bool running;
    bool warned;                /* the pre-timeout is over */
    uint8_t use;                /* bits 7 and 2:0 of byte 1 */
    uint8_t action;             /* byte 2 */
    uint8_t pre_timeout;        /* seconds */
    uint8_t expired;            /* Timer Use Expiration flags */
    uint16_t initial;           /* 100 ms */
    int64_t deadline;           /* ns of virtual time, while running */
    uint16_t left;              /* 100 ms, while not running */
} IPMIWatchdog;

/*
 * IPMIParams: the values of a set of configuration parameters; laid out by an
 * IPMIParamSet.
 */
#define IPMI_PARAMS_MAX         768

typedef struct IPMIParams {
    uint8_t data[IPMI_PARAMS_MAX];
} IPMIParams;

/* Numbers of channels that can have parameters of their own */
#define IPMI_PARAM_CHANNELS     12

typedef struct IPMILanParams {
    IPMIParams lan, serial, sol;
    uint8_t arp_suspend;        /* sec 23.3 */
} IPMILanParams;

/*
 * IPMIChassis: chassis and power (sec 28)
 */
typedef struct IPMIChassis {
    QEMUTimer identify_timer;
    QEMUTimer boot_timer;       /* 60 s without chassis control */
    QEMUTimer hour_timer;       /* to store the POH counter */
    QEMUBH *start_bh;           /* power on, after the reset */
    uint8_t identify;           /* 0 off, 1 for a time, 2 indefinitely */
    uint8_t policy;             /* power restore policy */
    uint8_t last_event;
    uint8_t cause, cause_chan;  /* of the last restart */
    uint8_t next_cause, next_chan;  /* of the one that is on its way */
    uint8_t panel_disable;
    uint8_t cycle_interval;     /* seconds */
    bool started;               /* the first reset of the machine is over */
    bool power_on;              /* wanted: start after the next reset */
    bool boot_seen;             /* boot flags were there at a boot */
    uint32_t poh_base;          /* minutes */
    IPMIParams boot;
    uint16_t boot_invalid;      /* bit n: parameter n is marked invalid */
} IPMIChassis;

/*
 * IPMIStore: a log on a drive
 */
typedef struct IPMIStore {
    BlockBackend *blk;          /* NULL: nothing is kept */
    int64_t bank_size;
    int bank;                   /* in use; -1: none yet */
    uint64_t generation;        /* of the bank */
    uint64_t sequence;          /* of the next record */
    int64_t tail;               /* where it goes, from the start of the bank */
    bool rewrite;               /* the log is not the state: write a new one */
    bool failed;                /* the last write failed; said so */
    bool busy;                  /* within a write, which runs an event loop */
    GByteArray *dump;           /* the state that is being written */
    VMChangeStateEntry *vmstate;
} IPMIStore;

/*
 * IPMIBmcStores: all of it
 */
typedef struct IPMIBmcStores {
    IPMIStore store;
    IPMIClock sel_clock, sdr_clock;
    int16_t utc_offset;         /* minutes; 07FFh: not set */
    IPMISel sel;
    IPMISdr sdr;                /* the repository */
    IPMISdr dev;                /* device SDRs; never change */
    IPMIFru fru[IPMI_FRUS];
    IPMISensor *sensors;
    uint32_t n_sensors;
    uint8_t sensor_index[256];  /* number to index + 1 */
    uint8_t receiver, receiver_lun;     /* event receiver (sec 29.1) */
    IPMIWatchdog watchdog;
    IPMIChassis chassis;
    IPMILanParams lan[IPMI_PARAM_CHANNELS];
    IPMIParams info;            /* System Info (sec 22.14a) */
    uint8_t asset_tag[64];      /* DCMI */
    uint8_t asset_tag_len;
    uint8_t mc_id[64];          /* DCMI management controller ID string */
    uint32_t power_min, power_max;      /* DCMI power reading, watts */
    uint64_t power_sum;         /* watts times milliseconds */
    int64_t power_since, power_last;    /* ms of virtual time */

    /* properties */
    char *sdr_file;
    char **fru_files;
    uint32_t n_fru_files;
    uint32_t fru_size;
    char *manufacturer, *product, *serial;
    uint32_t sel_time;          /* 0: the machine's clock */
} IPMIBmcStores;

/*
 * What the core calls.
 *
 * ipmi_stores_class_props: the properties.
 * ipmi_stores_realize: reads the drive. Returns false with @errp set.
 * ipmi_stores_system_reset: the machine is reset. @snapshot: to load one.
 * ipmi_stores_bmc_reset: Cold Reset, or Warm Reset.
 */
void ipmi_stores_class_props(ObjectClass *klass);
bool ipmi_stores_realize(IPMIBmcMulti *s, Error **errp);
void ipmi_stores_unrealize(IPMIBmcMulti *s);
void ipmi_stores_system_reset(IPMIBmcMulti *s, bool snapshot);
void ipmi_stores_bmc_reset(IPMIBmcMulti *s, bool cold);

extern const VMStateDescription vmstate_ipmi_bmc_stores;

extern const IPMICommandTable ipmi_cmds_chassis;
extern const IPMICommandTable ipmi_cmds_sensor;
extern const IPMICommandTable ipmi_cmds_fru;
extern const IPMICommandTable ipmi_cmds_sdr;
extern const IPMICommandTable ipmi_cmds_sdr_dev;
extern const IPMICommandTable ipmi_cmds_sel;
extern const IPMICommandTable ipmi_cmds_transport;
extern const IPMICommandTable ipmi_cmds_dcmi;
extern const IPMICommandTable ipmi_cmds_watchdog;
extern const IPMICommandTable ipmi_cmds_sysinfo;

/*
 * ipmi_sel_add: a record for the SEL. Record ID, and time up to type DFh, are
 * filled in. @id may be NULL.
 * Returns a completion code: 00h, C4h if the log is full, FFh if it could not
 * be stored.
 */
uint8_t ipmi_sel_add(IPMIBmcMulti *s, const uint8_t rec[IPMI_SEL_RECORD],
                     uint16_t *id);

/*
 * ipmi_sel_count, ipmi_sel_record: the records, oldest first.
 */
unsigned ipmi_sel_count(IPMIBmcMulti *s);
const uint8_t *ipmi_sel_record(IPMIBmcMulti *s, unsigned index);

/*
 * ipmi_event: an event happened. It goes into the SEL and into the event
 * message buffer, as far as they are enabled. @rec: as for ipmi_sel_add().
 * Returns what ipmi_sel_add() does.
 */
uint8_t ipmi_event(IPMIBmcMulti *s, const uint8_t rec[IPMI_SEL_RECORD]);

/*
 * ipmi_sensor_find: NULL if there is none of that number.
 * ipmi_sensor_is_threshold: or a discrete one?
 * ipmi_sensor_set_value, ipmi_sensor_set_states: what the hardware has now;
 * of a threshold sensor, and of a discrete one. Events follow.
 */
IPMISensor *ipmi_sensor_find(IPMIBmcMulti *s, uint8_t number);
bool ipmi_sensor_is_threshold(const IPMISensor *sensor);
void ipmi_sensor_set_value(IPMIBmcMulti *s, IPMISensor *sensor, uint8_t raw);
void ipmi_sensor_set_states(IPMIBmcMulti *s, IPMISensor *sensor,
                            uint16_t states);

/*
 * Kinds of records in the store. They are a format: never renumber.
 */
typedef enum IPMIStoreKindNr {
    IPMI_STORE_SEL = 1,
    IPMI_STORE_SDR,
    IPMI_STORE_FRU,
    IPMI_STORE_CHASSIS,
    IPMI_STORE_PARAM,
    IPMI_STORE_MISC,
    IPMI_STORE_USER,            /* of the core */
    IPMI_STORE_CHANNEL,         /* of the core */
    IPMI_STORE__MAX
} IPMIStoreKindNr;

/*
 * IPMIStoreKind: who reads and writes records of a kind.
 *
 * load: a record from the drive; the later of two with the same key counts. It
 * must not trust it. Returns false if it makes no sense.
 * dump: give all of the present state to ipmi_store_emit().
 */
typedef struct IPMIStoreKind {
    const char *name;
    bool (*load)(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                 uint32_t len);
    void (*dump)(IPMIBmcMulti *s);
} IPMIStoreKind;

extern const IPMIStoreKind ipmi_store_sel, ipmi_store_sdr, ipmi_store_fru;
extern const IPMIStoreKind ipmi_store_chassis, ipmi_store_param;
extern const IPMIStoreKind ipmi_store_misc;
extern const IPMIStoreKind ipmi_store_user, ipmi_store_channel; /* core */

/*
 * ipmi_store_put: one record, on the drive when this returns. To be called
 * before the state in memory changes: if it returns false, nothing may change
 * and the command fails with FFh. Without a drive it does nothing, and returns
 * true.
 * @len: at most IPMI_STORE_MAX_DATA
 */
#define IPMI_STORE_MAX_DATA     1024
bool ipmi_store_put(IPMIBmcMulti *s, IPMIStoreKindNr kind, uint32_t key,
                    const void *data, uint32_t len);

/*
 * ipmi_store_emit: from an IPMIStoreKind.dump only.
 */
void ipmi_store_emit(IPMIBmcMulti *s, IPMIStoreKindNr kind, uint32_t key,
                     const void *data, uint32_t len);

#endif
