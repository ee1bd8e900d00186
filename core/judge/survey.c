// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "judge/survey.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "judge/walk.h"
#include "judge/words.h"
#include "util/address.h"
#include "util/array.h"
#include "util/text.h"

static struct survey_row *survey_grow(struct survey *survey)
{
	struct survey_row *rows = array_room(survey->rows, survey->count, sizeof(*rows));

	if (!rows)
		return NULL;
	survey->rows = rows;
	return memset(&survey->rows[survey->count++], 0, sizeof(survey->rows[0]));
}

/* Whether a verdict is worse than another. */
static int badness(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_PROTECTED ? 0 : verdict->kind == VERDICT_UNPROTECTED ? 1 : 2;
}

static void judge_row(struct survey_row *row, const struct survey_view *view, const struct policy_subject *subject)
{
	const struct policy_rule *rule;
	size_t cursor = 0;

	while ((rule = policy_next(view->policy, subject, &cursor))) {
		struct verdict verdict;

		decide(&row->path, view->evidence, &rule->requirement, &verdict);
		bypass_look(&view->bypass, view->evidence, &row->path, rule->requirement.strict, &verdict);
		if (!row->rule || badness(&verdict) > badness(&row->verdict)) {
			row->verdict = verdict;
			row->rule = rule;
		}
	}
}

int survey_path(struct survey *survey, const struct survey_view *view, const struct rdma_device *device, uint32_t port,
		uint32_t gid_index, enum remote_scope scope, const uint8_t remote[16])
{
	struct policy_subject subject = { .device = device->name, .port = port, .uid_known = true, .uid = view->uid };
	const struct rdma_port *rdma_port = device_port(device, port);
	const struct rdma_gid *gid = rdma_port ? port_gid(rdma_port, gid_index) : NULL;
	struct survey_row *row = survey_grow(survey);

	if (!row)
		return -ENOMEM;
	if (gid)
		row->gid = *gid;
	if (scope == REMOTE_ONE) {
		memcpy(row->remote, remote, sizeof(row->remote));
		subject.remote_known = true;
		subject.remote_family = gid_address(remote, &subject.remote);
	}
	path_resolve(device, port, gid_index, scope, remote, view->evidence, view->route_get, view->route_context,
		     &row->path);
	judge_row(row, view, &subject);
	return 0;
}

/* A policy wants ESP from this GID to one remote: that remote gets a row. */
static bool names_remote(const struct xfrm_policy_evidence *policy, const struct rdma_gid *gid)
{
	union ip_address local;
	int family = gid_address(gid->raw, &local);
	unsigned host = family == AF_INET ? 32 : 128;

	return policy->dir == XFRM_POLICY_OUT && policy->sel.family == family && policy->tmpl_count &&
	       policy->sel.daddr_prefix == host &&
	       (policy->sel.saddr_prefix == 0 ||
		(policy->sel.saddr_prefix == host && !memcmp(policy->sel.saddr.bytes, local.bytes, host / 8)));
}

static int survey_remotes(struct survey *survey, const struct survey_view *view, const struct rdma_device *device,
			  uint32_t port, const struct rdma_gid *gid)
{
	union ip_address local;
	const struct xfrm_direction outbound = {
		.ev = view->evidence,
		.dir = XFRM_POLICY_OUT,
		.flow = { .family = gid_address(gid->raw, &local), .saddr = &local },
	};
	const struct xfrm_policy_evidence *policy;
	struct xfrm_walk walk;
	int err = 0;

	policies_begin(&outbound, &walk);
	while (!err && (policy = xfrm_walk_policy(&walk))) {
		uint8_t remote[16];

		if (!names_remote(policy, gid))
			continue;
		gid_from_address(policy->sel.family, &policy->sel.daddr, remote);
		err = survey_path(survey, view, device, port, gid->index, REMOTE_ONE, remote);
	}
	return err;
}

/*
 * An IPv6 route by another netdev ends the protection for every remote, which only datagrams need. Other queue pairs
 * are judged by their one remote, so the row is about the remotes that the egress routes.
 */
