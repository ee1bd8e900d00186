// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The effect of each event on a table, and the events that a table cannot apply. */
#include <sanitizer/lsan_interface.h>

#include "decide_fixture.h"
#include "sad_kernel.h"
#include "xfrm/table_internal.h"

static struct world w;
static struct fake_kernel kernel;
static struct sad_kernel sad; /* the kernel that answers questions for single SAs */
static struct xfrm_table *table;
static struct xfrm_change change;
static char error[128];

static enum evidence_state load(void)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	enum evidence_state state = xfrm_table_load(table, &transport, error, sizeof(error));

	cr_expect_eq(kernel.opens, kernel.closes, "a socket was leaked");
	cr_expect_eq(state, xfrm_table_state(table));
	return state;
}

/* Loads a good world. */
static void begin(void)
{
	world_init(&w, RDMA_DRIVER_RXE, AF_INET, ETH0);
	world_add_ipsec(&w);
	table = xfrm_table_new();
	cr_assert(table);
	table->policies_may_have_contexts = false; /* on every host */
	say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
	cr_assert_eq(load(), EVIDENCE_READ, "%s", error);
}

/* Criterion ignores leaks that LeakSanitizer finds at the end of a test; it reports a crash. */
static void end(void)
{
	xfrm_table_free(table);
	fake_reset(&kernel);
	fake_reset(&sad.fake);
	if (__lsan_do_recoverable_leak_check())
		abort();
}

TestSuite(xfrm_table, .init = begin, .fini = end, .timeout = 60);

/* Takes over the message, and passes a copy without spare octets, so that ASan reports a read beyond it. */
static int apply(struct nl_msg *message)
{
	struct nlmsghdr *exact = exact_copy(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len);
	int err;

	memset(&change, 0xa5, sizeof(change));
	err = xfrm_table_apply(table, exact, &change);
	free(exact);
	nlmsg_free(message);
	return err;
}

static void verdict_of(struct verdict *out)
{
	struct evidence ev = w.ev;

	ev.links = w.links;
	ev.xfrm = table;
	decide(&w.path, &ev, &w.req, out);
}

/* The reason of the verdict on IPsec, "" if it protects. */
static const char *refusal(struct verdict *v)
{
	w.req.require = REQUIRE_IPSEC;
	verdict_of(v);
	cr_expect(!v->why[1].reason, "%s", words_of(v, &w.path));
	return reason_code(v->why[0].reason);
}

static void expect_protected(void)
{
	struct verdict v;

	cr_expect_str_eq(refusal(&v), "", "%s", words_of(&v, &w.path));
	cr_expect_eq(v.kind, VERDICT_PROTECTED);
	cr_expect(strstr(words_of(&v, &w.path), "ESP spi 0xc0ffee0"), "%s", words_of(&v, &w.path));
}

static void expect_refused(const char *code)
{
	struct verdict v;

	cr_expect_str_eq(refusal(&v), code, "%s", words_of(&v, &w.path));
}

/* One code stands for every cause; the words of the cause tell which part of the table is unknown. */
static void expect_unreadable(const char *cause)
{
	struct verdict v;

	cr_expect_str_eq(refusal(&v), "xfrm-unreadable", "%s", words_of(&v, &w.path));
	cr_expect_eq(v.kind, VERDICT_UNKNOWN);
	cr_expect(strstr(words_of(&v, &w.path), cause), "'%s' does not say '%s'", words_of(&v, &w.path), cause);
}

static void expect_sa_change(const struct xfrm_sa_evidence *sa, bool added)
{
	cr_expect_eq(change.kind, XFRM_CHANGE_SA);
	cr_expect_eq(change.added, added);
	cr_expect(change.family == sa->family && change.spi == sa->spi && change.reqid == sa->reqid &&
		  change.mode == sa->mode);
	cr_expect(!memcmp(&change.saddr, &sa->saddr, 16) && !memcmp(&change.daddr, &sa->daddr, 16));
}

static void expect_policy_change(const struct xfrm_policy_evidence *policy, bool added)
{
	cr_expect_eq(change.kind, XFRM_CHANGE_POLICY);
	cr_expect_eq(change.added, added);
	cr_expect(change.dir == policy->dir && !memcmp(&change.sel, &policy->sel, sizeof(policy->sel)));
}

Test(xfrm_table, is_loaded)
{
	cr_expect_eq(xfrm_table_policy_count(table), 2);
	cr_expect_eq(xfrm_table_sa_count(table), 2);
	cr_expect(!xfrm_table_has_offload(table));
	expect_protected();
}

/* The share of a user's own namespace: beyond it nothing is known, as without memory. */
Test(xfrm_table, is_broken_beyond_its_limit)
{
	const struct netlink_transport transport = fake_transport(&kernel);

	xfrm_table_limit(table, 4);
	say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
	cr_expect_eq(xfrm_table_load(table, &transport, error, sizeof(error)), EVIDENCE_READ);
	xfrm_table_limit(table, 3);
	say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
	cr_expect_eq(xfrm_table_load(table, &transport, error, sizeof(error)), EVIDENCE_BROKEN);
}

