/*
 * Realm Management Monitor: calls without a CPU, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the qtest command "smc".
 * Callers:    the device registers it.
 * Life cycle: none.
 */

#ifndef RMM_QTEST_H
#define RMM_QTEST_H

/** rmm_qtest_init: the qtest command "smc", where there are qtests */
void rmm_qtest_init(void);

#endif /* RMM_QTEST_H */
