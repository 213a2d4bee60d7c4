/*
 * Realm Management Monitor: protocol monitor
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Looks over the host's shoulder. What only the end shows (memory that did not
 * come back, realms that are left) is worked out when somebody asks, from the
 * ledger and from what it knows of each granule: which command made it what it
 * is.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "cpu.h"
#include "internals.h"
#include "exec/helper-proto.h"
#include "hw/boards.h"
#include "bank.h"
#include "command.h"
#include "dispatch.h"
#include "el3.h"
#include "finding.h"
#include "gpt.h"
#include "granule.h"
#include "monitor.h"
#include "object.h"
#include "sro.h"
#include "system.h"
#include "trace.h"

/* Arm ARM, ESR_EL2: fault status codes of granule protection faults */
#define FSC_GPF_WALK_FIRST  0x23
#define FSC_GPF_OUTPUT      0x28

#define RETRY_PATIENCE      64

/* BUSY or BLOCKED that a CPU has not answered with a repetition yet */
typedef struct RmmRetry {
    uint16_t num;
    uint32_t calls;                 /* of this CPU since */
    RmiArgs arg;
} RmmRetry;

struct RmmMonitor {
    ArmRmm *rmm;
    Notifier answered;
    GArray *refusals;               /* RmmRefusal */
    RmmRetry *retry;                /* one a CPU */
    unsigned n_retries;             /* of them in use */
    unsigned n_cpus;
};

static bool repeats(const RmmCall *c, const RmmRetry *r)
{
    return r->num == c->cmd->num &&
           !memcmp(&r->arg.x[1], &c->arg.x[1],
                   c->cmd->n_in * sizeof(r->arg.x[0]));
}

/*
 * sec B4.3.2.5: BUSY and BLOCKED mean: the same call again. It may come from
 * another CPU, and after others; when a CPU has made many calls without, it is
 * missing.
 */
static void check_retry(RmmCall *c, uint64_t x0)
{
    RmmMonitor *m = c->rmm->monitor;
    RmmRetry *own = &m->retry[c->cpu];
    unsigned status = FIELD_EX64(x0, RMI_RESULT, STATUS);

    for (unsigned i = 0; m->n_retries && i < m->n_cpus; i++) {
        if (m->retry[i].num && repeats(c, &m->retry[i])) {
            m->retry[i].num = 0;
            m->n_retries--;
        }
    }
    if (own->num && ++own->calls == RETRY_PATIENCE) {
        rmm_finding(c->rmm, ARM_RMM_FINDING_KIND_BUSY_NOT_REPEATED, c,
                    own->arg.x[1], "%u calls since BUSY or BLOCKED of %s",
                    RETRY_PATIENCE, rmm_command_name(own->num));
        own->num = 0;
        m->n_retries--;
    }
    if ((status == RMI_BUSY || status == RMI_BLOCKED) && !own->num) {
        own->num = c->num;
        m->n_retries++;
        own->calls = 0;
        own->arg = c->arg;
    }
}

/*
 * Which condition failed, and how often. The words are constants of the code,
 * so there are never more entries than those times the commands.
 */
static void count_refusal(RmmCall *c, uint64_t x0)
{
    GArray *all = c->rmm->monitor->refusals;
    RmmRefusal *r = NULL;

    for (unsigned i = 0; i < all->len && !r; i++) {
        r = &g_array_index(all, RmmRefusal, i);
        r = r->num == c->cmd->num && r->why == c->why ? r : NULL;
    }
    if (!r) {
        RmmRefusal one = { .num = c->cmd->num, .why = c->why };

        g_array_append_val(all, one);
        r = &g_array_index(all, RmmRefusal, all->len - 1);
    }
    r->count++;
    r->x0 = x0;
    r->value = c->why_value;
    trace_arm_rmm_refused(c->cpu, c->cmd->name, rmm_status_name(x0), x0,
                          c->why, c->why_value);
}

