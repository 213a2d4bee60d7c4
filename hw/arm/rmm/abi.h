/*
 * Realm Management Monitor: encodings of the Realm Management Interface
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM specification (DEN0137) 2.0-bet0 with the changes of
 * bet1 and bet3; sections are those of bet0.
 */

#ifndef RMM_ABI_H
#define RMM_ABI_H

#include "hw/registerfields.h"

/* Function identifiers: SMC64 fast calls of the standard service */
#define RMI_FID_BASE            0xC4000000u
#define RMI_FID_HINT            0x00010000u /* SMCCC 1.3: no live SVE state */
#define RMI_NUM_FIRST           0x150
#define RMI_NUM_LAST            0x2CF
#define RMI_UNKNOWN             UINT64_MAX

/* sec B4.5: numbers of the commands, in their bits 15:0 */
enum {
    RMI_VERSION                  = 0x150,
    RMI_RTT_DATA_MAP_INIT        = 0x153,
    RMI_REALM_ACTIVATE           = 0x157,
    RMI_REALM_CREATE             = 0x158,
    RMI_REALM_DESTROY            = 0x159,
    RMI_REC_CREATE               = 0x15A,
    RMI_REC_DESTROY              = 0x15B,
    RMI_REC_ENTER                = 0x15C,
    RMI_RTT_CREATE               = 0x15D,
    RMI_RTT_DESTROY              = 0x15E,
    RMI_RTT_READ_ENTRY           = 0x161,
    RMI_PSCI_COMPLETE            = 0x164,
    RMI_FEATURES                 = 0x165,
    RMI_RTT_FOLD                 = 0x166,
    RMI_RTT_INIT_RIPAS           = 0x168,
    RMI_RTT_SET_RIPAS            = 0x169,
    RMI_RMM_CONFIG_SET           = 0x16E,
    RMI_GRANULE_TRACKING_GET     = 0x1E1,
    RMI_GRANULE_TRACKING_SET     = 0x1E3,
    RMI_RMM_CONFIG_GET           = 0x1EC,
    RMI_RMM_STATE_GET            = 0x1EE,
    RMI_GRANULE_RANGE_DELEGATE   = 0x1F1,
    RMI_GRANULE_RANGE_UNDELEGATE = 0x1F2,
    RMI_GPT_L1_CREATE            = 0x1F3,
    RMI_GPT_L1_DESTROY           = 0x1F4,
    RMI_RTT_DATA_MAP             = 0x1F5,
    RMI_RTT_DATA_UNMAP           = 0x1F6,
    RMI_RTT_UNPROT_MAP           = 0x1FB,
    RMI_RTT_UNPROT_UNMAP         = 0x1FC,
    RMI_REALM_TERMINATE          = 0x201,
    RMI_RMM_ACTIVATE             = 0x202,
    RMI_OP_CONTINUE              = 0x203,
    RMI_OP_MEM_DONATE            = 0x208,
    RMI_OP_MEM_RECLAIM           = 0x209,
    RMI_OP_CANCEL                = 0x20A,
    RMI_RMM_DEACTIVATE           = 0x20F,
    RMI_GPT_INFO                 = 0x211,
};

/*
 * sec B4.5: registers in and out. Inputs are X1 to X6, outputs X0 to X4; both
 * arrays have X0 as element 0. Commands with the same inputs share a name.
 */
#define RMI_INPUTS              7
#define RMI_OUTPUTS             5

