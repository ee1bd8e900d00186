/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Answers that still stand: programs make many QPs to the same peer at once, and each of the same program's questions
 * about the same path has the same answer while neither evidence nor policy changes.
 */
#ifndef RDMASEC_ENGINE_ANSWER_CACHE_H
#define RDMASEC_ENGINE_ANSWER_CACHE_H

#include "evidence/mirror.h"
#include "judge/judgement.h"

/*
 * For what the kernel does not tell of by itself, an answer is as old as a living QP's may be.
 */
enum { ANSWER_STANDS_MS = MIRROR_POLL_MS };

struct answer_cache;

/* NULL: no memory. */
struct answer_cache *answer_cache_new(void);
void answer_cache_free(struct answer_cache *cache);

/* All that engine_judge() looks at but for evidence and policy, of which `generation` is to count every change. */
struct answer_question {
	uint64_t namespace_id;
	dev_t rdev; /* of the uverbs device */
	const struct engine_client *client;
	const struct request *request;
	uint64_t generation;
	int64_t now_ms; /* CLOCK_MONOTONIC */
};

/* Only of a QP's creation and of its getting an address. False: it has to be judged. `device` is its name. */
bool answer_cache_find(const struct answer_cache *cache, const struct answer_question *question,
		       struct engine_answer *answer, char device[RDMA_DEVICE_NAME_MAX]);
void answer_cache_keep(struct answer_cache *cache, const struct answer_question *question,
		       const struct engine_answer *answer, const char *device);

#endif
