/*
 * Realm Management Monitor: what hosts did wrong
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "migration/vmstate.h"
#include "finding.h"
#include "trace.h"

void rmm_findings_init(ArmRmm *rmm)
{
    rmm->findings = g_new0(RmmFindings, 1);
}

void rmm_finding(ArmRmm *rmm, ArmRmmFindingKind kind, RmmCall *c,
                 uint64_t address, const char *fmt, ...)
{
    RmmFinding *f = &rmm->findings->kind[kind];
    va_list ap;

    if (f->count++) {
        return;
    }
    f->num = c ? c->num : 0;
    f->cpu = c ? c->cpu : -1;
    f->time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    f->address = address;
    va_start(ap, fmt);
    vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
    va_end(ap);
    trace_arm_rmm_finding(ArmRmmFindingKind_str(kind), f->detail);
}

/* Incoming state is checked: words end, and numbers are those of commands. */
static int findings_post_load(void *opaque, int version)
{
    RmmFindings *all = opaque;

    for (unsigned i = 0; i < ARM_RMM_FINDING_KIND__MAX; i++) {
        RmmFinding *f = &all->kind[i];

        f->detail[RMM_FINDING_TEXT - 1] = '\0';
        if (f->num && !rmm_command_name(f->num)) {
            return -EINVAL;
        }
    }
    return 0;
}

static const VMStateDescription vmstate_finding = {
    .name = "arm-rmm/finding",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(count, RmmFinding),
        VMSTATE_UINT16(num, RmmFinding),
        VMSTATE_INT32(cpu, RmmFinding),
        VMSTATE_INT64(time_ns, RmmFinding),
        VMSTATE_UINT64(address, RmmFinding),
        VMSTATE_BUFFER_UNSAFE(detail, RmmFinding, 1, RMM_FINDING_TEXT),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription vmstate_rmm_findings = {
    .name = "arm-rmm/findings",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = findings_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(kind, RmmFindings, ARM_RMM_FINDING_KIND__MAX, 1,
                             vmstate_finding, RmmFinding),
        VMSTATE_END_OF_LIST()
    },
};
