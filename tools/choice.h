/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The paths that `check` and `wait` are asked about, and the verdict on each. */
#ifndef RDMASEC_TOOLS_CHOICE_H
#define RDMASEC_TOOLS_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "commands.h"
#include "engine_query.h"
#include "evidence/facts.h"
#include "policy/policy.h"
#include "rdma/device.h"

struct path_choice {
	const char *device, *netdev; /* NULL: not given */
	uint32_t port;               /* 0: not given: 1 with a GID index, else any */
	uint32_t gid_index;
	bool has_gid, has_remote;
	bool all;           /* every GID, as `status` lists them */
	uint8_t remote[16]; /* a GID */
};

/* Takes the value of -d, -i, -g, -n or -r. Returns 0, or -EINVAL for an invalid value or another option. */
RS_MUST_USE int choice_option(struct path_choice *choice, int option, const char *value);

/* Whether the options name one path (-d and -g), the GIDs of a netdev (-n), or all, and nothing that contradicts. */
RS_MUST_USE bool choice_is_complete(const struct path_choice *choice);

/* Whether it is one path, of which one verdict is shown, and no list. */
bool choice_is_one_path(const struct path_choice *choice);

/* The form of the output and of errors: one object for one path, else an array. */
enum json_form choice_form(const struct path_choice *choice, bool json);

/*
 * Judges the chosen paths of this network namespace by this evidence, for the calling user. Returns 0 and at least one
 * record, also if no such device or GID exists, or if the devices cannot be listed: unknown, with the reason. Or
 * -ENOMEM. The caller frees *out with wire_records_free(). Blocks as inventory_read() and evidence_route_get() do.
 */
RS_MUST_USE int choice_judge(const struct path_choice *choice, const struct policy *policy, const struct evidence *ev,
			     struct wire_records *out);

/* The same with a list of devices, and what leads packets elsewhere (NULL: not looked at). */
struct detours;
RS_MUST_USE int choice_judge_among(const struct path_choice *choice, const struct policy *policy,
				   const struct evidence *ev, const struct rdma_inventory *inventory,
				   const struct detours *detours, struct wire_records *out);

/* Whether a record is about a GID that does not exist, so far. */
bool choice_is_missing(const struct wire_record *record);

/* Prints the verdicts: as lines, or as one JSON object, or an array of them if it is no single path. Returns 0 or
 * -errno. */
RS_MUST_USE int choice_show(const struct path_choice *choice, const struct wire_records *records, bool json);

#endif
