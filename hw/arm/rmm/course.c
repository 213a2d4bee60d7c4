/*
 * Realm Management Monitor: the course of a stateful operation
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.3.2. What the specification leaves open,
 * and what a policy does against it.
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "course.h"

bool rmm_course_at_once(const RmmCourse *course)
{
    return !course->reqs[RMM_QUEUE_DONATE].n && !course->rounds &&
           !course->rounds_before;
}

uint64_t rmm_course_handle(const RmmCourse *course, uint64_t index)
{
    return course->has_handle ? course->handle : index;
}

/*
 * Rounds
 */
bool rmm_course_waits(const RmmCourse *course)
{
    return course->rounds_before;
}

bool rmm_course_wait(RmmCourse *course)
{
    return --course->rounds_before == 0;
}

bool rmm_course_round(RmmCourse *course)
{
    bool one = course->rounds;

    course->rounds -= course->rounds > 0;
    return one;
}

/*
 * Requests
 */
void rmm_course_queue(RmmCourse *course, RmmQueue queue)
{
    course->queue = queue;
    course->req = 0;
}

void rmm_course_next(RmmCourse *course)
{
    course->req++;
}

const RmmReq *rmm_course_request(RmmCourse *course)
{
    const RmmReqs *reqs = &course->reqs[course->queue];

    if (course->req >= reqs->n && course->repeat &&
        course->queue == RMM_QUEUE_DONATE) {
        course->req = 0;
    }
    return course->req < reqs->n ? &reqs->req[course->req] : NULL;
}

bool rmm_course_has_more(const RmmCourse *course)
{
    return course->reqs[RMM_QUEUE_THEN].n && course->queue == RMM_QUEUE_DONATE;
}

bool rmm_course_has_cancel(const RmmCourse *course)
{
    return course->reqs[RMM_QUEUE_CANCEL].n;
}

uint64_t rmm_course_limit(const RmmCourse *course)
{
    if (course->donations < course->n_consume) {
        return course->consume[course->donations];
    }
    return course->n_consume && course->consume_repeat ?
           course->consume[course->n_consume - 1] : UINT64_MAX;
}

bool rmm_course_donated(RmmCourse *course)
{
    course->donations++;
    return course->cycle;
}

bool rmm_course_refuses(const RmmCourse *course, uint64_t nth)
{
    return nth == course->refuse_granule;
}

/*
 * Ends
 */
bool rmm_course_cancel(RmmCourse *course, bool possible)
{
    course->cancel_bit = possible && course->cancel &&
                         !(course->cancel_toggle && course->cancel_bit);
    return course->cancel_bit;
}

void rmm_course_no_cancel(RmmCourse *course)
{
    course->cancel = false;
}

uint64_t rmm_course_chunk(const RmmCourse *course)
{
    return course->chunk;
}

uint64_t rmm_course_fail(const RmmCourse *course)
{
    return course->fail;
}

uint64_t rmm_course_final(const RmmCourse *course, uint64_t x0)
{
    return course->has_final ? course->final : x0;
}

bool rmm_course_keeps(const RmmCourse *course)
{
    return course->keep_memory;
}

/*
 * Handing back
 */
unsigned rmm_course_entries(const RmmCourse *course, unsigned capacity)
{
    return course->max_entries ? MIN(capacity, course->max_entries) : capacity;
}

bool rmm_course_empty(RmmCourse *course)
{
    bool empty = course->empty;

    course->empty -= course->empty > 0;
    return empty;
}

uint64_t rmm_course_vanish(RmmCourse *course, uint64_t granules)
{
    uint64_t n = MIN(granules, course->skip);

    course->skip -= n;
    return n;
}

bool rmm_course_backwards(const RmmCourse *course, uint64_t n)
{
    return course->order == ARM_RMM_RECLAIM_ORDER_REVERSE ||
           (course->order == ARM_RMM_RECLAIM_ORDER_INTERLEAVE && (n & 1));
}

