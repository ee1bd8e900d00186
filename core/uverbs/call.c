// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Sources: drivers/infiniband/core/uverbs_ioctl.c, uverbs_std_types_device.c. */
#include "uverbs/call.h"

#include <rdma/ib_user_ioctl_cmds.h>
#include <string.h>

void uverbs_call_begin(struct uverbs_call *call, uint32_t driver_id, uint16_t object, uint16_t method)
{
	memset(call, 0, sizeof(*call));
	call->header.length = sizeof(call->header);
	call->header.driver_id = driver_id;
	call->header.object_id = object;
	call->header.method_id = method;
}

/* MANDATORY: a kernel that does not know the attribute fails, instead of doing half of the command. */
static struct ib_uverbs_attr *add(struct uverbs_call *call, uint16_t id, uint16_t len)
{
	struct ib_uverbs_attr *attr = &call->header.attrs[call->header.num_attrs++];

	attr->attr_id = id;
	attr->len = len;
	attr->flags = UVERBS_ATTR_F_MANDATORY;
	call->header.length += sizeof(*attr);
	return attr;
}

void uverbs_call_in(struct uverbs_call *call, uint16_t id, const void *data, uint16_t len)
{
	struct ib_uverbs_attr *attr = add(call, id, len);

	/* uverbs_attr_ptr_is_inline() in include/rdma/uverbs_ioctl.h */
	if (len <= sizeof(attr->data))
		memcpy(&attr->data, data, len);
	else
		attr->data = (uintptr_t)data;
}

void uverbs_call_const(struct uverbs_call *call, uint16_t id, uint64_t value)
{
	uverbs_call_in(call, id, &value, sizeof(value));
}

/* uverbs_process_attr(): an IDR attribute has the length 0 */
void uverbs_call_handle(struct uverbs_call *call, uint16_t id, uint32_t handle)
{
	add(call, id, 0)->data = handle;
}

void uverbs_call_out(struct uverbs_call *call, uint16_t id, void *data, uint16_t len)
{
	call->outputs |= UINT32_C(1) << call->header.num_attrs;
	add(call, id, len)->data = (uintptr_t)data;
}

void uverbs_call_write_command(struct uverbs_call *call, uint32_t driver_id, uint32_t command, const void *in,
			       uint16_t in_len, void *out, uint16_t out_len)
{
	uverbs_call_begin(call, driver_id, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);
	uverbs_call_in(call, UVERBS_ATTR_CORE_IN, in, in_len);
	if (out)
		uverbs_call_out(call, UVERBS_ATTR_CORE_OUT, out, out_len);
	uverbs_call_const(call, UVERBS_ATTR_WRITE_CMD, command);
}
