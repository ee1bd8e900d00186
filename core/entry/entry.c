// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Sources: bpf_tracing_prog_attach() in kernel/bpf/syscall.c (a link ends with its last descriptor);
 * kernel/bpf/ringbuf.c; libbpf.c (-ESRCH: no BTF has the function; -EINVAL: a pinned map differs).
 */
#include "entry/entry.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "entry/entry.skel.h"
#include "util/text.h"

#define RECORDS ENTRY_PINS "/entry_stopped"

/* PROC_PID_INIT_INO in include/linux/proc_ns.h: no uapi header has it. */
enum { INITIAL_PID_NAMESPACE = (int)0xeffffffc };

struct entry {
	struct entry_bpf *object;
	struct ring_buffer *ring;
	struct entry_setting setting;
	/* during entry_take() */
	entry_event_fn event;
	void *arg;
	unsigned int left;
};

static int fail(char *error, size_t size, int err, const char *what)
{
	text_format(error, size, "%s: %s", what, strerror(-err));
	return err;
}

static int explain(char *error, size_t size, int err, const char *why)
{
	text_copy(error, size, why);
	return err;
}

/* ---- start ---- */

static int check_host(char *error, size_t size)
{
	struct statfs fs;
	struct stat pids;

	if (statfs("/sys/fs/bpf", &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC)
		return explain(error, size, -ENOTDIR, "no BPF file system is mounted: mount -t bpf bpf /sys/fs/bpf");
	if (stat("/proc/self/ns/pid", &pids) || pids.st_ino != (ino_t)(uint32_t)INITIAL_PID_NAMESPACE)
		return explain(error, size, -EXDEV, "the daemon is not in the initial PID namespace");
	if (access("/sys/kernel/btf/vmlinux", F_OK))
		return explain(error, size, -ENOENT, "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
	return 0;
}

static int explain_load(char *error, size_t size, int err)
{
	if (err == -ESRCH && access("/sys/module/ib_core", F_OK))
		return explain(error, size, -ENOENT,
			       "ib_core is not loaded: modprobe ib_uverbs && systemctl restart rdmasecd");
	if (err == -ESRCH)
		return explain(error, size, -ENOENT, "ib_core has no BTF (CONFIG_DEBUG_INFO_BTF_MODULES)");
	if (err == -EINVAL && !access(RECORDS, F_OK))
		return explain(error, size, -EEXIST, RECORDS " is of another release: remove it");
	if (err == -EPERM)
		return explain(error, size, err,
			       "loading BPF programs takes CAP_SYS_ADMIN, and a kernel whose lockdown allows it");
	return fail(error, size, err, "the kernel refuses the BPF program");
}

static int load(struct entry *entry, bool attaches, char *error, size_t size)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = ENTRY_PINS);
	int err;

	libbpf_set_print(NULL); /* else it writes to stderr; what matters is in the errno */
	entry->object = entry_bpf__open_opts(&options);
	if (!entry->object)
		return explain_load(error, size, -errno);
	if (!attaches)
		(void)bpf_program__set_autoload(entry->object->progs.entry_modify, false);
	err = entry_bpf__load(entry->object);
	return err ? explain_load(error, size, err) : 0;
}

static int write_setting(struct entry *entry, const struct entry_setting *setting)
{
	const uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(entry->object->maps.entry_settings), &zero, setting, BPF_ANY))
		return -errno;
	entry->setting = *setting;
	return 0;
}

/* libbpf stops the reading behind an entry whose callback returns an error. */
static int take(void *context, void *data, size_t size)
{
	struct entry *entry = context;
	struct entry_event event;

	if (!entry_event_check(data, size, &event))
		entry->event(&event, entry->arg);
	return --entry->left ? 0 : -ECANCELED;
}

static int attach(struct entry *entry, char *error, size_t size)
{
	const struct entry_setting setting = { .generation = 1, .mode = ENTRY_STOPS };
	int err = write_setting(entry, &setting);

	if (err)
		return fail(error, size, err, "cannot set its maps");
	entry->ring = ring_buffer__new(bpf_map__fd(entry->object->maps.entry_events), take, entry, NULL);
	if (!entry->ring)
		return fail(error, size, -errno, "cannot open its ring of events");
	err = entry_bpf__attach(entry->object);
	return err ? fail(error, size, err, "the BPF program cannot be attached") : 0;
}

int entry_open(bool attaches, struct entry **out, char *error, size_t error_size)
{
	struct entry *entry;
	int err = check_host(error, error_size);

	if (err)
		return err;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return fail(error, error_size, -ENOMEM, "it cannot be opened");
	err = load(entry, attaches, error, error_size);
	if (!err && attaches)
		err = attach(entry, error, error_size);
	if (err)
		entry_close(entry);
	else
		*out = entry;
	return err;
}

bool entry_has_left_records(void)
{
	return !access(RECORDS, F_OK);
}

void entry_detach(struct entry *entry)
{
	entry_bpf__detach(entry->object);
}

bool entry_is_attached(const struct entry *entry)
{
	return entry->object->links.entry_modify;
}

void entry_close(struct entry *entry)
{
	if (!entry)
		return;
	ring_buffer__free(entry->ring);
	entry_bpf__destroy(entry->object);
	free(entry);
}

/* ---- what passes ---- */

int entry_set_mode(struct entry *entry, enum entry_mode mode)
{
	struct entry_setting setting = entry->setting;

	setting.mode = mode;
	return write_setting(entry, &setting);
}

int entry_allow(struct entry *entry, const struct entry_ticket *ticket)
{
	int map = bpf_map__fd(entry->object->maps.entry_tickets);

	return bpf_map_update_elem(map, ticket, &entry->setting.generation, BPF_ANY) ? -errno : 0;
}

void entry_withdraw(struct entry *entry, const struct entry_ticket *ticket)
{
	(void)bpf_map_delete_elem(bpf_map__fd(entry->object->maps.entry_tickets), ticket);
}

int entry_withdraw_all(struct entry *entry)
{
	struct entry_setting setting = entry->setting;

	setting.generation++;
	return write_setting(entry, &setting);
}

/* ---- what was stopped ---- */

int entry_fd(const struct entry *entry)
{
	return entry->ring ? ring_buffer__epoll_fd(entry->ring) : -1;
}

void entry_take(struct entry *entry, unsigned int max, entry_event_fn event, void *arg)
{
	if (!entry->ring)
		return;
	entry->event = event;
	entry->arg = arg;
	entry->left = max;
	(void)ring_buffer__consume(entry->ring);
}

int entry_each_stopped(struct entry *entry, entry_event_fn event, void *arg)
{
	int map = bpf_map__fd(entry->object->maps.entry_stopped);
	const uint32_t *previous = NULL;
	struct entry_event octets, checked;
	uint32_t key, next;

	while (!bpf_map_get_next_key(map, previous, &next)) {
		key = next;
		previous = &key;
		if (bpf_map_lookup_elem(map, &key, &octets))
			continue; /* removed since */
		if (!entry_event_check(&octets, sizeof(octets), &checked))
			event(&checked, arg);
	}
	return errno == ENOENT ? 0 : -errno;
}

void entry_forget_stopped(struct entry *entry, uint32_t tid)
{
	(void)bpf_map_delete_elem(bpf_map__fd(entry->object->maps.entry_stopped), &tid);
}
