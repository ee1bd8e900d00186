// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The methods that a supervisor can carry out for a program. Sources: drivers/infiniband/core/uverbs_std_types_*.c and
 * uverbs_cmd.c for the methods, and the places named below for drivers that use the memory of their caller.
 */
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <string.h>

#include "supervisor_internal.h"
#include "uverbs/qp.h"
#include "uverbs/write_commands.h"

#define BIT(n)                   (UINT32_C(1) << (n))
#define DRIVER_BIT(id)           BIT((id) & ~(1U << UVERBS_ID_NS_SHIFT))
#define BITS(first, last)        ((BIT((last) - (first) + 1) - 1) << (first))
#define DRIVER_BITS(first, last) BITS((first) & ~(1U << UVERBS_ID_NS_SHIFT), (last) & ~(1U << UVERBS_ID_NS_SHIFT))
#define UHW                      UHW_AND(0)
#define UHW_AND(more)                                                                                                \
	{                                                                                                            \
		.in = DRIVER_BIT(UVERBS_ATTR_UHW_IN), .out = DRIVER_BIT(UVERBS_ATTR_UHW_OUT), .program_only = (more) \
	}

/*
 * Attributes newer than the headers of kernel 6.1; the first and the last of each group. Memory for the queues of CQs
 * (6.17) and QPs (7.2), by address or by fd. In the driver's namespace, places of doorbells: mlx5 (cq.c since 6.12,
 * qp.c since 7.2) and bnxt_re (uapi.c, 7.2). The fds of GET_CONTEXT (6.15) are an array of numbers.
 */
enum {
	CREATE_CQ_BUFFER_VA = UVERBS_ATTR_CREATE_CQ_EVENT_FD + 1,
	CREATE_CQ_BUF_UMEM = CREATE_CQ_BUFFER_VA + 4,
	CREATE_CQ_DRIVERS_FIRST = UVERBS_ATTR_UHW_OUT + 1,
	CREATE_CQ_DRIVERS_LAST = CREATE_CQ_DRIVERS_FIRST + 1,
	CREATE_QP_BUF_UMEM = UVERBS_ATTR_CREATE_QP_RESP_QP_NUM + 1,
	CREATE_QP_SQ_BUF_UMEM = CREATE_QP_BUF_UMEM + 2,
	CREATE_QP_DRIVERS_OWN = UVERBS_ATTR_UHW_OUT + 1,
	GET_CONTEXT_FD_ARR = UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT + 1,
};

/* IB_QP_QKEY in include/rdma/ib_verbs.h; IB_QP_SET_QKEY: a Q_Key that takes CAP_NET_RAW, by its highest bit */
static const uint32_t controlled_qkey = UINT32_C(1) << 31;

