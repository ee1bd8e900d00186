// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* librdmacm's calls, with a librdmacm that writes down what reaches it, and an engine that says what it is told to. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/ib.h>
#include <netinet/in.h>
#include <rdma/rdma_cma.h>
#include <unistd.h>

#include "fake_engine.h"
#include "fake_rdmacm.h"
#include "librdmacm-ext/cm.h"
#include "verbs_calls.h"

static struct fake_rdmacm *fake;

/* One id that knows its route: port 3, from 10.0.0.1 to 10.0.0.2. */
static struct {
	struct ibv_context verbs;
	struct rdma_event_channel channel;
	struct ibv_sa_path_rec record;
	struct rdma_cm_id id;
	struct ibv_qp qp;
} a, b;

static const uint8_t local_gid[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
static const uint8_t remote_gid[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };

static void make_id(__typeof__(a) *x)
{
	memset(x, 0, sizeof(*x));
	x->verbs.cmd_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	cr_assert_geq(x->verbs.cmd_fd, 0);
	memcpy(x->record.sgid.raw, local_gid, 16);
	memcpy(x->record.dgid.raw, remote_gid, 16);
	x->id.verbs = &x->verbs;
	x->id.channel = &x->channel;
	x->id.port_num = 3;
	x->id.qp_type = IBV_QPT_RC;
	x->id.ps = RDMA_PS_TCP;
	x->id.route.path_rec = &x->record;
	x->id.route.num_paths = 1;
	x->qp.context = &x->verbs;
	x->qp.qp_type = IBV_QPT_RC;
}

static void load(const char *library, int how)
{
	void *handle = dlopen(library, RTLD_NOW | how);
	fake_rdmacm_state_fn *state;

	cr_assert_not_null(handle, "%s", dlerror());
	state = (fake_rdmacm_state_fn *)dlsym(handle, "fake_rdmacm_state");
	cr_assert_not_null(state);
	fake = state();
}

static void start_without(void)
{
	engine_start(kernel_ioctl);
	memset(&kernel, 0, sizeof(kernel));
	kernel.next_handle = 1;
	make_id(&a);
	make_id(&b);
}

/* As when a program is linked to it: it calls itself through us. */
static void start(void)
{
	start_without();
	load(FAKE_RDMACM, RTLD_GLOBAL);
}

static void stop(void)
{
	close(a.verbs.cmd_fd);
	close(b.verbs.cmd_fd);
	engine_stop();
}

TestSuite(cm, .init = start, .fini = stop);
TestSuite(cm_without, .init = start_without, .fini = stop);

static void expect_path(enum request_kind kind, const uint8_t sgid[16], const uint8_t dgid[16])
{
	const struct request *asked = engine_asked();

	cr_expect_eq(asked->kind, kind, "%s", request_kind_name(asked->kind));
	cr_expect_arr_eq(asked->sgid, sgid, 16);
	cr_expect_arr_eq(asked->address.dgid, dgid, 16);
	cr_expect_eq(asked->address.port, 3);
	cr_expect(asked->address.is_global);
	cr_expect_eq(engine.fds[engine.asked - 1], a.verbs.cmd_fd);
}

/* Each call that has the CM send, with arguments that tell whether they arrive. */
static struct rdma_conn_param param;
static struct sockaddr_in group = { .sin_family = AF_INET };
static struct rdma_cm_join_mc_attr_ex group_attr = { .comp_mask = RDMA_CM_JOIN_MC_ATTR_ADDRESS,
						     .addr = (struct sockaddr *)&group };
static char data[] = "data";

static int call_connect(void)
{
	return rdma_connect(&a.id, &param);
}

static int call_accept(void)
{
	return rdma_accept(&a.id, &param);
}

static int call_reject(void)
{
	return rdma_reject(&a.id, data, sizeof(data));
}

static int call_reject_ece(void)
{
	return rdma_reject_ece(&a.id, data, sizeof(data));
}

static int call_establish(void)
{
	return rdma_establish(&a.id);
}

static int call_join(void)
{
	return rdma_join_multicast(&a.id, (struct sockaddr *)&group, data);
}

static int call_join_ex(void)
{
	return rdma_join_multicast_ex(&a.id, &group_attr, data);
}

static int call_create_qp(void)
{
	return rdma_create_qp(&a.id, NULL, NULL);
}

static int call_create_qp_ex(void)
{
	return rdma_create_qp_ex(&a.id, NULL);
}

static const struct {
	int (*call)(void);
	const char *reaches;
	const void *second;
	enum request_kind kind;
} calls[] = {
	{ call_connect, "rdma_connect ", &param, REQUEST_CM_CONNECT },
	{ call_accept, "rdma_accept ", &param, REQUEST_CM_ACCEPT },
	{ call_reject, "rdma_reject ", data, REQUEST_CM_REJECT },
	{ call_reject_ece, "rdma_reject_ece ", data, REQUEST_CM_REJECT },
	{ call_establish, "rdma_establish ", NULL, REQUEST_CM_ESTABLISH },
	{ call_join, "rdma_join_multicast ", &group, REQUEST_CM_JOIN },
	{ call_join_ex, "rdma_join_multicast_ex ", &group_attr, REQUEST_CM_JOIN },
	{ call_create_qp, "rdma_create_qp rdma_create_qp_ex ", NULL, REQUEST_CM_ROUTE },
	{ call_create_qp_ex, "rdma_create_qp_ex ", NULL, REQUEST_CM_ROUTE },
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]), NESTED = 7 };