typedef union RmiArgs {
    uint64_t x[RMI_INPUTS];
    struct { uint64_t fid, requested; } version;
    struct { uint64_t fid, index; } features;
    struct { uint64_t fid, config; } config;            /* _SET, _GET */
    struct { uint64_t fid, base, top; } range;          /* of memory */
    struct { uint64_t fid, address, category, state; } tracking_set;
    struct { uint64_t fid, base; } gpt;                 /* GPT_L1_* */
    struct { uint64_t fid, rd; } realm;                 /* but CREATE */
    struct { uint64_t fid, rd, params; } realm_create;
    struct { uint64_t fid, rec; } rec;                  /* REC_DESTROY */
    struct { uint64_t fid, rd, rec, params; } rec_create;
    struct { uint64_t fid, rec, run; } rec_enter;
    struct { uint64_t fid, calling, target, status; } psci; /* until bet1 */
    struct { uint64_t fid, calling, status; } psci_found;   /* from bet3 on */
    struct { uint64_t fid, rd, rtt, ipa, level; } rtt_create;
    struct { uint64_t fid, rd, ipa, level; } rtt;       /* but CREATE */
    struct { uint64_t fid, rd, base, top; } init_ripas;
    struct { uint64_t fid, rd, rec, base, top; } set_ripas;
    struct { uint64_t fid, rd, data, ipa, src, flags; } data_map_init;
    struct { uint64_t fid, rd, base, top, flags, oaddr; } map; /* and unmap */
    struct { uint64_t fid, handle, flags; } op;         /* OP_CONTINUE */
    struct { uint64_t fid, handle, list, count, flags; } op_mem;
} RmiArgs;

typedef union RmiOuts {
    uint64_t x[RMI_OUTPUTS];
    struct { uint64_t x0, lower, higher; } version;
    struct { uint64_t x0, value; } features;
    struct { uint64_t x0, state; } state_get;
    struct { uint64_t x0, category, state, top; } tracking_get;
    struct { uint64_t x0, top, state; } gpt_info;
    struct { uint64_t x0, top; } range;                 /* how far it came */
    struct { uint64_t x0, top, range, count; } unmap;
    struct { uint64_t x0, rtt, top; } rtt_destroy;
    struct { uint64_t x0, level, state, desc, ripas; } rtt_read;
    struct { uint64_t x0, handle, request; } op;        /* INCOMPLETE */
    struct { uint64_t x0, accepted, request; } donate;
    struct { uint64_t x0, entries, request; } reclaim;
} RmiOuts;

/* sec B4.6: RmiStatusCode */
typedef enum RmiStatus {
    RMI_SUCCESS = 0,
    RMI_ERROR_INPUT = 1,
    RMI_ERROR_REALM = 2,
    RMI_ERROR_REC = 3,
    RMI_ERROR_RTT = 4,
    RMI_ERROR_NOT_SUPPORTED = 5,
    RMI_ERROR_DEVICE = 6,
    RMI_ERROR_RTT_AUX = 7,
    RMI_ERROR_PSMMU_ST = 8,
    RMI_ERROR_DPT = 9,
    RMI_BUSY = 10,
    RMI_ERROR_GLOBAL = 11,
    RMI_ERROR_TRACKING = 12,
    RMI_INCOMPLETE = 13,
    RMI_BLOCKED = 14,
    RMI_ERROR_GPT = 15,
    RMI_ERROR_GRANULE = 16,
} RmiStatus;

/* sec B4.6.73: RmiResult */
FIELD(RMI_RESULT, STATUS, 0, 8)
FIELD(RMI_RESULT, MEM, 8, 2)        /* INCOMPLETE */
FIELD(RMI_RESULT, CANCEL, 10, 1)    /* INCOMPLETE */
FIELD(RMI_RESULT, LEVEL, 8, 8)      /* ERROR_RTT and its relatives */

/* sec B4.3.2.1: what an incomplete operation wants; also RMI_RESULT.MEM */
typedef enum RmiMem {
    RMI_MEM_NONE = 0,
    RMI_MEM_DONATE = 1,
    RMI_MEM_RECLAIM = 2,
} RmiMem;

/* sec B4.3.5: flags of OP_CONTINUE */
FIELD(RMI_CONTINUE, STOP, 0, 1)

/* sec B4.3.2.2: RmiOpMemDonateReq; STATE has two bits from bet3 on */
FIELD(RMI_DONATE, SIZE, 0, 2)
FIELD(RMI_DONATE, COUNT, 2, 14)
FIELD(RMI_DONATE, CONTIG, 16, 1)
FIELD(RMI_DONATE, STATE, 17, 2)

