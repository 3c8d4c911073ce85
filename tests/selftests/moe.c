// SPDX-License-Identifier: GPL-2.0
/*
 * Gates as programs use them: routing against a reference in double precision,
 * formats, ties, capacity, tables, biases, loads, statistics, placement.
 */
#include "gates.h"

#define EXPERTS	64
#define TOP_K	8
#define TOKENS	256

static float logits[TOKENS * EXPERTS];
static struct results out;

TEST(query_says_gates_are_there)
{
	struct lightos_query query = { .size = sizeof(query) };
	int fd = open_node(O_RDONLY);

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_QUERY, &query));
	CHECK(query.features & LIGHTOS_FEATURE_MOE);
}

/* Softmax, k best renormalised, one token: written from the definition. */
static void reference(const float *row, int experts, int k, uint16_t *ids,
		      double *weights)
{
	double sum = 0;
	int i, j;

	for (i = 0; i < k; i++) {
		int best = -1;

		for (j = 0; j < experts; j++) {
			bool taken = false;
			int t;

			for (t = 0; t < i; t++)
				taken |= ids[t] == j;
			if (!taken && (best < 0 || row[j] > row[best]))
				best = j;
		}
		ids[i] = (uint16_t)best;
		weights[i] = exp((double)row[best] - (double)row[ids[0]]);
		sum += weights[i];
	}
	for (i = 0; i < k; i++)
		weights[i] /= sum;
}

static void check_against_reference(int experts, int k, int tokens)
{
	double weights[LIGHTOS_MOE_MAX_TOP_K];
	uint16_t ids[LIGHTOS_MOE_MAX_TOP_K];
	int token, i;

	for (token = 0; token < tokens; token++) {
		reference(logits + token * experts, experts, k, ids, weights);
		for (i = 0; i < k; i++) {
			int place = token * k + i;
			double weight = (double)as_float(out.weights[place]);

			CHECK_EQ(out.ids[place], ids[i]);
			CHECK(fabs(weight - weights[i]) <=
			      weights[i] / (1 << 20));
			CHECK(fabs(out.fixed[place] - weights[i] * 65536) <= 1);
		}
	}
}

TEST(mixtral_route)
{
	int fd = gate_of(softmax(8, 2));
	struct lightos_moe_route request = batch(logits, TOKENS, &out);

	fill_noise(logits, TOKENS * 8, 1);
	CHECK_OK(try_route(fd, &request));
	check_against_reference(8, 2, TOKENS);
	CHECK_EQ(request.activations, TOKENS * 2);
	CHECK_EQ(request.dropped, 0);
	CHECK_EQ(request.missing, 0);
}

TEST(olmoe_route)
{
	int fd = gate_of(softmax(EXPERTS, TOP_K));
	struct lightos_moe_route request = batch(logits, TOKENS, &out);

	fill_noise(logits, TOKENS * EXPERTS, 2);
	CHECK_OK(try_route(fd, &request));
	check_against_reference(EXPERTS, TOP_K, TOKENS);
}

/* Numbers that every format can say: halves up to 15.5. */
TEST(formats_agree)
{
	static uint16_t f16[TOKENS * EXPERTS], bf16[TOKENS * EXPERTS];
	static int32_t q16[TOKENS * EXPERTS];
	const void *inputs[] = { logits, f16, bf16, q16 };
	int fd = gate_of(softmax(EXPERTS, TOP_K));
	static struct results first;
	uint32_t format;
	int i;

	fill_noise(logits, TOKENS * EXPERTS, 3);
	for (i = 0; i < TOKENS * EXPERTS; i++) {
		float value = rintf(logits[i] * 4) / 2;
		uint32_t bits;

		logits[i] = value == 0 ? 0 : value;
		memcpy(&bits, &logits[i], sizeof(bits));
		bf16[i] = (uint16_t)(bits >> 16);
		f16[i] = (uint16_t)(!(bits << 1) ? bits >> 16 :
			(bits >> 16 & 0x8000) |
			(((bits >> 23 & 0xff) - 112) << 10) |
			(bits >> 13 & 0x3ff));
		q16[i] = (int32_t)(value * 65536);
	}
	for (format = LIGHTOS_MOE_F32; format <= LIGHTOS_MOE_Q16; format++) {
		struct lightos_moe_route request = batch(logits, TOKENS, &out);

		request.format = format;
		request.buffers.input = user_pointer(inputs[format]);
		CHECK_OK(try_route(fd, &request));
		if (format == LIGHTOS_MOE_F32)
			first = out;
		CHECK(!memcmp(first.ids, out.ids, TOKENS * TOP_K * 2));
		CHECK(!memcmp(first.weights, out.weights, TOKENS * TOP_K * 4));
	}
}

