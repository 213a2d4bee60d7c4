/*
 * Realm Management Monitor: command table and dispatcher
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.3.2 (classes), B4.5 (commands).
 *
 * The table is all that the dispatcher, the trace, the scripts, QMP and the
 * qtests know of commands. A number that is not in it, or not in the profile,
 * is answered as SMCCC wants it: -1.
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "hw/arm/arm-rmm.h"
#include "trace.h"

#define ANY     RMM_ANYTIME
#define BEFORE  RMM_BEFORE
#define ACTIVE  RMM_WHEN_ACTIVE
#define STARTED RMM_WHEN_STARTED
#define P       RMM_PLAIN
#define S       RMM_STATEFUL
#define SM      RMM_MEMORY

#define BODY(b) .check = rmm_##b##_check, .commit = rmm_##b##_commit
#define IN(...) .in = { __VA_ARGS__ }
#define OUT(...) .out = { __VA_ARGS__ }

static const RmmCommand commands[] = {
    { RMI_VERSION, "VERSION", P, ANY, 1, 2, BODY(version),
      IN("requested"), OUT("lower", "higher") },
    { RMI_RTT_DATA_MAP_INIT, "RTT_DATA_MAP_INIT", S, ACTIVE, 5, 0,
      BODY(data_map_init), .lock = rmm_x2_lock,
      IN("rd", "data", "ipa", "src", "flags") },
    { RMI_REALM_ACTIVATE, "REALM_ACTIVATE", P, ACTIVE, 1, 0,
      BODY(realm_activate), IN("rd") },
    { RMI_REALM_CREATE, "REALM_CREATE", SM, ACTIVE, 2, 0,
      BODY(realm_create),
      .need = rmm_realm_create_need, .lock = rmm_realm_create_lock,
      IN("rd", "params") },
    { RMI_REALM_DESTROY, "REALM_DESTROY", SM, ACTIVE, 1, 0, BODY(realm_destroy),
      .memory = rmm_realm_memory, .lock = rmm_realm_lock, IN("rd") },
    { RMI_REC_CREATE, "REC_CREATE", SM, ACTIVE, 3, 0,
      BODY(rec_create),
      .need = rmm_rec_create_need, .lock = rmm_rec_create_lock,
      IN("rd", "rec", "params") },
    { RMI_REC_DESTROY, "REC_DESTROY", SM, ACTIVE, 1, 0, BODY(rec_destroy),
      .memory = rmm_rec_memory, .lock = rmm_rec_lock, IN("rec") },
    { RMI_REC_ENTER, "REC_ENTER", P, ACTIVE, 2, 0, BODY(rec_enter),
      IN("rec", "run") },
    { RMI_RTT_CREATE, "RTT_CREATE", S, ACTIVE, 4, 0, BODY(rtt_create),
      .lock = rmm_x2_lock, IN("rd", "rtt", "ipa", "level") },
    { RMI_RTT_DESTROY, "RTT_DESTROY", S, ACTIVE, 3, 2, BODY(rtt_destroy),
      .lock = rmm_rtt_destroy_lock, IN("rd", "ipa", "level"),
      OUT("rtt", "top") },
    { RMI_RTT_READ_ENTRY, "RTT_READ_ENTRY", P, ACTIVE, 3, 4, BODY(rtt_read),
      IN("rd", "ipa", "level"), OUT("level", "state", "desc", "ripas") },
    { RMI_PSCI_COMPLETE, "PSCI_COMPLETE", P, ACTIVE, 3, 0, BODY(psci_complete),
      IN("calling", "target_or_status", "status") },
    { RMI_FEATURES, "FEATURES", P, ANY, 1, 1, BODY(features),
      IN("index"), OUT("value") },
    { RMI_RTT_FOLD, "RTT_FOLD", S, ACTIVE, 3, 1, BODY(rtt_fold),
      .lock = rmm_rtt_destroy_lock, IN("rd", "ipa", "level"), OUT("rtt") },
    { RMI_RTT_INIT_RIPAS, "RTT_INIT_RIPAS", S, ACTIVE, 3, 1, BODY(init_ripas),
      IN("rd", "base", "top"), OUT("out_top") },
    { RMI_RTT_SET_RIPAS, "RTT_SET_RIPAS", S, ACTIVE, 4, 1, BODY(set_ripas),
      .lock = rmm_set_ripas_lock, IN("rd", "rec", "base", "top"),
      OUT("out_top") },
    { RMI_RMM_CONFIG_SET, "RMM_CONFIG_SET", P, BEFORE, 1, 0, BODY(config_set),
      IN("config") },
    { RMI_GRANULE_TRACKING_GET, "GRANULE_TRACKING_GET", P, ANY, 2, 3,
      BODY(tracking_get), IN("start", "end"),
      OUT("category", "state", "top") },
    { RMI_GRANULE_TRACKING_SET, "GRANULE_TRACKING_SET", SM, ACTIVE, 3, 0,
      BODY(tracking_set), IN("address", "category", "state") },
    { RMI_RMM_CONFIG_GET, "RMM_CONFIG_GET", P, ANY, 1, 0, BODY(config_get),
      IN("config") },
    { RMI_RMM_STATE_GET, "RMM_STATE_GET", P, ANY, 0, 1,
      BODY(state_get), OUT("state") },
    { RMI_GRANULE_RANGE_DELEGATE, "GRANULE_RANGE_DELEGATE", S, ACTIVE,
      2, 1, BODY(delegate), .lock = rmm_range_lock, IN("base", "top"),
      OUT("out_top") },
    { RMI_GRANULE_RANGE_UNDELEGATE, "GRANULE_RANGE_UNDELEGATE", S, ACTIVE, 2, 1,
      BODY(undelegate), .lock = rmm_range_lock, IN("base", "top"),
      OUT("out_top") },
    { RMI_GPT_L1_CREATE, "GPT_L1_CREATE", SM, ACTIVE, 1, 0,
      BODY(gpt_create), .need = rmm_gpt_create_need, IN("base") },
    { RMI_GPT_L1_DESTROY, "GPT_L1_DESTROY", SM, ACTIVE, 1, 0,
      BODY(gpt_destroy), .memory = rmm_gpt_destroy_memory,
      .opened = rmm_gpt_destroy_opened,
      .take_back = rmm_gpt_destroy_take_back, IN("base") },
    { RMI_RTT_DATA_MAP, "RTT_DATA_MAP", S, ACTIVE, 5, 1, BODY(data_map),
      .lock = rmm_data_map_lock, IN("rd", "base", "top", "flags", "oaddr"),
      OUT("out_top") },
    { RMI_RTT_DATA_UNMAP, "RTT_DATA_UNMAP", S, ACTIVE, 5, 3, BODY(data_unmap),
      .lock = rmm_data_unmap_lock, IN("rd", "base", "top", "flags", "oaddr"),
      OUT("out_top", "out_range", "out_count") },
    { RMI_RTT_UNPROT_MAP, "RTT_UNPROT_MAP", S, ACTIVE, 5, 1, BODY(unprot_map),
      IN("rd", "base", "top", "flags", "oaddr"), OUT("out_top") },
    { RMI_RTT_UNPROT_UNMAP, "RTT_UNPROT_UNMAP", S, ACTIVE, 5, 3,
      BODY(unprot_unmap), IN("rd", "base", "top", "flags", "oaddr"),
      OUT("out_top", "out_range", "out_count") },
    { RMI_REALM_TERMINATE, "REALM_TERMINATE", S, ACTIVE, 1, 0,
      BODY(realm_terminate), .lock = rmm_realm_lock, IN("rd") },
    { RMI_RMM_ACTIVATE, "RMM_ACTIVATE", SM, BEFORE, 0, 0,
      BODY(activate), .need = rmm_activate_need, .opened = rmm_activate_opened,
      .dropped = rmm_activate_dropped },
    { RMI_OP_CONTINUE, "OP_CONTINUE", P, STARTED, 2, 2,
      .commit = rmm_op_continue,
      IN("handle", "flags"), OUT("handle", "request") },
    { RMI_OP_MEM_DONATE, "OP_MEM_DONATE", P, STARTED, 4, 2,
      .commit = rmm_op_mem_donate, IN("handle", "list", "count", "flags"),
      OUT("accepted", "request") },
    { RMI_OP_MEM_RECLAIM, "OP_MEM_RECLAIM", P, STARTED, 3, 2,
      .commit = rmm_op_mem_reclaim, IN("handle", "list", "count"),
      OUT("entries", "request") },
    { RMI_OP_CANCEL, "OP_CANCEL", P, STARTED, 1, 0, .commit = rmm_op_cancel,
      IN("handle") },
    { RMI_RMM_DEACTIVATE, "RMM_DEACTIVATE", SM, ACTIVE, 0, 0, BODY(deactivate),
      .memory = rmm_activate_memory },
    { RMI_GPT_INFO, "GPT_INFO", P, ACTIVE, 2, 2, BODY(gpt_info),
      IN("base", "top"), OUT("out_top", "state") },
};

static uint8_t command_lut[RMI_NUM_LAST - RMI_NUM_FIRST + 1];

static void fill_lut(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        command_lut[commands[i].num - RMI_NUM_FIRST] = i + 1;
    }
}

type_init(fill_lut)

const RmmCommand *rmm_command(unsigned num)
{
    unsigned i;

    if (num < RMI_NUM_FIRST || num > RMI_NUM_LAST) {
        return NULL;
    }
    i = command_lut[num - RMI_NUM_FIRST];
    return i ? &commands[i - 1] : NULL;
}

const RmmCommand *rmm_command_at(unsigned i)
{
    return i < ARRAY_SIZE(commands) ? &commands[i] : NULL;
}

unsigned rmm_command_index(const RmmCommand *cmd)
{
    return cmd - commands;
}

int rmm_command_by_name(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(commands[i].name, name)) {
            return commands[i].num;
        }
    }
    return -1;
}

bool rmm_command_known(ArmRmm *rmm, const RmmCommand *cmd)
{
    return rmm_profile_has(rmm->profile, cmd->num);
}

const char *rmm_status_name(uint64_t x0)
{
    unsigned status = FIELD_EX64(x0, RMI_RESULT, STATUS);

    return x0 != RMI_UNKNOWN && status < ARM_RMM_STATUS__MAX ?
           ArmRmmStatus_str(status) : "unknown";
}

uint64_t rmm_result_level(RmiStatus status, int level)
{
    uint64_t x0 = status;

    return FIELD_DP64(x0, RMI_RESULT, LEVEL, (uint8_t)level);
}

uint64_t rmm_refuse(RmmCall *c, uint64_t x0, const char *why, uint64_t value)
{
    c->why = why;
    c->why_value = value;
    return x0;
}

/* sec A2.1: what the state of the RMM allows; before the arguments are read */
static bool state_allows(ArmRmm *rmm, const RmmCommand *cmd)
{
    switch (cmd->when) {
    case RMM_BEFORE:
        return rmm->state == RMM_STATE_INIT;
    case RMM_WHEN_ACTIVE:
        return rmm->state == RMM_STATE_ACTIVE;
    case RMM_WHEN_STARTED:
        return rmm->state != RMM_STATE_INIT;
    default:
        return true;
    }
}

