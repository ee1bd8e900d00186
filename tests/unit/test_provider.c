// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The provider module in a process with libibverbs and without a device: where it installs its hook, and how it treats
 * other interceptors. Each test runs in a separate process. Not under sanitizers, which define ioctl() themselves.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elf/image.h"
#include "uverbs/canary.h"

enum { ENDED = 126, SLOTS_MAX = 4 };

typedef int ioctl_fn(int fd, unsigned long request, ...);

/* ---- what is loaded ---- */

struct library {
	void *handle;
	struct elf_image image;
	ioctl_fn **slot; /* the first */
};

static int image_at_base(struct dl_phdr_info *info, size_t size, void *context)
{
	struct library *library = context;

	(void)size;
	return info->dlpi_addr == library->image.bias &&
	       !elf_from_memory(elf_machine_here(), info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum,
				&library->image);
}

static struct library examine(void *handle)
{
	struct library library = { .handle = handle };
	struct elf_slot slots[SLOTS_MAX];
	struct link_map *map;
	int count;

	cr_assert_not_null(handle, "%s", dlerror());
	cr_assert_eq(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	library.image.bias = map->l_addr;
	cr_assert_eq(dl_iterate_phdr(image_at_base, &library), 1);
	count = elf_slots_find(&library.image, "ioctl", slots, SLOTS_MAX);
	if (count > 0)
		library.slot = (ioctl_fn **)(map->l_addr + slots[0].address);
	return library;
}

static struct library load(const char *path, int flags)
{
	return examine(dlopen(path, RTLD_NOW | flags));
}

static void *load_module(void)
{
	return dlopen(PROVIDER, RTLD_NOW);
}

static bool is_guarded(const struct library *library)
{
	return canary_send(*library->slot) != 0;
}

/* ---- other copies ---- */

static char copy_name[] = "/tmp/rdmasec-libibverbs-XXXXXX";

static char *read_library(size_t *size)
{
	struct link_map *map;
	char *octets = malloc(1 << 24);
	FILE *file;

	cr_assert_eq(dlinfo(dlopen("libibverbs.so.1", RTLD_LAZY), RTLD_DI_LINKMAP, &map), 0);
	file = fopen(map->l_name, "r");
	cr_assert_not_null(file);
	*size = fread(octets, 1, 1 << 24, file);
	fclose(file);
	return octets;
}

/* Renames the import of ioctl to octl, which this program defines. */
static void rename_import(char *octets, size_t size)
{
	struct elf_symbol symbol;
	struct elf_image image;
	size_t cursor = 0;

	cr_assert_eq(elf_from_file(octets, size, &image), 0);
	while (elf_symbol_next(&image, &cursor, &symbol) == 1)
		if (!strcmp(symbol.name, "ioctl"))
			((Elf64_Sym *)(octets + symbol.entry))->st_name++;
}

static const char *make_copy(bool stripped)
{
	size_t size;
	char *octets = read_library(&size);
	int fd = mkstemp(copy_name);

	if (stripped)
		rename_import(octets, size);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, octets, size), (ssize_t)size);
	close(fd);
	free(octets);
	return copy_name;
}

__attribute__((visibility("default"))) int octl(int fd, unsigned long request, ...);

int octl(int fd, unsigned long request, ...)
{
	(void)fd;
	(void)request;
	return -1;
}

/* ---- other interceptors of the slot ---- */

static ioctl_fn *was_there;
static int seen;

static int tracer(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	seen++;
	return was_there(fd, request, arg);
}

static int thief(int fd, unsigned long request, ...)
{
	(void)fd;
	(void)request;
	seen++;
	return 0;
}

static void take_slot(const struct library *library, ioctl_fn *by)
{
	void *page = (void *)((uintptr_t)library->slot & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1));

	was_there = *library->slot;
	cr_assert_eq(mprotect(page, 8, PROT_READ | PROT_WRITE), 0);
	*library->slot = by;
	cr_assert_eq(mprotect(page, 8, PROT_READ), 0);
}

/* Sends an invalid command. EBADF: it reached the kernel. */
static int command_errno(const struct library *library)
{
	struct ib_uverbs_ioctl_hdr header = { .length = sizeof(header) };

	errno = 0;
	return (*library->slot)(-1, RDMA_VERBS_IOCTL, &header) ? errno : 0;
}

static void init(void)
{
	/* a private engine, independent of this machine's policy */
	unsetenv("RDMASEC_ENGINE");
	setenv("RDMASEC_POLICY", POLICY, 1);
}

static void fini(void)
{
	unlink(copy_name);
}

TestSuite(provider, .init = init, .fini = fini);

/* ---- the hook ---- */

static int protection_now(const void *address)
{
	unsigned long start, end;
	int protection = -1;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], flags[8];

	cr_assert_not_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, flags) == 3 && (uintptr_t)address >= start &&
		    (uintptr_t)address < end)
			protection = (flags[0] == 'r' ? PROT_READ : 0) | (flags[1] == 'w' ? PROT_WRITE : 0) |
				     (flags[2] == 'x' ? PROT_EXEC : 0);
	fclose(maps);
	return protection;
}

