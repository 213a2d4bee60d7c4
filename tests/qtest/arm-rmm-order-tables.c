/*
 * QTest of arm-rmm: failure conditions of every command, in their order
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.5: the rows of each command are in the order of
 * its table there. Conditions that no host can bring about here have no row: a
 * token that is not valid, a REC that is running, auxiliary trees, device
 * permission tables, a granule above 2^48.
 */
#include "qemu/osdep.h"
#include "arm-rmm-order.h"

#define NOT_BET1 (BET0 | BET3)

/* What is no realm descriptor */
#define RD3 \
    { "rd misaligned", EINPUT, { { 1, RD(NEW) + 8 } } }, \
    { "rd untracked", EINPUT, { { 1, UNTRACKED } }, NOT_BET1 }, \
    { "rd no memory", EINPUT, { { 1, NOT_RAM } } }, \
    { "rd no RD", EINPUT, { { 1, D(NEW, 0) } } }

/* What is not there to be used as an object, in a register */
#define UNUSABLE(what, reg) \
    { what " misaligned", EINPUT, { { reg, D(NEW, 1) + 8 } } }, \
    { what " no memory", EINPUT, { { reg, NOT_RAM } } }, \
    { what " untracked", EINPUT, { { reg, UNTRACKED } }, NOT_BET1 }, \
    { what " not delegated", EINPUT, { { reg, HOST(0) } } }, \
    { what " in use", EINPUT, { { reg, TABLE(ACTIVE, 0) } } }

#define NOT_REC(what, reg) \
    { what " misaligned", EINPUT, { { reg, REC(ACTIVE, RUNS) + 8 } } }, \
    { what " untracked", EINPUT, { { reg, UNTRACKED } }, NOT_BET1 }, \
    { what " no REC", EINPUT, { { reg, D(NEW, 0) } } }

#define NOT_NS(what, reg) \
    { what " misaligned", EINPUT, { { reg, CONTENT + 8 } } }, \
    { what " not Non-secure", EINPUT, { { reg, D(NEW, 0) } } }, \
    { what " no memory", EINPUT, { { reg, NOT_RAM } } }

#define NOT_NEW(status) \
    { "realm active", status, { { 1, RD(ACTIVE) } } }, \
    { "realm off", status, { { 1, RD(OFF) } } }, \
    { "realm zombie", status, { { 1, RD(ZOMBIE) } } }

/* A list of one entry */
#define LIST1   (2 | 1 << 2)
#define BAD_LIST \
    { "list misaligned", EINPUT, { { 4, LIST1 }, { 5, LIST + 4 } } }, \
    { "list not Non-secure", EINPUT, { { 4, LIST1 }, { 5, D(NEW, 0) } } }, \
    { "list no memory", EINPUT, { { 4, LIST1 }, { 5, NOT_RAM } } }

#define END { NULL }

const WrongField order_wrong_params[] = {
    { 0x030, 3 }, { 0x000, 2 << 7 },            /* no encoding */
    { 0x008, 31 }, { 0x008, 53 }, { 0x000, 1 << 3 }, { 0x018, 0 },
    { 0x018, 63 }, { 0x020, 0 }, { 0x020, 63 }, { 0x038, 1 }, /* not offered */
    { 0x808, D(NEW, 3) },                       /* misaligned to two tables */
    { 0x810, 0 }, { 0x810, 2 }, { 0x810, 3 }, { 0x818, 1 }, { 0x818, 4 },
    { 0x808, HOST(2) },                         /* not delegated */
    { 0x440, 1 },                               /* ats_plane */
    { 0x000, 0 },                               /* nothing: the good one */
};
const unsigned order_num_wrong_params = ARRAY_SIZE(order_wrong_params);

#define PARAM(i) { "parameter", EINPUT, { { 2, REALM_PARAMS(i) } } }
static const Row realm_create[] = {
    NOT_NS("params", 2),
    PARAM(0), PARAM(1), PARAM(2), PARAM(3), PARAM(4), PARAM(5), PARAM(6),
    PARAM(7), PARAM(8), PARAM(9),
    { "rd is a root", EINPUT, { { 1, D(NEW, 4) } } },
    { "rd is the other root", EINPUT, { { 1, D(NEW, 5) } } },
    UNUSABLE("rd", 1),
    PARAM(10), PARAM(11), PARAM(12), PARAM(13), PARAM(14), PARAM(15),
    PARAM(16), PARAM(17),
    END
};

