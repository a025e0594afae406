/* SPDX-License-Identifier: Apache-2.0 */
/* made.h - made-up series that look like those of real runs: the same ones
 * for tests and for measuring.
 */
#ifndef ORRERY_TESTS_INDEX_MADE_H
#define ORRERY_TESTS_INDEX_MADE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/base/point.h"

enum { MADE_VALUES = 10, MADE_TIMES = 3 };

struct made {
	uint64_t state;
	int64_t step, time;
	double walk;
};

static inline struct made made_start(uint64_t seed)
{
	return (struct made){seed * UINT64_C(0x9e3779b97f4a7c15) + 1, 0,
			     INT64_C(1753000000000), 0};
}

static inline uint64_t made_random(struct made *m)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return m->state;
}

static inline double made_uniform(struct made *m)
{
	return (double)(made_random(m) >> 11) * 0x1p-53;
}

static inline double made_noise(struct made *m)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += made_uniform(m);
	return sum;
}

static inline const char *made_value_name(size_t kind)
{
	static const char *const names[MADE_VALUES] = {
		"smooth loss", "uniform noise", "noise around 0",
		"noisy loss",  "float32 loss",  "four decimals",
		"a counter",   "a random walk", "a sine",
		"yes and no"};

	return names[kind];
}

/* Bytes that a value of this kind may take in a long series. */
static inline double made_value_bytes(size_t kind)
{
	static const double bytes[MADE_VALUES] = {0.8, 7.2, 7.2, 6.6, 3,
						  1.9, 0.2, 6.2, 3.2, 0.4};

	return bytes[kind];
}

static inline const char *made_time_name(size_t kind)
{
	static const char *const names[MADE_TIMES] = {
		"100 ms +- 5", "1 to 10 ms", "1 s +- 30 ms"};

	return names[kind];
}

static inline double made_value(struct made *m, size_t kind)
{
	double smooth = exp(-(double)m->step / 1e5);

	switch (kind) {
	case 0:
		return smooth;
	case 1:
		return made_uniform(m);
	case 2:
		return made_noise(m);
	case 3:
		return smooth * (1 + 0.01 * made_noise(m));
	case 4:
		return (double)(float)(smooth * (1 + 0.05 * made_noise(m)));
	case 5:
		return round(made_uniform(m) * 1e4) / 1e4;
	case 6:
		return (double)m->step;
	case 7:
		return m->walk += made_noise(m);
	case 8:
		return sin((double)m->step / 1e3);
	default:
		return (double)(made_random(m) & 1);
	}
}

static inline struct point made_next(struct made *m, size_t values,
				     size_t times)
{
	int64_t pass = times == 0   ? 95 + (int64_t)(made_random(m) % 11)
		       : times == 1 ? 1 + (int64_t)(made_random(m) % 10)
				    : 970 + (int64_t)(made_random(m) % 61);
	double value = made_value(m, values);

	m->time += pass;
	return (struct point){m->step++, m->time, value};
}

#endif
