// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "hazards/legacy.h"

#include <arpa/inet.h> /* before the kernel's, which leave out what it defines */
#include <net/if.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/text.h"

/* struct ipt_getinfo and struct ip6t_getinfo are the same for both families. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one reader for both");
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO, "one reader for both");
_Static_assert(LEGACY_TABLE_MAX == XT_TABLE_MAXNAMELEN, "names of tables");

enum { TABLES_MAX = 64 }; /* the kernel has five of each family */

/* ---- sockets ---- */

static int prepared = -1, prepared6 = -1;

/* Connected to the host itself only because shutdown(2) demands it. */
static bool is_silenced(int fd, int family)
{
	const struct sockaddr_in own = { .sin_family = AF_INET,
					 .sin_port = htons(9), /* discard */
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 own6 = { .sin6_family = AF_INET6,
					   .sin6_port = htons(9),
					   .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (family == AF_INET ? connect(fd, (const struct sockaddr *)&own, sizeof(own))
			      : connect(fd, (const struct sockaddr *)&own6, sizeof(own6)))
		return false;
	return !shutdown(fd, SHUT_RDWR);
}

static int open_silenced(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || is_silenced(fd, family))
		return fd;
	close(fd);
	return -1;
}

void legacy_prepare(void)
{
	prepared = open_silenced(AF_INET);
	prepared6 = open_silenced(AF_INET6);
}

/* Returns an fd that the caller closes, or -errno. */
static int socket_of(int family)
{
	int kept = family == AF_INET ? prepared : prepared6;
	int fd = kept >= 0 ? fcntl(kept, F_DUPFD_CLOEXEC, 0) : socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* ---- tables ---- */

/* Has a chain through which sent packets pass any rule before its policy? */
static bool has_rules(const struct ipt_getinfo *info)
{
	static const unsigned int hooks[] = { NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING };

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (info->valid_hooks & 1U << hooks[i] && info->hook_entry[hooks[i]] != info->underflow[hooks[i]])
			return true;
	return false;
}

static int ask(int socket, int level, const char *table, bool *out)
{
	struct ipt_getinfo info = { .valid_hooks = 0 };
	socklen_t len = sizeof(info);

	text_copy(info.name, sizeof(info.name), table);
	if (getsockopt(socket, level, IPT_SO_GET_INFO, &info, &len))
		return -errno;
	if (len != sizeof(info))
		return -EPROTO;
	*out = has_rules(&info);
	return 0;
}

/* Takes the tables that `names` lists, a line each. */
static int ask_each(FILE *names, int family, struct legacy_family *out)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, count = 0, err = 0, fd = -1;
	char line[LEGACY_TABLE_MAX + 1]; /* with its newline */
	bool found = false;

	while (!err && !found && fgets(line, sizeof(line), names)) {
		size_t len = strcspn(line, "\n");

		if (line[len] != '\n' || !len || ++count > TABLES_MAX)
			err = -EPROTO;
		line[len] = '\0';
		if (!err && fd < 0) {
			fd = socket_of(family);
			err = fd < 0 ? fd : 0;
		}
		if (!err)
			err = ask(fd, level, line, &found);
	}
	if (!err && !found && ferror(names))
		err = -EIO;
	if (fd >= 0)
		close(fd);
	if (found) {
		text_copy(out->table, sizeof(out->table), line);
		text_printable(out->table);
	}
	return err;
}

static struct legacy_family read_family(const char *path, int family)
{
	struct legacy_family out = { .state = LEGACY_UNKNOWN };
	FILE *names = fopen(path, "re");

	if (!names) {
		out.err = -errno;
		/* x_tables makes the file with the first module of the family; but without proc(5) it says nothing */
		if (out.err == -ENOENT && !access("/proc/thread-self/net/dev", F_OK))
			out = (struct legacy_family){ .state = LEGACY_NONE };
		return out;
	}
	out.err = ask_each(names, family, &out);
	fclose(names);
	if (!out.err)
		out.state = out.table[0] ? LEGACY_HAS_RULES : LEGACY_NONE;
	return out;
}

void legacy_read(struct legacy_rules *out)
{
	out->ip = read_family("/proc/thread-self/net/ip_tables_names", AF_INET);
	out->ip6 = read_family("/proc/thread-self/net/ip6_tables_names", AF_INET6);
}

static bool family_same(const struct legacy_family *a, const struct legacy_family *b)
{
	return a->state == b->state && a->err == b->err && !strcmp(a->table, b->table);
}

bool legacy_same(const struct legacy_rules *a, const struct legacy_rules *b)
{
	return family_same(&a->ip, &b->ip) && family_same(&a->ip6, &b->ip6);
}
