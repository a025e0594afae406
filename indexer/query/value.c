/* SPDX-License-Identifier: Apache-2.0 */
/* value.c - see value.h. */
#include "indexer/query/value.h"

#include "indexer/base/num.h"
#include "indexer/query/excerpt.h"

static int number_value(const struct field_ref *f, struct token t,
			struct arena *a, struct expr_value *ret, struct err *e)
{
	struct excerpt x = excerpt(t.raw);
	struct excerpt key = excerpt(f->key);

	(void)a;
	if (t.kind == TOKEN_NUMBER && num_parse_f64(t.raw, &ret->real)) {
		ret->is_number = true;
		ret->is_integer = num_parse_i64(t.raw, &ret->integer);
		return 0;
	}
	if (f->family == FAMILY_METRIC)
		return err_set(e, ERR_INVALID,
			       "Expected numeric value type for metric. Found "
			       "%s",
			       x.text);
	return err_set(e, ERR_INVALID,
		       "Expected numeric value type for numeric attribute: "
		       "%s. Found %s",
		       key.text, x.text);
}

static int text_value(const struct field_ref *f, struct token t,
		      struct arena *a, struct expr_value *ret, struct err *e)
{
	struct excerpt x = excerpt(t.raw);

	if (t.kind == TOKEN_STRING)
		return token_unquote(t, a, &ret->text, e);
	if (t.kind != TOKEN_NUMBER)
		return err_set(e, ERR_INVALID,
			       "Parameter value is either not quoted or "
			       "unidentified quote types used for string value "
			       "%s. Use either single or double quotes.",
			       x.text);
	return err_set(e, ERR_INVALID,
		       "Expected a quoted string value for %s (e.g. "
		       "'my-value'). Got value %s",
		       family_noun(f->family), x.text);
}

/* Whole numbers that clients know as texts. */
static int id_value(const struct field_ref *f, struct token t, struct arena *a,
		    struct expr_value *ret, struct err *e)
{
	struct str text;

	if (t.kind != TOKEN_STRING)
		return number_value(f, t, a, ret, e);
	if (token_unquote(t, a, &text, e) < 0)
		return -1;
	if (!num_parse_i64(text, &ret->integer))
		return number_value(f, t, a, ret, e);
	ret->is_number = ret->is_integer = true;
	ret->real = (double)ret->integer;
	return 0;
}

/* The name and the version of a prompt. */
static int prompt_value(const struct field_ref *f, struct token t,
			struct arena *a, struct expr_value *ret, struct err *e)
{
	struct excerpt x;
	size_t slash;

	if (text_value(f, t, a, ret, e) < 0)
		return -1;
	x = excerpt(ret->text);
	slash = str_find(ret->text, '/');
	if (slash < ret->text.n &&
	    !memchr(ret->text.p + slash + 1, '/', ret->text.n - slash - 1))
		return 0;
	return err_set(e, ERR_INVALID,
		       "Invalid prompts filter value '%s'. Expected format: "
		       "prompt = \"name/version\"",
		       x.text);
}

typedef int value_fn(const struct field_ref *f, struct token t, struct arena *a,
		     struct expr_value *ret, struct err *e);

static value_fn *const value_of[] = {
	[VALUE_TEXT] = text_value,
	[VALUE_NUMBER] = number_value,
	[VALUE_ID] = id_value,
	[VALUE_PROMPT] = prompt_value,
};

int value_parse(const struct field_ref *f, struct token t, struct arena *a,
		struct expr_value *ret, struct err *e)
{
	return value_of[f->type](f, t, a, ret, e);
}
