/*
 * Realm Management Monitor: OP_MEM_DONATE and OP_MEM_RECLAIM
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.3.2.2, B4.3.2.3, B4.4, B4.5.23, B4.5.24.
 * Donation counts granules, reclaim counts entries of the list.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "desc.h"
#include "finding.h"
#include "granule.h"
#include "host.h"
#include "sro-internal.h"

/*
 * Donation
 */
typedef struct Piece {
    uint64_t base;
    uint64_t granules;
} Piece;

static bool state_fits(unsigned want, RmmGranuleState have)
{
    switch (want) {
    case RMI_MEM_UNDELEGATED:
        return have == RMM_G_UNDELEGATED;
    case RMI_MEM_CONDITIONAL:
        return have == RMM_G_UNDELEGATED || have == RMM_G_DELEGATED;
    default:
        return have == RMM_G_DELEGATED;
    }
}

static bool may_donate(ArmRmm *rmm, uint64_t pa, unsigned want)
{
    return !rmm_granule_foreign(rmm, 0, pa) &&
           rmm_tracking(rmm, pa) == RMI_TRACKING_FINE &&
           state_fits(want, rmm_granule_state(rmm, pa));
}

/*
 * sec B4.3.2.2: a contiguous request is met by one region that is aligned to
 * its size. TF-RMM wants it in one descriptor.
 */
static bool contig_ok(ArmRmm *rmm, const RmmSro *sro, const Piece *p,
                      unsigned n)
{
    uint64_t size = rmm_granule_size(rmm);
    uint64_t total = 0;

    if (n > 1 && rmm->profile->contig_in_one) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (p[i].base != p[0].base + total * size) {
            return false;
        }
        total += p[i].granules;
    }
    return n == 0 || (total == sro->left && is_power_of_2(total) &&
                      !(p[0].base & (total * size - 1)));
}

/* A descriptor; what is wrong with it goes to @c->why. */
static bool take_desc(RmmCall *c, RmmSro *sro, uint64_t desc, Piece *x,
                      uint64_t *total)
{
    ArmRmm *rmm = c->rmm;
    unsigned want = rmm_sro_current(rmm, sro).state &
                    MAKE_64BIT_MASK(0, rmm->profile->state_bits);
    RmmDesc d = rmm_range_parse(rmm, desc);
    const char *why = NULL;

    *x = (Piece) { d.base, d.granules };
    if (!d.granules) {
        return true;
    }
    *total += d.granules;
    if (!rmm_range_aligned(rmm, &d)) {
        why = "descriptor: address is not aligned to its size";
    } else if (*total > sro->left) {
        why = "descriptor: more than was asked for";
    } else if (d.state != want) {
        why = "descriptor: state is not what was asked for";
    }
    if (why) {
        rmm_refuse(c, RMI_ERROR_INPUT, why, desc);
    }
    return !why;
}

/* Read and check the list; nothing has changed if it is refused. */
static bool take_list(RmmCall *c, RmmSro *sro, Piece *p, unsigned *n)
{
    ArmRmm *rmm = c->rmm;
    uint64_t count = MIN(c->arg.op_mem.count, RMI_LIST_MAX);
    const uint8_t *list = NULL;
    uint64_t total = 0;

    *n = 0;
    if (count && !(c->arg.op_mem.list & 7)) {
        list = rmm_host_copy(c, c->arg.op_mem.list, count * 8);
    }
    if ((c->arg.op_mem.list & 7) || (count && !list)) {
        rmm_refuse(c, RMI_ERROR_INPUT, "list is not aligned, or not "
                   "Non-secure memory", c->arg.op_mem.list);
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!take_desc(c, sro, ldq_le_p(list + i * 8), &p[*n], &total)) {
            return false;
        }
        *n += p[*n].granules > 0;
    }
    if (rmm_sro_current(rmm, sro).contig && !contig_ok(rmm, sro, p, *n)) {
        rmm_refuse(c, RMI_ERROR_INPUT, "list is not one contiguous, aligned "
                   "piece of what was asked for", p[0].base);
        return false;
    }
    return true;
}

