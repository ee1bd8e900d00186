// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * `rdmasec run`: starts a private engine if the host has none, then becomes the command: same process, same parent,
 * same signals and exit status as without rdmasec.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "door/door.h"
#include "door/engine_inherited.h"
#include "door_arrives.h"
#include "preloadable.h"
#include "supervise.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec run [-p POLICY] [--supervise] -- CMD [ARG...]\n"
		    "  Runs CMD with the rdmasec door loaded (LD_PRELOAD) and, on a host without\n"
		    "  rdmasecd, with a private engine. A queue pair is refused unless MACsec or\n"
		    "  IPsec protects everything that it sends; each refusal is one line on stderr.\n"
		    "  -p POLICY     the policy file (rdmasec.policy(5))\n"
		    "  --supervise   also guard it from outside, by seccomp: for static, setuid and\n"
		    "                hostile programs\n"
		    "  exit status: that of CMD; 2 usage or policy error, 126 CMD cannot be run\n"
		    "  guarded, 127 CMD not found\n");
}

/*
 * The library relative to this program, as in a build tree, else the installed one: its path without links and "..",
 * for the root of the command may lack the folders in between.
 */
static int find_library(char path[PATH_MAX])
{
	char self[PATH_MAX], relative[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash &&
		    snprintf(relative, sizeof(relative), "%.*s/%s", (int)(slash - self), self,
			     RDMASEC_LIBRARY_FROM_PROGRAM) < (int)sizeof(relative) &&
		    realpath(relative, path) && !access(path, R_OK))
			return 0;
	}
	return realpath(RDMASEC_LIBRARY_INSTALLED, path) && !access(path, R_OK) ? 0 : -ENOENT;
}

/* Puts the library first in LD_PRELOAD, so that no other library is in front of it; keeps the others. */
static int set_preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char value[PATH_MAX * 2];

	/* ld.so(8): spaces and colons separate, and there is no escape */
	if (strpbrk(library, " :"))
		return -EINVAL;
	if (snprintf(value, sizeof(value), "%s%s%s", library, others && *others ? ":" : "", others ? others : "") >=
	    (int)sizeof(value))
		return -ENAMETOOLONG;
	return setenv("LD_PRELOAD", value, 1) ? -errno : 0;
}

/* Starts one with this policy, and a lifeline that this process keeps open across execve(2). Returns an exit status. */
static int start_private_engine(const char *policy_file, char engine[WIRE_NAME_MAX], int *out_lifeline)
{
	const struct policy *policy = load_policy(policy_file, JSON_NONE);
	int err;

	/* the engine cannot report a mistake in it */
	if (!policy)
		return EXIT_USAGE;
	policy_free(policy);
	err = engine_spawn("/proc/self/exe", policy_path(policy_file), engine, out_lifeline);
	if (!err && fcntl(*out_lifeline, F_SETFD, 0))
		err = -errno;
	if (!err) {
		/* with the default policy a lost engine makes no difference */
		if (policy_path(policy_file))
			engine_mark_descendants();
		return 0;
	}
	fprintf(stderr, "rdmasec: cannot start the engine: %s%s\n", strerror(-err),
		err == -ENOSYS ? " (with valgrind, use 'rdmasec run -- valgrind CMD')" : "");
	return EXIT_CANNOT_RUN;
}

/* A command below another `rdmasec run` asks its engine, unless it has a policy of its own. */
static int use_outer_engine(char engine[WIRE_NAME_MAX])
{
	const char *named = getenv("RDMASEC_ENGINE");

	if (named && wire_is_private_engine(named)) {
		strcpy(engine, named);
		return 0;
	}
	return engine_inherited(engine);
}

/* The system's engine where rdmasecd is installed, even if it is not running: no other policy may decide then. */
static int choose_engine(const char *policy_file, char engine[WIRE_NAME_MAX], int *out_lifeline)
{
	if (wire_system_engine_expected()) {
		if (policy_file) {
			fprintf(stderr,
				"rdmasec: -p is not possible on this host: rdmasecd decides by its own policy\n");
			return EXIT_USAGE;
		}
		strcpy(engine, WIRE_SYSTEM_ENGINE);
		return 0;
	}
	if (policy_path(policy_file))
		return start_private_engine(policy_file, engine, out_lifeline);
	if (!use_outer_engine(engine))
		return 0;
	if (engine_is_marked()) {
		fprintf(stderr, "rdmasec: %s\n", engine_lost_text);
		return EXIT_CANNOT_RUN;
	}
	return start_private_engine(NULL, engine, out_lifeline);
}

