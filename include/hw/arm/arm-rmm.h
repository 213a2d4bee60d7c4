/*
 * Realm Management Monitor: what its parts share
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All of it runs under the BQL: SMCs are handled with it held, and so are QMP
 * commands, resets and migration.
 */

#ifndef HW_ARM_ARM_RMM_H
#define HW_ARM_ARM_RMM_H

#include "exec/hwaddr.h"
#include "exec/memory.h"
#include "target/arm/cpu-qom.h"
#include "hw/qdev-core.h"
#include "qapi/qapi-types-arm-rmm.h"
#include "qemu/notify.h"
#include "qemu/queue.h"
#include "../../../hw/arm/rmm/profile.h"

#define TYPE_ARM_RMM "arm-rmm"
OBJECT_DECLARE_SIMPLE_TYPE(ArmRmm, ARM_RMM)

#define RMM_MAX_BANKS       32
#define RMM_MAX_SROS        1024
#define RMM_MAX_REQS        16      /* requests for memory of one course */
#define RMM_MAX_CONSUME     64
#define RMM_MAX_LOCKS       2
#define RMM_DEAD_HANDLES    64
#define RMM_MAX_RULES       256
#define RMM_LAST_LEVEL      3       /* of translation tables */
#define RMM_FINDING_TEXT    160
/*
 * Most memory that one call works on: it runs with the BQL held, and wiping
 * costs time. The host goes on from the address that it is told.
 */
#define RMM_CALL_BYTES      (1ull << 30)

typedef struct RmmCall RmmCall;
typedef struct RmmCommand RmmCommand;

/*
 * Granules: one byte each in a ledger.
 */
typedef enum RmmGranuleState {
    RMM_G_UNDELEGATED,
    RMM_G_DELEGATED,
    RMM_G_RD,
    RMM_G_REC,
    RMM_G_RTT,
    RMM_G_DATA,
    RMM_G_INTERNAL,
    RMM_G_STATES,
} RmmGranuleState;

/* The byte: state, and what else is to be known */
#define RMM_LEDGER_STATE    0x0f
#define RMM_LEDGER_LOCKED   0x10    /* in work by an open operation */
#define RMM_LEDGER_WAS_NS   0x20    /* INTERNAL that was UNDELEGATED */
#define RMM_LEDGER_USED     0x40    /* was more than DELEGATED */

/* A piece of conventional memory. Sizes are cut to whole 64 KiB granules. */
typedef struct RmmBank {
    hwaddr base;
    hwaddr size;
    uint64_t first;                 /* 4 KiB units of the banks before it */
} RmmBank;

/* Donated memory, in the order in which it came */
typedef struct RmmExtent {
    uint64_t base;
    uint64_t granules;
    bool was_ns;
} RmmExtent;

typedef struct RmmExtents {
    int32_t n;
    int32_t allocated;
    RmmExtent *ext;
} RmmExtents;

/*
 * Scripted course of an operation (QAPI: ArmRmmSroShape), resolved and plain
 * so that it migrates with the operation.
 */
typedef struct RmmReq {
    uint8_t size;
    uint16_t count;
    bool contig;
    uint8_t state;
    uint64_t or;
} RmmReq;

typedef struct RmmReqs {
    uint8_t n;
    RmmReq req[RMM_MAX_REQS];
} RmmReqs;

typedef struct RmmShape {
    int32_t rounds;
    uint32_t rounds_before;
    bool cancel;
    bool cancel_toggle;
    RmmReqs donate;
    RmmReqs then_donate;
    RmmReqs cancel_donate;
    bool repeat;
    bool cycle;
    uint8_t n_consume;
    uint32_t consume[RMM_MAX_CONSUME];
    bool consume_repeat;
    uint32_t refuse_granule;
    uint64_t fail;
    bool keep_memory;
    uint32_t max_entries;
    uint32_t max_granules;
    uint8_t order;
    int32_t empty;
    uint32_t skip;
    int8_t state;                   /* -1: the true one */
    bool has_extra;
    uint64_t extra;
    uint64_t chunk;
    bool has_handle;
    uint64_t handle;
    bool has_final;
    uint64_t final;
} RmmShape;

typedef struct RmmLock {
    uint64_t base;
    uint64_t top;
} RmmLock;

/* sec B4.3.1: context of a stateful operation */
typedef struct RmmSro {
    bool open;
    uint64_t handle;
    uint16_t num;                   /* command that began it */
    RmiArgs arg;
    uint8_t wants;                  /* RmiMem: the phase */
    bool cancellable;               /* as last answered */
    bool cancelled;
    bool taken;                     /* held memory comes from an object */
    uint64_t error;                 /* recorded failure */
    RmmShape shape;
    uint8_t queue;                  /* which list of requests: RmmQueue */
    uint8_t req;                    /* number of the current one */
    uint64_t left;                  /* granules that it still wants */
    int32_t rounds;                 /* still to come */
    uint32_t rounds_before;
    int32_t empty;
    uint32_t skip;
    bool extra_done;
    uint32_t donations;             /* OP_MEM_DONATE calls that took part */
    uint64_t accepted;              /* granules, since it began */
    uint64_t handed_back;
    uint64_t calls;
    uint16_t last_num;              /* latest command about it */
    uint64_t last_x0;               /* and its answer */
    int64_t last_ns;
    RmmExtents held;
    uint8_t n_locks;
    RmmLock lock[RMM_MAX_LOCKS];
} RmmSro;