TEST(ties_go_by_index)
{
	static const float row[8] = { 1, -0.0f, 0, 1, 0, 1, -0.0f, 1 };
	static const uint16_t expected[6] = { 0, 3, 5, 7, 1, 2 };
	int fd = gate_of(softmax(8, 6));
	struct lightos_moe_route request = batch(row, 1, &out);

	CHECK_OK(try_route(fd, &request));
	CHECK(!memcmp(out.ids, expected, sizeof(expected)));
}

TEST(minus_infinity_is_never_chosen)
{
	const float row[4] = { -INFINITY, 1, -INFINITY, -INFINITY };
	int fd = gate_of(softmax(4, 2));
	struct lightos_moe_route request = batch(row, 1, &out);

	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(out.ids[0], 1);
	CHECK_EQ(out.ids[1], LIGHTOS_MOE_NO_EXPERT);
	CHECK_EQ(out.weights[1], 0);
	CHECK_EQ(out.fixed[0], 65536);
	CHECK_EQ(out.slots[1], LIGHTOS_MOE_NO_SLOT);
	CHECK_EQ(request.missing, 1);
	CHECK_EQ(request.activations, 1);
}

static void check_wrong_logit(float value, uint32_t wrong)
{
	int fd = gate_of(softmax(EXPERTS, TOP_K));
	struct lightos_moe_route request = batch(logits, TOKENS, &out);

	fill_noise(logits, TOKENS * EXPERTS, 4);
	logits[201 * EXPERTS + 17] = value;
	CHECK_ERRNO(try_route(fd, &request), EDOM);
	CHECK_EQ(request.wrong, wrong);
	CHECK_EQ(request.wrong_token, 201);
	CHECK_EQ(request.wrong_expert, 17);
	CHECK_EQ(gate_stats(fd, 0).batches, 0);
	CHECK_EQ(gate_stats(fd, 0).tokens, 0);
}

TEST(nan_is_named)
{
	check_wrong_logit(NAN, LIGHTOS_MOE_NAN);
}

TEST(infinity_is_named)
{
	check_wrong_logit(INFINITY, LIGHTOS_MOE_INFINITE);
}

/* 8 tokens, all for expert 0, room for 2. */
TEST(capacity_drops)
{
	struct lightos_moe_layer layer = softmax(4, 1);
	struct lightos_moe_expert experts[4];
	struct lightos_moe_stats stats;
	struct lightos_moe_route request;
	float rows[8][4] = { 0 };
	int fd, token;

	layer.drop = LIGHTOS_MOE_DROP_BY_POSITION;
	layer.capacity_factor = LIGHTOS_MOE_SCALE_ONE;
	fd = gate_of(layer);
	for (token = 0; token < 8; token++)
		rows[token][0] = 1;
	request = batch(rows[0], 8, &out);
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(request.capacity, 2);
	CHECK_EQ(request.dropped, 6);
	for (token = 0; token < 8; token++) {
		CHECK_EQ(out.ids[token], 0);
		if (token < 2)
			CHECK_EQ(out.slots[token], token);
		else
			CHECK_EQ(out.slots[token], LIGHTOS_MOE_NO_SLOT);
	}
	gate_experts(fd, 0, 4, experts);
	CHECK_EQ(experts[0].load, 8);
	CHECK_EQ(experts[0].dropped, 6);
	CHECK_EQ(experts[0].recent, 8);
	CHECK_EQ(experts[0].last, 8);
	CHECK_EQ(experts[0].state, LIGHTOS_MOE_OVERLOADED);
	CHECK_EQ(experts[1].state, LIGHTOS_MOE_IDLE);
	stats = gate_stats(fd, 0);
	CHECK_EQ(stats.drop_rate, 750000);
	CHECK_EQ(stats.capacity_factor, 1000000);
	CHECK_EQ(stats.slots, 8);
	/* Two of 32 pairs were computed. */
	CHECK_EQ(stats.sparsity, 937500);
	CHECK_EQ(stats.max_violation, 3000000);
	CHECK_EQ(stats.balancedness, 250000);
	CHECK_EQ(stats.used, 250000);
	CHECK_EQ(stats.entropy, 0);
}