static const Row realm_activate[] = { RD3, NOT_NEW(EREALM), END };
static const Row realm_terminate[] = { RD3, END };

static const Row realm_destroy[] = {
    RD3,
    { "realm new", EREALM, { { 1, RD(EMPTY_NEW) } } },
    { "realm active", EREALM, { { 1, RD(ACTIVE) } } },
    { "realm off", EREALM, { { 1, RD(OFF) } } },
    { "realm live", EREALM, { { 1, RD(ZOMBIE) } } },
    END
};

static const Row rec_create[] = {
    NOT_NS("params", 3),
    UNUSABLE("rec", 2),
    RD3,
    NOT_NEW(EREALM),
    { "too many RECs", EREALM, { { 1, RD(FULL) } } },
    { "index", EINPUT, { { 3, REC_LATER } } },
    END
};

static const Row rec_destroy[] = { NOT_REC("rec", 1), END };

static const Row rec_enter[] = {
    NOT_NS("run", 2),
    NOT_REC("rec", 1),
    { "realm new", EREALM, { { 1, REC(NEW, RUNS) } } },
    { "realm off", EREALM, { { 1, REC(OFF, RUNS) } } },
    { "realm zombie", EREALM, { { 1, REC(ZOMBIE, RUNS) } } },
    { "realm new, not runnable", EREALM, { { 1, REC(NEW, STOPPED) } } },
    { "not runnable", EREC, { { 1, REC(ACTIVE, STOPPED) } } },
    { "emul_mmio", EREC, { { 2, RUN_EMUL } } },
    { "PSCI pending", EREC, { { 1, REC(ACTIVE, PENDING) } } },
    END
};

static const Row psci_complete[] = {
    { "the same", EINPUT, { { 2, REC(ACTIVE, PENDING) } } },
    NOT_REC("calling", 1),
    NOT_REC("target", 2),
    { "nothing pending", EINPUT, { { 1, REC(ACTIVE, RUNS) } } },
    { "other owner", EINPUT, { { 2, REC(NEW, TARGET) } } },
    { "other target", EINPUT, { { 2, REC(ACTIVE, RUNS) } } },
    { "status", EINPUT, { { 3, -1 } } },
    { "status of nothing", EINPUT, { { 3, 1 } } },
    END
};

static const Row rtt_create[] = {
    RD3,
    { "level of the roots", EINPUT, { { 4, 1 } } },
    { "level 4", EINPUT, { { 4, 4 } } },
    { "level -1", EINPUT, { { 4, -1 } } },
    { "ipa misaligned", EINPUT, { { 3, MIB2 + PAGE } } },
    { "ipa out of range", EINPUT, { { 3, IPA_END } } },
    UNUSABLE("rtt", 2),
    { "no table of level 2", ERTT(1), { { 3, GIB } } },
    { "is a table", ERTT(2), { { 3, 0 } } },
    { "is a table of level 2", ERTT(1), { { 3, 0 }, { 4, 2 } } },
    END
};

#define NO_TABLE(reg, level) \
    RD3, \
    { "level of the roots", EINPUT, { { level, 1 } } }, \
    { "level 4", EINPUT, { { level, 4 } } }, \
    { "ipa misaligned", EINPUT, { { reg, MIB2 + PAGE } } }, \
    { "ipa out of range", EINPUT, { { reg, IPA_END } } }, \
    { "no table of level 2", ERTT(1), { { reg, GIB } } }, \
    { "no table", ERTT(2), { { reg, MIB2 } } }, \
    { "a block", ERTT(2), { { reg, 2 * MIB2 } } }, \
    { "live or not uniform", ERTT(3), { { reg, 0 } } }, \
    { "the same of level 2", ERTT(2), { { reg, 0 }, { level, 2 } } }

static const Row rtt_destroy[] = { NO_TABLE(2, 3), END };
static const Row rtt_fold[] = { NO_TABLE(2, 3), END };

static const Row rtt_read[] = {
    RD3,
    { "level above the roots", EINPUT, { { 3, 0 } } },
    { "level 4", EINPUT, { { 3, 4 } } },
    { "ipa misaligned", EINPUT, { { 2, PAGE + 8 } } },
    { "ipa out of range", EINPUT, { { 2, IPA_END } } },
    END
};

