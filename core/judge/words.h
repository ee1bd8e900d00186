/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Puts verdicts and judgements into words, where a record or an answer is sent. Printable ASCII, cut to `size`. */
#ifndef RDMASEC_JUDGE_WORDS_H
#define RDMASEC_JUDGE_WORDS_H

#include "judge/judgement.h"

/* PROTECTED: "macsec0 GCM-AES-128 sci ...", "ESP spi 0x... reqid ...", and what may lead packets past it; else "". */
void verdict_details(const struct verdict *verdict, const struct path *path, char *text, size_t size);

/* Why it is not PROTECTED, without codes and hints; else "". */
void verdict_text(const struct verdict *verdict, const struct path *path, char *text, size_t size);

/* As verdict_text(), with what happened since. */
void judgement_text(const struct judgement *judgement, char *text, size_t size);

/* The codes of judgement_text(): first what happened since. */
void judgement_reasons(const struct judgement *judgement, uint32_t out[REASONS_MAX]);

/*
 * The line for the operator: request, device, port, GID index, netdev, remote, codes, reason, hint and rule. "" if
 * there is nothing to report. `device`: the name of the RDMA device; "": any.
 */
void judgement_line(const struct judgement *judgement, const struct request *request, const char *device, char *text,
		    size_t size);

#endif
