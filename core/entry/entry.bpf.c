// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The kernel door: it sees each queue pair of user space that gets an address, whatever way the command came. It reads
 * the kernel's own copy of the attributes, which no program can change any more. A command for which the engine has
 * made a ticket passes. Else the process is stopped before it returns to user space, and the engine is notified.
 *
 * It runs behind the function, so that the engine finds the queue pair as the command left it. In RTR a queue pair
 * sends no message; it answers those of its peer. To send, it needs one more command (RTS), which a stopped process
 * does not issue.
 *
 * Sources: ib_modify_qp_with_udata() in drivers/infiniband/core/verbs.c, which modify_qp() in uverbs_cmd.c calls, and
 * no kernel user; bpf_send_signal_common() in kernel/trace/bpf_trace.c; prepare_signal() in kernel/signal.c.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "entry/shared.h"

/* ---- structures of the kernel: the members that are read, found by name (CO-RE) ---- */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Members that are enums must be declared as enums: libbpf compares the kinds of types. */
enum ib_qp_type { IB_QPT_RC = 2, IB_QPT_UC = 3, IB_QPT_XRC_INI = 9, IB_QPT_XRC_TGT = 10 };
enum ib_qp_state { IB_QPS_RTR = 2 };

struct ib_device {
	char name[ENTRY_DEVICE_NAME_MAX];
	__u32 index;
};

struct ib_uobject {
	int id;
};

struct ib_uqp_object;

struct ib_qp {
	struct ib_device *device;
	struct ib_uqp_object *uobject;
	__u32 qp_num;
	enum ib_qp_type qp_type;
};

union ib_gid {
	__u8 raw[16];
};

struct ib_global_route {
	union ib_gid dgid;
	__u8 sgid_index;
};

struct rdma_ah_attr {
	struct ib_global_route grh;
	__u32 port_num;
};

struct ib_qp_attr {
	enum ib_qp_state qp_state;
	struct rdma_ah_attr ah_attr;
};

struct ib_udata;

struct task_struct {
	struct task_struct *group_leader;
	__u64 start_boottime;
};

#pragma clang attribute pop

/* enum ib_qp_attr_mask in include/rdma/ib_verbs.h */
enum { QP_STATE = 1 << 0, QP_AV = 1 << 7 };

enum { SIGNAL_KILL = 9, SIGNAL_STOP = 19 };

/* ---- maps ---- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRY_TICKETS_MAX);
	__type(key, struct entry_ticket);
	__type(value, __u64); /* the generation */
} entry_tickets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct entry_setting);
} entry_settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ENTRY_EVENTS_SIZE);
} entry_events SEC(".maps");

/* Threads whose process was stopped, for a daemon that follows one that was killed: so this map is pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRY_STOPPED_MAX);
	__type(key, __u32); /* tid */
	__type(value, struct entry_event);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} entry_stopped SEC(".maps");

/* ---- the program ---- */

/* Datagrams, raw packets and queue pairs of drivers: each message or the driver has the address. As the doors see it.
 */
static __always_inline bool becomes_ready(const struct ib_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	enum ib_qp_type type = BPF_CORE_READ(qp, qp_type);

	if (!(mask & QP_STATE) || BPF_CORE_READ(attr, qp_state) != IB_QPS_RTR)
		return false;
	return type != IB_QPT_RC && type != IB_QPT_UC && type != IB_QPT_XRC_INI && type != IB_QPT_XRC_TGT;
}

/* The struct ib_uobject comes first in a struct ib_uqp_object (core/uverbs.h), of which only ib_uverbs has BTF. */
static __always_inline __u32 handle_of(const struct ib_qp *qp)
{
	const struct ib_uobject *object = (const void *)BPF_CORE_READ(qp, uobject);

	return (__u32)BPF_CORE_READ(object, id);
}

static __always_inline void describe(const struct ib_qp *qp, const struct ib_qp_attr *attr, int mask,
				     struct entry_event *event)
{
	const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
	__u64 ids = bpf_get_current_pid_tgid();

	event->pid = ids >> 32;
	event->tid = (__u32)ids;
	event->start_time = BPF_CORE_READ(task, group_leader, start_boottime);
	event->handle = handle_of(qp);
	event->qp_type = BPF_CORE_READ(qp, qp_type);
	BPF_CORE_READ_INTO(&event->device, qp, device, name);
	event->command.device = BPF_CORE_READ(qp, device, index);
	event->command.qpn = BPF_CORE_READ(qp, qp_num);
	if (!(mask & QP_AV))
		return;
	BPF_CORE_READ_INTO(&event->command.remote, attr, ah_attr.grh.dgid);
	event->command.port = (__u8)BPF_CORE_READ(attr, ah_attr.port_num);
	event->command.gid_index = BPF_CORE_READ(attr, ah_attr.grh.sgid_index);
}

static __always_inline bool has_ticket(const struct entry_setting *setting, const struct entry_ticket *command)
{
	const __u64 *generation = bpf_map_lookup_elem(&entry_tickets, command);

	return setting && generation && setting->generation && *generation == setting->generation;
}

/*
 * The signal precedes the event: the engine may continue the process as soon as it reads the event, and SIGCONT removes
 * a SIGSTOP that has not been acted upon. A process that the engine would not get to know must not stay stopped.
 */
static __always_inline void stop(struct entry_event *event)
{
	struct entry_event *out = bpf_ringbuf_reserve(&entry_events, sizeof(*out), 0);

	event->stopped = 1;
	if (!out) {
		bpf_send_signal(SIGNAL_KILL);
		return;
	}
	if (bpf_map_update_elem(&entry_stopped, &event->tid, event, BPF_ANY) || bpf_send_signal(SIGNAL_STOP)) {
		bpf_send_signal(SIGNAL_KILL);
		bpf_map_delete_elem(&entry_stopped, &event->tid);
		bpf_ringbuf_discard(out, 0);
		return;
	}
	*out = *event;
	bpf_ringbuf_submit(out, 0);
}

/* ib_modify_qp_with_udata(qp, attr, attr_mask, udata), and behind the arguments what it has returned. */
SEC("fexit/ib_modify_qp_with_udata")
int entry_modify(const __u64 *context)
{
	const struct ib_qp *qp = (const void *)context[0];
	const struct ib_qp_attr *attr = (const void *)context[1];
	const int mask = (int)context[2], result = (int)context[4];
	const __u32 zero = 0;
	const struct entry_setting *setting = bpf_map_lookup_elem(&entry_settings, &zero);
	struct entry_event event = { 0 };

	if (result || (!(mask & QP_AV) && !becomes_ready(qp, attr, mask)))
		return 0;
	describe(qp, attr, mask, &event);
	if (has_ticket(setting, &event.command))
		return 0;
	if (!setting || setting->mode != ENTRY_REPORTS)
		stop(&event);
	else
		bpf_ringbuf_output(&entry_events, &event, sizeof(event), 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
