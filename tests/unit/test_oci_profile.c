// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The profile of contrib/oci has the same effect as the supervisor's own filter: both are compiled as they will be, and
 * run, on system calls with all values that one of them could tell from others. And the same joined with an allowlist.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor_filter.h"

enum { CODE_MAX = 4096 };

struct program {
	struct sock_filter code[CODE_MAX];
	size_t count;
};

/* ---- compiling, as runc and crun do ---- */

static const char *text_of(json_object *object, const char *name)
{
	json_object *value;

	return json_object_object_get_ex(object, name, &value) ? json_object_get_string(value) : "";
}

static uint64_t number_of(json_object *object, const char *name)
{
	json_object *value;

	return json_object_object_get_ex(object, name, &value) ? json_object_get_uint64(value) : 0;
}

static uint32_t action_of(json_object *rule, const char *name)
{
	const char *action = text_of(rule, name);

	if (!strcmp(action, "SCMP_ACT_ALLOW"))
		return SCMP_ACT_ALLOW;
	if (!strcmp(action, "SCMP_ACT_NOTIFY"))
		return SCMP_ACT_NOTIFY;
	cr_assert_str_eq(action, "SCMP_ACT_ERRNO");
	return SCMP_ACT_ERRNO(number_of(rule, "errnoRet") ? number_of(rule, "errnoRet") : 1);
}

static void add_rule(scmp_filter_ctx filter, json_object *rule, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);
	struct scmp_arg_cmp compare[6];
	json_object *args = NULL;
	size_t count = 0;

	cr_assert_neq(number, __NR_SCMP_ERROR, "%s", name);
	if (json_object_object_get_ex(rule, "args", &args))
		count = json_object_array_length(args);
	cr_assert_leq(count, 6);
	for (size_t i = 0; i < count; i++) {
		json_object *arg = json_object_array_get_idx(args, i);

		cr_assert_str_eq(text_of(arg, "op"), "SCMP_CMP_MASKED_EQ");
		compare[i] = (struct scmp_arg_cmp){ .arg = (unsigned int)number_of(arg, "index"),
						    .op = SCMP_CMP_MASKED_EQ,
						    .datum_a = number_of(arg, "value"),
						    .datum_b = number_of(arg, "valueTwo") };
	}
	if (action_of(rule, "action") != SCMP_ACT_ALLOW || seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count, compare))
		cr_assert_eq(seccomp_rule_add_array(filter, action_of(rule, "action"), number, (unsigned int)count, compare), 0,
			     "%s", name);
}

static void export(scmp_filter_ctx filter, struct program *out)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t len;

	cr_assert_eq(seccomp_export_bpf(filter, fd), 0);
	len = pread(fd, out->code, sizeof(out->code), 0);
	cr_assert(len > 0 && (size_t)len < sizeof(out->code) && len % (ssize_t)sizeof(out->code[0]) == 0);
	out->count = (size_t)len / sizeof(out->code[0]);
	close(fd);
}

static void compile(json_object *profile, struct program *out)
{
	scmp_filter_ctx filter = seccomp_init(action_of(profile, "defaultAction"));
	json_object *rules, *names;

	cr_assert(filter && profile);
	/* runc and crun set it like that */
	cr_assert(json_object_object_get_ex(profile, "syscalls", &rules));
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		json_object *rule = json_object_array_get_idx(rules, i);

		cr_assert(json_object_object_get_ex(rule, "names", &names));
		for (size_t j = 0; j < json_object_array_length(names); j++)
			add_rule(filter, rule, json_object_get_string(json_object_array_get_idx(names, j)));
	}
	export(filter, out);
	seccomp_release(filter);
}

/* ---- running, as the kernel does: what a seccomp filter may have of classic BPF (seccomp_check_filter()) ---- */

static uint32_t run(const struct program *program, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < program->count; pc++) {
		const struct sock_filter *code = &program->code[pc];
		bool jump;

		switch (code->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			cr_assert_leq(code->k, sizeof(*data) - sizeof(a));
			memcpy(&a, (const char *)data + code->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= code->k;
			continue;
		case BPF_RET | BPF_K:
			return code->k;
		case BPF_JMP | BPF_JA:
			pc += code->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == code->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > code->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= code->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			jump = a & code->k;
			break;
		default:
			cr_assert_fail("an instruction that is not known: %#x", code->code);
		}
		pc += jump ? code->jt : code->jf;
	}
	cr_assert_fail("the filter runs over its end");
	return 0;
}
