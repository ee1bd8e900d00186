/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What `rdmasec lockdown` and `rdmasec status` say of the gate. */
#ifndef RDMASEC_TOOLS_LOCKDOWN_VIEW_H
#define RDMASEC_TOOLS_LOCKDOWN_VIEW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "gate/view.h"

/*
 * Prints a line for `rdmasec status`: on which netdevs the gate stands, what it has stopped, and where it is missing.
 * Counts need root.
 */
void lockdown_summary(FILE *to);
/* The same as an object with the key "gate", whose rows are those of `lockdown status --json`. NULL: no memory. */
json_object *lockdown_summary_json(void);

/* Prints where the gate stands and what it has stopped. Returns the exit status of `lockdown status`. */
int lockdown_show(const struct gate_view *view, bool json);

#endif
