/*
 * Realm Management Monitor: start a payload at Non-secure EL2
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU starts an ELF file that is given as -kernel at the highest exception
 * level, which is where this monitor is. bl33= starts it as EL3 firmware would:
 * first CPU at EL2, X0 the address of the device tree, the other CPUs off until
 * PSCI CPU_ON.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "cpu.h"
#include "internals.h"
#include "kvm-consts.h"
#include "elf.h"
#include "exec/address-spaces.h"
#include "exec/cputlb.h"
#include "hw/boards.h"
#include "hw/loader.h"
#include "bank.h"
#include "boot.h"

/* Behind the device tree, which QEMU puts at the start of memory */
#define BL33_OFFSET (2 * MiB)

static uint64_t bl33_start;

bool rmm_boot_prepare(ArmRmm *rmm, Error **errp)
{
    MachineState *ms = current_machine;
    CPUState *cs;

    if (!rmm->config.bl33) {
        if (rmm->config.bl33_addr || rmm->config.bl33_entry) {
            error_setg(errp, "arm-rmm: bl33-address and bl33-entry belong to a "
                       "payload; bl33=FILE is missing");
            return false;
        }
        if (ms->kernel_filename &&
            ARM_CPU(first_cpu)->psci_conduit != QEMU_PSCI_CONDUIT_SMC) {
            error_setg(errp, "arm-rmm: -kernel %s is no Linux image, so QEMU "
                       "starts it at EL3, in place of the RMM; bl33=%s starts "
                       "it at EL2", ms->kernel_filename, ms->kernel_filename);
            return false;
        }
        return true;
    }
    if (ms->kernel_filename) {
        error_setg(errp, "arm-rmm: bl33=%s and -kernel %s both want to be "
                   "started; give one of them", rmm->config.bl33,
                   ms->kernel_filename);
        return false;
    }
    CPU_FOREACH(cs) {
        ARM_CPU(cs)->psci_conduit = QEMU_PSCI_CONDUIT_SMC;
        cs->start_powered_off = cs != first_cpu;
        if (cs != first_cpu) {
            ARM_CPU(cs)->power_state = PSCI_OFF;
            cs->halted = 1;
        }
    }
    return true;
}

void rmm_boot_load(ArmRmm *rmm)
{
    hwaddr start = rmm->banks->bank[0].base;
    ssize_t size;

    if (!rmm->config.bl33) {
        return;
    }
    size = load_elf_as(rmm->config.bl33, NULL, NULL, NULL, &bl33_start, NULL,
                       NULL, NULL, ELFDATA2LSB, EM_AARCH64, 0, 0,
                       &address_space_memory);
    if (size == ELF_LOAD_NOT_ELF) {
        bl33_start = rmm->config.bl33_addr ?: start + BL33_OFFSET;
        size = load_image_targphys_as(rmm->config.bl33, bl33_start,
                                      current_machine->ram_size,
                                      &address_space_memory);
    }
    if (size < 0) {
        error_report("arm-rmm: bl33=%s cannot be loaded: %s", rmm->config.bl33,
                     load_elf_strerror(size));
        exit(1);
    }
    if (rmm->config.bl33_entry) {
        bl33_start = rmm->config.bl33_entry;
    }
}

void rmm_boot_reset(ArmRmm *rmm)
{
    CPUState *cs;

    if (!rmm->config.bl33) {
        return;
    }
    CPU_FOREACH(cs) {
        arm_emulate_firmware_reset(cs, 2);
        if (cs == first_cpu) {
            cpu_env(cs)->xregs[0] = rmm->banks->bank[0].base;
            cpu_set_pc(cs, bl33_start);
        }
        arm_rebuild_hflags(cpu_env(cs));
    }
}