static const Row data_map_init[] = {
    NOT_NS("src", 4),
    UNUSABLE("data", 2),
    RD3,
    { "ipa misaligned", EINPUT, { { 3, 2 * PAGE + 8 } } },
    { "ipa not protected", EINPUT, { { 3, UNPROT } } },
    NOT_NEW(EREALM),
    { "no table of level 2", ERTT(1), { { 3, GIB } } },
    { "no table of level 3", ERTT(2), { { 3, MIB2 } } },
    { "mapped", ERTT(3), { { 3, PAGE } } },
    END
};

#define BAD_RANGE(base, top) \
    { "base misaligned", EINPUT, { { 2, (base) + 8 } } }, \
    { "top misaligned", EINPUT, { { 3, (top) + 8 } } }, \
    { "empty", EINPUT, { { 3, (base) } } }, \
    { "top before base", EINPUT, { { 3, (base) - PAGE } } }

static const Row data_map[] = {
    RD3,
    BAD_RANGE(3 * PAGE, 4 * PAGE),
    { "not protected", EINPUT, { { 2, UNPROT }, { 3, UNPROT + PAGE } } },
    { "end not protected", EINPUT, { { 3, UNPROT + PAGE } } },
    { "block misaligned", EINPUT, { { 5, D(NEW, 7) | 1 | 1 << 2 } } },
    { "no addresses", EINPUT, { { 4, 0 } } },
    { "type 3", EINPUT, { { 4, 3 } } },
    BAD_LIST,
    { "mapped", ERTT(3), { { 2, PAGE }, { 3, 2 * PAGE } } },
    { "a block", ERTT(2), { { 2, 2 * MIB2 }, { 3, 3 * MIB2 } } },
    { "entry too large", ERTT(2), { { 2, MIB2 }, { 3, MIB2 + PAGE } } },
    { "entry much too large", ERTT(1), { { 2, GIB }, { 3, GIB + PAGE } } },
    { "address untracked", ETRACKING, { { 5, UNTRACKED | 4 } }, NOT_BET1 },
    { "address coarse", ETRACKING, { { 5, COARSE | 4 } }, NOT_BET1 },
    { "address no memory", EINPUT, { { 5, NOT_RAM | 4 } } },
    { "address not delegated", EINPUT, { { 5, HOST(0) | 4 } } },
    { "address in use", EINPUT, { { 5, TABLE(ACTIVE, 0) | 4 } } },
    END
};

static const Row data_unmap[] = {
    RD3,
    BAD_RANGE(PAGE, 2 * PAGE),
    { "not protected", EINPUT, { { 2, UNPROT }, { 3, UNPROT + PAGE } } },
    { "end not protected", EINPUT, { { 3, UNPROT + PAGE } } },
    BAD_LIST,
    { "part of a block", ERTT(2), { { 2, 2 * MIB2 }, { 3, 2 * MIB2 + PAGE } } },
    { "end of a block", ERTT(2), { { 2, 2 * MIB2 + PAGE }, { 3, 3 * MIB2 } } },
    END
};

#define U(i) (UNPROT + (i) * PAGE)
static const Row unprot_map[] = {
    RD3,
    BAD_RANGE(U(3), U(4)),
    { "out of range", EINPUT, { { 2, IPA_END }, { 3, IPA_END + PAGE } } },
    { "end out of range", EINPUT, { { 3, IPA_END + PAGE } } },
    { "protected", EINPUT, { { 2, 3 * PAGE }, { 3, 4 * PAGE } } },
    { "begins protected", EINPUT, { { 2, UNPROT - PAGE } } },
    { "no addresses", EINPUT, { { 4, 0x1e0000 } } },
    { "type 3", EINPUT, { { 4, 0x1e0003 } } },
    BAD_LIST,
    { "mapped", ERTT(3), { { 2, U(1) }, { 3, U(2) } } },
    { "entry too large", ERTT(2), { { 2, UNPROT + MIB2 }, { 3, U(513) } } },
    END
};

static const Row unprot_unmap[] = {
    RD3,
    BAD_RANGE(U(1), U(2)),
    { "out of range", EINPUT, { { 2, IPA_END }, { 3, IPA_END + PAGE } } },
    { "protected", EINPUT, { { 2, PAGE }, { 3, 2 * PAGE } } },
    BAD_LIST,
    { "not mapped", ERTT(3), { { 2, U(5) }, { 3, U(6) } }, NOT_BET1 },
    { "part of a block", ERTT(2), { { 2, U(1024) }, { 3, U(1025) } } },
    END
};

