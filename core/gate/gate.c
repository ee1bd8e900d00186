// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "gate/gate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gate/filters.h"
#include "gate/plan.h"
#include "gate/private.h"
#include "util/text.h"

/* Names the filters of the gate among those of a netdev. The lowest priority number comes first. */
enum { GATE_PRIORITY = 1, GATE_HANDLE = 4791 };

int gate_fail(char *error, size_t size, int err, const char *what)
{
	text_format(error, size, "the gate: %s: %s", what, strerror(-err));
	return err;
}

static int check_pins(char *error, size_t size)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		text_format(error, size, "the gate: no BPF file system is mounted (mount -t bpf bpf /sys/fs/bpf)");
		return -ENOTDIR;
	}
	if (mkdir(GATE_PINS, 0700) && errno != EEXIST)
		return gate_fail(error, size, -errno, "cannot make " GATE_PINS);
	return 0;
}

int gate_load(struct gate **out, char *error, size_t error_size)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = GATE_PINS);
	struct gate *gate;
	int err = check_pins(error, error_size);

	if (err)
		return err;
	gate = calloc(1, sizeof(*gate));
	if (!gate)
		return gate_fail(error, error_size, -ENOMEM, "no memory");
	libbpf_set_print(NULL); /* else it writes to stderr; what matters is in the errno */
	gate->object = gate_bpf__open_opts(&options);
	err = gate->object ? gate_bpf__load(gate->object) : -errno;
	if (err) {
		/* bpf_object__reuse_map() reports a pinned map that differs by -EINVAL */
		bool is_other = err == -EINVAL && !access(GATE_PINS "/gate_flows", F_OK);

		gate_free(gate);
		return is_other ? gate_fail(error, error_size, -EEXIST,
					    "the maps in " GATE_PINS " are of another version")
				: gate_fail(error, error_size, err, "cannot load its BPF programs");
	}
	*out = gate;
	return 0;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	gate_bpf__destroy(gate->object);
	free(gate);
}

int gate_program(const struct gate *gate, unsigned int direction)
{
	return bpf_program__fd(direction == GATE_DIRECTION_OUT ? gate->object->progs.gate_egress
							       : gate->object->progs.gate_ingress);
}

static int attach(int ifindex, enum bpf_tc_attach_point point, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .flags = BPF_TC_F_REPLACE, .handle = GATE_HANDLE,
		    .priority = GATE_PRIORITY);
	int err = bpf_tc_hook_create(&hook);

	return err && err != -EEXIST ? err : bpf_tc_attach(&hook, &options);
}

int gate_attach(struct gate *gate, int ifindex, char *error, size_t error_size)
{
	int err = attach(ifindex, BPF_TC_EGRESS, gate_program(gate, GATE_DIRECTION_OUT));

	if (!err)
		err = attach(ifindex, BPF_TC_INGRESS, gate_program(gate, GATE_DIRECTION_IN));
	return err ? gate_fail(error, error_size, err, "cannot install its filters") : 0;
}

static int detach(int ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = GATE_HANDLE, .priority = GATE_PRIORITY);

	return bpf_tc_detach(&hook, &options);
}

static bool has_gate(enum gate_place place)
{
	return place == GATE_FIRST || place == GATE_BEHIND_OTHERS;
}

int gate_detach(int ifindex, char *error, size_t error_size)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct gate_standing standing;
	int err = gate_standing(ifindex, &standing, error, error_size);

	if (err)
		return err;
	libbpf_set_print(NULL); /* else it writes to stderr; what matters is in the errno */
	if (has_gate(standing.out))
		err = detach(ifindex, BPF_TC_EGRESS);
	if (!err && has_gate(standing.in))
		err = detach(ifindex, BPF_TC_INGRESS);
	if (!err && !standing.others && (has_gate(standing.out) || has_gate(standing.in)))
		err = bpf_tc_hook_destroy(&hook);
	return err ? gate_fail(error, error_size, err, "cannot remove its filters") : 0;
}