/* State of memory in requests and descriptors */
typedef enum RmiMemState {
    RMI_MEM_DELEGATED = 0,
    RMI_MEM_UNDELEGATED = 1,
    RMI_MEM_CONDITIONAL = 2,
} RmiMemState;

/*
 * sec B4.4: RmiAddrRangeDesc. SIZE is at 1:0, COUNT goes from bit 2 up to two
 * bits below the address, whose place depends on the granule.
 */
FIELD(RMI_RANGE, SIZE, 0, 2)
#define RMI_RANGE_COUNT_SHIFT   2
#define RMI_RANGE_ADDR_BITS     52
#define RMI_RANGE_STATE_SHIFT   62
/* TF-RMM's capacity of an address list */
#define RMI_LIST_MAX            512

/* sec B4.4: flags of map and unmap */
FIELD(RMI_MAP, OADDR_TYPE, 0, 2)
FIELD(RMI_MAP, LIST_COUNT, 2, 14)
FIELD(RMI_MAP, MEMATTR, 16, 3)
FIELD(RMI_MAP, S2AP, 19, 4)
typedef enum RmiOaddrType {
    RMI_OADDR_NONE = 0,
    RMI_OADDR_SINGLE = 1,
    RMI_OADDR_LIST = 2,
} RmiOaddrType;

FIELD(RMI_DATA, MEASURE, 0, 1)      /* flags of DATA_MAP_INIT */

/* sec B4.6: feature registers */
FIELD(RMI_FEATURE0, S2SZ, 0, 8)
FIELD(RMI_FEATURE0, LPA2, 8, 1)
FIELD(RMI_FEATURE0, SVE, 9, 1)
FIELD(RMI_FEATURE0, SVE_VL, 10, 4)
FIELD(RMI_FEATURE0, NUM_BPS, 14, 6)
FIELD(RMI_FEATURE0, NUM_WPS, 20, 6)
FIELD(RMI_FEATURE0, PMU, 26, 1)
FIELD(RMI_FEATURE0, PMU_NUM_CTRS, 27, 5)
FIELD(RMI_FEATURE0, S2OASZ, 33, 8)  /* bet3 */
FIELD(RMI_FEATURE1, GRAN_4K, 0, 1)
FIELD(RMI_FEATURE1, GRAN_16K, 1, 1)
FIELD(RMI_FEATURE1, GRAN_64K, 2, 1)
FIELD(RMI_FEATURE1, SHA_256, 3, 1)
FIELD(RMI_FEATURE1, SHA_384, 4, 1)
FIELD(RMI_FEATURE1, SHA_512, 5, 1)
FIELD(RMI_FEATURE1, MAX_RECS_ORDER, 6, 4)
FIELD(RMI_FEATURE1, L0GPTSZ, 10, 4)
FIELD(RMI_FEATURE1, PPS, 14, 3)
#define RMI_FEATURE_REGS        5

/* sec B4.5: VERSION */
#define RMI_VERSION_2_0         0x20000

/* sec B4.5.53: RmiRmmConfig */
#define RMI_CONFIG_TRACKING     0x0
#define RMI_CONFIG_GRANULE      0x8

/* sec A2.3: tracking */
typedef enum RmiCategory {
    RMI_CATEGORY_CONVENTIONAL = 0,
    RMI_CATEGORY_DEV_NCOH = 1,
    RMI_CATEGORY_DEV_COH = 2,
    RMI_CATEGORY_NONE = 3,          /* bet3 */
} RmiCategory;

typedef enum RmiTracking {
    RMI_TRACKING_RESERVED = 0,
    RMI_TRACKING_NONE = 1,
    RMI_TRACKING_FINE = 2,
    RMI_TRACKING_COARSE = 3,
} RmiTracking;

/* bet3: GPT_INFO */
typedef enum RmiGptState {
    RMI_GPT_RESERVED = 0,
    RMI_GPT_PLAT = 1,
    RMI_GPT_HOST_NOT_CREATED = 2,
    RMI_GPT_HOST_CREATED = 3,
} RmiGptState;

