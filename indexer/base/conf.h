/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - configuration: one YAML file, the environment, flags.
 *
 * One table in conf.c names every key: its type, its default, its bounds, the
 * sentence that documents it, and its place in struct conf; the name of its
 * environment variable follows from the key. The table reads the file, reads
 * the environment, and prints the whole with where each value came from
 * (`orrery config`). Later sources win: default, file, environment, flag, in
 * whatever order they are read. An unknown key is an error that names the
 * file and line and the nearest known key. Keys below a list (gitlab,
 * dvc_remotes, identity.oidc) are rows of the same table. Projects are a list
 * of {id: 1493, path: group/name}; where there is one text for it, of
 * 1493:group/name.
 */
#ifndef ORRERY_BASE_CONF_H
#define ORRERY_BASE_CONF_H

#include "indexer/base/arena.h"
#include "indexer/base/field.h"

enum conf_source { CONF_DEFAULT, CONF_FILE, CONF_ENV, CONF_FLAG };

enum { CONF_KEYS_MOST = 64, CONF_BYTES = 1024 * 1024 };

struct conf_project { /* as they were given: not checked */
	int64_t id;
	struct str path;
};

/* Where the bytes of artifacts are; see indexer/objects. */
struct conf_objects {
	struct str url; /* empty: DATA/objects */
	struct str endpoint, region, dialect;
	bool path_style;
	bool direct; /* clients may be sent to the endpoint */
};

struct conf {
	struct str data;
	struct field_list listen;   /* of struct str: HOST:PORT, unix:PATH */
	struct field_list projects; /* of struct conf_project */
	struct str log_level;
	struct str tls_cert, tls_key;
	int64_t workers, transfers; /* threads */
	int64_t max_connections;
	int64_t body_limit;     /* bytes of a JSON body */
	int64_t journal_size;   /* bytes, per mount */
	int64_t artifact_limit; /* bytes of one artifact, 0: none */
	struct {                /* of mounts; see indexer/objects/cache.h */
		struct str dir; /* empty: DATA/cache */
		int64_t size, free;
	} cache;
	struct conf_objects objects;
	struct arena arena;
	unsigned char sources[CONF_KEYS_MOST]; /* enum conf_source, by row */
};

int conf_init(struct conf *c, struct err *e); /* defaults */
void conf_fini(struct conf *c);
int conf_read_file(struct conf *c, const char *path, struct err *e);
/* ORRERY_LISTEN, ORRERY_OBJECTS__URL: "__" descends a level; lists are
 * comma-separated. environ is passed in. Empty variables and those that are
 * no key are left alone, but for those so near to one that they must be a
 * slip. */
int conf_read_env(struct conf *c, char *const *environment, struct err *e);
/* One key by its dotted name, as a flag gives it. A list grows by each value
 * of one source, and is replaced by a later source. */
int conf_set(struct conf *c, const char *key, struct str value,
	     enum conf_source source, struct err *e);
/* Where the value of a key comes from. */
enum conf_source conf_source(const struct conf *c, const char *key);
/* YAML that can be read back, each line with its sentence and source. */
void conf_print(const struct conf *c, struct buf *b);
void conf_print_json(const struct conf *c, struct buf *b);

#endif