typedef enum RmmQueue {
    RMM_QUEUE_DONATE,
    RMM_QUEUE_THEN,
    RMM_QUEUE_CANCEL,
} RmmQueue;

/* State that REC_ENTER will load into a CPU */
typedef struct RmmRecContext {
    uint64_t gprs[31];
    uint64_t pc;
    uint64_t pstate;
} RmmRecContext;

typedef struct RmmRealm RmmRealm;

typedef struct RmmRec {
    uint64_t pa;
    uint64_t index;
    uint64_t mpidr;
    bool runnable;
    bool running;
    bool psci_pending;
    bool emulatable;                /* last exit was an emulatable abort */
    uint64_t ripas_addr;
    uint64_t ripas_top;
    uint8_t ripas_value;
    bool ripas_destroyed;           /* request covers DESTROYED as well */
    RmmRecContext ctx;
    RmmExtents held;
    RmmRealm *realm;
    QTAILQ_ENTRY(RmmRec) next;
} RmmRec;

typedef enum RmmRealmState {
    RMM_REALM_NEW,
    RMM_REALM_ACTIVE,
    RMM_REALM_SYSTEM_OFF,
    RMM_REALM_ZOMBIE,
    RMM_REALM_STATES,
} RmmRealmState;

struct RmmRealm {
    uint64_t rd;
    uint8_t state;
    uint8_t s2sz;
    int8_t rtt_level;
    bool lpa2;
    uint8_t hash;
    uint32_t rtt_num;
    uint64_t rtt_base;
    uint64_t flags0;
    uint64_t next_index;
    uint64_t num_recs;
    uint64_t tables;
    uint64_t data;
    uint8_t rim[RMI_HASH_BYTES];
    uint8_t rem[4][RMI_HASH_BYTES];
    uint8_t rpv[64];
    RmmExtents held;
    QTAILQ_HEAD(, RmmRec) recs;
    QTAILQ_ENTRY(RmmRealm) next;
};

/* sec A5.5: where a walk ended */
typedef struct RmmWalk {
    int level;
    uint64_t table;
    unsigned index;
    uint64_t entry_pa;
    uint64_t desc;
    RmiRttState state;
    RmiRipas ripas;
    uint64_t addr;
} RmmWalk;

typedef struct RmmRule {
    ArmRmmRule *rule;
    int num;                        /* command, -1 for all */
    int of;                         /* beginning command, -1 for all */
    uint64_t matched;
    uint64_t applied;
} RmmRule;

typedef struct RmmFinding {
    uint64_t count;
    uint16_t num;                   /* command, 0 if none */
    int32_t cpu;                    /* -1 if none */
    int64_t time_ns;
    uint64_t address;
    char detail[RMM_FINDING_TEXT];
} RmmFinding;

/* A condition of a command that calls failed; the last of them */
typedef struct RmmRefusal {
    uint16_t num;
    const char *why;
    uint64_t count;
    uint64_t x0;
    uint64_t value;
} RmmRefusal;

/* BUSY or BLOCKED that a CPU has not answered with a repetition yet */
typedef struct RmmRetry {
    uint16_t num;
    uint32_t calls;                 /* of this CPU since */
    RmiArgs arg;
} RmmRetry;

typedef enum RmmState {
    RMM_STATE_INIT,
    RMM_STATE_INTERMEDIATE,
    RMM_STATE_ACTIVE,
} RmmState;

struct ArmRmm {
    DeviceState parent_obj;

    /* properties */
    ArmRmmAbi abi;
    const RmmProfile *profile;
    char *script;
    char *bl33;
    uint64_t bl33_addr;
    uint64_t bl33_entry;
    bool gpc;
    bool dma_check;
    ArmRmmOwner gpt_owner;
    ArmRmmOwner tracking_owner;
    ArmRmmScrub scrub;
    ArmRmmAuto blocked;
    ArmRmmAuto strict_continue;
    ArmRmmAuto cancellable;
    ArmRmmAuto rim_params;
    bool swap_quirk;
    bool sbz_check;
    bool keep_active;
    bool report;
    uint32_t num_sros;
    uint32_t num_vmids;
    uint32_t rec_granules;
    uint32_t realm_granules;
    uint32_t activate_granules;
    uint8_t cancel_status;

