// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Reads the state of the calling thread's network namespace. /proc/sys/net depends on the namespace of the reading
 * thread (net_ctl_header_lookup() in net/sysctl_net.c). An open fd of one of its folders would keep the namespace, but
 * each lookup in it from outside makes a new dentry, since sysctl_is_seen() hides the existing one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "netns/private.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

/* Checks the file system first: on a driver's file the same ioctl could do anything. */
int netns_check(int ns_fd)
{
	struct statfs fs;

	if (fstatfs(ns_fd, &fs))
		return -errno;
	if (fs.f_type != NSFS_MAGIC || ioctl(ns_fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return -EINVAL;
	return 0;
}

int netns_socket_here(int protocol, int *out_fd)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -errno;
	*out_fd = fd;
	return 0;
}

int netns_here_fd(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- settings ---- */

/* dev_valid_name() in net/core/dev.c. Any other octet is harmless in a file name. */
bool netns_netdev_is_valid(const char *netdev)
{
	size_t len = strnlen(netdev, IF_NAMESIZE);

	return len > 0 && len < IF_NAMESIZE && !strchr(netdev, '/') && strcmp(netdev, ".") && strcmp(netdev, "..");
}

/* Only "0\n" means off; anything else counts as on. */
static bool file_says_off(const char *path)
{
	char text[4];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n == 2 && text[0] == '0' && text[1] == '\n';
}

static bool setting_is_on(const char *family, const char *netdev, const char *setting)
{
	char path[96];
	int n = snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, netdev, setting);

	return n < 0 || (size_t)n >= sizeof(path) || !file_says_off(path);
}

void netns_settings_here(const char *netdev, struct netns_settings *out)
{
	*out = (struct netns_settings){
		.xfrm_off = setting_is_on("ipv4", netdev, "disable_xfrm"),
		.policy_off = setting_is_on("ipv4", netdev, "disable_policy"),
		.policy_off6 = setting_is_on("ipv6", netdev, "disable_policy"),
	};
}

/* net.core.dev_weight exists in the initial network namespace only (net/core/sysctl_net_core.c, net_core_table). */
bool netns_here_is_initial(void)
{
	int fd = open("/proc/sys/net/core/dev_weight", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}