static const struct schema schemas[] = {
	{ UVERBS_OBJECT_DEVICE,
	  UVERBS_METHOD_INVOKE_WRITE,
	  { .in = BIT(UVERBS_ATTR_CORE_IN) | BIT(UVERBS_ATTR_WRITE_CMD), .out = BIT(UVERBS_ATTR_CORE_OUT) },
	  UHW },
	{ UVERBS_OBJECT_DEVICE,
	  UVERBS_METHOD_INFO_HANDLES,
	  { .in = BIT(UVERBS_ATTR_INFO_OBJECT_ID),
	    .out = BIT(UVERBS_ATTR_INFO_TOTAL_HANDLES) | BIT(UVERBS_ATTR_INFO_HANDLES_LIST) },
	  { 0 } },
	{ UVERBS_OBJECT_DEVICE,
	  UVERBS_METHOD_QUERY_PORT,
	  { .in = BIT(UVERBS_ATTR_QUERY_PORT_PORT_NUM), .out = BIT(UVERBS_ATTR_QUERY_PORT_RESP) },
	  { 0 } },
	{ UVERBS_OBJECT_DEVICE,
	  UVERBS_METHOD_GET_CONTEXT,
	  { .out = BIT(UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS) | BIT(UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT),
	    .program_only = BIT(GET_CONTEXT_FD_ARR) },
	  UHW },
	{ UVERBS_OBJECT_DEVICE,
	  UVERBS_METHOD_QUERY_CONTEXT,
	  { .out = BIT(UVERBS_ATTR_QUERY_CONTEXT_NUM_COMP_VECTORS) | BIT(UVERBS_ATTR_QUERY_CONTEXT_CORE_SUPPORT) },
	  /* it has no UHW; mlx5 is the only driver that has an attribute there (main.c, mlx5_ib_query_context) */
	  { .out = DRIVER_BIT(MLX5_IB_ATTR_QUERY_CONTEXT_RESP_UCTX) } },
	{ UVERBS_OBJECT_DEVICE,
	  UVERBS_METHOD_QUERY_GID_TABLE,
	  { .in = BIT(UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE) | BIT(UVERBS_ATTR_QUERY_GID_TABLE_FLAGS),
	    .out = BIT(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES) | BIT(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES) },
	  { 0 } },
	{ UVERBS_OBJECT_DEVICE,
	  UVERBS_METHOD_QUERY_GID_ENTRY,
	  { .in = BIT(UVERBS_ATTR_QUERY_GID_ENTRY_PORT) | BIT(UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX) |
		  BIT(UVERBS_ATTR_QUERY_GID_ENTRY_FLAGS),
	    .out = BIT(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY) },
	  { 0 } },
	{ UVERBS_OBJECT_QP,
	  UVERBS_METHOD_QP_CREATE,
	  { .in = BIT(UVERBS_ATTR_CREATE_QP_USER_HANDLE) | BIT(UVERBS_ATTR_CREATE_QP_CAP) |
		  BIT(UVERBS_ATTR_CREATE_QP_TYPE) | BIT(UVERBS_ATTR_CREATE_QP_FLAGS) |
		  BIT(UVERBS_ATTR_CREATE_QP_SOURCE_QPN),
	    .out = BIT(UVERBS_ATTR_CREATE_QP_RESP_CAP) | BIT(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM),
	    .handle = BIT(UVERBS_ATTR_CREATE_QP_HANDLE) | BIT(UVERBS_ATTR_CREATE_QP_XRCD_HANDLE) |
		      BIT(UVERBS_ATTR_CREATE_QP_PD_HANDLE) | BIT(UVERBS_ATTR_CREATE_QP_SRQ_HANDLE) |
		      BIT(UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE) | BIT(UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE) |
		      BIT(UVERBS_ATTR_CREATE_QP_IND_TABLE_HANDLE),
	    .fd_in = BIT(UVERBS_ATTR_CREATE_QP_EVENT_FD),
	    .program_only = BITS(CREATE_QP_BUF_UMEM, CREATE_QP_SQ_BUF_UMEM) },
	  UHW_AND(DRIVER_BIT(CREATE_QP_DRIVERS_OWN)) },
	{ UVERBS_OBJECT_QP,
	  UVERBS_METHOD_QP_DESTROY,
	  { .out = BIT(UVERBS_ATTR_DESTROY_QP_RESP), .handle = BIT(UVERBS_ATTR_DESTROY_QP_HANDLE) },
	  { 0 } },
	{ UVERBS_OBJECT_CQ,
	  UVERBS_METHOD_CQ_CREATE,
	  { .in = BIT(UVERBS_ATTR_CREATE_CQ_CQE) | BIT(UVERBS_ATTR_CREATE_CQ_USER_HANDLE) |
		  BIT(UVERBS_ATTR_CREATE_CQ_COMP_VECTOR) | BIT(UVERBS_ATTR_CREATE_CQ_FLAGS),
	    .out = BIT(UVERBS_ATTR_CREATE_CQ_RESP_CQE),
	    .handle = BIT(UVERBS_ATTR_CREATE_CQ_HANDLE),
	    .fd_in = BIT(UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL) | BIT(UVERBS_ATTR_CREATE_CQ_EVENT_FD),
	    .program_only = BITS(CREATE_CQ_BUFFER_VA, CREATE_CQ_BUF_UMEM) },
	  UHW_AND(DRIVER_BITS(CREATE_CQ_DRIVERS_FIRST, CREATE_CQ_DRIVERS_LAST)) },
	{ UVERBS_OBJECT_CQ,
	  UVERBS_METHOD_CQ_DESTROY,
	  { .out = BIT(UVERBS_ATTR_DESTROY_CQ_RESP), .handle = BIT(UVERBS_ATTR_DESTROY_CQ_HANDLE) },
	  { 0 } },
	{ UVERBS_OBJECT_SRQ,
	  UVERBS_METHOD_SRQ_CREATE,
	  { .in = BIT(UVERBS_ATTR_CREATE_SRQ_USER_HANDLE) | BIT(UVERBS_ATTR_CREATE_SRQ_MAX_WR) |
		  BIT(UVERBS_ATTR_CREATE_SRQ_MAX_SGE) | BIT(UVERBS_ATTR_CREATE_SRQ_LIMIT) |
		  BIT(UVERBS_ATTR_CREATE_SRQ_MAX_NUM_TAGS) | BIT(UVERBS_ATTR_CREATE_SRQ_TYPE),
	    .out = BIT(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_WR) | BIT(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_SGE) |
		   BIT(UVERBS_ATTR_CREATE_SRQ_RESP_SRQ_NUM),
	    .handle = BIT(UVERBS_ATTR_CREATE_SRQ_HANDLE) | BIT(UVERBS_ATTR_CREATE_SRQ_PD_HANDLE) |
		      BIT(UVERBS_ATTR_CREATE_SRQ_XRCD_HANDLE) | BIT(UVERBS_ATTR_CREATE_SRQ_CQ_HANDLE),
	    .fd_in = BIT(UVERBS_ATTR_CREATE_SRQ_EVENT_FD) },
	  UHW },
	{ UVERBS_OBJECT_SRQ,
	  UVERBS_METHOD_SRQ_DESTROY,
	  { .out = BIT(UVERBS_ATTR_DESTROY_SRQ_RESP), .handle = BIT(UVERBS_ATTR_DESTROY_SRQ_HANDLE) },
	  { 0 } },
	{ UVERBS_OBJECT_WQ,
	  UVERBS_METHOD_WQ_DESTROY,
	  { .out = BIT(UVERBS_ATTR_DESTROY_WQ_RESP), .handle = BIT(UVERBS_ATTR_DESTROY_WQ_HANDLE) },
	  { 0 } },
	{ UVERBS_OBJECT_MR, UVERBS_METHOD_MR_DESTROY, { .handle = BIT(UVERBS_ATTR_DESTROY_MR_HANDLE) }, { 0 } },
	{ UVERBS_OBJECT_MR,
	  UVERBS_METHOD_QUERY_MR,
	  { .out = BIT(UVERBS_ATTR_QUERY_MR_RESP_LKEY) | BIT(UVERBS_ATTR_QUERY_MR_RESP_RKEY) |
		   BIT(UVERBS_ATTR_QUERY_MR_RESP_LENGTH) | BIT(UVERBS_ATTR_QUERY_MR_RESP_IOVA),
	    .handle = BIT(UVERBS_ATTR_QUERY_MR_HANDLE) },
	  { 0 } },
	{ UVERBS_OBJECT_MW, UVERBS_METHOD_MW_DESTROY, { .handle = BIT(UVERBS_ATTR_DESTROY_MW_HANDLE) }, { 0 } },
	{ UVERBS_OBJECT_PD, UVERBS_METHOD_PD_DESTROY, { .handle = BIT(UVERBS_ATTR_DESTROY_PD_HANDLE) }, { 0 } },
	{ UVERBS_OBJECT_AH, UVERBS_METHOD_AH_DESTROY, { .handle = BIT(UVERBS_ATTR_DESTROY_AH_HANDLE) }, { 0 } },
	{ UVERBS_OBJECT_XRCD, UVERBS_METHOD_XRCD_DESTROY, { .handle = BIT(UVERBS_ATTR_DESTROY_XRCD_HANDLE) }, { 0 } },
	{ UVERBS_OBJECT_RWQ_IND_TBL,
	  UVERBS_METHOD_RWQ_IND_TBL_DESTROY,
	  { .handle = BIT(UVERBS_ATTR_DESTROY_RWQ_IND_TBL_HANDLE) },
	  { 0 } },
	{ UVERBS_OBJECT_FLOW, UVERBS_METHOD_FLOW_DESTROY, { .handle = BIT(UVERBS_ATTR_DESTROY_FLOW_HANDLE) }, { 0 } },
	{ UVERBS_OBJECT_ASYNC_EVENT,
	  UVERBS_METHOD_ASYNC_EVENT_ALLOC,
	  { .fd_new = BIT(UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE) },
	  { 0 } },
};

