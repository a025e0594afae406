/* SPDX-License-Identifier: Apache-2.0 */
/* framing.h - what the header lines say about the message itself. */
#ifndef ORRERY_HTTP_FRAMING_H
#define ORRERY_HTTP_FRAMING_H

#include "api/http/parse.h"

/* Of a head whose lines are all read: sets framing, length, keep_alive and
 * expect_continue, or refuses it. */
enum parse framing_settle(struct head *h, const char *text);
/* "name", "name:80", "[::1]:80": bytes that a Host may have. */
bool framing_host_valid(struct str host);

#endif