    /* what the machine has */
    RmmBank bank[RMM_MAX_BANKS];
    unsigned n_banks;
    uint64_t n_ledger;              /* bytes, one for 4 KiB of memory */
    uint8_t *ledger;
    uint8_t *origin;                /* who made it so: see acting */
    MemoryRegion *root_mr;
    AddressSpace root_as;
    MemoryRegion gpt_mr;
    hwaddr gpt_base;
    hwaddr gpt_size;
    unsigned pa_bits;               /* of the CPU */
    unsigned pps;                   /* protected: GPCCR_EL3.PPS */
    unsigned pps_bits;
    unsigned l0gptsz;
    uint64_t feature[RMI_FEATURE_REGS];
    uint64_t bl33_start;

    /* state */
    uint8_t state;                  /* RmmState */
    uint8_t acting;                 /* command at work: index + 1, or 0 */
    uint8_t granule_shift;
    uint8_t tracking_code;
    bool gpt_flush;                 /* something was taken away */
    uint32_t n_regions;             /* tracking regions, 32 MiB each */
    uint8_t *region;                /* RmiTracking */
    RmmExtents held;                /* donated to RMM_ACTIVATE */
    RmmSro *sro;
    uint32_t open_sros;
    uint64_t dead[RMM_DEAD_HANDLES];
    uint32_t n_dead;
    QTAILQ_HEAD(, RmmRealm) realms;
    uint32_t n_realms;
    GHashTable *objects;            /* realms and RECs by address */
    RmmExtents gpt_table;           /* of a GPT_L1_DESTROY that begins */
    uint64_t count[RMM_G_STATES];
    uint64_t calls;
    uint64_t *command_calls;
    uint64_t donated;
    uint64_t reclaimed;
    uint64_t gpt_flushes;
    uint64_t seed;                  /* of the script; 0: off */
    uint64_t random;                /* state of the sequence; 0: off */
    RmmRule *rule;
    unsigned n_rules;
    RmmFinding finding[ARM_RMM_FINDING_KIND__MAX];
    GArray *refusals;               /* RmmRefusal */
    RmmRetry *retry;                /* one a CPU */
    unsigned n_retries;             /* of them in use */
    uint8_t params[RMI_PARAMS_SIZE]; /* of the call that is being handled */
    unsigned n_cpus;

    /* migration only */
    int32_t n_runs;
    struct RmmRun *run;
    uint8_t migrated_abi;
    uint32_t n_rule_matched;
    uint64_t rule_matched[RMM_MAX_RULES];
    uint64_t rule_applied[RMM_MAX_RULES];

    Notifier machine_done;
    Notifier exit;
};

/*
 * A call. check() fills in what it resolved; commit() uses that.
 */
struct RmmCall {
    ArmRmm *rmm;
    const RmmCommand *cmd;
    int cpu;
    RmiArgs arg;
    RmiOuts out;
    unsigned n_out;                 /* more than the command has */
    RmmSro *sro;                    /* the operation that goes on, or NULL */
    const ArmRmmRule *rule;
    const char *why;                /* the condition that failed, or NULL */
    uint64_t why_value;             /* what did not meet it */
    bool force;
    uint64_t chunk;                 /* most bytes of a range, 0: all */
    RmmRealm *realm;
    RmmRec *rec;
    RmmRec *target;
    RmmWalk walk;
    union {
        struct {
            uint8_t granule, tracking;
        } config;
        struct {
            uint64_t flags0, rtt_base;
            uint32_t rtt_num;
            int8_t rtt_level;
            uint8_t s2sz, hash;
            bool lpa2;
        } realm_params;
        struct {
            uint64_t flags, mpidr, pc, gprs[RMI_REC_PARAMS_NGPRS];
        } rec_params;
        struct {
            uint64_t list_pa;
            unsigned count;
            uint64_t desc;
        } oaddr;
    };
};

/*
 * A command. check() finds every failure and changes nothing; commit() cannot
 * fail any more. What a command wants of a stateful operation:
 */
struct RmmCommand {
    uint16_t num;
    const char *name;
    enum { RMM_PLAIN, RMM_STATEFUL, RMM_MEMORY } kind;
    enum { RMM_ANYTIME, RMM_BEFORE, RMM_WHEN_STARTED, RMM_WHEN_ACTIVE } when;
    uint8_t n_in;
    uint8_t n_out;
    const char *in[RMI_INPUTS - 1];
    const char *out[RMI_OUTPUTS - 1];
    uint64_t (*check)(RmmCall *c);
    uint64_t (*commit)(RmmCall *c);
    /* memory that it needs */
    void (*need)(RmmCall *c, RmmReqs *reqs);
    /* granules that are in an intermediate state while it is open */
    void (*lock)(RmmCall *c, RmmSro *sro);
    /*
     * memory that it hands back before it ends; and taking that back when
     * nothing was handed back yet, if moving it there again is not enough
     */
    RmmExtents *(*memory)(RmmCall *c);
    void (*take_back)(RmmCall *c, RmmExtents *held);
    /* when an operation is opened or dropped without a commit */
    void (*opened)(RmmCall *c);
    void (*dropped)(RmmCall *c);
};