/* One datagram for each step: the verdict is UNKNOWN until the end. */
Test(xfrm_table, is_loaded_in_parts)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	struct xfrm_load *loading;
	unsigned parts = 1;

	say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
	loading = xfrm_load_begin(table, &transport);
	cr_assert(loading);
	while (!xfrm_load_go_on(loading, 0)) {
		expect_unreadable("still being read");
		parts++;
	}
	/* each policy and each SA has a datagram here, and so has the end of each dump */
	cr_expect_eq(parts, w.policy_count + 1 + w.sa_count + 1);
	xfrm_load_end(loading);
	expect_protected();
	cr_expect_eq(kernel.opens, kernel.closes, "a socket was leaked");
}

Test(xfrm_table, is_not_loaded_to_the_end)
{
	const struct netlink_transport transport = fake_transport(&kernel);
	struct xfrm_load *loading;

	say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
	loading = xfrm_load_begin(table, &transport);
	cr_assert(loading && !xfrm_load_go_on(loading, 0));
	xfrm_load_end(loading);
	cr_expect_eq(xfrm_table_policy_count(table), 0);
	expect_unreadable("not read to the end");
	cr_expect_eq(kernel.opens, kernel.closes, "a socket was leaked");
}

/* ---- SAs ---- */

Test(xfrm_table, follows_added_and_deleted_sa)
{
	struct xfrm_sa_evidence sa = esp_sa(&w, 0xc0ffee03, 1, 2);

	sa.algorithm[0] = 'x';
	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &sa)), 0);
	expect_sa_change(&sa, true);
	expect_refused("outbound-sa-cipher");
	cr_expect_eq(apply(sa_deleted_message(&sa)), 0);
	expect_sa_change(&sa, false);
	cr_expect_eq(apply(sa_deleted_message(&sa)), 0, "the same event again");
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	expect_protected();
	cr_expect_eq(apply(sa_deleted_message(&w.sas[OUT])), 0);
	expect_refused("outbound-sa-missing");
	cr_expect_eq(xfrm_table_sa_count(table), 1);
}

static const struct xfrm_sa_evidence *known(const struct xfrm_sa_evidence *sa)
{
	struct xfrm_sa_id id = xfrm_sa_id(sa);
	const struct xfrm_sa_entry *entry = xfrm_table_sa(table, &id);

	return entry ? &entry->sa : NULL;
}

static void expect_expiring(const struct xfrm_sa_evidence *sa)
{
	cr_expect_eq(change.kind, XFRM_CHANGE_EXPIRING);
	change.kind = XFRM_CHANGE_SA;
	expect_sa_change(sa, true);
	cr_assert(known(sa));
	cr_expect(known(sa)->dying);
	expect_protected();
}

/* xfrm_timer_handler(): no DELSA follows */
Test(xfrm_table, follows_expired_sa)
{
	struct xfrm_sa_evidence unknown = esp_sa(&w, 0xc0ffee03, 1, 2);

	cr_expect_not(known(&w.sas[OUT])->dying);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(apply(sa_expired_message(&w.sas[OUT], false)), 0);
		expect_expiring(&w.sas[OUT]);
	}
	cr_expect_eq(apply(sa_expired_message(&unknown, false)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING, "a soft limit of an unknown SA");
	cr_expect_eq(apply(sa_expired_message(&w.sas[OUT], true)), 0);
	expect_sa_change(&w.sas[OUT], false);
	expect_refused("outbound-sa-missing");
}

/* The mark is part of an SA's identity. */
Test(xfrm_table, keeps_sas_of_different_marks)
{
	struct xfrm_sa_evidence marked = w.sas[OUT];

	marked.mark = (struct xfrm_mark_evidence){ 5, 0xff };
	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &marked)), 0);
	cr_expect_eq(xfrm_table_sa_count(table), 3);
	cr_expect_eq(apply(sa_expired_message(&marked, true)), 0);
	expect_sa_change(&marked, false);
	cr_expect_eq(xfrm_table_sa_count(table), 2);
	expect_protected();
}

/* An event from before the dump changes nothing. */
Test(xfrm_table, reports_no_change_for_known_sa)
{
	cr_expect_eq(apply(sa_message(XFRM_MSG_UPDSA, &w.sas[OUT])), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &w.sas[OUT])), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	cr_expect_eq(apply(policy_message(XFRM_MSG_NEWPOLICY, &w.policies[OUT])), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	cr_expect_eq(xfrm_table_sa_count(table), 2);
	cr_expect_eq(xfrm_table_policy_count(table), 2);
}

Test(xfrm_table, follows_sa_to_other_addresses)
{
	struct xfrm_sa_evidence sa = w.sas[OUT];

	sa.saddr = host(&w, 9);
	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &sa)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_EVERYTHING);
	cr_expect_eq(xfrm_table_sa_count(table), 2);
	expect_refused("outbound-sa-missing");
}

