/*
 * Rules by which a device misbehaves, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules are JSON, with single quotes: "[{'do': [{'action': 'ur'}]}]".
 */
#ifndef RIG_LIBQOS_RULES_H
#define RIG_LIBQOS_RULES_H

#include "tests/qtest/libqtest.h"

/* rig-rules-set */
void qrules_set(QTestState *qts, const char *target, const char *family,
                const char *rules);

/*
 * The same, refused: the message has all of @words, and the rules that were in
 * force before still are.
 */
void qrules_refused(QTestState *qts, const char *target, const char *family,
                    const char *rules, const char *const words[]);

/* How often rule @i of a device has matched, and acted */
void qrules_expect(QTestState *qts, const char *target, unsigned i,
                   uint64_t matched, uint64_t applied);

/* What query-rig-rules says of a device, as text; free it */
char *qrules_text(QTestState *qts, const char *target);

#endif
