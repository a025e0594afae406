/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-s3_xml.c - any bytes as an answer of an S3 server: elements lie within
 * it, texts within their room, and what we escape reads back the same.
 */
#include "indexer/objects/s3_xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_elements(struct str doc, const char *name)
{
	struct str rest = doc, inside;
	char small[8], large[4096];

	while (s3_xml_next(&rest, name, &inside)) {
		if (inside.p < doc.p || inside.p + inside.n > doc.p + doc.n ||
		    rest.p + rest.n != doc.p + doc.n)
			abort();
		s3_xml_text(inside, "Key", small, sizeof(small));
		if (strlen(small) >= sizeof(small))
			abort();
	}
	s3_xml_text(doc, name, large, sizeof(large));
	if (strlen(large) >= sizeof(large))
		abort();
}

static void check_escape(struct str text)
{
	char back[4096];
	struct buf b;

	if (text.n + 8 > sizeof(back) || memchr(text.p, 0, text.n))
		return;
	buf_init(&b, 64 << 10);
	buf_puts(&b, "<T>");
	s3_xml_escape(&b, text);
	buf_puts(&b, "</T>");
	if (!s3_xml_text(buf_view(&b), "T", back, sizeof(back)) ||
	    !str_is(text, back))
		abort();
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str s = str_n((const char *)data, n);

	if (!n)
		return 0;
	check_elements(s, "Contents");
	check_elements(s, "Code");
	check_escape(s);
	return 0;
}
