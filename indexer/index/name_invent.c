/* SPDX-License-Identifier: Apache-2.0 */
/* name_invent.c - names for runs that were given none. */
#include "indexer/base/text.h"
#include "indexer/index/names.h"

/* At most 7 and 8 letters, so that a name has at most 20. */
static const char *const predicates[] = {
	"amber",  "ample",   "apt",    "bold",   "brave",  "breezy",  "bright",
	"brisk",  "calm",    "candid", "clear",  "clever", "cosmic",  "cozy",
	"crisp",  "curious", "dapper", "deft",   "eager",  "early",   "exact",
	"fair",   "fancy",   "fleet",  "fond",   "fresh",  "gentle",  "glad",
	"golden", "grand",   "hardy",  "hazy",   "honest", "humble",  "jolly",
	"keen",   "kind",    "lively", "lucid",  "lucky",  "mellow",  "merry",
	"mighty", "modest",  "neat",   "nimble", "noble",  "patient", "placid",
	"polite", "proud",   "quick",  "quiet",  "rapid",  "serene",  "sharp",
	"silent", "smooth",  "steady", "sunny",  "swift",  "tidy",    "vivid",
	"witty",
};

static const char *const nouns[] = {
	"acorn",  "anchor",  "aspen",  "badger", "bay",     "beacon",  "birch",
	"bison",  "breeze",  "brook",  "canyon", "cedar",   "cliff",   "cloud",
	"comet",  "coral",   "crane",  "delta",  "dune",    "falcon",  "fern",
	"finch",  "fjord",   "forest", "fox",    "geyser",  "glacier", "harbor",
	"hare",   "heron",   "island", "ivy",    "lagoon",  "lake",    "lark",
	"lynx",   "maple",   "marsh",  "meadow", "meteor",  "moon",    "moss",
	"oak",    "orbit",   "otter",  "owl",    "pebble",  "pine",    "planet",
	"pond",   "prairie", "raven",  "reef",   "ridge",   "river",   "robin",
	"salmon", "spruce",  "summit", "tern",   "thistle", "valley",  "willow",
	"wren",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void name_invent(char out[32])
{
	uint32_t r[3];

	random_bytes(r, sizeof(r));
	snprintf(out, 32, "%s-%s-%u", predicates[r[0] % COUNT(predicates)],
		 nouns[r[1] % COUNT(nouns)], r[2] % 1000);
}
