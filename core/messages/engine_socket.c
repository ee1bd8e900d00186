// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's socket: whether rdmasecd is expected, whether a listener may judge, a private socket. Runs inside
 * applications. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/protocol.h"
#include "util/fd_socket.h"

bool wire_system_engine_expected(void)
{
	struct stat folder;

	return !stat(WIRE_SYSTEM_FOLDER, &folder) || (errno != ENOENT && errno != ENOTDIR);
}

bool wire_system_engine_trusted(const struct stat *folder, uid_t listener)
{
	return S_ISDIR(folder->st_mode) && !(folder->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (listener == 0 || listener == folder->st_uid);
}

int wire_check_engine(int socket, bool is_system)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct stat folder;
	bool trusted;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	if (is_system)
		trusted = !stat(WIRE_SYSTEM_FOLDER, &folder) && wire_system_engine_trusted(&folder, cred.uid);
	else
		trusted = cred.uid == 0 || cred.uid == getuid() || cred.uid == geteuid();
	return trusted ? 0 : -EPERM;
}

enum { LISTEN_BACKLOG = 128 };

int wire_listen(char name[WIRE_NAME_MAX])
{
	struct sockaddr_un address;
	uint64_t random[2];
	socklen_t len;
	int s, err;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(name, WIRE_NAME_MAX, "@rdmasec-%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
	err = wire_address(name, &address, &len);
	if (err)
		return err;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (!bind(s, (const struct sockaddr *)&address, len) && !listen(s, LISTEN_BACKLOG))
		return s;
	err = -errno;
	close(s);
	return err;
}
