// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Connects one QP, and before that does something to libibverbs that a door inside it might not survive. Nothing of it
 * is what a good program does; each is what some library, tracer or bundle has been seen to do.
 *
 * verbs_break WAY LIBRARY [OPTIONS] SERVER: LIBRARY is another copy of libibverbs, for the ways that take one.
 */
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
#include <unistd.h>

#include "elf/image.h"
#include "verbs_taken.h"

static unsigned long seen; /* calls that came to one of the functions below */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "verbs_break: %s\n", what);
	exit(3);
}

/* ---- what is put into libibverbs' slot ---- */

typedef int ioctl_fn(int fd, unsigned long request, ...);
static ioctl_fn *was_there;

static int passes_on(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	seen++;
	return was_there(fd, request, arg);
}

static int keeps_to_itself(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	seen++;
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* For a libibverbs that has had the name of its ioctl() changed: it finds this one. */
__attribute__((visibility("default"))) int octl(int fd, unsigned long request, ...);

int octl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* Memory of no library, which is executable. Nobody gets as far as to call it. */
static ioctl_fn *code_of_nobody(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fail("no memory");
	return (ioctl_fn *)page;
}

static int overwrite(struct dl_phdr_info *info, size_t size, void *by)
{
	struct elf_slot slots[8];
	struct elf_image image;
	int count;

	(void)size;
	if (elf_from_memory(elf_machine_here(), info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, &image) ||
	    !elf_is_libibverbs(&image))
		return 0;
	count = elf_slots_find(&image, "ioctl", slots, 8);
	for (int i = 0; i < count; i++) {
		ioctl_fn **slot = (ioctl_fn **)(image.bias + slots[i].address);
		void *page = (void *)((uintptr_t)slot & ~4095UL);

		was_there = *slot;
		if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
			fail("a slot cannot be written to");
		*slot = (ioctl_fn *)by;
		if (mprotect(page, 4096, PROT_READ))
			fail("a slot cannot be protected");
	}
	return count;
}

/* Before or after verbs have been listed, so that drivers are loaded. */
static void take_slot(ioctl_fn *by)
{
	if (dl_iterate_phdr(overwrite, (void *)by) <= 0)
		fail("there is no slot");
}

/* ---- with the device open already ---- */

static struct verbs_calls real;

static struct ibv_pd *take_slot_first(struct ibv_context *context)
{
	take_slot(keeps_to_itself);
	return real.alloc_pd(context);
}

/* The QP lives until this program is ended; whether it was connected has been said by then. */
static int keep_qp(struct ibv_qp *qp)
{
	(void)qp;
	printf("waiting\n");
	fflush(stdout);
	while (pause() < 0)
		;
	return 0;
}

static void break_later(struct verbs_calls *verbs)
{
	real = *verbs;
	verbs->alloc_pd = take_slot_first;
	verbs->destroy_qp = keep_qp;
}

/* ---- the ways ---- */

static void *load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		fail(dlerror());
	return library;
}

static void list_devices(void *library)
{
	struct ibv_device **(*list)(int *count) =
		(struct ibv_device * *(*)(int *)) dlsym(library, "ibv_get_device_list");

	if (!list || !list(NULL))
		fail("devices cannot be listed");
}

static void *load_listed(const char *path)
{
	void *library = load(path);

	list_devices(library);
	return library;
}

static void *in_a_namespace(void)
{
	void *library = dlmopen(LM_ID_NEWLM, "libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		fail(dlerror());
	return library;
}

static void *reopened(void)
{
	dlclose(load_listed("libibverbs.so.1"));
	return load("libibverbs.so.1");
}

/* The library whose verbs are to be used. */
static void *go(const char *way, const char *other)
{
	void *library;

	if (!strcmp(way, "reopen"))
		return reopened();
	if (!strcmp(way, "namespace"))
		return in_a_namespace();
	if (!strcmp(way, "second"))
		load_listed("libibverbs.so.1");
	if (!strcmp(way, "second") || !strcmp(way, "only"))
		return load(other);
	if (!strcmp(way, "both")) {
		library = load(other);
		load_listed("libibverbs.so.1");
		return library;
	}
	library = load("libibverbs.so.1");
	if (!strcmp(way, "tracer-before"))
		take_slot(passes_on);
	else if (!strcmp(way, "nobody-before"))
		take_slot(code_of_nobody());
	list_devices(library);
	if (!strcmp(way, "tracer-after"))
		take_slot(passes_on);
	else if (!strcmp(way, "thief-after"))
		take_slot(keeps_to_itself);
	else if (strcmp(way, "tracer-before") != 0 && strcmp(way, "nobody-before") != 0 &&
		 strcmp(way, "thief-late") != 0)
		fail("there is no such way");
	return library;
}

int main(int argc, char **argv)
{
	struct verbs_calls verbs;
	struct options options;
	int err;

	if (argc < 4)
		fail("WAY LIBRARY [OPTIONS] SERVER");
	options_read(argc - 2, argv + 2, &options);
	if (!options.server)
		fail("verbs_threads is its server");
	if (verbs_take(go(argv[1], argv[2]), &verbs))
		return 3;
	if (!strcmp(argv[1], "thief-late"))
		break_later(&verbs);
	err = verbs_connect_one(&verbs, &options);
	if (!strncmp(argv[1], "tracer", 6) || !strncmp(argv[1], "thief", 5))
		printf("the slot saw %lu calls\n", seen);
	if (err)
		return 1;
	printf("1 of 1 QPs connected\n");
	return 0;
}