/* Not in the specification, for strict hosts: what is unused should be zero */
static bool unused_are_zero(RmmCall *c)
{
    for (unsigned i = c->cmd->n_in + 1; i < RMI_INPUTS; i++) {
        if (c->arg.x[i]) {
            rmm_finding(c->rmm, ARM_RMM_FINDING_KIND_UNUSED_NOT_ZERO, c,
                        c->arg.x[i], "X%u is 0x%" PRIx64, i, c->arg.x[i]);
            return false;
        }
    }
    return true;
}

static uint64_t execute(RmmCall *c)
{
    uint64_t x0;

    if (!state_allows(c->rmm, c->cmd)) {
        return rmm_refuse(c, RMI_ERROR_GLOBAL, "state of the RMM",
                          c->rmm->state);
    }
    if (c->rmm->sbz_check && !unused_are_zero(c)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "sbz-check: junk in a register "
                          "that is no input", 0);
    }
    if (!c->cmd->check) {
        return c->cmd->commit(c);
    }
    x0 = rmm_random_status(c);
    if (!x0) {
        x0 = c->cmd->check(c);
    }
    if (!x0 && c->cmd->kind != RMM_PLAIN) {
        x0 = rmm_sro_begin(c);
    }
    return x0 ?: c->cmd->commit(c);
}

