// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* How a program that has lost RDMASEC_ENGINE finds the engine of the `rdmasec run` above it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "door/descriptors.h"
#include "door/engine_inherited.h"
#include "process/process.h"

#define ENGINE "@rdmasec-0123456789abcdef0123456789abcdef"

/* The output of a shell command, without its newline; $H is the program that searches. */
static const char *said(const char *command)
{
	static char text[200];
	FILE *output;
	size_t len;

	setenv("H", HELPER, 1);
	output = popen(command, "r");
	cr_assert_not_null(output);
	len = fread(text, 1, sizeof(text) - 1, output);
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	pclose(output);
	return text;
}

static void expect(const char *command, const char *name)
{
	const char *text = said(command);

	cr_expect(!strncmp(text, name, strlen(name)) && text[strlen(name)] == ' ', "%s: '%s'", command, text);
}

static int lifeline(char name[WIRE_NAME_MAX], int ends[2])
{
	int listener = wire_listen(name);

	cr_assert_geq(listener, 0);
	cr_assert_eq(wire_lifeline(name, ends), 0);
	return listener;
}

Test(engine_inherited, finds_nothing_without_run)
{
	expect("env -u RDMASEC_ENGINE $H", "none");
}

Test(engine_inherited, finds_lifeline_without_environment)
{
	char name[WIRE_NAME_MAX], command[] = "env -i $H";
	int ends[2], listener = lifeline(name, ends);

	cr_assert_geq(dup2(ends[1], DESCRIPTOR_LASTING), 0);
	expect(command, name);
	expect("env -i $H 3<&- </dev/null", name);
	close(listener);
	expect(command, name); /* also after its end: another policy must not decide */
}

Test(engine_inherited, takes_no_other_socket_for_lifeline)
{
	static const char *const others[] = { "@rdmasec-0123456789abcdef0123456789abcdef", "@rdmasec-0123.life",
					      "@other-0123456789abcdef0123456789abcdef.life",
					      "@rdmasec-0123456789abcdeg0123456789abcdef.life",
					      "@rdmasec-0123456789abcdef0123456789abcdef.lifeX" };
	char name[WIRE_NAME_MAX] = "unchanged";

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_not(wire_lifeline_engine(others[i], strlen(others[i]), name), "%s", others[i]);
	cr_expect_str_eq(name, "unchanged");
	cr_expect(wire_lifeline_engine(ENGINE ".life", strlen(ENGINE ".life"), name));
	cr_expect_str_eq(name, ENGINE);
}

Test(engine_inherited, finds_environment_at_the_start_of_the_process)
{
	expect("RDMASEC_ENGINE=" ENGINE " $H clearenv", ENGINE);
}

Test(engine_inherited, finds_environment_of_an_ancestor)
{
	expect("RDMASEC_ENGINE=" ENGINE " sh -c 'env -i sh -c \"'$H'; true\"; true'", ENGINE);
}

Test(engine_inherited, finds_variable_among_others)
{
	/* a value that begins like the key, a key that is longer, and a chunk's end within the string */
	expect("env -i X=RDMASEC_ENGINE=@no RDMASEC_ENGINEX=@no RRDMASEC_ENGINE=@no RDMASEC_ENGINE=" ENGINE " $H",
	       ENGINE);
	expect("env -i A=$(head -c 1010 /dev/zero | tr '\\0' x) RDMASEC_ENGINE=" ENGINE " $H", ENGINE);
}

Test(engine_inherited, finds_environment_of_a_daemon_that_clears_it)
{
	expect("RDMASEC_ENGINE=" ENGINE " $H daemon", ENGINE);
}

Test(engine_inherited, leaves_engine_with_another_name_to_the_environment)
{
	expect("RDMASEC_ENGINE=/run/engine.sock sh -c 'env -i '$H'; true'", "none");
	expect("RDMASEC_ENGINE=@rdmasec-short sh -c 'env -i '$H'; true'", "none");
}

Test(engine_inherited, marks_descendants_that_lose_everything)
{
	cr_assert_eq(prctl(PR_SET_TIMERSLACK, 50000, 0, 0, 0), 0);
	cr_expect_str_eq(said("env -i $H daemon"), "none unmarked");
	engine_mark_descendants();
	cr_expect_str_eq(said("env -i $H daemon"), "none marked");
}

