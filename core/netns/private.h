/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the engine and the opener say to each other, and what both do alike. */
#ifndef RDMASEC_NETNS_PRIVATE_H
#define RDMASEC_NETNS_PRIVATE_H

#include <net/if.h>
#include <stdint.h>

#include "netns/netns.h"

enum netns_what {
	NETNS_LOOK = 1, /* is it the initial one? */
	NETNS_SOCKET,   /* of `protocol`; comes as SCM_RIGHTS with the reply */
	NETNS_SETTINGS, /* of `netdev` */
	NETNS_MANAGER,  /* does a key manager listen? */
};

/* Goes with the namespace's fd. Both ends are one program: no version. */
struct netns_request {
	uint32_t sequence; /* from 1; the reply repeats it, so that one that came too late is not taken for the next */
	uint32_t what;
	int32_t protocol;
	char netdev[IF_NAMESIZE];
};

struct netns_reply {
	uint32_t sequence; /* 0: of the opener itself, when it starts */
	int32_t err;       /* 0 or -errno */
	uint8_t initial;
	uint8_t xfrm_off, policy_off, policy_off6;
	uint8_t listening; /* enum netns_listening */
	uint8_t reserved[3];
};

/* 0; -EPROTONOSUPPORT, -ECONNRESET, -ETIMEDOUT ... With *out_fd for NETNS_SOCKET, else `out_fd` is NULL. */
RS_MUST_USE int netns_opener_ask(struct netns_opener *opener, int ns_fd, struct netns_request *request,
				 struct netns_reply *out, int *out_fd);

/* The opener's process, from fork(2) to its end. */
_Noreturn void netns_opener_main(int socket, pid_t parent);

/* 0: the fd is a network namespace's. */
RS_MUST_USE int netns_check(int ns_fd);

/* An fd of the calling thread's namespace, the caller's; or -errno. */
int netns_here_fd(void);

/* A netlink socket, not bound, in the calling thread's namespace. */
RS_MUST_USE int netns_socket_here(int protocol, int *out_fd);

/* ---- what /proc/sys/net says in the calling thread's namespace; allocates nothing ---- */

/* In the file system a netdev's name is a folder's: none that the kernel allows can lead out of it. */
bool netns_netdev_is_valid(const char *netdev);
void netns_settings_here(const char *netdev, struct netns_settings *out);
bool netns_here_is_initial(void);
enum netns_listening netns_key_manager_here(void);

#endif
