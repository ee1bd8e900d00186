/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The verdict on a path: a pure function of path, evidence and requirement, without files, kernel or clock. Callers
 * treat UNKNOWN like UNPROTECTED.
 */
#ifndef RDMASEC_JUDGE_DECIDE_H
#define RDMASEC_JUDGE_DECIDE_H

#include "evidence/facts.h"
#include "judge/path.h"
#include "judge/verdict.h"
#include "policy/policy.h"

/* Judges one path. Every field of *out is written. Thread-safe, allocates nothing. */
void decide(const struct path *path, const struct evidence *ev, const struct requirement *req, struct verdict *out);

#endif
