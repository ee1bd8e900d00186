/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Who pays for what a process uses of the engine: limits per uid alone are none for a user with 65,536 subordinate
 * uids. */
#ifndef RDMASEC_PROCESS_ACCOUNT_H
#define RDMASEC_PROCESS_ACCOUNT_H

#include <stdint.h>
#include <sys/types.h>

enum { ACCOUNT_SUBORDINATE_MIN = 100000 };

/*
 * Returns the account of a process with this user id. In the caller's user namespace it is `uid`. In another one it is
 * the user that is mapped first (/proc/PID/uid_map, user_namespaces(7)): a user that makes a namespace alone can map
 * only itself. Ids from ACCOUNT_SUBORDINATE_MIN on are subordinate ones, as login.defs(5) has them: each range of
 * 65,536, which one user has, is an account, and real users with such ids share one for what they do in namespaces. If
 * the kernel does not tell, as of a process that has ended, it is `uid`.
 *
 * Does not block: the namespace itself could say its owner, but would wait for execve(2) (process.h).
 */
uint64_t process_account_of(pid_t pid, uid_t uid);

/*
 * Returns the account of the user namespace that owns the namespace behind `ns_fd`: 0 for the caller's own user
 * namespace, and if the kernel does not tell.
 */
uint64_t process_account_of_namespace(int ns_fd);

#endif