/* Command that began the operation which an OP_* call is about, or -1 */
static int begun_by(RmmCall *c)
{
    RmmSro *sro = c->cmd->check ? NULL : rmm_sro_find(c->rmm, c->arg.op.handle);

    return sro ? sro->num : -1;
}

static uint64_t scripted(RmmCall *c)
{
    const ArmRmmRule *r = rmm_script_match(c, begun_by(c));
    uint64_t x0;

    c->rule = r;
    if (!r) {
        return execute(c);
    }
    c->chunk = r->has_chunk ? r->chunk : 0;
    c->force = r->has_perform && r->perform == ARM_RMM_PERFORM_FORCE;
    if ((!r->has_status && !r->has_x0) ||
        (r->has_perform && r->perform != ARM_RMM_PERFORM_NO)) {
        x0 = execute(c);
    } else {
        x0 = RMI_SUCCESS;
    }
    if (r->has_status || r->has_x0) {
        rmm_refuse(c, x0, "a rule of the script", 0);
    }
    if (r->has_status) {
        x0 = rmm_result_level(r->status, r->has_level ? r->level : 0);
    }
    if (r->has_x0) {
        x0 = r->x0;
    }
    rmm_script_outputs(c, r, &x0);
    return x0;
}

/*
 * sec B1: what is no output is preserved. An answer INCOMPLETE has two outputs
 * whatever the command has; TF-RMM writes X1 to X3 in any case.
 */
