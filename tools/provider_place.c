// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "provider_place.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/image.h"
#include "util/small_file.h"
#include "util/text.h"

enum { LIBRARY_MAX = 64 << 20 };

const char provider_driver_text[] = "driver rdmasec\n";

/* ---- libibverbs ---- */

static int explain(char why[PROVIDER_WHY_MAX], const char *name, const char *what, int err)
{
	if (err)
		text_format(why, PROVIDER_WHY_MAX, "%s: %s%s%s", name, what, *what ? ": " : "", strerror(-err));
	else
		text_format(why, PROVIDER_WHY_MAX, "%s: %s", name, what);
	return err ? err : -EINVAL;
}

/* The loader finds the one that programs get. */
static int find_with_loader(char path[PATH_MAX], char why[PROVIDER_WHY_MAX])
{
	void *library = dlopen("libibverbs.so.1", RTLD_LAZY | RTLD_LOCAL);
	struct link_map *map;
	int err = 0;

	if (!library) {
		explain(why, "libibverbs", dlerror(), 0);
		return -ENOENT;
	}
	if (dlinfo(library, RTLD_DI_LINKMAP, &map) || !realpath(map->l_name, path))
		err = explain(why, "libibverbs.so.1", "cannot find its path", 0);
	dlclose(library);
	return err;
}

static int find_in_root(const char *root, char path[PATH_MAX], char why[PROVIDER_WHY_MAX])
{
	static const char *const folders[] = { "/usr/lib/" RDMASEC_LIBRARY_ARCHITECTURE, "/usr/lib64", "/usr/lib",
					       "/lib/" RDMASEC_LIBRARY_ARCHITECTURE, "/lib64" };
	char name[PATH_MAX + 64], real_root[PATH_MAX];

	if (!realpath(root, real_root))
		return explain(why, root, "", -errno);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		text_format(name, sizeof(name), "%s%s/libibverbs.so.1", real_root, folders[i]);
		/* an absolute link would lead out of the image */
		if (realpath(name, path) && !strncmp(path, real_root, strlen(real_root)))
			return 0;
	}
	explain(why, root, "no libibverbs.so.1 in it", 0);
	return -ENOENT;
}

static int read_abi(const char *path, char why[PROVIDER_WHY_MAX])
{
	struct elf_image image;
	char *octets = NULL;
	size_t size;
	int abi, err = file_read_whole(path, LIBRARY_MAX, &octets, &size);

	if (!err)
		err = elf_from_file(octets, size, &image);
	abi = err ? err : elf_verbs_abi(&image);
	free(octets);
	if (abi == -ENOENT)
		return explain(why, path, "does not load drivers (defines no verbs_register_driver_NN)", 0);
	return abi < 0 ? explain(why, path, "not a valid library", abi) : abi;
}

int provider_place_find(const char *root, struct provider_place *out, char why[PROVIDER_WHY_MAX])
{
	struct provider_place place;
	int err = *root ? find_in_root(root, place.library, why) : find_with_loader(place.library, why);
	struct stat st;

	if (err)
		return err;
	place.abi = read_abi(place.library, why);
	if (place.abi < 0)
		return place.abi;
	if (snprintf(place.folder, sizeof(place.folder), "%.*s/libibverbs",
		     (int)(strrchr(place.library, '/') - place.library), place.library) >= (int)sizeof(place.folder) ||
	    snprintf(place.link, sizeof(place.link), "%s/librdmasec-rdmav%d.so", place.folder, place.abi) >=
		    (int)sizeof(place.link) ||
	    snprintf(place.driver, sizeof(place.driver), "%s/etc/libibverbs.d/rdmasec.driver", root) >=
		    (int)sizeof(place.driver))
		return explain(why, place.library, "", -ENAMETOOLONG);
	if (stat(place.folder, &st) || !S_ISDIR(st.st_mode))
		return explain(why, place.folder, "no such folder of libibverbs drivers", 0);
	*out = place;
	return 0;
}

/* ---- the module ---- */

int provider_name_abi(const char *name)
{
	static const char prefix[] = "librdmasec-rdmav";
	const char *digits = name + sizeof(prefix) - 1;
	char *end;
	long abi;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || !isdigit((unsigned char)*digits))
		return -1;
	errno = 0;
	abi = strtol(digits, &end, 10);
	return !errno && !strcmp(end, ".so") && abi < INT_MAX ? (int)abi : -1;
}

int provider_driver_check(const char *path)
{
	char text[sizeof(provider_driver_text) + 1];
	ssize_t len = small_file_read(AT_FDCWD, path, text, sizeof(text));

	if (len < 0)
		return (int)len;
	return (size_t)len == strlen(provider_driver_text) && !strcmp(text, provider_driver_text) ? 0 : -EINVAL;
}
