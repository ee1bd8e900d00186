/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Rows for a terminal, rows as JSON, and one line an event. */
#ifndef RDMASEC_TOOLS_TABLE_H
#define RDMASEC_TOOLS_TABLE_H

#include <json-c/json.h>
#include <stdio.h>

#include "engine_query.h"
#include "qp_rows.h"

/* Columns of the terminal on stdout, else 80. */
int terminal_width(void);

void status_table(FILE *to, const struct wire_records *records, int width);

/* The exit status of the worst verdict: unknown, then unprotected, then protected. An empty list is unknown. */
int status_exit(const struct wire_records *records);

/* Prints how many QPs are unguarded and how many are unreachable, if any. */
void unguarded_summary(FILE *to, const struct qp_rows *rows, bool engine);

/* `now`: CLOCK_REALTIME, for short times of the last day. */
void qps_table(FILE *to, const struct qp_rows *rows, int width, time_t now);
void qps_summary(FILE *to, const struct qp_rows *rows);

/* Appends `object`, which the array then owns. NULL or no memory: frees the array and sets it to NULL. */
void json_append(json_object **array, json_object *object);

/* Arrays, which the caller owns (json_object_put()). NULL: no memory. */
json_object *status_json(const struct wire_records *records);
json_object *qps_json(const struct qp_rows *rows);

/* Prints `object` and frees it. 0; -ENOMEM if it is NULL; -EIO. */
RS_MUST_USE int json_print(FILE *to, json_object *object, int flags);

/* Prints one event as a line of text. */
void event_line(FILE *to, const struct wire_record *record);

#endif
