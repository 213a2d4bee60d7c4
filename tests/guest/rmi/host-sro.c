/*
 * A host of the Realm Management Monitor: stateful operations
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec B4.3.2, B4.4. The list holds what the host
 * has to offer: it was offered before and not taken, or came back. What is in
 * it when the operation ends is freed.
 */
#include "host.h"

#define MAX_COUNT       1023            /* of a descriptor */
#define MAX_PAGES       1024            /* in one piece: MAX_PAGE_ORDER */
#define ADDRESS         0xffffffffff000ull
#define DESC_SIZE(d)    ((d) & 3)
#define DESC_COUNT(d)   ((d) >> 2 & 0x3ff)
#define ENTRY(i)        (LIST + (i) * 8)

/* Why a host gives up, in the words of Linux */
enum { OK, NO_PATIENCE, BAD_REQUEST, NO_MEMORY, NO_SENSE };
static const char *const errors[] = {
    "", "!EAGAIN", "!EINVAL", "!ENOMEM", "!ENXIO",
};

typedef struct Request {
    unsigned size, count, state;
    bool contig;
    uint64_t pages;                     /* of a block, or of the whole piece */
} Request;

static unsigned entries;

static unsigned state_shift(void)
{
    return bet3 ? 62 : 63;
}

static uint64_t block_pages(unsigned size)
{
    return 1ull << size * 9;
}

static uint64_t make_desc(uint64_t addr, const Request *r)
{
    return addr | r->size | (uint64_t)(r->contig ? r->count : 1) << 2 |
           (uint64_t)r->state << state_shift();
}

static void free_desc(uint64_t desc)
{
    uint64_t addr = desc & ADDRESS;
    unsigned pages = DESC_COUNT(desc) * block_pages(DESC_SIZE(desc));
    unsigned state = desc >> state_shift();

    if (!pages) {
        return;
    }
    if (state > 1) {
        trace_note("!state");
        leaked += pages;
    } else if (!state && range(UNDELEGATE, addr, pages) != pages) {
        trace_note("!leak");
        leaked += pages;
    } else {
        release(addr, pages);
    }
}

static void free_list(void)
{
    for (unsigned i = 0; i < entries; i++) {
        free_desc(load(ENTRY(i)));
    }
    entries = 0;
}

static void swap(unsigned a, unsigned b)
{
    uint64_t desc = load(ENTRY(a));

    store(ENTRY(a), load(ENTRY(b)));
    store(ENTRY(b), desc);
}

static bool fits(uint64_t desc, const Request *r)
{
    return (desc & ~ADDRESS) == (make_desc(0, r) & ~ADDRESS) &&
           (!r->contig || host.trusting ||
            !((desc & ADDRESS) & (r->pages * PAGE - 1)));
}

/* New memory at the end of the list */
static int add_entry(const Request *r)
{
    uint64_t addr = alloc(r->pages);

    if (!addr) {
        return NO_MEMORY;
    }
    if (!r->state) {
        unsigned done = range(DELEGATE, addr, r->pages);

        if (done != r->pages) {
            /* A careless host forgets what it has delegated already. */
            if (!host.trusting) {
                range(UNDELEGATE, addr, done);
            }
            release(addr, r->pages);
            return NO_SENSE;
        }
    }
    store(ENTRY(entries++), make_desc(addr, r));
    return OK;
}

static void make_room(void)
{
    if (entries == LIST_ENTRIES) {
        trace_note("freed");
        free_list();
    }
}

/* What was not taken of the block at @i goes back at once, page by page. */
static void free_tail(const Request *r, unsigned i, uint64_t taken)
{
    uint64_t addr = load(ENTRY(i)) & ADDRESS;
    unsigned left = r->pages - taken;

    if (!r->state && range(UNDELEGATE, addr + taken * PAGE, left) != left) {
        trace_note("!leak");
        leaked += left;
        return;
    }
    release(addr + taken * PAGE, left);
}

static uint64_t offer(uint64_t handle, unsigned first, unsigned n,
                      uint64_t pages, uint64_t answer[5])
{
    uint64_t x0 = retry(OP_DONATE, IN(handle, ENTRY(first), n), answer);

    if (STATUS(x0) == BUSY || STATUS(x0) == BLOCKED || x0 == UNKNOWN) {
        answer[1] = 0;
    }
    if (answer[1] > pages) {
        trace_note("!clamped");
        answer[1] = pages;
    }
    return x0;
}

static int donate_contig(uint64_t handle, Request *r, uint64_t answer[5],
                         uint64_t *x0)
{
    int error;

    r->pages = block_pages(r->size) * r->count;
    if (!host.trusting && ((r->pages & (r->pages - 1)) ||
                           r->count > MAX_COUNT)) {
        return BAD_REQUEST;
    }
    if (r->pages > MAX_PAGES) {
        return NO_MEMORY;
    }
    for (unsigned i = 0; i < entries; i++) {
        if (fits(load(ENTRY(i)), r)) {
            swap(i, entries - 1);
            goto have;
        }
    }
    make_room();
    error = add_entry(r);
    if (error) {
        return error;
    }
have:
    *x0 = offer(handle, entries - 1, 1, r->pages, answer);
    if (answer[1]) {
        if (answer[1] < r->pages) {
            free_tail(r, entries - 1, answer[1]);
        }
        entries--;
    }
    return OK;
}

