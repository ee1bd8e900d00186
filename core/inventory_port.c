// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: drivers/infiniband/core/sysfs.c, cache.c (the names of GID types). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inventory_internal.h"
#include "text.h"

enum {
	GID_TEXT_LEN = 8 * 5 - 1, /* %pI6: eight groups of four hexadecimal digits, always all of them */
	GID_TRIES = 3,
};

/* ---- files ---- */

int sysfs_value(int dir, const char *path, char value[static SYSFS_VALUE_MAX])
{
	char text[SYSFS_VALUE_MAX];
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text));
	if (len < 0)
		len = -errno;
	close(fd);
	if (len < 0)
		return (int)len;
	if (len == sizeof(text) || memchr(text, '\0', (size_t)len))
		return -EPROTO;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
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

/* ---- GIDs ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int gid_parse(const char *text, uint8_t raw[static 16])
{
	uint8_t parsed[16];

	if (strlen(text) != GID_TEXT_LEN)
		return -EPROTO;
	for (size_t i = 0; i < 16; i++) {
		const char *at = text + i / 2 * 5 + i % 2 * 2;
		int high = hex_digit(at[0]), low = hex_digit(at[1]);

		if (high < 0 || low < 0 || (i % 2 && i < 15 && at[2] != ':'))
			return -EPROTO;
		parsed[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(raw, parsed, sizeof(parsed));
	return 0;
}

/* "IB/RoCE v1" is both (gid_type_str[] in cache.c): the link layer tells which. */
static enum gid_type gid_type_parse(const char *text, enum port_link_layer link_layer)
{
	if (!strcmp(text, "RoCE v2"))
		return GID_TYPE_ROCE_V2;
	if (strcmp(text, "IB/RoCE v1"))
		return GID_TYPE_UNKNOWN;
	if (link_layer == LINK_LAYER_ETHERNET)
		return GID_TYPE_ROCE_V1;
	return link_layer == LINK_LAYER_INFINIBAND ? GID_TYPE_IB : GID_TYPE_UNKNOWN;
}

static int gid_value(int port, const char *table, uint32_t index, char value[static SYSFS_VALUE_MAX])
{
	char path[64];

	text_format(path, sizeof(path), "%s/%u", table, index);
	return sysfs_value(port, path, value);
}

/* What cannot be told stays GID_TYPE_UNKNOWN and "". */
static void gid_read_attributes(int port, enum port_link_layer link_layer, struct rdma_gid *gid)
{
	char value[SYSFS_VALUE_MAX];

	if (!gid_value(port, "gid_attrs/types", gid->index, value))
		gid->type = gid_type_parse(value, link_layer);
	if (!gid_value(port, "gid_attrs/ndevs", gid->index, value) && strlen(value) < sizeof(gid->netdev))
		text_copy(gid->netdev, sizeof(gid->netdev), value);
}

/* -ENOENT: the table ends before. An empty entry prints zeros (show_port_gid() in sysfs.c); *out is then not valid. */
static int gid_read(int port, enum port_link_layer link_layer, uint32_t index, struct rdma_gid *out)
{
	static const uint8_t zeros[16];
	char before[SYSFS_VALUE_MAX], after[SYSFS_VALUE_MAX];
	struct rdma_gid gid = { 0 };

	/* The three files are read one after the other: only the same GID before and after makes them one entry. */
	for (int i = 0; i < GID_TRIES; i++) {
		int err = gid_value(port, "gids", index, before);

		if (err == -ENOENT || err == -ENODEV)
			return err;
		gid = (struct rdma_gid){ .valid = true, .index = (uint8_t)index, .type = GID_TYPE_UNKNOWN };
		if (err || gid_parse(before, gid.raw))
			break;
		gid.valid = memcmp(gid.raw, zeros, sizeof(zeros)) != 0;
		if (!gid.valid)
			break;
		gid_read_attributes(port, link_layer, &gid);
		if (!gid_value(port, "gids", index, after) && !strcmp(before, after))
			break;
		gid.type = GID_TYPE_UNKNOWN;
		gid.netdev[0] = '\0';
	}
	*out = gid;
	return 0;
}

static int port_add_gid(struct rdma_port *port, const struct rdma_gid *gid)
{
	struct rdma_gid *gids = reallocarray(port->gids, port->gid_count + 1, sizeof(*gids));

	if (!gids)
		return -ENOMEM;
	port->gids = gids;
	gids[port->gid_count++] = *gid;
	return 0;
}

static int port_read_gids(int dir, struct rdma_port *port)
{
	for (uint32_t index = 0; index < RDMA_GIDS_MAX; index++) {
		struct rdma_gid gid;
		int err = gid_read(dir, port->link_layer, index, &gid);

		if (err == -ENOENT)
			return 0;
		if (!err && gid.valid)
			err = port_add_gid(port, &gid);
		if (err)
			return err;
	}
	return 0;
}

/* ---- ports ---- */

static enum port_link_layer link_layer_parse(const char *text)
{
	if (!strcmp(text, "Ethernet"))
		return LINK_LAYER_ETHERNET;
	return strcmp(text, "InfiniBand") ? LINK_LAYER_UNKNOWN : LINK_LAYER_INFINIBAND;
}

static int port_read(int dir, struct rdma_port *port)
{
	char value[SYSFS_VALUE_MAX];

	if (!sysfs_value(dir, "link_layer", value))
		port->link_layer = link_layer_parse(value);
	port->active = !sysfs_value(dir, "state", value) && !strcmp(value, "4: ACTIVE");
	return port_read_gids(dir, port);
}

static int device_add_port(struct rdma_device *device, int ports, const char *name)
{
	struct rdma_port *grown, port = { 0 };
	const char *end;
	int dir, err;

	if (sysfs_number(name, UINT32_MAX, &end, &port.number) || *end || !port.number)
		return 0;
	dir = openat(ports, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	err = port_read(dir, &port);
	close(dir);
	grown = err ? NULL : reallocarray(device->ports, device->port_count + 1, sizeof(*grown));
	if (!grown) {
		free(port.gids);
		return err ? err : -ENOMEM;
	}
	device->ports = grown;
	grown[device->port_count++] = port;
	return 0;
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
