/* SPDX-License-Identifier: Apache-2.0 */
/* vocabulary.c - words looked up in a vocabulary, and what is said of those
 * that are not in it; the comparators. */
#include "indexer/query/vocabulary.h"

#include "indexer/query/excerpt.h"

enum {
	TEXTS = 1 << VALUE_TEXT,
	NUMBERS = 1 << VALUE_NUMBER | 1 << VALUE_ID,
	ANY = TEXTS | NUMBERS | 1 << VALUE_PROMPT,
};

static const struct {
	const char *text;
	enum expr_cmp cmp;
	unsigned types; /* what takes it, a bit per value_type */
} comparators[] = {
	{"=", CMP_EQ, ANY},
	{"!=", CMP_NE, TEXTS | NUMBERS},
	{">", CMP_GT, NUMBERS},
	{">=", CMP_GE, NUMBERS},
	{"<", CMP_LT, NUMBERS},
	{"<=", CMP_LE, NUMBERS},
	{"LIKE", CMP_LIKE, TEXTS},
	{"ILIKE", CMP_ILIKE, TEXTS},
	{"RLIKE", CMP_RLIKE, TEXTS},
	{"IN", CMP_IN, ANY},
	{"NOT IN", CMP_NOT_IN, TEXTS | NUMBERS},
	{"IS NULL", CMP_IS_NULL, ANY},
	{"IS NOT NULL", CMP_IS_NOT_NULL, ANY},
};

enum {
	NCOMPARATORS = sizeof(comparators) / sizeof(comparators[0]),
	LISTING_MAX = 400, /* bytes of allowed words in a message */
};

/* The words of one message: 'a', 'b', 'c'. */
struct listing {
	char text[LISTING_MAX];
	size_t n;
};

static void listing_add(struct listing *l, const char *word)
{
	int n = snprintf(l->text + l->n, sizeof(l->text) - l->n, "%s'%s'",
			 l->n ? ", " : "", word);

	if (n > 0 && (size_t)n < sizeof(l->text) - l->n)
		l->n += (size_t)n;
	l->text[l->n] = '\0';
}

const char *family_noun(enum expr_family family)
{
	static const char *const nouns[] = {
		[FAMILY_ATTRIBUTE] = "attributes",
		[FAMILY_PARAM] = "parameter",
		[FAMILY_TAG] = "tag",
		[FAMILY_METRIC] = "metric",
		[FAMILY_DATASET] = "dataset",
		[FAMILY_METADATA] = "request_metadata",
		[FAMILY_SPAN] = "span",
		[FAMILY_SPAN_ATTRIBUTE] = "span",
		[FAMILY_FEEDBACK] = "feedback",
		[FAMILY_EXPECTATION] = "expectation",
		[FAMILY_ISSUE] = "issue",
		[FAMILY_ASSESSMENT] = "assessment",
	};

	return nouns[family];
}

static bool usable(bool filtered, bool ordered, enum vocabulary_use use)
{
	return use == USE_FILTER ? filtered : ordered;
}

static int bad_entity(const struct vocabulary *v, struct str word,
		      enum vocabulary_use use, struct err *e)
{
	struct listing l = {.n = 0};
	struct excerpt x = excerpt(word);

	for (const struct entity_word *w = v->entities; w->word; w++)
		if (usable(true, w->ordered, use))
			listing_add(&l, w->word);
	return err_set(e, ERR_INVALID,
		       "Invalid entity type '%s'. Valid values are [%s]",
		       x.text, l.text);
}

static int find_entity(const struct vocabulary *v, struct str word,
		       enum vocabulary_use use, enum expr_family *ret,
		       struct err *e)
{
	for (const struct entity_word *w = v->entities; w->word; w++) {
		if (!str_is(word, w->word) || !usable(true, w->ordered, use))
			continue;
		*ret = w->family;
		return 0;
	}
	return bad_entity(v, word, use, e);
}

static int bad_key(const struct vocabulary *v, enum expr_family family,
		   struct str key, enum vocabulary_use use, struct err *e)
{
	struct listing l = {.n = 0};
	struct excerpt x = excerpt(key);
	const char *noun =
		family == FAMILY_ATTRIBUTE ? "attribute" : family_noun(family);

