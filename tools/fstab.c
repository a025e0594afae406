/* SPDX-License-Identifier: Apache-2.0 */
/* fstab.c - see fstab.h. */
#include "tools/fstab.h"

#include <getopt.h>

#include "indexer/base/arena.h"
#include "indexer/base/scope.h"

enum {
	WORDS = 2 * OPTION_VALUES,
	LINE_MAX_BYTES = 64 << 10,
	MOUNT_USAGE = 1, /* exit statuses of mount(8) */
	MOUNT_FAILED = 32
};

enum destiny { TO_FLAG, TO_KERNEL, TO_NOBODY };

/* A name that ends in '*' stands for all that begin so. */
static const struct {
	const char *name;
	enum destiny to;
} known[] = {
	{"ro", TO_KERNEL},         {"rw", TO_KERNEL},
	{"suid", TO_KERNEL},       {"nosuid", TO_KERNEL},
	{"dev", TO_KERNEL},        {"nodev", TO_KERNEL},
	{"exec", TO_KERNEL},       {"noexec", TO_KERNEL},
	{"atime", TO_KERNEL},      {"noatime", TO_KERNEL},
	{"sync", TO_KERNEL},       {"async", TO_KERNEL},
	{"dirsync", TO_KERNEL},    {"auto_unmount", TO_KERNEL},
	{"defaults", TO_NOBODY},   {"auto", TO_NOBODY},
	{"noauto", TO_NOBODY},     {"user", TO_NOBODY},
	{"user=*", TO_NOBODY},     {"nouser", TO_NOBODY},
	{"users", TO_NOBODY},      {"owner", TO_NOBODY},
	{"group", TO_NOBODY},      {"_netdev", TO_NOBODY},
	{"nofail", TO_NOBODY},     {"relatime", TO_NOBODY},
	{"norelatime", TO_NOBODY}, {"strictatime", TO_NOBODY},
	{"lazytime", TO_NOBODY},   {"nodiratime", TO_NOBODY},
	{"x-*", TO_NOBODY},        {"X-*", TO_NOBODY},
	{"comment=*", TO_NOBODY},  {"fsname=*", TO_KERNEL},
	{"subtype=*", TO_NOBODY},  {"default_permissions", TO_NOBODY},
};

static bool is_named(struct str option, const char *name)
{
	struct str all = str_from(name);

	if (all.p[all.n - 1] != '*')
		return str_eq(option, all);
	return str_starts(option, str_n(all.p, all.n - 1));
}

static enum destiny destiny_of(struct str option)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_named(option, known[i].name))
			return known[i].to;
	/* --sync=remote is ours, sync is the kernel's. */
	return TO_FLAG;
}

int fstab_check_kernel(const char *options, struct err *e)
{
	struct str rest = str_from(options), option;

	while (rest.n) {
		option = str_cut(&rest, ',');
		if (option.n && destiny_of(option) == TO_FLAG)
			return err_set(e, ERR_INVALID,
				       "-o %.*s: no option of the kernel; ro, "
				       "nosuid, nodev, noexec and the like are",
				       STR_ARG(option));
	}
	return 0;
}

/* --- a line --------------------------------------------------------------- */

struct line {
	struct arena arena;
	char *words[WORDS + 1];
	int n;
	struct buf kernel; /* options for -o */
	bool only_tell, tell;
};

static int add_word(struct line *l, const char *word, struct err *e)
{
	if (!word)
		return arena_full(&l->arena, e);
	if (l->n == WORDS)
		return err_set(e, ERR_INVALID, "more than %d options", WORDS);
	l->words[l->n] = arena_strdup(&l->arena, str_from(word));
	return l->words[l->n++] ? 0 : arena_full(&l->arena, e);
}

/* cache_size=1G as --cache-size=1G */
static int add_flag(struct line *l, struct str option, struct err *e)
{
	char *word = arena_printf(&l->arena, "--%.*s", STR_ARG(option));

	for (char *p = word; p && *p && *p != '='; p++)
		if (*p == '_')
			*p = '-';
	return add_word(l, word, e);
}

