/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Rows for a terminal, rows as JSON, and one line an event. */
#ifndef RDMASEC_TOOLS_TABLE_H
#define RDMASEC_TOOLS_TABLE_H

#include <json-c/json.h>
#include <stdio.h>

#include "engine_query.h"
#include "qp_rows.h"

/* Of the terminal on stdout, else 80. */
int terminal_width(void);

void status_table(FILE *to, const struct wire_records *records, int width);

/* The worst of the verdicts as an exit status: unknown, then unprotected, then protected; nothing listed: unknown. */
int status_exit(const struct wire_records *records);

/* How many QPs nobody guards, in a line or two; nothing where there are none. */
void status_unguarded(FILE *to, const struct qp_rows *rows, bool engine);

/* `now`: CLOCK_REALTIME, to write times of today short. */
void qps_table(FILE *to, const struct qp_rows *rows, int width, time_t now);
void qps_summary(FILE *to, const struct qp_rows *rows);

/* Takes `object`; NULL, or no memory: the array is let go of, and NULL from then on. A list is whole or none. */
void json_append(json_object **array, json_object *object);

/* Arrays; NULL: no memory. json_object_put() them. */
json_object *status_json(const struct wire_records *records);
json_object *qps_json(const struct qp_rows *rows);

/* Prints it, and takes it over. 0, -ENOMEM for NULL, -EIO. */
RS_MUST_USE int json_print(FILE *to, json_object *object, int flags);

/* One event in words, with a newline. */
void event_line(FILE *to, const struct wire_record *record);

#endif
