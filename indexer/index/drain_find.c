/* SPDX-License-Identifier: Apache-2.0 */
/* drain_find.c - which journals there are.
 *
 * The hard idea: what bears an id is a journal, locked as long as its mount
 * lives; whatever else lies there is not ours, or gets another name, so that
 * it is looked at once.
 */
#include "indexer/index/drain_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"

enum {
	MAKING_OLD_S = 60, /* a journal in the making older than that is left */
	WHY = 700,         /* bytes of a reason in the log */
};

/* --- finding journals --------------------------------------------------- */

static bool is_id(const char *name)
{
	return strspn(name, "0123456789abcdef") == JOURNAL_ID &&
	       !name[JOURNAL_ID];
}

static struct source *known(struct drain *d, const char *id)
{
	struct source *s = d->sources;

	while (s && strcmp(journal_reader_id(s->r), id) != 0)
		s = s->next;
	return s;
}

static int known_count(const struct drain *d)
{
	int n = 0;

	for (const struct source *s = d->sources; s; s = s->next)
		n++;
	return n;
}

/* What the index has of a journal; -1 when it cannot be asked now. */
static int64_t applied_of(struct drain *d, const char *id, struct err *e)
{
	struct principal owner = principal_owner();
	int64_t seq;

	if (reader_begin(d->rd, &owner, e) < 0)
		return -1;
	seq = journal_applied(d->rd, str_from(id));
	reader_end(d->rd);
	return seq;
}

static void set_aside(struct drain *d, const char *id, const char *why)
{
	journal_set_aside(d->dir, id, why);
	pthread_mutex_lock(&d->mu);
	d->stats.bad++;
	pthread_mutex_unlock(&d->mu);
}

static void open_one(struct drain *d, const char *id)
{
	struct err e;
	char quoted[WHY];
	struct source *s = NULL;
	int64_t applied = applied_of(d, id, &e);

	if (applied >= 0)
		s = source_open(d->dir, id, applied, &e);
	if (!s && e.kind == ERR_CORRUPT) {
		set_aside(d, id, e.msg);
	} else if (!s && e.kind != ERR_NOT_FOUND && !d->open_failed) {
		log_error("a journal cannot be opened", "why=%s",
			  log_quote(str_from(e.msg), quoted, sizeof(quoted)));
		d->open_failed = true;
	} else if (s && journal_reader_owner(s->r) != geteuid()) {
		set_aside(d, id, "it belongs to another user");
		source_free(s);
	} else if (s) {
		d->open_failed = false;
		s->number = ++d->numbers;
		s->abandoned = journal_abandoned(s->r);
		pthread_mutex_lock(&d->mu);
		s->next = d->sources;
		d->sources = s;
		pthread_mutex_unlock(&d->mu);
	}
}

/* One in the making whose maker was killed. */
static void remove_unmade(struct drain *d, const char *name)
{
	SCOPED_FREE char *path = NULL;
	SCOPED_FD int fd = -1;
	struct stat st;

	if (asprintf(&path, "%s/%s", d->dir, name) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    st.st_mtim.tv_sec < clock_ms() / 1000 - MAKING_OLD_S &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlink(path);
}

void drain_scan(struct drain *d)
{
	uint32_t files = journal_bell_files(d->bell);
	DIR *dir = opendir(d->dir);
	int room = DRAIN_JOURNALS - known_count(d);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (is_id(name) && !known(d, name)) {
			if (room-- > 0)
				open_one(d, name);
		} else if (str_ends(str_from(name), STR(JOURNAL_MAKING))) {
			remove_unmade(d, name);
		}
	}
	if (dir)
		closedir(dir);
	d->scanned_at = clock_mono_ms();
	d->crowded = room < 0;
	pthread_mutex_lock(&d->mu);
	d->scanned_files = files;
	parking_settle(&d->parking, d->sources);
	pthread_mutex_unlock(&d->mu);
}

/* --- journals that are left --------------------------------------------- */

void drain_unlist(struct drain *d, struct source **at)
{
	struct source *s = *at;

	pthread_mutex_lock(&d->mu);
	*at = s->next;
	pthread_mutex_unlock(&d->mu);
	source_free(s);
}

void drain_look_for_left(struct drain *d)
{
	for (struct source *s = d->sources; s; s = s->next)
		if (!s->abandoned)
			s->abandoned = journal_abandoned(s->r);
}

static void remove_file(struct drain *d, const char *id)
{
	SCOPED_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", d->dir, id) < 0)
		abort();
	if (unlink(path) < 0 && errno != ENOENT)
		log_error("a journal cannot be removed", "journal=%s errno=%d",
			  id, errno);
}

void drain_remove_ended(struct drain *d)
{
	struct source **at = &d->sources;

	while (*at) {
		struct source *s = *at;

		if (!s->abandoned || s->flying || (!s->ended && !s->stuck)) {
			at = &s->next;
			continue;
		}
		if (s->stuck)
			set_aside(d, journal_reader_id(s->r),
				  "it does not hold");
		else
			remove_file(d, journal_reader_id(s->r));
		drain_unlist(d, at);
		if (d->crowded)
			d->scanned_at = 0;
	}
}
