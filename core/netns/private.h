/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The protocol between engine and opener, and the functions that both use. */
#ifndef RDMASEC_NETNS_PRIVATE_H
#define RDMASEC_NETNS_PRIVATE_H

#include <net/if.h>
#include <stdint.h>

#include "netns/netns.h"

enum netns_what {
	NETNS_LOOK = 1, /* is it the initial namespace? */
	NETNS_SOCKET,   /* a netlink socket of `protocol`; the reply passes it as SCM_RIGHTS */
	NETNS_SETTINGS, /* of `netdev` */
	NETNS_MANAGER,  /* does a key manager listen? */
};

/* Sent with the fd of the namespace. Both ends are the same program, so there is no version. */
struct netns_request {
	uint32_t sequence; /* from 1; the reply repeats it, so that a late reply is not taken for the next one */
	uint32_t what;
	int32_t protocol;
	char netdev[IF_NAMESIZE];
};

struct netns_reply {
	uint32_t sequence; /* 0: the greeting of the opener when it has started */
	int32_t err;       /* 0 or -errno */
	uint8_t initial;
	uint8_t xfrm_off, policy_off, policy_off6;
	uint8_t listening; /* enum netns_listening */
	uint8_t reserved[3];
};

/*
 * Sends a request and waits for the reply. Returns 0, or -errno: that of the opener, -ECONNRESET: the opener has ended,
 * or -ETIMEDOUT after five seconds. For NETNS_SOCKET the caller owns *out_fd; otherwise `out_fd` is NULL.
 */
RS_MUST_USE int netns_opener_ask(struct netns_opener *opener, int ns_fd, struct netns_request *request,
				 struct netns_reply *out, int *out_fd);

/* Runs the opener's process, from fork(2) to its end. */
_Noreturn void netns_opener_main(int socket, pid_t parent);

/* Returns 0 if the fd is that of a network namespace; -EINVAL if not; else -errno. */
RS_MUST_USE int netns_check(int ns_fd);

/* Returns an fd of the calling thread's network namespace, which the caller owns; or -errno. */
int netns_here_fd(void);

/*
 * Opens a netlink socket in the calling thread's network namespace, without binding it. Returns 0 or -errno. The caller
 * owns *out_fd.
 */
RS_MUST_USE int netns_socket_here(int protocol, int *out_fd);

/* ---- /proc/sys/net in the calling thread's namespace; nothing here allocates ---- */

/*
 * Returns whether the kernel allows the name. A netdev's name is that of a folder: a valid one cannot lead out of it.
 */
bool netns_netdev_is_valid(const char *netdev);
/* Reads the settings of a netdev with a valid name, or of "all". A setting that cannot be read counts as on. */
void netns_settings_here(const char *netdev, struct netns_settings *out);
bool netns_here_is_initial(void);
enum netns_listening netns_key_manager_here(void);

#endif
