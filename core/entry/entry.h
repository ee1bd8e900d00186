/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The kernel door: a BPF program behind ib_modify_qp_with_udata() (entry.bpf.c), which sees each queue pair of user
 * space that gets an address. It stops the process, and writes an event, unless there is a ticket for the command.
 *
 * The program is attached as long as the process lives that opened it, and ib_core cannot be unloaded then. Opening
 * takes CAP_SYS_ADMIN (the BTF of modules: bpf_btf_get_fd_by_id() in kernel/bpf/syscall.c). All other functions need no
 * privilege, only the descriptors that are open.
 *
 * One thread. Nothing blocks, except entry_open(), which loads the program, and entry_detach(), which waits for those
 * that run (synchronize_rcu_tasks()). `error`, where there is one, gets a text with each -errno.
 */
#ifndef RDMASEC_ENTRY_ENTRY_H
#define RDMASEC_ENTRY_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "entry/shared.h"
#include "util/attributes.h"

/* Has entry_stopped, which outlives the daemon. Beside the folder of the gate, which is removed with the gate. */
#define ENTRY_PINS "/sys/fs/bpf/rdmasec-entry"

struct entry;

/*
 * Loads the program, and attaches it if `attaches`. Without, there are only the records of entry_each_stopped(). The
 * program stops processes from then on. Returns 0 and *out, which entry_close() frees; or -errno: -EPERM without
 * privilege, or when the kernel's lockdown forbids BPF; -ENOENT: the kernel has no BTF, or ib_core is not loaded;
 * -EACCES: the verifier has refused the program; -EXDEV: not in the initial PID namespace, whose numbers the events
 * have; -ENOTDIR: no BPF file system is mounted; -EEXIST: the pinned map is that of another release; -EOPNOTSUPP: a
 * build without BPF.
 */
RS_MUST_USE int entry_open(bool attaches, struct entry **out, char *error, size_t error_size);
/* Whether an earlier process has left its records, of which entry_each_stopped() tells. */
bool entry_has_left_records(void);
/* No process is stopped any more. Events that were written before stay in the ring. */
void entry_detach(struct entry *entry);
bool entry_is_attached(const struct entry *entry);
/* Also detaches. The records of stopped threads stay. NULL is allowed. */
void entry_close(struct entry *entry);

/* ---- what passes ---- */

/* Returns 0; or -errno, and the mode is as it was. */
RS_MUST_USE int entry_set_mode(struct entry *entry, enum entry_mode mode);

/* Describes a command. `remote` NULL: a queue pair that needs no address; then port and gid_index are 0. */
void entry_ticket_make(uint32_t device, uint32_t qpn, const uint8_t remote[16], uint8_t port, uint8_t gid_index,
		       struct entry_ticket *out);

/* Lets the command pass, until entry_withdraw() or entry_withdraw_all(). Returns 0, or -errno, as when there are too
 * many. */
RS_MUST_USE int entry_allow(struct entry *entry, const struct entry_ticket *ticket);
void entry_withdraw(struct entry *entry, const struct entry_ticket *ticket); /* also if there is none */
/* The evidence has changed: no ticket is valid any more. Returns 0, or -errno, and the caller must detach. */
RS_MUST_USE int entry_withdraw_all(struct entry *entry);

/* ---- what was stopped ---- */

typedef void (*entry_event_fn)(const struct entry_event *event, void *arg);

/* Returns an fd that is readable while there are events; -1: it was opened without `attaches`. */
int entry_fd(const struct entry *entry);
/* Takes at most `max` events, each checked by entry_event_check(). */
void entry_take(struct entry *entry, unsigned int max, entry_event_fn event, void *arg);
/*
 * Calls `event` for each thread that was stopped and has a record still, also those of an earlier process, in no order.
 * Returns 0 or -errno.
 */
RS_MUST_USE int entry_each_stopped(struct entry *entry, entry_event_fn event, void *arg);
/* The thread will be continued, or its process has ended: removes its record, if there is one. */
void entry_forget_stopped(struct entry *entry, uint32_t tid);

/* Returns 0 and *out; -EBADMSG: the octets are no event. */
RS_MUST_USE int entry_event_check(const void *octets, size_t size, struct entry_event *out);
/* Whether the event is of a process with this start time, in clock ticks since boot (/proc/PID/stat). */
bool entry_event_is_of(const struct entry_event *event, uint64_t start_time);

#endif
