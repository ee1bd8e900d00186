// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "qp_options.h"

#include <errno.h>
#include <infiniband/verbs.h>
#include <stdlib.h>

#include "want_option.h"

static struct want_table table;

/* initial-exec: the first use by a thread allocates nothing */
static _Thread_local struct want making __attribute__((tls_model("initial-exec")));

static struct want_key key_of(int fd, uint32_t handle)
{
	return (struct want_key){ .owner = (uint64_t)fd, .number = handle };
}

/* Connected QPs get their remote by MODIFY_QP; all others, and unknown types, may use address handles. */
static bool sends_by_handles(uint32_t qp_type)
{
	switch (qp_type) {
	case IBV_QPT_RC:
	case IBV_QPT_UC:
	case IBV_QPT_XRC_SEND:
	case IBV_QPT_XRC_RECV:
		return false;
	default:
		return true;
	}
}

struct want qp_options_make_with(const struct want *want)
{
	struct want before = making;

	making = want ? *want : (struct want){ 0 };
	return before;
}

bool qp_options_get(int fd, uint32_t handle, struct want *out)
{
	return want_table_get(&table, key_of(fd, handle), out);
}

int qp_options_set(int fd, uint32_t handle, uint32_t qp_type, int option, const void *value, size_t size)
{
	return want_table_set(&table, key_of(fd, handle), sends_by_handles(qp_type), option, value, size);
}

static int before_creation(uint32_t qp_type, struct want *want, struct qp_options_change *change)
{
	*want = making;
	if (want_is_empty(&making))
		return 0;
	change->made = want_entry_new();
	if (!change->made)
		return -ENOMEM;
	change->made->want = making;
	change->made->by_handles = sends_by_handles(qp_type);
	return 0;
}

int qp_options_before(int fd, const struct uverbs_command *command, struct want *want, struct qp_options_change *change)
{
	*change = (struct qp_options_change){ 0 };
	switch (command->kind) {
	case UVERBS_QP_CREATE:
	case UVERBS_QP_OPEN:
		return before_creation(command->qp_type, want, change);
	case UVERBS_QP_DESTROY:
		change->destroyed = want_table_serial(&table, key_of(fd, command->handle));
		return 0;
	case UVERBS_AH_CREATE:
		return want_table_join(&table, (uint64_t)fd, want);
	default:
		if (command->has & UVERBS_HAS_HANDLE)
			want_table_get(&table, key_of(fd, command->handle), want);
		return 0;
	}
}

static void after_creation(int fd, struct want_entry *made, const struct uverbs_command *reply)
{
	struct want_key key = key_of(fd, reply->handle);

	/* a left-over entry: its QP ended with its context, and the fd number was reused without GET_CONTEXT */
	want_table_drop(&table, key);
	if (!made)
		return;
	made->key = key;
	want_table_put(&table, made);
}

void qp_options_after(int fd, const struct qp_options_change *change, const struct uverbs_command *reply)
{
	int saved = errno;

	if (!reply) {
		free(change->made);
	} else if (reply->kind == UVERBS_QP_CREATE || reply->kind == UVERBS_QP_OPEN) {
		after_creation(fd, change->made, reply);
	} else if (reply->kind == UVERBS_QP_DESTROY && change->destroyed) {
		want_table_drop_serial(&table, key_of(fd, reply->handle), change->destroyed);
	} else if (reply->kind == UVERBS_CONTEXT_OPEN) {
		want_table_drop_owner(&table, (uint64_t)fd);
	}
	errno = saved;
}