static void look_at_answer(Notifier *n, void *data)
{
    RmmCall *c = data;
    uint64_t x0 = c->out.x[0];
    unsigned status = FIELD_EX64(x0, RMI_RESULT, STATUS);

    if (c->why && status != RMI_SUCCESS && status != RMI_INCOMPLETE) {
        count_refusal(c, x0);
    }
    if (c->cpu >= 0 && c->cpu < c->rmm->monitor->n_cpus) {
        check_retry(c, x0);
    }
}

/*
 * A granule protection fault that is reported as an abort has no physical
 * address with it, so the tables are walked once more, without the check.
 */
static void look_at_exception(ArmRmm *rmm, CPUState *cs)
{
    CPUARMState *env = cpu_env(cs);
    unsigned fsc = env->exception.syndrome & 0x3f;
    GetPhysAddrResult res = { };
    ARMMMUFaultInfo fi = { };
    uint64_t pa = 0;

    if ((cs->exception_index != EXCP_DATA_ABORT &&
         cs->exception_index != EXCP_PREFETCH_ABORT) ||
        fsc < FSC_GPF_WALK_FIRST || fsc > FSC_GPF_OUTPUT || !rmm->config.gpc) {
        return;
    }
    if (!get_phys_addr_with_space_nogpc(env, env->exception.vaddress,
                                        MMU_DATA_LOAD, 0,
                                        arm_mmu_idx(env),
                                        arm_security_space(env), &res, &fi)) {
        pa = res.f.phys_addr;
    }
    rmm_finding(rmm, ARM_RMM_FINDING_KIND_PROTECTION_FAULT, NULL, pa,
                "CPU %d, PC 0x%" PRIx64 ", address 0x%" PRIx64
                ": granule 0x%" PRIx64 " is %s since %s", cs->cpu_index,
                env->pc, env->exception.vaddress, pa,
                rmm_granule_name(rmm_granule_state(rmm, pa)),
                rmm_granule_origin_name(rmm, pa));
}

/*
 * Findings of the end: one for each command that something is left of
 */
static ArmRmmFinding *add(ArmRmmFindingList ***tail, ArmRmmFindingKind kind,
                          const char *command, uint64_t count,
                          uint64_t address, char *detail)
{
    ArmRmmFinding *f = g_new0(ArmRmmFinding, 1);

    f->kind = kind;
    f->command = g_strdup(command);
    f->count = count;
    f->address = address;
    f->detail = detail;
    f->time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    QAPI_LIST_APPEND(*tail, f);
    return f;
}

/* Open operations of a command: how many, and the first of them */
static uint64_t open_of(ArmRmm *rmm, uint16_t num, const RmmSro **first)
{
    uint64_t n = 0;

    *first = NULL;
    for (RmmSro *sro = NULL; (sro = rmm_sro_next(rmm, sro)); ) {
        if (sro->num == num) {
            *first = *first ?: sro;
            n++;
        }
    }
    return n;
}

static void append_sro(GString *s, const RmmSro *sro)
{
    g_string_append_printf(s, "handle 0x%" PRIx64 ", wants %s, holds %" PRIu64
                           " granules", sro->handle, rmm_sro_wants_name(sro),
                           rmm_extents_total(&sro->held));
    if (sro->last_num != sro->num) {
        g_string_append_printf(s, "; %s was answered %s",
                               rmm_command_name(sro->last_num),
                               rmm_status_name(sro->last_x0));
    }
}

static void add_open_sros(ArmRmm *rmm, ArmRmmFindingList ***tail)
{
    const RmmCommand *cmd;

    for (unsigned i = 0; (cmd = rmm_command_at(i)); i++) {
        g_autoptr(GString) s = g_string_new(NULL);
        const RmmSro *sro;
        uint64_t n = open_of(rmm, cmd->num, &sro);

        if (n) {
            append_sro(s, sro);
            add(tail, ARM_RMM_FINDING_KIND_SRO_ABANDONED, cmd->name, n,
                sro->handle, g_strdup(s->str));
        }
    }
}

/* Granules that a command left in a state */
typedef struct Left {
    uint64_t n;
    uint64_t first;
} Left;

