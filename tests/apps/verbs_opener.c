// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Opens a device of verbs_fake.c, and prints the result. */
#include <errno.h>
#include <infiniband/verbs.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	if (ibv_open_device(NULL))
		puts("opened");
	else
		printf("not opened: %s\n", strerror(errno));
	return 0;
}
