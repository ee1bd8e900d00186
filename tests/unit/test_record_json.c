// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The JSON of a record has each fact that the record has, and no other. */
#include "engine/record_json.h"

#include "record_fixture.h"

static void expect_line(const struct wire_record *record, const char *expected)
{
	json_object *object = record_to_json(record);

	cr_assert_not_null(object);
	cr_expect_str_eq(json_object_to_json_string_ext(object, RECORD_JSON_LINE), expected);
	json_object_put(object);
}

Test(record_json, has_a_key_for_each_known_field)
{
	const struct wire_record record = full_record();

	cr_assert_eq(wire_check(&record, sizeof(record), WIRE_LISTS), WIRE_RECORD);
	expect_line(&record, "{\"time\":\"2026-01-31T12:00:00.123Z\",\"event\":\"revoked\",\"outcome\":\"refused\","
			     "\"pid\":101,\"uid\":102,\"executable\":\"/usr/bin/ibv_rc_pingpong\","
			     "\"command\":\"modify_qp\",\"device\":\"rxe0\",\"port\":1,\"gid_index\":3,"
			     "\"gid_type\":\"RoCE v2\",\"local\":\"10.0.0.1\",\"netdev\":\"eth0\","
			     "\"remote\":\"10.0.0.2\",\"qpn\":104,\"dest_qpn\":105,\"qp_type\":\"RC\","
			     "\"verdict\":\"unprotected\",\"rule\":\"storage\","
			     "\"reason\":\"macsec-no-device,outbound-no-policy\","
			     "\"text\":\"eth0 is not a \\\"MACsec\\\" device\",\"errno\":\"EPERM\"}");
	expect_no_leak();
}

Test(record_json, has_no_key_for_an_unknown_field)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	expect_line(&record, "{\"verdict\":\"unknown\"}");
	/* a number without its flag is unknown, even if it is not zero */
	record.gid_index = 1;
	record.qpn = 2;
	record.dest_qpn = 3;
	record.uid = 4;
	record.count = 5;
	record.by = BY_IPSEC;
	expect_line(&record, "{\"verdict\":\"unknown\"}");
	expect_no_leak();
}

/* Index 0, QP number 0 and uid 0 are facts. */
Test(record_json, keeps_known_zeros)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.has = WIRE_RECORD_HAS_GID | WIRE_RECORD_HAS_QPN | WIRE_RECORD_HAS_DEST_QPN;
	record.pid = 1;
	record.verdict = VERDICT_PROTECTED;
	record.by = BY_MACSEC;
	expect_line(&record, "{\"pid\":1,\"uid\":0,\"gid_index\":0,\"qpn\":0,\"dest_qpn\":0,"
			     "\"verdict\":\"protected\",\"by\":\"macsec\"}");
	expect_no_leak();
}

Test(record_json, counts_lost_events)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_LOST;
	record.count = UINT64_MAX;
	expect_line(&record, "{\"event\":\"lost\",\"count\":18446744073709551615}");
	expect_no_leak();
}

Test(record_json, counts_stopped_packets)
{
	struct wire_record record;

	wire_make(&record, WIRE_RECORD);
	record.event = WIRE_EVENT_STOPPED;
	record.count = 7;
	record.verdict = VERDICT_UNPROTECTED;
	expect_line(&record, "{\"event\":\"stopped\",\"count\":7,\"verdict\":\"unprotected\"}");
	expect_no_leak();
}

/* A parser can read the JSON of any record. */
Test(record_json, is_valid_json_for_any_field)
{
	struct wire_record record = full_record();
	json_object *object, *again;

	memset(record.text, '"', sizeof(record.text) - 1);
	memset(record.executable, '\\', sizeof(record.executable) - 1);
	record.verdict = UINT32_MAX;
	record.by = UINT32_MAX;
	record.err = 4095;
	record.time_ns = INT64_MIN;
	object = record_to_json(&record);
	cr_assert_not_null(object);
	again = json_tokener_parse(json_object_to_json_string_ext(object, RECORD_JSON_LINE));
	cr_expect(json_object_equal(object, again));
	cr_expect_eq(json_object_get_int(json_object_object_get(again, "errno")), 4095, "an errno without a name");
	cr_expect_str_eq(json_object_get_string(json_object_object_get(again, "verdict")), "unknown");
	json_object_put(object);
	json_object_put(again);
	expect_no_leak();
}

Test(record_json, every_event_and_outcome_has_its_own_name)
{
	for (uint32_t i = 1; i < WIRE_EVENT_COUNT; i++)
		for (uint32_t j = 1; j <= i; j++)
			cr_expect_eq(!strcmp(record_event_name(i), record_event_name(j)), i == j, "%u %u", i, j);
	for (uint32_t i = 1; i < WIRE_OUTCOME_COUNT; i++)
		for (uint32_t j = 1; j <= i; j++)
			cr_expect_eq(!strcmp(record_outcome_name(i), record_outcome_name(j)), i == j, "%u %u", i, j);
	cr_expect_null(record_event_name(WIRE_EVENT_NONE));
	cr_expect_null(record_event_name(WIRE_EVENT_COUNT));
	cr_expect_null(record_outcome_name(WIRE_OUTCOME_COUNT));
}

Test(record_json, formats_times)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 999999, "1970-01-01T00:00:00.000Z" },
		{ 1000000, "1970-01-01T00:00:00.001Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ INT64_C(951827696789000000), "2000-02-29T12:34:56.789Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854Z" },
	};
	char text[RECORD_TIME_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(record_time_text(rows[i].ns, text), rows[i].text);
}
