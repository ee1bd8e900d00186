// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Connects one QP with verbs that it takes from libibverbs by dlvsym, as NCCL does (src/misc/ibvsymbols.cc): nothing
 * here refers to a symbol of libibverbs, so whoever replaces one of those is not met.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rc.h"

static int missing;

static void *take(void *library, const char *name)
{
	void *symbol = dlvsym(library, name, "IBVERBS_1.1");

	if (!symbol) {
		fprintf(stderr, "verbs_dlvsym: %s\n", dlerror());
		missing++;
	}
	return symbol;
}

static int take_verbs(struct verbs_calls *verbs)
{
	void *library = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		fprintf(stderr, "verbs_dlvsym: %s\n", dlerror());
		return -ELIBACC;
	}
	verbs->get_device_list = take(library, "ibv_get_device_list");
	verbs->free_device_list = take(library, "ibv_free_device_list");
	verbs->get_device_name = take(library, "ibv_get_device_name");
	verbs->open_device = take(library, "ibv_open_device");
	verbs->close_device = take(library, "ibv_close_device");
	verbs->query_gid = take(library, "ibv_query_gid");
	verbs->alloc_pd = take(library, "ibv_alloc_pd");
	verbs->dealloc_pd = take(library, "ibv_dealloc_pd");
	verbs->reg_mr = take(library, "ibv_reg_mr");
	verbs->dereg_mr = take(library, "ibv_dereg_mr");
	verbs->create_cq = take(library, "ibv_create_cq");
	verbs->destroy_cq = take(library, "ibv_destroy_cq");
	verbs->create_qp = take(library, "ibv_create_qp");
	verbs->modify_qp = take(library, "ibv_modify_qp");
	verbs->destroy_qp = take(library, "ibv_destroy_qp");
	return missing ? -ELIBACC : 0;
}

static int connect_one(const struct verbs_calls *verbs, const struct options *options)
{
	struct rc_device device;
	struct rc_qp qp = { 0 };
	int tcp, err = rc_open(&device, verbs, options);

	if (err) {
		complain(err, "%s cannot be opened", options->device);
		return err;
	}
	tcp = exchange_connect(options->server, options->tcp_port);
	if (tcp < 0) {
		complain(tcp, "no connection to the peer");
		err = tcp;
	} else {
		err = rc_call(&qp, &device, tcp);
		if (err)
			complain(err, "QP 0: %s", qp.stage);
		rc_destroy(&qp);
		close(tcp);
	}
	rc_close(&device);
	return err;
}

int main(int argc, char **argv)
{
	struct verbs_calls verbs;
	struct options options;

	options_read(argc, argv, &options);
	if (!options.server) {
		fprintf(stderr, "verbs_dlvsym: verbs_threads is its server\n");
		return 2;
	}
	if (take_verbs(&verbs) || connect_one(&verbs, &options))
		return 1;
	printf("1 of 1 QPs connected\n");
	return 0;
}
