/*
 * Realm Management Monitor: the course of a stateful operation
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       what a policy has planned for one operation, and how far that
 *             came: requests, rounds, how memory goes back, how it ends.
 * Callers:    policies fill in the members of a plan. The engine asks, by the
 *             functions below, and looks at no member.
 * Life cycle: that of the operation, with which it migrates.
 */

#ifndef RMM_COURSE_H
#define RMM_COURSE_H

#include "call.h"

#define RMM_MAX_REQS        16      /* requests for memory of one list */
#define RMM_MAX_CONSUME     64

typedef struct RmmReq {
    uint8_t size;
    uint16_t count;
    bool contig;
    uint8_t state;
    uint64_t or;                    /* further bits of the request */
} RmmReq;

typedef struct RmmReqs {
    uint8_t n;
    RmmReq req[RMM_MAX_REQS];
} RmmReqs;

typedef enum RmmQueue {
    RMM_QUEUE_DONATE,
    RMM_QUEUE_THEN,                 /* after all memory was handed back */
    RMM_QUEUE_CANCEL,               /* after OP_CANCEL */
    RMM_QUEUES,
} RmmQueue;

/* QAPI's ArmRmmSroShape says what the members mean; all 0: the legal course */
typedef struct RmmCourse {
    int32_t rounds;                 /* still to come; -1: for ever */
    uint32_t rounds_before;
    bool cancel;
    bool cancel_toggle;
    bool cancel_bit;                /* as last answered */
    RmmReqs reqs[RMM_QUEUES];
    uint8_t queue;                  /* which list of requests: RmmQueue */
    uint8_t req;                    /* number of the current one */
    bool repeat;
    bool cycle;
    uint8_t n_consume;
    uint32_t consume[RMM_MAX_CONSUME];
    bool consume_repeat;
    uint32_t donations;             /* OP_MEM_DONATE calls that took part */
    uint32_t refuse_granule;
    uint64_t fail;
    bool keep_memory;
    uint32_t max_entries;
    uint32_t max_granules;
    uint8_t order;                  /* ArmRmmReclaimOrder */
    int32_t empty;                  /* still to come; -1: for ever */
    uint32_t skip;                  /* still to come */
    bool has_state;
    uint8_t state;
    bool has_extra;                 /* still to come */
    uint64_t extra;
    uint64_t chunk;
    bool has_handle;
    uint64_t handle;
    bool has_final;
    uint64_t final;
} RmmCourse;

/** rmm_course_at_once: is there nothing to wait for, and nothing to ask for? */
bool rmm_course_at_once(const RmmCourse *course);

/** rmm_course_handle: the handle that it wants, or @index */
uint64_t rmm_course_handle(const RmmCourse *course, uint64_t index);

/** rmm_course_waits: are there rounds before memory moves? */
bool rmm_course_waits(const RmmCourse *course);

/** rmm_course_wait: one of those rounds is over; was it the last? */
bool rmm_course_wait(RmmCourse *course);

/** rmm_course_round: is there one more round? It is used up. */
bool rmm_course_round(RmmCourse *course);

/** rmm_course_queue: go to another list of requests */
void rmm_course_queue(RmmCourse *course, RmmQueue queue);

/** rmm_course_next: go to the next request */
void rmm_course_next(RmmCourse *course);

/** rmm_course_request: the current request, NULL behind the last */
const RmmReq *rmm_course_request(RmmCourse *course);

/** rmm_course_has_more: are there requests after memory went back? */
bool rmm_course_has_more(const RmmCourse *course);

/** rmm_course_has_cancel: are there requests after OP_CANCEL? */
bool rmm_course_has_cancel(const RmmCourse *course);

/** rmm_course_limit: most granules that the current OP_MEM_DONATE takes */
uint64_t rmm_course_limit(const RmmCourse *course);

/** rmm_course_donated: an OP_MEM_DONATE is over; on to the next request? */
bool rmm_course_donated(RmmCourse *course);

/** rmm_course_refuses: is the @nth granule of the operation a bad one? */
bool rmm_course_refuses(const RmmCourse *course, uint64_t nth);

/** rmm_course_cancel: the cancel bit of an answer */
bool rmm_course_cancel(RmmCourse *course, bool possible);

/** rmm_course_no_cancel: not any more */
void rmm_course_no_cancel(RmmCourse *course);

/** rmm_course_chunk: bytes of a range that are done at a time, 0: all */
uint64_t rmm_course_chunk(const RmmCourse *course);

/** rmm_course_fail: what it fails with when it could end well, or 0 */
uint64_t rmm_course_fail(const RmmCourse *course);

/** rmm_course_final: the final X0 */
uint64_t rmm_course_final(const RmmCourse *course, uint64_t x0);

/** rmm_course_keeps: does it end without handing memory back? */
bool rmm_course_keeps(const RmmCourse *course);

/*
 * OP_MEM_RECLAIM
 */

/** rmm_course_entries: entries that one call gives back at most */
unsigned rmm_course_entries(const RmmCourse *course, unsigned capacity);

/** rmm_course_empty: does this call give back nothing? It is used up. */
bool rmm_course_empty(RmmCourse *course);

/** rmm_course_vanish: of @granules, so many are never given back */
uint64_t rmm_course_vanish(RmmCourse *course, uint64_t granules);

/** rmm_course_backwards: the last piece first, after @n granules? */
bool rmm_course_backwards(const RmmCourse *course, uint64_t n);

/** rmm_course_piece: granules of one entry, of @granules at most */
uint64_t rmm_course_piece(const RmmCourse *course, uint64_t granules);

/** rmm_course_state: the state that an entry claims */
unsigned rmm_course_state(const RmmCourse *course, unsigned truth);

/** rmm_course_extra: one more entry, as it is? It is used up. */
bool rmm_course_extra(RmmCourse *course, uint64_t *desc);

/** rmm_course_ok: after loading: is every number within its bounds? */
bool rmm_course_ok(const RmmCourse *course);

extern const VMStateDescription vmstate_rmm_course;

#endif /* RMM_COURSE_H */