/* The least weight goes, be it first. */
TEST(capacity_drops_by_probability)
{
	struct lightos_moe_layer layer = softmax(2, 1);
	float rows[3][2] = { { 1, 0 }, { 3, 0 }, { 2, 0 } };
	struct lightos_moe_route request = batch(rows[0], 3, &out);
	int fd;

	layer.flags = 0;
	layer.drop = LIGHTOS_MOE_DROP_BY_PROBABILITY;
	layer.capacity_factor = LIGHTOS_MOE_SCALE_ONE;
	fd = gate_of(layer);
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(request.capacity, 2);
	CHECK_EQ(out.slots[0], LIGHTOS_MOE_NO_SLOT);
	CHECK_EQ(out.slots[1], 0);
	CHECK_EQ(out.slots[2], 1);
}

TEST(no_results_wanted)
{
	int fd = gate_of(softmax(EXPERTS, TOP_K));
	struct lightos_moe_route request = batch(logits, TOKENS, &out);

	fill_noise(logits, TOKENS * EXPERTS, 5);
	request.buffers.ids = request.buffers.weights = 0;
	request.buffers.fixed = request.buffers.slots = 0;
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(gate_stats(fd, 0).activations, TOKENS * TOP_K);
	CHECK_GT(request.capacity, TOKENS * TOP_K / EXPERTS);
}

TEST(empty_batch)
{
	int fd = gate_of(softmax(EXPERTS, TOP_K));
	struct lightos_moe_route request = batch(NULL, 0, &out);

	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(request.activations, 0);
	CHECK_EQ(gate_stats(fd, 0).batches, 1);
}

/* A great batch is no other than many small ones. */
TEST(pieces_make_no_difference)
{
	const uint32_t tokens = LIGHTOS_MOE_MAX_TOKENS, step = 100;
	float *rows = malloc(tokens * 8 * sizeof(*rows));
	uint16_t *ids = malloc(tokens * 2 * sizeof(*ids));
	uint32_t *fixed = malloc(tokens * 2 * sizeof(*fixed));
	int fd = gate_of(softmax(8, 2));
	struct lightos_moe_route request = batch(rows, tokens, &out);
	uint32_t first, count;

	CHECK(rows && ids && fixed);
	fill_noise(rows, tokens * 8, 6);
	request.buffers.ids = user_pointer(ids);
	request.buffers.fixed = user_pointer(fixed);
	request.buffers.weights = request.buffers.slots = 0;
	CHECK_OK(try_route(fd, &request));
	for (first = 0; first < tokens; first += count) {
		count = tokens - first < step ? tokens - first : step;
		request = batch(rows + first * 8, count, &out);
		CHECK_OK(try_route(fd, &request));
		CHECK(!memcmp(ids + first * 2, out.ids, count * 4));
		CHECK(!memcmp(fixed + first * 2, out.fixed, count * 8));
	}
	CHECK_EQ(gate_stats(fd, 0).tokens, 2 * tokens);
}

TEST(hash_follows_its_table)
{
	static const uint16_t entries[] = { 3, 1, LIGHTOS_MOE_NO_EXPERT, 2 };
	static const uint32_t token_ids[] = { 1, 0, 7 };
	struct lightos_moe_hash table = {
		.size = sizeof(table), .count = 4,
		.data = user_pointer(entries),
	};
	struct lightos_moe_get_layer layer = { .size = sizeof(layer) };
	struct lightos_moe_layer rule = softmax(4, 2);
	struct lightos_moe_route request = batch(NULL, 3, &out);
	int fd;

	rule.strategy = LIGHTOS_MOE_HASH;
	fd = gate_of(rule);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &layer));
	CHECK_EQ(layer.hash_rows, 2);
	request.format = LIGHTOS_MOE_NO_INPUT;
	request.buffers.token_ids = user_pointer(token_ids);
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(out.ids[0], 2);
	CHECK_EQ(out.ids[1], LIGHTOS_MOE_NO_EXPERT);
	CHECK_EQ(out.ids[2], 3);
	CHECK_EQ(out.ids[3], 1);
	CHECK_EQ(out.fixed[2], 32768);
	/* Beyond the table: two different ones by hash. */
	CHECK(out.ids[4] < 4 && out.ids[5] < 4 && out.ids[4] != out.ids[5]);
	table.count = 0;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &layer));
	CHECK_EQ(layer.hash_rows, 0);
}