Test(engine_inherited, changes_timer_slack_by_less_than_a_microsecond)
{
	static const int slacks[] = { 1, 100, 1000, 50000, 123456, 10000000 };

	for (size_t i = 0; i < sizeof(slacks) / sizeof(slacks[0]); i++) {
		int difference;

		cr_assert_eq(prctl(PR_SET_TIMERSLACK, slacks[i], 0, 0, 0), 0);
		cr_expect_not(engine_is_marked(), "%d", slacks[i]);
		engine_mark_descendants();
		cr_expect(engine_is_marked(), "%d", slacks[i]);
		difference = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) - slacks[i];
		cr_expect(difference > -1000 && difference < 1000, "%d", slacks[i]);
	}
}

/* ---- the engine's side ---- */

Test(engine_inherited, engine_finds_descendant_by_its_environment)
{
	struct process found;
	pid_t child;

	cr_expect_eq(process_find_by_environment("RDMASEC_ENGINE=" ENGINE, 0, &found), -ENOENT);
	child = fork();
	if (child == 0) {
		execle("/bin/sleep", "sleep", "60", NULL, (char *[]){ "A=1", "RDMASEC_ENGINE=" ENGINE, NULL });
		_exit(127);
	}
	for (int i = 0; i < 1000 && process_find_by_environment("RDMASEC_ENGINE=" ENGINE, 0, &found); i++)
		usleep(5000);
	cr_assert_eq(found.pid, child);
	process_close(&found);
	cr_expect_eq(process_find_by_environment("RDMASEC_ENGINE=" ENGINE "0", 0, &found), -ENOENT);
	cr_expect_eq(process_find_by_environment("ENGINE=" ENGINE, 0, &found), -ENOENT);
	kill(child, SIGKILL);
}

/* ---- descriptors ---- */

static int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

static void limit_files(rlim_t soft)
{
	struct rlimit files;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = soft;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
}

Test(descriptors, leave_standard_streams_closed)
{
	int fd;

	close(STDIN_FILENO);
	fd = descriptor_leave_standard(open("/dev/null", O_RDONLY));
	cr_expect_gt(fd, STDERR_FILENO);
	cr_expect_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(descriptor_leave_standard(fd), fd);
	cr_expect_eq(descriptor_leave_standard(-EMFILE), -EMFILE);
}

Test(descriptors, lasting_one_leaves_low_numbers)
{
	int before = lowest_free(), fd = descriptor_make_lasting(open("/dev/null", O_RDONLY));

	cr_expect_geq(fd, DESCRIPTOR_LASTING);
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(lowest_free(), before);
}

Test(descriptors, lasting_one_is_none_of_a_low_limit)
{
	struct rlimit files;
	int fd;

	limit_files(40);
	fd = descriptor_make_lasting(open("/dev/null", O_RDONLY));
	cr_expect_geq(fd, DESCRIPTOR_LASTING);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	cr_expect_eq(files.rlim_cur, 40, "the program's limit is as before");
}

Test(descriptors, lasting_one_falls_back_under_a_low_hard_limit)
{
	int fd;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 40, 40 }), 0);
	fd = descriptor_make_lasting(open("/dev/null", O_RDONLY));
	cr_expect_geq(fd, DESCRIPTOR_LASTING / 2);
	cr_expect_lt(fd, 40);
}

Test(descriptors, room_serves_a_program_that_has_none_free)
{
	struct descriptor_room room;
	struct rlimit files;
	int last = 0, fd;

	limit_files(40);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	cr_assert_eq(last, 39);
	cr_assert_eq(descriptor_room_begin(&room), 0);
	fd = open("/dev/null", O_RDONLY);
	descriptor_room_end(&room);
	cr_expect_eq(fd, 40);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	cr_expect_eq(files.rlim_cur, 40);
	cr_expect_eq(fcntl(fd, F_GETFD), 0, "it stays open above the limit");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 40, 40 }), 0);
	cr_expect_eq(descriptor_room_begin(&room), -EMFILE);
}
