// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "id_options.h"

static struct want_table table;

static struct want_key key_of(const struct rdma_cm_id *id)
{
	return (struct want_key){ .owner = (uintptr_t)id };
}

void id_options_get(const struct rdma_cm_id *id, struct want *out)
{
	want_table_get(&table, key_of(id), out);
}

int id_options_set(const struct rdma_cm_id *id, int option, const void *value, size_t size)
{
	return want_table_set(&table, key_of(id), false, option, value, size);
}

bool id_options_inherit(const struct rdma_cm_id *listener, const struct rdma_cm_id *id, struct want_entry *spare)
{
	if (!want_table_get(&table, key_of(listener), &spare->want))
		return false;
	spare->key = key_of(id);
	want_table_put_if_new(&table, spare);
	return true;
}

struct want_entry *id_options_take(const struct rdma_cm_id *id)
{
	return want_table_take(&table, key_of(id));
}

void id_options_give_back(struct want_entry *entry)
{
	if (entry)
		want_table_put_if_new(&table, entry);
}
