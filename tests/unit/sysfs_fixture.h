/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A sysfs tree of one RDMA device, for the tests of the inventory. */
#ifndef RDMASEC_TESTS_SYSFS_FIXTURE_H
#define RDMASEC_TESTS_SYSFS_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char sysfs[64];

static inline void put(const char *path, const char *value)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", sysfs, path);
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		cr_assert(!mkdir(full, 0755) || errno == EEXIST);
		*slash = '/';
	}
	if (!value)
		return;
	file = fopen(full, "w");
	cr_assert_not_null(file);
	cr_assert_geq(fputs(value, file), 0);
	cr_assert_eq(fclose(file), 0);
}

static inline void put_gid(const char *port, unsigned int index, const char *gid, const char *type, const char *netdev)
{
	char path[160];

	snprintf(path, sizeof(path), "class/infiniband/%s/gids/%u", port, index);
	put(path, gid);
	snprintf(path, sizeof(path), "class/infiniband/%s/gid_attrs/types/%u", port, index);
	put(path, type);
	snprintf(path, sizeof(path), "class/infiniband/%s/gid_attrs/ndevs/%u", port, index);
	put(path, netdev);
}

#define EIGHT  "RoCE v2 "
#define LONG   EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT
#define NO_GID "0000:0000:0000:0000:0000:0000:0000:0000\n"
#define GID_1  "0000:0000:0000:0000:0000:ffff:0a00:0001\n"
#define GID_2  "fe80:0000:0000:0000:0202:c9ff:fe00:abcd\n"

static inline void tree_make(void)
{
	snprintf(sysfs, sizeof(sysfs), "/tmp/rdmasec-sysfs-XXXXXX");
	cr_assert_not_null(mkdtemp(sysfs));
	put("class/infiniband/rxe0/ports/1/link_layer", "Ethernet\n");
	put("class/infiniband/rxe0/ports/1/state", "4: ACTIVE\n");
	put_gid("rxe0/ports/1", 0, GID_1, "RoCE v2\n", "eth0\n");
	put_gid("rxe0/ports/1", 1, NO_GID, NULL, NULL);
	put_gid("rxe0/ports/1", 2, GID_2, "IB/RoCE v1\n", "macsec0\n");
	put("class/infiniband_verbs/abi_version", "6\n");
	put("class/infiniband_verbs/uverbs0/ibdev", "rxe0\n");
	put("class/infiniband_verbs/uverbs0/dev", "231:192\n");
}

static inline int unlink_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void tree_remove(void)
{
	nftw(sysfs, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

/*
 * Called at the end of each test: Criterion ignores LeakSanitizer's report at the exit of a worker, and failures in a
 * .fini.
 */
static inline void expect_no_leak(void)
{
	cr_expect_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaked");
}

#endif