/* Methods of mlx5 that pass firmware commands on unchanged (hw/mlx5/devx.c), which name memory by objects only. */
static const struct schema mlx5_schemas[] = {
	{ MLX5_IB_OBJECT_DEVX,
	  MLX5_IB_METHOD_DEVX_OTHER,
	  { 0 },
	  { .in = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OTHER_CMD_IN), .out = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OTHER_CMD_OUT) } },
	{ MLX5_IB_OBJECT_DEVX_OBJ,
	  MLX5_IB_METHOD_DEVX_OBJ_CREATE,
	  { 0 },
	  { .in = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_CREATE_CMD_IN),
	    .out = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_CREATE_CMD_OUT),
	    .handle = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_CREATE_HANDLE) } },
	{ MLX5_IB_OBJECT_DEVX_OBJ,
	  MLX5_IB_METHOD_DEVX_OBJ_DESTROY,
	  { 0 },
	  { .handle = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_DESTROY_HANDLE) } },
	{ MLX5_IB_OBJECT_DEVX_OBJ,
	  MLX5_IB_METHOD_DEVX_OBJ_MODIFY,
	  { 0 },
	  { .in = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_MODIFY_CMD_IN),
	    .out = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_MODIFY_CMD_OUT),
	    .handle = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_MODIFY_HANDLE) } },
	{ MLX5_IB_OBJECT_DEVX_OBJ,
	  MLX5_IB_METHOD_DEVX_OBJ_QUERY,
	  { 0 },
	  { .in = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_QUERY_CMD_IN),
	    .out = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_QUERY_CMD_OUT),
	    .handle = DRIVER_BIT(MLX5_IB_ATTR_DEVX_OBJ_QUERY_HANDLE) } },
};