	if (family == FAMILY_SPAN)
		return err_set(e, ERR_INVALID,
			       "Invalid span attribute '%s'. Supported "
			       "attributes: name, status, type, "
			       "attributes.<attribute_name>.",
			       x.text);
	for (const struct fixed_key *k = v->keys; k->word; k++)
		if (k->family == family &&
		    usable(k->filtered, k->ordered, use) && !k->prefix &&
		    str_is(str_from(k->word), k->key))
			listing_add(&l, k->word);
	return err_set(e, ERR_INVALID,
		       "Invalid %s key '%s' specified. Valid keys are '{%s}'",
		       noun, x.text, l.text);
}

static int find_fixed_key(const struct vocabulary *v, enum vocabulary_use use,
			  struct field_ref *f, struct err *e)
{
	for (const struct fixed_key *k = v->keys; k->word; k++) {
		if (k->family != f->family || k->prefix ||
		    !str_is(f->key, k->word) ||
		    !usable(k->filtered, k->ordered, use))
			continue;
		f->key = str_from(k->key);
		f->type = k->type;
		return 0;
	}
	return bad_key(v, f->family, f->key, use, e);
}

/* Those of the family that the key begins as belonging to another one. */
static void take_prefix(const struct vocabulary *v, enum vocabulary_use use,
			struct field_ref *f)
{
	for (const struct fixed_key *k = v->keys; k->word; k++) {
		struct str word = str_from(k->word);

		if (!k->prefix || k->family != f->family ||
		    !usable(k->filtered, k->ordered, use) ||
		    !str_starts(f->key, word))
			continue;
		f->family = k->rest;
		f->key = str_n(f->key.p + word.n, f->key.n - word.n);
		return;
	}
}

static bool has_fixed_keys(const struct vocabulary *v, enum expr_family family)
{
	const struct fixed_key *k = v->keys;

	while (k->word && k->family != family)
		k++;
	return k->word != NULL;
}

static struct str unquoted_key(struct str key)
{
	if (key.n >= 2 && (key.p[0] == '`' || key.p[0] == '"') &&
	    key.p[key.n - 1] == key.p[0])
		return str_n(key.p + 1, key.n - 2);
	return key;
}

int vocabulary_resolve(const struct vocabulary *v, struct str raw,
		       enum vocabulary_use use, struct field_ref *ret,
		       struct err *e)
{
	size_t dot = str_find(raw, '.');
	struct excerpt x = excerpt(raw);

	*ret = (struct field_ref){.family = FAMILY_ATTRIBUTE, .key = raw};
	if (dot < raw.n) {
		struct str entity = unquoted_key(str_n(raw.p, dot));

		if (find_entity(v, entity, use, &ret->family, e) < 0)
			return -1;
		ret->key = str_n(raw.p + dot + 1, raw.n - dot - 1);
		take_prefix(v, use, ret);
	}
	ret->key = unquoted_key(ret->key);
	if (!ret->key.n || str_find(ret->key, '`') < ret->key.n ||
	    str_find(ret->key, '"') < ret->key.n)
		return err_set(
			e, ERR_INVALID,
			"Invalid identifier '%s'. Columns should be specified "
			"as 'attributes.<key>', 'metrics.<key>', "
			"'tags.<key>', or params.'<key>'.",
			x.text);
	ret->type = ret->family == FAMILY_METRIC ? VALUE_NUMBER : VALUE_TEXT;
	if (has_fixed_keys(v, ret->family))
		return find_fixed_key(v, use, ret, e);
	return 0;
}

int comparator_resolve(struct str text, enum value_type type,
		       enum expr_cmp *ret, struct err *e)
{
	struct listing l = {.n = 0};
	struct excerpt x = excerpt(text);

	for (size_t i = 0; i < NCOMPARATORS; i++) {
		if (!(comparators[i].types >> type & 1))
			continue;
		if (str_eq_nocase(text, str_from(comparators[i].text))) {
			*ret = comparators[i].cmp;
			return 0;
		}
		listing_add(&l, comparators[i].text);
	}
	if (type == VALUE_PROMPT)
		return err_set(e, ERR_INVALID,
			       "Invalid comparator '%s' for prompts filter. "
			       "Only '=' is supported with format: prompt = "
			       "\"name/version\"",
			       x.text);
	return err_set(e, ERR_INVALID,
		       "Invalid comparator '%s' not one of [%s]", x.text,
		       l.text);
}
