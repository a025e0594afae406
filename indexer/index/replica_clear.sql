-- A copy begins anew: nothing of the one before is left.
DELETE FROM project;
DELETE FROM experiment_tag;
DELETE FROM logged_model;
DELETE FROM logged_model_param;
DELETE FROM logged_model_tag;
DELETE FROM logged_model_metric;
DELETE FROM run;
DELETE FROM param;
DELETE FROM tag;
DELETE FROM series;
DELETE FROM dataset;
DELETE FROM run_input;
DELETE FROM run_input_tag;
DELETE FROM run_model;
DELETE FROM tail;
DELETE FROM trace;
DELETE FROM trace_tag;
DELETE FROM trace_metadata;
DELETE FROM trace_block;
DELETE FROM trace_span;
DELETE FROM trace_link;
DELETE FROM assessment;
DELETE FROM registered_model;
DELETE FROM registered_model_tag;
DELETE FROM model_version;
DELETE FROM model_version_tag;
DELETE FROM model_alias;
DELETE FROM artifact;
DELETE FROM removed;
DELETE FROM refused;
DELETE FROM block;
DELETE FROM replica_run;
DELETE FROM replica_gone;
DELETE FROM experiment WHERE id <> -1;
UPDATE state SET change = 0, forgotten = 0,
	epoch = random() & 0x7fffffffffffffff WHERE id = 0;
UPDATE replica SET epoch = 0, view = 0, change = 0, kind = 0, row = 0,
	part = 0, after = 0, base = 0, began = 0, level = 0 WHERE id = 0;