/* Returns false at a granule that cannot be taken, with the reason in @c. */
static bool take_granules(RmmCall *c, RmmSro *sro, const Piece *p, unsigned n,
                          uint64_t *taken)
{
    ArmRmm *rmm = c->rmm;
    uint64_t size = rmm_granule_size(rmm);
    uint64_t limit = rmm_course_limit(&sro->course);
    unsigned want = rmm_sro_current(rmm, sro).state;

    for (unsigned i = 0; i < n; i++) {
        for (uint64_t k = 0; k < p[i].granules; k++) {
            uint64_t pa = p[i].base + k * size;
            bool was_ns = rmm_granule_state(rmm, pa) == RMM_G_UNDELEGATED;

            if (*taken == limit) {
                return true;
            }
            if (rmm_course_refuses(&sro->course, sro->accepted + 1)) {
                rmm_refuse(c, RMI_ERROR_INPUT, "refuse-granule of the script",
                           pa);
                return false;
            }
            if (!may_donate(rmm, pa, want)) {
                rmm_refuse(c, RMI_ERROR_INPUT, "granule is not in the state "
                           "that was asked for", pa);
                return false;
            }
            rmm_granule_donate(rmm, pa);
            rmm_extents_add(&sro->held, pa, 1, size, was_ns);
            sro->accepted++;
            sro->left--;
            ++*taken;
        }
    }
    return true;
}

static void bad_donation(RmmCall *c, RmmSro *sro, uint64_t taken)
{
    rmm_finding(c->rmm, ARM_RMM_FINDING_KIND_BAD_DONATION, c, c->why_value,
                "%s, handle 0x%" PRIx64 ": %s: 0x%" PRIx64 ", after %" PRIu64
                " of the call", rmm_command(sro->num)->name, sro->handle,
                c->why, c->why_value, taken);
}

/*
 * sec B4.3.2.2: the failure is recorded, OP_CONTINUE leads to the end of the
 * operation. TF-RMM forgives a list that it cannot use.
 */
static uint64_t refuse_list(RmmCall *c, RmmSro *sro)
{
    bad_donation(c, sro, 0);
    if (!c->rmm->profile->forgives_donation) {
        rmm_sro_fail(sro, RMI_ERROR_INPUT);
        rmm_sro_want(c->rmm, sro, RMI_MEM_NONE);
    }
    return RMI_ERROR_INPUT;
}

/*
 * TF-RMM asks for the rest again, or, if the very first granule is bad, hands
 * back what it has.
 */
static uint64_t refuse_granule(RmmCall *c, RmmSro *sro, uint64_t taken)
{
    bad_donation(c, sro, taken);
    if (!c->rmm->profile->forgives_donation) {
        rmm_sro_fail(sro, RMI_ERROR_INPUT);
        rmm_sro_want(c->rmm, sro, RMI_MEM_NONE);
        return RMI_ERROR_INPUT;
    }
    if (!taken) {
        rmm_sro_fail(sro, RMI_ERROR_INPUT);
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
    } else {
        rmm_sro_want(c->rmm, sro, RMI_MEM_DONATE);
    }
    return rmm_sro_answer(c, sro);
}

static RmmSro *lookup_for(RmmCall *c, RmiMem wants)
{
    RmmSro *sro = rmm_sro_lookup(c, false);

    if (sro && sro->wants != wants) {
        rmm_finding(c->rmm, ARM_RMM_FINDING_KIND_WRONG_PHASE, c, sro->handle,
                    "handle 0x%" PRIx64 " of %s wants %s", sro->handle,
                    rmm_command(sro->num)->name, rmm_sro_wants_name(sro));
        rmm_refuse(c, RMI_ERROR_INPUT, "the operation wants something else",
                   sro->wants);
        return NULL;
    }
    return sro;
}

uint64_t rmm_op_mem_donate(RmmCall *c)
{
    RmmSro *sro = lookup_for(c, RMI_MEM_DONATE);
    g_autofree Piece *p = g_new(Piece, RMI_LIST_MAX);
    uint64_t taken = 0;
    unsigned n;
    bool ok, next;

    if (!sro) {
        return RMI_ERROR_INPUT;
    }
    if (c->rmm->config.sbz_check && c->arg.op_mem.flags) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "sbz-check: flags",
                          c->arg.op_mem.flags);
    }
    if (!take_list(c, sro, p, &n)) {
        return refuse_list(c, sro);
    }
    ok = take_granules(c, sro, p, n, &taken);
    next = rmm_course_donated(&sro->course);
    c->out.donate.accepted = taken;
    if (!ok) {
        return refuse_granule(c, sro, taken);
    }
    if (!sro->left || next) {
        rmm_sro_next_request(c->rmm, sro);
        if (sro->wants == RMI_MEM_NONE && sro->cancelled && sro->held.n) {
            rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
        }
    } else {
        rmm_sro_want(c->rmm, sro, RMI_MEM_DONATE);
    }
    return rmm_sro_answer(c, sro);
}