/* arm-rmm.c */

/** rmm_get: the one RMM of the machine, or NULL */
ArmRmm *rmm_get(void);

/** rmm_reset_state: drop all objects and operations, as a cold reset does */
void rmm_reset_state(ArmRmm *rmm);

/* arm-rmm-el3.c */

/** rmm_el3_install: answer the SMCs of all CPUs from now on */
bool rmm_el3_install(ArmRmm *rmm, Error **errp);

/** rmm_el3_setup_cpu: what EL3 firmware leaves in a CPU after its reset */
void rmm_el3_setup_cpu(ArmRmm *rmm, CPUState *cs);

/**
 * rmm_el3_smc: answer a call
 * @cs: the CPU that calls
 * @x: X0 to X17; the answer replaces them
 *
 * Returns whether the call is one that this monitor answers.
 */
bool rmm_el3_smc(ArmRmm *rmm, CPUState *cs, uint64_t x[18]);

/* arm-rmm-boot.c */

/** rmm_boot_prepare: set the CPUs up for a payload that starts at EL2 */
bool rmm_boot_prepare(ArmRmm *rmm, Error **errp);

/** rmm_boot_load: load the payload; once the machine is complete */
void rmm_boot_load(ArmRmm *rmm);

/** rmm_boot_reset: start the payload on the first CPU */
void rmm_boot_reset(ArmRmm *rmm);

/* arm-rmm-features.c */

/** rmm_features_init: what the configured CPU can offer to realms */
void rmm_features_init(ArmRmm *rmm, ARMCPU *cpu);

/* arm-rmm-gpt.c */

/** rmm_gpt_init: make room for the tables, once the memory is known */
bool rmm_gpt_init(ArmRmm *rmm, ARMCPU *cpu, Error **errp);

/** rmm_gpt_reset: everything Non-secure, the tables themselves excepted */
void rmm_gpt_reset(ArmRmm *rmm);

/** rmm_gpt_setup_cpu: let a CPU use the tables */
void rmm_gpt_setup_cpu(ArmRmm *rmm, CPUState *cs);

/** rmm_gpt_set: give a range of memory that has tables to another space */
void rmm_gpt_set(ArmRmm *rmm, hwaddr base, hwaddr size, unsigned gpi);

/** rmm_gpt_get: granule protection information of an address */
unsigned rmm_gpt_get(ArmRmm *rmm, hwaddr pa);

/** rmm_gpt_has_table: is there a level 1 table for an address? */
bool rmm_gpt_has_table(ArmRmm *rmm, hwaddr pa);

/** rmm_gpt_add_table: link a level 1 table of the host's memory */
void rmm_gpt_add_table(ArmRmm *rmm, hwaddr pa, hwaddr table);

/** rmm_gpt_host_tables: level 1 tables that the host made for its memory */
unsigned rmm_gpt_host_tables(ArmRmm *rmm);

/** rmm_gpt_table: level 1 table of an address that has one */
hwaddr rmm_gpt_table(ArmRmm *rmm, hwaddr pa);

/** rmm_gpt_remove_table: make it a block again */
void rmm_gpt_remove_table(ArmRmm *rmm, hwaddr pa);

/** rmm_gpt_flush: end the TLB maintenance that rmm_gpt_set() made due */
void rmm_gpt_flush(ArmRmm *rmm, CPUState *cs);

/** rmm_gpt_region_size: bytes that an entry of level 0 covers */
hwaddr rmm_gpt_region_size(ArmRmm *rmm);

/** rmm_gpt_table_size: bytes of a level 1 table */
hwaddr rmm_gpt_table_size(ArmRmm *rmm);

#define RMM_GPI_NONE    0x0
#define RMM_GPI_SECURE  0x8
#define RMM_GPI_NS      0x9
#define RMM_GPI_ROOT    0xa
#define RMM_GPI_REALM   0xb
#define RMM_GPI_ANY     0xf

/* arm-rmm-dma.c */

/** rmm_dma_init: let devices meet the tables; once the machine is complete */
void rmm_dma_init(ArmRmm *rmm);

/* arm-rmm-granule.c */

/** rmm_granules_init: find the conventional memory */
bool rmm_granules_init(ArmRmm *rmm, Error **errp);

/** rmm_granules_reset: all UNDELEGATED */
void rmm_granules_reset(ArmRmm *rmm);

/** rmm_granule_size: in bytes */
hwaddr rmm_granule_size(ArmRmm *rmm);

/** rmm_granule_total: granules that the machine has */
uint64_t rmm_granule_total(ArmRmm *rmm);

/** rmm_aligned: is an address aligned to the RMI granule? */
bool rmm_aligned(ArmRmm *rmm, uint64_t pa);

/** rmm_granule: ledger byte, or NULL where no conventional memory is */
uint8_t *rmm_granule(ArmRmm *rmm, uint64_t pa);

