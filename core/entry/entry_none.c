// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The kernel door of a build without BPF (RDMASEC_BPF=OFF): entry_open() fails, and nothing else is called. */
#include <errno.h>

#include "entry/entry.h"
#include "util/text.h"

int entry_open(bool attaches, struct entry **out, char *error, size_t error_size)
{
	(void)attaches;
	*out = NULL;
	text_copy(error, error_size, "this build has no BPF (RDMASEC_BPF=OFF)");
	return -EOPNOTSUPP;
}

bool entry_has_left_records(void)
{
	return false;
}

void entry_detach(struct entry *entry)
{
	(void)entry;
}

bool entry_is_attached(const struct entry *entry)
{
	(void)entry;
	return false;
}

void entry_close(struct entry *entry)
{
	(void)entry;
}

int entry_set_mode(struct entry *entry, enum entry_mode mode)
{
	(void)entry;
	(void)mode;
	return -EOPNOTSUPP;
}

int entry_allow(struct entry *entry, const struct entry_ticket *ticket)
{
	(void)entry;
	(void)ticket;
	return -EOPNOTSUPP;
}

void entry_withdraw(struct entry *entry, const struct entry_ticket *ticket)
{
	(void)entry;
	(void)ticket;
}

int entry_withdraw_all(struct entry *entry)
{
	(void)entry;
	return -EOPNOTSUPP;
}

int entry_fd(const struct entry *entry)
{
	(void)entry;
	return -1;
}

void entry_take(struct entry *entry, unsigned int max, entry_event_fn event, void *arg)
{
	(void)entry;
	(void)max;
	(void)event;
	(void)arg;
}

int entry_each_stopped(struct entry *entry, entry_event_fn event, void *arg)
{
	(void)entry;
	(void)event;
	(void)arg;
	return -EOPNOTSUPP;
}

void entry_forget_stopped(struct entry *entry, uint32_t tid)
{
	(void)entry;
	(void)tid;
}
