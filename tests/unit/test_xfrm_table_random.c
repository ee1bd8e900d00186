// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Invariants of a table: decide() returns the same verdict by a table as by a scan of arrays; events and answers lead
 * to the same table as a dump; and a change that changes a verdict concerns its path.
 */
#include <sanitizer/lsan_interface.h>

#include "judge/concerns.h"
#include "random_world.h"
#include "sad_kernel.h"
#include "xfrm/table_internal.h"

static void check_leaks(void)
{
	if (__lsan_do_recoverable_leak_check())
		abort();
}

TestSuite(xfrm_table_random, .fini = check_leaks, .timeout = 300);

enum { MODEL_ROOM = 10 };

/* The kernel's policies and SAs. */
struct model {
	struct xfrm_policy_evidence policies[MODEL_ROOM];
	struct xfrm_sa_evidence sas[MODEL_ROOM];
	size_t policy_count, sa_count;
};

static bool has_sa(const struct model *m, const struct xfrm_sa_evidence *sa)
{
	struct xfrm_sa_id id = xfrm_sa_id(sa);

	for (size_t i = 0; i < m->sa_count; i++) {
		struct xfrm_sa_id other = xfrm_sa_id(&m->sas[i]);

		if (!memcmp(&id, &other, sizeof(id)))
			return true;
	}
	return false;
}

static uint32_t free_index(const struct model *m)
{
	uint32_t index = 8;

	for (size_t i = 0; i < m->policy_count; i++)
		if (m->policies[i].index >= index)
			index = m->policies[i].index + 8;
	return index;
}

/* Three times in four, the entries of the good world first; then random ones. */
static void fill(const struct world *w, struct model *m)
{
	struct world good = *w;
	size_t policies = chance(MODEL_ROOM - 2), sas = chance(MODEL_ROOM - 2);

	*m = (struct model){ .policy_count = 0 };
	if (!one_in(4)) {
		world_add_ipsec(&good);
		memcpy(m->policies, good.policies, 2 * sizeof(m->policies[0]));
		memcpy(m->sas, good.sas, 2 * sizeof(m->sas[0]));
		m->policies[OUT].priority = m->policies[IN].priority = chance(2);
		m->policy_count = 2;
		m->sa_count = one_in(5) ? chance(2) : 2;
	}
	while (policies-- > chance(3) + m->policy_count) {
		m->policies[m->policy_count] = random_policy(w, free_index(m));
		m->policy_count++;
	}
	while (sas-- > chance(3) + m->sa_count) {
		struct xfrm_sa_evidence sa = random_sa(w);

		if (!has_sa(m, &sa))
			m->sas[m->sa_count++] = sa;
	}
}

/* ---- the oracle: instead of a table, all entries of arrays are visited (linked with --wrap) ---- */

static const struct model *arrays; /* NULL: the table */

void __real_xfrm_table_policies(const struct xfrm_table *table, uint8_t dir, int family, const union ip_address *saddr,
				const union ip_address *daddr, struct xfrm_walk *out);
void __wrap_xfrm_table_policies(const struct xfrm_table *table, uint8_t dir, int family, const union ip_address *saddr,
				const union ip_address *daddr, struct xfrm_walk *out);
const struct xfrm_policy_evidence *__real_xfrm_walk_policy(struct xfrm_walk *walk);
const struct xfrm_policy_evidence *__wrap_xfrm_walk_policy(struct xfrm_walk *walk);
void __real_xfrm_table_sas(const struct xfrm_table *table, const struct xfrm_sa_query *query, struct xfrm_walk *out);
void __wrap_xfrm_table_sas(const struct xfrm_table *table, const struct xfrm_sa_query *query, struct xfrm_walk *out);
const struct xfrm_sa_evidence *__real_xfrm_walk_sa(struct xfrm_walk *walk);
const struct xfrm_sa_evidence *__wrap_xfrm_walk_sa(struct xfrm_walk *walk);
bool __real_xfrm_table_has_packet_offload(const struct xfrm_table *table, uint8_t dir);
bool __wrap_xfrm_table_has_packet_offload(const struct xfrm_table *table, uint8_t dir);

void __wrap_xfrm_table_policies(const struct xfrm_table *table, uint8_t dir, int family, const union ip_address *saddr,
				const union ip_address *daddr, struct xfrm_walk *out)
{
	if (arrays)
		*out = (struct xfrm_walk){ { arrays->policies, NULL } };
	else
		__real_xfrm_table_policies(table, dir, family, saddr, daddr, out);
}

