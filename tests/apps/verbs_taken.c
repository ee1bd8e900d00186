// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "verbs_taken.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static void *take(void *library, const char *name, bool *missing)
{
	void *symbol = dlvsym(library, name, "IBVERBS_1.1");

	if (!symbol) {
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, dlerror());
		*missing = true;
	}
	return symbol;
}

int verbs_take(void *library, struct verbs_calls *out)
{
	bool missing = false;

	*out = (struct verbs_calls){
		.get_device_list = take(library, "ibv_get_device_list", &missing),
		.free_device_list = take(library, "ibv_free_device_list", &missing),
		.get_device_name = take(library, "ibv_get_device_name", &missing),
		.open_device = take(library, "ibv_open_device", &missing),
		.close_device = take(library, "ibv_close_device", &missing),
		.query_gid = take(library, "ibv_query_gid", &missing),
		.alloc_pd = take(library, "ibv_alloc_pd", &missing),
		.dealloc_pd = take(library, "ibv_dealloc_pd", &missing),
		.reg_mr = take(library, "ibv_reg_mr", &missing),
		.dereg_mr = take(library, "ibv_dereg_mr", &missing),
		.create_cq = take(library, "ibv_create_cq", &missing),
		.destroy_cq = take(library, "ibv_destroy_cq", &missing),
		.create_qp = take(library, "ibv_create_qp", &missing),
		.modify_qp = take(library, "ibv_modify_qp", &missing),
		.destroy_qp = take(library, "ibv_destroy_qp", &missing),
	};
	return missing ? -ELIBACC : 0;
}

int verbs_connect_one(const struct verbs_calls *verbs, const struct options *options)
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
