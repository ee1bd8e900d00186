/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Where this machine's libibverbs looks for the provider module, and what is there. */
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
	char folder[PATH_MAX];  /* that they lie in */
	char link[PATH_MAX];    /* the module's name there */
	char driver[PATH_MAX];  /* the file that has libibverbs load it */
};

/*
 * `root`: "" for this machine, and then libibverbs is the one that the loader finds; else a folder that a system is
 * being made in. 0; -ENOENT: there is no libibverbs; -errno, and why.
 */
RS_MUST_USE int provider_place_find(const char *root, struct provider_place *out, char why[PROVIDER_WHY_MAX]);

enum provider_state {
	PROVIDER_NOT_INSTALLED,
	PROVIDER_STANDS,    /* libibverbs was tried, and called through the module */
	PROVIDER_INSTALLED, /* all is in its place; without an RDMA device libibverbs loads no driver, so it was not
			       tried */
	PROVIDER_OTHER_ABI, /* installed for another libibverbs than is there now, which will not load it */
	PROVIDER_BROKEN,    /* `why` */
};

struct provider_status {
	enum provider_state state;
	int abi, wanted_abi; /* 0: not known */
	char why[PROVIDER_WHY_MAX];
};

/* Of this machine. Lists devices in a child process, where it is installed. */
void provider_status_read(struct provider_status *out);

/* "not installed", "installed, stands"... */
void provider_status_words(const struct provider_status *status, char *text, size_t size);

/* An object for `rdmasec status --json`, NULL: no memory. */
json_object *provider_status_json(const struct provider_status *status);

/* The number in "librdmasec-rdmavNN.so"; -1: another name. */
int provider_name_abi(const char *name);

/* 0: the driver file is as install-provider writes it; -ENOENT; -EINVAL: it is not; -errno. */
RS_MUST_USE int provider_driver_check(const char *path);
extern const char provider_driver_text[];

/* The child's part: 0 it stands, 1 libibverbs has loaded no driver, 2 it does not stand. */
int provider_trial(void);

#endif