/* No event reports that an ACQUIRE made such an SA, or that it ended. */
Test(xfrm_table, ignores_sa_without_spi)
{
	struct xfrm_sa_evidence sa = esp_sa(&w, 0, 1, 2);

	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &sa)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	cr_expect_eq(apply(sa_expired_message(&sa, true)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	add_sa(&w, sa);
	fake_reset(&kernel);
	say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
	cr_expect_eq(load(), EVIDENCE_READ, "%s", error);
	cr_expect_eq(xfrm_table_sa_count(table), 2);
}

Test(xfrm_table, keeps_no_key)
{
	struct xfrm_sa_evidence sa = esp_sa(&w, 0xc0ffee03, 1, 2);
	struct xfrm_sa_id id = xfrm_sa_id(&sa);
	const struct xfrm_sa_entry *entry;

	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &sa)), 0);
	entry = xfrm_table_sa(table, &id);
	cr_assert(entry);
	cr_expect_null(memmem(entry, sizeof(*entry), told_key, 4));
	cr_expect_null(memmem(table, sizeof(*table), told_key, 4));
}

/* ---- SAs to ask the kernel for ---- */

static size_t told;

static void on_changed(const struct xfrm_change *one, void *arg)
{
	cr_expect_eq(arg, &told);
	change = *one;
	told++;
}

/* Asks a kernel that has these SAs. */
static int ask(const struct xfrm_sa_evidence *sas, size_t count)
{
	const struct netlink_transport transport = sad_transport(&sad);
	int err;

	sad.sas = exact_copy(sas, count * sizeof(*sas));
	sad.count = count;
	sad.asked = told = 0;
	change.kind = XFRM_CHANGE_NOTHING;
	err = xfrm_table_ask(table, &transport, on_changed, &told);
	free((void *)sad.sas);
	cr_expect_eq(sad.fake.opens, sad.fake.closes, "a socket was leaked");
	cr_expect_not(xfrm_table_has_questions(table));
	cr_expect_eq(xfrm_table_state(table), err ? EVIDENCE_BROKEN : EVIDENCE_READ);
	cr_expect_eq(xfrm_table_error(table)[0] != '\0', err != 0, "%s", xfrm_table_error(table));
	return err;
}

