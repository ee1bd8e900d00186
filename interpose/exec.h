/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* exec*(3) of the application. */
#ifndef RDMASEC_INTERPOSE_EXEC_H
#define RDMASEC_INTERPOSE_EXEC_H

/* Finds the next functions, for children of vfork(2). Called once, before the program runs. */
void exec_start(void);

#endif
