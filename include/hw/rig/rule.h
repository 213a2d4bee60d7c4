/*
 * Rules: when, and then what
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One language for all that misbehaves by order; docs/specs/rig-rule.rst. The
 * engine reads rules, counts, and says whose turn it is. What an occurrence
 * is, what can be asked of it and what can be done to it is known to a family
 * only, which is a RigRuleFamily and three QAPI types: the rule, based on
 * RigRule, with members "when" and "do".
 *
 * Life cycle: a device that can have rules makes a RigRules with its own
 * instance, realizes it with itself, and frees it with its instance.
 */

#ifndef HW_RIG_RULE_H
#define HW_RIG_RULE_H

#include "qapi/qapi-types-rig-match.h"
#include "qapi/visitor.h"
#include "qom/object.h"

/* More rules than that are refused. */
#define RIG_RULES_MAX   256

#define RIG_DIGEST_SIZE 32

/*
 * RigRuleFamily: what the engine does not know. Messages of the checks name the
 * member; the engine puts the number of the rule in front.
 */
typedef struct RigRuleFamily {
    const char *name;
    /* visit_type_XList() of the family's rules */
    bool (*visit)(Visitor *v, const char *name, void **list, Error **errp);
    /* the member "do" of @rule: a QAPI list */
    const void *(*actions)(const void *rule);
    /* is there anything that @rule could match, and act upon? */
    bool (*check)(Object *target, const void *rule, Error **errp);
    /* can @action of @rule have an effect? */
    bool (*check_action)(Object *target, const void *rule, const void *action,
                         Error **errp);
    /* do all conditions of @rule hold for @subject? */
    bool (*matches)(Object *target, const void *rule, const void *subject);
    /* other rules are in force; NULL if nobody wants to know */
    void (*changed)(Object *target);
} RigRuleFamily;

typedef struct RigRuleCounts {
    uint64_t matched;
    uint64_t applied;
} RigRuleCounts;

typedef struct RigRules {
    const RigRuleFamily *family;
    Object *target;             /* whose rules they are, once realized */
    char *name;                 /* of the target, for people */
    char *text;                 /* properties */
    char *file;
    bool report;

    void *list;                 /* QAPI list of the family's rules */
    unsigned n;
    const void *rule[RIG_RULES_MAX];        /* the same, by number */
    RigRuleCounts counts[RIG_RULES_MAX];
    uint8_t digest[RIG_DIGEST_SIZE];

    uint8_t saved_digest[RIG_DIGEST_SIZE];  /* migration only */
    uint32_t saved_n;
} RigRules;

/*
 * RigMatch: the rules whose turn it is on one occurrence.
 */
typedef struct RigMatch {
    uint64_t due[RIG_RULES_MAX / 64];
    uint64_t applied[RIG_RULES_MAX / 64];
} RigMatch;

/*
 * rig_rules_init: without rules. rig_rules_free: and all that belongs to it.
 */
void rig_rules_init(RigRules *rr, const RigRuleFamily *family);
void rig_rules_free(RigRules *rr);

/*
 * rig_rules_set: replace all rules by copies of those in @list, a QAPI list of
 * the family, and begin to count anew.
 * Returns false, with the old rules in force, if one of them is refused.
 */
bool rig_rules_set(RigRules *rr, const void *list, Error **errp);

/*
 * rig_rules_parse: the rules of a text: a JSON object with one member "rules",
 * or the list itself.
 * rig_rules_clone, rig_rules_free_list: copies of a list, and their end
 */
bool rig_rules_parse(const RigRuleFamily *family, const char *text,
                     void **list, Error **errp);
void *rig_rules_clone(const RigRuleFamily *family, const void *list);
void rig_rules_free_list(const RigRuleFamily *family, void *list);

/* rig_rules_text, rig_rule_text: as JSON; to be freed */
char *rig_rules_text(const RigRules *rr);
char *rig_rule_text(const RigRules *rr, unsigned i);

/* rig_rules_restart: count anew */
void rig_rules_restart(RigRules *rr);

/*
 * rig_rules_match_all: use rig_rules_match(), which is free without rules.
 */
bool rig_rules_match_all(RigRules *rr, const void *subject, RigMatch *m);

/*
 * rig_rules_match: something happens that rules can be about: counted at each
 * rule whose conditions hold. Returns whether it is the turn of any of them;
 * they are in @m then.
 */
static inline bool rig_rules_match(RigRules *rr, const void *subject,
                                   RigMatch *m)
{
    return rr->n && rig_rules_match_all(rr, subject, m);
}

/*
 * rig_match_next: the number of the next rule behind number @i whose turn it
 * is, or -1. Begin with @i = -1.
 */
int rig_match_next(const RigMatch *m, int i);

/*
 * rig_match_applied: rule @i has acted on this occurrence. Tell it once an
 * action takes effect, and before anything that can be an occurrence itself;
 * more than once is harmless. What is not told does not use the rule up.
 */
void rig_match_applied(RigRules *rr, RigMatch *m, int i);

/*
 * rig_bytes_check: are @bytes and @mask well-formed, and within @size bytes?
 * rig_bytes_match: does @data of @len bytes have these bytes? Not if it ends
 * before them.
 * rig_bytes_apply: put these bytes into @data of @len bytes; what is behind its
 * end is left out. Returns whether anything was in it.
 */
bool rig_bytes_check(const char *member, const RigBytes *b, uint32_t size,
                     Error **errp);
bool rig_bytes_match(const RigBytes *b, const uint8_t *data, uint32_t len);
bool rig_bytes_apply(const RigBytes *b, uint8_t *data, uint32_t len);

/* rig_bytes_check_list, rig_bytes_match_list: all elements of a list */
bool rig_bytes_check_list(const char *member, const RigBytesList *list,
                          uint32_t size, Error **errp);
bool rig_bytes_match_list(const RigBytesList *list, const uint8_t *data,
                          uint32_t len);

/* rig_delay_us, rig_delay_check: how long; a delay of nothing is refused */
uint64_t rig_delay_us(const RigDelay *d);
bool rig_delay_check(const RigDelay *d, Error **errp);

#endif