static void count_left(ArmRmm *rmm, RmmGranuleState state,
                       Left left[RMI_NUM_LAST - RMI_NUM_FIRST + 1])
{
    uint64_t size = rmm_granule_size(rmm);
    uint64_t todo = rmm->ledger->count[state];

    for (unsigned i = 0; i < rmm->banks->n && todo; i++) {
        const RmmBank *b = &rmm->banks->bank[i];
        const uint8_t *g = rmm_granule(rmm, b->base);

        for (uint64_t k = 0; k < b->size / size && todo; k++) {
            uint64_t pa = b->base + k * size;
            uint16_t num;

            if ((g[k] & RMM_LEDGER_STATE) != state) {
                continue;
            }
            todo--;
            num = rmm_granule_origin(rmm, pa);
            if (num) {
                Left *l = &left[num - RMI_NUM_FIRST];

                l->first = l->n++ ? l->first : pa;
            }
        }
    }
}

/* What RMM_ACTIVATE got, and tables that the host made, are held for good. */
static uint64_t held_for_good(ArmRmm *rmm, uint16_t num)
{
    switch (num) {
    case RMI_RMM_ACTIVATE:
        return rmm_extents_total(&rmm->system->held);
    case RMI_GPT_L1_CREATE:
        return rmm_gpt_host_tables(rmm) *
               (rmm_gpt_table_size(rmm) / rmm_granule_size(rmm));
    default:
        return 0;
    }
}

/* Donated memory that realms and RECs have for as long as they exist */
static uint64_t held_by_objects(ArmRmm *rmm, uint16_t num)
{
    RmmRealm *realm;
    uint64_t n = 0;

    QTAILQ_FOREACH(realm, &rmm->objects->realms, next) {
        RmmRec *rec;

        if (num == RMI_REALM_CREATE) {
            n += rmm_extents_total(&realm->held);
        } else if (num == RMI_REC_CREATE) {
            QTAILQ_FOREACH(rec, &realm->recs, next) {
                n += rmm_extents_total(&rec->held);
            }
        }
    }
    return n;
}

static const char *granules(uint64_t n, char buf[40])
{
    snprintf(buf, 40, "%" PRIu64 " granule%s", n, n == 1 ? " was" : "s were");
    return buf;
}

static void add_held(ArmRmm *rmm, ArmRmmFindingList ***tail)
{
    g_autofree Left *left = g_new0(Left, RMI_NUM_LAST - RMI_NUM_FIRST + 1);
    const RmmCommand *cmd;

    count_left(rmm, RMM_G_INTERNAL, left);
    for (unsigned i = 0; (cmd = rmm_command_at(i)); i++) {
        const Left *l = &left[cmd->num - RMI_NUM_FIRST];
        uint64_t good = held_for_good(rmm, cmd->num);
        uint64_t live = held_by_objects(rmm, cmd->num);
        char buf[40];
        g_autoptr(GString) s = g_string_new(NULL);
        const RmmSro *sro;

        if (l->n <= good) {
            continue;
        }
        g_string_printf(s, "%s donated and not handed back, first 0x%" PRIx64,
                        granules(l->n - good, buf), l->first);
        if (live) {
            g_string_append_printf(s, "; %" PRIu64 " of them are of objects "
                                   "that exist", live);
        }
        if (open_of(rmm, cmd->num, &sro)) {
            g_string_append(s, "; ");
            append_sro(s, sro);
        }
        add(tail, ARM_RMM_FINDING_KIND_MEMORY_HELD, cmd->name, l->n - good,
            l->first, g_strdup(s->str));
    }
}

static void add_delegated(ArmRmm *rmm, ArmRmmFindingList ***tail)
{
    g_autofree Left *left = g_new0(Left, RMI_NUM_LAST - RMI_NUM_FIRST + 1);
    const RmmCommand *cmd;

    count_left(rmm, RMM_G_DELEGATED, left);
    for (unsigned i = 0; (cmd = rmm_command_at(i)); i++) {
        bool fresh = cmd->num == RMI_GRANULE_RANGE_DELEGATE;
        const Left *l = &left[cmd->num - RMI_NUM_FIRST];
        char buf[40];

        if (l->n) {
            add(tail, ARM_RMM_FINDING_KIND_LEFT_DELEGATED, cmd->name, l->n,
                l->first,
                g_strdup_printf("%s %s and not undelegated, first 0x%" PRIx64,
                                granules(l->n, buf), fresh ? "delegated" :
                                "given back", l->first));
        }
    }
}