const struct xfrm_policy_evidence *__wrap_xfrm_walk_policy(struct xfrm_walk *walk)
{
	const struct xfrm_policy_evidence *policy = walk->next[0];

	if (!arrays)
		return __real_xfrm_walk_policy(walk);
	if (policy == arrays->policies + arrays->policy_count)
		return NULL;
	walk->next[0] = policy + 1;
	return policy;
}

void __wrap_xfrm_table_sas(const struct xfrm_table *table, const struct xfrm_sa_query *query, struct xfrm_walk *out)
{
	if (arrays)
		*out = (struct xfrm_walk){ { arrays->sas, NULL } };
	else
		__real_xfrm_table_sas(table, query, out);
}

const struct xfrm_sa_evidence *__wrap_xfrm_walk_sa(struct xfrm_walk *walk)
{
	const struct xfrm_sa_evidence *sa = walk->next[0];

	if (!arrays)
		return __real_xfrm_walk_sa(walk);
	if (sa == arrays->sas + arrays->sa_count)
		return NULL;
	walk->next[0] = sa + 1;
	return sa;
}

bool __wrap_xfrm_table_has_packet_offload(const struct xfrm_table *table, uint8_t dir)
{
	for (size_t i = 0; arrays && i < arrays->policy_count; i++) {
		const struct xfrm_policy_evidence *policy = &arrays->policies[i];

		if (policy->dir == dir && policy->offload.ifindex && policy->offload.packet)
			return true;
	}
	return !arrays && __real_xfrm_table_has_packet_offload(table, dir);
}

static void judge_by(const struct world *w, struct xfrm_table *table, struct verdict *out)
{
	struct macsec_evidence secy = w->secy;
	struct evidence ev = w->ev;

	secy.rxsc = exact_copy(w->rxsc, secy.rxsc_count * sizeof(w->rxsc[0]));
	ev.secys = exact_copy(&secy, ev.secy_count * sizeof(secy));
	ev.links = exact_copy(w->links, ev.link_count * sizeof(w->links[0]));
	ev.xfrm = table;
	decide(&w->path, &ev, &w->req, out);
	free(secy.rxsc);
	free(ev.secys);
	free(ev.links);
}

static void judge_by_arrays(const struct world *w, const struct model *m, struct verdict *out)
{
	struct xfrm_table *empty = table_of(NULL, 0, NULL, 0);

	arrays = m;
	judge_by(w, empty, out);
	arrays = NULL;
	xfrm_table_free(empty);
}

static bool same_verdict(const struct verdict *a, const struct verdict *b, const struct path *path)
{
	return a->kind == b->kind && a->by == b->by && a->could_be == b->could_be &&
	       a->kernel_drops == b->kernel_drops && a->nearness == b->nearness &&
	       !strcmp(words_of(a, path), words_of(b, path)) && a->cipher == b->cipher && a->spi_out == b->spi_out &&
	       a->spi_in == b->spi_in && a->reqid == b->reqid && a->secy_ifindex == b->secy_ifindex;
}

/*
 * The order of entries decides which of several defects a verdict names, and after an update it differs from the
 * kernel's order. So UNPROTECTED and UNKNOWN count as the same: both refuse.
 */
static bool same_in_effect(const struct verdict *a, const struct verdict *b)
{
	return (a->kind == VERDICT_PROTECTED) == (b->kind == VERDICT_PROTECTED) && a->by == b->by &&
	       a->could_be == b->could_be && a->kernel_drops == b->kernel_drops;
}

/* Counts the kinds of verdicts: a test proves nothing about a kind that never occurs. */
struct tally {
	size_t protected, unprotected, unknown, drops;
};

static void count(struct tally *tally, const struct verdict *v)
{
	tally->protected += v->kind == VERDICT_PROTECTED;
	tally->unprotected += v->kind == VERDICT_UNPROTECTED;
	tally->unknown += v->kind == VERDICT_UNKNOWN;
	tally->drops += v->kernel_drops;
}

