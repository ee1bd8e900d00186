// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* install-provider and remove-provider: two names in the file system, each created and removed atomically. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "provider_place.h"
#include "util/text.h"

static void usage(FILE *to, const char *command)
{
	fprintf(to,
		"usage: rdmasec %s [--root DIR]\n"
		"  install-provider makes libibverbs of this machine load rdmasec's provider\n"
		"  module in every program that lists RDMA devices; remove-provider undoes it.\n"
		"  Running programs are not affected.\n"
		"  --root DIR   in a system image in DIR\n",
		command);
}

static int say(const char *path, const char *what, int err)
{
	fprintf(stderr, "rdmasec: %s: %s%s%s\n", path, what, *what ? ": " : "", strerror(-err));
	return err;
}

/* ---- the module's file ---- */

static int find_module(const char *root, char target[PATH_MAX])
{
	char self[PATH_MAX], name[PATH_MAX * 2];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len > 0 ? len : 0] = '\0';
	if (!*root && strrchr(self, '/')) {
		text_format(name, sizeof(name), "%.*s/%s", (int)(strrchr(self, '/') - self), self,
			    RDMASEC_PROVIDER_FROM_PROGRAM);
		if (realpath(name, target))
			return 0;
	}
	text_format(name, sizeof(name), "%s%s", root, RDMASEC_PROVIDER_INSTALLED);
	if (access(name, R_OK))
		return say(name, "no provider module: reinstall rdmasec", -errno);
	text_copy(target, PATH_MAX, RDMASEC_PROVIDER_INSTALLED);
	return 0;
}

/*
 * The module is loaded into the programs of all users, and into programs that raise their privileges: only root may be
 * able to replace it. In a folder with the sticky bit, only the owner of a file can.
 */
static int check_ownership(const char *path)
{
	char part[PATH_MAX];
	struct stat st;

	text_copy(part, sizeof(part), path);
	for (;;) {
		char *slash = strrchr(part, '/');

		if (lstat(*part ? part : "/", &st))
			return say(path, "", -errno);
		if (st.st_uid ||
		    (st.st_mode & (S_IWGRP | S_IWOTH) && !(st.st_mode & S_ISVTX) && !S_ISLNK(st.st_mode))) {
			fprintf(stderr,
				"rdmasec: %s: others than root could replace it, and it is loaded into all programs: "
				"fix owner and mode of %s\n",
				path, *part ? part : "/");
			return -EPERM;
		}
		if (!*part || !slash)
			return 0;
		*slash = '\0';
	}
}

/* ---- names ---- */

static bool leads_to(const char *link, const char *target)
{
	char now[PATH_MAX];
	ssize_t len = readlink(link, now, sizeof(now) - 1);

	now[len > 0 ? len : 0] = '\0';
	return len > 0 && !strcmp(now, target);
}

/* Atomic: the link leads to the old or to the new file at any time. 0 or -errno, after a message. */
static int link_make(const char *link, const char *target)
{
	char temporary[PATH_MAX + 16];
	struct stat st;

	if (leads_to(link, target))
		return 0;
	if (!lstat(link, &st) && !S_ISLNK(st.st_mode))
		return say(link, "exists, and is not a link of rdmasec", -EEXIST);
	text_format(temporary, sizeof(temporary), "%s.%d", link, (int)getpid());
	if (symlink(target, temporary))
		return say(temporary, "", -errno);
	if (!rename(temporary, link))
		return 0;
	say(link, "", -errno);
	unlink(temporary);
	return -EIO;
}

static int write_new(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644), err = 0;
	ssize_t len = (ssize_t)strlen(provider_driver_text);

	if (fd < 0)
		return say(path, "", -errno);
	errno = EIO;
	if (write(fd, provider_driver_text, (size_t)len) != len || fchmod(fd, 0644) || fsync(fd))
		err = say(path, "", -errno);
	close(fd);
	return err;
}

/* libibverbs reads every file of this folder: the new file is written outside and moved there. */
static int driver_make(const char *path)
{
	char folder[PATH_MAX], temporary[PATH_MAX + 64];
	int err;

	if (!provider_driver_check(path))
		return 0;
	text_copy(folder, sizeof(folder), path);
	*strrchr(folder, '/') = '\0';
	if (mkdir(folder, 0755) && errno != EEXIST)
		return say(folder, "", -errno);
	text_format(temporary, sizeof(temporary), "%s/../.rdmasec.driver.%d", folder, (int)getpid());
	err = write_new(temporary);
	if (err)
		return err;
	if (!rename(temporary, path))
		return 0;
	err = say(path, "", -errno);
	unlink(temporary);
	return err;
}

/* Removes the links for every ABI of libibverbs but `keep`. A file with such a name is not of rdmasec. */
static int links_remove(const struct provider_place *place, int keep, int *out_count)
{
	const struct dirent *entry;
	DIR *folder = opendir(place->folder);
	char path[PATH_MAX * 2];
	struct stat st;
	int err = 0;

	if (!folder)
		return say(place->folder, "", -errno);
	while ((entry = readdir(folder))) {
		int abi = provider_name_abi(entry->d_name);

		text_format(path, sizeof(path), "%s/%s", place->folder, entry->d_name);
		if (abi < 0 || abi == keep || lstat(path, &st) || !S_ISLNK(st.st_mode))
			continue;
		if (unlink(path))
			err = say(path, "", -errno);
		else
			(*out_count)++;
	}
	closedir(folder);
	return err;
}

/* ---- the commands ---- */

static int install(const char *root, const struct provider_place *place)
{
	char target[PATH_MAX];
	int err = find_module(root, target), old = 0;

	if (!err && !*root)
		err = check_ownership(target);
	/* in this order libibverbs never finds a driver file without its module and warns */
	if (!err)
		err = link_make(place->link, target);
	if (!err)
		err = driver_make(place->driver);
	if (!err)
		err = links_remove(place, place->abi, &old);
	if (err)
		return EXIT_UNPROTECTED;
	printf("%s -> %s\n%s\n", place->link, target, place->driver);
	return 0;
}

static int remove_all(const char *root, const struct provider_place *place)
{
	int removed = 0, err = 0;

	(void)root;
	if (!unlink(place->driver))
		removed++;
	else if (errno != ENOENT)
		err = say(place->driver, "", -errno);
	if (!err)
		err = links_remove(place, -1, &removed);
	if (err)
		return EXIT_UNPROTECTED;
	if (!removed)
		printf("the provider module was not installed\n");
	return 0;
}

static int command(int argc, char **argv, int (*act)(const char *root, const struct provider_place *place))
{
	static const struct option options[] = { { "root", required_argument, NULL, 'r' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	char why[PROVIDER_WHY_MAX];
	struct provider_place place;
	const char *root = "";
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != 'r') {
			usage(option == 'h' ? stdout : stderr, argv[0]);
			return option == 'h' ? 0 : EXIT_USAGE;
		}
		root = strcmp(optarg, "/") ? optarg : "";
	}
	if (optind < argc) {
		usage(stderr, argv[0]);
		return EXIT_USAGE;
	}
	if (!provider_place_find(root, &place, why))
		return act(root, &place);
	fprintf(stderr, "rdmasec: %s\n", why);
	return EXIT_UNPROTECTED;
}

int command_install_provider(int argc, char **argv)
{
	return command(argc, argv, install);
}

int command_remove_provider(int argc, char **argv)
{
	return command(argc, argv, remove_all);
}

int command_provider_trial(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return provider_trial();
}
