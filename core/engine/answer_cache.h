/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Caches answers. Programs create many QPs to one peer at once, and equal questions have equal answers while neither
 * evidence nor policy changes. For one thread; never blocks.
 */
#ifndef RDMASEC_ENGINE_ANSWER_CACHE_H
#define RDMASEC_ENGINE_ANSWER_CACHE_H

#include "evidence/mirror.h"
#include "judge/judgement.h"

/* The kernel does not report all changes: a cached answer is no older than the verdict of a living QP. */
enum { ANSWER_VALID_MS = MIRROR_POLL_MS };

struct answer_cache;

/* Returns NULL if there is no memory; the caller frees it with answer_cache_free(). */
struct answer_cache *answer_cache_new(void);
void answer_cache_free(struct answer_cache *cache); /* NULL is allowed */

/* All inputs of judge_request(). `generation` stands for evidence and policy: each of their changes increases it. */
struct answer_question {
	uint64_t namespace_id;
	dev_t rdev; /* of the uverbs device */
	const struct engine_client *client;
	const struct request *request;
	uint64_t generation;
	int64_t now_ms; /* CLOCK_MONOTONIC */
};

/*
 * Only for QP_CREATE and QP_ADDRESS. Returns true and copies the answer and the device's name; false: the question must
 * be judged.
 */
bool answer_cache_find(const struct answer_cache *cache, const struct answer_question *question,
		       struct judgement *answer, char device[RDMA_DEVICE_NAME_MAX]);
/* Copies the answer into the cache. Does nothing without memory, or for a question that is never cached. */
void answer_cache_keep(struct answer_cache *cache, const struct answer_question *question,
		       const struct judgement *answer, const char *device);

#endif
