/*
 * Realm Management Monitor: table of commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.3.2 (classes), B4.5 (commands).
 *
 * The table is all that the dispatcher, the engine, the trace, scripts, QMP and
 * the qtests know of commands. A number that is not in it, or that the profile
 * lacks, is answered as SMCCC wants it: -1.
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "cmd.h"

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
      BODY(data_map_init), .lock = rmm_data_map_init_lock,
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
      .lock = rmm_rtt_create_lock, IN("rd", "rtt", "ipa", "level") },
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
      .lock = rmm_init_ripas_lock, IN("rd", "base", "top"), OUT("out_top") },
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
      .lock = rmm_unprot_map_lock, IN("rd", "base", "top", "flags", "oaddr"),
      OUT("out_top") },
    { RMI_RTT_UNPROT_UNMAP, "RTT_UNPROT_UNMAP", S, ACTIVE, 5, 3,
      BODY(unprot_unmap), .lock = rmm_unprot_map_lock,
      IN("rd", "base", "top", "flags", "oaddr"),
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

/* The ledger has a byte for the number of a command. */
QEMU_BUILD_BUG_ON(RMI_GPT_INFO - RMI_NUM_FIRST + 1 > UINT8_MAX);

static void register_commands(void)
{
    rmm_commands_register(commands, ARRAY_SIZE(commands));
}

type_init(register_commands)