static const struct schema *find_in(const struct schema *list, size_t count, uint16_t object, uint16_t method)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].object == object && list[i].method == method)
			return &list[i];
	return NULL;
}

const struct schema *schema_find(uint32_t driver_id, uint16_t object, uint16_t method)
{
	const struct schema *found = find_in(schemas, sizeof(schemas) / sizeof(schemas[0]), object, method);

	if (!found && driver_id == RDMA_DRIVER_MLX5)
		found = find_in(mlx5_schemas, sizeof(mlx5_schemas) / sizeof(mlx5_schemas[0]), object, method);
	return found;
}

enum attr_role schema_role(const struct schema *schema, uint16_t attr_id)
{
	bool driver = attr_id & 1U << UVERBS_ID_NS_SHIFT;
	const struct attr_set *set = driver ? &schema->driver : &schema->core;
	unsigned int number = attr_id & ~(1U << UVERBS_ID_NS_SHIFT);
	uint32_t bit = number < 32 ? BIT(number) : 0;

	if (set->in & bit)
		return ATTR_IN;
	if (set->out & bit)
		return ATTR_OUT;
	if (set->handle & bit)
		return ATTR_HANDLE;
	if (set->fd_in & bit)
		return ATTR_FD_IN;
	if (set->program_only & bit)
		return ATTR_PROGRAM_ONLY;
	return set->fd_new & bit ? ATTR_FD_NEW : ATTR_UNKNOWN;
}

/* Copies the first `size` octets, more than eight, of CORE_IN of an INVOKE_WRITE in the snapshot. */
static bool core_in(const struct ib_uverbs_ioctl_hdr *request, void *out, size_t size)
{
	for (size_t i = 0; i < request->num_attrs; i++) {
		const struct ib_uverbs_attr *attr = &request->attrs[i];

		if (attr->attr_id != UVERBS_ATTR_CORE_IN || attr->len < size)
			continue;
		memcpy(out, (const void *)(uintptr_t)attr->data, size);
		return true;
	}
	return false;
}

static size_t core_out_len(const struct ib_uverbs_ioctl_hdr *request)
{
	for (size_t i = 0; i < request->num_attrs; i++)
		if (request->attrs[i].attr_id == UVERBS_ATTR_CORE_OUT)
			return request->attrs[i].len;
	return 0;
}

