/*
 * Realm Management Monitor at EL3
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM specification (DEN0137) 2.0-bet0, with the changes of bet1
 * and bet3 (property abi).
 *
 * Modelled:     SMCCC, TRNG and the whole way of a host through the Realm
 *               Management Interface: configuration, granules with real granule
 *               protection tables, realms, RECs, translation tables, data and
 *               RIPAS, measurements, and stateful operations of every shape.
 * Not modelled: running realms (REC_ENTER checks everything and then exits),
 *               devices (PDEV, VDEV, SMMU), auxiliary planes, MEC, attestation
 *               tokens, memory that is plugged in later.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qapi/visitor.h"
#include "cpu.h"
#include "cpu-features.h"
#include "hw/arm/virt.h"
#include "hw/boards.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "system/qtest.h"
#include "system/reset.h"
#include "system/system.h"
#include "system/tcg.h"
#include "bank.h"
#include "boot.h"
#include "dispatch.h"
#include "dma.h"
#include "el3.h"
#include "features.h"
#include "finding.h"
#include "gpt.h"
#include "granule.h"
#include "monitor.h"
#include "object.h"
#include "qtest.h"
#include "random.h"
#include "script.h"
#include "sro.h"
#include "system.h"
#include "vmstate.h"

static Notifier machine_done;
static Notifier exit_notifier;

/* Drop all objects and operations: what they held is the host's again. */
static void drop_all(ArmRmm *rmm)
{
    rmm_sros_reset(rmm);
    rmm_objects_clear(rmm);
    rmm_system_reset(rmm);
    rmm_banks_reset(rmm);
    rmm_granules_reset(rmm);
    rmm_gpt_reset(rmm);
}

/*
 * Cold reset: the host's memory and all registers start anew, so does the RMM.
 * Open operations and realms are gone, what they held is the host's. Rules
 * count from the beginning again, and so does the sequence of the seed.
 */
static void rmm_reset_hold(Object *obj, ResetType type)
{
    ArmRmm *rmm = ARM_RMM(obj);

    if (rmm->ledger) {
        drop_all(rmm);
        rmm_dispatch_reset(rmm);
        rmm_script_reset(rmm);
        rmm_random_reset(rmm);
        rmm_monitor_reset(rmm);
    }
}

/* The CPUs are reset in the phase before, in no certain order. */
static void rmm_reset_exit(Object *obj, ResetType type)
{
    ArmRmm *rmm = ARM_RMM(obj);
    CPUState *cs;

    if (!rmm->ledger) {
        return;
    }
    rmm_boot_reset(rmm);
    CPU_FOREACH(cs) {
        rmm_gpt_setup_cpu(rmm, cs);
    }
}

static void rmm_exit_notify(Notifier *n, void *data)
{
    rmm_monitor_report(rmm_get());
}

/* Memory is complete only now. */
static void rmm_machine_done(Notifier *n, void *data)
{
    ArmRmm *rmm = rmm_get();
    ARMCPU *cpu = ARM_CPU(first_cpu);

    if (!rmm_banks_init(rmm, &error_fatal) ||
        !rmm_gpt_init(rmm, cpu, &error_fatal)) {
        return;
    }
    rmm_granules_init(rmm);
    rmm_features_init(rmm, cpu);
    rmm_dma_init(rmm);
    rmm_boot_load(rmm);
    drop_all(rmm);
    qemu_register_resettable(OBJECT(rmm));
}

/* sec 10.1 of what hosts need: EL2, EL3 and FEAT_RME, on a machine of Arm */
static bool rmm_check_machine(Error **errp)
{
    MachineState *ms = current_machine;

    if (!object_dynamic_cast(OBJECT(ms), TYPE_VIRT_MACHINE)) {
        error_setg(errp, "arm-rmm: machine '%s' is not supported; use -M virt",
                   MACHINE_GET_CLASS(ms)->name);
        return false;
    }
    if (!tcg_enabled() && !qtest_enabled()) {
        error_setg(errp, "arm-rmm needs the TCG accelerator");
        return false;
    }
    if (!VIRT_MACHINE(ms)->secure || !VIRT_MACHINE(ms)->virt) {
        error_setg(errp, "arm-rmm needs EL3 and EL2: "
                   "-M virt,secure=on,virtualization=on");
        return false;
    }
    if (VIRT_MACHINE(ms)->psci_conduit != QEMU_PSCI_CONDUIT_SMC) {
        error_setg(errp, "arm-rmm is the firmware at EL3: leave out -bios and "
                   "pflash");
        return false;
    }
    /* No CPU model has it without TCG; then no CPU looks at the tables. */
    if (!qtest_enabled() && !cpu_isar_feature(aa64_rme, ARM_CPU(first_cpu))) {
        error_setg(errp, "arm-rmm needs a CPU with FEAT_RME: "
                   "-cpu max,x-rme=on");
        return false;
    }
    return true;
}

