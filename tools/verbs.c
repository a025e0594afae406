/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - the table of verbs: every word of help that orrery has. */
#include "tools/verbs.h"

#define DATA                                                                   \
	{                                                                      \
		"data", 0, "DIR", "data",                                      \
			"the data directory (default: ~/.local/share/orrery)"  \
	}
#define SERVER                                                                 \
	{                                                                      \
		"server", 0, "URL", NULL,                                      \
			"a daemon elsewhere, instead of --data"                \
	}
#define CONFIG                                                                 \
	{                                                                      \
		"config", 0, "FILE", NULL, "read this configuration"           \
	}
#define LISTEN                                                                 \
	{                                                                      \
		"listen", 0, "HOST:PORT", "listen",                            \
			"where to answer; port 0 takes a free one; may be "    \
			"repeated"                                             \
	}
#define JOURNAL                                                                \
	{                                                                      \
		"journal", 0, "SIZE", "journal_size",                          \
			"room for lines the daemon has not taken yet "         \
			"(default: 64M)"                                       \
	}
#define CACHE                                                                  \
	{"cache", 0, "DIR", "cache.dir",                                       \
	 "where bytes from elsewhere are kept (default: DATA/cache)"},         \
		{"cache-size", 0, "SIZE", "cache.size",                        \
		 "room of the cache (default: 10G)"},                          \
	{                                                                      \
		"cache-free", 0, "SIZE", "cache.free",                         \
			"what it leaves free there (default: 1G, or 5 %)"      \
	}
#define LOG_LEVEL                                                              \
	{                                                                      \
		"log-level", 0, "LEVEL", "log_level",                          \
			"debug, info, warn or error"                           \
	}
#define JSON                                                                   \
	{                                                                      \
		"json", 0, NULL, NULL, "answer as JSON"                        \
	}
#define END                                                                    \
	{                                                                      \
		0                                                              \
	}

static const struct option_row up_options[] = {
	DATA,   {"mount", 0, "DIR", NULL, "where to mount (default: ~/ml)"},
	LISTEN, CACHE,
	CONFIG, LOG_LEVEL,
	END};

static const struct option_row serve_options[] = {DATA, LISTEN, CONFIG,
						  LOG_LEVEL, END};

static const struct option_row mount_options[] = {
	DATA,
	{"server", 0, "URL", NULL,
	 "a daemon on another host, instead of --data"},
	{"token-file", 0, "FILE", NULL, "the token to show it"},
	{"sync", 0, "remote", NULL,
	 "fsync of metrics waits for that daemon, not for this disk"},
	{"wait", 0, "TIME", NULL,
	 "how long a write waits for the daemon (default: 30s)"},
	JOURNAL,
	CACHE,
	CONFIG,
	LOG_LEVEL,
	{"foreground", 'f', NULL, NULL, "stay in the foreground"},
	{"options", 'o', "LIST", NULL,
	 "ro, nosuid, nodev, noexec, noatime, auto_unmount"},
	{"allow-other", 0, NULL, NULL,
	 "let other users in, of a mount with --server"},
	END};

static const struct option_row config_options[] = {
	DATA, LISTEN, JOURNAL, CACHE, CONFIG, LOG_LEVEL, JSON, END};

static const struct option_row no_options[] = {END};
static const struct option_row json_options[] = {JSON, END};
static const struct option_row data_options[] = {DATA, CONFIG, JSON, END};
static const struct option_row ask_options[] = {DATA, SERVER, CONFIG, JSON,
						END};
static const struct option_row gc_options[] = {
	DATA,
	SERVER,
	{"older-than", 0, "AGE", NULL,
	 "deleted so long ago, as 12h or 7d (default: 30d)"},
	{"dry-run", 0, NULL, NULL, "only tell what would go"},
	CONFIG,
	JSON,
	END};