static const Row init_ripas[] = {
    RD3,
    { "empty", EINPUT, { { 3, 2 * PAGE } } },
    { "end not protected", EINPUT, { { 3, UNPROT + PAGE } } },
    NOT_NEW(EREALM),
    { "base inside an entry", ERTT(2), { { 2, MIB2 + PAGE } } },
    { "top misaligned", EINPUT, { { 3, 4 * MIB2 + 8 } } },
    { "no progress", ERTT(2), { { 2, MIB2 }, { 3, MIB2 + PAGE } } },
    /* sec B4.5.73: [top_gran_align] < [no_progress] */
    { "no progress, misaligned", EINPUT,
      { { 2, MIB2 }, { 3, MIB2 + PAGE + 8 } } },
    END
};

static const Row set_ripas[] = {
    RD3,
    NOT_REC("rec", 2),
    { "other owner", EREC, { { 2, REC(NEW, RUNS) } } },
    { "empty", EINPUT, { { 4, 2 * PAGE } } },
    { "not what was asked", EINPUT, { { 3, 3 * PAGE } } },
    { "more than was asked", EINPUT, { { 4, 4 * MIB2 + PAGE } } },
    { "base inside an entry", ERTT(2),
      { { 2, REC(ACTIVE, ASKS_INSIDE) }, { 3, MIB2 + PAGE } } },
    { "top misaligned", EINPUT, { { 4, 4 * MIB2 - 8 } } },
    { "no progress", ERTT(2),
      { { 2, REC(ACTIVE, ASKS_BLOCK) }, { 3, MIB2 }, { 4, MIB2 + PAGE } } },
    { "no progress, misaligned", EINPUT,
      { { 2, REC(ACTIVE, ASKS_BLOCK) }, { 3, MIB2 }, { 4, MIB2 + 8 } } },
    END
};

#define BAD_PA_RANGE(base, top) \
    { "base misaligned", EINPUT, { { 1, (base) + 8 } } }, \
    { "top misaligned", EINPUT, { { 2, (top) + 8 } } }, \
    { "empty", EINPUT, { { 2, (base) } } }, \
    { "top before base", EINPUT, { { 2, (base) - PAGE } } }, \
    { "no memory", EINPUT, { { 1, NOT_RAM }, { 2, NOT_RAM + PAGE } } }, \
    { "begins before memory", EINPUT, { { 1, GIB - PAGE } } }, \
    { "untracked", ETRACKING, { { 1, UNTRACKED }, { 2, UNTRACKED + PAGE } }, \
      NOT_BET1 }, \
    { "untracked, misaligned", EINPUT, \
      { { 1, UNTRACKED + 8 }, { 2, UNTRACKED + PAGE } }, NOT_BET1 }, \
    { "part of a coarse region", EINPUT, \
      { { 1, COARSE }, { 2, COARSE + PAGE } }, NOT_BET1 }, \
    { "not from the beginning of one", EINPUT, \
      { { 1, COARSE + PAGE }, { 2, COARSE + GIB + PAGE } }, NOT_BET1 }, \
    { "in use", EINPUT, { { 1, RD(NEW) }, { 2, RD(NEW) + PAGE } } }

static const Row delegate[] = {
    BAD_PA_RANGE(HOST(0), HOST(2)),
    { "delegated", EINPUT, { { 1, D(NEW, 0) }, { 2, D(NEW, 1) } },
      BET0 | BET1 },
    END
};

static const Row undelegate[] = {
    BAD_PA_RANGE(D(NEW, 9), D(NEW, 11)),
    { "not delegated", EINPUT, { { 1, HOST(0) }, { 2, HOST(1) } },
      BET0 | BET1 },
    END
};

static const Row tracking_get_one[] = {
    { "misaligned", EINPUT, { { 1, GIB + PAGE } } },
    { "out of range", EINPUT, { { 1, 1ull << 52 } } },
    END
};

static const Row tracking_get[] = {
    { "start misaligned", EINPUT, { { 1, GIB + 8 } } },
    { "end misaligned", EINPUT, { { 2, 2 * GIB + 8 } } },
    { "empty", EINPUT, { { 2, GIB } } },
    { "out of range", EINPUT, { { 2, (1ull << 52) + PAGE } } },
    END
};

