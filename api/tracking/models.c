/* SPDX-License-Identifier: Apache-2.0 */
/* models.c - MLflow's calls about logged models.
 *
 * Its clients search them whenever they list or fetch artifacts of a run. No
 * kind of thing in the index is a logged model, so every search that is well
 * formed finds none.
 */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/tracking.h"

struct model_order {
	struct str field_name, dataset_name, dataset_digest;
	struct opt_bool ascending;
};

struct model_dataset {
	struct str dataset_name, dataset_digest;
};

struct model_search {
	struct field_list experiment_ids, datasets, order_by;
	struct str filter, page_token;
	struct opt_i64 max_results;
};

static const struct field order_rows[] = {
	ROW_FILLED(model_order, field_name),
	{.name = "ascending",
	 .type = FIELD_BOOL,
	 .offset = offsetof(struct model_order, ascending)},
	ROW_STR(model_order, dataset_name),
	ROW_STR(model_order, dataset_digest),
};
static const struct field_set order_fields =
	FIELD_SET(order_rows, struct model_order);

static const struct field dataset_rows[] = {
	ROW_FILLED(model_dataset, dataset_name),
	ROW_STR(model_dataset, dataset_digest),
};
static const struct field_set dataset_fields =
	FIELD_SET(dataset_rows, struct model_dataset);

static const struct field search_rows[] = {
	{.name = "experiment_ids",
	 .type = FIELD_STRS,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct model_search, experiment_ids)},
	ROW_STR(model_search, filter),
	ROW_LIST(model_search, datasets, dataset_fields),
	ROW_I64(model_search, max_results),
	ROW_LIST(model_search, order_by, order_fields),
	ROW_STR(model_search, page_token),
};
static const struct field_set search_fields =
	FIELD_SET(search_rows, struct model_search);

static void models_search(struct call *c)
{
	reply_bytes(c, 200, "application/json", STR("{}"));
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/logged-models/search",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &search_fields,
	 .handle = models_search,
	 .summary = "Logged models that satisfy a filter."},
};

const struct route_group tracking_models =
	TRACKING_GROUP(tracking_prefixes, routes);
