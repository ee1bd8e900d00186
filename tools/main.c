// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "process/spawn.h"
#include "util/output.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *synopsis, *purpose;
} commands[] = {
	{ "run", command_run, "run [-p POLICY] [--supervise] -- CMD [ARG...]", "run CMD guarded" },
	{ "status", command_status, "status [-p POLICY] [--json]", "the protection of each GID of each RDMA device" },
	{ "check", command_check,
	  "check (-d DEV -g GID_INDEX | -n NETDEV) [-i PORT] [-r REMOTE_IP]\n                [-p POLICY] [--json]",
	  "check the protection of one path, or of the GIDs on a netdev" },
	{ "wait", command_wait,
	  "wait (-d DEV -g GID_INDEX | -n NETDEV | --all) [-i PORT]\n"
	  "                [-r REMOTE_IP] [-p POLICY] [--timeout SECONDS] [--json]",
	  "wait until that is protected" },
	{ "qps", command_qps, "qps [--json]", "living queue pairs: guarded or not, and their protection" },
	{ "monitor", command_monitor, "monitor [--json]", "decisions of the engine, as they happen" },
	{ "lockdown", command_lockdown, "lockdown on|off|status [-p POLICY] [--dry-run] [--json] [DEV...]",
	  "stop cleartext RoCE on network devices, whatever routed it there" },
	{ "policy", command_policy, "policy check FILE", "explain a policy file, or report its mistakes" },
	{ "install-provider", command_install_provider, "install-provider [--root DIR]",
	  "make libibverbs load the door into every program" },
	{ "remove-provider", command_remove_provider, "remove-provider [--root DIR]", "undo install-provider" },
	{ "provider-trial", command_provider_trial, NULL, NULL },
	{ "engine", command_engine, NULL, NULL },
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *to)
{
	fprintf(to, "rdmasec: refuses RDMA queue pairs that neither MACsec nor IPsec protects\n\nusage:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (commands[i].synopsis)
			fprintf(to, "  rdmasec %s\n      %s\n", commands[i].synopsis, commands[i].purpose);
	fprintf(to, "  rdmasec --version\n"
		    "\n"
		    "exit status:\n"
		    "  status, check, 0 protected, 1 unprotected, 2 usage or policy error, 3 unknown;\n"
		    "  wait           of several rows, the worst; wait: when its time is over\n"
		    "  run            that of the command; 2 usage or policy error, 126 it cannot be\n"
		    "                 run guarded, 127 it was not found\n"
		    "  qps            0 all are guarded, 1 some are not, 2 usage error, 3 no engine\n"
		    "  monitor        0 ended by a signal or its reader, 2 usage error, 3 no engine\n"
		    "  policy check   0 no mistakes, 2 a mistake, reported with file and line\n"
		    "  all            3 the output could not be written\n"
		    "\n"
		    "The policy is read from -p, else $RDMASEC_POLICY, else " SYSTEM_POLICY ".\n"
		    "Without a policy file every queue pair needs MACsec or IPsec.\n"
		    "See rdmasec(1), rdmasec.policy(5).\n");
}

static int run(int argc, char **argv)
{
	/* before any other file is opened: a message for stderr could reach it */
	if (spawn_fill_standard())
		return EXIT_CANNOT_RUN;
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("rdmasec %s\n", RDMASEC_VERSION);
		return 0;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "rdmasec: unknown command '%s'\n\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	return output_finish("rdmasec", run(argc, argv), EXIT_UNKNOWN);
}