static void have_addresses(void)
{
	a.id.route.addr.src_sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0x0a000001) } };
	a.id.route.addr.dst_sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0x0a000002) } };
}

Test(cm, passes_allowed_calls_to_librdmacm)
{
	have_addresses();
	for (size_t i = 0; i < CALLS; i++) {
		fake->calls[0] = '\0';
		fake->result = 0;
		engine.asked = 0;
		errno = EXDEV;
		cr_expect_eq(calls[i].call(), 0, "%s", calls[i].reaches);
		cr_expect_eq(errno, EXDEV, "%s: errno is kept", calls[i].reaches);
		cr_expect_str_eq(fake->calls, calls[i].reaches);
		cr_expect_eq(fake->arguments[0], &a.id);
		if (i < NESTED)
			cr_expect_eq(fake->arguments[1], calls[i].second, "%s", calls[i].reaches);
		cr_expect_eq(engine.asked, 1u, "%s: asked once, also where librdmacm calls itself", calls[i].reaches);
		cr_expect_eq(engine_asked()->kind, calls[i].kind, "%s", calls[i].reaches);
		fake->result = -1;
		fake->err = ENETDOWN;
		cr_expect_eq(calls[i].call(), -1);
		cr_expect_eq(errno, ENETDOWN, "%s: librdmacm's own errno", calls[i].reaches);
	}
}

Test(cm, passes_no_refused_call_to_librdmacm)
{
	static const int refusals[] = { EPERM, ENOKEY };
	__typeof__(a) before;

	have_addresses();
	before = a;
	for (size_t i = 0; i < CALLS; i++) {
		for (size_t j = 0; j < 2; j++) {
			engine.asked = 0;
			engine.refuse = refusals[j];
			cr_expect_eq(calls[i].call(), -1, "%s", calls[i].reaches);
			cr_expect_eq(errno, refusals[j], "%s", calls[i].reaches);
			cr_expect_str_empty(fake->calls);
			cr_expect_arr_eq(&a, &before, sizeof(a), "%s: the id is as it was", calls[i].reaches);
		}
	}
}

Test(cm, refuses_calls_without_engine)
{
	have_addresses();
	engine.address.len = 0;
	for (size_t i = 0; i < CALLS; i++) {
		cr_expect_eq(calls[i].call(), -1);
		cr_expect_eq(errno, ENOTCONN, "%s", calls[i].reaches);
		cr_expect_str_empty(fake->calls);
	}
}

Test(cm, refuses_id_without_device)
{
	have_addresses();
	a.id.verbs = NULL;
	for (size_t i = 0; i < NESTED; i++) {
		cr_expect_eq(calls[i].call(), -1);
		cr_expect_eq(errno, EINVAL, "%s: as the kernel would", calls[i].reaches);
	}
	cr_expect_str_empty(fake->calls);
	cr_expect_eq(engine.asked, 0u);
}

