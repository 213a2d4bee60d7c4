/*
 * Which rows of the register table apply to a function, and how
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, chapter 7; sec 6.6 (resets), 6.15 (AtomicOps).
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "pcie-fabric-oracle.h"
#include "pcie-fabric-oracle-rows.c.inc"

/* Layout of the last bits without a name in linux/pci_regs.h */
#define DEVCAP2_CTO_RANGES      0x0000000f
#define DEVCAP2_ATOMIC          (PCI_EXP_DEVCAP2_ATOMIC_ROUTE | \
                                 PCI_EXP_DEVCAP2_ATOMIC_COMP32 | \
                                 PCI_EXP_DEVCAP2_ATOMIC_COMP64 | \
                                 PCI_EXP_DEVCAP2_ATOMIC_COMP128)
#define DEVCAP2_JUDGED          (DEVCAP2_ATOMIC | PCI_EXP_DEVCAP2_ARI)
#define DEVCTL2_EE_PREFIX_BLOCK 0x8000
#define LNKCAP2_SLS_SHIFT       1

/* Subjects */

unsigned oracle_kind(const QFabricFn *fn)
{
    if (fn->vendor != QFABRIC_VENDOR || fn->device < QFABRIC_DEVICE_RP ||
        fn->device > QFABRIC_DEVICE_EP) {
        return 0;
    }
    switch (fn->type) {
    case PCI_EXP_TYPE_ROOT_PORT:
        return K_RP;
    case PCI_EXP_TYPE_UPSTREAM:
        return K_USP;
    case PCI_EXP_TYPE_DOWNSTREAM:
        return K_DSP;
    case PCI_EXP_TYPE_ENDPOINT:
        return K_EP;
    case PCI_EXP_TYPE_LEG_END:
        return K_LEP;
    case PCI_EXP_TYPE_RC_END:
        return K_RCI;
    default:
        return 0;
    }
}

OracleConf oracle_default(unsigned kind)
{
    return (OracleConf) {
        .routing = kind & (K_USP | K_DSP),
        .comp32 = kind & (K_RP | K_DEV),
        .comp64 = kind & (K_RP | K_DEV),
        .comp128 = kind & (K_RP | K_DEV),
        .acs = kind & K_SLOT,
        .speed = 4,
        .width = 16,
    };
}

/* AtomicOps */

/*
 * sec 7.5.3.15.  Routing exists in ports only.  Completer bits belong to
 * functions with a memory BAR and to root ports, which complete for host
 * memory; our switch ports have no BAR.
 */
uint32_t oracle_devcap2_atomic(unsigned kind, const OracleConf *conf)
{
    uint32_t val = 0;

    if ((kind & K_PORT) && conf->routing) {
        val |= PCI_EXP_DEVCAP2_ATOMIC_ROUTE;
    }
    if (kind & (K_RP | K_DEV)) {
        val |= conf->comp32 ? PCI_EXP_DEVCAP2_ATOMIC_COMP32 : 0;
        val |= conf->comp64 ? PCI_EXP_DEVCAP2_ATOMIC_COMP64 : 0;
        val |= conf->comp128 ? PCI_EXP_DEVCAP2_ATOMIC_COMP128 : 0;
    }
    return val;
}

/*
 * sec 7.5.3.16.  Requester Enable: functions that initiate AtomicOps (our
 * root ports do not).  Egress Blocking: mandatory with routing, else 0.
 */
uint16_t oracle_devctl2_atomic_rw(unsigned kind, const OracleConf *conf)
{
    if (kind & K_DEV) {
        return PCI_EXP_DEVCTL2_ATOMIC_REQ;
    }
    return conf->routing ? PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK : 0;
}

/* Firmware leaves its setting at a cold reset; a hot reset gives 0 */
uint16_t oracle_devctl2_atomic_reset(unsigned kind, const OracleConf *conf,
                                     OracleReset reset)
{
    if ((kind & K_PORT) && conf->egress_block && reset == ORACLE_COLD) {
        return PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK;
    }
    return 0;
}

/* Conditional bits */

static uint32_t if_set(uint32_t reg, uint32_t bits, uint32_t then)
{
    return reg & bits ? then : 0;
}

static void resolve_devctl2(QFabricFn *fn, unsigned kind,
                            const OracleConf *conf, OracleRow *row)
{
    uint32_t cap2 = qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCAP2);

    row->rw |= oracle_devctl2_atomic_rw(kind, conf);
    row->reset |= oracle_devctl2_atomic_reset(kind, conf, ORACLE_COLD);
    /* sec 7.5.3.16: each of these needs its capability bit */
    row->rw |= if_set(cap2, DEVCAP2_CTO_RANGES,
                      PCI_EXP_DEVCTL2_COMP_TIMEOUT);
    row->rw |= if_set(cap2, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS,
                      PCI_EXP_DEVCTL2_COMP_TMOUT_DIS);
    row->rw |= if_set(cap2, PCI_EXP_DEVCAP2_LTR, PCI_EXP_DEVCTL2_LTR_EN);
    row->rw |= if_set(cap2, PCI_EXP_DEVCAP2_OBFF_MASK,
                      PCI_EXP_DEVCTL2_OBFF_WAKE_EN);
    row->opt |= PCI_EXP_DEVCTL2_IDO_REQ_EN | PCI_EXP_DEVCTL2_IDO_CMP_EN;
    /* Applies to ports that route; reserved in endpoints */
    if (kind & K_PORT) {
        row->opt |= if_set(cap2, PCI_EXP_DEVCAP2_EE_PREFIX,
                           DEVCTL2_EE_PREFIX_BLOCK);
    }
}

