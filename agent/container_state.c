// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "container_state.h"

#include <errno.h>
#include <string.h>

#include "util/text.h"

/* A member of the given type. NULL and a text in `error`: there is none. */
static json_object *member(json_object *object, const char *name, enum json_type type, char *error)
{
	json_object *value;

	if (!json_object_object_get_ex(object, name, &value))
		text_format(error, CONTAINER_ERROR_MAX, "no \"%s\"", name);
	else if (!json_object_is_type(value, type))
		text_format(error, CONTAINER_ERROR_MAX, "\"%s\" is not of type %s", name, json_type_to_name(type));
	else
		return value;
	return NULL;
}

/* A text that is not empty, fits, and has no NUL, which JSON allows and C cuts off. */
static int read_text(json_object *object, const char *name, char *to, size_t size, char *error)
{
	json_object *value = member(object, name, json_type_string, error);
	size_t len;

	if (!value)
		return -EBADMSG;
	len = (size_t)json_object_get_string_len(value);
	if (!len || len >= size || memchr(json_object_get_string(value), '\0', len)) {
		text_format(error, CONTAINER_ERROR_MAX, "\"%s\" is empty, too long or has a NUL", name);
		return -EBADMSG;
	}
	text_copy(to, size, json_object_get_string(value));
	return 0;
}

static int read_pid(json_object *object, pid_t *out, char *error)
{
	json_object *value = member(object, "pid", json_type_int, error);
	int64_t pid;

	if (!value)
		return -EBADMSG;
	pid = json_object_get_int64(value);
	if (pid < 0 || pid > CONTAINER_PID_MAX) {
		text_format(error, CONTAINER_ERROR_MAX, "invalid \"pid\"");
		return -EBADMSG;
	}
	*out = (pid_t)pid;
	return 0;
}

static int read_fds(json_object *message, struct container_state *out, char *error)
{
	json_object *names = member(message, "fds", json_type_array, error);
	size_t found = 0;

	if (!names)
		return -EBADMSG;
	out->fd_count = json_object_array_length(names);
	if (out->fd_count > CONTAINER_FDS_MAX) {
		text_format(error, CONTAINER_ERROR_MAX, "more than %d \"fds\"", CONTAINER_FDS_MAX);
		return -EBADMSG;
	}
	for (size_t i = 0; i < out->fd_count; i++) {
		json_object *name = json_object_array_get_idx(names, i);

		if (!json_object_is_type(name, json_type_string)) {
			text_format(error, CONTAINER_ERROR_MAX, "a value in \"fds\" is not a string");
			return -EBADMSG;
		}
		if (strcmp(json_object_get_string(name), "seccompFd"))
			continue;
		out->seccomp_fd = i;
		found++;
	}
	if (found == 1)
		return 0;
	text_format(error, CONTAINER_ERROR_MAX, "\"fds\" has %s \"seccompFd\"", found ? "more than one" : "no");
	return -EBADMSG;
}

/* A stopped container has no process. */
static int check_status(json_object *state, char *error)
{
	static const char *const alive[] = { "creating", "created", "running" };
	json_object *status = member(state, "status", json_type_string, error);

	if (!status)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(alive) / sizeof(alive[0]); i++)
		if (!strcmp(json_object_get_string(status), alive[i]))
			return 0;
	text_format(error, CONTAINER_ERROR_MAX, "\"status\" is not that of a running container");
	return -EBADMSG;
}

/* `init`: the pid of the container. */
static int read_state(json_object *state, struct container_state *out, pid_t *init, char *error)
{
	int err = read_text(state, "id", out->id, sizeof(out->id), error);

	text_printable(out->id);
	err = err ? err : member(state, "ociVersion", json_type_string, error) ? 0 : -EBADMSG;
	err = err ? err : check_status(state, error);
	err = err ? err : read_pid(state, init, error);
	return err ? err : read_text(state, "bundle", out->bundle, sizeof(out->bundle), error);
}

/* A runtime that names one of the process and the container has to name the other, and the bundle. */
static int check_names(struct container_state *state, pid_t init, char *error)
{
	if (!state->pid && !init) {
		if (state->bundle[0] != '/')
			state->bundle[0] = '\0';
		return 0;
	}
	if (!state->pid || !init)
		text_format(error, CONTAINER_ERROR_MAX, "invalid \"pid\"");
	else if (state->bundle[0] != '/')
		text_format(error, CONTAINER_ERROR_MAX, "\"bundle\" is not an absolute path");
	else
		return 0;
	return -EBADMSG;
}

int container_state_read(json_object *message, struct container_state *out, char error[CONTAINER_ERROR_MAX])
{
	struct container_state read = { 0 };
	json_object *state;
	pid_t init = 0;
	int err = -EBADMSG;

	out->id[0] = '\0';
	if (!json_object_is_type(message, json_type_object)) {
		text_format(error, CONTAINER_ERROR_MAX, "not a JSON object");
		return err;
	}
	/* first, so that later errors can name the container */
	state = member(message, "state", json_type_object, error);
	err = state ? read_state(state, &read, &init, error) : -EBADMSG;
	err = err ? err : member(message, "ociVersion", json_type_string, error) ? 0 : -EBADMSG;
	err = err ? err : read_pid(message, &read.pid, error);
	err = err ? err : check_names(&read, init, error);
	err = err ? err : read_fds(message, &read, error);
	if (err)
		text_copy(out->id, sizeof(out->id), read.id);
	else
		*out = read;
	return err;
}