/* The event leaves a question, and the verdict is UNKNOWN. */
static void expect_question(struct nl_msg *event)
{
	cr_expect_eq(apply(event), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	cr_expect(xfrm_table_has_questions(table));
	expect_unreadable("an SA was updated: not read yet");
}

static struct xfrm_sa_evidence larval_of(struct xfrm_sa_evidence sa)
{
	sa.has_aead = false;
	sa.algorithm[0] = '\0';
	sa.key_bits = sa.icv_bits = 0;
	return sa;
}

Test(xfrm_table, asks_nothing_without_question)
{
	cr_expect_not(xfrm_table_has_questions(table));
	cr_expect_eq(ask(NULL, 0), 0);
	cr_expect_eq(sad.fake.opens, 0);
}

/* ALLOCSPI has no event; the negotiated SA has an UPDSA. */
Test(xfrm_table, negotiation_ends)
{
	struct xfrm_sa_evidence fresh = esp_sa(&w, 0xc0ffee03, 2, 1), seen = larval_of(esp_sa(&w, 0xc0ffee04, 2, 1));

	expect_question(sa_message(XFRM_MSG_UPDSA, &fresh));
	cr_expect_eq(ask(&fresh, 1), 0);
	cr_expect_eq(told, 1);
	expect_sa_change(&fresh, true);
	cr_expect(!memcmp(known(&fresh), &fresh, sizeof(fresh)));
	expect_protected();
	cr_assert_eq(xfrm_table_add_sa(table, &seen), 0);
	seen = esp_sa(&w, 0xc0ffee04, 2, 1);
	expect_question(sa_message(XFRM_MSG_UPDSA, &seen));
	cr_expect_eq(ask(&seen, 1), 0);
	expect_sa_change(&seen, true);
	cr_expect(!memcmp(known(&seen), &seen, sizeof(seen)));
	cr_expect_eq(xfrm_table_sa_count(table), 4);
}

/* ip xfrm state update ... limit packet-hard 1: the kernel reports the end before the update. */
Test(xfrm_table, notices_update_that_ends_sa)
{
	struct xfrm_sa_evidence sa = w.sas[OUT];

	cr_expect_eq(apply(sa_expired_message(&sa, true)), 0);
	expect_sa_change(&sa, false);
	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(ask(&w.sas[IN], 1), 0);
	cr_expect_eq(told, 0);
	cr_expect_eq(xfrm_table_sa_count(table), 1);
	expect_refused("outbound-sa-missing");
}

/* xfrm_state_update(): the SA keeps its keys, although the event contains others */
Test(xfrm_table, follows_update_of_live_sa)
{
	struct xfrm_sa_evidence sa = w.sas[OUT];

	sa.key_bits = 160;
	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(ask(&w.sas[OUT], 1), 0);
	cr_expect_eq(told, 0, "the SA is unchanged");
	expect_protected();
	sa.reqid = 8;
	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(ask(&sa, 1), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_EVERYTHING, "one change cannot describe two reqids");
	expect_refused("outbound-sa-missing");
	expect_question(sa_message(XFRM_MSG_UPDSA, &w.sas[OUT]));
	cr_expect_eq(ask(NULL, 0), 0);
	expect_sa_change(&sa, false);
	cr_expect_eq(xfrm_table_sa_count(table), 1);
}

/* xfrm_state_update() clears km.dying; the SA may have reached its new soft limit as well. */
Test(xfrm_table, new_limits_of_a_live_sa)
{
	struct xfrm_sa_evidence dying = w.sas[OUT];

	dying.dying = true;
	expect_question(sa_message(XFRM_MSG_UPDSA, &dying));
	cr_expect_eq(ask(&dying, 1), 0);
	cr_expect_eq(told, 1);
	expect_expiring(&dying);
	expect_question(sa_message(XFRM_MSG_UPDSA, &w.sas[OUT]));
	cr_expect_eq(ask(&w.sas[OUT], 1), 0);
	cr_expect_eq(told, 0, "no verdict depends on it");
	cr_expect_not(known(&w.sas[OUT])->dying);
}

/* The answer is newer than the events that are still in the socket. */
Test(xfrm_table, events_after_an_answer)
{
	struct xfrm_sa_evidence first = esp_sa(&w, 0xc0ffee03, 1, 2), second = first;

	second.key_bits = 224;
	/* updated; after that expired, allocated and updated again */
	expect_question(sa_message(XFRM_MSG_UPDSA, &first));
	cr_expect_eq(ask(&second, 1), 0);
	cr_expect_eq(apply(sa_expired_message(&first, true)), 0);
	cr_expect_null(known(&second), "until its update is applied");
	expect_question(sa_message(XFRM_MSG_UPDSA, &second));
	cr_expect_eq(ask(&second, 1), 0);
	cr_expect(!memcmp(known(&second), &second, sizeof(second)));
	/* updated; after that a soft expiry, an update and a deletion */
	expect_question(sa_message(XFRM_MSG_UPDSA, &first));
	cr_expect_eq(ask(NULL, 0), 0);
	cr_expect_eq(apply(sa_expired_message(&first, false)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	expect_question(sa_message(XFRM_MSG_UPDSA, &second));
	cr_expect_eq(ask(NULL, 0), 0);
	cr_expect_eq(apply(sa_deleted_message(&second)), 0);
	cr_expect_null(known(&second));
	expect_protected();
}

/* The answer supersedes all events before it. */
Test(xfrm_table, events_before_an_answer)
{
	struct xfrm_sa_evidence sa = esp_sa(&w, 0xc0ffee03, 1, 2);

	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(apply(sa_expired_message(&sa, true)), 0);
	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &sa)), 0);
	cr_expect_eq(apply(sa_deleted_message(&sa)), 0);
	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(ask(&sa, 1), 0);
	cr_expect_eq(sad.asked, 1, "one question for several events");
	cr_expect(!memcmp(known(&sa), &sa, sizeof(sa)));
	sa.key_bits = 224;
	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(apply(sa_deleted_message(&sa)), 0);
	cr_expect_eq(ask(NULL, 0), 0);
	cr_expect_null(known(&sa));
}

/* A lookup uses the mark alone, and returns the first SA with a matching mark. */
Test(xfrm_table, asked_by_mark)
{
	struct xfrm_sa_evidence marked[2] = { w.sas[OUT], w.sas[OUT] }, never = w.sas[OUT];

	marked[0].mark = (struct xfrm_mark_evidence){ 5, 0xff };
	marked[1].mark = (struct xfrm_mark_evidence){ 6, 0xff };
	expect_question(sa_message(XFRM_MSG_UPDSA, &marked[0]));
	expect_question(sa_message(XFRM_MSG_UPDSA, &marked[1]));
	cr_expect_eq(ask(marked, 2), 0);
	cr_expect_eq(told, 2);
	cr_expect(!memcmp(known(&marked[1]), &marked[1], sizeof(marked[1])));
	cr_expect_eq(xfrm_table_sa_count(table), 4);
	marked[0].key_bits = 224;
	expect_question(sa_message(XFRM_MSG_UPDSA, &marked[0]));
	cr_expect_eq(ask(&w.sas[OUT], 1), -ESTALE);
	expect_unreadable("another SA has the SPI 0xc0ffee01 as well");
	fake_reset(&kernel);
	say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
	cr_expect_eq(load(), EVIDENCE_READ, "%s", error);
	never.mark = (struct xfrm_mark_evidence){ 5, 2 };
	cr_expect_eq(apply(sa_message(XFRM_MSG_UPDSA, &never)), -ESTALE, "no lookup can find it");
	expect_unreadable("cannot be asked for");
}