/* Two experts that look at one feature each, and adapt. */
TEST(learned_projects_and_adapts)
{
	static const int8_t weights[2][3] = { { 1, 0, 0 }, { 0, 1, 0 } };
	static const int8_t features[4][3] = {
		{ 9, 1, 5 }, { 1, 9, 5 }, { 7, 2, 5 }, { 8, 3, 5 },
	};
	static const uint32_t scales[2] = { 1U << 31, 1U << 31 };
	struct lightos_moe_projection projection = {
		.size = sizeof(projection), .features = 3, .experts = 2,
		.weights = user_pointer(weights), .scales = user_pointer(scales),
	};
	struct lightos_moe_layer rule = softmax(2, 1);
	struct lightos_moe_route request = batch(NULL, 4, &out);
	int64_t biases[2];
	struct lightos_moe_biases get = {
		.size = sizeof(get), .count = 2, .data = user_pointer(biases),
	};
	int fd;

	rule.strategy = LIGHTOS_MOE_LEARNED;
	rule.score = LIGHTOS_MOE_SIGMOID;
	rule.flags |= LIGHTOS_MOE_BIASED;
	rule.bias_step = 1U << 20;
	fd = gate_of(rule);
	request.format = LIGHTOS_MOE_INT8;
	request.buffers.input = user_pointer(features);
	CHECK_ERRNO(try_route(fd, &request), ENODATA);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &projection));
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(out.ids[0], 0);
	CHECK_EQ(out.ids[1], 1);
	CHECK_EQ(out.ids[2], 0);
	CHECK_EQ(out.ids[3], 0);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_BIASES, &get));
	CHECK_EQ(biases[0], -(1LL << 24));
	CHECK_EQ(biases[1], 1LL << 24);
	CHECK_EQ(gate_stats(fd, 0).updates, 1);
}

TEST(biases_decide_and_are_updated)
{
	struct lightos_moe_layer layer = softmax(4, 1);
	int64_t biases[4] = { 0, 0, LIGHTOS_MOE_BIAS_ONE, 0 };
	struct lightos_moe_biases set = {
		.size = sizeof(set), .count = 4, .data = user_pointer(biases),
	};
	struct lightos_moe_update_biases update = { .size = sizeof(update) };
	struct lightos_moe_expert experts[4];
	const float row[4] = { 1, 0, 0, 0 };
	struct lightos_moe_route request = batch(row, 1, &out);
	int fd;

	layer.score = LIGHTOS_MOE_SIGMOID;
	layer.flags |= LIGHTOS_MOE_BIASED;
	layer.bias_step = 1U << 31;
	fd = gate_of(layer);
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(out.ids[0], 0);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_SET_BIASES, &set));
	request.flags = LIGHTOS_MOE_ROUTE_ADAPT;
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(out.ids[0], 2);
	/* The bias takes part in the selection alone. */
	CHECK_EQ(out.fixed[0], 65536);
	memset(biases, 0xaa, sizeof(biases));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_BIASES, &set));
	/* Loads since the last update, one each: half a step for the others. */
	CHECK_EQ(biases[0], -LIGHTOS_MOE_BIAS_ONE / 2);
	CHECK_EQ(biases[1], LIGHTOS_MOE_BIAS_ONE / 2);
	CHECK_EQ(biases[2], LIGHTOS_MOE_BIAS_ONE / 2);
	gate_experts(fd, 0, 4, experts);
	CHECK_EQ(experts[2].recent, 0);
	CHECK_EQ(experts[2].load, 1);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_UPDATE_BIASES, &update));
	CHECK_EQ(gate_stats(fd, 0).updates, 2);
	update.layer = LIGHTOS_MOE_ALL_LAYERS;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_UPDATE_BIASES, &update));
}

TEST(grouped_route_keeps_to_its_groups)
{
	int fd = gate_of(grouped(256, 8));
	float *rows = malloc(TOKENS * 256 * sizeof(*rows));
	struct lightos_moe_route request = batch(rows, TOKENS, &out);
	int token, i;

	CHECK(rows);
	fill_noise(rows, TOKENS * 256, 7);
	CHECK_OK(try_route(fd, &request));
	for (token = 0; token < TOKENS; token++) {
		unsigned int groups = 0;

		for (i = 0; i < 8; i++)
			groups |= 1U << (out.ids[token * 8 + i] / 32);
		CHECK_LE(__builtin_popcount(groups), 4);
	}
}