static int add_option(struct line *l, struct str option, struct err *e)
{
	switch (destiny_of(option)) {
	case TO_FLAG:
		return add_flag(l, option, e);
	case TO_KERNEL:
		if (l->kernel.n)
			buf_putc(&l->kernel, ',');
		buf_str(&l->kernel, option);
		return 0;
	case TO_NOBODY:
	default:
		return 0;
	}
}

static int add_options(struct line *l, const char *options, struct err *e)
{
	struct str rest = str_from(options), option;

	while (rest.n) {
		option = str_cut(&rest, ',');
		if (option.n && add_option(l, option, e))
			return -1;
	}
	return 0;
}

/* mount -a tells by the device what is mounted already. */
static void add_name(struct line *l, const char *spec)
{
	if (strpbrk(spec, ",\\"))
		return;
	buf_printf(&l->kernel, "%sfsname=%s", l->kernel.n ? "," : "", spec);
}

static int add_spec(struct line *l, const char *spec, struct err *e)
{
	add_name(l, spec);
	if (strcmp(spec, "none") == 0 || strcmp(spec, "orrery") == 0)
		return 0;
	return add_word(l,
			arena_printf(&l->arena, "--%s=%s",
				     strstr(spec, "://") ? "server" : "data",
				     spec),
			e);
}

static int add_kernel(struct line *l, struct err *e)
{
	if (!l->kernel.n)
		return 0;
	if (!buf_ok(&l->kernel))
		return err_set(e, ERR_TOO_LONG, "too many options");
	return add_word(l, "-o", e) || add_word(l, l->kernel.p, e) ? -1 : 0;
}

static int parse_flags(struct line *l, int argc, char **argv, struct err *e)
{
	int flag;

	while ((flag = getopt(argc, argv, "sfnvN:o:t:")) != -1) {
		if (flag == '?')
			return err_set(e, ERR_INVALID,
				       "usage: mount.fuse.orrery SPEC DIR "
				       "[-sfnv] [-o OPTIONS]");
		l->only_tell |= flag == 'f';
		l->tell |= flag == 'v';
		if (flag == 'o' && add_options(l, optarg, e))
			return -1;
	}
	return 0;
}

static int parse(struct line *l, int argc, char **argv, struct err *e)
{
	if (parse_flags(l, argc, argv, e))
		return -1;
	if (argc - optind != 2)
		return err_set(e, ERR_INVALID,
			       "a data directory or URL, and where to mount, "
			       "are needed");
	if (add_spec(l, argv[optind], e) || add_kernel(l, e) ||
	    add_word(l, "--", e))
		return -1;
	return add_word(l, argv[optind + 1], e);
}

static void tell(const struct line *l)
{
	fputs("orrery mount", stdout);
	for (int i = 0; i < l->n; i++)
		printf(" %s", l->words[i]);
	putchar('\n');
	fflush(stdout);
}

static int run(struct line *l)
{
	int status = EXIT_DONE;

	if (l->tell)
		tell(l);
	if (!l->only_tell)
		status = verb_run(verb_find("mount"), "mount.fuse.orrery", l->n,
				  l->words);
	if (status == EXIT_USAGE)
		return MOUNT_USAGE;
	return status == EXIT_DONE ? 0 : MOUNT_FAILED;
}

bool fstab_named(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	struct str name = str_from(slash ? slash + 1 : argv0);

	return str_is(name, "mount.fuse.orrery") ||
	       str_is(name, "mount.orrery");
}

int fstab_mount(int argc, char **argv)
{
	struct line l = {.n = 0};
	struct err e = {0};
	int status = MOUNT_USAGE;

	arena_init(&l.arena, LINE_MAX_BYTES);
	buf_init(&l.kernel, LINE_MAX_BYTES);
	if (parse(&l, argc, argv, &e))
		fprintf(stderr, "mount.fuse.orrery: %s\n", e.msg);
	else
		status = run(&l);
	buf_fini(&l.kernel);
	arena_fini(&l.arena);
	return status;
}