/* sec B4.3.2: what can end an operation that did not succeed */
static bool rmm_check_status(ArmRmm *rmm, Error **errp)
{
    uint8_t status = rmm->config.cancel_status;

    if (status == RMI_SUCCESS || status == RMI_BUSY ||
        status == RMI_INCOMPLETE || status == RMI_BLOCKED ||
        status >= ARM_RMM_STATUS__MAX) {
        error_setg(errp, "arm-rmm: cancel-status=%u ends no operation; it must "
                   "be an error, 1 to %u", status, ARM_RMM_STATUS__MAX - 1);
        error_append_hint(errp, "10 is BUSY, 13 INCOMPLETE, 14 BLOCKED.\n");
        return false;
    }
    return true;
}

static bool rmm_check_numbers(ArmRmm *rmm, Error **errp)
{
    static const struct {
        const char *name;
        size_t offset;
        uint32_t min, max;
    } range[] = {
        { "sro-contexts", offsetof(ArmRmm, config.num_sros), 1, RMM_MAX_SROS },
        { "vmids", offsetof(ArmRmm, config.num_vmids), 1, 65535 },
        { "rec-granules", offsetof(ArmRmm, config.rec_granules), 0, 16383 },
        { "realm-granules", offsetof(ArmRmm, config.realm_granules), 0, 16383 },
        { "activate-granules", offsetof(ArmRmm, config.activate_granules), 0,
         16383 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(range); i++) {
        uint32_t val = *(uint32_t *)((char *)rmm + range[i].offset);

        if (val < range[i].min || val > range[i].max) {
            error_setg(errp, "arm-rmm: %s=%u must be %u to %u", range[i].name,
                       val, range[i].min, range[i].max);
            return false;
        }
    }
    return true;
}

static void make_parts(ArmRmm *rmm)
{
    rmm_findings_init(rmm);
    rmm_gpt_new(rmm);
    rmm_objects_init(rmm);
    rmm_sros_init(rmm);
    rmm_system_init(rmm);
    rmm_dispatch_init(rmm);
    rmm_random_init(rmm);
    rmm_script_init(rmm);
    rmm_monitor_init(rmm);
}

static void rmm_realize(DeviceState *dev, Error **errp)
{
    ArmRmm *rmm = ARM_RMM(dev);

    if (rmm_get()) {
        error_setg(errp, "arm-rmm: there is one RMM in a machine");
        return;
    }
    if (!rmm_check_machine(errp)) {
        return;
    }
    rmm->profile = rmm_profile(rmm->config.abi);
    if (!rmm->config.num_sros) {
        rmm->config.num_sros = MIN(10 * current_machine->smp.max_cpus,
                                   RMM_MAX_SROS);
    }
    if (!rmm_check_numbers(rmm, errp) || !rmm_check_status(rmm, errp) ||
        !rmm_boot_prepare(rmm, errp)) {
        return;
    }
    make_parts(rmm);
    if (rmm->config.script &&
        !rmm_script_load(rmm, rmm->config.script, errp)) {
        return;
    }
    if (!rmm_el3_install(rmm, errp)) {
        return;
    }
    rmm_set(rmm);
    rmm_qtest_init();
    machine_done.notify = rmm_machine_done;
    qemu_add_machine_init_done_notifier(&machine_done);
    exit_notifier.notify = rmm_exit_notify;
    qemu_add_exit_notifier(&exit_notifier);
}

static const Property rmm_properties[] = {
    DEFINE_PROP_STRING("script", ArmRmm, config.script),
    DEFINE_PROP_STRING("bl33", ArmRmm, config.bl33),
    DEFINE_PROP_UINT64("bl33-address", ArmRmm, config.bl33_addr, 0),
    DEFINE_PROP_UINT64("bl33-entry", ArmRmm, config.bl33_entry, 0),
    DEFINE_PROP_BOOL("gpc", ArmRmm, config.gpc, true),
    DEFINE_PROP_BOOL("dma-check", ArmRmm, config.dma_check, true),
    DEFINE_PROP_BOOL("swapped-arguments", ArmRmm, config.swap_quirk, true),
    DEFINE_PROP_BOOL("sbz-check", ArmRmm, config.sbz_check, false),
    DEFINE_PROP_BOOL("reset-active", ArmRmm, config.keep_active, false),
    DEFINE_PROP_BOOL("report", ArmRmm, config.report, false),
    DEFINE_PROP_UINT32("sro-contexts", ArmRmm, config.num_sros, 0),
    DEFINE_PROP_UINT32("vmids", ArmRmm, config.num_vmids, 65535),
    DEFINE_PROP_UINT32("rec-granules", ArmRmm, config.rec_granules, 16),
    DEFINE_PROP_UINT32("realm-granules", ArmRmm, config.realm_granules, 0),
    DEFINE_PROP_UINT32("activate-granules", ArmRmm, config.activate_granules,
                       0),
    DEFINE_PROP_UINT8("cancel-status", ArmRmm, config.cancel_status,
                      RMI_ERROR_INPUT),
};

/* Properties that are QAPI enumerations */
static const struct {
    const char *name;
    const char *type;
    const QEnumLookup *lookup;
    size_t offset;
    int def;
    const char *help;
} rmm_enums[] = {
    { "abi", "ArmRmmAbi", &ArmRmmAbi_lookup, offsetof(ArmRmm, config.abi),
      ARM_RMM_ABI_BET3, "revision of the interface: bet0, bet1 or bet3" },
    { "gpt", "ArmRmmOwner", &ArmRmmOwner_lookup,
     offsetof(ArmRmm, config.gpt_owner),
      ARM_RMM_OWNER_PLATFORM, "who makes level 1 tables: platform or host" },
    { "tracking", "ArmRmmOwner", &ArmRmmOwner_lookup,
      offsetof(ArmRmm, config.tracking_owner), ARM_RMM_OWNER_PLATFORM,
      "who sets up granule tracking: platform or host" },
    { "scrub", "ArmRmmScrub", &ArmRmmScrub_lookup,
     offsetof(ArmRmm, config.scrub),
      ARM_RMM_SCRUB_ALWAYS, "what undelegation wipes: off, used or always" },
    { "blocked", "ArmRmmAuto", &ArmRmmAuto_lookup,
     offsetof(ArmRmm, config.blocked),
      ARM_RMM_AUTO_AUTO, "answer BLOCKED for objects of open operations" },
    { "strict-continue", "ArmRmmAuto", &ArmRmmAuto_lookup,
      offsetof(ArmRmm, config.strict_continue), ARM_RMM_AUTO_AUTO,
      "refuse OP_CONTINUE while memory is wanted" },
    { "cancellable", "ArmRmmAuto", &ArmRmmAuto_lookup,
      offsetof(ArmRmm, config.cancellable), ARM_RMM_AUTO_AUTO,
      "operations can be cancelled" },
    { "rim-params", "ArmRmmAuto", &ArmRmmAuto_lookup,
      offsetof(ArmRmm, config.rim_params), ARM_RMM_AUTO_AUTO,
      "measure the parameters of a realm" },
};

static void rmm_get_enum(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    unsigned i = GPOINTER_TO_UINT(opaque);
    int val = *(int *)((char *)ARM_RMM(obj) + rmm_enums[i].offset);

    visit_type_enum(v, name, &val, rmm_enums[i].lookup, errp);
}

static void rmm_set_enum(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    unsigned i = GPOINTER_TO_UINT(opaque);
    int val;

    if (DEVICE(obj)->realized) {
        error_setg(errp, "arm-rmm: %s cannot be changed any more", name);
        return;
    }
    if (visit_type_enum(v, name, &val, rmm_enums[i].lookup, errp)) {
        *(int *)((char *)ARM_RMM(obj) + rmm_enums[i].offset) = val;
    }
}

static void rmm_instance_init(Object *obj)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rmm_enums); i++) {
        *(int *)((char *)ARM_RMM(obj) + rmm_enums[i].offset) =
            rmm_enums[i].def;
    }
}

