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
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/supervisor_internal.h"

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
		bool jump = false;

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

/* ---- comparing ---- */

static void supervisor_program(struct program *out)
{
	struct sock_fprog program;

	cr_assert_eq(supervisor_filter_export(false, &program), 0);
	cr_assert_leq(program.len, CODE_MAX);
	memcpy(out->code, program.filter, program.len * sizeof(out->code[0]));
	out->count = program.len;
	free(program.filter);
}

static json_object *profile_read(const char *path)
{
	json_object *profile = json_object_from_file(path);

	cr_assert(profile, "%s: %s", path, json_util_get_last_err());
	return profile;
}

/* Of an argument: all that a mask of either could tell from others, in the lower half and in the upper one. */
static const uint32_t halves[] = {
	0,
	O_RDONLY,
	O_WRONLY,
	O_RDWR,
	O_ACCMODE,
	O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
	O_WRONLY | O_APPEND,
	O_RDONLY | O_CREAT,
	O_PATH,
	32, /* the length of a doorbell */
	33,
	RDMA_VERBS_IOCTL,
	RDMA_VERBS_IOCTL + 1,
	RDMA_VERBS_IOCTL - 1,
	RDMA_VERBS_IOCTL ^ 0x80000000,
	RDMA_VERBS_IOCTL ^ 0x00010000,
	UINT32_MAX,
};

enum { HALVES = sizeof(halves) / sizeof(halves[0]), ARGUMENTS_LOOKED_AT = 3 };

typedef void (*each_fn)(const struct seccomp_data *data, void *context);

/* A call with each value in one argument, others of nothing or of all ones. */
static void each_value(struct seccomp_data *data, each_fn each, void *context)
{
	static const uint64_t others[] = { 0, UINT64_MAX };

	for (size_t i = 0; i < HALVES * HALVES * ARGUMENTS_LOOKED_AT * 2; i++) {
		const uint64_t value = (uint64_t)halves[i % HALVES] << 32 | halves[i / HALVES % HALVES];

		for (int j = 0; j < 6; j++)
			data->args[j] = others[i / (HALVES * HALVES * ARGUMENTS_LOOKED_AT)];
		data->args[i / (HALVES * HALVES) % ARGUMENTS_LOOKED_AT] = value;
		each(data, context);
	}
}

static void each_call(each_fn each, void *context)
{
	static const uint32_t architectures[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
						  AUDIT_ARCH_ARM, 0 };
	struct seccomp_data data = { .nr = 0 };

	for (size_t a = 0; a < sizeof(architectures) / sizeof(architectures[0]); a++)
		for (data.nr = -1; data.nr < 500; data.nr += a ? 11 : 1) {
			data.arch = architectures[a];
			each_value(&data, each, context);
		}
	/* x32: the same architecture with a bit in the number */
	data.arch = AUDIT_ARCH_X86_64;
	for (data.nr = 0x40000000; data.nr < 0x40000000 + 600; data.nr += 3)
		each_value(&data, each, context);
}

static bool kills(uint32_t action)
{
	return action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_KILL_THREAD;
}

struct comparison {
	struct program profile, filter;
	unsigned notified, refused, killed;
};

static void compare(const struct seccomp_data *data, void *context)
{
	struct comparison *c = context;
	uint32_t by_profile = run(&c->profile, data), by_filter = run(&c->filter, data);

	/* runc hands nothing over of write(2) (README.md of contrib/oci) */
	if (data->nr == SYS_write && by_filter == SECCOMP_RET_USER_NOTIF)
		by_filter = SECCOMP_RET_ALLOW;
	c->notified += by_profile == SECCOMP_RET_USER_NOTIF;
	c->refused += (by_profile & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
	c->killed += kills(by_profile);
	if (by_profile == by_filter || (kills(by_profile) && kills(by_filter)))
		return;
	cr_assert_fail("call %d of %#x (%#llx, %#llx, %#llx): profile %#x, filter %#x", data->nr, data->arch,
		       (unsigned long long)data->args[0], (unsigned long long)data->args[1],
		       (unsigned long long)data->args[2], by_profile, by_filter);
}

Test(oci_profile, is_the_supervisors_filter, .timeout = 300)
{
	static struct comparison c;
	json_object *profile = profile_read(PROFILE), *path;

	cr_assert(json_object_object_get_ex(profile, "listenerPath", &path));
	cr_expect_str_eq(json_object_get_string(path), "/run/rdmasec/seccomp.sock");
	compile(profile, &c.profile);
	supervisor_program(&c.filter);
	each_call(compare, &c);
	/* else nothing was compared */
	cr_expect(c.notified && c.refused && c.killed);
	json_object_put(profile);
}

/* ---- joined with an allowlist ---- */

static void compare_joined(const struct seccomp_data *data, void *context)
{
	static const int allowed[] = { SYS_read, SYS_ioctl, SYS_open, SYS_openat, SYS_creat, SYS_io_uring_setup };
	struct comparison *c = context;
	uint32_t joined = run(&c->profile, data), alone = run(&c->filter, data);
	bool is_allowed = false;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		is_allowed |= data->nr == allowed[i];
	if (!kills(alone) && !is_allowed)
		alone = SECCOMP_RET_ERRNO | 1;
	c->notified += joined == SECCOMP_RET_USER_NOTIF;
	cr_assert(joined == alone || (kills(joined) && kills(alone)),
		  "call %d of %#x (%#llx, %#llx, %#llx): %#x, not %#x", data->nr, data->arch,
		  (unsigned long long)data->args[0], (unsigned long long)data->args[1],
		  (unsigned long long)data->args[2], joined, alone);
}

/* The profile that merge.py makes of this text, in a file of the test, or its refusal: an exit status. */
static int merge(const char *allowlist, const char *output)
{
	char name[] = "/tmp/allowlist-XXXXXX", command[512];
	int fd = mkostemp(name, O_CLOEXEC), status;

	cr_assert_eq(write(fd, allowlist, strlen(allowlist)), (ssize_t)strlen(allowlist));
	close(fd);
	snprintf(command, sizeof(command), "%s %s -o %s 2>/dev/null", MERGE, name, output);
	status = system(command);
	unlink(name);
	return WEXITSTATUS(status);
}

static const char *output_name(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "/tmp/merged-%d.json", (int)getpid());
	return name;
}