/* sec B4.6: RmiRealmParams */
#define RMI_PARAMS_FLAGS0       0x000
#define RMI_PARAMS_S2SZ         0x008
#define RMI_PARAMS_SVE_VL       0x010
#define RMI_PARAMS_NUM_BPS      0x018
#define RMI_PARAMS_NUM_WPS      0x020
#define RMI_PARAMS_PMU_CTRS     0x028
#define RMI_PARAMS_HASH         0x030
#define RMI_PARAMS_AUX_PLANES   0x038
#define RMI_PARAMS_RPV          0x400
#define RMI_PARAMS_ATS_PLANE    0x440
#define RMI_PARAMS_RTT_BASE     0x808
#define RMI_PARAMS_RTT_LEVEL    0x810
#define RMI_PARAMS_RTT_NUM      0x818
#define RMI_PARAMS_FLAGS1       0x820
#define RMI_PARAMS_SIZE         0x1000
FIELD(RMI_REALM_FLAGS0, LPA2, 0, 1)
FIELD(RMI_REALM_FLAGS0, SVE, 1, 1)
FIELD(RMI_REALM_FLAGS0, PMU, 2, 1)
FIELD(RMI_REALM_FLAGS0, DA, 3, 1)
FIELD(RMI_REALM_FLAGS0, LFA, 5, 2)
FIELD(RMI_REALM_FLAGS0, MEC, 7, 2)
FIELD(RMI_REALM_FLAGS1, S2AP_INDIRECT, 1, 1)
FIELD(RMI_REALM_FLAGS1, ATS, 2, 1)

typedef enum RmiHash {
    RMI_HASH_SHA_256 = 0,
    RMI_HASH_SHA_512 = 1,
    RMI_HASH_SHA_384 = 2,
} RmiHash;
#define RMI_HASH_BYTES          64

/* sec B4.6: RmiRecParams */
#define RMI_REC_PARAMS_FLAGS    0x000
#define RMI_REC_PARAMS_MPIDR    0x100
#define RMI_REC_PARAMS_PC       0x200
#define RMI_REC_PARAMS_GPRS     0x300
#define RMI_REC_PARAMS_NGPRS    8
FIELD(RMI_REC_FLAGS, RUNNABLE, 0, 1)
FIELD(RMI_MPIDR, AFF0, 0, 4)
FIELD(RMI_MPIDR, AFF1, 8, 8)
FIELD(RMI_MPIDR, AFF2, 16, 8)
FIELD(RMI_MPIDR, AFF3, 24, 8)

/* sec B4.6: RmiRecRun */
#define RMI_RUN_FLAGS           0x000
#define RMI_RUN_EXIT            0x800
#define RMI_RUN_EXIT_REASON     0x800
#define RMI_RUN_EXIT_GPRS       0xA00
#define RMI_RUN_SIZE            0x1000
FIELD(RMI_ENTER, EMUL_MMIO, 0, 1)
FIELD(RMI_ENTER, INJECT_SEA, 1, 1)
typedef enum RmiExit {
    RMI_EXIT_SYNC = 0,
    RMI_EXIT_IRQ = 1,
    RMI_EXIT_FIQ = 2,
    RMI_EXIT_PSCI = 3,
    RMI_EXIT_RIPAS_CHANGE = 4,
} RmiExit;

/* sec A5.2: RIPAS, and the entry states of RTT_READ_ENTRY */
typedef enum RmiRipas {
    RMI_RIPAS_EMPTY = 0,
    RMI_RIPAS_RAM = 1,
    RMI_RIPAS_DESTROYED = 2,
} RmiRipas;

typedef enum RmiRttState {
    RMI_RTT_UNASSIGNED = 0,         /* VOID or UNMAPPED_NS */
    RMI_RTT_ASSIGNED = 1,           /* DATA or MAPPED_NS */
    RMI_RTT_TABLE = 2,
} RmiRttState;

#endif /* RMM_ABI_H */
