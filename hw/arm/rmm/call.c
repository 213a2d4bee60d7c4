/*
 * Realm Management Monitor: results and names
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.6.73 (RmiResult).
 */

#include "qemu/osdep.h"
#include "call.h"

static const char *names[RMI_NUM_LAST - RMI_NUM_FIRST + 1];

void rmm_name_command(unsigned num, const char *name)
{
    names[num - RMI_NUM_FIRST] = name;
}

const char *rmm_command_name(unsigned num)
{
    return num >= RMI_NUM_FIRST && num <= RMI_NUM_LAST ?
           names[num - RMI_NUM_FIRST] : NULL;
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