/* The kernel looks up SAs of Mobile IPv6 by their source. */
Test(xfrm_table, cannot_ask_for_sa_without_spi)
{
	struct xfrm_sa_evidence sa = w.sas[OUT];

	sa.proto = IPPROTO_ROUTING;
	cr_expect_eq(apply(sa_message(XFRM_MSG_UPDSA, &sa)), -ESTALE);
	expect_unreadable("cannot be asked for");
}

/* xfrm_hash_resize(): during it a lookup may miss an existing SA */
Test(xfrm_table, asks_during_growth_of_kernels_hash_table)
{
	struct xfrm_sa_evidence sa = esp_sa(&w, 0xc0ffee03, 1, 2);

	sad.grows_by = 1;
	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(ask(&sa, 1), 0, "the SA was found");
	sa.key_bits = 224;
	expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
	cr_expect_eq(ask(NULL, 0), -ESTALE);
	expect_unreadable("an SA may have been missed");
}

Test(xfrm_table, many_questions)
{
	struct xfrm_sa_evidence *sas = calloc(XFRM_QUESTIONS_MAX, sizeof(*sas)), more = esp_sa(&w, 1, 1, 3);

	cr_assert(sas);
	for (uint32_t i = 0; i < XFRM_QUESTIONS_MAX; i++) {
		sas[i] = esp_sa(&w, 0x1000 + i, 1, 3);
		cr_assert_eq(apply(sa_message(XFRM_MSG_UPDSA, &sas[i])), 0);
	}
	cr_expect_eq(apply(sa_message(XFRM_MSG_UPDSA, &sas[0])), 0, "the same event again");
	cr_expect_eq(ask(sas, XFRM_QUESTIONS_MAX), 0);
	cr_expect_eq(sad.asked, XFRM_QUESTIONS_MAX);
	cr_expect_eq(told, XFRM_QUESTIONS_MAX);
	cr_expect_eq(xfrm_table_sa_count(table), XFRM_QUESTIONS_MAX + 2);
	for (uint32_t i = 0; i < XFRM_QUESTIONS_MAX; i++) {
		sas[i].reqid = 8;
		cr_assert_eq(apply(sa_message(XFRM_MSG_UPDSA, &sas[i])), 0);
	}
	cr_expect_eq(apply(sa_message(XFRM_MSG_UPDSA, &more)), -ESTALE);
	cr_expect_not(xfrm_table_has_questions(table));
	expect_unreadable("many SAs were updated at once");
	free(sas);
}

static void answer_fails(void)
{
	sad.fake.send_error = -ECONNREFUSED;
}

static void no_socket(void)
{
	sad.fake.open_error = -EMFILE;
}

Test(xfrm_table, is_broken_without_answer)
{
	static void (*const rows[])(void) = { answer_fails, no_socket };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xfrm_sa_evidence sa = esp_sa(&w, 0xc0ffee03, 1, 2);

		expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
		rows[i]();
		cr_expect_lt(ask(&sa, 1), 0, "row %zu", i);
		expect_unreadable("xfrm state cannot be read (");
		cr_expect_eq(apply(sa_deleted_message(&sa)), -ESTALE);
		fake_reset(&sad.fake);
		fake_reset(&kernel);
		say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
		cr_expect_eq(load(), EVIDENCE_READ, "%s", error);
		expect_protected();
	}
}

/* Something else instead of the SA, or of the number of buckets. */
Test(xfrm_table, answers_that_are_not_understood)
{
	static const char zeros[512];
	struct xfrm_sa_evidence sa = esp_sa(&w, 0xc0ffee03, 1, 2), other = esp_sa(&w, 0xc0ffee04, 1, 2);

	for (int i = 0; i < 7; i++) {
		const struct netlink_transport transport = fake_transport(&kernel);
		const struct xfrmu_sadhinfo info = { .sadhcnt = 8 };
		struct nl_msg *buckets = fake_message(XFRM_MSG_NEWSADINFO, zeros, sizeof(uint32_t));

		cr_assert(!nla_put(buckets, XFRMA_SAD_HINFO, i == 0 ? 4 : sizeof(info), &info));
		fake_reset(&kernel);
		say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
		cr_assert_eq(load(), EVIDENCE_READ, "%s", error);
		expect_question(sa_message(XFRM_MSG_UPDSA, &sa));
		fake_reset(&kernel);
		fake_say(&kernel, i == 1 ? fake_message(XFRM_MSG_NEWSPDINFO, zeros, 64) : buckets);
		if (i == 1)
			nlmsg_free(buckets);
		fake_say(&kernel, i == 2   ? fake_message(XFRM_MSG_NEWSA, zeros, sizeof(struct xfrm_usersa_info))
				  : i == 3 ? sa_message(XFRM_MSG_UPDSA, &sa)
				  : i == 4 ? sa_message(XFRM_MSG_NEWSA, &other)
				  : i == 5 ? fake_message(NLMSG_DONE, zeros, 4)
					   : sa_message(XFRM_MSG_NEWSA, &sa));
		cr_expect_eq(xfrm_table_ask(table, &transport, on_changed, &told) == 0, i == 6, "%d", i);
		cr_expect_eq(xfrm_table_state(table), i == 6 ? EVIDENCE_READ : EVIDENCE_BROKEN, "%d", i);
		cr_expect_eq(kernel.opens, kernel.closes);
		cr_expect_not(xfrm_table_has_questions(table));
	}
}

