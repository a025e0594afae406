/* SPDX-License-Identifier: Apache-2.0 */
/* problems.c - a ring of sentences.
 */
#include "fs/problems.h"

#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"

enum { PROBLEM_TEXT = 2048 };

void problems_init(struct problems *p, const char *event)
{
	*p = (struct problems){.event = event};
	pthread_mutex_init(&p->mu, NULL);
}

void problems_fini(struct problems *p)
{
	for (size_t i = 0; i < FS_PROBLEMS; i++)
		free(p->list[i].text);
	pthread_mutex_destroy(&p->mu);
}

/* One line, whatever names hold. */
static char *problem_text(struct str where, const char *why)
{
	char text[PROBLEM_TEXT];

	snprintf(text, sizeof(text), "%.*s\t%s", STR_ARG(where), why);
	for (char *t = text; *t; t++) {
		if (*t == '\n')
			*t = ' ';
	}
	return strdup(text);
}

void problems_add(struct problems *p, struct str where, const char *why)
{
	SCOPED_LOCK(&p->mu);
	struct problem *slot = &p->list[p->count % FS_PROBLEMS];
	char quoted[PROBLEM_TEXT];

	free(slot->text);
	slot->time = clock_ms();
	slot->text = problem_text(where, why);
	p->count++;
	log_warn(p->event, "what=%s why=\"%s\"",
		 log_quote(where, quoted, sizeof(quoted)), why);
}

void problems_print(struct problems *p, struct buf *b)
{
	SCOPED_LOCK(&p->mu);
	int64_t first = p->count > FS_PROBLEMS ? p->count - FS_PROBLEMS : 0;
	const struct problem *x;
	char time[CLOCK_TEXT];

	for (int64_t i = first; i < p->count; i++) {
		x = &p->list[i % FS_PROBLEMS];
		clock_rfc3339(x->time, time);
		buf_printf(b, "%s\t%s\n", time, x->text ? x->text : "");
	}
}

int64_t problems_count(struct problems *p)
{
	SCOPED_LOCK(&p->mu);
	return p->count;
}
