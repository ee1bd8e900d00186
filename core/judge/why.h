/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A reason with the facts that its sentence names, as far as the path does not have them (words.c). */
#ifndef RDMASEC_JUDGE_WHY_H
#define RDMASEC_JUDGE_WHY_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "messages/reason.h"

/* The zeroed struct has no reason. Members that a sentence does not name stay zero. */
struct why {
	enum reason reason;
	uint32_t policy, priority, reqid; /* of an xfrm policy; `policy` is its index */
	uint32_t spi;
	uint32_t other;         /* a second SPI or number */
	uint64_t number;        /* the value that does not fit, or milliseconds */
	int err;                /* errno, where `detail` is "" */
	char at[IF_NAMESIZE];   /* the netdev that the reason is about, if it is not the path's egress or netdev */
	char name[IF_NAMESIZE]; /* another netdev that is not the path's */
	bool outer;             /* about the packets that the path's VXLAN netdev sends and receives */
	char detail[192];       /* words of the kernel, or another name */
};

#endif