int gate_standing(int ifindex, struct gate_standing *out, char *error, size_t error_size)
{
	struct gate_filters filters[2];
	int err;

	*out = (struct gate_standing){ .out = GATE_PLACE_UNKNOWN };
	err = gate_read_filters(ifindex, BPF_TC_EGRESS, GATE_HANDLE, &filters[0], error, error_size);
	if (!err)
		err = gate_read_filters(ifindex, BPF_TC_INGRESS, GATE_HANDLE, &filters[1], error, error_size);
	if (err)
		return err;
	out->out = filters[0].place;
	out->in = filters[1].place;
	out->others = filters[0].others + filters[1].others;
	return 0;
}

static const char *const pins[] = { "gate_flows",     "gate_opened", "gate_ports",
				    "gate_fragments", "gate_events", "gate_authenticated" };

int gate_remove_pins(char *error, size_t error_size)
{
	char path[64];

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		text_format(path, sizeof(path), GATE_PINS "/%s", pins[i]);
		if (unlink(path) && errno != ENOENT)
			return gate_fail(error, error_size, -errno, path);
	}
	if (rmdir(GATE_PINS) && errno != ENOENT)
		return gate_fail(error, error_size, -errno, GATE_PINS);
	return 0;
}

static bool is_listed(const struct gate_prefix *prefix, const struct gate_prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!memcmp(prefix, &prefixes[i], sizeof(*prefix)))
			return true;
	return false;
}

/* Removes what is not listed. Each removal begins the walk again, which a changed trie needs. */
static int close_others(int map, const struct gate_prefix *prefixes, size_t count)
{
	struct gate_prefix key, next;
	const struct gate_prefix *previous = NULL;

	while (!bpf_map_get_next_key(map, previous, &next)) {
		if (is_listed(&next, prefixes, count)) {
			key = next;
			previous = &key;
			continue;
		}
		if (bpf_map_delete_elem(map, &next) && errno != ENOENT)
			return -errno;
		previous = NULL;
	}
	return errno == ENOENT ? 0 : -errno;
}

int gate_set_opened(struct gate *gate, const struct gate_opening *opening, char *error, size_t error_size)
{
	int map = bpf_map__fd(gate->object->maps.gate_opened), err = 0;
	uint32_t zero = 0, one = 1, authenticated = opening->authenticated;

	if (opening->count > GATE_OPENED_MAX)
		return gate_fail(error, error_size, -E2BIG, "too many opened prefixes");
	if (bpf_map_update_elem(bpf_map__fd(gate->object->maps.gate_authenticated), &zero, &authenticated, BPF_ANY))
		err = -errno;
	for (size_t i = 0; i < opening->count && !err; i++)
		err = bpf_map_update_elem(map, &opening->prefixes[i], &one, BPF_ANY) ? -errno : 0;
	if (!err)
		err = close_others(map, opening->prefixes, opening->count);
	return err ? gate_fail(error, error_size, err, "cannot set what the policy opens") : 0;
}

int gate_add_port(struct gate *gate, uint16_t port, enum gate_port_kind kind, char *error, size_t error_size)
{
	uint32_t key = port, value = kind;

	if (!bpf_map_update_elem(bpf_map__fd(gate->object->maps.gate_ports), &key, &value, BPF_ANY))
		return 0;
	return gate_fail(error, error_size, -errno, "cannot add the port of a tunnel");
}

static int each_flow(int map, int (*each)(const struct gate_stopped *stopped, void *context), void *context)
{
	struct gate_flow key;
	const struct gate_flow *previous = NULL;
	struct gate_stopped stopped;

	while (!bpf_map_get_next_key(map, previous, &stopped.flow)) {
		struct gate_count count;
		int result;

		key = stopped.flow;
		previous = &key;
		if (bpf_map_lookup_elem(map, &key, &count))
			continue; /* the map holds GATE_FLOWS_MAX flows and has dropped this one */
		stopped.frames = count.frames;
		result = each(&stopped, context);
		if (result)
			return result;
	}
	return errno == ENOENT ? 0 : -errno;
}

int gate_stopped(int (*each)(const struct gate_stopped *stopped, void *context), void *context, char *error,
		 size_t error_size)
{
	int map = bpf_obj_get(GATE_PINS "/gate_flows"), result;

	if (map < 0)
		return gate_fail(error, error_size, -errno, "cannot open its map of flows");
	result = each_flow(map, each, context);
	close(map);
	return result < 0 ? gate_fail(error, error_size, result, "cannot read its map of flows") : result;
}