Test(xfrm_table_random, agrees_with_array_walk)
{
	enum { ROUNDS = 8000 };
	struct tally tally = { 0 };

	random_state = 4791;
	for (int round = 0; round < ROUNDS; round++) {
		struct verdict by_arrays, by_table;
		struct xfrm_table *table;
		struct model m;
		struct world w;

		random_world(&w);
		fill(&w, &m);
		table = table_of(m.policies, m.policy_count, m.sas, m.sa_count);
		judge_by_arrays(&w, &m, &by_arrays);
		judge_by(&w, table, &by_table);
		cr_assert(same_verdict(&by_arrays, &by_table, &w.path), "round %d: %s: %s; by the table %s: %s", round,
			  verdict_name(by_arrays.kind), words_of(&by_arrays, &w.path), verdict_name(by_table.kind),
			  words_of(&by_table, &w.path));
		count(&tally, &by_table);
		xfrm_table_free(table);
	}
	cr_expect(tally.protected > ROUNDS / 50 && tally.unprotected > ROUNDS / 50 && tally.unknown > ROUNDS / 100 &&
			  tally.drops > ROUNDS / 50,
		  /* sub-policies of other flows do not count */
		  "%zu protected, %zu unprotected, %zu unknown, %zu dropped", tally.protected, tally.unprotected,
		  tally.unknown, tally.drops);
}

/* ---- events ---- */

static struct nl_msg *sa_event(const struct world *w, struct model *m)
{
	size_t at = m->sa_count ? chance((uint32_t)m->sa_count) : 0;
	struct xfrm_sa_evidence sa = random_sa(w);
	struct nl_msg *message;

	if (m->sa_count < 2 || (m->sa_count < MODEL_ROOM && one_in(2))) {
		if (has_sa(m, &sa)) {
			sa.spi = 99; /* an unused SPI */
			return sa_deleted_message(&sa);
		}
		m->sas[m->sa_count++] = sa;
		return sa_message(XFRM_MSG_NEWSA, &sa);
	}
	if (one_in(4)) {
		m->sas[at].dying = true;
		return sa_expired_message(&m->sas[at], false);
	}
	message = one_in(2) ? sa_deleted_message(&m->sas[at]) : sa_expired_message(&m->sas[at], true);
	m->sas[at] = m->sas[--m->sa_count];
	return message;
}

static struct nl_msg *policy_event(const struct world *w, struct model *m)
{
	size_t at = m->policy_count ? chance((uint32_t)m->policy_count) : 0;
	struct nl_msg *message;

	if (m->policy_count < 2 || (m->policy_count < MODEL_ROOM && one_in(3))) {
		struct xfrm_policy_evidence *policy = &m->policies[m->policy_count];

		*policy = random_policy(w, free_index(m));
		m->policy_count++;
		return policy_message(XFRM_MSG_NEWPOLICY, policy);
	}
	if (one_in(3)) { /* a replacement; it keeps the index */
		struct xfrm_policy_evidence policy = random_policy(w, m->policies[at].index);

		policy.dir = m->policies[at].dir;
		if (!one_in(8))
			policy.sel = m->policies[at].sel;
		m->policies[at] = policy;
		return policy_message(XFRM_MSG_UPDPOLICY, &policy);
	}
	message = one_in(2) ? policy_deleted_message(&m->policies[at], one_in(2))
			    : policy_expired_message(&m->policies[at], true);
	m->policies[at] = m->policies[--m->policy_count];
	return message;
}

static void expect_same_tables(const struct xfrm_table *a, const struct xfrm_table *b)
{
	const struct xfrm_policy_entry *policy;
	const struct xfrm_sa_entry *sa;

	cr_assert_eq(xfrm_table_policy_count(a), xfrm_table_policy_count(b));
	cr_assert_eq(xfrm_table_sa_count(a), xfrm_table_sa_count(b));
	cr_assert_eq(HASH_COUNT(a->groups), HASH_COUNT(b->groups));
	cr_assert(a->offloaded == b->offloaded);
	cr_assert(!memcmp(a->packet_offloaded, b->packet_offloaded, sizeof(a->packet_offloaded)));
	for (policy = a->policies; policy; policy = policy->hh.next) {
		const struct xfrm_policy_entry *other = xfrm_table_policy(b, policy->policy.index);

		cr_assert(other && !memcmp(&policy->policy, &other->policy, sizeof(other->policy)));
	}
	for (sa = a->sas; sa; sa = sa->hh.next) {
		const struct xfrm_sa_entry *other = xfrm_table_sa(b, &sa->id);

		cr_assert(other && !memcmp(&sa->sa, &other->sa, sizeof(other->sa)));
	}
}

