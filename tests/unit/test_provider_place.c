// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* install-provider and remove-provider in a folder laid out like a system, with this machine's libibverbs. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/provider_place.h"

#define LIBRARIES "/usr/lib/" RDMASEC_LIBRARY_ARCHITECTURE

static char root[64], path_room[4][PATH_MAX];

static const char *inside(const char *name)
{
	static unsigned next;
	char *path = path_room[next++ % 4];

	snprintf(path, PATH_MAX, "%s%s", root, name);
	return path;
}

static void make_folders(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/", inside(name));
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		cr_assert(!mkdir(path, 0755) || errno == EEXIST, "%s", path);
		*slash = '/';
	}
}

static void copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	char octets[4096];
	size_t got;

	cr_assert(in && out, "%s %s", from, to);
	while ((got = fread(octets, 1, sizeof(octets), in)))
		cr_assert_eq(fwrite(octets, 1, got, out), got);
	fclose(in);
	cr_assert_eq(fclose(out), 0);
}

static void root_make(void)
{
	struct link_map *map;

	strcpy(root, "/tmp/rdmasec-root-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	make_folders(LIBRARIES "/libibverbs");
	make_folders("/etc");
	make_folders("/opt");
	cr_assert_eq(dlinfo(dlopen("libibverbs.so.1", RTLD_LAZY), RTLD_DI_LINKMAP, &map), 0);
	copy(map->l_name, inside(LIBRARIES "/libibverbs.so.1.2.3"));
	cr_assert_eq(symlink("libibverbs.so.1.2.3", inside(LIBRARIES "/libibverbs.so.1")), 0);
	copy("/dev/null", inside(RDMASEC_PROVIDER_INSTALLED));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void root_remove(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(provider_place, .init = root_make, .fini = root_remove);

static int call(int (*command)(int argc, char **argv))
{
	char *argv[] = { (char *)"command", (char *)"--root", root, NULL };

	optind = 0;
	return command(3, argv);
}

/* Returns the target of the module's link, "" for none. */
static const char *link_now(int abi)
{
	static char target[PATH_MAX];
	char name[128];
	ssize_t len;

	snprintf(name, sizeof(name), LIBRARIES "/libibverbs/librdmasec-rdmav%d.so", abi);
	len = readlink(inside(name), target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	return target;
}

static int place(struct provider_place *out)
{
	char why[PROVIDER_WHY_MAX] = "";
	int err = provider_place_find(root, out, why);

	cr_expect_eq(err != 0, *why != '\0', "%s", why);
	return err;
}

Test(provider_place, finds_installed_libibverbs)
{
	struct provider_place found;

	cr_assert_eq(place(&found), 0);
	cr_expect_str_eq(found.library, inside(LIBRARIES "/libibverbs.so.1.2.3"));
	cr_expect_str_eq(found.folder, inside(LIBRARIES "/libibverbs"));
	cr_expect_str_eq(found.driver, inside("/etc/libibverbs.d/rdmasec.driver"));
	cr_expect_gt(found.abi, 0);
}

Test(provider_place, fails_without_libibverbs)
{
	struct provider_place found;

	cr_assert_eq(rename(inside(LIBRARIES "/libibverbs"), inside("/opt/away")), 0);
	cr_expect_eq(place(&found), -EINVAL, "no drivers");
	cr_assert_eq(rename(inside("/opt/away"), inside(LIBRARIES "/libibverbs")), 0);
	cr_assert_eq(truncate(inside(LIBRARIES "/libibverbs.so.1.2.3"), 1000), 0);
	cr_expect_lt(place(&found), 0, "a truncated library");
	cr_assert_eq(unlink(inside(LIBRARIES "/libibverbs.so.1")), 0);
	cr_expect_eq(place(&found), -ENOENT);
	cr_assert_eq(symlink("/etc/passwd", inside(LIBRARIES "/libibverbs.so.1")), 0);
	cr_expect_eq(place(&found), -ENOENT, "the link leads out of the folder");
}

Test(provider_place, installs_and_removes_module)
{
	struct provider_place found;

	cr_assert_eq(place(&found), 0);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(call(command_install_provider), 0);
		cr_expect_str_eq(link_now(found.abi), RDMASEC_PROVIDER_INSTALLED);
		cr_expect_eq(provider_driver_check(found.driver), 0);
	}
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(call(command_remove_provider), 0);
		cr_expect_str_empty(link_now(found.abi));
		cr_expect_eq(provider_driver_check(found.driver), -ENOENT);
	}
}

Test(provider_place, reinstalls_after_upgrade)
{
	struct provider_place found;

	cr_assert_eq(place(&found), 0);
	cr_assert_eq(symlink("/elsewhere", inside(LIBRARIES "/libibverbs/librdmasec-rdmav9.so")), 0);
	cr_assert_eq(symlink("/elsewhere", found.link), 0);
	cr_expect_eq(call(command_install_provider), 0);
	cr_expect_str_eq(link_now(found.abi), RDMASEC_PROVIDER_INSTALLED);
	cr_expect_str_empty(link_now(9));
}

Test(provider_place, keeps_files_of_others)
{
	struct provider_place found;

	cr_assert_eq(place(&found), 0);
	copy("/dev/null", found.link);
	cr_expect_eq(call(command_install_provider), EXIT_UNPROTECTED);
	cr_expect_eq(call(command_remove_provider), 0);
	cr_expect_eq(access(found.link, F_OK), 0);
	cr_assert_eq(unlink(inside(RDMASEC_PROVIDER_INSTALLED)), 0);
	cr_assert_eq(unlink(found.link), 0);
	cr_expect_eq(call(command_install_provider), EXIT_UNPROTECTED, "there is no module");
	cr_expect_str_empty(link_now(found.abi));
	cr_expect_eq(provider_driver_check(found.driver), -ENOENT);
}

Test(provider_place, parses_abi_from_library_name)
{
	cr_expect_eq(provider_name_abi("librdmasec-rdmav34.so"), 34);
	cr_expect_eq(provider_name_abi("librdmasec-rdmav.so"), -1);
	cr_expect_eq(provider_name_abi("librdmasec-rdmav34.so.1"), -1);
	cr_expect_eq(provider_name_abi("librdmasec-rdmav-4.so"), -1);
	cr_expect_eq(provider_name_abi("librdmasec-rdmav99999999999999999999.so"), -1);
	cr_expect_eq(provider_name_abi("librxe-rdmav34.so"), -1);
}

Test(provider_place, describes_every_state)
{
	static const struct {
		struct provider_status status;
		const char *words, *json;
	} rows[] = {
		{ { .state = PROVIDER_NOT_INSTALLED }, "not installed", "not-installed" },
		{ { .state = PROVIDER_WORKS, .abi = 34, .wanted_abi = 34 }, "installed, works", "works" },
		{ { .state = PROVIDER_OTHER_ABI, .abi = 34, .wanted_abi = 57 },
		  "installed for rdmav34, libibverbs wants rdmav57",
		  "other-abi" },
		{ { .state = PROVIDER_BROKEN, .why = "it is gone" }, "DOES NOT WORK: it is gone", "broken" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_object *object = provider_status_json(&rows[i].status), *value;
		char words[256];

		provider_status_words(&rows[i].status, words, sizeof(words));
		cr_expect_not_null(strstr(words, rows[i].words), "%s", words);
		cr_assert(json_object_object_get_ex(object, "state", &value));
		cr_expect_str_eq(json_object_get_string(value), rows[i].json);
		cr_expect_eq(json_object_object_get_ex(object, "reason", NULL), rows[i].status.why[0] != '\0');
		cr_expect_eq(json_object_object_get_ex(object, "wanted_abi", NULL), rows[i].status.wanted_abi != 0);
		json_object_put(object);
	}
}
