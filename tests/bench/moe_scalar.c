// SPDX-License-Identifier: GPL-2.0
/*
 * The gate as one writes it down: scalar, integers, no vectors.
 *
 * The yardstick of moe-bench. Logits are f32 read as bits; the best k are kept
 * in a sorted list by insertion; exp() is a table of 2,048 entries with linear
 * interpolation (relative error 2^-26, less exact than the gate's); a sigmoid
 * is one division. Results are ids, weights as f32 bits and Q16.16, and counts
 * of load, as those of the gate. Built with -O2 -fno-tree-vectorize.
 */
#include <stdint.h>
#include <string.h>

#define MAX_EXPERTS	1024
#define MAX_K		32
#define ONE		(1ull << 32)

static uint32_t table[2049];

/* exp2(-i / 2048) in Q0.32, by repeated multiplication in Q0.63. */
void moe_scalar_init(void)
{
	const unsigned __int128 step = 9220250907674776491ull; /* 2^63 2^(-1/2048) */
	unsigned __int128 power = 1ull << 63;

	for (int i = 0; i <= 2048; i++) {
		uint64_t rounded = (uint64_t)((power + (1u << 30)) >> 31);

		table[i] = rounded > UINT32_MAX ? UINT32_MAX : (uint32_t)rounded;
		power = power * step >> 63;
	}
}

static int32_t order(uint32_t bits)
{
	if (bits == 0x80000000u)
		bits = 0;
	return (int32_t)bits < 0 ? (int32_t)(bits ^ 0x7fffffffu) : (int32_t)bits;
}

/* Q32.32 */
static int64_t fixed(uint32_t bits)
{
	int exponent = bits >> 23 & 0xff;
	int64_t x = (int64_t)(bits & 0x7fffff) | (exponent ? 0x800000 : 0);
	int shift = exponent - 150 + 32;

	if (shift > 38)
		x = (int64_t)1 << 62;
	else if (shift >= 0)
		x <<= shift;
	else
		x = shift < -31 ? 0 : x >> -shift;
	return bits >> 31 ? -x : x;
}

/* exp(-x) in Q0.32 */
static uint64_t exp_neg(uint64_t x)
{
	const uint64_t log2e = 6196328019ull; /* Q32 */
	uint64_t t, whole;
	uint32_t i, part, a, b;

	if (x >= 45ull << 32)
		return 0;
	t = (uint64_t)((unsigned __int128)x * log2e >> 32);
	whole = t >> 32;
	if (whole >= 63)
		return 0;
	i = (uint32_t)t >> 21;
	part = (uint32_t)t & 0x1fffff;
	a = table[i];
	b = table[i + 1];
	return (a - ((uint64_t)(a - b) * part >> 21)) >> whole;
}

static uint32_t to_f32(uint64_t q32)
{
	int lead;
	uint64_t mantissa;

	if (!q32)
		return 0;
	lead = 63 - __builtin_clzll(q32);
	mantissa = lead > 23 ? q32 >> (lead - 23) : q32 << (23 - lead);
	return (uint32_t)((uint64_t)(lead - 32 + 127) << 23 | (mantissa & 0x7fffff));
}

struct best {
	int64_t key[MAX_K];
	uint32_t id[MAX_K];
	uint32_t count;
};

static void insert(struct best *best, uint32_t k, int64_t key, uint32_t id)
{
	uint32_t at;

	if (best->count == k) {
		if (key <= best->key[k - 1])
			return;
		best->count--;
	}
	for (at = best->count; at > 0 && best->key[at - 1] < key; at--) {
		best->key[at] = best->key[at - 1];
		best->id[at] = best->id[at - 1];
	}
	best->key[at] = key;
	best->id[at] = id;
	best->count++;
}

static void write_out(const struct best *best, const uint64_t *w, uint16_t *ids,
		      uint32_t *weights, uint32_t *q16, uint64_t *loads)
{
	for (uint32_t i = 0; i < best->count; i++) {
		ids[i] = (uint16_t)best->id[i];
		weights[i] = to_f32(w[i]);
		q16[i] = (uint32_t)((w[i] + 0x8000) >> 16);
		loads[best->id[i]]++;
	}
}

void moe_scalar_softmax(const uint32_t *logits, uint32_t tokens, uint32_t experts, uint32_t k,
			int renormalize, uint16_t *ids, uint32_t *weights, uint32_t *q16,
			uint64_t *loads)
{
	for (uint32_t t = 0; t < tokens; t++, logits += experts) {
		struct best best = { .count = 0 };
		uint64_t w[MAX_K], sum = 0;
		int64_t top;

		for (uint32_t e = 0; e < experts; e++)
			insert(&best, k, order(logits[e]), e);
		top = fixed(logits[best.id[0]]);
		for (uint32_t i = 0; i < best.count; i++)
			w[i] = exp_neg((uint64_t)(top - fixed(logits[best.id[i]])));
		if (renormalize)
			for (uint32_t i = 0; i < best.count; i++)
				sum += w[i];
		else
			for (uint32_t e = 0; e < experts; e++)
				sum += exp_neg((uint64_t)(top - fixed(logits[e])));
		for (uint32_t i = 0; i < best.count; i++)
			w[i] = (w[i] << 31) / (sum >> 1);
		write_out(&best, w, ids + t * k, weights + t * k, q16 + t * k, loads);
	}
}

void moe_scalar_sigmoid(const uint32_t *logits, const int64_t *bias, uint32_t tokens,
			uint32_t experts, uint32_t k, uint32_t groups, uint32_t kept,
			uint32_t scale, uint16_t *ids, uint32_t *weights, uint32_t *q16,
			uint64_t *loads)
{
	uint32_t size = experts / groups;
	static uint64_t score[MAX_EXPERTS];
	static int64_t key[MAX_EXPERTS];

	for (uint32_t t = 0; t < tokens; t++, logits += experts) {
		struct best best = { .count = 0 }, open = { .count = 0 };
		uint64_t w[MAX_K], sum = 0;

		for (uint32_t e = 0; e < experts; e++) {
			int64_t x = fixed(logits[e]);
			uint64_t power = exp_neg((uint64_t)(x < 0 ? -x : x));
			uint64_t s = ~0ull / (ONE + power);

			if (x < 0)
				s = s * power >> 32;
			score[e] = s;
			key[e] = (int64_t)s + (bias[e] >> 4);
		}
		for (uint32_t g = 0; g < groups; g++) {
			int64_t first = INT64_MIN, second = INT64_MIN;

			for (uint32_t e = g * size; e < (g + 1) * size; e++) {
				if (key[e] > first) {
					second = first;
					first = key[e];
				} else if (key[e] > second) {
					second = key[e];
				}
			}
			insert(&open, kept, first + second, g);
		}
		for (uint32_t g = 0; g < groups; g++) {
			int is_open = 0;

			for (uint32_t i = 0; i < open.count; i++)
				is_open |= open.id[i] == g;
			for (uint32_t e = g * size; is_open && e < (g + 1) * size; e++)
				insert(&best, k, key[e], e);
		}
		for (uint32_t i = 0; i < best.count; i++)
			sum += w[i] = score[best.id[i]];
		for (uint32_t i = 0; i < best.count; i++)
			w[i] = ((w[i] << 30) / ((sum >> 2) + 1) * scale) >> 16;
		write_out(&best, w, ids + t * k, weights + t * k, q16 + t * k, loads);
	}
}
