/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - a line for each answer, at level info. */
#ifndef ORRERY_HTTP_ACCESS_H
#define ORRERY_HTTP_ACCESS_H

#include "api/http/exchange.h"

void access_log(const struct exchange *x);

#endif