/* sec 7.5.3.10: a control exists where its capability does */
static void resolve_sltctl(QFabricFn *fn, OracleRow *row)
{
    uint32_t cap = qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_SLTCAP);

    row->rw |= if_set(cap, PCI_EXP_SLTCAP_ABP, PCI_EXP_SLTCTL_ABPE);
    row->rw |= if_set(cap, PCI_EXP_SLTCAP_AIP, PCI_EXP_SLTCTL_AIC);
    row->rw |= if_set(cap, PCI_EXP_SLTCAP_PIP, PCI_EXP_SLTCTL_PIC);
    row->rw |= if_set(cap, PCI_EXP_SLTCAP_PCP, PCI_EXP_SLTCTL_PCC);
    row->rw |= if_set(cap, PCI_EXP_SLTCAP_HPC, PCI_EXP_SLTCTL_HPIE |
                                               PCI_EXP_SLTCTL_PDCE);
    row->opt |= if_set(cap, PCI_EXP_SLTCAP_PCP, PCI_EXP_SLTCTL_PFDE);
    row->opt |= if_set(cap, PCI_EXP_SLTCAP_MRLSP, PCI_EXP_SLTCTL_MRLSCE);
    row->opt |= PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_HPIE |
                PCI_EXP_SLTCTL_ASPL_DISABLE;
    if (!(cap & PCI_EXP_SLTCAP_NCCS)) {
        row->rw |= if_set(cap, PCI_EXP_SLTCAP_HPC, PCI_EXP_SLTCTL_CCIE);
        row->opt |= PCI_EXP_SLTCTL_CCIE;
    }
    /* DLLLARC is set in all our ports */
    row->rw |= if_set(cap, PCI_EXP_SLTCAP_HPC, PCI_EXP_SLTCTL_DLLSCE);
    row->opt |= PCI_EXP_SLTCTL_DLLSCE;
    row->opt &= ~row->rw;
    row->avoid = PCI_EXP_SLTCTL_EIC;
    /* Switching a slot off makes the device below go away */
    row->quiet = PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC;
    row->any = PCI_EXP_SLTCTL_AIC | PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC;
}

static void resolve_exp(QFabricFn *fn, unsigned kind, const OracleConf *conf,
                        OracleRow *row)
{
    uint32_t val;

    switch (row->off) {
    case PCI_EXP_FLAGS:
        row->reset |= fn->type << ctz32(PCI_EXP_FLAGS_TYPE);
        row->reset |= kind & K_SLOT ? PCI_EXP_FLAGS_SLOT : 0;
        break;
    case PCI_EXP_DEVCTL:
        val = qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCAP);
        val = if_set(val, PCI_EXP_DEVCAP_EXT_TAG, PCI_EXP_DEVCTL_EXT_TAG);
        row->rw |= val;
        row->reset |= val;
        break;
    case PCI_EXP_LNKCAP:
        if (kind & K_LINK) {
            row->reset |= conf->speed;
            row->reset |= conf->width << ctz32(PCI_EXP_LNKCAP_MLW);
        }
        if (kind & K_SLOT) {
            row->reset |= conf->port << ctz32(PCI_EXP_LNKCAP_PN);
            /* Nothing to notify on a link with one speed and one lane */
            row->any |= conf->speed == 1 && conf->width == 1 ?
                        PCI_EXP_LNKCAP_LBNC : 0;
        }
        break;
    case PCI_EXP_LNKCTL:
        val = qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCAP);
        if (kind & K_SLOT) {
            row->rw |= if_set(val, PCI_EXP_LNKCAP_LBNC,
                              PCI_EXP_LNKCTL_LBMIE | PCI_EXP_LNKCTL_LABIE);
        } else {
            row->rw |= if_set(val, PCI_EXP_LNKCAP_CLKPM,
                              PCI_EXP_LNKCTL_CLKREQ_EN);
        }
        break;
    case PCI_EXP_LNKSTA:
        val = qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCAP);
        if (kind & K_SLOT) {
            row->w1c |= if_set(val, PCI_EXP_LNKCAP_LBNC,
                               PCI_EXP_LNKSTA_LBMS | PCI_EXP_LNKSTA_LABS);
            row->any |= row->w1c;
        }
        break;
    case PCI_EXP_SLTCTL:
        if (kind & K_SLOT) {
            resolve_sltctl(fn, row);
        }
        break;
    case PCI_EXP_RTCTL:
        if (kind & K_RP) {
            val = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_RTCAP);
            row->rw |= if_set(val, PCI_EXP_RTCAP_RRS_SV,
                              PCI_EXP_RTCTL_RRS_SVE);
        }
        break;
    case PCI_EXP_DEVCAP2:
        row->any = ~DEVCAP2_JUDGED;
        row->reset |= oracle_devcap2_atomic(kind, conf);
        break;
    case PCI_EXP_DEVCTL2:
        resolve_devctl2(fn, kind, conf, row);
        break;
    case PCI_EXP_LNKCAP2:
        if (kind & K_LINK) {
            row->reset = MAKE_64BIT_MASK(LNKCAP2_SLS_SHIFT, conf->speed);
        }
        break;
    case PCI_EXP_LNKCTL2:
        if (kind & K_LINK) {
            row->reset = conf->speed;
            /* May be hardwired to 0 when there is only one speed */
            row->any |= conf->speed == 1 ? PCI_EXP_LNKCTL2_TLS : 0;
        }
        break;
    }
}