const struct verb verbs[] = {
	{.name = "up",
	 .summary = "run a daemon and a mount together",
	 .text = "Starts the daemon and mounts its tree, both in the "
		 "foreground and with\n"
		 "defaults that need no configuration: data in your home, "
		 "loopback only, no\n"
		 "login. Ctrl-C ends both. Where the kernel has no FUSE it "
		 "says so and serves\n"
		 "HTTP alone.\n\n"
		 "Environment: ORRERY_DATA, ORRERY_MOUNT, ORRERY_LISTEN.",
	 .example = "  $ orrery up\n"
		    "  ready http://127.0.0.1:8080\n"
		    "  mounted /home/you/ml\n"
		    "  (elsewhere)\n"
		    "  $ mkdir ~/ml/experiments/digits "
		    "~/ml/experiments/digits/runs/first\n"
		    "  $ echo 0.93 >> "
		    "~/ml/experiments/digits/runs/first/metrics/accuracy",
	 .options = up_options,
	 .run = verb_up},
	{.name = "serve",
	 .summary = "run the daemon in the foreground",
	 .text = "Serves the tracking API over the index and the objects of a "
		 "data directory.\n"
		 "Prints one line, \"ready URL\", once it answers; SIGTERM "
		 "ends "
		 "it cleanly with\n"
		 "status 0. A second daemon on the same data is refused.",
	 .example = "  $ orrery serve --data /var/lib/orrery --listen "
		    "127.0.0.1:5000\n"
		    "  ready http://127.0.0.1:5000\n"
		    "  (elsewhere)\n"
		    "  $ MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python "
		    "train.py",
	 .options = serve_options,
	 .run = verb_serve},
	{.name = "mount",
	 .operands = "MOUNTPOINT",
	 .min_operands = 1,
	 .max_operands = 1,
	 .summary = "mount the tree of a daemon",
	 .text = "Shows experiments, runs, metrics and artifacts as "
		 "directories and files.\n"
		 "Returns once the mount answers; with -f it stays in the "
		 "foreground. The\n"
		 "daemon may come and go: reading goes on, metric lines are "
		 "kept in a journal,\n"
		 "other writes wait.\n\n"
		 "In /etc/fstab the type is fuse.orrery, the device is the "
		 "data directory or the\n"
		 "URL of a daemon, and flags are options: wait=5s, "
		 "allow_other.",
	 .example = "  $ orrery mount --data /var/lib/orrery /mnt/orrery\n"
		    "  $ tail -f /mnt/orrery/experiments/digits/runs/first/"
		    "metrics/accuracy",
	 .options = mount_options,
	 .run = verb_mount},
	{.name = "umount",
	 .operands = "MOUNTPOINT",
	 .min_operands = 1,
	 .max_operands = 1,
	 .summary = "flush and unmount",
	 .text = "Waits until everything written is stored, then unmounts. "
		 "Fails, and says\n"
		 "what is stuck, if something could not be stored.",
	 .example = "  $ orrery umount /mnt/orrery",
	 .options = no_options,
	 .run = verb_umount},
	{.name = "status",
	 .summary = "tell what the daemon has and does",
	 .text = "Asks the running daemon for its figures: what the index "
		 "holds, what waits,\n"
		 "how long commits take, who reads.",
	 .example = "  $ orrery status --data /var/lib/orrery",
	 .options = ask_options,
	 .run = verb_status},
	{.name = "config",
	 .summary = "print the configuration in force",
	 .text = "Prints every key with its value, what it means, and where "
		 "the value came from:\n"
		 "default, file, environment or flag. The output is a "
		 "configuration file.",
	 .example = "  $ ORRERY_LISTEN=127.0.0.1:5000 orrery config > "
		    "orrery.yaml",
	 .options = config_options,
	 .run = verb_config},
	{.name = "check",
	 .summary = "verify everything that is stored",
	 .text = "Reads the whole index, decodes every block of points, "
		 "follows every relation\n"
		 "and compares every artifact with its checksum. Works beside "
		 "a running daemon\n"
		 "or without one. Status 1 if anything is wrong.",
	 .example = "  $ orrery check --data /var/lib/orrery\n  clean",
	 .options = data_options,
	 .run = verb_check},
	{.name = "backup",
	 .operands = "FILE",
	 .min_operands = 1,
	 .max_operands = 1,
	 .summary = "copy the index while the daemon runs",
	 .text = "The running daemon writes a consistent copy of its index to "
		 "FILE. Objects are\n"
		 "files that never change: copy DATA/objects with any tool, "
		 "after the index.",
	 .example = "  $ orrery backup /backup/orrery.db\n"
		    "  $ rsync -a ~/.local/share/orrery/objects /backup/",
	 .options = ask_options,
	 .run = verb_backup},
	{.name = "restore",
	 .operands = "FILE",
	 .min_operands = 1,
	 .max_operands = 1,
	 .summary = "put a copy of the index in place",
	 .text = "Verifies FILE, then puts it in the place of the index of a "
		 "data directory on\n"
		 "which no daemon runs. What was there is kept beside it as "
		 "index.db.before.\n"
		 "Journals of mounts are kept and applied at the next start.",
	 .example = "  $ orrery restore --data /var/lib/orrery "
		    "/backup/orrery.db",
	 .options = data_options,
	 .run = verb_restore},
	{.name = "gc",
	 .summary = "remove for good what was deleted",
	 .text = "Asks the running daemon to remove what was deleted long "
		 "enough ago: experiments,\n"
		 "runs and logged models in the trash with all that belongs "
		 "to them, tags, the bytes\n"
		 "of artifacts that were removed or replaced, what crashes "
		 "left in the object\n"
		 "store, and uploads that were abandoned. Their names are "
		 "free then; nothing of it\n"
		 "comes back. The daemon goes on serving meanwhile. Killed "
		 "at any moment, it goes on\n"
		 "where it stopped.",
	 .example = "  $ orrery gc --older-than 7d --dry-run\n"
		    "  would remove 1 experiment, 12 runs, 340 objects, "
		    "8123456 bytes\n"
		    "  $ orrery gc --older-than 7d",
	 .options = gc_options,
	 .run = verb_gc},
	{.name = "demo",
	 .summary = "fill in a few believable experiments",
	 .text = "Logs three experiments with runs, parameters, learning "
		 "curves and artifacts\n"
		 "to the running daemon, to look around in.",
	 .example = "  $ orrery demo\n"
		    "  $ ls ~/ml/experiments",
	 .options = ask_options,
	 .run = verb_demo},
	{.name = "version",
	 .summary = "print the version",
	 .text = "Prints the version of this program.",
	 .example = "  $ orrery version",
	 .options = json_options,
	 .run = verb_version},
	{.name = NULL}};

const size_t verbs_count = sizeof(verbs) / sizeof(verbs[0]) - 1;

const struct verb *verb_find(const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}
