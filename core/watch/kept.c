// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "watch/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/hash.h"
#include "util/small_file.h"

enum { KEPT_VERSION = 1 };

/* Slot 0 is the header. An empty slot has pid 0. */
struct kept_slot {
	uint64_t start_time;
	uint32_t pid, reserved;
};

struct kept_header {
	uint32_t version, is_incomplete;
	uint64_t boot; /* of /proc/sys/kernel/random/boot_id */
};

_Static_assert(sizeof(struct kept_header) == sizeof(struct kept_slot), "the header takes one slot");

/* A process that is in the file. */
struct kept_process {
	pid_t pid;
	uint64_t start_time;
	uint32_t slot;
	UT_hash_handle hh; /* by pid: a later process with the number replaces it */
};

struct kept {
	struct kept_header *header;
	struct kept_slot *slots; /* the same memory */
	struct kept_process *table;
	uint32_t next; /* where the search for an empty slot begins */
};

enum { SLOTS = KEPT_PROCESSES_MAX + 1, KEPT_SIZE = SLOTS * sizeof(struct kept_slot) };

/* ---- the table ---- */

static struct kept_process *find(const struct kept *kept, pid_t pid)
{
	struct kept_process *process;

	HASH_FIND(hh, kept->table, &pid, sizeof(pid), process);
	return process;
}

static void forget(struct kept *kept, struct kept_process *process)
{
	kept->slots[process->slot] = (struct kept_slot){ 0 };
	HASH_DEL(kept->table, process);
	free(process);
}

static bool remember(struct kept *kept, pid_t pid, uint64_t start_time, uint32_t slot)
{
	struct kept_process *process = calloc(1, sizeof(*process));

	if (!process)
		return false;
	*process = (struct kept_process){ .pid = pid, .start_time = start_time, .slot = slot };
	HASH_ADD(hh, kept->table, pid, sizeof(process->pid), process);
	if (process->hh.tbl)
		return true;
	free(process);
	return false;
}

/* 0: none is empty. */
static uint32_t find_empty(struct kept *kept)
{
	for (uint32_t i = 1; i < SLOTS; i++) {
		kept->next = kept->next + 1 < SLOTS ? kept->next + 1 : 1;
		if (!kept->slots[kept->next].pid)
			return kept->next;
	}
	return 0;
}

void kept_add(struct kept *kept, pid_t pid, uint64_t start_time)
{
	struct kept_process *old = find(kept, pid);
	uint32_t slot;

	if (old && old->start_time == start_time)
		return;
	if (old)
		forget(kept, old);
	slot = find_empty(kept);
	if (!slot || !remember(kept, pid, start_time, slot)) {
		kept->header->is_incomplete = 1;
		return;
	}
	kept->slots[slot].start_time = start_time;
	/* the slot is valid once its pid is there */
	__atomic_store_n(&kept->slots[slot].pid, (uint32_t)pid, __ATOMIC_RELEASE);
}

void kept_remove(struct kept *kept, pid_t pid, uint64_t start_time)
{
	struct kept_process *process = find(kept, pid);

	if (process && process->start_time == start_time)
		forget(kept, process);
}

bool kept_has(const struct kept *kept, pid_t pid, uint64_t start_time)
{
	const struct kept_process *process = find(kept, pid);

	return process && process->start_time == start_time;
}

bool kept_is_incomplete(const struct kept *kept)
{
	return kept->header->is_incomplete;
}

void kept_complete(struct kept *kept)
{
	kept->header->is_incomplete = 0;
}

void kept_each(struct kept *kept, void (*visit)(pid_t pid, uint64_t start_time, void *arg), void *arg)
{
	struct kept_process *process, *next;

	HASH_ITER (hh, kept->table, process, next)
		visit(process->pid, process->start_time, arg);
}

/* ---- the file ---- */

/* Any digest of it does: another boot is as unlikely to have the same as to have the same identifier. */
static uint64_t this_boot(void)
{
	uint64_t digest = 14695981039346656037U; /* FNV-1a */
	char text[64];
	ssize_t len = small_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));

	for (ssize_t i = 0; i < len; i++)
		digest = (digest ^ (uint8_t)text[i]) * 1099511628211U;
	return digest;
}

static void begin(struct kept *kept, bool is_incomplete)
{
	memset(kept->slots, 0, KEPT_SIZE);
	*kept->header = (struct kept_header){ KEPT_VERSION, is_incomplete, this_boot() };
}

static void load(struct kept *kept)
{
	for (uint32_t i = 1; i < SLOTS; i++) {
		const struct kept_slot *slot = &kept->slots[i];

		if (!slot->pid)
			continue;
		if (slot->pid > INT_MAX || slot->reserved || find(kept, (pid_t)slot->pid) ||
		    !remember(kept, (pid_t)slot->pid, slot->start_time, i)) {
			kept->slots[i] = (struct kept_slot){ 0 };
			kept->header->is_incomplete = 1;
		}
	}
}

static int open_file(const char *path, bool *out_is_new)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) ? -errno : 0;
	if (!err && (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1))
		err = -EPERM;
	if (!err && (st.st_mode & 077) && fchmod(fd, 0600))
		err = -errno;
	if (!err && st.st_size > KEPT_SIZE && ftruncate(fd, KEPT_SIZE))
		err = -errno;
	if (!err)
		err = -posix_fallocate(fd, 0, KEPT_SIZE);
	if (err) {
		close(fd);
		return err;
	}
	*out_is_new = st.st_size == 0;
	return fd;
}

int kept_open(const char *path, struct kept **out)
{
	struct kept *kept = calloc(1, sizeof(*kept));
	bool is_new = false;
	void *memory;
	int fd;

	if (!kept)
		return -ENOMEM;
	fd = open_file(path, &is_new);
	memory = fd < 0 ? MAP_FAILED : mmap(NULL, KEPT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		int err = fd < 0 ? fd : -errno;

		if (fd >= 0)
			close(fd);
		free(kept);
		return err;
	}
	close(fd);
	kept->slots = memory;
	kept->header = memory;
	if (is_new || (kept->header->version == KEPT_VERSION && kept->header->boot != this_boot()))
		begin(kept, false);
	else if (kept->header->version != KEPT_VERSION || kept->header->is_incomplete > 1)
		begin(kept, true);
	load(kept);
	*out = kept;
	return 0;
}

void kept_close(struct kept *kept)
{
	struct kept_process *process, *next;

	if (!kept)
		return;
	HASH_ITER (hh, kept->table, process, next) {
		HASH_DEL(kept->table, process);
		free(process);
	}
	munmap(kept->slots, KEPT_SIZE);
	free(kept);
}
