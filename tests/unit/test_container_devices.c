// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The devices that a config.json gives its container. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/container_devices.h"

static int devices_of(const char *text, struct container_devices *devices)
{
	json_object *config = json_tokener_parse(text);
	int err = container_devices_from(config, devices);

	json_object_put(config);
	return err;
}

Test(container_devices, returns_character_devices)
{
	struct container_devices devices;

	cr_assert_eq(devices_of("{\"linux\":{\"devices\":["
				"{\"path\":\"/dev/infiniband/uverbs0\",\"type\":\"c\",\"major\":231,\"minor\":192},"
				"{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":0},"
				"{\"path\":\"/dev/x\",\"type\":\"u\",\"major\":231,\"minor\":193},"
				"{\"path\":\"/dev/fifo\",\"type\":\"p\"}]}}",
				&devices),
		     0);
	cr_expect_eq(devices.count, 2);
	cr_expect(container_device_find(&devices, makedev(231, 192)));
	cr_expect(container_device_find(&devices, makedev(231, 193)));
	cr_expect_not(container_device_find(&devices, makedev(8, 0)),
		      "a block device with these numbers is a different device");
	cr_expect_not(container_device_find(&devices, makedev(231, 194)));
	container_devices_free(&devices);
}

Test(container_devices, accepts_config_without_devices)
{
	static const char *const none[] = { "{\"linux\":{}}", "{\"linux\":{\"devices\":[]}}",
					    "{\"linux\":{\"devices\":null}}" };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct container_devices devices;

		cr_expect_eq(devices_of(none[i], &devices), 0, "%s", none[i]);
		cr_expect_eq(devices.count, 0);
		cr_expect_not(container_device_find(&devices, 0));
		container_devices_free(&devices);
	}
}

#define DEVICES(...) "{\"linux\":{\"devices\":[{\"type\":\"c\",\"major\":1,\"minor\":3}," __VA_ARGS__ "]}}"

Test(container_devices, refuses_invalid_config)
{
	static const char *const bad[] = { "[]",
					   "{}",
					   "{\"linux\":[]}",
					   "{\"linux\":{\"devices\":{}}}",
					   DEVICES("1"),
					   DEVICES("{}"),
					   DEVICES("{\"type\":1}"),
					   DEVICES("{\"type\":\"c\"}"),
					   DEVICES("{\"type\":\"c\",\"major\":1}"),
					   DEVICES("{\"type\":\"c\",\"major\":\"1\",\"minor\":1}"),
					   DEVICES("{\"type\":\"c\",\"major\":-1,\"minor\":1}"),
					   DEVICES("{\"type\":\"c\",\"major\":1,\"minor\":4294967296}") };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct container_devices devices;

		cr_expect_eq(devices_of(bad[i], &devices), -EBADMSG, "%s", bad[i]);
		cr_expect_eq(devices.count, 0);
	}
}

Test(container_devices, reads_config_from_bundle)
{
	char bundle[] = "/tmp/bundle-XXXXXX", path[64];
	struct container_devices devices;
	FILE *file;

	cr_assert(mkdtemp(bundle));
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	cr_expect_eq(container_devices_read(bundle, &devices), -ENOENT);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(container_devices_read(bundle, &devices), -EINVAL, "a FIFO is refused without blocking");
	cr_assert_eq(unlink(path), 0);
	file = fopen(path, "we");
	cr_assert(file);
	cr_assert_geq(fputs("{\"linux\":{\"devices\":[{\"type\":\"c\",\"major\":231,\"minor\":192}]}}", file), 0);
	fclose(file);
	cr_expect_eq(container_devices_read(bundle, &devices), 0);
	cr_expect(container_device_find(&devices, makedev(231, 192)));
	container_devices_free(&devices);
	cr_assert_eq(truncate(path, 20), 0);
	cr_expect_eq(container_devices_read(bundle, &devices), -EBADMSG);
	cr_assert_eq(truncate(path, CONTAINER_CONFIG_MAX + 1), 0);
	cr_expect_eq(container_devices_read(bundle, &devices), -E2BIG);
	unlink(path);
	rmdir(bundle);
}