static const Row tracking_set[] = {
    { "state RESERVED", EINPUT, { { 3, 0 } } },
    { "no state", EINPUT, { { 3, 4 } } },
    { "misaligned", EINPUT, { { 1, UNTRACKED + PAGE } } },
    { "out of range", EINPUT, { { 1, 1ull << 52 } } },
    { "category", EINPUT, { { 2, 1 } } },
    { "in use", EINPUT, { { 1, GIB } } },
    { "no memory", EINPUT, { { 1, 0 } } },
    END
};

static const Row gpt_create[] = {
    { "misaligned", EINPUT, { { 1, GIB + PAGE } } },
    { "out of range", EINPUT, { { 1, 1ull << 52 } } },
    { "exists", EGPT, { { 1, GIB } } },
    END
};

static const Row gpt_destroy[] = {
    { "misaligned", EINPUT, { { 1, GIB + PAGE } } },
    { "out of range", EINPUT, { { 1, 1ull << 52 } } },
    { "the platform's", EGLOBAL, { { 1, GIB } } },
    END
};

static const Row gpt_info[] = {
    { "base misaligned", EINPUT, { { 1, GIB + 8 } } },
    { "top misaligned", EINPUT, { { 2, 2 * GIB + 8 } } },
    { "empty", EINPUT, { { 2, GIB } } },
    { "out of range", EINPUT, { { 2, 1ull << 52 } } },
    END
};

static const Row config[] = { NOT_NS("config", 1), END };
static const Row config_active[] = {
    { "active", EGLOBAL, { { 1, CONFIG } } },
    { "active, misaligned", EGLOBAL, { { 1, CONFIG + 8 } } },
    { "active, not Non-secure", EGLOBAL, { { 1, D(NEW, 0) } } },
    END
};
static const Row nothing[] = { { "active", EGLOBAL, { { 1, 0 } } }, END };

/*
 * What undoes the good calls
 */
static void must(uint64_t x0)
{
    g_assert_cmphex(x0, ==, OK);
}

static void renew_realm(RmmHost *h)
{
    must(R(h, R_REALM_TERMINATE, RD(EMPTY_NEW)));
    must(R(h, R_REALM_DESTROY, RD(EMPTY_NEW)));
    rmm_params(h, ROOTS(EMPTY_NEW));
    must(R(h, R_REALM_CREATE, RD(EMPTY_NEW), PARAMS));
}

static void renew_zombie(RmmHost *h)
{
    rmm_params(h, ROOTS(EMPTY_ZOMBIE));
    must(R(h, R_REALM_CREATE, RD(EMPTY_ZOMBIE), PARAMS));
    must(R(h, R_REALM_TERMINATE, RD(EMPTY_ZOMBIE)));
}

static void undo_rec(RmmHost *h)
{
    must(R(h, R_REC_DESTROY, D(NEW, 2)));
}

static void undo_rtt_create(RmmHost *h)
{
    must(R(h, R_RTT_DESTROY, RD(NEW), MIB2, 3));
}

static void undo_rtt_destroy(RmmHost *h)
{
    g_assert_cmphex(h->x[1], ==, TABLE(NEW, 4));
    must(R(h, R_RTT_CREATE, RD(NEW), TABLE(NEW, 4), 3 * MIB2, 3));
}

static void undo_map_init(RmmHost *h)
{
    must(R(h, R_DATA_UNMAP, RD(NEW), 2 * PAGE, 3 * PAGE, 1, 0));
}

static void undo_map(RmmHost *h)
{
    must(R(h, R_DATA_UNMAP, RD(NEW), 3 * PAGE, 4 * PAGE, 1, 0));
}

static void undo_unmap(RmmHost *h)
{
    must(R(h, R_DATA_MAP, RD(NEW), PAGE, 2 * PAGE, 1, D(NEW, 100) | 4));
}

static void undo_unprot_map(RmmHost *h)
{
    must(R(h, R_UNPROT_UNMAP, RD(NEW), U(3), U(4), 0, 0));
}

static void undo_unprot_unmap(RmmHost *h)
{
    must(R(h, R_UNPROT_MAP, RD(NEW), U(1), U(2), 0x1e0001, HOST(9) | 4));
}

static void undo_delegate(RmmHost *h)
{
    must(R(h, R_UNDELEGATE, HOST(0), HOST(2)));
}

static void undo_undelegate(RmmHost *h)
{
    must(R(h, R_DELEGATE, D(NEW, 9), D(NEW, 11)));
}