static void resolve_aer(QFabricFn *fn, unsigned kind, const OracleConf *conf,
                        OracleRow *row)
{
    uint32_t cap;

    switch (row->off) {
    case PCI_ERR_UNCOR_MASK:
    case PCI_ERR_UNCOR_SEVER:
        row->rw = AER_UNC_MUST;
        /* Whoever waits for completions can time out */
        row->rw |= kind & (K_RP | K_DEV) ? PCI_ERR_UNC_COMP_TIME : 0;
        /* sec 6.15.2: with AtomicOp routing; sec 6.12.4: with ACS */
        row->rw |= conf->routing ? PCI_ERR_UNC_ATOMEG : 0;
        row->rw |= conf->acs ? PCI_ERR_UNC_ACSV : 0;
        if (kind & K_RCI) {
            row->rw &= ~PCI_ERR_UNC_DLP;
        }
        row->opt = AER_UNC_ALL & ~row->rw;
        break;
    case PCI_ERR_CAP:
        cap = qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_CAP);
        row->any = ~(0x1f | PCI_ERR_CAP_ECRC_GENE | PCI_ERR_CAP_ECRC_CHKE |
                     AER_CAP_MULTI_EN | PCI_ERR_CAP_PREFIX_LOG_PRESENT);
        row->rw = if_set(cap, PCI_ERR_CAP_ECRC_GENC, PCI_ERR_CAP_ECRC_GENE) |
                  if_set(cap, PCI_ERR_CAP_ECRC_CHKC, PCI_ERR_CAP_ECRC_CHKE) |
                  if_set(cap, AER_CAP_MULTI_EN >> 1, AER_CAP_MULTI_EN);
        break;
    }
}

static void resolve(QFabricFn *fn, unsigned kind, const OracleConf *conf,
                    OracleRow *row)
{
    uint16_t pmc;

    if (row->space == S_CAP && row->id == PCI_CAP_ID_EXP) {
        resolve_exp(fn, kind, conf, row);
    } else if (row->space == S_EXT && row->id == PCI_EXT_CAP_ID_ERR) {
        resolve_aer(fn, kind, conf, row);
    } else if (row->space == S_CAP && row->id == PCI_CAP_ID_PM &&
               row->off == PCI_PM_CTRL) {
        /* sec 7.5.2.2: PME Enable exists with PME, sticky from D3cold */
        pmc = qfabric_cap_readw(fn, PCI_CAP_ID_PM, PCI_PM_PMC);
        row->rw |= if_set(pmc, PCI_PM_CAP_PME_MASK, PCI_PM_CTRL_PME_ENABLE);
        row->sticky |= if_set(pmc, PCI_PM_CAP_PME_D3cold,
                              PCI_PM_CTRL_PME_ENABLE |
                              PCI_PM_CTRL_PME_STATUS);
    }
}

GArray *oracle_rows(QFabricFn *fn, const OracleConf *conf)
{
    GArray *out = g_array_new(false, false, sizeof(OracleRow));
    unsigned kind = oracle_kind(fn), i;

    g_assert_cmpuint(kind, !=, 0);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        OracleRow row = rows[i];

        if (!(row.kinds & kind)) {
            continue;
        }
        if (row.space == S_EXT && row.id == PCI_EXT_CAP_ID_ACS &&
            !conf->acs) {
            continue;
        }
        if ((row.space == S_CAP && !fn->cap[row.id]) ||
            (row.space == S_EXT && !fn->ext[row.id])) {
            g_test_message("%s: the capability of %s is missing [%s]",
                           fn->name, row.name, row.why);
            g_test_fail();
            continue;
        }
        resolve(fn, kind, conf, &row);
        g_array_append_val(out, row);
    }
    return out;
}

unsigned oracle_offset(QFabricFn *fn, const OracleRow *row)
{
    switch (row->space) {
    case S_HDR:
        return row->off;
    case S_CAP:
        return qfabric_cap(fn, row->id) + row->off;
    case S_EXT:
        return qfabric_ext(fn, row->id) + row->off;
    default:
        g_assert_not_reached();
    }
}
