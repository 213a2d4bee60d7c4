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

/* What is loaded, and where it starts, is memory that the host has. */
static void check_place(ArmRmm *rmm, const char *name, uint64_t at,
                        uint64_t size)
{
    uint64_t next;
    const RmmBank *b = rmm_bank_at(rmm, at, &next);

    if (!b || size > next - at) {
        error_report("arm-rmm: %s=0x%" PRIx64 ": 0x%" PRIx64 " bytes from "
                     "there on are not all memory; the machine has it from 0x%"
                     HWADDR_PRIx " to 0x%" HWADDR_PRIx, name, at, size,
                     rmm->banks->bank[0].base, rmm_banks_end(rmm));
        exit(1);
    }
}

/* A pipe or a device would be read twice, or for ever. */
static bool payload_ok(const char *file, Error **errp)
{
    struct stat st;

    if (stat(file, &st) < 0) {
        error_setg_errno(errp, errno, "arm-rmm: bl33=%s", file);
        return false;
    }
    if (!S_ISREG(st.st_mode) || !st.st_size) {
        error_setg(errp, "arm-rmm: bl33=%s is %s; it must be an ELF file or a "
                   "raw image", file, S_ISREG(st.st_mode) ? "empty" :
                   "no regular file");
        return false;
    }
    return true;
}

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
    if (!payload_ok(rmm->config.bl33, errp)) {
        return false;
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

/* Loads a raw image of @bytes; returns what load_image_targphys() does. */
static ssize_t load_raw(ArmRmm *rmm, uint64_t bytes)
{
    bl33_start = rmm->config.bl33_addr ?:
                 rmm->banks->bank[0].base + BL33_OFFSET;
    check_place(rmm, "bl33-address", bl33_start, bytes);
    return load_image_targphys_as(rmm->config.bl33, bl33_start, bytes,
                                  &address_space_memory);
}

void rmm_boot_load(ArmRmm *rmm)
{
    struct stat st = { };
    ssize_t size;

    if (!rmm->config.bl33) {
        return;
    }
    size = load_elf_as(rmm->config.bl33, NULL, NULL, NULL, &bl33_start, NULL,
                       NULL, NULL, ELFDATA2LSB, EM_AARCH64, 0, 0,
                       &address_space_memory);
    /* What is shorter than the head of an ELF file cannot be one. */
    if (stat(rmm->config.bl33, &st) == 0 &&
        (size == ELF_LOAD_NOT_ELF || st.st_size < EI_NIDENT)) {
        size = load_raw(rmm, st.st_size);
    }
    if (size < 0) {
        error_report("arm-rmm: bl33=%s cannot be loaded: %s",
                     rmm->config.bl33, load_elf_strerror(size));
        exit(1);
    }
    if (rmm->config.bl33_entry) {
        bl33_start = rmm->config.bl33_entry;
        check_place(rmm, "bl33-entry", bl33_start, 4);
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