#define ALLOWLIST(...)                                                                                      \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"]," \
	"\"syscalls\":[" __VA_ARGS__ "]}"
#define ALLOWED                                                                                                   \
	"{\"names\":[\"read\",\"ioctl\",\"open\",\"openat\",\"creat\",\"io_uring_setup\"],\"action\":\"SCMP_ACT_" \
	"ALLOW\"}"

static void expect_merged(const char *allowlist)
{
	static struct comparison c;
	json_object *alone, *joined;

	cr_assert_eq(merge(allowlist, output_name()), 0);
	joined = profile_read(output_name());
	unlink(output_name());
	alone = profile_read(PROFILE);
	compile(joined, &c.profile);
	compile(alone, &c.filter);
	each_call(compare_joined, &c);
	cr_expect(c.notified);
	json_object_put(joined);
	json_object_put(alone);
}

Test(oci_profile, can_be_joined_with_an_allowlist, .timeout = 300)
{
	expect_merged(ALLOWLIST(ALLOWED));
}

/* podman and docker allow open_by_handle_at(2) to containers with CAP_DAC_READ_SEARCH, and refuse it to others. */
Test(oci_profile, keeps_conditions_of_capabilities)
{
	json_object *joined, *rules, *where;
	unsigned allows = 0, refuses = 0, excluded = 0;

	cr_assert_eq(merge(ALLOWLIST("{\"names\":[\"open_by_handle_at\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":"
				     "{\"caps\":[\"CAP_DAC_READ_SEARCH\"]}},"
				     "{\"names\":[\"open_by_handle_at\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13,"
				     "\"excludes\":{\"caps\":[\"CAP_DAC_READ_SEARCH\"]}}"),
			   output_name()),
		     0);
	joined = profile_read(output_name());
	unlink(output_name());
	cr_assert(json_object_object_get_ex(joined, "syscalls", &rules));
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		json_object *rule = json_object_array_get_idx(rules, i);

		if (json_object_object_get_ex(rule, "excludes", &where)) {
			excluded += number_of(rule, "errnoRet") == 13;
			continue;
		}
		cr_assert(json_object_object_get_ex(rule, "includes", &where), "%s", json_object_to_json_string(rule));
		cr_assert(json_object_object_get_ex(rule, "args", &where), "allowed with any argument");
		allows += !strcmp(text_of(rule, "action"), "SCMP_ACT_ALLOW");
		refuses += !strcmp(text_of(rule, "action"), "SCMP_ACT_ERRNO");
	}
	cr_expect_eq(excluded, 1);
	cr_expect_eq(allows, 2, "for reading, and for the access mode 3");
	/* for writing: by the default, EPERM as in seccomp.json */
	cr_expect_eq(refuses, 0);
	json_object_put(joined);
}

Test(oci_profile, leaves_the_output_alone_if_it_cannot_merge)
{
	static const char *const others[] = {
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}",
		"{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[]}",
		"not JSON",
		"{}",
		ALLOWLIST("{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_LOG\"}"),
		ALLOWLIST("{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":1,\"value\":5,"
			  "\"op\":\"SCMP_CMP_GT\"}]}"),
	};
	FILE *before = fopen(output_name(), "w");
	char text[16] = "";
	FILE *after;

	fputs("before", before);
	fclose(before);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_eq(merge(others[i], output_name()), 1, "%s", others[i]);
	after = fopen(output_name(), "r");
	cr_assert_not_null(after);
	cr_expect_not_null(fgets(text, sizeof(text), after));
	cr_expect_str_eq(text, "before");
	fclose(after);
	unlink(output_name());
}
