/* SPDX-License-Identifier: Apache-2.0 */
/* body.h - from the bytes of a request to the struct of its fields. */
#ifndef ORRERY_HTTP_BODY_H
#define ORRERY_HTTP_BODY_H

#include "api/http/exchange.h"

/* Fills x->c.request where the route has fields. */
int body_fields(struct exchange *x, struct err *e);

#endif
