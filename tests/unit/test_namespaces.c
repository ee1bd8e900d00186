// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The limit on network namespaces per user. Needs root; the tests are skipped without. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "netns/netns.h"
#include "watch/namespaces.h"

enum { OF_ONE_USER = 128, USER = 1234 };

static struct netns_opener *opener;
static struct event_base *base;
static struct namespaces *all;

static void on_change(struct namespace *in, const struct mirror_change *change, void *arg)
{
	(void)in;
	(void)change;
	(void)arg;
}

static void setup(void)
{
	const struct rlimit files = { 8192, 8192 };

	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	cr_assert_eq(netns_opener_start(&opener), 0);
	base = event_base_new();
	cr_assert_eq(namespaces_new(base, opener, on_change, NULL, &all), 0);
}

static void teardown(void)
{
	namespaces_free(all);
	event_base_free(base);
	netns_opener_stop(opener);
}

TestSuite(namespaces, .init = setup, .fini = teardown, .timeout = 300);

static int new_netns(void)
{
	int fd;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static int get_new(uint64_t account, struct namespace **out)
{
	int fd = new_netns(), err = namespace_get_for(all, fd, account, out);

	close(fd);
	return err;
}

/* As many as one user may have; the last one is *out_last. */
static void get_all_of_user(struct namespace **out_last)
{
	for (int i = 0; i < OF_ONE_USER; i++)
		cr_assert_eq(get_new(USER, out_last), 0, "%d", i);
}

Test(namespaces, refuses_user_over_limit)
{
	struct namespace *in;

	get_all_of_user(&in);
	cr_expect_eq(get_new(USER, &in), -EMFILE);
}

Test(namespaces, gives_known_namespace_to_user_at_limit)
{
	int fd = new_netns();
	struct namespace *first, *again, *in;

	cr_assert_eq(namespace_get_for(all, fd, USER, &first), 0);
	for (int i = 1; i < OF_ONE_USER; i++)
		cr_assert_eq(get_new(USER, &in), 0, "%d", i);
	cr_expect_eq(namespace_get_for(all, fd, USER, &again), 0);
	cr_expect_eq(again, first);
	close(fd);
}

Test(namespaces, limits_each_user_separately)
{
	struct namespace *in;

	get_all_of_user(&in);
	cr_expect_eq(get_new(USER + 1, &in), 0, "another user");
	cr_expect_eq(get_new(0, &in), 0, "root");
	cr_expect_eq(get_new(USER, &in), -EMFILE, "namespaces of others make no room");
}

Test(namespaces, freed_namespace_makes_room)
{
	struct namespace *in, *more;

	get_all_of_user(&in);
	namespace_put(in);
	cr_expect_eq(get_new(USER, &more), 0);
}
