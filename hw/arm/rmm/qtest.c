/*
 * Realm Management Monitor: calls without a CPU, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * qtest command:   smc CPU X0 [X1 ... X17]
 * answer:          OK X0 ... X17
 * QMP command:     x-arm-rmm-call
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-arm-rmm.h"
#include "qemu/cutils.h"
#include "hw/core/cpu.h"
#include "system/qtest.h"
#include "el3.h"
#include "qtest.h"

#define SMC_REGS 18

static bool call(ArmRmm *rmm, int64_t cpu, uint64_t *x, Error **errp)
{
    CPUState *cs = cpu >= 0 && cpu < INT_MAX ? qemu_get_cpu(cpu) : NULL;

    if (!rmm || !cs) {
        error_setg(errp, rmm ? "there is no CPU %" PRId64 :
                   "the machine has no arm-rmm (CPU %" PRId64 ")", cpu);
        return false;
    }
    if (!rmm_el3_smc(rmm, cs, x)) {
        error_setg(errp, "arm-rmm does not answer function 0x%" PRIx64, x[0]);
        return false;
    }
    return true;
}

static bool smc_command(CharBackend *chr, gchar **words)
{
    g_autoptr(GString) answer = g_string_new("OK");
    uint64_t x[SMC_REGS] = { 0 };
    uint64_t cpu;
    unsigned n = g_strv_length(words);
    Error *err = NULL;

    if (strcmp(words[0], "smc")) {
        return false;
    }
    if (n < 3 || n > 2 + SMC_REGS || qemu_strtou64(words[1], NULL, 0, &cpu)) {
        qtest_sendf(chr, "FAIL usage: smc CPU X0 [X1 ... X17]\n");
        return true;
    }
    for (unsigned i = 2; i < n; i++) {
        if (qemu_strtou64(words[i], NULL, 0, &x[i - 2])) {
            qtest_sendf(chr, "FAIL %s is no number\n", words[i]);
            return true;
        }
    }
    if (!call(rmm_get(), cpu, x, &err)) {
        qtest_sendf(chr, "FAIL %s\n", error_get_pretty(err));
        error_free(err);
        return true;
    }
    for (unsigned i = 0; i < SMC_REGS; i++) {
        g_string_append_printf(answer, " 0x%" PRIx64, x[i]);
    }
    qtest_sendf(chr, "%s\n", answer->str);
    return true;
}

void rmm_qtest_init(void)
{
    if (qtest_driver()) {
        qtest_set_command_cb(smc_command);
    }
}

ArmRmmRegisters *qmp_x_arm_rmm_call(int64_t cpu, uint64List *registers,
                                    Error **errp)
{
    ArmRmmRegisters *answer;
    uint64List **tail;
    uint64_t x[SMC_REGS] = { 0 };
    unsigned n = 0;

    if (!qtest_driver()) {
        error_setg(errp, "x-arm-rmm-call is for tests: give -qtest");
        return NULL;
    }
    for (; registers && n < SMC_REGS; registers = registers->next) {
        x[n++] = registers->value;
    }
    if (registers) {
        error_setg(errp, "there are %u registers", SMC_REGS);
        return NULL;
    }
    if (!call(rmm_get(), cpu, x, errp)) {
        return NULL;
    }
    answer = g_new0(ArmRmmRegisters, 1);
    tail = &answer->registers;
    for (n = 0; n < SMC_REGS; n++) {
        QAPI_LIST_APPEND(tail, x[n]);
    }
    return answer;
}