static struct xfrm_table *table_loaded(const struct model *m)
{
	struct fake_kernel kernel = { .count = 0 };
	const struct netlink_transport transport = fake_transport(&kernel);
	struct xfrm_table *table = xfrm_table_new();
	char error[128];

	cr_assert(table);
	say_xfrm(&kernel, m->policies, m->policy_count, m->sas, m->sa_count);
	cr_assert_eq(xfrm_table_load(table, &transport, error, sizeof(error)), EVIDENCE_READ, "%s", error);
	fake_reset(&kernel);
	table->policies_may_have_contexts = false;
	return table;
}

enum { WATCHED = 6 };

/* Several QPs of one device, and the last verdict on each. */
struct watched {
	struct world world[WATCHED];
	struct verdict verdict[WATCHED];
};

/* Returns how many verdicts the event changed. */
static size_t look_again(struct watched *watched, struct xfrm_table *table, const struct xfrm_change *change,
			 size_t *concerned)
{
	size_t changed = 0;

	for (int i = 0; i < WATCHED; i++) {
		struct verdict now;
		const struct judged_path judged = judged_path_from(&watched->world[i].path, &watched->verdict[i]);
		bool concerns = xfrm_change_concerns(change, &judged);

		judge_by(&watched->world[i], table, &now);
		if (!same_verdict(&now, &watched->verdict[i], &watched->world[i].path)) {
			cr_assert(concerns, "a change of kind %d made %s: %s of %s: %s", change->kind,
				  verdict_name(now.kind), words_of(&now, &watched->world[i].path),
				  verdict_name(watched->verdict[i].kind),
				  words_of(&watched->verdict[i], &watched->world[i].path));
			changed++;
		}
		*concerned += concerns;
		watched->verdict[i] = now;
	}
	return changed;
}

static void watch(struct watched *watched, const struct world *w, struct xfrm_table *table)
{
	for (int i = 0; i < WATCHED; i++) {
		watched->world[i] = *w;
		random_path(&watched->world[i]);
		judge_by(&watched->world[i], table, &watched->verdict[i]);
	}
}

static void compare_with_a_dump(const struct watched *watched, const struct model *m, struct xfrm_table *table)
{
	struct xfrm_table *loaded = table_loaded(m);

	expect_same_tables(table, loaded);
	for (int i = 0; i < WATCHED; i++) {
		struct verdict by_dump;

		judge_by(&watched->world[i], loaded, &by_dump);
		cr_assert(same_in_effect(&by_dump, &watched->verdict[i]), "%s: %s", verdict_name(by_dump.kind),
			  words_of(&by_dump, &watched->world[i].path));
	}
	xfrm_table_free(loaded);
}

Test(xfrm_table_random, events_and_dump_make_equal_tables)
{
	enum { WORLDS = 120, EVENTS = 60 };
	size_t changed = 0, concerned = 0;

	random_state = 0x4791;
	for (int i = 0; i < WORLDS; i++) {
		struct watched watched;
		struct xfrm_table *table;
		struct model m;
		struct world w;

		random_world(&w);
		fill(&w, &m);
		table = table_loaded(&m);
		watch(&watched, &w, table);
		for (int e = 0; e < EVENTS; e++) {
			struct nl_msg *event = one_in(3) ? policy_event(&w, &m) : sa_event(&w, &m);
			struct xfrm_change change;

			cr_assert_eq(xfrm_table_apply(table, nlmsg_hdr(event), &change), 0, "%s",
				     xfrm_table_error(table));
			nlmsg_free(event);
			changed += look_again(&watched, table, &change, &concerned);
			if (e % 10 == 9)
				compare_with_a_dump(&watched, &m, table);
		}
		xfrm_table_free(table);
	}
	cr_expect_gt(changed, (size_t)WORLDS * EVENTS * WATCHED / 50, "%zu verdicts changed", changed);
	cr_expect_lt(concerned, (size_t)WORLDS * EVENTS * WATCHED * 3 / 4, "%zu were re-evaluated", concerned);
}

/* ---- a kernel that is ahead of its events ---- */

enum { QUEUE_ROOM = 24 };

