// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine/answer_cache.h"

#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/text.h"

enum { ANSWERS_MAX = 256 };

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded" /* hashed and compared as octets */
struct answer_key {
	uint64_t namespace_id;
	uint64_t rdev;
	uint32_t kind, has, qp_type;
	uint8_t dgid[16];
	uint32_t flow_label;
	uint8_t sgid_index, port, is_global;
	bool executable_known;
	struct want want;
	uint32_t uid, reserved;
	char executable[sizeof(((struct engine_client *)NULL)->executable)];
};
#pragma GCC diagnostic pop

struct kept {
	struct answer_key key;
	uint64_t generation;
	int64_t since_ms;
	struct judgement answer;
	char device[RDMA_DEVICE_NAME_MAX];
	UT_hash_handle hh;
};

struct answer_cache {
	struct kept *table;
};

struct answer_cache *answer_cache_new(void)
{
	return calloc(1, sizeof(struct answer_cache));
}

static void forget_all(struct answer_cache *cache)
{
	struct kept *kept, *next;

	HASH_ITER (hh, cache->table, kept, next) {
		HASH_DEL(cache->table, kept);
		free(kept);
	}
}

void answer_cache_free(struct answer_cache *cache)
{
	if (cache)
		forget_all(cache);
	free(cache);
}

/* Returns false for a question that is never cached. */
static bool key_make(const struct answer_question *question, struct answer_key *out)
{
	/* the flags that the judgement reads; it does not read the numbers of the objects */
	const uint32_t looked_at = UVERBS_HAS_ALT_PATH | UVERBS_HAS_SOURCE_QPN | UVERBS_HAS_DEVX;
	const struct request *request = question->request;

	if (request->kind != REQUEST_QP_CREATE && request->kind != REQUEST_QP_ADDRESS)
		return false;
	*out = (struct answer_key){
		.namespace_id = question->namespace_id,
		.rdev = question->rdev,
		.kind = request->kind,
		.has = request->has & looked_at,
		.qp_type = request->kind == REQUEST_QP_CREATE ? request->qp_type : 0,
		.flow_label = request->address.flow_label,
		.sgid_index = request->address.sgid_index,
		.port = request->address.port,
		.is_global = request->address.is_global,
		.executable_known = question->client->executable_known,
		.want = request->want,
		.uid = question->client->uid,
	};
	memcpy(out->dgid, request->address.dgid, sizeof(out->dgid));
	text_copy(out->executable, sizeof(out->executable), question->client->executable);
	return true;
}

static struct kept *find(const struct answer_cache *cache, const struct answer_key *key)
{
	struct kept *kept;

	HASH_FIND(hh, cache->table, key, sizeof(*key), kept);
	return kept;
}

bool answer_cache_find(const struct answer_cache *cache, const struct answer_question *question,
		       struct judgement *answer, char device[RDMA_DEVICE_NAME_MAX])
{
	const struct kept *kept;
	struct answer_key key;

	if (!key_make(question, &key))
		return false;
	kept = find(cache, &key);
	if (!kept || kept->generation != question->generation || question->now_ms - kept->since_ms > ANSWER_VALID_MS)
		return false;
	*answer = kept->answer;
	memcpy(device, kept->device, sizeof(kept->device));
	return true;
}

void answer_cache_keep(struct answer_cache *cache, const struct answer_question *question,
		       const struct judgement *answer, const char *device)
{
	struct answer_key key;
	struct kept *kept;

	/* an answer that used the source port also depends on QP numbers */
	if (answer->path.has_sport || !key_make(question, &key))
		return;
	kept = find(cache, &key);
	if (!kept) {
		if (HASH_COUNT(cache->table) >= ANSWERS_MAX)
			forget_all(cache);
		kept = calloc(1, sizeof(*kept));
		if (!kept)
			return;
		kept->key = key;
		HASH_ADD(hh, cache->table, key, sizeof(kept->key), kept);
		if (!kept->hh.tbl) {
			free(kept);
			return;
		}
	}
	kept->generation = question->generation;
	kept->since_ms = question->now_ms;
	kept->answer = *answer;
	text_copy(kept->device, sizeof(kept->device), device);
}