Test(provider, installs_hook_and_restores_page_protection)
{
	struct library verbs = load("libibverbs.so.1", 0), libc = load("libc.so.6", 0);
	struct elf_symbol symbol;
	const void *symbols;

	cr_assert_eq(elf_symbol_find(&libc.image, "ioctl", &symbol), 0);
	symbols = (const void *)(libc.image.bias + symbol.entry);
	cr_assert_not(is_guarded(&verbs));
	cr_assert_eq(protection_now(verbs.slot), PROT_READ, "-z now, -z relro");
	cr_assert_eq(protection_now(symbols), PROT_READ);
	cr_assert_not_null(load_module(), "%s", dlerror());
	cr_expect(is_guarded(&verbs));
	cr_expect_eq(protection_now(verbs.slot), PROT_READ);
	cr_expect_eq(protection_now(symbols), PROT_READ);
	cr_expect_eq(command_errno(&verbs), EBADF, "the hook passes the call on to the kernel");
}

Test(provider, passes_on_calls_other_than_verbs)
{
	struct library verbs = load("libibverbs.so.1", 0);
	int ends[2], count = 0;

	cr_assert_not_null(load_module());
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "abc", 3), 3);
	cr_expect_eq((*verbs.slot)(ends[0], FIONREAD, &count), 0);
	cr_expect_eq(count, 3);
}

Test(provider, compares_low_32_bits_of_request)
{
	struct library verbs = load("libibverbs.so.1", 0);
	struct canary canary = { .length = CANARY_LENGTH, .magic = CANARY_MAGIC };

	cr_assert_not_null(load_module());
	cr_expect_eq((*verbs.slot)(-1, 0xffffffff00000000 | RDMA_VERBS_IOCTL, &canary), 0);
	cr_expect_neq(canary.door, 0);
}