/* Events that the kernel has sent and the table has not yet received. */
struct queue {
	struct nl_msg *events[QUEUE_ROOM];
	size_t count;
};

static void tell(struct queue *queue, struct nl_msg *event)
{
	cr_assert_lt(queue->count, (size_t)QUEUE_ROOM);
	queue->events[queue->count++] = event;
}

static bool is_larval(const struct xfrm_sa_evidence *sa)
{
	return !sa->algorithm[0];
}

static struct xfrm_sa_evidence live_sa(const struct world *w)
{
	struct xfrm_sa_evidence sa;

	do
		sa = random_sa(w);
	while (is_larval(&sa));
	return sa;
}

/* ALLOCSPI has no event. */
static void allocate(const struct world *w, struct model *m)
{
	struct xfrm_sa_evidence sa = random_sa(w);

	sa.has_aead = sa.dying = sa.expired = false;
	sa.algorithm[0] = '\0';
	sa.key_bits = sa.icv_bits = 0;
	if (m->sa_count < MODEL_ROOM && !has_sa(m, &sa))
		m->sas[m->sa_count++] = sa;
}

static void add(const struct world *w, struct model *m, struct queue *queue)
{
	struct xfrm_sa_evidence sa = live_sa(w);

	if (m->sa_count == MODEL_ROOM || has_sa(m, &sa))
		return;
	m->sas[m->sa_count++] = sa;
	tell(queue, sa_message(XFRM_MSG_NEWSA, &sa));
}

/*
 * A larval SA takes all requested values. A live one takes only the limits, which may end it before the event is sent.
 */
static void update(const struct world *w, struct model *m, struct queue *queue, size_t at)
{
	struct xfrm_sa_evidence asked = live_sa(w), *sa = &m->sas[at];

	asked.family = sa->family;
	asked.proto = sa->proto;
	asked.spi = sa->spi;
	asked.mark = sa->mark;
	asked.daddr = sa->daddr;
	if (is_larval(sa)) {
		*sa = asked;
	} else if (one_in(5)) {
		tell(queue, sa_expired_message(sa, true));
		*sa = m->sas[--m->sa_count];
	} else {
		sa->dying = asked.dying;
		sa->expired = asked.expired;
	}
	tell(queue, sa_message(XFRM_MSG_UPDSA, &asked));
}

static void end(struct model *m, struct queue *queue, size_t at)
{
	tell(queue, one_in(2) ? sa_deleted_message(&m->sas[at]) : sa_expired_message(&m->sas[at], true));
	m->sas[at] = m->sas[--m->sa_count];
}

static void act(const struct world *w, struct model *m, struct queue *queue)
{
	size_t at = m->sa_count ? chance((uint32_t)m->sa_count) : 0;
	uint32_t what = m->sa_count ? chance(7) : chance(2);

	if (what == 0) {
		add(w, m, queue);
	} else if (what == 1) {
		allocate(w, m);
	} else if (what < 4) {
		update(w, m, queue, at);
	} else if (what == 4) {
		end(m, queue, at);
	} else if (what == 5 && !is_larval(&m->sas[at])) {
		m->sas[at].dying = true;
		tell(queue, sa_expired_message(&m->sas[at], false));
	} else {
		tell(queue, policy_event(w, m));
	}
}

/* The part of the mirror that follows events; marks the QPs that a change concerns. */
struct follower {
	struct xfrm_table *table;
	struct watched watched;
	bool dirty[WATCHED];
	size_t asked, loads, changed, expiring;
};

static void on_change(const struct xfrm_change *change, void *arg)
{
	struct follower *f = arg;

	f->expiring += change->kind == XFRM_CHANGE_EXPIRING;
	for (int i = 0; i < WATCHED && change->kind != XFRM_CHANGE_EXPIRING; i++) {
		const struct judged_path judged = judged_path_from(&f->watched.world[i].path, &f->watched.verdict[i]);

		if (xfrm_change_concerns(change, &judged))
			f->dirty[i] = true;
	}
}

static void load_again(struct follower *f, const struct model *m)
{
	xfrm_table_free(f->table);
	f->table = table_loaded(m);
	f->loads++;
	on_change(&(const struct xfrm_change){ .kind = XFRM_CHANGE_EVERYTHING }, f);
}

