// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The helpers of core/util that have no test through another room. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/status.h"
#include "util/address.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/small_file.h"

Test(array, appends_in_order_across_growth)
{
	int *numbers = NULL;
	size_t count = 0;

	for (int i = 0; i < 1000; i++)
		cr_assert_eq(array_append(&numbers, &count, &i, sizeof(i)), 0);
	cr_assert_eq(count, 1000);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(numbers[i], i);
	free(numbers);
}

Test(clock, timeval_keeps_milliseconds)
{
	const struct timeval span = clock_timeval(61042);

	cr_assert_eq(span.tv_sec, 61);
	cr_assert_eq(span.tv_usec, 42000);
}

static const char *file_with(const char *text, size_t len)
{
	static char path[] = "/tmp/test_util_XXXXXX";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
	return path;
}

Test(small_file, ends_text_with_nul)
{
	const char *path = file_with("0\n", 2);
	char text[8] = "xxxxxxx";

	cr_assert_eq(small_file_read(AT_FDCWD, path, text, sizeof(text)), 2);
	cr_assert_str_eq(text, "0\n");
	unlink(path);
}

Test(small_file, cuts_long_file_at_size)
{
	const char *path = file_with("0123456789", 10);
	char text[8];

	cr_assert_eq(small_file_read(AT_FDCWD, path, text, sizeof(text)), 7);
	cr_assert_str_eq(text, "0123456");
	unlink(path);
}

Test(small_file, reports_missing_file)
{
	char text[8];

	cr_assert_eq(small_file_read(AT_FDCWD, "/nonexistent", text, sizeof(text)), -ENOENT);
}

Test(status, reads_every_user_id)
{
	uint64_t ids[4];

	cr_assert_eq(process_status_numbers(getpid(), "Uid", 10, ids, 4), 0);
	cr_assert_eq(ids[0], getuid());
	cr_assert_eq(ids[1], geteuid());
}

Test(status, reads_hexadecimal_field)
{
	uint64_t mask;

	cr_assert_eq(process_status_numbers(getpid(), "CapEff", 16, &mask, 1), 0);
}

Test(status, refuses_more_numbers_than_the_field_has)
{
	uint64_t numbers[2];

	cr_assert_eq(process_status_numbers(getpid(), "PPid", 10, numbers, 2), -EPROTO);
}

Test(status, refuses_unknown_field)
{
	uint64_t number;

	cr_assert_eq(process_status_numbers(getpid(), "Ui", 10, &number, 1), -EPROTO);
}

Test(status, reports_missing_process)
{
	uint64_t number;

	cr_assert_eq(process_status_numbers(0x3fffffff, "PPid", 10, &number, 1), -ESRCH);
}

static union ip_address ip6(const char *text)
{
	union ip_address address;

	cr_assert_eq(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

Test(address, prefix_that_ends_within_an_octet)
{
	const union ip_address prefix = ip6("2001:db8::"), inside = ip6("2001:dbf::1"), outside = ip6("2001:dc0::1");

	cr_assert(address_has_prefix(&inside, &prefix, 29));
	cr_assert_not(address_has_prefix(&outside, &prefix, 29));
}

Test(address, every_address_has_the_empty_prefix)
{
	const union ip_address prefix = ip6("::"), address = ip6("2001:db8::1");

	cr_assert(address_has_prefix(&address, &prefix, 0));
}

Test(file_read_whole, reads_regular_files_up_to_a_limit)
{
	char path[] = "/tmp/rdmasec-whole-XXXXXX", *octets = NULL;
	int fd = mkstemp(path);
	size_t len = 0;

	cr_assert_eq(write(fd, "a\0bc", 4), 4);
	close(fd);
	cr_assert_eq(file_read_whole(path, 4, &octets, &len), 0);
	cr_expect_eq(len, 4u);
	cr_expect_eq(memcmp(octets, "a\0bc", 4), 0);
	free(octets);
	cr_expect_eq(file_read_whole(path, 3, &octets, &len), -E2BIG);
	unlink(path);
	cr_expect_eq(file_read_whole(path, 4, &octets, &len), -ENOENT);
}

Test(file_read_whole, refuses_other_files)
{
	char *octets;
	size_t len;

	cr_expect_eq(file_read_whole("/dev/null", 100, &octets, &len), -EINVAL);
	cr_expect_eq(file_read_whole("/tmp", 100, &octets, &len), -EINVAL);
}