/** rmm_granules_exist: are @n granules from @pa on all conventional memory? */
bool rmm_granules_exist(ArmRmm *rmm, uint64_t pa, uint64_t n);

/** rmm_granule_state: state, RMM_G_STATES where no memory is */
RmmGranuleState rmm_granule_state(ArmRmm *rmm, uint64_t pa);

/** rmm_granule_origin: name of the command that put a granule into its state */
const char *rmm_granule_origin(ArmRmm *rmm, uint64_t pa);

/** rmm_granule_name: of a state */
const char *rmm_granule_name(RmmGranuleState state);

/** rmm_blocked: answer to who touches what another operation has in work */
uint64_t rmm_blocked(ArmRmm *rmm);

/**
 * rmm_granule_check: does a command find a granule as it needs it?
 *
 * Returns RMI_SUCCESS, RMI_ERROR_INPUT if not, or what the profile says for
 * one that another operation has in work.
 */
uint64_t rmm_granule_check(RmmCall *c, uint64_t pa, RmmGranuleState want);

/** rmm_granule_set: change the state of @n granules, all of them in @from */
void rmm_granule_set(ArmRmm *rmm, uint64_t pa, uint64_t n,
                     RmmGranuleState from, RmmGranuleState to);

/** rmm_granule_donate: DELEGATED or UNDELEGATED becomes INTERNAL */
void rmm_granule_donate(ArmRmm *rmm, uint64_t pa);

/** rmm_granule_return: INTERNAL becomes what it was */
void rmm_granule_return(ArmRmm *rmm, uint64_t pa, uint64_t n);

/** rmm_granule_lock: mark as in work, or not any more */
void rmm_granule_lock(ArmRmm *rmm, uint64_t base, uint64_t top, bool on);

/** rmm_ns_ok: is all of a range Non-secure conventional memory? */
bool rmm_ns_ok(ArmRmm *rmm, uint64_t pa, uint64_t size);

/** rmm_ns_read, rmm_ns_write: false, and nothing done, if not rmm_ns_ok() */
bool rmm_ns_read(ArmRmm *rmm, uint64_t pa, void *buf, uint64_t size);
bool rmm_ns_write(ArmRmm *rmm, uint64_t pa, const void *buf, uint64_t size);

/** rmm_read, rmm_write, rmm_wipe: the RMM's own access to memory */
void rmm_read(ArmRmm *rmm, uint64_t pa, void *buf, uint64_t size);
void rmm_write(ArmRmm *rmm, uint64_t pa, const void *buf, uint64_t size);
void rmm_wipe(ArmRmm *rmm, uint64_t pa, uint64_t size);
uint64_t rmm_ldq(ArmRmm *rmm, uint64_t pa);
void rmm_stq(ArmRmm *rmm, uint64_t pa, uint64_t val);

/** rmm_tracking: state of the tracking region of an address */
RmiTracking rmm_tracking(ArmRmm *rmm, uint64_t pa);

/** rmm_tracking_size: bytes of a tracking region */
uint64_t rmm_tracking_size(ArmRmm *rmm);

/** rmm_tracking_set: change the state of one tracking region */
void rmm_tracking_set(ArmRmm *rmm, uint64_t pa, RmiTracking state);

/* arm-rmm-extent.c */

/** rmm_extents_add: append a piece, joining it with the last if it follows */
void rmm_extents_add(RmmExtents *e, uint64_t base, uint64_t granules,
                     uint64_t granule_size, bool was_ns);

/** rmm_extents_move: append all of @from and empty it */
void rmm_extents_move(RmmExtents *to, RmmExtents *from);

/** rmm_extents_total: granules in all pieces */
uint64_t rmm_extents_total(const RmmExtents *e);

/** rmm_extents_clear: forget them */
void rmm_extents_clear(RmmExtents *e);

/* arm-rmm-command.c */

/** rmm_call: answer an RMI call; false if the number is none of ours */
bool rmm_call(ArmRmm *rmm, int cpu, uint16_t num, const uint64_t *in,
              uint64_t *out, unsigned *n_out);

/** rmm_command: entry of the command table, or NULL */
const RmmCommand *rmm_command(unsigned num);

/** rmm_command_at: the @i-th entry of the table, NULL behind the last */
const RmmCommand *rmm_command_at(unsigned i);

/** rmm_command_by_name: number, or -1 */
int rmm_command_by_name(const char *name);

/** rmm_command_known: does the profile have the command? */
bool rmm_command_known(ArmRmm *rmm, const RmmCommand *cmd);

/** rmm_command_index: place of a command in the table */
unsigned rmm_command_index(const RmmCommand *cmd);

/** rmm_status_name: of the status field of an X0 */
const char *rmm_status_name(uint64_t x0);

/**
 * rmm_refuse: a condition does not hold
 * @x0: the answer
 * @why: the condition, in words that never go away; the monitor counts by them
 * @value: what does not meet it
 *
 * Returns @x0. Of several, the last one is what the host is told.
 */