static int donate_blocks(uint64_t handle, Request *r, uint64_t answer[5],
                         uint64_t *x0)
{
    unsigned count = r->count < LIST_ENTRIES ? r->count : LIST_ENTRIES;
    unsigned found = 0, gone;

    r->pages = block_pages(r->size);
    if (r->pages > MAX_PAGES) {
        return NO_MEMORY;
    }
    /* What fits goes to the end of the list. */
    for (unsigned i = 0; i + found < entries && found < count; i++) {
        if (fits(load(ENTRY(i)), r)) {
            swap(i--, entries - ++found);
        }
    }
    if (entries - found + count > LIST_ENTRIES) {
        trace_note("freed");
        free_list();
        found = 0;
    }
    for (; found < count; found++) {
        int error = add_entry(r);

        if (error) {
            return error;
        }
    }
    *x0 = offer(handle, entries - count, count, count * r->pages, answer);
    gone = answer[1] / r->pages;
    if (answer[1] % r->pages) {
        free_tail(r, entries - count + gone, answer[1] % r->pages);
        gone++;
    }
    /* It takes from the front. */
    for (unsigned i = entries - count; i + gone < entries; i++) {
        store(ENTRY(i), load(ENTRY(i + gone)));
    }
    entries -= gone;
    return OK;
}

static int donate(uint64_t handle, uint64_t request, uint64_t answer[5],
                  uint64_t *x0)
{
    Request r = {
        .size = request & 3, .count = request >> 2 & 0x3fff,
        .contig = request >> 16 & 1,
        .state = request >> 17 & (bet3 ? 3 : 1),
    };

    if (!r.count || r.state > 1) {
        return BAD_REQUEST;
    }
    return r.contig ? donate_contig(handle, &r, answer, x0) :
                      donate_blocks(handle, &r, answer, x0);
}

static int reclaim(uint64_t handle, uint64_t answer[5], uint64_t *x0)
{
    make_room();
    /* Entries that are counted but not written would be old ones. */
    for (unsigned i = entries; i < LIST_ENTRIES; i++) {
        store(ENTRY(i), 0);
    }
    *x0 = retry(OP_RECLAIM, IN(handle, ENTRY(entries), LIST_ENTRIES - entries),
                answer);
    if (STATUS(*x0) != INCOMPLETE) {
        return NO_SENSE;
    }
    if (answer[1] > LIST_ENTRIES - entries) {
        trace_note("!clamped");
        answer[1] = LIST_ENTRIES - entries;
    }
    entries += answer[1];
    return OK;
}

/* Commands that are not known to transfer memory: sec B4.3.2, class S */
static bool may_transfer(unsigned num)
{
    return num == ACTIVATE || (num >= REALM_CREATE && num <= REC_DESTROY) ||
           num == REALM_TERMINATE || num == GPT_L1_CREATE;
}

static int step(unsigned num, uint64_t handle, uint64_t request, uint64_t *x0,
                uint64_t answer[5])
{
    int error;

    if (MEM(*x0) == NONE) {
        *x0 = retry(OP_CONTINUE, IN(handle), answer);
        return OK;
    }
    if (MEM(*x0) == 3 || !may_transfer(num)) {
        return NO_SENSE;
    }
    if (MEM(*x0) == RECLAIM) {
        return reclaim(handle, answer, x0);
    }
    if (host.cancels && CANCEL_BIT(*x0)) {
        host.cancels = false;
        return NO_MEMORY;
    }
    error = donate(handle, request, answer, x0);
    /* sec B4.3.2.2: a failure is recorded, OP_CONTINUE leads to the end. */
    if (!error && STATUS(*x0) == INPUT && !host.leaves) {
        *x0 = retry(OP_CONTINUE, IN(handle), answer);
    }
    return error;
}

uint64_t operation(unsigned num, uint64_t x0, uint64_t answer[5])
{
    uint64_t handle = answer[1], request = answer[2];
    unsigned steps = 0, cancels = 0;

    while (x0 != UNKNOWN && STATUS(x0) == INCOMPLETE) {
        bool can_cancel = CANCEL_BIT(x0), continues = MEM(x0) == NONE;
        int error = ++steps > host.patience ? NO_PATIENCE :
                    step(num, handle, request, &x0, answer);

        if (error) {
            trace_note(errors[error]);
            if (!can_cancel || cancels++ == 2) {
                trace_note("abandoned");
                x0 = ABANDONED;
                break;
            }
            x0 = retry(OP_CANCEL, IN(handle), answer);
            steps = 0;
        }
        request = answer[2];
        if (host.follows && continues) {
            handle = answer[1];
        }
    }
    /* Delegation happens in the middle of other operations: not its list. */
    if (num != DELEGATE && num != UNDELEGATE) {
        free_list();
    }
    return cancels && x0 != ABANDONED && STATUS(x0) != INCOMPLETE ?
           CANCELED : x0;
}