TEST(registered_buffers)
{
	struct lightos_moe_register buffers = {
		.size = sizeof(buffers), .tokens = TOKENS,
	};
	struct lightos_moe_route whole = batch(logits, TOKENS, &out);
	struct lightos_moe_route request = {
		.size = sizeof(request), .tokens = TOKENS,
		.flags = LIGHTOS_MOE_ROUTE_REGISTERED,
	};
	int fd = gate_of(softmax(EXPERTS, TOP_K));

	buffers.buffers = whole.buffers;
	CHECK_ERRNO(try_route(fd, &request), ENODATA);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_REGISTER, &buffers));
	fill_noise(logits, TOKENS * EXPERTS, 8);
	CHECK_OK(try_route(fd, &request));
	check_against_reference(EXPERTS, TOP_K, TOKENS);
	request.tokens = TOKENS + 1;
	CHECK_ERRNO(try_route(fd, &request), EINVAL);
	request.tokens = 1;
	request.buffers.ids = user_pointer(out.ids);
	CHECK_ERRNO(try_route(fd, &request), EINVAL);
	memset(&buffers, 0, sizeof(buffers));
	buffers.size = sizeof(buffers);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_REGISTER, &buffers));
	request.buffers.ids = 0;
	CHECK_ERRNO(try_route(fd, &request), ENODATA);
}

TEST(masked_layers_are_skipped)
{
	struct lightos_moe_layer layers[2] = { softmax(4, 2), softmax(4, 2) };
	struct lightos_moe_get_layer get = { .size = sizeof(get), .layer = 1 };
	struct lightos_moe_mask mask = { .size = sizeof(mask), .layers = { 2 } };
	struct lightos_moe_route request = batch(NULL, 3, &out);
	int fd = open_node(O_RDWR), i;

	set_up(fd, layers, 2);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_MASK, &mask));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &get));
	CHECK_EQ(get.skipped, 1);
	CHECK_EQ(get.layers, 2);
	CHECK(!memcmp(&get.config, &layers[1], sizeof(layers[1])));
	request.layer = 1;
	CHECK_OK(try_route(fd, &request));
	for (i = 0; i < 6; i++) {
		CHECK_EQ(out.ids[i], LIGHTOS_MOE_NO_EXPERT);
		CHECK_EQ(out.weights[i], 0);
		CHECK_EQ(out.fixed[i], 0);
		CHECK_EQ(out.slots[i], LIGHTOS_MOE_NO_SLOT);
	}
	CHECK_EQ(gate_stats(fd, 1).skipped, 3);
	CHECK_EQ(gate_stats(fd, 1).tokens, 0);
	mask.layers[0] = 4;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_MASK, &mask), EINVAL);
	mask.layers[0] = 0;
	mask.layers[3] = 1ULL << 63;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_MASK, &mask), EINVAL);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &get));
	CHECK_EQ(get.skipped, 1);
}

TEST(last_batch_and_all_batches)
{
	struct lightos_moe_stats last = {
		.size = sizeof(last), .flags = LIGHTOS_MOE_STATS_LAST,
	};
	struct lightos_moe_reset reset_all = {
		.size = sizeof(reset_all), .flags = LIGHTOS_MOE_RESET_LOADS,
		.layer = LIGHTOS_MOE_ALL_LAYERS,
	};
	float rows[2][2] = { { 1, 0 }, { 0, 1 } };
	int fd = gate_of(softmax(2, 1)), i;

	for (i = 0; i < 2; i++) {
		struct lightos_moe_route request = batch(rows[i], 1, &out);

		CHECK_OK(try_route(fd, &request));
	}
	CHECK_EQ(gate_stats(fd, 0).max_violation, 0);
	CHECK_EQ(gate_stats(fd, 0).entropy, 1000000);
	CHECK_GT(gate_stats(fd, 0).busy_ns, 0);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_STATS, &last));
	CHECK_EQ(last.max_violation, 1000000);
	CHECK_EQ(last.batches, 2);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_RESET, &reset_all));
	CHECK_EQ(gate_stats(fd, 0).batches, 0);
	CHECK_EQ(gate_stats(fd, 0).busy_ns, 0);
}