uint64_t rmm_refuse(RmmCall *c, uint64_t x0, const char *why, uint64_t value);

/** rmm_result_level: result with a level, for example ERROR_RTT */
uint64_t rmm_result_level(RmiStatus status, int level);

/* arm-rmm-sro.c */

/**
 * rmm_sro_begin: open an operation for a command that passed its check
 *
 * Returns INCOMPLETE, BUSY or BLOCKED; or RMI_SUCCESS if it needs none: then
 * the caller commits.
 */
uint64_t rmm_sro_begin(RmmCall *c);

/** rmm_sro_find: operation of a handle, or NULL */
RmmSro *rmm_sro_find(ArmRmm *rmm, uint64_t handle);

/** rmm_sro_answer: INCOMPLETE result for the operation's phase */
uint64_t rmm_sro_answer(RmmCall *c, RmmSro *sro);

/** rmm_sro_want: go to a phase */
void rmm_sro_want(ArmRmm *rmm, RmmSro *sro, RmiMem wants);

/** rmm_sro_request: value of the donation request register */
uint64_t rmm_sro_request(ArmRmm *rmm, const RmmSro *sro);

/** rmm_sro_current: what is still wanted of the current request */
RmmReq rmm_sro_current(ArmRmm *rmm, const RmmSro *sro);

/** rmm_sro_lookup: operation of the handle in X1, with a finding if none */
RmmSro *rmm_sro_lookup(RmmCall *c, bool may_be_swapped);

/** rmm_sro_resume: call of the command that began an operation */
void rmm_sro_resume(RmmCall *c, RmmSro *sro, RmmCall *begun);

/** rmm_sro_restore: memory taken from an object goes back to it */
void rmm_sro_restore(RmmCall *c, RmmSro *sro);

/** rmm_sro_close: the handle dies */
void rmm_sro_close(RmmCall *c, RmmSro *sro, uint64_t x0);

/** rmm_sro_fail: record a failure; OP_CONTINUE leads to its end */
void rmm_sro_fail(RmmSro *sro, uint64_t x0);

/** rmm_sro_next_request: ask for more memory, or go on without */
void rmm_sro_next_request(ArmRmm *rmm, RmmSro *sro);

/** rmm_sro_queue: go to another list of requests */
void rmm_sro_queue(ArmRmm *rmm, RmmSro *sro, RmmQueue queue);

/** rmm_sro_lock: a range is in an intermediate state */
void rmm_sro_lock(RmmCall *c, RmmSro *sro, uint64_t base, uint64_t top);

/** rmm_sro_owns: is an address among the locked ranges? */
bool rmm_sro_owns(const RmmSro *sro, uint64_t pa);

/** rmm_sro_wants_name: for people */
const char *rmm_sro_wants_name(const RmmSro *sro);

/** rmm_sros_reset: forget all operations */
void rmm_sros_reset(ArmRmm *rmm);

/* arm-rmm-sro-ops.c, arm-rmm-sro-mem.c: bodies of OP_* */
uint64_t rmm_op_continue(RmmCall *c);
uint64_t rmm_op_cancel(RmmCall *c);
uint64_t rmm_op_mem_donate(RmmCall *c);
uint64_t rmm_op_mem_reclaim(RmmCall *c);

/** rmm_block_granules: granules of a block of a size code, 0 if none such */
uint64_t rmm_block_granules(ArmRmm *rmm, unsigned size);

/** rmm_range_make: RmiAddrRangeDesc */
uint64_t rmm_range_make(ArmRmm *rmm, uint64_t base, unsigned size,
                        uint64_t count, unsigned state);

/** rmm_range_parse: fields of one; @granules is 0 if it is malformed */
void rmm_range_parse(ArmRmm *rmm, uint64_t desc, uint64_t *base,
                     unsigned *size, uint64_t *granules, unsigned *state);

/** rmm_range_max_count: largest count of a descriptor */
uint64_t rmm_range_max_count(ArmRmm *rmm);

/* arm-rmm-realm.c */

/** rmm_realm_find: the realm of a descriptor, or NULL */
RmmRealm *rmm_realm_find(ArmRmm *rmm, uint64_t rd);

/** rmm_check_rd: standard checks of a realm descriptor; sets @c->realm */
uint64_t rmm_check_rd(RmmCall *c, uint64_t rd);

/**
 * rmm_realm_geometry_ok: can a realm have such translation tables?
 * @s2sz: bits of its address space
 * @level: where a walk starts
 * @num: tables at this level
 * @lpa2: with 52 bits
 */
bool rmm_realm_geometry_ok(ArmRmm *rmm, unsigned s2sz, int64_t level,
                           uint64_t num, bool lpa2);

/** rmm_realm_free: forget a realm and its RECs */
void rmm_realm_free(ArmRmm *rmm, RmmRealm *realm);

/** rmm_realm_state_name: for people */
const char *rmm_realm_state_name(RmmRealmState state);