/* ---- policies ---- */

Test(xfrm_table, follows_added_and_deleted_policy)
{
	struct xfrm_policy_evidence clear = esp_policy(&w, XFRM_POLICY_OUT, 1, 2);

	clear.tmpl_count = 0;
	clear.priority = 1;
	clear.index = 17;
	for (int by_index = 0; by_index < 2; by_index++) {
		cr_expect_eq(apply(policy_message(XFRM_MSG_NEWPOLICY, &clear)), 0);
		expect_policy_change(&clear, true);
		expect_refused("outbound-policy-clear");
		cr_expect_eq(apply(policy_deleted_message(&clear, by_index)), 0);
		expect_policy_change(&clear, false);
		cr_expect_eq(apply(policy_deleted_message(&clear, by_index)), 0, "the same event again");
		cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
		expect_protected();
	}
}

/* xfrm_policy_insert(): the new one takes over the index, and the kernel reports no deletion */
Test(xfrm_table, follows_replaced_policy)
{
	struct xfrm_policy_evidence other = w.policies[OUT];

	other.tmpl_count = 0;
	cr_expect_eq(apply(policy_message(XFRM_MSG_UPDPOLICY, &other)), 0);
	expect_policy_change(&other, true);
	cr_expect_eq(xfrm_table_policy_count(table), 2);
	expect_refused("outbound-policy-clear");
	other.sel.daddr_prefix = 8;
	cr_expect_eq(apply(policy_message(XFRM_MSG_UPDPOLICY, &other)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_EVERYTHING, "one change cannot describe two selectors");
}

Test(xfrm_table, follows_expired_policy)
{
	cr_expect_eq(apply(policy_expired_message(&w.policies[OUT], false)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING, "a soft limit ends nothing");
	cr_expect_eq(apply(policy_expired_message(&w.policies[OUT], true)), 0);
	expect_policy_change(&w.policies[OUT], false);
	expect_refused("outbound-no-policy");
}

Test(xfrm_table, ignores_policies_of_sockets)
{
	struct xfrm_policy_evidence policy = w.policies[OUT];

	policy.dir = XFRM_POLICY_MAX + XFRM_POLICY_OUT;
	policy.tmpl_count = 0;
	cr_expect_eq(apply(policy_message(XFRM_MSG_NEWPOLICY, &policy)), 0);
	cr_expect_eq(apply(policy_expired_message(&policy, true)), 0);
	cr_expect_eq(apply(policy_deleted_message(&policy, true)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	cr_expect_eq(xfrm_table_policy_count(table), 2);
}

/* An event of a policy lacks its security context; a dump has it. */
Test(xfrm_table, is_unknown_if_selinux_may_filter_policies)
{
	struct xfrm_policy_evidence policy = esp_policy(&w, XFRM_POLICY_OUT, 1, 3);

	policy.index = 17;
	table->policies_may_have_contexts = true;
	cr_expect_eq(apply(policy_message(XFRM_MSG_NEWPOLICY, &w.policies[OUT])), 0, "the dump had the same policy");
	cr_expect_eq(apply(policy_deleted_message(&w.policies[OUT], true)), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_POLICY);
	cr_expect_eq(apply(policy_message(XFRM_MSG_NEWPOLICY, &policy)), -ESTALE);
	expect_unreadable("SELinux");
}

Test(xfrm_table, counts)
{
	struct xfrm_policy_evidence sub = esp_policy(&w, XFRM_POLICY_OUT, 1, 3), offloaded = sub;
	struct xfrm_sa_evidence sa = esp_sa(&w, 9, 1, 3);

	sub.index = 17;
	sub.type = XFRM_POLICY_TYPE_SUB;
	offloaded.index = 25;
	offloaded.offload = (struct xfrm_offload_evidence){ .ifindex = ETH1, .packet = true };
	sa.offload = (struct xfrm_offload_evidence){ .ifindex = ETH1, .packet = false };
	cr_expect_eq(apply(policy_message(XFRM_MSG_NEWPOLICY, &sub)), 0);
	cr_expect(!xfrm_table_has_offload(table));
	expect_protected();
	cr_expect_eq(apply(policy_deleted_message(&sub, true)), 0);
	expect_protected();
	cr_expect_eq(apply(policy_message(XFRM_MSG_NEWPOLICY, &offloaded)), 0);
	cr_expect(xfrm_table_has_offload(table) && xfrm_table_has_packet_offload(table, XFRM_POLICY_OUT));
	cr_expect(!xfrm_table_has_packet_offload(table, XFRM_POLICY_IN));
	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &sa)), 0);
	cr_expect_eq(apply(policy_deleted_message(&offloaded, true)), 0);
	cr_expect(xfrm_table_has_offload(table) && !xfrm_table_has_packet_offload(table, XFRM_POLICY_OUT));
	cr_expect_eq(apply(sa_deleted_message(&sa)), 0);
	cr_expect(!xfrm_table_has_offload(table));
}

/* ---- the rest ---- */

Test(xfrm_table, default_and_mapping)
{
	struct xfrm_userpolicy_default defaults = { XFRM_USERPOLICY_ACCEPT, XFRM_USERPOLICY_ACCEPT,
						    XFRM_USERPOLICY_BLOCK };
	const struct xfrm_user_mapping mapping = { .reqid = 7 };

	cr_expect_eq(apply(fake_message(XFRM_MSG_GETDEFAULT, &defaults, sizeof(defaults))), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING, "no verdict depends on it");
	cr_expect_eq(apply(fake_message(XFRM_MSG_SETDEFAULT, &defaults, sizeof(defaults))), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	cr_expect_eq(apply(fake_message(XFRM_MSG_MAPPING, &mapping, sizeof(mapping))), 0);
	cr_expect_eq(change.kind, XFRM_CHANGE_NOTHING);
	expect_protected();
}

static struct nl_msg *with(struct nl_msg *message, int attribute, size_t len)
{
	static const char zeros[64];

	cr_assert(!nla_put(message, attribute, (int)len, zeros));
	return message;
}

/* Each leaves the table BROKEN until it is loaded again, and *out untouched. */
Test(xfrm_table, breaks_at_event_that_does_not_apply)
{
	static const char zeros[512];
	const struct xfrm_sa_evidence *sa = &w.sas[OUT];
	const struct xfrm_policy_evidence *policy = &w.policies[OUT];
	struct xfrm_sa_evidence no_family = *sa;
	struct xfrm_policy_evidence long_prefix = *policy;
	struct nl_msg *messages[] = {
		fake_message(XFRM_MSG_FLUSHSA, zeros, sizeof(struct xfrm_usersa_flush)),
		fake_message(XFRM_MSG_FLUSHPOLICY, zeros, 0),
		fake_message(XFRM_MSG_MIGRATE, zeros, 64),
		fake_message(XFRM_MSG_REPORT, zeros, 64),
		fake_message(XFRM_MSG_ACQUIRE, zeros, 512),
		fake_message(XFRM_MSG_MAX + 1, zeros, 64),
		fake_message(NLMSG_ERROR, zeros, 64),
		fake_message(NLMSG_OVERRUN, zeros, 0),
		fake_message(XFRM_MSG_NEWSA, zeros, sizeof(struct xfrm_usersa_info) - 8),
		fake_message(XFRM_MSG_UPDSA, zeros, sizeof(struct xfrm_usersa_info)),
		fake_message(XFRM_MSG_DELSA, zeros, sizeof(struct xfrm_usersa_id) - 4),
		fake_message(XFRM_MSG_DELSA, zeros, sizeof(struct xfrm_usersa_id)),
		fake_message(XFRM_MSG_EXPIRE, zeros, sizeof(struct xfrm_user_expire) - 8),
		fake_message(XFRM_MSG_EXPIRE, zeros, sizeof(struct xfrm_user_expire)),
		fake_message(XFRM_MSG_NEWPOLICY, zeros, sizeof(struct xfrm_userpolicy_info) - 8),
		fake_message(XFRM_MSG_UPDPOLICY, zeros, sizeof(struct xfrm_userpolicy_info)),
		fake_message(XFRM_MSG_DELPOLICY, zeros, sizeof(struct xfrm_userpolicy_id) - 4),
		fake_message(XFRM_MSG_DELPOLICY, zeros, sizeof(struct xfrm_userpolicy_id)),
		with(fake_message(XFRM_MSG_DELPOLICY, zeros, sizeof(struct xfrm_userpolicy_id)), XFRMA_POLICY, 60),
		fake_message(XFRM_MSG_POLEXPIRE, zeros, sizeof(struct xfrm_user_polexpire) - 8),
		fake_message(XFRM_MSG_GETDEFAULT, zeros, 0),
		fake_message(XFRM_MSG_MAPPING, zeros, sizeof(struct xfrm_user_mapping) - 4),
		with(sa_message(XFRM_MSG_NEWSA, sa), XFRMA_MARK, 4),
		with(sa_message(XFRM_MSG_NEWSA, sa), XFRMA_SEC_CTX, sizeof(struct xfrm_user_sec_ctx)),
		with(sa_deleted_message(sa), XFRMA_MARK, 4),
		with(sa_expired_message(sa, true), XFRMA_MARK, 4),
		with(policy_message(XFRM_MSG_NEWPOLICY, policy), XFRMA_TMPL, 4),
		with(policy_message(XFRM_MSG_NEWPOLICY, policy), XFRMA_SEC_CTX, sizeof(struct xfrm_user_sec_ctx)),
		NULL,
		NULL,
	};
	size_t count = sizeof(messages) / sizeof(messages[0]);

	no_family.family = 0;
	messages[count - 2] = sa_message(XFRM_MSG_NEWSA, &no_family);
	long_prefix.sel.daddr_prefix = 33;
	messages[count - 1] = policy_message(XFRM_MSG_NEWPOLICY, &long_prefix);
	for (size_t i = 0; i < count; i++) {
		cr_expect_eq(apply(messages[i]), -ESTALE, "message %zu", i);
		cr_expect_eq((uint8_t)change.spi, 0xa5, "message %zu: *out was written", i);
		cr_expect_eq(xfrm_table_state(table), EVIDENCE_BROKEN, "message %zu", i);
		cr_expect(xfrm_table_error(table)[0], "message %zu", i);
		expect_unreadable("xfrm state cannot be read (");
		cr_expect_eq(apply(sa_deleted_message(sa)), -ESTALE, "message %zu: a later event was applied", i);
		fake_reset(&kernel);
		say_xfrm(&kernel, w.policies, w.policy_count, w.sas, w.sa_count);
		cr_expect_eq(load(), EVIDENCE_READ, "message %zu: %s", i, error);
		expect_protected();
	}
}

Test(xfrm_table, refuses_short_header)
{
	const struct nlmsghdr header = { .nlmsg_len = NLMSG_HDRLEN - 1, .nlmsg_type = XFRM_MSG_NEWSA };

	cr_expect_eq(xfrm_table_apply(table, &header, &change), -ESTALE);
}

/* ---- loading ---- */

/* The second message ends the attempt: the rest of the answer stays in the abandoned socket. */
static void say_sa_twice(void)
{
	struct xfrm_sa_evidence other = w.sas[OUT];

	other.reqid = 8;
	fake_say(&kernel, sa_message(XFRM_MSG_NEWSA, &w.sas[OUT]));
	fake_say(&kernel, sa_message(XFRM_MSG_NEWSA, &other));
}

static void say_policies(void)
{
	say_xfrm(&kernel, w.policies, w.policy_count, NULL, 0);
	free(kernel.queue[--kernel.count].data); /* the end of the SAs */
}

/* An SA that is deleted and added again with the same SPI during the dump is in it twice. */
Test(xfrm_table, restarts_reading_at_duplicate_sa)
{
	fake_reset(&kernel);
	say_policies();
	say_sa_twice();
	for (size_t i = 0; i < w.sa_count; i++)
		fake_say(&kernel, sa_message(XFRM_MSG_NEWSA, &w.sas[i]));
	fake_done(&kernel, 0);
	cr_expect_eq(load(), EVIDENCE_READ, "%s", error);
	expect_protected();
	fake_reset(&kernel);
	say_policies();
	for (int i = 0; i < NETLINK_TRIES; i++)
		say_sa_twice();
	cr_expect_eq(load(), EVIDENCE_BROKEN);
	cr_expect_str_eq(error, "an SA or policy is there twice");
	cr_expect(!xfrm_table_policy_count(table) && !xfrm_table_sa_count(table));
	expect_unreadable("twice");
}

Test(xfrm_table, failed_reading_leaves_table_unreadable)
{
	static const struct {
		int open_error;
		enum evidence_state state;
		const char *code;
	} rows[] = {
		{ -EPERM, EVIDENCE_NO_PRIVILEGE, "xfrm-no-privilege" },
		{ -EPROTONOSUPPORT, EVIDENCE_ABSENT, "xfrm-absent" },
		{ -EMFILE, EVIDENCE_BROKEN, "xfrm-unreadable" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_reset(&kernel);
		kernel.open_error = rows[i].open_error;
		cr_expect_eq(load(), rows[i].state);
		cr_expect_str_eq(error,
				 rows[i].state == EVIDENCE_BROKEN ? "netlink protocol 6: Too many open files" : "");
		cr_expect(!xfrm_table_policy_count(table) && !xfrm_table_sa_count(table));
		expect_refused(rows[i].code);
		cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &w.sas[OUT])), -ESTALE);
	}
}

Test(xfrm_table, is_unread_at_first)
{
	xfrm_table_free(table);
	table = xfrm_table_new();
	cr_assert(table);
	cr_expect_eq(xfrm_table_state(table), EVIDENCE_UNREAD);
	expect_unreadable("not asked");
	cr_expect_eq(apply(sa_message(XFRM_MSG_NEWSA, &w.sas[OUT])), -ESTALE);
}