/*
 * Reclaim
 */

/* Cut the next piece off the held memory, as the course wants it. */
static RmmExtent next_piece(ArmRmm *rmm, RmmSro *sro, int *head, int *tail)
{
    uint64_t size = rmm_granule_size(rmm);
    bool back = rmm_course_backwards(&sro->course, sro->handed_back);
    RmmExtent *e = &sro->held.ext[back ? *tail - 1 : *head];
    uint64_t n = MIN(e->granules, rmm_range_max_count(rmm));
    RmmExtent piece = *e;

    n = rmm_course_piece(&sro->course, n);
    piece.granules = n;
    e->granules -= n;
    if (back) {
        piece.base += e->granules * size;
        *tail -= !e->granules;
    } else {
        e->base += n * size;
        *head += !e->granules;
    }
    return piece;
}

static void compact(RmmExtents *e, int head, int tail)
{
    if (head && head < tail) {
        memmove(e->ext, e->ext + head, (tail - head) * sizeof(*e->ext));
    }
    e->n = tail - head;
}

/* Memory that the course wants to vanish stays INTERNAL, and nobody's. */
static void skip_granules(ArmRmm *rmm, RmmSro *sro)
{
    int head = 0;

    while (head < sro->held.n) {
        RmmExtent *e = &sro->held.ext[head];
        uint64_t n = rmm_course_vanish(&sro->course, e->granules);

        e->base += n * rmm_granule_size(rmm);
        e->granules -= n;
        if (e->granules) {
            break;
        }
        head++;
    }
    compact(&sro->held, head, sro->held.n);
}

static unsigned hand_back(RmmCall *c, RmmSro *sro, uint64_t *list,
                          unsigned capacity)
{
    ArmRmm *rmm = c->rmm;
    int head = 0, tail = sro->held.n;
    uint64_t extra;
    unsigned n = 0;

    while (n < capacity && head < tail) {
        RmmExtent e = next_piece(rmm, sro, &head, &tail);
        unsigned state = rmm_course_state(&sro->course, e.was_ns ?
                                          RMI_MEM_UNDELEGATED :
                                          RMI_MEM_DELEGATED);

        list[n++] = cpu_to_le64(rmm_range_make(rmm, e.base, 0, e.granules,
                                               state));
        rmm_granule_return(rmm, e.base, e.granules);
        sro->handed_back += e.granules;
    }
    compact(&sro->held, head, tail);
    if (!sro->held.n && n < capacity &&
        rmm_course_extra(&sro->course, &extra)) {
        list[n++] = cpu_to_le64(extra);
    }
    return n;
}

static void after_reclaim(RmmCall *c, RmmSro *sro)
{
    if (sro->held.n) {
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
    } else if (rmm_course_has_more(&sro->course) && !sro->error &&
               !sro->cancelled) {
        rmm_sro_queue(c->rmm, sro, RMM_QUEUE_THEN);
    } else {
        rmm_sro_want(c->rmm, sro, RMI_MEM_NONE);
    }
}

uint64_t rmm_op_mem_reclaim(RmmCall *c)
{
    RmmSro *sro = lookup_for(c, RMI_MEM_RECLAIM);
    g_autofree uint64_t *list = g_new(uint64_t, RMI_LIST_MAX);
    unsigned capacity;

    if (!sro) {
        return RMI_ERROR_INPUT;
    }
    if (c->arg.op_mem.list & 7) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "list is not aligned",
                          c->arg.op_mem.list);
    }
    capacity = rmm_course_entries(&sro->course,
                                  MIN(c->arg.op_mem.count, RMI_LIST_MAX));
    /* Whether the list can be written is known before anything is given up. */
    if (capacity && !rmm_ns_ok(c->rmm, c->arg.op_mem.list, capacity * 8)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "list is not Non-secure memory",
                          c->arg.op_mem.list);
    }
    if (rmm_course_empty(&sro->course)) {
        return rmm_sro_answer(c, sro);
    }
    skip_granules(c->rmm, sro);
    c->out.reclaim.entries = hand_back(c, sro, list, capacity);
    if (c->out.reclaim.entries) {
        rmm_ns_write(c->rmm, c->arg.op_mem.list, list,
                     c->out.reclaim.entries * 8);
    }
    after_reclaim(c, sro);
    return rmm_sro_answer(c, sro);
}
