/*
 * Realm Management Monitor: the EL3 side
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: SMC Calling Convention 1.2 (DEN0028), PSCI 1.1 (DEN0022),
 * TRNG 1.0 (DEN0098).
 *
 * Every SMC arrives in the CPU's do_interrupt(), with the BQL held. The monitor
 * gives the CPU class a copy of its TCGCPUOps with another do_interrupt(),
 * which answers what is its own and hands on the rest: QEMU's PSCI, and every
 * other exception. So QEMU needs no changed line, and a machine without the
 * device does not even have the hook.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/guest-random.h"
#include "cpu.h"
#include "internals.h"
#include "kvm-consts.h"
#include "arm-powerctl.h"
#include "accel/tcg/cpu-ops.h"
#include "exec/cputlb.h"
#include "system/runstate.h"
#include "dispatch.h"
#include "el3.h"
#include "gpt.h"
#include "trace.h"

#define SMCCC_VERSION           0x80000000u
#define SMCCC_ARCH_FEATURES     0x80000001u
#define SMCCC_VERSION_1_2       0x10002
#define SMCCC_NOT_SUPPORTED     UINT64_MAX
#define SMCCC_INVALID_PARAMETER ((uint64_t)-3)

#define TRNG_VERSION            0x84000050u
#define TRNG_FEATURES           0x84000051u
#define TRNG_GET_UUID           0x84000052u
#define TRNG_RND32              0x84000053u
#define TRNG_RND64              0xC4000053u
#define TRNG_VERSION_1_0        0x10000
#define TRNG_INVALID_PARAMETERS ((uint64_t)-2)

static const TCGCPUOps *rmm_orig_ops;
static TCGCPUOps rmm_ops;
static void (*exception_seen)(ArmRmm *rmm, CPUState *cs);

static bool firmware_has(uint32_t fid);

static void smccc_version(uint64_t *x)
{
    x[0] = SMCCC_VERSION_1_2;
}

static void smccc_arch_features(uint64_t *x)
{
    /* sec 7.3: only the functions of this owner can be asked for */
    x[0] = extract32(x[1], 24, 6) == 0 && firmware_has(x[1]) ?
           0 : SMCCC_NOT_SUPPORTED;
}

static void trng_version(uint64_t *x)
{
    x[0] = TRNG_VERSION_1_0;
}

static void trng_features(uint64_t *x)
{
    x[0] = extract32(x[1], 4, 8) == 5 && firmware_has(x[1]) ?
           0 : SMCCC_NOT_SUPPORTED;
}

static void trng_get_uuid(uint64_t *x)
{
    x[0] = 0x6d6d7272;
    x[1] = 0x4a1f2d6b;
    x[2] = 0x9c0e4d88;
    x[3] = 0x37b215c4;
}

/* sec 2.5: @n registers of @bits each, the first bits in the last register */
static void trng_rnd(uint64_t *x, unsigned bits)
{
    uint64_t want = x[1];
    uint64_t r[3];

    if (!want || want > 3 * bits) {
        x[0] = TRNG_INVALID_PARAMETERS;
        x[1] = x[2] = x[3] = 0;
        return;
    }
    qemu_guest_getrandom_nofail(r, sizeof(r));
    for (unsigned i = 0; i < 3; i++) {
        unsigned n = MIN(want, bits);

        x[3 - i] = n ? r[i] & MAKE_64BIT_MASK(0, n) : 0;
        want -= n;
    }
    x[0] = 0;
}

static void trng_rnd32(uint64_t *x)
{
    x[1] = (uint32_t)x[1];
    trng_rnd(x, 32);
}

static void trng_rnd64(uint64_t *x)
{
    trng_rnd(x, 64);
}

static const struct {
    uint32_t fid;
    void (*answer)(uint64_t *x);
} firmware_calls[] = {
    { SMCCC_VERSION, smccc_version },
    { SMCCC_ARCH_FEATURES, smccc_arch_features },
    { TRNG_VERSION, trng_version },
    { TRNG_FEATURES, trng_features },
    { TRNG_GET_UUID, trng_get_uuid },
    { TRNG_RND32, trng_rnd32 },
    { TRNG_RND64, trng_rnd64 },
};

static bool firmware_has(uint32_t fid)
{
    for (unsigned i = 0; i < ARRAY_SIZE(firmware_calls); i++) {
        if (firmware_calls[i].fid == fid) {
            return true;
        }
    }
    return false;
}

static bool firmware_call(int cpu, uint64_t *x)
{
    uint32_t fid = x[0];

    /* PSCI 1.1, sec 5.16: how software learns that SMCCC_VERSION is there */
    if (fid == QEMU_PSCI_1_0_FN_PSCI_FEATURES &&
        (uint32_t)x[1] == SMCCC_VERSION) {
        x[0] = 0;
        trace_arm_rmm_firmware_call(cpu, fid, x[0]);
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(firmware_calls); i++) {
        if (firmware_calls[i].fid == fid) {
            firmware_calls[i].answer(x);
            trace_arm_rmm_firmware_call(cpu, fid, x[0]);
            return true;
        }
    }
    return false;
}