static void narrow_to_egress(struct survey_row *row, const struct survey_view *view, const struct rdma_device *device)
{
	struct policy_subject subject = {
		.device = device->name, .port = row->path.port, .uid_known = true, .uid = view->uid
	};
	struct survey_row narrow = { .path = row->path, .gid = row->gid, .by_egress = true };

	if (row->verdict.kind == VERDICT_PROTECTED || !row->path.stray_ifindex)
		return;
	narrow.path.stray_ifindex = 0;
	judge_row(&narrow, view, &subject);
	if (narrow.verdict.kind == VERDICT_PROTECTED)
		*row = narrow;
}

static int survey_gid(struct survey *survey, const struct survey_view *view, const struct rdma_device *device,
		      uint32_t port, const struct rdma_gid *gid)
{
	int err = survey_path(survey, view, device, port, gid->index, REMOTE_EVERY, NULL);

	if (!err)
		narrow_to_egress(&survey->rows[survey->count - 1], view, device);
	if (err || survey->rows[survey->count - 1].verdict.kind == VERDICT_PROTECTED)
		return err;
	return survey_remotes(survey, view, device, port, gid);
}

int survey_all(struct survey *survey, const struct survey_view *view, const struct rdma_inventory *inventory)
{
	int err = 0;

	for (size_t d = 0; d < inventory->device_count; d++)
		for (size_t p = 0; p < inventory->devices[d].port_count; p++) {
			const struct rdma_port *port = &inventory->devices[d].ports[p];

			for (size_t g = 0; !err && g < port->gid_count; g++)
				err = survey_gid(survey, view, &inventory->devices[d], port->number, &port->gids[g]);
		}
	return err;
}

void survey_free(struct survey *survey)
{
	free(survey->rows);
	*survey = (struct survey){ 0 };
}

static const char *gid_type_name(enum gid_type type)
{
	switch (type) {
	case GID_TYPE_IB:
		return "IB";
	case GID_TYPE_ROCE_V1:
		return "RoCE v1";
	case GID_TYPE_ROCE_V2:
		return "RoCE v2";
	default:
		return "?";
	}
}

/* wire_check() wants printable texts, and a netdev's name may be anything. */
static void put_text(char *to, size_t size, const char *from)
{
	text_copy(to, size, from);
	text_printable(to);
}

static void put_remote(const struct survey_row *row, char *to, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (row->by_egress)
		text_format(text, sizeof(text), "any via %s", row->path.egress);
	else
		text_copy(text, sizeof(text), "any");
	put_text(to, size, row->path.scope == REMOTE_ONE ? gid_text(row->remote, text) : text);
}

void survey_record(const struct survey_row *row, struct wire_record *out)
{
	char address[INET6_ADDRSTRLEN];

	wire_make(out, WIRE_RECORD);
	out->has = WIRE_RECORD_HAS_GID;
	out->port = row->path.port;
	out->gid_index = row->path.sgid_index;
	out->verdict = row->verdict.kind;
	out->by = row->verdict.by;
	put_text(out->device, sizeof(out->device), row->path.device);
	if (row->gid.valid) {
		put_text(out->gid_type, sizeof(out->gid_type), gid_type_name(row->gid.type));
		put_text(out->local, sizeof(out->local), gid_text(row->gid.raw, address));
	}
	put_text(out->netdev, sizeof(out->netdev), row->path.netdev);
	put_remote(row, out->remote, sizeof(out->remote));
	put_text(out->rule, sizeof(out->rule), row->rule ? row->rule->name : "");
	verdict_details(&row->verdict, &row->path, out->details, sizeof(out->details));
	if (row->by_egress) {
		text_append(out->details, sizeof(out->details), "; %s leaves by %s: datagrams are refused",
			    row->path.stray_route, row->path.stray);
		text_printable(out->details);
	}
	verdict_text(&row->verdict, &row->path, out->text, sizeof(out->text));
	for (size_t i = 0; i < REASONS_MAX; i++)
		out->reasons[i] = row->verdict.why[i].reason;
}