Test(cm_without, librdmacm)
{
	struct rdma_cm_event *event;
	struct rdma_cm_id *id;

	for (size_t i = 0; i < CALLS; i++) {
		cr_expect_eq(calls[i].call(), -1);
		cr_expect_eq(errno, ENOSYS, "%s", calls[i].reaches);
	}
	cr_expect_eq(rdma_get_cm_event(&a.channel, &event), -1);
	cr_expect_eq(errno, ENOSYS);
	cr_expect_eq(rdma_get_request(&a.id, &id), -1);
	cr_expect_eq(rdma_destroy_id(&a.id), -1);
	cr_expect_eq(errno, ENOSYS);
	rdma_destroy_ep(&a.id);
	cr_expect_eq(rdma_set_option(&a.id, 0, 0, NULL, 0), -1);
	cr_expect_eq(errno, ENOSYS);
	cr_expect_eq(engine.asked, 0u);
}

/* A plugin's, opened RTLD_LOCAL with it; it came after the first call had found none. */
Test(cm_without, librdmacm_is_found_where_a_plugin_brought_it)
{
	cr_expect_eq(rdma_connect(&a.id, NULL), -1);
	load(FAKE_RDMACM, RTLD_LOCAL);
	cr_expect_eq(rdma_connect(&a.id, NULL), 0);
	cr_expect_str_eq(fake->calls, "rdma_connect ");
}

/* Closed and opened again it would be elsewhere. */
Test(cm_without, librdmacm_stays_when_the_program_closes_it)
{
	void *handle = dlopen(FAKE_RDMACM, RTLD_NOW | RTLD_GLOBAL);

	cr_assert_not_null(handle);
	cr_expect_eq(rdma_connect(&a.id, NULL), 0);
	dlclose(handle);
	cr_expect_eq(rdma_connect(&a.id, NULL), 0);
}

/* ---- paths ---- */

Test(cm, asks_for_addresses_of_path_record)
{
	have_addresses();
	a.id.route.addr.dst_sin.sin_addr.s_addr = htonl(0x0b0b0b0b); /* what the remote claims to be */
	cr_assert_eq(rdma_accept(&a.id, &param), 0);
	expect_path(REQUEST_CM_ACCEPT, local_gid, remote_gid);
}

Test(cm, asks_for_ipv4_addresses_without_path_record)
{
	have_addresses();
	a.id.route.num_paths = 0;
	a.id.route.path_rec = NULL;
	cr_assert_eq(rdma_connect(&a.id, &param), 0);
	expect_path(REQUEST_CM_CONNECT, local_gid, remote_gid);
}

Test(cm, asks_for_ipv6_addresses_without_path_record)
{
	const uint8_t local[16] = { 0xfe, 0x80, [15] = 1 }, remote[16] = { 0xfe, 0x80, [15] = 2 };

	a.id.route.num_paths = 0;
	a.id.route.addr.src_sin6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_scope_id = 5 };
	a.id.route.addr.dst_sin6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_scope_id = 5 };
	memcpy(&a.id.route.addr.src_sin6.sin6_addr, local, 16);
	memcpy(&a.id.route.addr.dst_sin6.sin6_addr, remote, 16);
	cr_assert_eq(rdma_connect(&a.id, &param), 0);
	expect_path(REQUEST_CM_CONNECT, local, remote);
}

Test(cm, asks_for_gids_without_ip_addresses)
{
	struct sockaddr_ib sib = { .sib_family = AF_IB };

	a.id.route.num_paths = 0;
	memcpy(&sib.sib_addr, local_gid, 16);
	memcpy(&a.id.route.addr.src_storage, &sib, sizeof(sib));
	memcpy(&sib.sib_addr, remote_gid, 16);
	memcpy(&a.id.route.addr.dst_storage, &sib, sizeof(sib));
	cr_assert_eq(rdma_connect(&a.id, &param), 0);
	expect_path(REQUEST_CM_CONNECT, local_gid, remote_gid);
}

Test(cm, refuses_id_without_address)
{
	a.id.route.num_paths = 0;
	cr_expect_eq(rdma_connect(&a.id, &param), -1);
	cr_expect_eq(errno, EAFNOSUPPORT);
	cr_expect_str_empty(fake->calls);
	cr_expect_eq(engine.asked, 0u);
}