/* arm-rmm-rec.c */

/** rmm_rec_find: the REC at an address, or NULL */
RmmRec *rmm_rec_find(ArmRmm *rmm, uint64_t pa);

/** rmm_check_rec: standard checks of a REC */
uint64_t rmm_check_rec(RmmCall *c, uint64_t pa, RmmRec **rec);

/* arm-rmm-rtt.c */

/** rmm_rtt_shift: log2 of the bytes that an entry of a level covers */
unsigned rmm_rtt_shift(ArmRmm *rmm, int level);

/** rmm_rtt_span: bytes that an entry of a level covers */
uint64_t rmm_rtt_span(ArmRmm *rmm, int level);

/** rmm_rtt_walk: go down to @level, or to where the tables end */
void rmm_rtt_walk(ArmRmm *rmm, const RmmRealm *realm, uint64_t ipa, int level,
                  RmmWalk *w);

/** rmm_rtt_protected: is an address in the protected half? */
bool rmm_rtt_protected(const RmmRealm *realm, uint64_t ipa);

/** rmm_rtt_entries: entries of a table */
unsigned rmm_rtt_entries(ArmRmm *rmm);

/** rmm_rtt_put_table: entry that points to a table */
void rmm_rtt_put_table(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                       uint64_t table);

/** rmm_rtt_put_void: VOID entry with a RIPAS, or UNMAPPED_NS with EMPTY */
void rmm_rtt_put_void(ArmRmm *rmm, uint64_t entry_pa, RmiRipas ripas);

/** rmm_rtt_put_data: DATA entry */
void rmm_rtt_put_data(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                      int level, uint64_t addr, RmiRipas ripas);

/** rmm_rtt_put_ns: MAPPED_NS entry */
void rmm_rtt_put_ns(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                    int level, uint64_t addr, unsigned memattr, unsigned s2ap);

/** rmm_rtt_set_addr: descriptor of a leaf with another output address */
uint64_t rmm_rtt_set_addr(ArmRmm *rmm, const RmmRealm *realm, uint64_t desc,
                          uint64_t addr, int level);

/** rmm_rtt_put_ripas: change the RIPAS of a VOID or DATA entry */
void rmm_rtt_put_ripas(ArmRmm *rmm, const RmmRealm *realm, const RmmWalk *w,
                       RmiRipas ripas);

/** rmm_rtt_next_live: address of the next live entry of the walk's table */
uint64_t rmm_rtt_next_live(ArmRmm *rmm, const RmmRealm *realm,
                           const RmmWalk *w, uint64_t ipa);

/** rmm_rtt_entry: decode entry @index of the table that @w is in */
void rmm_rtt_entry(ArmRmm *rmm, const RmmRealm *realm, const RmmWalk *w,
                   unsigned index, uint64_t ipa, RmmWalk *entry);

/** rmm_rtt_error: refuse with ERROR_RTT and the level of @c's walk */
uint64_t rmm_rtt_error(RmmCall *c, const char *why);

/** rmm_rtt_may_map: are leaves with addresses possible at a level? */
bool rmm_rtt_may_map(ArmRmm *rmm, int level);

/** rmm_rtt_table_live: has a table an entry that holds DATA or a table? */
bool rmm_rtt_table_live(ArmRmm *rmm, const RmmRealm *realm, uint64_t table,
                        int level, uint64_t ipa);

/* arm-rmm-cmd-map.c */

/** rmm_range_check: is a range aligned, and in one half of the realm? */
uint64_t rmm_range_check(RmmCall *c, uint64_t base, uint64_t top,
                         bool protected);

/* arm-rmm-measure.c */

/** rmm_measure_init: RIM of a new realm */
void rmm_measure_init(ArmRmm *rmm, RmmRealm *realm, const uint8_t *params);

/** rmm_measure_data: extend the RIM by a DATA granule */
void rmm_measure_data(ArmRmm *rmm, RmmRealm *realm, uint64_t ipa,
                      uint64_t flags, uint64_t pa);

/** rmm_measure_rec: extend the RIM by a REC */
void rmm_measure_rec(ArmRmm *rmm, RmmRealm *realm, uint64_t flags, uint64_t pc,
                     const uint64_t *gprs);

/** rmm_hash_size: bytes of a digest, 0 if there is no such algorithm */
unsigned rmm_hash_size(uint8_t hash);

/* arm-rmm-fault.c */

/** rmm_script_load: take the rules of the property; JSON text or a file */
bool rmm_script_load(ArmRmm *rmm, const char *script, Error **errp);

/** rmm_script_set: take other rules */
bool rmm_script_set(ArmRmm *rmm, ArmRmmScript *script, Error **errp);

/** rmm_script_clear: forget the rules */
void rmm_script_clear(ArmRmm *rmm);

/** rmm_script_match: the rule for a call, or NULL */
const ArmRmmRule *rmm_script_match(RmmCall *c, int of);

