// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Measures the cost of a decision with few and with many SAs. Calls decide() alternately with a table of 10 policies
 * and SAs and with one of 100,000 (half of each outbound, one per remote). Prints the medians in nanoseconds, their
 * ratio, and the memory per SA and per policy. Needs no device and no privilege.
 *
 *	bench_decide
 */
#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <malloc.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "judge/decide.h"
#include "util/ciphers.h"
#include "xfrm/table_internal.h"

enum { SMALL, LARGE, SIZES, ROUNDS = 15, CALLS = 5000, ETH0 = 2 };

static const unsigned counts[SIZES] = { 10, 100000 };
static const struct link_evidence eth0 = { .ifindex = ETH0, .name = "eth0", .up = true };

static union ip_address address(uint32_t number)
{
	union ip_address out = { .bytes = { 0 } };

	out.v4.s_addr = htonl(0x0a000001 + number);
	return out;
}

/* 0 is this host. */
static int add_policy(struct xfrm_table *table, uint8_t dir, uint32_t remote)
{
	bool out = dir == XFRM_POLICY_OUT;

	return xfrm_table_add_policy(table,
				     &(const struct xfrm_policy_evidence){
					     .sel = { .family = AF_INET,
						      .saddr = address(out ? 0 : remote),
						      .daddr = address(out ? remote : 0),
						      .saddr_prefix = 32,
						      .daddr_prefix = 32,
						      .proto = IPPROTO_UDP },
					     .dir = dir,
					     .priority = 1000,
					     .index = remote * 8 + dir,
					     .tmpl = { { .family = AF_INET, .reqid = remote, .proto = IPPROTO_ESP } },
					     .tmpl_count = 1,
				     });
}

static int add_sa(struct xfrm_table *table, bool out, uint32_t remote)
{
	return xfrm_table_add_sa(table, &(const struct xfrm_sa_evidence){
						.saddr = address(out ? 0 : remote),
						.daddr = address(out ? remote : 0),
						.family = AF_INET,
						.spi = remote * 2 + out,
						.reqid = remote,
						.proto = IPPROTO_ESP,
						.has_aead = true,
						.algorithm = "rfc4106(gcm(aes))",
						.key_bits = 288,
						.icv_bits = 128,
					});
}

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static struct xfrm_table *table_of(unsigned count, size_t *per_policy, size_t *per_sa)
{
	struct xfrm_table *table = xfrm_table_new();
	size_t before = allocated(), between;
	int err = table ? 0 : -1;

	for (uint32_t remote = 1; remote <= count / 2 && !err; remote++)
		err = add_policy(table, XFRM_POLICY_OUT, remote) || add_policy(table, XFRM_POLICY_IN, remote);
	between = allocated();
	for (uint32_t remote = 1; remote <= count / 2 && !err; remote++)
		err = add_sa(table, true, remote) || add_sa(table, false, remote);
	if (err) {
		fprintf(stderr, "no memory for %u policies and SAs\n", count);
		exit(1);
	}
	table->state = EVIDENCE_READ;
	*per_policy = (between - before) / count;
	*per_sa = (allocated() - between) / count;
	return table;
}

/* Returns the nanoseconds per decision over CALLS; `step` 0: always the same remote. */
static double one_round(struct xfrm_table *table, unsigned remotes, unsigned step)
{
	const struct evidence ev = {
		.links_state = EVIDENCE_READ, .links = (struct link_evidence *)&eth0, .link_count = 1, .xfrm = table
	};
	const struct requirement req = { .require = REQUIRE_IPSEC, .ciphers = CIPHERS_DEFAULT };
	struct path path = { .state = PATH_RESOLVED,
			     .driver = driver_traits(RDMA_DRIVER_RXE),
			     .scope = REMOTE_ONE,
			     .family = AF_INET,
			     .local = address(0),
			     .gid_ifindex = ETH0,
			     .egress_ifindex = ETH0 };
	struct timespec from, to;
	struct verdict verdict;
	uint32_t remote = remotes / 2;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < CALLS; i++) {
		path.remote = address(1 + remote % remotes);
		decide(&path, &ev, &req, &verdict);
		if (verdict.kind != VERDICT_PROTECTED) {
			fprintf(stderr, "not protected: %s\n", reason_code(verdict.why[0].reason));
			exit(1);
		}
		remote += step;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / CALLS;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void compare(const char *what, struct xfrm_table *const tables[SIZES], unsigned step)
{
	double took[SIZES][ROUNDS];

	for (int round = 0; round < ROUNDS; round++)
		for (int size = SMALL; size < SIZES; size++)
			took[size][round] = one_round(tables[size], counts[size] / 2, step);
	for (int size = SMALL; size < SIZES; size++)
		qsort(took[size], ROUNDS, sizeof(took[size][0]), by_size);
	printf("%-18s %8.0f ns of %u %8.0f ns of %u  ratio %.2f\n", what, took[SMALL][ROUNDS / 2], counts[SMALL],
	       took[LARGE][ROUNDS / 2], counts[LARGE], took[LARGE][ROUNDS / 2] / took[SMALL][ROUNDS / 2]);
}

int main(void)
{
	struct xfrm_table *tables[SIZES];
	size_t per_policy = 0, per_sa = 0;

	for (int size = SMALL; size < SIZES; size++)
		tables[size] = table_of(counts[size], &per_policy, &per_sa);
	compare("one remote", tables, 0);
	compare("remote by remote", tables, 7919); /* a prime, so that remotes rarely repeat */
	printf("%-18s %8zu octets an SA %8zu a policy\n", "memory", per_sa, per_policy);
	for (int size = SMALL; size < SIZES; size++)
		xfrm_table_free(tables[size]);
	return 0;
}