Test(cm, asks_for_multicast_groups)
{
	const uint8_t ipv4[16] = { [10] = 0xff, 0xff, 239, 1, 2, 3 }, ipv6[16] = { 0xff, 0x02, [15] = 9 };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	have_addresses();
	group.sin_addr.s_addr = htonl(0xef010203);
	cr_assert_eq(call_join(), 0);
	expect_path(REQUEST_CM_JOIN, local_gid, ipv4);
	memcpy(&sin6.sin6_addr, ipv6, 16);
	cr_assert_eq(rdma_join_multicast(&a.id, (struct sockaddr *)&sin6, NULL), 0);
	expect_path(REQUEST_CM_JOIN, local_gid, ipv6);
}

Test(cm, leaves_join_without_group_to_librdmacm)
{
	struct rdma_cm_join_mc_attr_ex attr = { .comp_mask = RDMA_CM_JOIN_MC_ATTR_JOIN_FLAGS };

	fake->result = -1;
	fake->err = EINVAL;
	cr_expect_eq(rdma_join_multicast(&a.id, NULL, NULL), -1);
	cr_expect_eq(rdma_join_multicast_ex(&a.id, &attr, NULL), -1);
	cr_expect_str_eq(fake->calls, "rdma_join_multicast rdma_join_multicast_ex ");
	cr_expect_eq(engine.asked, 0u);
}

Test(cm, passes_reject_without_data)
{
	engine.refuse = EPERM;
	cr_expect_eq(rdma_reject(&a.id, NULL, 0), 0);
	cr_expect_eq(rdma_reject(&a.id, data, 0), 0);
	cr_expect_eq(rdma_reject_ece(&a.id, NULL, 4), 0);
	a.id.qp = &a.qp;
	cr_expect_eq(rdma_establish(&a.id), 0, "EINVAL in the real one: the id has a QP");
	a.id.qp = NULL;
	a.id.route.num_paths = 0;
	cr_expect_eq(rdma_create_qp(&a.id, NULL, NULL), 0, "the route is not known: the QP's own ioctl is asked about");
	cr_expect_eq(engine.asked, 0u);
}

/* ---- options ---- */

static int set(struct rdma_cm_id *id, int option, uint32_t value)
{
	return rdma_set_option(id, RDMASEC_LEVEL, option, &value, sizeof(value));
}

static uint32_t required_of(struct rdma_cm_id *id)
{
	cr_assert_eq(rdma_connect(id, &param), 0);
	return engine_asked()->want.require;
}

static int make_qp(struct rdma_cm_id *id)
{
	return verbs_create_qp(id->verbs->cmd_fd, id->qp_type);
}

static int modify_qp(struct rdma_cm_id *id)
{
	return verbs_modify_qp(id->verbs->cmd_fd, kernel.next_handle);
}

Test(cm, leaves_other_options_to_librdmacm)
{
	int value = 1;

	cr_expect_eq(rdma_set_option(&a.id, RDMA_OPTION_ID, RDMA_OPTION_ID_REUSEADDR, &value, sizeof(value)), 0);
	cr_expect_str_eq(fake->calls, "rdma_set_option ");
	cr_expect_eq(fake->arguments[1], (void *)(uintptr_t)RDMA_OPTION_ID);
	cr_expect_eq(fake->arguments[2], &value);
}

Test(cm, keeps_options_of_id)
{
	uint64_t value = RDMASEC_REQUIRE_ANY;

	cr_expect_eq(required_of(&a.id), (uint32_t)WANT_NOTHING);
	errno = EXDEV;
	cr_expect_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_IPSEC), 0);
	cr_expect_eq(set(&a.id, RDMASEC_GRANULARITY, RDMASEC_GRANULARITY_QP), 0);
	cr_expect_eq(set(&a.id, RDMASEC_SETUP_TIMEOUT, 99), 0);
	cr_expect_eq(errno, EXDEV);
	cr_expect_eq(required_of(&a.id), (uint32_t)WANT_IPSEC);
	cr_expect_eq(engine_asked()->want.granularity, (uint32_t)WANT_QP);
	cr_expect_eq(engine_asked()->want.setup_timeout_ms, 99u);
	cr_expect_eq(required_of(&b.id), (uint32_t)WANT_NOTHING, "of that id only");

	cr_expect_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_NONE), -1);
	cr_expect_eq(errno, EPERM);
	cr_expect_eq(set(&a.id, RDMASEC_REQUIRE, 77), -1);
	cr_expect_eq(errno, EINVAL);
	cr_expect_eq(set(&a.id, 77, 1), -1);
	cr_expect_eq(errno, EINVAL);
	cr_expect_eq(rdma_set_option(&a.id, RDMASEC_LEVEL, RDMASEC_REQUIRE, &value, sizeof(value)), -1);
	cr_expect_eq(errno, EINVAL);
	cr_expect_eq(rdma_set_option(&a.id, RDMASEC_LEVEL, RDMASEC_REQUIRE, NULL, 4), -1);
	cr_expect_eq(errno, EINVAL);
	cr_expect_eq(rdma_set_option(&a.id, RDMASEC_LEVEL, RDMASEC_REQUIRE, (void *)16, 4), -1);
	cr_expect_eq(errno, EFAULT);
	cr_expect_eq(required_of(&a.id), (uint32_t)WANT_IPSEC, "what is refused changes nothing");
	cr_expect_null(strstr(fake->calls, "rdma_set_option"), "the kernel does not know them");
}

