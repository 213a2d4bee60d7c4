/*
 * Realm Management Monitor: look-up of commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "command.h"

static const RmmCommand *commands;
static unsigned n_commands;
static const RmmCommand *by_num[RMI_NUM_LAST - RMI_NUM_FIRST + 1];

void rmm_commands_register(const RmmCommand *table, unsigned n)
{
    commands = table;
    n_commands = n;
    for (unsigned i = 0; i < n; i++) {
        by_num[table[i].num - RMI_NUM_FIRST] = &table[i];
        rmm_name_command(table[i].num, table[i].name);
    }
}

const RmmCommand *rmm_command(unsigned num)
{
    return num >= RMI_NUM_FIRST && num <= RMI_NUM_LAST ?
           by_num[num - RMI_NUM_FIRST] : NULL;
}

const RmmCommand *rmm_command_at(unsigned i)
{
    return i < n_commands ? &commands[i] : NULL;
}

int rmm_command_by_name(const char *name)
{
    for (unsigned i = 0; i < n_commands; i++) {
        if (!strcmp(commands[i].name, name)) {
            return commands[i].num;
        }
    }
    return -1;
}

RmmCall *rmm_frame_begin(RmmFrame *frame, ArmRmm *rmm, const RmmCommand *cmd,
                         int cpu)
{
    memset(frame, 0, sizeof(*frame));
    frame->call.rmm = rmm;
    frame->call.cmd = cmd;
    frame->call.num = cmd->num;
    frame->call.cpu = cpu;
    frame->call.walk = &frame->walk;
    frame->call.parsed = &frame->parsed;
    return &frame->call;
}

void rmm_frame_end(RmmFrame *frame)
{
    g_free(frame->call.copy);
}
