/* SPDX-License-Identifier: Apache-2.0 */
/* args.c - flags and operands, by the table of a verb; and a verb run. */
#include "indexer/base/log.h"
#include "tools/verb.h"

enum { SLIP = 2 }; /* edits at which a wrong word is taken for a slip */

static const struct option_row *find_long(const struct verb *v, struct str name)
{
	for (const struct option_row *o = v->options; o->name; o++)
		if (str_is(name, o->name))
			return o;
	return NULL;
}

static const struct option_row *find_short(const struct verb *v, char letter)
{
	for (const struct option_row *o = v->options; o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

static int unknown_option(const struct verb *v, const char *word,
			  struct str name, struct err *e)
{
	for (const struct option_row *o = v->options; o->name; o++)
		if (name.n > 1 && str_distance(name, str_from(o->name)) <= SLIP)
			return err_set(e, ERR_INVALID,
				       "unknown option %s; is --%s meant? See: "
				       "orrery %s --help",
				       word, o->name, v->name);
	return err_set(e, ERR_INVALID,
		       "unknown option %s; see: orrery %s --help", word,
		       v->name);
}

static int add_option(struct args *a, const struct option_row *o,
		      const char *value, struct err *e)
{
	if (a->ngiven == OPTION_VALUES)
		return err_set(e, ERR_INVALID, "more than %d options",
			       OPTION_VALUES);
	a->given[a->ngiven].option = o;
	a->given[a->ngiven].value = value;
	a->ngiven++;
	return 0;
}

/* One option at argv[*i]; takes its value from there or from the next. */
static int parse_option(struct args *a, int argc, char **argv, int *i,
			struct err *e)
{
	struct str word = str_from(argv[*i]);
	struct str name = STR_NONE;
	const struct option_row *o;
	const char *value = NULL;

	if (str_starts(word, STR("--"))) {
		struct str rest = str_n(word.p + 2, word.n - 2);

		name = str_cut(&rest, '=');
		o = find_long(a->verb, name);
		value = rest.p;
	} else {
		o = find_short(a->verb, word.p[1]);
		if (word.n > 2)
			value = word.p + 2;
	}
	if (!o)
		return unknown_option(a->verb, word.p, name, e);
	if (!o->value && value)
		return err_set(e, ERR_INVALID, "--%s takes no value", o->name);
	if (o->value && !value && *i + 1 < argc)
		value = argv[++*i];
	/* An empty one is a shell's variable that was never set. */
	if (o->value && (!value || !value[0]))
		return err_set(e, ERR_INVALID, "--%s needs a value: %s",
			       o->name, o->value);
	return add_option(a, o, value, e);
}

static int parse_operand(struct args *a, const char *word, struct err *e)
{
	if (a->noperands == OPERANDS || a->noperands >= a->verb->max_operands)
		return err_set(e, ERR_INVALID, "%s is one operand too many",
			       word);
	a->operands[a->noperands++] = word;
	return 0;
}

int args_parse(struct args *a, const struct verb *v, int argc, char **argv,
	       struct err *e)
{
	bool options = true;

	memset(a, 0, sizeof(*a));
	a->verb = v;
	for (int i = 0; i < argc; i++) {
		int r;

		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
			continue;
		}
		if (options && argv[i][0] == '-' && argv[i][1])
			r = parse_option(a, argc, argv, &i, e);
		else
			r = parse_operand(a, argv[i], e);
		if (r)
			return -1;
	}
	if (a->noperands < v->min_operands)
		return err_set(e, ERR_INVALID,
			       "%s needs %s; see: orrery %s "
			       "--help",
			       v->name, v->operands, v->name);
	return 0;
}

const char *args_value(const struct args *a, const char *name,
		       const char *fallback)
{
	for (size_t i = a->ngiven; i-- > 0;)
		if (strcmp(a->given[i].option->name, name) == 0)
			return a->given[i].value;
	return fallback;
}

bool args_given(const struct args *a, const char *name)
{
	for (size_t i = 0; i < a->ngiven; i++)
		if (strcmp(a->given[i].option->name, name) == 0)
			return true;
	return false;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int run_configured(struct args *a, struct err *e)
{
	enum log_level level = LOG_INFO;
	int status;

	if (settings_load(a, e))
		return EXIT_USAGE;
	log_level_parse(a->conf.log_level, &level, e);
	log_set_level(level);
	status = a->verb->run(a, e);
	conf_fini(&a->conf);
	return status;
}

int verb_run(const struct verb *v, const char *program, int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	int status;

	if (asks_for_help(argc, argv)) {
		help_verb(v);
		return EXIT_DONE;
	}
	if (args_parse(&a, v, argc, argv, &e))
		status = EXIT_USAGE;
	else if (find_long(v, STR("config")))
		status = run_configured(&a, &e);
	else
		status = v->run(&a, &e);
	if (status != EXIT_DONE && e.msg[0])
		fprintf(stderr, "%s: %s\n", program, e.msg);
	return status;
}

const struct verb *verb_named(const char *name, struct err *e)
{
	const struct verb *v = verb_find(name);

	if (v)
		return v;
	for (v = verbs; v->name; v++)
		if (str_distance(str_from(name), str_from(v->name)) <= SLIP) {
			err_set(e, ERR_INVALID,
				"there is no verb %s; is %s meant?", name,
				v->name);
			return NULL;
		}
	err_set(e, ERR_INVALID, "there is no verb %s; orrery --help lists them",
		name);
	return NULL;
}
