/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Counts the instructions that this thread executes between two marks, by going through them one by one from a process
 * beside it (ptrace(2)). A system call counts as one, whatever the kernel does in it. Needs no performance counters,
 * which an emulated processor has not, and sees code of every library, however it came into the process.
 */
#ifndef RDMASEC_BENCH_STEPS_H
#define RDMASEC_BENCH_STEPS_H

/* Once, before the first mark, by the program's only thread; 0 or -errno. */
int steps_begin(void);

void steps_mark(void);

/* After every second mark; what lies between them, with the same few instructions of steps_mark() itself. */
unsigned long steps_between(void);

#endif
