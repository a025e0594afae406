/* SPDX-License-Identifier: Apache-2.0 */
/* help.c - --help, man pages and shell completion, all from the verbs. */
#include <ctype.h>

#include "tools/verb.h"

static void usage_line(const struct verb *v)
{
	printf("orrery %s", v->name);
	if (v->options->name)
		printf(" [OPTION]...");
	if (v->operands)
		printf(" %s", v->operands);
	printf("\n");
}

void help_overview(void)
{
	printf("orrery - a machine-learning platform as a file system\n\n"
	       "usage: orrery VERB [OPTION]... ; orrery VERB --help tells "
	       "more\n\n");
	for (const struct verb *v = verbs; v->name; v++)
		printf("  %-9s %s\n", v->name, v->summary);
	printf("\nTo begin:\n\n"
	       "  $ orrery up\n"
	       "  ready http://127.0.0.1:8080\n"
	       "  mounted /home/you/ml\n");
}

enum { OPTION_WORDS = 64 };

/* "-f, --foreground", "--data DIR". */
static const char *option_words(const struct option_row *o,
				char words[OPTION_WORDS])
{
	char letter[8] = "";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(words, OPTION_WORDS, "%s--%s%s%s", letter, o->name,
		 o->value ? " " : "", o->value ? o->value : "");
	return words;
}

static void option_line(const struct option_row *o)
{
	char words[OPTION_WORDS];

	printf("  %s%-*s %s\n", o->letter ? "" : "    ", o->letter ? 28 : 24,
	       option_words(o, words), o->help);
}

void help_verb(const struct verb *v)
{
	printf("orrery %s - %s\n\nusage: ", v->name, v->summary);
	usage_line(v);
	printf("\n%s\n", v->text);
	if (v->options->name)
		printf("\nOptions:\n");
	for (const struct option_row *o = v->options; o->name; o++)
		option_line(o);
	printf("\nExample:\n\n%s\n", v->example);
}

/* Text for troff: a line may not begin with a dot or a quote, and a
 * backslash or a hyphen is written as such. */
static void man_text(const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			printf("\\&");
		if (*s == '\\')
			printf("\\e");
		else if (*s == '-')
			printf("\\-");
		else
			putchar(*s);
		start = *s == '\n';
	}
	putchar('\n');
}

static void man_head(const char *name, const char *summary)
{
	printf(".TH ");
	for (const char *p = name; *p; p++)
		putchar(toupper((unsigned char)*p));
	printf(" 1 \"\" \"Orrery %s\" \"Orrery\"\n.SH NAME\n", ORRERY_VERSION);
	man_text(name);
	printf("\\- ");
	man_text(summary);
	printf(".SH SYNOPSIS\n");
}

void help_man_overview(void)
{
	man_head("orrery", "a machine-learning platform as a file system");
	printf(".B orrery\n.I VERB\n[\n.I OPTION\n]...\n.SH VERBS\n");
	for (const struct verb *v = verbs; v->name; v++) {
		printf(".TP\n.BR orrery-%s (1)\n", v->name);
		man_text(v->summary);
	}
	printf(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage.\n");
}

void help_man(const struct verb *v)
{
	char name[64], words[OPTION_WORDS];

	snprintf(name, sizeof(name), "orrery-%s", v->name);
	man_head(name, v->summary);
	usage_line(v);
	printf(".SH DESCRIPTION\n");
	man_text(v->text);
	if (v->options->name)
		printf(".SH OPTIONS\n");
	for (const struct option_row *o = v->options; o->name; o++) {
		printf(".TP\n.B ");
		man_text(option_words(o, words));
		man_text(o->help);
	}
	printf(".SH EXAMPLE\n.nf\n");
	man_text(v->example);
	printf(".fi\n.SH SEE ALSO\n.BR orrery (1)\n");
}

/* "--data | --mount": the options whose values are called so. An option has
 * one meaning wherever it stands. */
static void options_called(const char *value)
{
	const char *between = "";
	struct str seen[OPTION_VALUES];
	size_t n = 0;

	for (const struct verb *v = verbs; v->name; v++)
		for (const struct option_row *o = v->options; o->name; o++) {
			size_t i = 0;

			if (!o->value || strcmp(o->value, value) != 0)
				continue;
			while (i < n && !str_is(seen[i], o->name))
				i++;
			if (i < n || n == OPTION_VALUES)
				continue;
			seen[n++] = str_from(o->name);
			printf("%s--%s", between, o->name);
			between = " | ";
		}
}

static void verb_words(void)
{
	for (const struct verb *v = verbs; v->name; v++)
		printf("%s%s", v == verbs ? "" : " ", v->name);
}

static void verbs_on(const char *operand)
{
	const char *between = "";

	for (const struct verb *v = verbs; v->name; v++) {
		if (!v->operands || strcmp(v->operands, operand) != 0)
			continue;
		printf("%s%s", between, v->name);
		between = " | ";
	}
}

void help_completion(void)
{
	printf("# bash completion for orrery\n"
	       "_orrery() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} words= how=\n"
	       "\tlocal before=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\t[ \"$word\" != = ] || word=\n"
	       "\t[ \"$before\" != = ] || "
	       "before=${COMP_WORDS[COMP_CWORD-2]}\n"
	       "\tcase $COMP_CWORD:${COMP_WORDS[1]} in\n"
	       "\t1:* | 2:help) words='");
	verb_words();
	printf("' how=-W ;;\n");
	for (const struct verb *v = verbs; v->name; v++) {
		printf("\t*:%s) words='--help", v->name);
		for (const struct option_row *o = v->options; o->name; o++)
			printf(" --%s", o->name);
		printf("' ;;\n");
	}
	printf("\tesac\n\tcase $before in\n\t");
	options_called("DIR");
	printf(") how=-d ;;\n\t");
	options_called("FILE");
	printf(") how=-f ;;\n\t");
	options_called("LEVEL");
	printf(") words='debug info warn error' how=-W ;;\n"
	       "\tesac\n"
	       "\tif [ -z \"$how\" ] && [[ $word == -* ]]; then\n"
	       "\t\thow=-W\n"
	       "\telif [ -z \"$how\" ]; then\n"
	       "\t\tcase ${COMP_WORDS[1]} in\n"
	       "\t\t");
	verbs_on("MOUNTPOINT");
	printf(") how=-d ;;\n"
	       "\t\t*) how=-f ;;\n"
	       "\t\tesac\n"
	       "\tfi\n"
	       "\t[ $how = -W ] || words=\n"
	       "\tmapfile -t COMPREPLY < <(compgen $how ${words:+\"$words\"} "
	       "-- "
	       "\"$word\")\n"
	       "}\n"
	       "complete -o filenames -F _orrery orrery\n");
}