static const struct {
    const char *name, *help;
} rmm_help[] = {
    { "script", "scripted behaviour: JSON, or the name of a file with it" },
    { "bl33", "ELF or raw image to start at Non-secure EL2" },
    { "bl33-address", "where to load a raw image" },
    { "bl33-entry", "where to start it, if not at its beginning" },
    { "gpc", "granule protection checks" },
    { "dma-check", "devices meet them as well" },
    { "swapped-arguments", "OP_CONTINUE, OP_CANCEL: the handle may be in X2" },
    { "sbz-check", "refuse and report junk where the host should pass 0" },
    { "reset-active", "the RMM is active from reset on" },
    { "report", "print the findings of the protocol monitor at exit" },
    { "sro-contexts", "stateful operations that can be open, 0: 10 each CPU" },
    { "vmids", "realms that can exist" },
    { "rec-granules", "granules that REC_CREATE asks for" },
    { "realm-granules", "granules that REALM_CREATE asks for" },
    { "activate-granules", "granules that RMM_ACTIVATE asks for" },
    { "cancel-status", "status that ends a cancelled operation" },
};

static void rmm_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->desc = "Realm Management Monitor (Arm CCA) at EL3";
    dc->realize = rmm_realize;
    dc->vmsd = &vmstate_arm_rmm;
    dc->user_creatable = true;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    rc->phases.hold = rmm_reset_hold;
    rc->phases.exit = rmm_reset_exit;
    device_class_set_props(dc, rmm_properties);
    for (unsigned i = 0; i < ARRAY_SIZE(rmm_enums); i++) {
        object_class_property_add(klass, rmm_enums[i].name, rmm_enums[i].type,
                                  rmm_get_enum, rmm_set_enum, NULL,
                                  GUINT_TO_POINTER(i));
        object_class_property_set_description(klass, rmm_enums[i].name,
                                              rmm_enums[i].help);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(rmm_help); i++) {
        object_class_property_set_description(klass, rmm_help[i].name,
                                              rmm_help[i].help);
    }
}

static const TypeInfo rmm_types[] = {
    {
        .name = TYPE_ARM_RMM,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(ArmRmm),
        .instance_init = rmm_instance_init,
        .class_init = rmm_class_init,
    },
};

DEFINE_TYPES(rmm_types)