static bool is_rmi(uint32_t fid)
{
    unsigned num = fid & 0xffff;

    return (fid & ~(RMI_FID_HINT | 0xffff)) == RMI_FID_BASE &&
           num >= RMI_NUM_FIRST && num <= RMI_NUM_LAST;
}

/* Results go to X0 and as many registers as the command has outputs. */
static void rmi_call(ArmRmm *rmm, CPUState *cs, uint64_t *x)
{
    uint64_t out[RMI_OUTPUTS];
    unsigned n_out;

    if (!rmm_call(rmm, cs->cpu_index, x[0], x, out, &n_out)) {
        trace_arm_rmm_unknown_call(cs->cpu_index, x[0]);
        x[0] = RMI_UNKNOWN;
        return;
    }
    memcpy(x, out, (n_out + 1) * sizeof(*x));
    rmm_gpt_flush(rmm, cs);
}

bool rmm_el3_smc(ArmRmm *rmm, CPUState *cs, uint64_t x[18])
{
    if (is_rmi(x[0])) {
        rmi_call(rmm, cs, x);
        return true;
    }
    return firmware_call(cs->cpu_index, x);
}

static void setup_cpu_work(CPUState *cs, run_on_cpu_data data)
{
    rmm_gpt_setup_cpu(data.host_ptr, cs);
    tlb_flush(cs);
}

/*
 * PSCI CPU_ON resets its target in a work item of that CPU. EL3 firmware would
 * set the CPU up behind that; a second work item does.
 */
static void after_psci(ArmRmm *rmm, CPUARMState *env, uint32_t fid,
                       uint64_t mpidr)
{
    CPUState *target;

    if ((fid != QEMU_PSCI_0_2_FN_CPU_ON &&
         fid != QEMU_PSCI_0_2_FN64_CPU_ON &&
         fid != QEMU_PSCI_0_1_FN_CPU_ON) || env->xregs[0] != 0) {
        return;
    }
    target = arm_get_cpu_by_id(mpidr);
    if (target) {
        async_run_on_cpu(target, setup_cpu_work, RUN_ON_CPU_HOST_PTR(rmm));
    }
}

/* sec B1: the interface is for the hypervisor, at Non-secure EL2. */
static bool from_host(CPUARMState *env)
{
    return arm_current_el(env) == 2 &&
           arm_security_space(env) == ARMSS_NonSecure;
}

static void rmm_do_interrupt(CPUState *cs)
{
    ARMCPU *cpu = ARM_CPU(cs);
    CPUARMState *env = &cpu->env;
    ArmRmm *rmm = rmm_get();
    uint32_t fid = env->xregs[0];
    uint64_t mpidr = env->xregs[1];

    if (cs->exception_index != EXCP_SMC) {
        if (exception_seen) {
            exception_seen(rmm, cs);
        }
        rmm_orig_ops->do_interrupt(cs);
        return;
    }
    if (is_a64(env) && cpu->psci_conduit == QEMU_PSCI_CONDUIT_SMC) {
        if (is_rmi(fid) && !from_host(env)) {
            trace_arm_rmm_unknown_call(cs->cpu_index, fid);
            env->xregs[0] = RMI_UNKNOWN;
            return;
        }
        if (rmm_el3_smc(rmm, cs, env->xregs)) {
            return;
        }
        rmm_orig_ops->do_interrupt(cs);
        after_psci(rmm, env, fid, mpidr);
        return;
    }
    rmm_orig_ops->do_interrupt(cs);
}

/*
 * The VMState of QEMU's CPUs has the registers of all timers, but of the timers
 * that make them fire only two: a host that sleeps at EL2 would not be woken
 * after a snapshot. Working them out again from the registers harms nobody.
 */
static void rmm_vm_state(void *opaque, bool running, RunState state)
{
    CPUState *cs;

    if (!running) {
        return;
    }
    CPU_FOREACH(cs) {
        ARMCPU *cpu = ARM_CPU(cs);

        if (cpu->gt_timer[GTIMER_HYP] && cpu->gt_timer[GTIMER_HYPVIRT]) {
            arm_gt_htimer_cb(cpu);
            arm_gt_hvtimer_cb(cpu);
        }
    }
}

void rmm_el3_on_exception(void (*seen)(ArmRmm *rmm, CPUState *cs))
{
    exception_seen = seen;
}

bool rmm_el3_install(ArmRmm *rmm, Error **errp)
{
    CPUClass *cc = CPU_GET_CLASS(first_cpu);

    if (!cc->tcg_ops) {
        error_setg(errp, "arm-rmm: the CPU model '%s' does not run under TCG",
                   object_get_typename(OBJECT(first_cpu)));
        return false;
    }
    rmm_orig_ops = cc->tcg_ops;
    rmm_ops = *rmm_orig_ops;
    rmm_ops.do_interrupt = rmm_do_interrupt;
    cc->tcg_ops = &rmm_ops;
    qemu_add_vm_change_state_handler(rmm_vm_state, NULL);
    return true;
}