bool schema_answer_fits(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command)
{
	struct ib_uverbs_poll_cq poll;
	size_t room = core_out_len(request);

	if (command->object_id != UVERBS_OBJECT_DEVICE || command->method_id != UVERBS_METHOD_INVOKE_WRITE ||
	    command->write_command != IB_USER_VERBS_CMD_POLL_CQ)
		return true;
	if (!core_in(request, &poll, sizeof(poll)) || room < sizeof(struct ib_uverbs_poll_cq_resp))
		return false;
	return poll.ne <= (room - sizeof(struct ib_uverbs_poll_cq_resp)) / sizeof(struct ib_uverbs_wc);
}

/*
 * Drivers that allocate queues in the kernel, which the program maps afterwards by the uverbs fd (rxe_mmap.c;
 * siw_verbs.c: siw_mmap_entry_insert()). The others pin pages of the program (ib_umem_get()).
 */
static bool driver_makes_queues(uint32_t driver_id)
{
	return driver_id == RDMA_DRIVER_RXE || driver_id == RDMA_DRIVER_SIW;
}

static bool creates_queues(const struct uverbs_command *command)
{
	return (command->object_id == UVERBS_OBJECT_QP && command->method_id == UVERBS_METHOD_QP_CREATE) ||
	       (command->object_id == UVERBS_OBJECT_CQ && command->method_id == UVERBS_METHOD_CQ_CREATE) ||
	       (command->object_id == UVERBS_OBJECT_SRQ && command->method_id == UVERBS_METHOD_SRQ_CREATE);
}

/*
 * Commands whose result depends on the calling process. siw sends short messages from the memory of the process that
 * posts them (siw_verbs.c siw_post_send(): in_syscall; siw_qp_tx.c siw_try_1seg()): the supervisor would send its own
 * memory. GET_CONTEXT depends on the capabilities of its caller: with DEVX on mlx5 (mlx5_ib_devx_create()), always on
 * erdma (alloc_db_resources() in erdma_verbs.c).
 */
static bool needs_caller(const struct uverbs_command *command)
{
	if (command->kind == UVERBS_CONTEXT_OPEN)
		return command->has & UVERBS_HAS_DEVX || command->driver_id == RDMA_DRIVER_ERDMA;
	return command->driver_id == RDMA_DRIVER_SIW && command->object_id == UVERBS_OBJECT_DEVICE &&
	       command->method_id == UVERBS_METHOD_INVOKE_WRITE &&
	       command->write_command == IB_USER_VERBS_CMD_POST_SEND;
}

static bool has_program_only(const struct ib_uverbs_ioctl_hdr *request, const struct schema *schema)
{
	for (size_t i = 0; i < request->num_attrs; i++)
		if (schema_role(schema, request->attrs[i].attr_id) == ATTR_PROGRAM_ONLY)
			return true;
	return false;
}

bool schema_can_carry_out(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command)
{
	const struct schema *schema = schema_find(command->driver_id, command->object_id, command->method_id);
	bool invoke_write =
		command->object_id == UVERBS_OBJECT_DEVICE && command->method_id == UVERBS_METHOD_INVOKE_WRITE;
	uint32_t properties = uverbs_write_properties(command->write_command);

	if (!schema || needs_caller(command) || has_program_only(request, schema))
		return false;
	if (creates_queues(command) || (invoke_write && properties & UVERBS_WRITE_CREATES_QUEUE))
		return driver_makes_queues(command->driver_id);
	return !invoke_write || properties & UVERBS_WRITE_NEEDS_NO_MEMORY;
}

static bool modifies_controlled_qkey(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command)
{
	struct ib_uverbs_modify_qp modify;
	uint32_t number = command->write_command & ~IB_USER_VERBS_CMD_FLAG_EXTENDED;

	return number == IB_USER_VERBS_CMD_MODIFY_QP && core_in(request, &modify, sizeof(modify)) &&
	       modify.attr_mask & UVERBS_QP_ATTR_QKEY && modify.qkey & controlled_qkey;
}

bool schema_asks_capability(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command)
{
	switch (command->kind) {
	case UVERBS_QP_CREATE:
		return command->has & UVERBS_HAS_SOURCE_QPN || command->qp_type == IB_UVERBS_QPT_RAW_PACKET ||
		       command->qp_type == IB_UVERBS_QPT_DRIVER;
	case UVERBS_FLOW_CREATE:
	case UVERBS_DRIVER_PRIVATE:
		return true;
	default:
		return modifies_controlled_qkey(request, command);
	}
}
