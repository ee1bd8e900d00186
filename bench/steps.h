/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Counts the instructions that this thread executes between two marks: another process single-steps it (ptrace(2)). A
 * system call counts as one instruction. Needs no performance counters, which emulated processors lack, and counts the
 * code of every library in the process.
 */
#ifndef RDMASEC_BENCH_STEPS_H
#define RDMASEC_BENCH_STEPS_H

/* Call it once, before the first mark, from the program's only thread. Returns 0 or -errno. */
int steps_begin(void);

void steps_mark(void);

/* Call it after every second mark. Returns the instructions between the marks, plus a constant few of steps_mark(). */
unsigned long steps_between(void);

#endif
