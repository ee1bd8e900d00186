/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Who pays for what a process uses of the engine: limits per uid alone are none for a user with 65,536 subordinate
 * uids. */
#ifndef RDMASEC_PROCESS_ACCOUNT_H
#define RDMASEC_PROCESS_ACCOUNT_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Returns the account of the process whose folder in /proc is open as `proc_dir`. In the caller's user namespace it is
 * `uid`. In another one it is the user that owns the outermost namespace below the caller's (NS_GET_OWNER_UID,
 * ioctl_ns(2)); if that owner is root, which makes namespaces for others, it is the namespace itself. If the kernel
 * does not tell, it is `uid`. Does not block.
 */
uint64_t process_account(int proc_dir, uid_t uid);

/*
 * Returns the account of the user namespace that owns the namespace behind `ns_fd`: 0 for the caller's own user
 * namespace, and if the kernel does not tell.
 */
uint64_t process_account_of_namespace(int ns_fd);

/* The same by number; the process may end during the call, and the account is `uid` then. */
uint64_t process_account_of(pid_t pid, uid_t uid);

#endif
