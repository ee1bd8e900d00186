// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "watch/namespaces.h"
#include "process/account.h"
#include "util/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rdma/device_cache.h"
#include "rdma/device_monitor.h"
#include "watch/detours.h"

/* Any user can create namespaces (user_namespaces(7)). */
enum {
	NAMESPACES_MAX = 1024,
	NAMESPACES_PER_USER_MAX = 128,
	NAMESPACES_SHARE = 4,   /* an account may have a fourth of what is free, and */
	NAMESPACES_ASSURED = 8, /* so many in any case */
	/* policies and SAs of a namespace that a user made, and links, IPv6 routes and SecYs: about 3 MiB, and a few
	 * milliseconds to read. In those of root there may be any number. */
	LIST_OF_USER_MAX = 4096,
};

/* Identifies a namespace while it is held open (nsfs). */
struct namespace_key {
	dev_t dev;
	ino_t ino;
};

struct namespace
{
	struct namespace_key key;
	uint64_t id;
	struct namespaces *all;
	struct mirror *mirror;
	struct detours *detours; /* NULL: not the engine's own namespace */
	uint64_t account;        /* of the program that was first seen in it */
	struct device_cache *devices;
	struct device_monitor *monitor; /* of devices of this namespace only; NULL: without events */
	uint64_t device_generation;     /* counts the events of both monitors */
	unsigned references;
	UT_hash_handle hh;
};

struct namespaces {
	struct event_base *base;
	struct netns_opener *opener;
	namespace_changed_fn changed;
	void *arg;
	struct namespace *table;
	/*
	 * Of devices that all namespaces share (rdma-system(8), netns shared). NULL without a namespace: a socket of
	 * RDMA netlink keeps ib_core from being unloaded (net/netlink/af_netlink.c, netlink_create()).
	 */
	struct device_monitor *monitor;
	uint64_t made;
};

static void on_device_event(void *arg)
{
	struct namespace *in = arg;

	in->device_generation++;
	in->all->changed(in, &(struct mirror_change){ .kind = MIRROR_CHANGE_HOST }, in->all->arg);
}

/* The kernel sends events of shared devices in the initial namespace; any namespace can use them. */
static void on_shared_device_event(void *arg)
{
	struct namespaces *all = arg;
	struct namespace *in, *next;

	HASH_ITER (hh, all->table, in, next)
		on_device_event(in);
}

int namespaces_new(struct event_base *base, struct netns_opener *opener, namespace_changed_fn changed, void *arg,
		   struct namespaces **out)
{
	struct namespaces *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	*all = (struct namespaces){ .base = base, .opener = opener, .changed = changed, .arg = arg };
	*out = all;
	return 0;
}

static void on_change(struct mirror *mirror, const struct mirror_change *change, void *arg)
{
	struct namespace *in = arg;

	(void)mirror;
	in->all->changed(in, change, in->all->arg);
}

static void on_detours(void *arg)
{
	struct namespace *in = arg;

	in->all->changed(in, &(struct mirror_change){ .kind = MIRROR_CHANGE_DETOURS }, in->all->arg);
}

static int open_mirror(struct namespace *in, int ns_fd)
{
	struct netns *netns;
	bool is_users;
	int err = netns_open(in->all->opener, ns_fd, &netns);

	if (err)
		return err;
	/* a namespace that belongs to a user's own user namespace */
	is_users = in->all->opener && process_account_of_namespace(ns_fd) != 0;
	err = mirror_new(in->all->base, netns, is_users ? LIST_OF_USER_MAX : 0, on_change, in, &in->mirror);
	if (err)
		netns_close(netns);
	return err;
}

/* What a namespace is made of, in the order in which it is freed. */
static void let_go(struct namespace *in)
{
	device_monitor_free(in->monitor);
	if (in->devices)
		device_cache_free(in->devices);
	detours_free(in->detours);
	if (in->mirror)
		mirror_free(in->mirror);
	free(in);
}

static int open_parts(struct namespace *in, int ns_fd)
{
	int err = open_mirror(in, ns_fd);

	if (err)
		return err;
	in->devices = device_cache_new(netns_transport(mirror_netns(in->mirror)));
	if (!in->devices)
		return -ENOMEM;
	if (!netns_is_own(mirror_netns(in->mirror)))
		return 0;
	return detours_new(in->all->base, in->mirror, on_detours, in, &in->detours);
}

static bool has_room(const struct namespaces *all, uint64_t account)
{
	unsigned of_account = 0, count = HASH_COUNT(all->table);
	const struct namespace *in, *next;

	if (count >= NAMESPACES_MAX)
		return false;
	HASH_ITER (hh, all->table, in, next)
		of_account += in->account == account;
	return account == 0 ||
	       (of_account < NAMESPACES_PER_USER_MAX &&
		(of_account < NAMESPACES_ASSURED || of_account < (NAMESPACES_MAX - count) / NAMESPACES_SHARE));
}