Test(cm, forgets_options_of_destroyed_id)
{
	cr_assert_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_IPSEC), 0);
	cr_assert_eq(set(&b.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_IPSEC), 0);
	fake->result = -1;
	fake->err = EBUSY;
	cr_expect_eq(rdma_destroy_id(&a.id), -1);
	cr_expect_eq(errno, EBUSY);
	fake->result = 0;
	cr_expect_eq(required_of(&a.id), (uint32_t)WANT_IPSEC, "it was not destroyed");
	cr_expect_eq(rdma_destroy_id(&a.id), 0);
	rdma_destroy_ep(&b.id);
	cr_expect_eq(required_of(&a.id), (uint32_t)WANT_NOTHING, "another id at the same address");
	cr_expect_eq(required_of(&b.id), (uint32_t)WANT_NOTHING);
}

Test(cm, applies_options_of_id_to_its_queue_pair)
{
	fake->make_qp = make_qp;
	fake->modify_qp = modify_qp;
	cr_assert_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_IPSEC), 0);
	cr_assert_eq(rdma_create_qp(&a.id, NULL, NULL), 0);
	cr_assert_eq(engine.asked, 3u);
	cr_expect_eq(engine.commands[0].kind, REQUEST_CM_ROUTE);
	cr_expect_eq(engine.commands[1].kind, REQUEST_QP_CREATE);
	cr_expect_eq(engine.commands[2].kind, REQUEST_QP_ADDRESS);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(engine.commands[i].want.require, (uint32_t)WANT_IPSEC, "question %zu", i);
	kernel.next_handle = 2;
	cr_assert_eq(rdma_create_qp(&b.id, NULL, NULL), 0);
	for (size_t i = 3; i < 6; i++)
		cr_expect_eq(engine.commands[i].want.require, (uint32_t)WANT_NOTHING, "question %zu", i);
}

Test(cm, applies_options_set_after_queue_pair)
{
	uint32_t handle = 7;

	a.qp.handle = handle;
	a.id.qp = &a.qp;
	cr_assert_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_MACSEC), 0);
	cr_assert_eq(verbs_modify_qp(a.verbs.cmd_fd, handle), 0);
	cr_expect_eq(engine_asked()->want.require, (uint32_t)WANT_MACSEC);
}

Test(cm, options_of_queue_pair_apply_to_id)
{
	struct rdmasec_qp_request request = { .handle = 7, .option = RDMASEC_REQUIRE, .size = 4, .type = IBV_QPT_RC };
	uint32_t value = RDMASEC_REQUIRE_IPSEC;

	a.qp.handle = 7;
	a.id.qp = &a.qp;
	request.value = (uintptr_t)&value;
	cr_assert_eq(door_qp_option(a.verbs.cmd_fd, &request), 0);
	cr_expect_eq(required_of(&a.id), (uint32_t)WANT_IPSEC);
	cr_assert_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_MACSEC), 0);
	cr_assert_eq(door_qp_option(a.verbs.cmd_fd, &request), 0);
	fake->calls[0] = '\0';
	cr_expect_eq(rdma_connect(&a.id, &param), -1, "MACsec of the id, IPsec of its QP");
	cr_expect_eq(errno, EPERM);
	cr_expect_str_empty(fake->calls);
}

static struct rdma_cm_event request_event(void)
{
	return (struct rdma_cm_event){ .event = RDMA_CM_EVENT_CONNECT_REQUEST, .listen_id = &a.id, .id = &b.id };
}

