// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "engine/record_json.h"
#include "table.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec qps [--json]\n"
		    "  Lists the queue pairs that the engine guards, each with its current\n"
		    "  protection, and all other queue pairs of the kernel as unguarded. Ordinary\n"
		    "  users see their own only.\n"
		    "  exit status: 0 all are guarded, 1 some are not, or are unreachable, 2 usage\n"
		    "  error, 3 no engine answered\n");
}

/* Queue pairs of the kernel's connection management do not count: every device has them. */
static int exit_status(const struct qp_rows *rows, bool engine)
{
	if (!engine)
		return EXIT_UNKNOWN;
	return rows->counts[QP_UNREACHABLE] + rows->counts[QP_UNGUARDED] + rows->counts[QP_KERNEL] ? EXIT_UNPROTECTED
												   : EXIT_PROTECTED;
}

static int show(bool json)
{
	struct qp_rows rows;
	char error[256] = "";
	int err = qp_rows_read(&rows, error, sizeof(error)), status;

	if (err && err != -ENOTCONN)
		return report_failure(json ? JSON_ARRAY : JSON_NONE, EXIT_UNKNOWN, error[0] ? error : strerror(-err));
	if (err)
		fprintf(stderr, "rdmasec: %s\n", error);
	status = exit_status(&rows, !err);
	if (json) {
		err = json_print(stdout, qps_json(&rows), JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	} else {
		qps_table(stdout, &rows, terminal_width(), time(NULL));
		qps_summary(stdout, &rows);
		err = 0;
	}
	qp_rows_free(&rows);
	return err ? EXIT_UNKNOWN : status;
}

int command_qps(int argc, char **argv)
{
	bool json;
	int status = only_json_option(argc, argv, usage, &json);

	return status >= 0 ? status : show(json);
}
