/*
 * IPMI BMC with many channels: configuration parameters
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 22.14a, 23.1, 23.2, 25.1, 26.2, 28.12.
 *
 * LAN, serial, SOL, System Info and boot parameters are set and read in the
 * same way. A table (IPMIParamSet) describes each set of them; an IPMIParams
 * holds the values of one. Called by the modules that own the values, and by
 * their commands.
 *
 * Life: ipmi_params_dir_init() once; then ipmi_params_init() for each set of
 * values, before the store loads.
 */

#ifndef IPMI_MULTI_PARAMS_H
#define IPMI_MULTI_PARAMS_H

#include "migration/vmstate.h"
#include "store.h"

/* sec 23.1: completion codes */
#define IPMI_CC_PARAM           0x80    /* there is no such parameter */
#define IPMI_CC_IN_PROGRESS     0x81
#define IPMI_CC_READ_ONLY       0x82

/* Bytes of the values of a set; channels that can have sets of their own */
#define IPMI_PARAMS_MAX         768
#define IPMI_PARAM_CHANNELS     12

#define IPMI_PARAM_PROGRESS     0x01    /* Set In Progress */
#define IPMI_PARAM_RO           0x02
#define IPMI_PARAM_SHORT        0x04    /* fewer bytes may be written */
#define IPMI_PARAM_VOLATILE     0x08    /* not kept on the drive */

typedef struct IPMIParamDesc {
    uint8_t param;
    uint8_t len;                /* bytes, without a selector; at most 32 */
    uint8_t sets;               /* how many; 0: it has no set selector */
    uint8_t flags;
    const char *name;
    const uint8_t *init;        /* len bytes, for every set; NULL: 00h */
    const uint8_t *reserved;    /* bits that must be 0; NULL: none */
    uint8_t (*check)(const uint8_t *data);  /* completion code */
} IPMIParamDesc;

/* With the channel, the name of a set in the store: never renumber. */
typedef enum IPMIParamDomain {
    IPMI_PARAM_LAN,
    IPMI_PARAM_SERIAL,
    IPMI_PARAM_SOL,
    IPMI_PARAM_INFO,
    IPMI_PARAM_BOOT,
    IPMI_PARAM__MAX
} IPMIParamDomain;

typedef struct IPMIParamSet {
    IPMIParamDomain domain;
    const IPMIParamDesc *desc;
    unsigned n;
} IPMIParamSet;

typedef struct IPMIParams IPMIParams;

typedef struct IPMIParamsDir {
    IPMIStore *store;
    IPMIParams *at[IPMI_PARAM__MAX][IPMI_PARAM_CHANNELS];
} IPMIParamsDir;

struct IPMIParams {
    const IPMIParamSet *set;
    IPMIParamsDir *dir;
    uint8_t chan;
    uint8_t data[IPMI_PARAMS_MAX];
};

void ipmi_params_dir_init(IPMIParamsDir *dir, IPMIStore *store);

/*
 * ipmi_params_init: values as they come from the maker. @chan: 0 of a set that
 * there is once only.
 * ipmi_params_end_progress: the BMC or the system was reset.
 */
void ipmi_params_init(IPMIParams *p, IPMIParamsDir *dir,
                      const IPMIParamSet *set, uint8_t chan);
void ipmi_params_end_progress(IPMIParams *p);

/*
 * ipmi_params_value: where the value of a parameter is (of its first set);
 * NULL if there is no such parameter.
 */
uint8_t *ipmi_params_value(IPMIParams *p, uint8_t param);

/*
 * ipmi_params_set: @data begins with the selector, if there is one.
 * Returns the completion code; FFh if it could not be stored.
 */
uint8_t ipmi_params_set(IPMIParams *p, uint8_t param, const uint8_t *data,
                        unsigned len);

/* What a Get returns: selector if there is one, and value */
typedef struct IPMIParamValue {
    bool has_selector;
    const uint8_t *data;
    unsigned len;
} IPMIParamValue;

uint8_t ipmi_params_get(const IPMIParams *p, uint8_t param, uint8_t selector,
                        uint8_t block, IPMIParamValue *value);

extern const VMStateDescription vmstate_ipmi_params;

#endif