Test(cm, inherits_options_from_listener)
{
	struct rdma_cm_event event = request_event(), *got;

	fake->event = &event;
	cr_assert_eq(rdma_get_cm_event(&a.channel, &got), 0);
	cr_expect_eq(got, &event);
	cr_expect_eq(required_of(&b.id), (uint32_t)WANT_NOTHING, "nothing was asked for");
	cr_assert_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_IPSEC), 0);
	event.event = RDMA_CM_EVENT_ESTABLISHED;
	cr_assert_eq(rdma_get_cm_event(&a.channel, &got), 0);
	cr_expect_eq(required_of(&b.id), (uint32_t)WANT_NOTHING, "no request");
	event.event = RDMA_CM_EVENT_CONNECT_REQUEST;
	cr_assert_eq(rdma_get_cm_event(&a.channel, &got), 0);
	cr_expect_eq(required_of(&b.id), (uint32_t)WANT_IPSEC);
	cr_assert_eq(set(&b.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_ANY), 0);
	cr_expect_eq(required_of(&a.id), (uint32_t)WANT_IPSEC, "each has its own from then on");
	fake->result = -1;
	fake->err = EINTR;
	cr_expect_eq(rdma_get_cm_event(&a.channel, &got), -1);
	cr_expect_eq(errno, EINTR);
}

static void listener_with_queue_pairs(void)
{
	static struct ibv_qp_init_attr attr;
	static struct rdma_cm_event event;
	struct rdma_cm_id *id;

	event = request_event();
	fake->event = &event;
	fake->listener_has_qp = &attr;
	fake->make_qp = make_qp;
	fake->modify_qp = modify_qp;
	cr_assert_eq(set(&a.id, RDMASEC_REQUIRE, RDMASEC_REQUIRE_IPSEC), 0);
	cr_assert_eq(rdma_get_request(&a.id, &id), 0);
	cr_expect_eq(id, &b.id);
	cr_assert_eq(engine.asked, 2u, "librdmacm would lose an id that is refused here: its accept is asked about");
	cr_expect_eq(engine.commands[0].kind, REQUEST_QP_CREATE);
	cr_expect_eq(engine.commands[0].want.require, (uint32_t)WANT_IPSEC);
	cr_expect_eq(engine.commands[1].want.require, (uint32_t)WANT_IPSEC);
	cr_expect_eq(required_of(&b.id), (uint32_t)WANT_IPSEC);
	kernel.next_handle = 2;
	cr_assert_eq(verbs_create_qp(b.verbs.cmd_fd, IBV_QPT_RC), 0);
	cr_expect_eq(engine_asked()->want.require, (uint32_t)WANT_NOTHING, "not of what comes afterwards");
}

Test(cm, inherits_options_from_synchronous_listener)
{
	listener_with_queue_pairs();
}

/* A build of librdmacm whose calls among its own functions do not come here. */
Test(cm_without, ids_of_listener_without_nested_calls)
{
	load(FAKE_RDMACM_SYMBOLIC, RTLD_GLOBAL);
	listener_with_queue_pairs();
}

Test(cm, returns_protection_of_id)
{
	struct rdmasec_protection got;

	cr_expect_eq(rdma_set_option(&a.id, RDMASEC_LEVEL, RDMASEC_PROTECTION, &got, sizeof(got)), -1);
	cr_expect_eq(errno, ENOTCONN, "it has no QP");
	a.id.qp = &a.qp;
	engine.protection.verdict = 1;
	engine.protection.by = 1;
	engine.protection.sci = 5;
	engine.protection.cipher = 1;
	cr_expect_eq(rdma_set_option(&a.id, RDMASEC_LEVEL, RDMASEC_PROTECTION, &got, sizeof(got)), 0);
	cr_expect_eq(got.mechanism, (uint32_t)RDMASEC_BY_MACSEC);
	cr_expect_eq(got.sci, 5u);
	cr_expect_str_eq(got.cipher, "gcm-aes-128");
	cr_expect_eq(rdma_set_option(&a.id, RDMASEC_LEVEL, RDMASEC_PROTECTION, &got, 4), -1);
	cr_expect_eq(errno, EINVAL);
	engine.protection.err = ENOENT;
	cr_expect_eq(rdma_set_option(&a.id, RDMASEC_LEVEL, RDMASEC_PROTECTION, &got, sizeof(got)), -1);
	cr_expect_eq(errno, ENOENT);
}
