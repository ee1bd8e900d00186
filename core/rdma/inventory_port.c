// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Source: drivers/infiniband/core/sysfs.c. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rdma/inventory_internal.h"
#include "util/array.h"
#include "util/small_file.h"
#include "util/text.h"

/* ---- files ---- */

int sysfs_value(int dir, const char *path, char value[static SYSFS_VALUE_MAX])
{
	char text[SYSFS_VALUE_MAX + 1];
	ssize_t len = small_file_read(dir, path, text, sizeof(text));

	if (len < 0)
		return (int)len;
	if (len == SYSFS_VALUE_MAX || memchr(text, '\0', (size_t)len))
		return -EPROTO;
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (!len || strchr(text, '\n'))
		return -EPROTO;
	memcpy(value, text, (size_t)len + 1);
	return 0;
}

int sysfs_number(const char *text, uint32_t max, const char **out_end, uint32_t *out)
{
	uint64_t number = 0;
	const char *c = text;

	if (*c == '0' && isdigit((unsigned char)c[1]))
		return -EPROTO;
	for (; isdigit((unsigned char)*c); c++) {
		number = number * 10 + (uint64_t)(*c - '0');
		if (number > max)
			return -EPROTO;
	}
	if (c == text)
		return -EPROTO;
	*out = (uint32_t)number;
	*out_end = c;
	return 0;
}

int sysfs_is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void sysfs_names_free(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* ---- ports ---- */

static enum port_link_layer link_layer_parse(const char *text)
{
	if (!strcmp(text, "Ethernet"))
		return LINK_LAYER_ETHERNET;
	return strcmp(text, "InfiniBand") ? LINK_LAYER_UNKNOWN : LINK_LAYER_INFINIBAND;
}

static void port_read(int dir, struct rdma_port *port)
{
	char value[SYSFS_VALUE_MAX];

	if (!sysfs_value(dir, "link_layer", value))
		port->link_layer = link_layer_parse(value);
	port->active = !sysfs_value(dir, "state", value) && !strcmp(value, "4: ACTIVE");
}

static int device_add_port(struct rdma_device *device, int ports, const char *name)
{
	struct rdma_port port = { 0 };
	const char *end;
	int dir;

	if (sysfs_number(name, UINT32_MAX, &end, &port.number) || *end || !port.number)
		return 0;
	dir = openat(ports, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	port_read(dir, &port);
	close(dir);
	return array_append(&device->ports, &device->port_count, &port, sizeof(port));
}

int inventory_read_ports(int dir, struct rdma_device *device)
{
	struct dirent **names;
	int ports = openat(dir, "ports", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count, err = 0;

	if (ports < 0)
		return -errno;
	count = scandirat(ports, ".", &names, sysfs_is_visible, versionsort);
	if (count < 0) {
		err = -errno;
		close(ports);
		return err;
	}
	for (int i = 0; i < count && !err; i++)
		err = device_add_port(device, ports, names[i]->d_name);
	sysfs_names_free(names, count);
	close(ports);
	return err;
}