uint64_t rmm_course_piece(const RmmCourse *course, uint64_t granules)
{
    return course->max_granules ? MIN(granules, course->max_granules) :
                                  granules;
}

unsigned rmm_course_state(const RmmCourse *course, unsigned truth)
{
    return course->has_state ? course->state : truth;
}

bool rmm_course_extra(RmmCourse *course, uint64_t *desc)
{
    bool extra = course->has_extra;

    *desc = course->extra;
    course->has_extra = false;
    return extra;
}

/*
 * Migration
 */
static bool reqs_ok(const RmmReqs *reqs)
{
    for (unsigned i = 0; i < RMM_MAX_REQS; i++) {
        if (reqs->req[i].size > 3 || reqs->req[i].count > 16383) {
            return false;
        }
    }
    return reqs->n <= RMM_MAX_REQS;
}

bool rmm_course_ok(const RmmCourse *course)
{
    for (unsigned i = 0; i < RMM_QUEUES; i++) {
        if (!reqs_ok(&course->reqs[i])) {
            return false;
        }
    }
    return course->n_consume <= RMM_MAX_CONSUME &&
           course->queue < RMM_QUEUES && course->req <= RMM_MAX_REQS &&
           course->order < ARM_RMM_RECLAIM_ORDER__MAX;
}

static const VMStateDescription vmstate_req = {
    .name = "arm-rmm/request",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(size, RmmReq),
        VMSTATE_UINT16(count, RmmReq),
        VMSTATE_BOOL(contig, RmmReq),
        VMSTATE_UINT8(state, RmmReq),
        VMSTATE_UINT64(or, RmmReq),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_reqs = {
    .name = "arm-rmm/requests",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(n, RmmReqs),
        VMSTATE_STRUCT_ARRAY(req, RmmReqs, RMM_MAX_REQS, 1, vmstate_req,
                             RmmReq),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription vmstate_rmm_course = {
    .name = "arm-rmm/course",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT32(rounds, RmmCourse),
        VMSTATE_UINT32(rounds_before, RmmCourse),
        VMSTATE_BOOL(cancel, RmmCourse),
        VMSTATE_BOOL(cancel_toggle, RmmCourse),
        VMSTATE_BOOL(cancel_bit, RmmCourse),
        VMSTATE_STRUCT_ARRAY(reqs, RmmCourse, RMM_QUEUES, 1, vmstate_reqs,
                             RmmReqs),
        VMSTATE_UINT8(queue, RmmCourse),
        VMSTATE_UINT8(req, RmmCourse),
        VMSTATE_BOOL(repeat, RmmCourse),
        VMSTATE_BOOL(cycle, RmmCourse),
        VMSTATE_UINT8(n_consume, RmmCourse),
        VMSTATE_UINT32_ARRAY(consume, RmmCourse, RMM_MAX_CONSUME),
        VMSTATE_BOOL(consume_repeat, RmmCourse),
        VMSTATE_UINT32(donations, RmmCourse),
        VMSTATE_UINT32(refuse_granule, RmmCourse),
        VMSTATE_UINT64(fail, RmmCourse),
        VMSTATE_BOOL(keep_memory, RmmCourse),
        VMSTATE_UINT32(max_entries, RmmCourse),
        VMSTATE_UINT32(max_granules, RmmCourse),
        VMSTATE_UINT8(order, RmmCourse),
        VMSTATE_INT32(empty, RmmCourse),
        VMSTATE_UINT32(skip, RmmCourse),
        VMSTATE_BOOL(has_state, RmmCourse),
        VMSTATE_UINT8(state, RmmCourse),
        VMSTATE_BOOL(has_extra, RmmCourse),
        VMSTATE_UINT64(extra, RmmCourse),
        VMSTATE_UINT64(chunk, RmmCourse),
        VMSTATE_BOOL(has_handle, RmmCourse),
        VMSTATE_UINT64(handle, RmmCourse),
        VMSTATE_BOOL(has_final, RmmCourse),
        VMSTATE_UINT64(final, RmmCourse),
        VMSTATE_END_OF_LIST()
    },
};
