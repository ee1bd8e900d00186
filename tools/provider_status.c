// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Finds out whether the provider module works. Its files are not enough: a child process tries libibverbs. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "provider_place.h"
#include "util/text.h"
#include "uverbs/canary.h"

enum { TRIAL_MS = 20000, TRIAL_WORKS = 0, TRIAL_NO_DRIVERS = 1, TRIAL_FAILED = 2 };

/* ---- the child ---- */

int provider_trial(void)
{
	void *library = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);
	void **(*list)(int *count) = library ? (void **(*)(int *))dlsym(library, "ibv_get_device_list") : NULL;
	int (*way)(int fd, unsigned long request, ...);
	int count = 0;

	if (!list)
		return TRIAL_FAILED;
	if (!list(&count) || !count)
		return TRIAL_NO_DRIVERS;
	/* the module takes this symbol for libraries that are loaded later */
	way = (int (*)(int, unsigned long, ...))dlsym(RTLD_DEFAULT, "ioctl");
	return way && canary_send(way) ? TRIAL_WORKS : TRIAL_FAILED;
}

/* ---- its parent ---- */

/* Without LD_PRELOAD of the user: the trial is of the module alone. */
static int start_trial(int output, pid_t *out)
{
	static char *const argv[] = { (char *)"rdmasec", (char *)"provider-trial", NULL };
	posix_spawn_file_actions_t actions;
	int err;

	unsetenv("LD_PRELOAD");
	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return -err;
	err = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	if (!err)
		err = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = posix_spawn(out, "/proc/self/exe", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

/* Reads the first line that the child prints, until it ends. Kills it after TRIAL_MS of silence. */
static void read_output(int from, pid_t child, char *text, size_t size)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	size_t len = 0;
	ssize_t got = 1;

	while (got > 0 && len < size - 1) {
		if (poll(&ready, 1, TRIAL_MS) <= 0) {
			kill(child, SIGKILL);
			break;
		}
		got = read(from, text + len, size - 1 - len);
		len += got > 0 ? (size_t)got : 0;
	}
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	text_printable(text);
}

/* Returns TRIAL_*, and the first line of the child in `said`. */
static int run_trial(char *said, size_t size)
{
	int ends[2], status = 0, err;
	pid_t child;

	said[0] = '\0';
	if (pipe2(ends, O_CLOEXEC))
		return TRIAL_FAILED;
	err = start_trial(ends[1], &child);
	close(ends[1]);
	if (!err) {
		read_output(ends[0], child, said, size);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	return !err && WIFEXITED(status) ? WEXITSTATUS(status) : TRIAL_FAILED;
}

static void set_state_by_trial(struct provider_status *status)
{
	char said[512];

	switch (run_trial(said, sizeof(said))) {
	case TRIAL_WORKS:
		status->state = PROVIDER_WORKS;
		return;
	case TRIAL_NO_DRIVERS:
		status->state = PROVIDER_INSTALLED;
		return;
	default:
		status->state = PROVIDER_BROKEN;
		text_copy(status->why, sizeof(status->why),
			  *said ? said : "libibverbs does not call through the module");
	}
}

/* The ABI of a module that is installed for another libibverbs; 0: none. */
static int other_abi(const struct provider_place *place)
{
	DIR *folder = opendir(place->folder);
	const struct dirent *entry;
	int abi, found = 0;

	while (folder && (entry = readdir(folder))) {
		abi = provider_name_abi(entry->d_name);
		if (abi > 0 && abi != place->abi)
			found = abi;
	}
	if (folder)
		closedir(folder);
	return found;
}

static void set_state_by_files(const struct provider_place *place, struct provider_status *status)
{
	int driver = provider_driver_check(place->driver), other = other_abi(place);
	bool linked = !access(place->link, R_OK), dangling = !linked && readlink(place->link, (char[1]){ 0 }, 1) >= 0;

	status->abi = linked || dangling ? place->abi : other;
	if (!status->abi && driver == -ENOENT)
		return;
	status->state = PROVIDER_BROKEN;
	if (driver)
		text_format(status->why, sizeof(status->why), "%s: %s", place->driver,
			    driver == -EINVAL ? "unexpected content: run 'rdmasec install-provider' as root"
					      : strerror(-driver));
	else if (dangling)
		text_format(status->why, sizeof(status->why),
			    "%s is a dangling link: run 'rdmasec install-provider' as root", place->link);
	else if (!linked && !other)
		text_format(status->why, sizeof(status->why), "%s is missing: run 'rdmasec install-provider' as root",
			    place->link);
	else
		status->state = linked ? PROVIDER_INSTALLED : PROVIDER_OTHER_ABI;
}

void provider_status_read(struct provider_status *out)
{
	struct provider_status status = { .state = PROVIDER_NOT_INSTALLED };
	struct provider_place place;
	int err = provider_place_find("", &place, status.why);

	if (!err) {
		status.wanted_abi = place.abi;
		set_state_by_files(&place, &status);
	} else if (err != -ENOENT) {
		status.state = PROVIDER_BROKEN;
	}
	if (status.state == PROVIDER_INSTALLED)
		set_state_by_trial(&status);
	*out = status;
}

/* ---- in words ---- */

void provider_status_words(const struct provider_status *status, char *text, size_t size)
{
	switch (status->state) {
	case PROVIDER_NOT_INSTALLED:
		text_copy(text, size, "not installed");
		return;
	case PROVIDER_WORKS:
		text_copy(text, size, "installed, works");
		return;
	case PROVIDER_INSTALLED:
		text_copy(text, size, "installed; not tried: without an RDMA device libibverbs loads no drivers");
		return;
	case PROVIDER_OTHER_ABI:
		text_format(text, size,
			    "DOES NOT WORK: installed for rdmav%d, libibverbs wants rdmav%d (rdmasec install-provider)",
			    status->abi, status->wanted_abi);
		return;
	default:
		text_format(text, size, "DOES NOT WORK: %s", status->why);
	}
}

static const char *state_name(enum provider_state state)
{
	switch (state) {
	case PROVIDER_NOT_INSTALLED:
		return "not-installed";
	case PROVIDER_WORKS:
		return "works";
	case PROVIDER_INSTALLED:
		return "installed";
	case PROVIDER_OTHER_ABI:
		return "other-abi";
	default:
		return "broken";
	}
}

static bool add(json_object *object, const char *key, json_object *value)
{
	if (value && !json_object_object_add(object, key, value))
		return true;
	json_object_put(value);
	return false;
}

json_object *provider_status_json(const struct provider_status *status)
{
	json_object *object = json_object_new_object();
	bool good = object && add(object, "door", json_object_new_string("provider module")) &&
		    add(object, "state", json_object_new_string(state_name(status->state)));

	if (good && status->abi)
		good = add(object, "abi", json_object_new_int(status->abi));
	if (good && status->wanted_abi)
		good = add(object, "wanted_abi", json_object_new_int(status->wanted_abi));
	if (good && status->state == PROVIDER_BROKEN)
		good = add(object, "reason", json_object_new_string(status->why));
	if (good)
		return object;
	json_object_put(object);
	return NULL;
}
