/* SPDX-License-Identifier: Apache-2.0 */
/* router.c - the tree of path parts.
 *
 * Edges for literal parts lie in one open-addressed hash table keyed by
 * (node, part), so a step costs one probe and a node is a few words. A
 * capture of several parts tries the fewest first; the number of steps of one
 * look-up is bounded, so no path costs more than any other by much.
 */
#include "api/http/router.h"

#include <stdlib.h>

struct node {
	uint32_t param, rest; /* children, 0 for none */
	uint32_t ends;        /* first end, 0 for none */
	const struct route_group *group;
};

struct end {
	const struct route *route;
	const struct route_group *group;
	uint32_t next;
	unsigned prefix_index, prefix_parts, prefix_captures;
};

struct edge {
	struct str part; /* into the tables' text; p NULL: free */
	uint32_t from, to;
};

struct router {
	struct node *nodes;
	struct end *ends;
	struct edge *edges;
	uint32_t nnodes, nends, nedges;
	uint32_t node_cap, end_cap, edge_cap; /* edge_cap a power of two */
};

/* --- building ------------------------------------------------------------ */

enum { ROUTER_NODES_MAX = 1 << 20 };

static int grow(void **p, uint32_t *cap, size_t size, struct err *e)
{
	uint32_t more = *cap ? *cap * 2 : 64;
	char *q;

	if (more > ROUTER_NODES_MAX)
		return err_set(e, ERR_INVALID, "too many routes");
	q = realloc(*p, more * size);
	if (!q)
		return err_set(e, ERR_INTERNAL, "out of memory");
	memset(q + *cap * size, 0, (more - *cap) * size);
	*p = q;
	*cap = more;
	return 0;
}

static uint32_t new_node(struct router *r, const struct route_group *g,
			 struct err *e)
{
	void *p = r->nodes;

	if (r->nnodes == r->node_cap) {
		if (grow(&p, &r->node_cap, sizeof(struct node), e))
			return 0;
		r->nodes = p;
	}
	r->nodes[r->nnodes].group = g;
	return r->nnodes++;
}

static struct edge *probe(const struct edge *edges, uint32_t cap, uint32_t from,
			  struct str part)
{
	uint64_t h = (str_hash(part) ^ from) * 0x9e3779b97f4a7c15u;
	uint32_t i = (uint32_t)(h >> 32) & (cap - 1);

	while (edges[i].part.p &&
	       (edges[i].from != from || !str_eq(edges[i].part, part)))
		i = (i + 1) & (cap - 1);
	return (struct edge *)(uintptr_t)&edges[i];
}

static int rehash(struct router *r, struct err *e)
{
	uint32_t cap = r->edge_cap ? r->edge_cap * 2 : 256;
	struct edge *edges = calloc(cap, sizeof(*edges));

	if (!edges)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (uint32_t i = 0; i < r->edge_cap; i++)
		if (r->edges[i].part.p)
			*probe(edges, cap, r->edges[i].from, r->edges[i].part) =
				r->edges[i];
	free(r->edges);
	r->edges = edges;
	r->edge_cap = cap;
	return 0;
}

static uint32_t literal_child(struct router *r, uint32_t at, struct str part,
			      const struct route_group *g, struct err *e)
{
	struct edge *x;
	uint32_t to;

	if (r->nedges * 2 >= r->edge_cap && rehash(r, e))
		return 0;
	x = probe(r->edges, r->edge_cap, at, part);
	if (x->part.p)
		return x->to;
	to = new_node(r, g, e);
	if (to) {
		*x = (struct edge){part, at, to};
		r->nedges++;
	}
	return to;
}

static uint32_t capture_child(struct router *r, uint32_t at, bool rest,
			      const struct route_group *g, struct err *e)
{
	uint32_t to = rest ? r->nodes[at].rest : r->nodes[at].param;

	if (to)
		return to;
	to = new_node(r, g, e);
	if (rest)
		r->nodes[at].rest = to;
	else
		r->nodes[at].param = to;
	return to;
}

