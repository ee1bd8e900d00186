/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The place where libibverbs of this machine looks for the provider module, and the state of the module. */
#ifndef RDMASEC_TOOLS_PROVIDER_PLACE_H
#define RDMASEC_TOOLS_PROVIDER_PLACE_H

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>

#include "util/attributes.h"

enum { PROVIDER_WHY_MAX = 2 * PATH_MAX + 256 };

struct provider_place {
	char library[PATH_MAX]; /* libibverbs.so.1, all links followed */
	int abi;                /* NN: its drivers are named lib*-rdmavNN.so */
	char folder[PATH_MAX];  /* of its drivers */
	char link[PATH_MAX];    /* the module in that folder */
	char driver[PATH_MAX];  /* the file that makes libibverbs load it */
};

/*
 * `root`: "" for this machine, whose libibverbs the loader finds; else the folder of a system image. 0; -ENOENT: no
 * libibverbs; another -errno; both with a text in `why`.
 */
RS_MUST_USE int provider_place_find(const char *root, struct provider_place *out, char why[PROVIDER_WHY_MAX]);

enum provider_state {
	PROVIDER_NOT_INSTALLED,
	PROVIDER_WORKS,     /* a trial showed that libibverbs calls through the module */
	PROVIDER_INSTALLED, /* not tried: without an RDMA device libibverbs loads no driver */
	PROVIDER_OTHER_ABI, /* installed for another libibverbs than the present one, which does not load it */
	PROVIDER_BROKEN,    /* `why` */
};

struct provider_status {
	enum provider_state state;
	int abi, wanted_abi; /* 0: not known */
	char why[PROVIDER_WHY_MAX];
};

/* The state on this machine. If the module is installed, tries it in a child process, for at most 20 s of silence. */
void provider_status_read(struct provider_status *out);

/* "not installed", "installed, works"... Into `text`. */
void provider_status_words(const struct provider_status *status, char *text, size_t size);

/* An object for `rdmasec status --json`, which the caller owns; NULL: no memory. */
json_object *provider_status_json(const struct provider_status *status);

/* The number in "librdmasec-rdmavNN.so"; -1: another name. */
int provider_name_abi(const char *name);

/* 0: the driver file is as install-provider writes it; -ENOENT; -EINVAL: it is not; -errno. */
RS_MUST_USE int provider_driver_check(const char *path);
extern const char provider_driver_text[];

/* The part of the child. Exit status: 0 the door works, 1 libibverbs loaded no driver, 2 it does not work. */
int provider_trial(void);

#endif
