/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of gates share: layers, batches, one-line wrappers of the
 * calls, and what a refused batch must leave as it was.
 */
#ifndef LIGHTOS_TEST_GATES_H
#define LIGHTOS_TEST_GATES_H

#include <math.h>

#include "engine.h"

/* The most places of the batches here. */
#define PLACES		4096

/* Where results of small batches go. */
struct results {
	uint16_t ids[PLACES];
	uint32_t weights[PLACES];
	uint32_t fixed[PLACES];
	uint32_t slots[PLACES];
};

static inline struct lightos_moe_layer softmax(uint32_t experts, uint32_t top_k)
{
	return (struct lightos_moe_layer){
		.experts = experts,
		.top_k = top_k,
		.groups = 1,
		.groups_kept = 1,
		.flags = LIGHTOS_MOE_RENORMALIZE,
		.scale = LIGHTOS_MOE_SCALE_ONE,
		.capacity_alignment = 1,
	};
}

/* DeepSeek-V3's: sigmoid with bias, groups by their two best. */
static inline struct lightos_moe_layer grouped(uint32_t experts, uint32_t top_k)
{
	struct lightos_moe_layer layer = softmax(experts, top_k);

	layer.score = LIGHTOS_MOE_SIGMOID;
	layer.flags |= LIGHTOS_MOE_BIASED;
	layer.groups = 8;
	layer.groups_kept = 4;
	layer.group_score = LIGHTOS_MOE_GROUP_TOP_TWO;
	layer.bias_step = 1U << 22;
	return layer;
}

static inline struct lightos_moe_configure
configuration(const struct lightos_moe_layer *layers, uint32_t count)
{
	return (struct lightos_moe_configure){
		.size = sizeof(struct lightos_moe_configure),
		.layers = count,
		.data = user_pointer(layers),
	};
}

static inline void set_up(int fd, const struct lightos_moe_layer *layers,
			  uint32_t count)
{
	struct lightos_moe_configure request = configuration(layers, count);

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &request));
	CHECK_GT(request.bytes, 0);
}

/* A new file with a gate of one layer. */
static inline int gate_of(struct lightos_moe_layer layer)
{
	int fd = open_node(O_RDWR);

	set_up(fd, &layer, 1);
	return fd;
}

/* A batch of binary32 logits through layer 0, all results wanted. */
static inline struct lightos_moe_route
batch(const float *logits, uint32_t tokens, struct results *to)
{
	return (struct lightos_moe_route){
		.size = sizeof(struct lightos_moe_route),
		.format = LIGHTOS_MOE_F32,
		.tokens = tokens,
		.buffers = {
			.input = user_pointer(logits),
			.ids = user_pointer(to->ids),
			.weights = user_pointer(to->weights),
			.fixed = user_pointer(to->fixed),
			.slots = user_pointer(to->slots),
		},
	};
}

static inline int try_route(int fd, struct lightos_moe_route *request)
{
	return ioctl(fd, LIGHTOS_IOC_MOE_ROUTE, request);
}

static inline struct lightos_moe_stats gate_stats(int fd, uint32_t layer)
{
	struct lightos_moe_stats stats = {
		.size = sizeof(stats), .layer = layer,
	};

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_STATS, &stats));
	CHECK_EQ(stats.size, sizeof(stats));
	return stats;
}

static inline void gate_experts(int fd, uint32_t layer, uint32_t count,
				struct lightos_moe_expert *experts)
{
	struct lightos_moe_experts request = {
		.size = sizeof(request), .layer = layer, .count = count,
		.data = user_pointer(experts),
	};

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_EXPERTS, &request));
}

/* Numbers that look random and are the same in every run. */
static inline float noise(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (float)((int64_t)(*state >> 40) - (1 << 23)) / (1 << 21);
}

static inline void fill_noise(float *to, size_t count, uint64_t seed)
{
	size_t i;

	seed = seed * 2654435761u + 88172645463325252u;
	for (i = 0; i < count; i++)
		to[i] = noise(&seed);
}

static inline float as_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline struct lightos_moe_open named(const char *name, uint32_t flags,
					    uint32_t mode)
{
	struct lightos_moe_open request = {
		.size = sizeof(request), .flags = flags, .mode = mode,
	};

	snprintf(request.name, sizeof(request.name), "%s", name);
	return request;
}

static inline int try_open(int fd, const char *name, uint32_t flags,
			   uint32_t mode)
{
	struct lightos_moe_open request = named(name, flags, mode);

	return ioctl(fd, LIGHTOS_IOC_MOE_OPEN, &request);
}

#endif /* LIGHTOS_TEST_GATES_H */