/** rmm_script_outputs: apply a rule's changes of output registers */
void rmm_script_outputs(RmmCall *c, const ArmRmmRule *rule, uint64_t *x0);

/** rmm_script_shape: course of the operation that a call begins */
void rmm_script_shape(RmmCall *c, RmmShape *shape);

/** rmm_random: next number below @n of the seeded sequence */
uint32_t rmm_random(ArmRmm *rmm, uint32_t n);

/** rmm_random_status: BUSY now and then, RMI_SUCCESS else */
uint64_t rmm_random_status(RmmCall *c);

/* arm-rmm-monitor.c */

/** rmm_finding: note one */
void G_GNUC_PRINTF(5, 6)
rmm_finding(ArmRmm *rmm, ArmRmmFindingKind kind, RmmCall *c, uint64_t address,
            const char *fmt, ...);

/** rmm_monitor_answer: look at a call and its answer */
void rmm_monitor_answer(RmmCall *c, uint64_t x0);

/** rmm_monitor_exception: look at an exception that a CPU takes */
void rmm_monitor_exception(ArmRmm *rmm, CPUState *cs);

/**
 * rmm_monitor_query: findings, with those of a stop now
 *
 * One of each kind; of those of a stop, one for each command.
 */
ArmRmmFindingList *rmm_monitor_query(ArmRmm *rmm);

/** rmm_monitor_total: how many findings there are */
uint64_t rmm_monitor_total(ArmRmm *rmm);

/** rmm_monitor_report: print them */
void rmm_monitor_report(ArmRmm *rmm);

/* arm-rmm-qtest.c */

/** rmm_qtest_init: the qtest command "smc" */
void rmm_qtest_init(void);

/* arm-rmm-vmstate.c */
extern const VMStateDescription vmstate_arm_rmm;

/* Bodies of the commands; arm-rmm-command.c says what each is */
#define RMM_BODY(name) \
    uint64_t rmm_##name##_check(RmmCall *c); \
    uint64_t rmm_##name##_commit(RmmCall *c)

RMM_BODY(version);
RMM_BODY(features);
RMM_BODY(config_set);
RMM_BODY(config_get);
RMM_BODY(state_get);
RMM_BODY(activate);
RMM_BODY(deactivate);
RMM_BODY(tracking_get);
RMM_BODY(tracking_set);
RMM_BODY(gpt_create);
RMM_BODY(gpt_destroy);
RMM_BODY(gpt_info);
RMM_BODY(delegate);
RMM_BODY(undelegate);
RMM_BODY(realm_create);
RMM_BODY(realm_activate);
RMM_BODY(realm_terminate);
RMM_BODY(realm_destroy);
RMM_BODY(rec_create);
RMM_BODY(rec_destroy);
RMM_BODY(rec_enter);
RMM_BODY(psci_complete);
RMM_BODY(rtt_create);
RMM_BODY(rtt_destroy);
RMM_BODY(rtt_fold);
RMM_BODY(rtt_read);
RMM_BODY(data_map_init);
RMM_BODY(data_map);
RMM_BODY(data_unmap);
RMM_BODY(unprot_map);
RMM_BODY(unprot_unmap);
RMM_BODY(init_ripas);
RMM_BODY(set_ripas);
#undef RMM_BODY

void rmm_activate_need(RmmCall *c, RmmReqs *reqs);
void rmm_activate_opened(RmmCall *c);
void rmm_activate_dropped(RmmCall *c);
RmmExtents *rmm_activate_memory(RmmCall *c);
void rmm_gpt_create_need(RmmCall *c, RmmReqs *reqs);
RmmExtents *rmm_gpt_destroy_memory(RmmCall *c);
void rmm_gpt_destroy_opened(RmmCall *c);
void rmm_gpt_destroy_take_back(RmmCall *c, RmmExtents *held);
void rmm_range_lock(RmmCall *c, RmmSro *sro);
void rmm_realm_create_need(RmmCall *c, RmmReqs *reqs);
void rmm_realm_create_lock(RmmCall *c, RmmSro *sro);
void rmm_realm_lock(RmmCall *c, RmmSro *sro);
RmmExtents *rmm_realm_memory(RmmCall *c);
void rmm_rec_create_need(RmmCall *c, RmmReqs *reqs);
void rmm_rec_create_lock(RmmCall *c, RmmSro *sro);
void rmm_rec_lock(RmmCall *c, RmmSro *sro);
RmmExtents *rmm_rec_memory(RmmCall *c);
void rmm_x2_lock(RmmCall *c, RmmSro *sro);
void rmm_rtt_destroy_lock(RmmCall *c, RmmSro *sro);
void rmm_data_map_lock(RmmCall *c, RmmSro *sro);
void rmm_data_unmap_lock(RmmCall *c, RmmSro *sro);
void rmm_set_ripas_lock(RmmCall *c, RmmSro *sro);

#endif /* HW_ARM_ARM_RMM_H */
