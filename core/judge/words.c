// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The line of a refusal: device, port, GID index, netdev, remote, reason and hint. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "judge/judgement_internal.h"
#include "util/address.h"
#include "util/text.h"

static void word_command(const struct question *q, const struct binding *binding, char *text, size_t size)
{
	bool new_qp = q->request->kind == REQUEST_QP_CREATE || q->request->kind == REQUEST_QP_OPEN;

	text_format(text, size, "rdmasec: %s %s%s%s on %s",
		    binding->mode == MODE_AUDIT ? "audit: would refuse" : "refused",
		    request_kind_name(q->request->kind), new_qp ? " " : "",
		    new_qp ? uverbs_qp_type_name(q->request->qp_type) : "",
		    q->view->device ? q->view->device->name : "any device");
}

static void word_rule(const struct policy_rule *rule, char *text, size_t size)
{
	if (strcmp(rule->name, "default"))
		text_append(text, size, " [rule %s]", rule->name);
}

/* The remote is the question's: an unknown path may lack it. */
static void word_path(const struct question *q, const struct path *path, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];

	text_append(text, size, " port %u GID %u", path->port, path->sgid_index);
	if (path->family)
		text_append(text, size, " (%s on %s)", ip_text(path->family, &path->local, address),
			    path->netdev[0] ? path->netdev : "no netdev");
	text_append(text, size, " to %s", q->scope == REMOTE_ONE ? gid_text(q->remote, address) : "any remote");
}

/* Returns the value of a hint's placeholder, "" if it is unknown. */
static const char *placeholder(const char *name, size_t len, const struct path *path)
{
	const struct {
		const char *name, *value;
	} known[] = { { "netdev", path->netdev }, { "egress", path->egress }, { "device", path->device } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len == strlen(known[i].name) && !memcmp(name, known[i].name, len))
			return known[i].value;
	return "";
}

/* Writes nothing if a name in the hint is unknown. */
static void word_hint(enum reason reason, const struct path *path, char *text, size_t size)
{
	const char *rest = reason_hint(reason), *begin, *end;
	char hint[320] = "";

	for (; (begin = strchr(rest, '{')) && (end = strchr(begin, '}')); rest = end + 1) {
		const char *value = placeholder(begin + 1, end - begin - 1, path);

		if (!*value)
			return;
		text_append(hint, sizeof(hint), "%.*s%s", (int)(begin - rest), rest, value);
	}
	if (*rest || *hint)
		text_append(text, size, ": try: %s%s", hint, rest);
}

static void word_verdict(const struct verdict *verdict, const struct path *path, char *text, size_t size)
{
	char reasons[REASONS_TEXT_MAX];

	text_append(text, size, " (reason=%s): %s", reasons_text(verdict->reasons, reasons), verdict->text);
	word_hint(verdict->reasons[0], path, text, size);
}

void word_plain(const struct verdict *verdict, char *text, size_t size)
{
	text_copy(text, size, "rdmasec: refused");
	word_verdict(verdict, &(const struct path){ 0 }, text, size);
	text_printable(text);
}

void word_finding(const struct question *q, const struct finding *found, char *text, size_t size)
{
	int better = better_gid(q, found);

	word_command(q, &found->binding, text, size);
	word_path(q, &found->path, text, size);
	text_append(text, size, ": %s", verdict_name(found->verdict.kind));
	word_verdict(&found->verdict, &found->path, text, size);
	if (better >= 0)
		text_append(text, size, " (GID %d would be protected)", better);
	else if (q->scope == REMOTE_SOME)
		text_append(text, size, " (no other GID of %s is better)", q->view->device->name);
	word_rule(found->rule, text, size);
	text_printable(text);
}

void word_reason(const struct question *q, const struct binding *binding, const struct verdict *verdict, char *text,
		 size_t size)
{
	word_command(q, binding, text, size);
	if (q->port)
		text_append(text, size, " port %u", q->port);
	word_verdict(verdict, &(const struct path){ 0 }, text, size);
	word_rule(binding->rule, text, size);
	text_printable(text);
}

/* The caller's route_get(), for a few more calls only. */
struct bounded_routes {
	const struct engine_view *view;
	unsigned int left;
};

static int bounded_route_get(void *context, int family, const union ip_address *src, const union ip_address *dst,
			     int oif, int *out_ifindex)
{
	struct bounded_routes *routes = context;

	if (!routes->left)
		return -EAGAIN;
	routes->left--;
	return routes->view->route_get(routes->view->route_context, family, src, dst, oif, out_ifindex);
}

/* Only for one remote: if addresses are chosen later, all GIDs count alike. */
int better_gid(const struct question *q, const struct finding *found)
{
	const struct rdma_port *port = device_port(q->view->device, q->port);
	struct bounded_routes routes = { q->view, BETTER_GID_ROUTES_MAX };
	union ip_address ignored;

	if (q->scope != REMOTE_ONE || !port)
		return -1;
	for (size_t i = 0; i < port->gid_count; i++) {
		const struct rdma_gid *gid = &port->gids[i];
		struct verdict verdict;
		struct path path;

		if (gid->index == found->path.sgid_index || gid_address(gid->raw, &ignored) != found->path.family)
			continue;
		path_resolve(q->view->device, q->port, gid->index, REMOTE_ONE, q->remote, q->view->evidence,
			     bounded_route_get, &routes, &path);
		decide(&path, q->view->evidence, &found->binding.requirement, &verdict);
		if (verdict.kind == VERDICT_PROTECTED && verdict.by != BY_LOOPBACK)
			return gid->index;
	}
	return -1;
}