/* Applies the first `count` events, and asks the present kernel about the SAs that they leave open. */
static void follow(struct follower *f, const struct model *m, struct queue *queue, size_t count)
{
	struct sad_kernel kernel = { .sas = m->sas, .count = m->sa_count };
	const struct netlink_transport transport = sad_transport(&kernel);
	bool stale = false;

	for (size_t i = 0; i < count; i++) {
		struct xfrm_change change = { .kind = XFRM_CHANGE_NOTHING };

		if (xfrm_table_apply(f->table, nlmsg_hdr(queue->events[i]), &change))
			stale = true;
		on_change(&change, f);
		nlmsg_free(queue->events[i]);
	}
	queue->count -= count;
	memmove(queue->events, queue->events + count, queue->count * sizeof(queue->events[0]));
	if (!stale)
		stale = xfrm_table_ask(f->table, &transport, on_change, f);
	f->asked += kernel.asked;
	fake_reset(&kernel.fake);
	if (stale)
		load_again(f, m);
	cr_assert_eq(xfrm_table_state(f->table), EVIDENCE_READ);
}

/* Compares live SAs only: a table may have more or fewer larval ones than a dump. */
static size_t live_in_other(const struct xfrm_table *a, const struct xfrm_table *b)
{
	size_t live = 0;

	for (const struct xfrm_sa_entry *sa = a->sas; sa; sa = sa->hh.next) {
		const struct xfrm_sa_entry *other = xfrm_table_sa(b, &sa->id);

		if (is_larval(&sa->sa))
			continue;
		cr_assert(other && !memcmp(&sa->sa, &other->sa, sizeof(other->sa)), "SA 0x%08x", sa->sa.spi);
		live++;
	}
	return live;
}

static void expect_as_dumped(struct follower *f, const struct model *m)
{
	struct xfrm_table *loaded = table_loaded(m);

	cr_assert_eq(live_in_other(f->table, loaded), live_in_other(loaded, f->table));
	cr_assert_eq(xfrm_table_policy_count(f->table), xfrm_table_policy_count(loaded));
	for (int i = 0; i < WATCHED; i++) {
		struct verdict now, by_dump;

		judge_by(&f->watched.world[i], f->table, &now);
		judge_by(&f->watched.world[i], loaded, &by_dump);
		cr_assert(same_in_effect(&by_dump, &now), "%s: %s; by a dump %s: %s", verdict_name(now.kind),
			  words_of(&now, &f->watched.world[i].path), verdict_name(by_dump.kind),
			  words_of(&by_dump, &f->watched.world[i].path));
		if (!same_in_effect(&now, &f->watched.verdict[i])) {
			cr_assert(f->dirty[i], "no change marked this QP, which is now %s: %s", verdict_name(now.kind),
				  words_of(&now, &f->watched.world[i].path));
			f->changed++;
		}
		f->watched.verdict[i] = now;
		f->dirty[i] = false;
	}
	xfrm_table_free(loaded);
}

Test(xfrm_table_random, agrees_with_kernel_ahead_of_its_events)
{
	enum { WORLDS = 150, ROUNDS = 12 };
	struct follower f = { .asked = 0 };
	size_t events = 0;

	random_state = 0x14791;
	for (int i = 0; i < WORLDS; i++) {
		struct queue queue = { .count = 0 };
		struct model m;
		struct world w;

		random_world(&w);
		fill(&w, &m);
		f.table = table_loaded(&m);
		watch(&f.watched, &w, f.table);
		for (int round = 0; round < ROUNDS; round++) {
			for (uint32_t n = chance(QUEUE_ROOM / 2); n; n--)
				if (queue.count + 2 <= QUEUE_ROOM)
					act(&w, &m, &queue);
			events += queue.count;
			follow(&f, &m, &queue, chance((uint32_t)queue.count + 1));
			if (one_in(3)) {
				follow(&f, &m, &queue, queue.count);
				expect_as_dumped(&f, &m);
			}
		}
		follow(&f, &m, &queue, queue.count);
		expect_as_dumped(&f, &m);
		xfrm_table_free(f.table);
	}
	/* otherwise the test would prove little */
	cr_expect(f.asked > events / 20 && f.expiring > events / 50 && f.changed > events / 100 &&
			  f.loads < (size_t)WORLDS * ROUNDS / 4,
		  "%zu events, %zu SAs asked for, %zu loads, %zu verdicts changed, %zu expiring", events, f.asked,
		  f.loads, f.changed, f.expiring);
}
