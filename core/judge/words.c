// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The sentences and hints of messages/reason.def, with the facts of a judgement in the place of their {names}. */
#include "judge/words.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/address.h"
#include "util/ciphers.h"
#include "util/text.h"
#include "uverbs/mlx5_command.h"

/* The fact that is looked for. */
struct wanted {
	const char *name;
	size_t len;
	bool exists;
	char value[sizeof(((struct why *)NULL)->detail)]; /* "": not known */
};

/* Formats the fact, if it is the wanted one. */
static RS_PRINTF(3, 4) void fact(struct wanted *wanted, const char *name, const char *format, ...)
{
	va_list args;

	if (strlen(name) != wanted->len || memcmp(name, wanted->name, wanted->len))
		return;
	wanted->exists = true;
	va_start(args, format);
	vsnprintf(wanted->value, sizeof(wanted->value), format, args);
	va_end(args);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void find_in_path(const struct path *path, struct wanted *wanted)
{
	char remote[INET6_ADDRSTRLEN];

	fact(wanted, "device", "%s", path->device);
	fact(wanted, "port", "%u", path->port);
	fact(wanted, "gid", "%u", path->sgid_index);
	fact(wanted, "netdev", "%s", path->netdev);
	fact(wanted, "egress", "%s", path->egress);
	fact(wanted, "stray", "%s", path->stray);
	fact(wanted, "stray_route", "%s", path->stray_route);
	fact(wanted, "driver", "%s", path->driver ? path->driver->name : "");
	fact(wanted, "version", "%d", path->family == AF_INET ? 4 : 6);
	fact(wanted, "remote", "%s", ip_text(path->family, &path->remote, remote));
}

static void find_in_why(const struct why *why, struct wanted *wanted)
{
	const char *code = reason_code(why->reason);

	fact(wanted, "direction", "%.*s", (int)strcspn(code, "-"), code);
	fact(wanted, "policy", "%u", why->policy);
	fact(wanted, "priority", "%u", why->priority);
	fact(wanted, "reqid", "%u", why->reqid);
	fact(wanted, "spi", "0x%08x", why->spi);
	fact(wanted, "other_spi", "0x%08x", why->other);
	fact(wanted, "count", "%u", why->other);
	fact(wanted, "method", "0x%x", why->other);
	fact(wanted, "number", "%" PRIu64, why->number);
	fact(wanted, "hex", "0x%" PRIx64, why->number);
	fact(wanted, "suite", "0x%016" PRIx64, why->number);
	fact(wanted, "seconds", "%.1f", (double)why->number / 1000);
	fact(wanted, "cipher", "%s", or_empty(policy_cipher_name((uint32_t)why->number)));
	fact(wanted, "opcode", "%s", or_empty(prm_opcode_name((uint32_t)why->number)));
	fact(wanted, "name", "%s", why->name);
	if (why->at[0]) {
		fact(wanted, "egress", "%s", why->at);
		fact(wanted, "netdev", "%s", why->at);
	}
	fact(wanted, "detail", "%s", why->err && !why->detail[0] ? strerror(why->err) : why->detail);
}

/*
 * Appends `from` with its facts. "{: name}" stands for ": " and the fact, or for nothing. Returns whether all facts are
 * known. A name that is no fact leaves "{?}", which a test looks for.
 */
static bool fill_in(const char *from, const struct path *path, const struct why *why, char *text, size_t size)
{
	const char *begin, *end;
	bool known = true;

	for (; (begin = strchr(from, '{')) && (end = strchr(begin, '}')); from = end + 1) {
		bool colon = begin[1] == ':';
		struct wanted wanted = { .name = begin + (colon ? 3 : 1) };

		wanted.len = (size_t)(end - wanted.name);
		find_in_path(path, &wanted);
		find_in_why(why, &wanted);
		known &= wanted.value[0] != '\0';
		if (!wanted.exists)
			text_copy(wanted.value, sizeof(wanted.value), "{?}");
		text_append(text, size, "%.*s%s%s", (int)(begin - from), from, colon && wanted.value[0] ? ": " : "",
			    wanted.value);
	}
	text_append(text, size, "%s", from);
	return known;
}

static void append_why(const struct why *why, const struct path *path, char *text, size_t size)
{
	if (!why->reason)
		return;
	if (*text)
		text_append(text, size, "; ");
	if (why->outer)
		text_append(text, size, "VXLAN packets of %s: ", path->egress);
	fill_in(reason_sentence(why->reason), path, why, text, size);
}

static void append_secys(const struct verdict *verdict, const struct path *path, const char *cipher, char *text,
			 size_t size)
{
	if (strcmp(verdict->secy, path->egress))
		text_append(text, size, "%s: ", path->egress);
	text_append(text, size, "%s%s%s sci %016" PRIx64 "%s%s", verdict->secy, *cipher ? " " : "", cipher,
		    be64toh(verdict->sci), verdict->offloaded ? " offloaded" : "",
		    verdict->integrity_only ? " integrity-only" : "");
	if (verdict->secy_count > 1)
		text_append(text, size, " and %u more", verdict->secy_count - 1);
}

void verdict_details(const struct verdict *verdict, const struct path *path, char *text, size_t size)
{
	const char *cipher = or_empty(policy_cipher_name(verdict->cipher));

	text_copy(text, size, "");
	if (verdict->by == BY_POLICY_NONE)
		text_copy(text, size, "the policy asks for nothing here");
	else if (verdict->by == BY_LOOPBACK)
		text_copy(text, size, "stays inside the port");
	else if (verdict->by == BY_MACSEC)
		append_secys(verdict, path, cipher, text, size);
	else if (verdict->by == BY_IPSEC && verdict->cipher)
		text_format(text, size, "%s%sESP spi 0x%08x reqid %u %s", verdict->outer ? path->egress : "",
			    verdict->outer ? " in " : "", verdict->spi_out, verdict->reqid, cipher);
	else if (verdict->by == BY_IPSEC)
		text_copy(text, size, "ESP by policy for every remote, no SA yet");
	if (verdict->kind == VERDICT_PROTECTED && verdict->detour[0])
		text_append(text, size, "; %s", verdict->detour);
	text_printable(text);
}

void verdict_text(const struct verdict *verdict, const struct path *path, char *text, size_t size)
{
	text_copy(text, size, "");
	for (size_t i = 0; i < REASONS_MAX; i++)
		append_why(&verdict->why[i], path, text, size);
	text_printable(text);
}

void judgement_text(const struct judgement *judgement, char *text, size_t size)
{
	verdict_text(&judgement->verdict, &judgement->path, text, size);
	append_why(&judgement->since, &judgement->path, text, size);
	text_printable(text);
}

void judgement_reasons(const struct judgement *judgement, uint32_t out[REASONS_MAX])
{
	const struct why *why = judgement->verdict.why;
	bool since = judgement->since.reason;

	out[0] = since ? judgement->since.reason : why[0].reason;
	out[1] = since ? why[0].reason : why[1].reason;
}

/* ---- the line for the operator ---- */

static void append_command(const struct judgement *judgement, const struct request *request, const char *device,
			   char *text, size_t size)
{
	bool new_qp = request->kind == REQUEST_QP_CREATE || request->kind == REQUEST_QP_OPEN;

	text_append(text, size, " %s%s%s on %s", request_kind_name(request->kind), new_qp ? " " : "",
		    new_qp ? uverbs_qp_type_name(request->qp_type) : "", *device ? device : "any device");
	if (judgement->path.port)
		text_append(text, size, " port %u", judgement->path.port);
}

/* The remote is the request's: an unknown path may lack it. */
static void append_path(const struct judgement *judgement, const struct request *request, char *text, size_t size)
{
	const struct path *path = &judgement->path;
	char address[INET6_ADDRSTRLEN];

	text_append(text, size, " GID %u", path->sgid_index);
	if (path->family)
		text_append(text, size, " (%s on %s)", ip_text(path->family, &path->local, address),
			    path->netdev[0] ? path->netdev : "no netdev");
	text_append(text, size, " to %s: %s",
		    path->scope == REMOTE_ONE ? gid_text(request->address.dgid, address) : "any remote",
		    verdict_name(judgement->verdict.kind));
}

static void append_reason(const struct judgement *judgement, char *text, size_t size)
{
	const struct verdict *verdict = &judgement->verdict;
	const uint32_t reasons[REASONS_MAX] = { verdict->why[0].reason, verdict->why[1].reason };
	char codes[REASONS_TEXT_MAX], words[320], hint[320] = "";

	verdict_text(verdict, &judgement->path, words, sizeof(words));
	text_append(text, size, " (reason=%s): %s", reasons_text(reasons, codes), words);
	if (fill_in(reason_hint(reasons[0]), &judgement->path, &verdict->why[0], hint, sizeof(hint)) && *hint)
		text_append(text, size, ": try: %s", hint);
}

static void append_since(const struct judgement *judgement, char *text, size_t size)
{
	const struct why *since = &judgement->since;

	append_why(since, &judgement->path, text, size);
	if (since->reason)
		text_append(text, size, " (reason=%s)", reason_code(since->reason));
}

void judgement_line(const struct judgement *judgement, const struct request *request, const char *device, char *text,
		    size_t size)
{
	const struct path *path = &judgement->path;
	const struct policy_rule *rule = judgement->rule;

	text_copy(text, size, "");
	if (!judgement->reported)
		return;
	text_append(text, size, "rdmasec: %s", judgement->pass ? "audit: would refuse" : "refused");
	if (rule)
		append_command(judgement, request, device, text, size);
	if (path->device[0])
		append_path(judgement, request, text, size);
	append_reason(judgement, text, size);
	if (judgement->has_better_gid)
		text_append(text, size, " (GID %u would be protected)", judgement->better_gid);
	else if (path->device[0] && path->scope == REMOTE_SOME)
		text_append(text, size, " (no other GID of %s is better), and the program has not chosen one yet",
			    path->device);
	if (rule && strcmp(rule->name, "default"))
		text_append(text, size, " [rule %s]", rule->name);
	append_since(judgement, text, size);
	text_printable(text);
}
