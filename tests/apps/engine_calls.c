// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The calls of an engine on another process' queue pairs, one after the other, for the scenario engine-calls.
 *
 *     engine_calls PID                      prints all facts
 *     engine_calls PID error|destroy HANDLE
 *     engine_calls scan                     all guarded processes
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "evidence/facts.h"
#include "netlink/dump.h"
#include "process/process.h"
#include "process/same_file.h"
#include "rdma/inventory.h"
#include "rdma/uverbs_call.h"
#include "util/address.h"

struct held {
	struct process process;
	int number, fd;
	dev_t rdev;
	uint32_t driver_id;
	struct rdma_inventory inventory;
};

static _Noreturn void fail(int err, const char *what)
{
	fprintf(stderr, "engine_calls: %s: %s (errno %d)\n", what, strerror(-err), -err);
	exit(1);
}

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int take_first(void *context, const struct process *process, int number, int fd, dev_t rdev)
{
	struct held *held = context;

	(void)process;
	held->number = number;
	held->rdev = rdev;
	held->fd = dup(fd);
	return held->fd < 0 ? -errno : 1;
}

static void hold(struct held *held, pid_t pid)
{
	char error[160] = "";
	int err = process_open(pid, &held->process);

	if (err)
		fail(err, "process_open");
	err = process_uverbs_fds("/sys", &held->process, take_first, held);
	if (err != 1)
		fail(err ? err : -ENOENT, "process_uverbs_fds");
	err = inventory_read_stable("/sys", &netlink_kernel, held->rdev, &held->inventory, error, sizeof(error));
	if (err)
		fail(err, error);
	held->driver_id = held->inventory.devices[0].driver_id;
}

/* ---- printing ---- */

static void print_process(const struct held *held)
{
	const struct process *p = &held->process;
	bool guarded = false;
	int err = process_is_guarded(p->pid, &guarded);

	if (err)
		fail(err, "process_is_guarded");
	printf("process %d uid %u guarded %d exe %s netns %d\n", (int)p->pid, p->uid, guarded, p->executable,
	       p->netns_known);
	printf("fd %d is %u:%u driver %u\n", held->number, major(held->rdev), minor(held->rdev), held->driver_id);
}

static void print_gids(const struct rdma_device *device, const char *from)
{
	for (size_t p = 0; p < device->port_count; p++)
		for (size_t g = 0; g < device->ports[p].gid_count; g++) {
			const struct rdma_gid *gid = &device->ports[p].gids[g];

			printf("%s gid %u/%u type %d netdev %s raw ", from, device->ports[p].number, gid->index,
			       gid->type, gid->netdev);
			for (size_t i = 0; i < sizeof(gid->raw); i++)
				printf("%02x", gid->raw[i]);
			printf("\n");
		}
}

static void confirm_gids(struct rdma_device *device)
{
	for (size_t p = 0; p < device->port_count; p++)
		for (size_t g = 0; g < device->ports[p].gid_count; g++) {
			uint32_t port = device->ports[p].number, index = device->ports[p].gids[g].index;
			int err = inventory_confirm_gid("/sys", device, port, index);

			printf("gid %u/%u %s\n", port, index, err ? strerror(-err) : "confirmed");
		}
}

static void print_all_gids(struct held *held)
{
	struct rdma_device *device = &held->inventory.devices[0];
	struct evidence ev;
	double began, read;
	int err;

	evidence_read(&ev);
	began = microseconds();
	err = inventory_gids_from_sysfs("/sys", device);
	if (err)
		fail(err, "inventory_gids_from_sysfs");
	read = microseconds();
	print_gids(device, "sysfs");
	printf("sysfs took %.0f us\n", read - began);
	began = microseconds();
	err = inventory_gids_from_fd("/sys", device, held->fd, &ev);
	if (err)
		fail(err, "inventory_gids_from_fd");
	read = microseconds();
	print_gids(device, "ioctl");
	printf("ioctl took %.0f us\n", read - began);
	confirm_gids(device);
	evidence_free(&ev);
}

static void print_qp(const struct held *held, uint32_t handle)
{
	char dgid[INET6_ADDRSTRLEN];
	struct uverbs_qp_facts facts;
	int err = uverbs_query_qp(held->fd, held->driver_id, handle, &facts);

	if (err)
		fail(err, "uverbs_query_qp");
	printf("qp %u state %d port %u global %d dgid %s av-port %u sgid %u flow %#x dest %u\n", handle, facts.state,
	       facts.port, facts.address.is_global, gid_text(facts.address.dgid, dgid), facts.address.port,
	       facts.address.sgid_index, facts.address.flow_label, facts.dest_qpn);
}

static void print_qps(const struct held *held)
{
	uint32_t handles[64];
	struct uverbs_qp_facts facts;
	size_t count, small;
	int err = uverbs_list_qps(held->fd, held->driver_id, handles, 64, &count);

	if (err)
		fail(err, "uverbs_list_qps");
	for (size_t i = 0; i < count; i++)
		print_qp(held, handles[i]);
	err = count ? uverbs_list_qps(held->fd, held->driver_id, handles, count - 1, &small) : 0;
	printf("with less room: %s\n", strerror(-err));
	err = uverbs_query_qp(held->fd, held->driver_id, 4711, &facts);
	printf("no such handle: %s\n", strerror(-err));
	err = uverbs_query_qp(held->fd, held->driver_id + 1, handles[0], &facts);
	printf("another driver: %s\n", strerror(-err));
}

/* ---- all processes ---- */

struct scanned {
	pid_t pid;
	int number;
};

static int print_found(void *context, const struct process *process, int number, int fd, dev_t rdev)
{
	struct scanned *last = context;
	bool same = false;
	int err = last->pid ? same_open_file(last->pid, last->number, process->pid, number, &same) : 0;

	printf("found %d fd %d rdev %u:%u fetched %d same %s\n", (int)process->pid, number, major(rdev), minor(rdev),
	       fd >= 0,
	       err    ? strerror(-err)
	       : same ? "yes"
		      : "no");
	last->pid = process->pid;
	last->number = number;
	return 0;
}

static int scan(void)
{
	struct scanned last = { 0 };
	double began = microseconds();
	int err = process_scan("/sys", NULL, print_found, &last);

	if (err)
		fail(err, "process_scan");
	printf("scan took %.0f us\n", microseconds() - began);
	return 0;
}

int main(int argc, char **argv)
{
	struct held held = { .fd = -1 };
	uint32_t handle;
	int err;

	if (argc == 2 && !strcmp(argv[1], "scan"))
		return scan();
	if (argc != 2 && argc != 4)
		return 2;
	hold(&held, atoi(argv[1]));
	if (argc == 2) {
		print_process(&held);
		print_all_gids(&held);
		print_qps(&held);
		inventory_free(&held.inventory);
		return 0;
	}
	handle = (uint32_t)strtoul(argv[3], NULL, 10);
	err = strcmp(argv[2], "error") ? uverbs_qp_destroy(held.fd, held.driver_id, handle)
				       : uverbs_qp_to_error(held.fd, held.driver_id, handle);
	if (err)
		fail(err, argv[2]);
	if (!strcmp(argv[2], "error"))
		print_qp(&held, handle);
	inventory_free(&held.inventory);
	return 0;
}