struct growth {
	struct router *r;
	const struct route_group *group;
	uint32_t at;
	unsigned parts, captures;
};

/* Append the parts of a pattern ("/a/{b}/{c...}") below g->at. */
static int plant(struct growth *g, struct str pattern, struct err *e)
{
	struct str rest = pattern, part;

	if (!pattern.n)
		return 0;
	if (pattern.p[0] != '/')
		return err_set(e, ERR_INVALID,
			       "route \"%.*s\" must begin "
			       "with '/'",
			       STR_ARG(pattern));
	str_cut(&rest, '/');
	while (rest.p) {
		part = str_cut(&rest, '/');
		if (part.n && part.p[0] == '{') {
			g->at = capture_child(g->r, g->at,
					      str_ends(part, STR("...}")),
					      g->group, e);
			g->captures++;
		} else {
			g->at = literal_child(g->r, g->at,
					      part.p ? part : STR(""), g->group,
					      e);
		}
		if (!g->at)
			return -1;
		if (++g->parts > HTTP_PATTERN_MAX)
			return err_set(e, ERR_INVALID,
				       "route \"%.*s\" has too "
				       "many parts",
				       STR_ARG(pattern));
	}
	return 0;
}

static int add_end(struct router *r, uint32_t at, const struct end *end,
		   struct err *e)
{
	void *p = r->ends;

	for (uint32_t i = r->nodes[at].ends; i; i = r->ends[i].next)
		if (r->ends[i].route->methods & end->route->methods)
			return err_set(e, ERR_INVALID,
				       "two routes for one method of \"%s\"",
				       end->route->path);
	if (r->nends == r->end_cap) {
		if (grow(&p, &r->end_cap, sizeof(*end), e))
			return -1;
		r->ends = p;
	}
	r->ends[r->nends] = *end;
	r->ends[r->nends].next = r->nodes[at].ends;
	r->nodes[at].ends = r->nends++;
	return 0;
}

static int add_route(struct router *r, const struct route_group *group,
		     unsigned prefix, const struct route *route, struct err *e)
{
	struct growth g = {.r = r, .group = group};
	struct end end = {
		.route = route, .group = group, .prefix_index = prefix};

	if (plant(&g, str_from(group->prefixes[prefix]), e))
		return -1;
	end.prefix_parts = g.parts;
	end.prefix_captures = g.captures;
	if (plant(&g, str_from(route->path), e))
		return -1;
	if (end.prefix_captures > CALL_PREFIX_PARAMS ||
	    g.captures - end.prefix_captures > CALL_PARAMS || !g.parts)
		return err_set(e, ERR_INVALID,
			       "route \"%s\" has no parts, or "
			       "too many captures",
			       route->path);
	return add_end(r, g.at, &end, e);
}

static int add_group(struct router *r, const struct route_group *g,
		     struct err *e)
{
	for (unsigned p = 0; g->prefixes[p]; p++)
		for (size_t i = 0; i < g->count; i++)
			if (add_route(r, g, p, &g->routes[i], e))
				return -1;
	return 0;
}

struct router *router_new(const struct route_group *groups, size_t n,
			  struct err *e)
{
	struct router *r = calloc(1, sizeof(*r));
	void *ends = NULL;

	if (!r) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	/* Index 0 means "none" in every link, so node 0 is the root and end
	 * 0 is never used. */
	if (grow(&ends, &r->end_cap, sizeof(struct end), e) || rehash(r, e))
		goto fail;
	r->ends = ends;
	r->nends = 1;
	err_clear(e);
	new_node(r, n ? &groups[0] : NULL, e);
	if (e->kind != ERR_NONE)
		goto fail;
	for (size_t i = 0; i < n; i++)
		if (add_group(r, &groups[i], e))
			goto fail;
	return r;
fail:
	router_free(r);
	return NULL;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	free(r->nodes);
	free(r->ends);
	free(r->edges);
	free(r);
}

