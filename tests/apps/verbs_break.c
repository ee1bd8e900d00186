// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Connects one QP, after a change to libibverbs that might disable a door inside it. Each is a change that some
 * library, tracer or bundle makes.
 *
 * verbs_break WAY LIBRARY [OPTIONS] SERVER: LIBRARY is another copy of libibverbs, for the ways that take one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/image.h"
#include "ioctl_function.h"
#include "verbs_taken.h"

static unsigned long seen; /* calls of the functions below */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "verbs_break: %s\n", what);
	exit(3);
}

/* ---- functions for the slot of libibverbs ---- */

static ioctl_fn *previous;

IOCTL_FUNCTION(static, count_and_call)
{
	seen++;
	return previous(fd, request, arg);
}

IOCTL_FUNCTION(static, count_and_enter)
{
	seen++;
	return ioctl_enter(fd, request, arg);
}

/* A libibverbs whose import of ioctl() was renamed to octl() finds this one. */
IOCTL_FUNCTION(EXPORTED, octl)
{
	return ioctl_enter(fd, request, arg);
}

/* Returns executable memory of no library. It is never called. */
static ioctl_fn *map_code(void)
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

		previous = *slot;
		if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
			fail("a slot cannot be made writable");
		*slot = (ioctl_fn *)by;
		if (mprotect(page, 4096, PROT_READ))
			fail("a slot cannot be protected");
	}
	return count;
}

/* Before or after devices are listed, which loads drivers. */
static void take_slot(ioctl_fn *by)
{
	if (dl_iterate_phdr(overwrite, (void *)by) <= 0)
		fail("there is no slot");
}

/* ---- after the device was opened ---- */

static struct verbs_calls real;

static struct ibv_pd *take_slot_first(struct ibv_context *context)
{
	take_slot(count_and_enter);
	return real.alloc_pd(context);
}

/* Keeps the QP until this program is ended. Whether it was connected has been printed before. */
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

static void *open_namespace(void)
{
	void *library = dlmopen(LM_ID_NEWLM, "libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		fail(dlerror());
	return library;
}

static void *reopen(void)
{
	dlclose(load_listed("libibverbs.so.1"));
	return load("libibverbs.so.1");
}

/* Returns the library whose verbs the program takes. */
static void *break_library(const char *way, const char *other)
{
	void *library;

	if (!strcmp(way, "reopen"))
		return reopen();
	if (!strcmp(way, "namespace"))
		return open_namespace();
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
		take_slot(count_and_call);
	else if (!strcmp(way, "unmapped-before"))
		take_slot(map_code());
	list_devices(library);
	if (!strcmp(way, "tracer-after"))
		take_slot(count_and_call);
	else if (!strcmp(way, "taken-after"))
		take_slot(count_and_enter);
	else if (strcmp(way, "tracer-before") != 0 && strcmp(way, "unmapped-before") != 0 &&
		 strcmp(way, "taken-late") != 0)
		fail("unknown WAY");
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
	if (verbs_take(break_library(argv[1], argv[2]), &verbs))
		return 3;
	if (!strcmp(argv[1], "taken-late"))
		break_later(&verbs);
	err = verbs_connect_one(&verbs, &options);
	if (!strncmp(argv[1], "tracer", 6) || !strncmp(argv[1], "taken", 5))
		printf("the slot saw %lu calls\n", seen);
	if (err)
		return 1;
	printf("1 of 1 QPs connected\n");
	return 0;
}