Test(provider, guards_forked_child)
{
	struct library verbs = load("libibverbs.so.1", 0);
	int status;
	pid_t child;

	cr_assert_not_null(load_module());
	child = fork();
	if (!child)
		_exit(is_guarded(&verbs) ? 0 : 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
}

Test(provider, stays_loaded_after_dlclose)
{
	struct library verbs = load("libibverbs.so.1", 0), again;

	cr_assert_not_null(load_module());
	cr_assert_eq(dlclose(verbs.handle), 0);
	cr_assert_not_null(dlopen("libibverbs.so.1", RTLD_NOW | RTLD_NOLOAD), "the library stays loaded");
	again = load("libibverbs.so.1", 0);
	cr_expect(is_guarded(&again));
}

/* ---- a second libibverbs ---- */

Test(provider, guards_libibverbs_loaded_before)
{
	struct library other = load(make_copy(false), 0), verbs = load("libibverbs.so.1", 0);

	cr_assert_neq(other.slot, verbs.slot);
	cr_assert_not_null(load_module());
	cr_expect(is_guarded(&verbs) && is_guarded(&other));
}

/* No constructor of the module runs for it: it is bound to the door already. */
Test(provider, guards_second_libibverbs_loaded_after)
{
	static const int ways[] = { RTLD_LOCAL, RTLD_GLOBAL, RTLD_DEEPBIND };
	struct library verbs = load("libibverbs.so.1", 0);
	size_t way = 0;

	cr_assert_not_null(load_module());
	for (; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct library other;

		strcpy(copy_name + strlen(copy_name) - 6, "XXXXXX");
		other = load(make_copy(false), ways[way]);
		unlink(copy_name);
		cr_assert_neq(other.slot, verbs.slot);
		cr_expect(is_guarded(&other), "way %zu", way);
		cr_expect_eq(command_errno(&other), EBADF, "way %zu", way);
	}
}

/* The libibverbs of that namespace loads the module there, with a separate libc. */
Test(provider, guards_libibverbs_in_other_link_namespace)
{
	struct library verbs = load("libibverbs.so.1", 0);
	void *other = dlmopen(LM_ID_NEWLM, "libibverbs.so.1", RTLD_NOW);
	Lmid_t id;
	void *libc;
	ioctl_fn *way;

	cr_assert_not_null(load_module());
	cr_assert_not_null(other, "%s", dlerror());
	cr_assert_eq(dlinfo(other, RTLD_DI_LMID, &id), 0);
	libc = dlmopen(id, "libc.so.6", RTLD_NOW);
	way = (ioctl_fn *)dlsym(libc, "ioctl");
	cr_expect_eq(canary_send(way), 0, "not loaded yet");
	cr_assert_not_null(dlmopen(id, PROVIDER, RTLD_NOW), "%s", dlerror());
	way = (ioctl_fn *)dlsym(libc, "ioctl");
	cr_expect_neq(canary_send(way), 0);
	cr_expect_neq(canary_send(way), canary_send(*verbs.slot), "each namespace has a separate copy");
}

Test(provider, ends_program_for_libibverbs_without_ioctl, .exit_code = ENDED)
{
	dlopen(make_copy(true), RTLD_NOW);
	load_module();
	cr_assert_fail("the program continues");
}

Test(provider, ends_program_without_libibverbs, .exit_code = ENDED)
{
	load_module();
	cr_assert_fail("the program continues");
}

Test(provider, continues_in_audit_mode)
{
	setenv("RDMASEC_POLICY", POLICY_AUDIT, 1);
	cr_expect_not_null(load_module());
}

/* Without an engine, nothing allows the program to continue. */
Test(provider, ends_program_without_engine, .exit_code = ENDED)
{
	setenv("RDMASEC_POLICY", POLICY_AUDIT, 1);
	setenv("RDMASEC_ENGINE", "/nowhere/engine.sock", 1);
	load_module();
	cr_assert_fail("the program continues");
}

/* ---- interceptors in the slot ---- */

Test(provider, keeps_tracer_installed_before)
{
	struct library verbs = load("libibverbs.so.1", 0);

	take_slot(&verbs, tracer);
	cr_assert_not_null(load_module());
	cr_expect(is_guarded(&verbs));
	cr_expect_eq(command_errno(&verbs), EBADF);
}

Test(provider, works_behind_tracer_installed_after)
{
	struct library verbs = load("libibverbs.so.1", 0);

	cr_assert_not_null(load_module());
	take_slot(&verbs, tracer);
	cr_expect_eq(command_errno(&verbs), EBADF);
	cr_expect_gt(seen, 0);
}

/* The module detects it not by its own slot, but by a call through another one. */
Test(provider, refuses_ioctl_intercepted_later)
{
	struct library other = load(make_copy(false), 0), verbs = load("libibverbs.so.1", 0);

	cr_assert_not_null(load_module());
	cr_assert_eq(command_errno(&other), EBADF);
	take_slot(&verbs, thief);
	cr_expect_eq(command_errno(&other), EPERM);
	setenv("RDMASEC_POLICY", POLICY_AUDIT, 1); /* too late to have an effect: the engine has its policy */
	cr_expect_eq(command_errno(&other), EPERM);
}

Test(provider, refuses_target_outside_all_libraries, .exit_code = ENDED)
{
	struct library verbs = load("libibverbs.so.1", 0);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	take_slot(&verbs, (ioctl_fn *)page);
	load_module();
	cr_assert_fail("the program continues");
}

/* libibverbs opens a device through its slot for open(). */
Test(provider, notices_interception_before_device_is_opened)
{
	struct library verbs = load("libibverbs.so.1", 0);
	struct elf_slot slots[SLOTS_MAX];
	int (*opens)(const char *path, int flags, ...);

	cr_assert_not_null(load_module());
	cr_assert_gt(elf_slots_find(&verbs.image, "open", slots, SLOTS_MAX), 0);
	opens = *(int (**)(const char *, int, ...))(verbs.image.bias + slots[0].address);
	cr_expect_eq(opens("/dev/infiniband/uverbs-nowhere", 0), -1);
	cr_expect_eq(errno, ENOENT);
	take_slot(&verbs, thief);
	cr_expect_eq(opens("/dev/infiniband/uverbs-nowhere", 0), -1);
	cr_expect_eq(errno, EPERM);
	cr_expect_geq(opens("/dev/null", 0), 0, "other files are not checked");
}

/* libibverbs sends commands by write() if ioctl() fails; the engine has not checked those. */
static ssize_t (*writes_of(const struct library *verbs))(int fd, const void *buffer, size_t len)
{
	struct elf_slot slots[SLOTS_MAX];

	cr_assert_gt(elf_slots_find(&verbs->image, "write", slots, SLOTS_MAX), 0);
	return *(ssize_t(**)(int, const void *, size_t))(verbs->image.bias + slots[0].address);
}

Test(provider, refuses_commands_by_write)
{
	struct library verbs = load("libibverbs.so.1", 0);
	int pipes[2];

	cr_assert_eq(pipe(pipes), 0);
	cr_expect_eq(writes_of(&verbs)(pipes[1], "12345678", 8), 8);
	cr_assert_not_null(load_module());
	cr_expect_eq(writes_of(&verbs)(pipes[1], "12345678", 8), -1);
	cr_expect_eq(errno, EPERM);
	cr_expect_eq(write(pipes[1], "12345678", 8), 8, "a write() to other files is not checked");
}

Test(provider, allows_commands_by_write_in_audit_mode)
{
	struct library verbs = load("libibverbs.so.1", 0);
	int pipes[2];

	setenv("RDMASEC_POLICY", POLICY_AUDIT, 1);
	cr_assert_eq(pipe(pipes), 0);
	cr_assert_not_null(load_module());
	cr_expect_eq(writes_of(&verbs)(pipes[1], "12345678", 8), 8);
}