static void add_realms(ArmRmm *rmm, ArmRmmFindingList ***tail)
{
    RmmRealm *realm = QTAILQ_FIRST(&rmm->objects->realms);

    if (realm) {
        add(tail, ARM_RMM_FINDING_KIND_REALM_LEFT, "REALM_CREATE",
            rmm->objects->n_realms, realm->rd,
            g_strdup_printf("realm 0x%" PRIx64 " is %s, with %" PRIu64 " RECs",
                            realm->rd, rmm_realm_state_name(realm->state),
                            realm->num_recs));
    }
}

ArmRmmFindingList *rmm_monitor_query(ArmRmm *rmm)
{
    ArmRmmFindingList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < ARM_RMM_FINDING_KIND__MAX; i++) {
        const RmmFinding *f = &rmm->findings->kind[i];
        ArmRmmFinding *x;

        if (!f->count) {
            continue;
        }
        x = add(&tail, i, f->num ? rmm_command_name(f->num) : NULL, f->count,
                f->address, g_strdup(f->detail));
        x->time_ns = f->time_ns;
        x->has_cpu = f->cpu >= 0;
        x->cpu = f->cpu;
    }
    add_open_sros(rmm, &tail);
    add_realms(rmm, &tail);
    add_held(rmm, &tail);
    add_delegated(rmm, &tail);
    return list;
}

uint64_t rmm_monitor_total(ArmRmm *rmm)
{
    g_autoptr(ArmRmmFindingList) list = rmm_monitor_query(rmm);
    uint64_t n = 0;

    for (ArmRmmFindingList *l = list; l; l = l->next) {
        n++;
    }
    return n;
}

void rmm_monitor_report(ArmRmm *rmm)
{
    g_autoptr(ArmRmmFindingList) list = NULL;
    uint64_t lost = 0;

    if (!rmm->config.report || !rmm->ledger) {
        return;
    }
    list = rmm_monitor_query(rmm);
    if (!list) {
        error_printf("arm-rmm: %" PRIu64 " calls, no findings\n",
                     rmm->dispatch->calls);
    }
    for (ArmRmmFindingList *l = list; l; l = l->next) {
        lost += l->value->kind == ARM_RMM_FINDING_KIND_MEMORY_HELD ||
                l->value->kind == ARM_RMM_FINDING_KIND_LEFT_DELEGATED ?
                l->value->count : 0;
        error_printf("arm-rmm: %s x %" PRIu64 ": %s%s%s\n",
                     ArmRmmFindingKind_str(l->value->kind), l->value->count,
                     l->value->command ?: "", l->value->command ? ": " : "",
                     l->value->detail);
    }
    if (lost) {
        error_printf("arm-rmm: the host misses %" PRIu64 " granule%s, %" PRIu64
                     " KiB\n", lost, lost == 1 ? "" : "s",
                     lost * rmm_granule_size(rmm) / KiB);
    }
}

const GArray *rmm_monitor_refusals(ArmRmm *rmm)
{
    return rmm->monitor->refusals;
}

void rmm_monitor_reset(ArmRmm *rmm)
{
    RmmMonitor *m = rmm->monitor;

    g_array_set_size(m->refusals, 0);
    memset(m->retry, 0, m->n_cpus * sizeof(*m->retry));
    m->n_retries = 0;
}

void rmm_monitor_init(ArmRmm *rmm)
{
    RmmMonitor *m = g_new0(RmmMonitor, 1);

    m->rmm = rmm;
    m->refusals = g_array_new(false, true, sizeof(RmmRefusal));
    m->n_cpus = current_machine->smp.max_cpus;
    m->retry = g_new0(RmmRetry, m->n_cpus);
    m->answered.notify = look_at_answer;
    notifier_list_add(&rmm->dispatch->answered, &m->answered);
    rmm_el3_on_exception(look_at_exception);
    rmm->monitor = m;
}
