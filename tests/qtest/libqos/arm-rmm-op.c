/*
 * A stateful operation of the RMM as the specification wants it, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "arm-rmm-op.h"

enum { WANTS_CONTINUE, WANTS_DONATE, WANTS_RECLAIM };

static unsigned held(const RmmOp *op)
{
    return op->donated - op->handed_back;
}

/* sec B4.6.73: INCOMPLETE, what is wanted, whether it can be cancelled */
static uint64_t incomplete(RmmOp *op, unsigned wants)
{
    op->wants = wants;
    op->cancellable = op->course.cancel && !op->cancelled;
    return INCOMPLETE | (uint64_t)wants << 8 |
           (op->cancellable ? CANCELLABLE : 0);
}

static uint64_t ask(RmmOp *op)
{
    op->left = op->req < RMM_OP_REQS ? op->course.request[op->req] : 0;
    return incomplete(op, op->left ? WANTS_DONATE : WANTS_CONTINUE);
}

/* sec B4.3.2.3: memory first, then the failure */
static uint64_t give_up(RmmOp *op)
{
    if (held(op)) {
        return incomplete(op, WANTS_RECLAIM);
    }
    op->ended = true;
    /* The property cancel-status, if the script does not say otherwise */
    return op->error ?: op->course.fails ? EGLOBAL : EINPUT;
}

static uint64_t expect_continue(RmmOp *op)
{
    bool strict = g_str_equal(op->h->abi, "bet1");

    if (op->wants != WANTS_CONTINUE && strict) {
        return EINPUT;
    }
    if (op->wants == WANTS_RECLAIM) {
        return incomplete(op, WANTS_RECLAIM);
    }
    if (op->wants == WANTS_DONATE) {
        op->error = EINPUT;
    }
    if (op->error || op->cancelled) {
        return give_up(op);
    }
    if (op->rounds) {
        op->rounds--;
        return incomplete(op, WANTS_CONTINUE);
    }
    if (op->course.fails) {
        op->error = EGLOBAL;
        return give_up(op);
    }
    if (held(op) && !op->course.keeps) {
        return incomplete(op, WANTS_RECLAIM);
    }
    op->ended = true;
    return OK;
}

static uint64_t expect_donate(RmmOp *op)
{
    if (op->wants != WANTS_DONATE) {
        return EINPUT;
    }
    op->donated++;
    if (--op->left) {
        return incomplete(op, WANTS_DONATE);
    }
    op->req++;
    return ask(op);
}

static uint64_t expect_reclaim(RmmOp *op)
{
    if (op->wants != WANTS_RECLAIM) {
        return EINPUT;
    }
    op->handed_back++;
    return incomplete(op, held(op) ? WANTS_RECLAIM : WANTS_CONTINUE);
}

static uint64_t expect_cancel(RmmOp *op)
{
    if (!op->cancellable) {
        return EINPUT;
    }
    op->cancelled = true;
    return incomplete(op, held(op) ? WANTS_RECLAIM : WANTS_CONTINUE);
}

static uint64_t request(const RmmOp *op)
{
    return op->wants == WANTS_DONATE ?
           op->left << 2 | (op->course.undelegated ? 1 << 17 : 0) : 0;
}

/* Pages to donate are at the beginning of the list, what comes back behind. */
#define HANDED_BACK 0x800

static uint64_t page_desc(RmmHost *h, const RmmCourse *c, unsigned i)
{
    return rmm_desc(h, c->pages + i * PAGE, 0, 1, c->undelegated);
}

void rmm_op_list(RmmHost *h, const RmmCourse *c)
{
    uint64_t list[RMM_OP_PAGES];

    for (unsigned i = 0; i < RMM_OP_PAGES; i++) {
        list[i] = cpu_to_le64(page_desc(h, c, i));
    }
    qtest_memwrite(h->qts, c->list, list, sizeof(list));
}

void rmm_op_script(RmmHost *h, const RmmCourse *c)
{
    g_autoptr(GString) s = g_string_new(NULL);

    g_string_printf(s, "{ \"rules\": [ { \"command\": \"%s\", \"times\": 0,"
                    " \"sro\": { \"rounds\": %u, \"cancel\": %s, \"reclaim\": {"
                    " \"max-granules\": 1 },%s \"donate\": [", c->command,
                    c->rounds, c->cancel ? "true" : "false",
                    c->fails ? " \"fail\": \"error-global\"," : "");
    for (unsigned i = 0; i < RMM_OP_REQS && c->request[i]; i++) {
        g_string_append_printf(s, "%s{ \"count\": %u, \"state\": \"%s\" }",
                               i ? "," : "", c->request[i],
                               c->undelegated ? "undelegated" : "delegated");
    }
    g_string_append(s, "] } } ] }");
    rmm_script(h, s->str);
    rmm_op_list(h, c);
}

void rmm_op_begin(RmmOp *op, RmmHost *h, const RmmCourse *course,
                  const uint64_t in[6])
{
    uint64_t want;

    *op = (RmmOp) {
        .h = h, .course = *course, .rounds = course->rounds,
    };
    want = ask(op);
    if (op->wants == WANTS_CONTINUE) {
        op->rounds--;               /* the first answer is one of them */
    }
    g_assert_cmphex(rmm_smc(h, 0, course->num, in), ==, want);
    op->handle = h->x[1];
    g_assert_cmphex(h->x[2], ==, request(op));
}

/* X1 is the page or the entry; X2 the next request. */
static void check_outputs(RmmOp *op, unsigned num, uint64_t x0)
{
    RmmHost *h = op->h;
    bool incomplete = (x0 & 0xff) == INCOMPLETE;

    if (num == R_DONATE || num == R_RECLAIM) {
        g_assert_cmphex(h->x[1], ==, incomplete);
    }
    if (num == R_CONTINUE && incomplete) {
        g_assert_cmphex(h->x[1], ==, op->handle);
    }
    if (num != R_CANCEL && incomplete) {
        g_assert_cmphex(h->x[2], ==, request(op));
    }
    if (num == R_RECLAIM && incomplete) {
        g_assert_cmphex(qtest_readq(h->qts, op->course.list + HANDED_BACK), ==,
                        page_desc(h, &op->course, op->handed_back - 1));
    }
}

uint64_t rmm_op_call(RmmOp *op, unsigned num)
{
    RmmHost *h = op->h;
    uint64_t in[6] = { op->handle, 0, 1, 0 };
    uint64_t want;

    if (num != R_CONTINUE) {
        in[1] = op->course.list + (num == R_DONATE ? op->donated * 8 :
                                   HANDED_BACK);
    }
    want = num == R_DONATE ? expect_donate(op) :
           num == R_RECLAIM ? expect_reclaim(op) :
           num == R_CANCEL ? expect_cancel(op) : expect_continue(op);
    op->cpu = !op->cpu;
    g_assert_cmphex(rmm_smc(h, op->cpu, num, in), ==, want);
    check_outputs(op, num, want);
    return want;
}

uint64_t rmm_op_forward(RmmOp *op)
{
    static const unsigned forward[] = { R_CONTINUE, R_DONATE, R_RECLAIM };

    return rmm_op_call(op, forward[op->wants]);
}

uint64_t rmm_op_end(RmmOp *op)
{
    uint64_t x0 = 0;

    for (unsigned i = 0; !op->ended; i++) {
        g_assert_cmpuint(i, <, 64);
        x0 = rmm_op_forward(op);
    }
    return x0;
}