const Table order_tables[] = {
    { "realm-create", R_REALM_CREATE, { D(NEW, 3), REALM_PARAMS(18) },
      realm_create, .no_good = true },
    { "realm-activate", R_REALM_ACTIVATE, { RD(EMPTY_NEW) }, realm_activate,
      .undo = renew_realm },
    { "realm-terminate", R_REALM_TERMINATE, { RD(EMPTY_NEW) },
      realm_terminate, .undo = renew_realm },
    { "realm-destroy", R_REALM_DESTROY, { RD(EMPTY_ZOMBIE) }, realm_destroy,
      .undo = renew_zombie },
    { "rec-create", R_REC_CREATE, { RD(NEW), D(NEW, 2), REC_NEXT },
      rec_create, .undo = undo_rec },
    { "rec-destroy", R_REC_DESTROY, { REC(NEW, ASKS) }, rec_destroy },
    { "rec-enter", R_REC_ENTER, { REC(ACTIVE, RUNS), RUN }, rec_enter },
    { "psci-complete", R_PSCI_COMPLETE,
      { REC(ACTIVE, PENDING), REC(ACTIVE, TARGET), 0 }, psci_complete },
    { "rtt-create", R_RTT_CREATE, { RD(NEW), D(NEW, 2), MIB2, 3 },
      rtt_create, .undo = undo_rtt_create },
    { "rtt-destroy", R_RTT_DESTROY, { RD(NEW), 3 * MIB2, 3 }, rtt_destroy,
      .undo = undo_rtt_destroy },
    { "rtt-fold", R_RTT_FOLD, { RD(NEW), 3 * MIB2, 3 }, rtt_fold,
      .undo = undo_rtt_destroy },
    { "rtt-read-entry", R_READ_ENTRY, { RD(NEW), PAGE, 3 }, rtt_read },
    { "data-map-init", R_DATA_MAP_INIT,
      { RD(NEW), D(NEW, 4), 2 * PAGE, CONTENT, 0 }, data_map_init,
      .undo = undo_map_init },
    { "data-map", R_DATA_MAP,
      { RD(NEW), 3 * PAGE, 4 * PAGE, 1, D(NEW, 5) | 4 }, data_map,
      .undo = undo_map },
    { "data-unmap", R_DATA_UNMAP, { RD(NEW), PAGE, 2 * PAGE, 1, 0 },
      data_unmap, .undo = undo_unmap },
    { "unprot-map", R_UNPROT_MAP,
      { RD(NEW), U(3), U(4), 0x1e0001, HOST(8) | 4 }, unprot_map,
      .undo = undo_unprot_map },
    { "unprot-unmap", R_UNPROT_UNMAP, { RD(NEW), U(1), U(2), 0, 0 },
      unprot_unmap, .undo = undo_unprot_unmap },
    { "init-ripas", R_INIT_RIPAS, { RD(NEW), 2 * PAGE, 4 * MIB2 },
      init_ripas },
    { "set-ripas", R_SET_RIPAS,
      { RD(ACTIVE), REC(ACTIVE, ASKS), 2 * PAGE, 4 * MIB2 }, set_ripas },
    { "delegate", R_DELEGATE, { HOST(0), HOST(2) }, delegate,
      .undo = undo_delegate },
    { "undelegate", R_UNDELEGATE, { D(NEW, 9), D(NEW, 11) }, undelegate,
      .undo = undo_undelegate },
    { "tracking-get", R_TRACKING_GET, { GIB }, tracking_get_one,
      .abis = BET0, .anytime = true },
    { "tracking-get", R_TRACKING_GET, { GIB, 2 * GIB }, tracking_get,
      .abis = BET1 | BET3, .anytime = true },
    { "tracking-set", R_TRACKING_SET, { UNTRACKED, 0, 1 }, tracking_set,
      .abis = NOT_BET1 },
    { "gpt-create", R_GPT_CREATE, { GIB }, gpt_create, .no_good = true },
    { "gpt-destroy", R_GPT_DESTROY, { GIB }, gpt_destroy, .no_good = true },
    { "gpt-info", R_GPT_INFO, { GIB, 2 * GIB }, gpt_info, .abis = BET3 },
    { "config-get", R_CONFIG_GET, { CONTENT }, config, .anytime = true },
    { "config-set", R_CONFIG_SET, { CONFIG }, config_active, .anytime = true,
      .no_good = true },
    { "activate", R_ACTIVATE, { 0 }, nothing, .anytime = true,
      .no_good = true },
};
const unsigned order_num_tables = ARRAY_SIZE(order_tables);
