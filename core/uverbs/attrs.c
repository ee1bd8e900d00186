// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "uverbs/attrs.h"

#include <errno.h>
#include <string.h>

int uverbs_request_open(struct uverbs_request *request, const struct uverbs_memory *memory, uint64_t address)
{
	const struct ib_uverbs_ioctl_hdr *header = &request->header;
	int err;

	request->memory = memory;
	request->attr_count = 0;
	err = memory->read(memory->context, address, &request->header, sizeof(*header));
	if (err)
		return err;
	/* ib_uverbs_ioctl() wants the exact size */
	if (header->length != sizeof(*header) + header->num_attrs * sizeof(struct ib_uverbs_attr))
		return -EINVAL;
	return 0;
}

static bool has_duplicate(const struct uverbs_request *request)
{
	const struct ib_uverbs_attr *attrs = request->header.attrs;

	for (size_t i = 1; i < request->attr_count; i++)
		for (size_t j = 0; j < i; j++)
			if (attrs[i].attr_id == attrs[j].attr_id)
				return true;
	return false;
}

int uverbs_request_read_attrs(struct uverbs_request *request, uint64_t address)
{
	size_t size = request->header.num_attrs * sizeof(struct ib_uverbs_attr);
	int err;

	if (sizeof(request->header) + size > sizeof(request->bytes))
		return -E2BIG;
	err = request->memory->read(request->memory->context, address + sizeof(request->header), request->header.attrs,
				    size);
	if (err)
		return err;
	request->attr_count = request->header.num_attrs;
	return has_duplicate(request) ? -EINVAL : 0;
}

const struct ib_uverbs_attr *uverbs_attr_find(const struct uverbs_request *request, uint16_t id)
{
	for (size_t i = 0; i < request->attr_count; i++)
		if (request->header.attrs[i].attr_id == id)
			return &request->header.attrs[i];
	return NULL;
}

int uverbs_attr_copy_in(const struct uverbs_request *request, uint16_t id, size_t min, void *to, size_t size)
{
	const struct ib_uverbs_attr *attr = uverbs_attr_find(request, id);
	size_t len;

	if (!attr)
		return -ENOENT;
	if (attr->len < min)
		return -EINVAL;
	len = attr->len < size ? attr->len : size;
	memset(to, 0, size);
	/* uverbs_attr_ptr_is_inline() */
	if (attr->len <= sizeof(attr->data)) {
		memcpy(to, &attr->data, len);
		return 0;
	}
	return request->memory->read(request->memory->context, attr->data, to, len);
}

int uverbs_attr_copy_out(const struct uverbs_request *request, uint16_t id, void *to, size_t size)
{
	const struct ib_uverbs_attr *attr = uverbs_attr_find(request, id);

	if (!attr)
		return -ENOENT;
	if (attr->len < size)
		return -EINVAL;
	return request->memory->read(request->memory->context, attr->data, to, size);
}

int uverbs_attr_const(const struct uverbs_request *request, uint16_t id, uint64_t *out)
{
	const struct ib_uverbs_attr *attr = uverbs_attr_find(request, id);

	if (!attr)
		return -ENOENT;
	*out = attr->data;
	return 0;
}

int uverbs_malformed(struct uverbs_command *out, const char *why)
{
	out->kind = UVERBS_MALFORMED;
	out->why_malformed = why;
	return 0;
}