/* The example of EPLB's README. */
TEST(placement_is_that_of_eplb)
{
	static const uint64_t loads[12] = {
		90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86,
	};
	static const uint16_t expected[16] = {
		5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1,
	};
	uint16_t experts[16], numbers[16], counts[12];
	struct lightos_moe_place place = {
		.size = sizeof(place), .experts = 12, .replicas = 16,
		.groups = 4, .nodes = 2, .devices = 8,
		.loads = user_pointer(loads),
		.place_experts = user_pointer(experts),
		.place_numbers = user_pointer(numbers),
		.counts = user_pointer(counts),
	};
	int fd = open_node(O_RDONLY), i, sum = 0;

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_PLACE, &place));
	CHECK(!memcmp(experts, expected, sizeof(expected)));
	for (i = 0; i < 12; i++)
		sum += counts[i];
	CHECK_EQ(sum, 16);
	CHECK_EQ(counts[10], 2);
	place.devices = 7;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_PLACE, &place), EINVAL);
	CHECK(!strcmp(place.fault.field, "devices"));
	CHECK_EQ(place.fault.problem, LIGHTOS_MOE_PROBLEM_DIVISOR);
}

TEST(placement_of_the_loads_of_a_layer)
{
	uint16_t experts[4];
	struct lightos_moe_place place = {
		.size = sizeof(place), .experts = 2, .replicas = 4,
		.groups = 1, .nodes = 1, .devices = 4,
		.place_experts = user_pointer(experts),
	};
	float rows[4][2] = { { 0, 1 }, { 0, 1 }, { 0, 1 }, { 1, 0 } };
	struct lightos_moe_route request = batch(rows[0], 4, &out);
	int fd = gate_of(softmax(2, 1)), i, second = 0;

	CHECK_OK(try_route(fd, &request));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_PLACE, &place));
	for (i = 0; i < 4; i++)
		second += experts[i];
	CHECK_EQ(second, 3);
	place.experts = 3;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_PLACE, &place), EINVAL);
}

TEST(profiles)
{
	struct lightos_moe_profile profile = {
		.size = sizeof(profile), .layers = 3,
		.profile = LIGHTOS_MOE_MAX_EFFICIENCY,
	};
	struct lightos_moe_get_layer get = { .size = sizeof(get), .layer = 2 };
	int fd = open_node(O_RDWR);

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_PROFILE, &profile));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &get));
	CHECK_EQ(get.layers, 3);
	CHECK_EQ(get.config.experts, 64);
	CHECK_EQ(get.config.top_k, 1);
	CHECK_EQ(get.config.drop, LIGHTOS_MOE_DROP_BY_PROBABILITY);
	profile.profile = LIGHTOS_MOE_LOW_LATENCY;
	profile.experts = 4;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_PROFILE, &profile), EINVAL);
	CHECK(!strcmp(profile.fault.field, "experts"));
	profile.experts = 8;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_PROFILE, &profile));
	CHECK_EQ(profile.fault.field[0], 0);
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_LAYER, &get));
	CHECK_EQ(get.config.top_k, 4);
}

TEST(fdinfo_and_debugfs)
{
	int fd = gate_of(softmax(8, 2));
	struct lightos_moe_route request = batch(logits, TOKENS, &out);
	char path[128], text[4096] = "";
	int file;

	fill_noise(logits, TOKENS * 8, 9);
	CHECK_OK(try_route(fd, &request));
	CHECK_EQ(fdinfo(fd, "moe-layers"), 1);
	CHECK_EQ(fdinfo(fd, "moe-tokens"), TOKENS);
	CHECK_EQ(fdinfo(fd, "moe-activations"), 2 * TOKENS);
	snprintf(path, sizeof(path), "/sys/kernel/debug/lightos/gates/%lld",
		 fdinfo(fd, "moe-gate"));
	file = open(path, O_RDONLY);
	if (file < 0)
		SKIP("no debugfs");
	CHECK_GT(read(file, text, sizeof(text) - 1), 0);
	CHECK(strstr(text, "tokens: 256\n"));
	CHECK(strstr(text, "\nloads 0: "));
	close(file);
	close(fd);
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
}

int main(void)
{
	return harness_run();
}
