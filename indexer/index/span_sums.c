/* SPDX-License-Identifier: Apache-2.0 */
/* span_sums.c - token counts, costs and previews; see span_text.h. */
#include <math.h>

#include "indexer/base/json_doc.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/index/span_text.h"
#include "indexer/index/values.h"

const char *const span_token_keys[] = {"input_tokens",
				       "output_tokens",
				       "total_tokens",
				       "cache_read_input_tokens",
				       "cache_creation_input_tokens",
				       NULL};
const char *const span_cost_keys[] = {"input_cost", "output_cost", "total_cost",
				      NULL};

static const struct {
	const char *const *keys;
	const char *attribute;
} kinds[] = {
	[SUMS_TOKENS] = {span_token_keys, "mlflow.chat.tokenUsage"},
	[SUMS_COSTS] = {span_cost_keys, "mlflow.llm.cost"},
};

/* --- sums ---------------------------------------------------------------- */

static bool add_member(struct span_sums *s, int i, const cJSON *object,
		       double times)
{
	const cJSON *m = json_doc_get(object, kinds[s->kind].keys[i]);

	if (!cJSON_IsNumber(m) || !isfinite(m->valuedouble))
		return false;
	s->of[i].v += times * m->valuedouble;
	s->of[i].set = true;
	return true;
}

bool span_sums_add(struct span_sums *s, struct str json, double times)
{
	struct err ignored;
	cJSON *object = json.n ? json_doc_parse(json, &ignored) : NULL;
	bool said = false;

	if (cJSON_IsObject(object))
		for (int i = 0; kinds[s->kind].keys[i]; i++)
			said |= add_member(s, i, object, times);
	cJSON_Delete(object);
	return said;
}

bool span_sums_add_span(struct span_sums *s, const struct otlp_span *span,
			double times)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, SPAN_TEXT_MAX);
	if (!span_attribute(&b, span, kinds[s->kind].attribute))
		return false;
	return span_sums_add(s, buf_view(&b), times);
}

static void put_number(struct buf *b, enum span_sums_kind kind, double v)
{
	char text[NUM_MAX];

	if (kind == SUMS_TOKENS && v == floor(v) && fabs(v) < 0x1p53) {
		buf_i64(b, (int64_t)v);
		return;
	}
	num_format_f64(v, text);
	buf_puts(b, text);
}

/* As json.dumps of Python lays it out; costs are always all there. */
void span_sums_json(struct buf *b, const struct span_sums *s)
{
	const char *between = "{";

	for (int i = 0; kinds[s->kind].keys[i]; i++) {
		if (s->kind == SUMS_TOKENS && !s->of[i].set)
			continue;
		buf_printf(b, "%s\"%s\": ", between, kinds[s->kind].keys[i]);
		put_number(b, s->kind, s->of[i].v);
		between = ", ";
	}
	buf_puts(b, *between == '{' ? "{}" : "}");
}

/* --- previews ------------------------------------------------------------ */

static bool is_message(const cJSON *m)
{
	return cJSON_IsObject(m) && json_doc_get(m, "role") &&
	       json_doc_get(m, "content");
}

/* The last message of this role, else the last one; NULL: there are none. */
static const cJSON *last_message(const cJSON *list, const char *role)
{
	const cJSON *last = NULL;
	const cJSON *best = NULL;
	const cJSON *m;

	cJSON_ArrayForEach(m, list)
	{
		const cJSON *r = json_doc_get(m, "role");

		if (!is_message(m))
			continue;
		last = m;
		if (cJSON_IsString(r) && strcmp(r->valuestring, role) == 0)
			best = m;
	}
	return best ? best : last;
}

/* Of the list that the object has under this name. */
static const cJSON *find_listed(const cJSON *object, const char *name,
				const char *role)
{
	const cJSON *list = json_doc_get(object, name);

	return cJSON_IsArray(list) ? last_message(list, role) : NULL;
}

/* Where chat models' requests and answers have their messages. */
static const cJSON *find_message(const cJSON *object, const char *role)
{
	const cJSON *found = find_listed(object, "messages", role);
	const cJSON *choice =
		cJSON_GetArrayItem(json_doc_get(object, "choices"), 0);

	if (!found && cJSON_IsObject(choice))
		found = json_doc_get(choice, "message");
	if (!is_message(found))
		found = find_listed(object, "input", role);
	if (!found)
		found = find_listed(object, "output", role);
	return found;
}

static struct str part_text(const cJSON *part)
{
	const cJSON *type = json_doc_get(part, "type");
	const cJSON *text = json_doc_get(part, "text");

	if (cJSON_IsString(part))
		return str_from(part->valuestring);
	if (!cJSON_IsString(type) || !cJSON_IsString(text) ||
	    (strcmp(type->valuestring, "text") != 0 &&
	     strcmp(type->valuestring, "output_text") != 0))
		return STR_NONE;
	return str_from(text->valuestring);
}

static struct str message_text(const cJSON *message)
{
	const cJSON *content = json_doc_get(message, "content");
	struct str text = STR_NONE;
	const cJSON *part;

	if (cJSON_IsString(content))
		return str_from(content->valuestring);
	if (!cJSON_IsArray(content))
		return text;
	cJSON_ArrayForEach(part, content)
	{
		text = part_text(part);
		if (text.p)
			break;
	}
	return text;
}

static void put_cut(struct buf *b, struct str text)
{
	if (text_characters(text) <= LIMIT_SPAN_PREVIEW) {
		buf_str(b, text);
		return;
	}
	buf_str(b, text_cut(text, LIMIT_SPAN_PREVIEW - 3));
	buf_puts(b, "...");
}

/* The message in a JSON text, which may be wrapped in "request" (so deep). */
enum { REQUEST_DEPTH = 8 };
static void put_message_text(struct buf *b, const cJSON *root, struct str json,
			     const char *role)
{
	const cJSON *message = NULL;
	struct str text;

	for (int i = 0; i < REQUEST_DEPTH && cJSON_IsObject(root); i++) {
		message = find_message(root, role);
		if (message)
			break;
		root = json_doc_get(root, "request");
	}
	text = message ? message_text(message) : STR_NONE;
	put_cut(b, text.n ? text : json);
}

void span_preview(struct buf *b, const struct otlp_value *v, const char *role)
{
	SCOPED(buf_fini) struct buf json;
	struct err ignored;
	cJSON *root = NULL;

	buf_init(&json, SPAN_TEXT_MAX);
	span_value_json(&json, v);
	if (v->kind == OTLP_PAIRS && buf_ok(&json))
		root = json_doc_parse(buf_view(&json), &ignored);
	put_message_text(b, root, buf_view(&json), role);
	cJSON_Delete(root);
}