static int namespace_new(struct namespaces *all, const struct namespace_key *key, int ns_fd, uint64_t account,
			 struct namespace **out)
{
	struct namespace *in;
	int err;

	if (!has_room(all, account))
		return -EMFILE;
	in = calloc(1, sizeof(*in));
	if (!in)
		return -ENOMEM;
	in->key = *key;
	in->id = ++all->made;
	in->account = account;
	in->all = all;
	err = open_parts(in, ns_fd);
	if (err) {
		let_go(in);
		return err;
	}
	HASH_ADD(hh, all->table, key, sizeof(in->key), in);
	if (!in->hh.tbl) {
		let_go(in);
		return -ENOMEM;
	}
	in->monitor = device_monitor_new(all->base, mirror_netns(in->mirror), on_device_event, in);
	if (!all->monitor)
		all->monitor = device_monitor_new(all->base, NULL, on_shared_device_event, all);
	*out = in;
	return 0;
}

int namespace_get_for(struct namespaces *all, int ns_fd, uint64_t account, struct namespace **out)
{
	struct namespace_key key;
	struct namespace *in;
	struct stat st;
	int err;

	if (fstat(ns_fd, &st))
		return -errno;
	memset(&key, 0, sizeof(key)); /* hashed with its padding */
	key.dev = st.st_dev;
	key.ino = st.st_ino;
	HASH_FIND(hh, all->table, &key, sizeof(key), in);
	if (!in) {
		err = namespace_new(all, &key, ns_fd, account, &in);
		if (err)
			return err;
	}
	*out = namespace_hold(in);
	return 0;
}

int namespace_get(struct namespaces *all, int ns_fd, struct namespace **out)
{
	return namespace_get_for(all, ns_fd, 0, out);
}

struct namespace *namespace_hold(struct namespace *in)
{
	in->references++;
	return in;
}

static void namespace_free(struct namespace *in)
{
	struct namespaces *all = in->all;

	HASH_DEL(all->table, in);
	if (!all->table) {
		device_monitor_free(all->monitor);
		all->monitor = NULL;
	}
	let_go(in);
}

void namespace_put(struct namespace *in)
{
	if (--in->references == 0)
		namespace_free(in);
}

void namespaces_free(struct namespaces *all)
{
	struct namespace *in, *next;

	HASH_ITER (hh, all->table, in, next)
		namespace_free(in);
	device_monitor_free(all->monitor);
	free(all);
}

uint64_t namespace_id(const struct namespace *in)
{
	return in->id;
}

uint64_t namespace_generation(const struct namespace *in)
{
	return mirror_generation(in->mirror) + in->device_generation +
	       (in->detours ? detours_generation(in->detours) : 0);
}

struct mirror *namespace_mirror(const struct namespace *in)
{
	return in->mirror;
}

const struct netlink_transport *namespace_transport(const struct namespace *in)
{
	return netns_transport(mirror_netns(in->mirror));
}

void namespace_follow(struct namespace *in)
{
	mirror_follow(in->mirror);
	if (in->detours)
		detours_follow(in->detours);
}

void namespace_refresh(struct namespace *in)
{
	(void)mirror_read_silent(in->mirror);
	if (in->detours)
		detours_refresh(in->detours);
}

void namespace_view_detours(struct namespace *in, struct bypass_view *out)
{
	*out = (struct bypass_view){ 0 };
	if (in->detours)
		detours_view(in->detours, out);
}

bool namespace_is_gated(struct namespace *in, int ifindex)
{
	return in->detours && detours_are_gated(in->detours, ifindex);
}

static void read_settings(struct namespace *in, const struct rdma_device *device)
{
	for (size_t p = 0; p < device->port_count; p++)
		for (size_t g = 0; g < device->ports[p].gid_count; g++) {
			const char *netdev = device->ports[p].gids[g].netdev;

			/* the GIDs of a netdev are mostly adjacent */
			if (netdev[0] && (!g || strcmp(netdev, device->ports[p].gids[g - 1].netdev)))
				mirror_read_settings(in->mirror, netdev);
		}
}

int namespace_device(struct namespace *in, int uverbs_fd, const struct rdma_device **out, char *error,
		     size_t error_size)
{
	int err = device_cache_get(in->devices, uverbs_fd, mirror_last(in->mirror),
				   mirror_gid_generation(in->mirror) + in->device_generation, out, error, error_size);

	if (!err)
		read_settings(in, *out);
	return err;
}

void namespaces_each(struct namespaces *all, void (*visit)(struct namespace *in, void *arg), void *arg)
{
	struct namespace *in, *next;

	HASH_ITER (hh, all->table, in, next)
		visit(in, arg);
}
