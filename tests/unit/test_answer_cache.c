// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <criterion/criterion.h>
#include <string.h>

#include "engine/answer_cache.h"

static struct answer_cache *cache;
static struct engine_client client;
static struct request request;
static int64_t now_ms = 1000000;

static void begin(void)
{
	cache = answer_cache_new();
	client = (struct engine_client){ .uid = 1000, .executable_known = true, .executable = "/usr/bin/app" };
	request = (struct request){
		.kind = REQUEST_QP_ADDRESS,
		.has = UVERBS_HAS_HANDLE | UVERBS_HAS_STATE,
		.handle = 7,
		.address = { .dgid = { 1, 2, 3 }, .sgid_index = 1, .port = 1, .is_global = true },
	};
}

static void end(void)
{
	answer_cache_free(cache);
}

static struct answer_question question(void)
{
	return (struct answer_question){
		.namespace_id = 1, .rdev = 5, .client = &client, .request = &request, .generation = 9, .now_ms = now_ms
	};
}

static bool finds(const struct answer_question *q)
{
	struct judgement answer = { .err = 0 };
	char device[RDMA_DEVICE_NAME_MAX];
	bool found = answer_cache_find(cache, q, &answer, device);

	cr_expect(!found || (answer.err == 77 && !strcmp(device, "rxe0")));
	return found;
}

static void keep(void)
{
	struct answer_question q = question();

	answer_cache_keep(cache, &q, &(struct judgement){ .err = 77 }, "rxe0");
}

TestSuite(answer_cache, .init = begin, .fini = end);

Test(answer_cache, finds_the_answer_of_an_equal_question)
{
	struct answer_question q = question();

	cr_expect_not(finds(&q));
	keep();
	cr_expect(finds(&q));
	request.handle = 8; /* of another QP to the same peer */
	request.dest_qpn = 99;
	cr_expect(finds(&q));
	request.kind = REQUEST_QP_CREATE;
	request.qp_type = 2;
	cr_expect_not(finds(&q));
	keep();
	cr_expect(finds(&q));
	request.qp_type = 4;
	cr_expect_not(finds(&q));
}

Test(answer_cache, each_judged_input_makes_another_question)
{
	struct answer_question q;

	keep();
	q = question();
	q.generation++;
	cr_expect_not(finds(&q), "evidence or policy changed");
	q = question();
	q.namespace_id++;
	cr_expect_not(finds(&q), "another namespace");
	q = question();
	q.rdev++;
	cr_expect_not(finds(&q), "another device");
#define OTHERWISE(field, value)                         \
	do {                                            \
		__typeof__(field) saved_ = (field);     \
		(field) = (value);                      \
		q = question();                         \
		cr_expect_not(finds(&q), "%s", #field); \
		(field) = saved_;                       \
		q = question();                         \
		cr_expect(finds(&q), "%s", #field);     \
	} while (0)
	OTHERWISE(client.uid, 1001);
	OTHERWISE(client.executable_known, false);
	OTHERWISE(client.executable[0], 'x');
	OTHERWISE(request.has, UVERBS_HAS_HANDLE | UVERBS_HAS_STATE | UVERBS_HAS_ALT_PATH);
	OTHERWISE(request.address.dgid[15], 1);
	OTHERWISE(request.address.sgid_index, 2);
	OTHERWISE(request.address.port, 2);
	OTHERWISE(request.address.is_global, false);
	OTHERWISE(request.address.flow_label, 5);
	OTHERWISE(request.want.require, WANT_IPSEC);
	OTHERWISE(request.want.granularity, WANT_QP);
	OTHERWISE(request.want.setup_timeout_ms, 5);
	OTHERWISE(request.kind, REQUEST_AH_CREATE);
}

Test(answer_cache, does_not_find_an_old_answer)
{
	struct answer_question q = question();

	keep();
	q.now_ms = now_ms + ANSWER_VALID_MS;
	cr_expect(finds(&q));
	q.now_ms++;
	cr_expect_not(finds(&q));
	now_ms = q.now_ms;
	keep();
	cr_expect(finds(&q));
}

Test(answer_cache, accepts_more_answers_than_it_keeps)
{
	struct answer_question q = question();

	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(request.address.dgid, &i, sizeof(i));
		keep();
		cr_expect(finds(&q));
	}
}
