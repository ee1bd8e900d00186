/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* One judged GID, and the two ways to show many of them: a table for a terminal and JSON. */
#ifndef RDMASEC_TOOLS_REPORT_H
#define RDMASEC_TOOLS_REPORT_H

#include <json-c/json.h>
#include <stddef.h>

#include "decide.h"

struct report_row {
	struct path path;
	struct rdma_gid gid; /* valid: there is such a GID */
	struct verdict verdict;
	const struct policy_rule *rule;
};

struct report {
	struct report_row *rows;
	size_t count, room;
};

/* Judges one path by the first rule that matches; the worst verdict if several could. Grows `report`. 0 or -ENOMEM. */
int report_judge(struct report *report, const struct policy *policy, const struct rdma_device *device, uint32_t port,
		 uint32_t gid_index, enum remote_scope scope, const uint8_t remote[16], const struct evidence *ev);

void report_free(struct report *report);

/* The worst of its verdicts as an exit status: unknown, then unprotected, then protected; nothing listed: unknown. */
int report_exit_status(const struct report *report);

void report_print_table(const struct report *report);
json_object *report_to_json(const struct report *report);

const char *gid_type_name(enum gid_type type);

#endif