/*
 * AddressSanitizer's shared runtime, gcc's default, ends a program before main() where another library is loaded before
 * it (compiler-rt asan_linux.cpp, AsanCheckDynamicRTPrereqs()). Behind the door it works all the same: the door's
 * symbols call the next ones. Set for every command, because a script or a launcher may start such a program.
 */
static int allow_sanitizer_behind(void)
{
	static const char option[] = "verify_asan_link_order=0";
	const char *others = getenv("ASAN_OPTIONS");
	char value[4096];

	if (others && strstr(others, "verify_asan_link_order="))
		return 0;
	if (snprintf(value, sizeof(value), "%s%s%s", others ? others : "", others && *others ? ":" : "", option) >=
	    (int)sizeof(value))
		return -ENAMETOOLONG;
	return setenv("ASAN_OPTIONS", value, 1) ? -errno : 0;
}

/* `program`: NULL if the supervisor guards it, with or without the library. */
static int preload(const char *program)
{
	char library[PATH_MAX], why[3 * PATH_MAX];
	int err = find_library(library);

	if (err) {
		fprintf(stderr, "rdmasec: cannot find librdmasec-preload.so: reinstall rdmasec\n");
		return EXIT_CANNOT_RUN;
	}
	if (program && door_arrives(program, library, why, sizeof(why))) {
		fprintf(stderr, "rdmasec: %s\n", why);
		return EXIT_CANNOT_RUN;
	}
	err = set_preload(library);
	err = err ? err : allow_sanitizer_behind();
	if (err) {
		fprintf(stderr, "rdmasec: cannot put %s into LD_PRELOAD: %s\n", library, strerror(-err));
		return EXIT_CANNOT_RUN;
	}
	return 0;
}

/* `by_preload`: only the door inside guards messages of librdmacm and knows the options that programs set. */
static int guard_and_execute(const char *policy_file, const char *program, char **argv, bool by_preload,
			     bool supervised)
{
	char engine[WIRE_NAME_MAX];
	int lifeline = -1, status = by_preload ? preload(supervised ? NULL : program) : 0;

	if (status)
		return status;
	status = choose_engine(policy_file, engine, &lifeline);
	if (status)
		return status;
	if (setenv("RDMASEC_ENGINE", engine, 1) ||
	    (supervised ? setenv("RDMASEC_SUPERVISED", "1", 1) : unsetenv("RDMASEC_SUPERVISED"))) {
		fprintf(stderr, "rdmasec: %s\n", strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	if (supervised)
		return supervise(program, argv, engine, lifeline);
	execv(program, argv);
	fprintf(stderr, "rdmasec: %s: %s\n", program, strerror(errno));
	return EXIT_CANNOT_RUN;
}

int command_run(int argc, char **argv)
{
	const char *policy_file = NULL;
	char program[PATH_MAX], why[PATH_MAX + 128];
	static const struct option options[] = { { "supervise", no_argument, NULL, 's' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	bool supervised = false, by_preload;
	int option, err;

	while ((option = getopt_long(argc, argv, "+p:h", options, NULL)) != -1) {
		if (option == 's') {
			supervised = true;
			continue;
		}
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option != 'p') {
			usage(stderr);
			return EXIT_USAGE;
		}
		policy_file = optarg;
	}
	if (optind >= argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	err = program_preloadable(argv[optind], program, sizeof(program), why, sizeof(why));
	by_preload = !err;
	if (supervised)
		err = program_find(argv[optind], program, sizeof(program), why, sizeof(why));
	if (err) {
		fprintf(stderr, "rdmasec: %s\n", why);
		return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	return guard_and_execute(policy_file, program, argv + optind, by_preload, supervised);
}
