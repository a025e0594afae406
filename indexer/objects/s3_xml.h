/* SPDX-License-Identifier: Apache-2.0 */
/* s3_xml.h - the flat XML that S3 servers answer with.
 *
 * Elements are found by name, and texts have their references decoded; no
 * tree is made, and nothing is followed: no entity, no include. Whatever the
 * text holds costs time in proportion to its length.
 */
#ifndef ORRERY_OBJECTS_S3_XML_H
#define ORRERY_OBJECTS_S3_XML_H

#include "indexer/base/str.h"

/* The inside of the next <name>...</name>; *doc goes on behind it. */
bool s3_xml_next(struct str *doc, const char *name, struct str *ret);
/* The text of the first <name> in doc, decoded into out (cut where it is too
 * long); false and "" where there is none. */
bool s3_xml_text(struct str doc, const char *name, char *out, size_t size);
/* Text as the content of an element. */
void s3_xml_escape(struct buf *b, struct str text);

#endif