static unsigned outputs(RmmCall *c, uint64_t x0)
{
    unsigned n = MAX(c->cmd->n_out, c->n_out);

    if (FIELD_EX64(x0, RMI_RESULT, STATUS) == RMI_INCOMPLETE) {
        n = MAX(n, 2);
    }
    return MAX(n, c->rmm->profile->min_outputs);
}

bool rmm_call(ArmRmm *rmm, int cpu, uint16_t num, const uint64_t *in,
              uint64_t *out, unsigned *n_out)
{
    const RmmCommand *cmd = rmm_command(num);
    RmmCall c = { .rmm = rmm, .cmd = cmd, .cpu = cpu };

    if (!cmd || !rmm_command_known(rmm, cmd)) {
        return false;
    }
    memcpy(&c.arg, in, sizeof(c.arg));
    trace_arm_rmm_call(cpu, cmd->name, in[1], in[2], in[3], in[4], in[5],
                       in[6]);
    rmm->calls++;
    rmm->command_calls[rmm_command_index(cmd)]++;
    rmm->acting = rmm_command_index(cmd) + 1;
    c.out.x[0] = scripted(&c);
    rmm_monitor_answer(&c, c.out.x[0]);
    *n_out = outputs(&c, c.out.x[0]);
    memcpy(out, &c.out, sizeof(c.out));
    trace_arm_rmm_return(cpu, cmd->name, rmm_status_name(out[0]), out[0],
                         out[1], out[2], out[3], out[4]);
    return true;
}