/* --- looking up ---------------------------------------------------------- */

struct search {
	const struct router *r;
	struct route_match *ret;
	struct str parts[HTTP_SEGMENTS_MAX];
	unsigned nparts, method, steps;
	/* part index behind each pattern part walked */
	unsigned behind[HTTP_PATTERN_MAX], depth, deepest;
	struct str captures[CALL_PARAMS + CALL_PREFIX_PARAMS];
	unsigned ncaptures;
	const char *path;
};

/* The bytes from part a to before part b, slashes between them included. */
static struct str join(const struct search *s, unsigned a, unsigned b)
{
	const char *from = s->parts[a].p;

	return str_n(from,
		     (size_t)(s->parts[b - 1].p + s->parts[b - 1].n - from));
}

static bool settle(struct search *s, uint32_t at)
{
	struct route_match *m = s->ret;

	for (uint32_t i = s->r->nodes[at].ends; i; i = s->r->ends[i].next) {
		const struct end *end = &s->r->ends[i];
		unsigned n = end->prefix_parts;

		if (!m->allow)
			m->group = end->group;
		m->allow |= end->route->methods;
		if (!(end->route->methods & s->method))
			continue;
		m->route = end->route;
		m->group = end->group;
		m->prefix_index = end->prefix_index;
		m->prefix =
			n ? str_n(s->path, join(s, 0, s->behind[n - 1]).n + 1)
			  : str_n(s->path, 0);
		m->prefix_count = end->prefix_captures;
		m->count = s->ncaptures;
		memcpy(m->captures, s->captures,
		       s->ncaptures * sizeof(s->captures[0]));
	}
	return m->route != NULL;
}

static bool walk(struct search *s, uint32_t at, unsigned i);

/* Into the child, with the parts before next consumed. */
static bool descend(struct search *s, uint32_t to, unsigned next)
{
	bool found;

	s->behind[s->depth++] = next;
	found = walk(s, to, next);
	s->depth--;
	return found;
}

static bool capture(struct search *s, uint32_t to, unsigned from, unsigned next)
{
	bool found;

	s->captures[s->ncaptures++] = join(s, from, next);
	found = descend(s, to, next);
	s->ncaptures--;
	return found;
}

static bool walk(struct search *s, uint32_t at, unsigned i)
{
	const struct node *n = &s->r->nodes[at];
	const struct edge *x;

	if (++s->steps > HTTP_ROUTE_STEPS_MAX)
		return false;
	if (s->depth > s->deepest && !s->ret->allow) {
		s->deepest = s->depth;
		s->ret->group = n->group;
	}
	if (i == s->nparts)
		return settle(s, at);
	x = probe(s->r->edges, s->r->edge_cap, at, s->parts[i]);
	if (x->part.p && descend(s, x->to, i + 1))
		return true;
	if (n->param && s->parts[i].n && capture(s, n->param, i, i + 1))
		return true;
	for (unsigned j = i + 1; n->rest && j <= s->nparts; j++)
		if (capture(s, n->rest, i, j))
			return true;
	return false;
}

void router_find(const struct router *r, struct str path, unsigned method,
		 struct route_match *ret)
{
	struct str rest = str_n(path.p + 1, path.n - 1);
	struct search s;

	*ret = (struct route_match){.group = r->nodes[0].group};
	s.r = r;
	s.ret = ret;
	s.path = path.p;
	s.method = method;
	s.nparts = s.steps = s.depth = s.deepest = s.ncaptures = 0;
	for (;;) {
		size_t n = str_find(rest, '/');

		if (s.nparts == HTTP_SEGMENTS_MAX) {
			ret->too_deep = true;
			return;
		}
		s.parts[s.nparts++] = str_n(rest.p, n);
		if (n == rest.n)
			break;
		rest = str_n(rest.p + n + 1, rest.n - n - 1);
	}
	walk(&s, 0, 0);
}
