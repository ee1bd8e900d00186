// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Loading a policy file from the file system. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy_fixture.h"

static char directory[] = "/tmp/test_policy.XXXXXX", file[64], error_of_load[POLICY_ERROR_MAX + 64];

static void directory_make(void)
{
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	cr_assert(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/policy", directory);
}

static void directory_remove(void)
{
	unlink(file);
	rmdir(directory);
}

static void write_file(const char *text, size_t len)
{
	FILE *stream = fopen(file, "w");

	cr_assert(stream);
	cr_assert_eq(fwrite(text, 1, len, stream), len);
	cr_assert_eq(fclose(stream), 0);
}

static void expect_load(int want, const char *text)
{
	struct policy *policy = NULL;
	char whole[256];
	int err = policy_load(file, &policy, error_of_load, sizeof(error_of_load));

	cr_expect_eq(err, want, "%d: %s", err, error_of_load);
	snprintf(whole, sizeof(whole), "%s:%s", file, text);
	if (want)
		cr_expect_str_eq(error_of_load, whole, "%s", error_of_load);
	else
		cr_expect_eq(policy_rule_at(policy, 0)->mode, MODE_AUDIT);
	policy_free(policy);
}

TestSuite(policy_file, .init = directory_make, .fini = directory_remove, .timeout = 20);

Test(policy_file, loads_valid_file)
{
	write_file(TEXT("[default]\nmode = audit\n"));
	expect_load(0, "");
}

Test(policy_file, reports_file_and_line_of_mistake)
{
	write_file(TEXT("[default]\nmode = on\n"));
	expect_load(-EINVAL, "2: mode = 'on': enforce, audit or off");
}

Test(policy_file, refuses_missing_file)
{
	expect_load(-ENOENT, " cannot open: No such file or directory");
}

Test(policy_file, refuses_directory)
{
	cr_assert_eq(mkdir(file, 0700), 0);
	expect_load(-EINVAL, " not a regular file");
	rmdir(file);
}

/* A FIFO without a writer: refused without blocking. */
Test(policy_file, refuses_fifo_without_blocking)
{
	cr_assert_eq(mkfifo(file, 0600), 0);
	expect_load(-EINVAL, " not a regular file");
}

Test(policy_file, refuses_device)
{
	cr_assert_eq(symlink("/dev/null", file), 0);
	expect_load(-EINVAL, " not a regular file");
}

static void write_file_of_size(size_t size)
{
	static const char head[] = "[default]\nmode = audit\n";
	char *text = malloc(size);

	cr_assert(text);
	memset(text, '\n', size);
	memcpy(text, head, sizeof(head) - 1);
	write_file(text, size);
	free(text);
}

Test(policy_file, loads_largest_file)
{
	write_file_of_size(POLICY_FILE_MAX);
	expect_load(0, "");
}

Test(policy_file, refuses_file_over_size_limit)
{
	write_file_of_size(POLICY_FILE_MAX + 1);
	expect_load(-EFBIG, " larger than 1048576 octets");
}

/* Files of /proc report size 0: the readable octets count. */
Test(policy_file, reads_file_with_zero_size)
{
	cr_assert_eq(symlink("/proc/self/status", file), 0);
	expect_load(-EINVAL, "1: 'Name:?test_policy_fil' is neither KEY = VALUE nor a section");
}
