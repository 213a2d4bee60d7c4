/*
 * Realm Management Monitor: bodies of the commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       nothing: each cmd-*.c has the bodies of a few commands.
 * Callers:    table.c, which says what each is, and nobody else.
 * Life cycle: none.
 */

#ifndef RMM_CMD_H
#define RMM_CMD_H

#include "command.h"
#include "sro.h"

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

/** rmm_addresses_check: X1 and X2 are a range of addresses below @limit */
uint64_t rmm_addresses_check(RmmCall *c, uint64_t limit);

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
void rmm_rtt_create_lock(RmmCall *c, RmmSro *sro);
void rmm_rtt_destroy_lock(RmmCall *c, RmmSro *sro);
void rmm_data_map_lock(RmmCall *c, RmmSro *sro);
void rmm_data_unmap_lock(RmmCall *c, RmmSro *sro);
void rmm_data_map_init_lock(RmmCall *c, RmmSro *sro);
void rmm_unprot_map_lock(RmmCall *c, RmmSro *sro);
void rmm_init_ripas_lock(RmmCall *c, RmmSro *sro);
void rmm_set_ripas_lock(RmmCall *c, RmmSro *sro);

#endif /* RMM_CMD_H */
