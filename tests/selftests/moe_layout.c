// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes, offsets, call codes and values of the calls on gates, as the compiler
 * sees them for this word size, against their published form: the same for
 * 64-bit and 32-bit programs.
 */
#include <stddef.h>

#include "harness.h"
#include "lightos.h"

#define CHECK_FIELD(type, field, offset, bytes)				\
	do {								\
		CHECK_EQ(offsetof(struct type, field), offset);		\
		CHECK_EQ(sizeof(((struct type *)0)->field), bytes);	\
	} while (0)

TEST(codes)
{
	CHECK_EQ(LIGHTOS_IOC_MOE_OPEN, 0xC0384C60);
	CHECK_EQ(LIGHTOS_IOC_MOE_CONFIGURE, 0xC0484C61);
	CHECK_EQ(LIGHTOS_IOC_MOE_GET_LAYER, 0xC0804C62);
	CHECK_EQ(LIGHTOS_IOC_MOE_SET_BIASES, 0xC0404C63);
	CHECK_EQ(LIGHTOS_IOC_MOE_GET_BIASES, 0xC0404C64);
	CHECK_EQ(LIGHTOS_IOC_MOE_SET_HASH, 0xC0484C65);
	CHECK_EQ(LIGHTOS_IOC_MOE_SET_PROJECTION, 0xC0504C66);
	CHECK_EQ(LIGHTOS_IOC_MOE_REGISTER, 0x40404C67);
	CHECK_EQ(LIGHTOS_IOC_MOE_ROUTE, 0xC0784C68);
	CHECK_EQ(LIGHTOS_IOC_MOE_UPDATE_BIASES, 0x40104C69);
	CHECK_EQ(LIGHTOS_IOC_MOE_EXPERTS, 0x40184C6A);
	CHECK_EQ(LIGHTOS_IOC_MOE_STATS, 0xC0A84C6B);
	CHECK_EQ(LIGHTOS_IOC_MOE_PLACE, 0xC0684C6C);
	CHECK_EQ(LIGHTOS_IOC_MOE_MASK, 0x40284C6D);
	CHECK_EQ(LIGHTOS_IOC_MOE_RESET, 0x40104C6E);
	CHECK_EQ(LIGHTOS_IOC_MOE_PROFILE, 0xC0484C6F);
}

TEST(moe_layer)
{
	CHECK_EQ(sizeof(struct lightos_moe_layer), 96);
	CHECK_FIELD(lightos_moe_layer, experts, 0, 4);
	CHECK_FIELD(lightos_moe_layer, top_k, 4, 4);
	CHECK_FIELD(lightos_moe_layer, min_k, 8, 4);
	CHECK_FIELD(lightos_moe_layer, groups, 12, 4);
	CHECK_FIELD(lightos_moe_layer, groups_kept, 16, 4);
	CHECK_FIELD(lightos_moe_layer, group_score, 20, 4);
	CHECK_FIELD(lightos_moe_layer, score, 24, 4);
	CHECK_FIELD(lightos_moe_layer, strategy, 28, 4);
	CHECK_FIELD(lightos_moe_layer, flags, 32, 4);
	CHECK_FIELD(lightos_moe_layer, scale, 36, 4);
	CHECK_FIELD(lightos_moe_layer, threshold, 40, 4);
	CHECK_FIELD(lightos_moe_layer, token_threshold, 44, 4);
	CHECK_FIELD(lightos_moe_layer, bias_step, 48, 4);
	CHECK_FIELD(lightos_moe_layer, drop, 52, 4);
	CHECK_FIELD(lightos_moe_layer, capacity_factor, 56, 4);
	CHECK_FIELD(lightos_moe_layer, capacity_minimum, 60, 4);
	CHECK_FIELD(lightos_moe_layer, capacity_alignment, 64, 4);
	CHECK_FIELD(lightos_moe_layer, reserved, 68, 4);
	CHECK_FIELD(lightos_moe_layer, seed, 72, 8);
	CHECK_FIELD(lightos_moe_layer, reserved2, 80, 16);
}

TEST(moe_fault)
{
	CHECK_EQ(sizeof(struct lightos_moe_fault), 40);
	CHECK_FIELD(lightos_moe_fault, layer, 0, 4);
	CHECK_FIELD(lightos_moe_fault, problem, 4, 4);
	CHECK_FIELD(lightos_moe_fault, entry, 8, 8);
	CHECK_FIELD(lightos_moe_fault, field, 16, 24);
}

TEST(moe_open)
{
	CHECK_EQ(sizeof(struct lightos_moe_open), 56);
	CHECK_FIELD(lightos_moe_open, size, 0, 4);
	CHECK_FIELD(lightos_moe_open, flags, 4, 4);
	CHECK_FIELD(lightos_moe_open, mode, 8, 4);
	CHECK_FIELD(lightos_moe_open, reserved, 12, 4);
	CHECK_FIELD(lightos_moe_open, name, 16, 32);
	CHECK_FIELD(lightos_moe_open, gate, 48, 8);
}

TEST(moe_configure)
{
	CHECK_EQ(sizeof(struct lightos_moe_configure), 72);
	CHECK_FIELD(lightos_moe_configure, size, 0, 4);
	CHECK_FIELD(lightos_moe_configure, flags, 4, 4);
	CHECK_FIELD(lightos_moe_configure, layers, 8, 4);
	CHECK_FIELD(lightos_moe_configure, reserved, 12, 4);
	CHECK_FIELD(lightos_moe_configure, data, 16, 8);
	CHECK_FIELD(lightos_moe_configure, bytes, 24, 8);
	CHECK_FIELD(lightos_moe_configure, fault, 32, 40);
}

TEST(moe_get_layer)
{
	CHECK_EQ(sizeof(struct lightos_moe_get_layer), 128);
	CHECK_FIELD(lightos_moe_get_layer, size, 0, 4);
	CHECK_FIELD(lightos_moe_get_layer, flags, 4, 4);
	CHECK_FIELD(lightos_moe_get_layer, layer, 8, 4);
	CHECK_FIELD(lightos_moe_get_layer, layers, 12, 4);
	CHECK_FIELD(lightos_moe_get_layer, skipped, 16, 4);
	CHECK_FIELD(lightos_moe_get_layer, features, 20, 4);
	CHECK_FIELD(lightos_moe_get_layer, hash_rows, 24, 8);
	CHECK_FIELD(lightos_moe_get_layer, config, 32, 96);
}

TEST(moe_biases)
{
	CHECK_EQ(sizeof(struct lightos_moe_biases), 64);
	CHECK_FIELD(lightos_moe_biases, size, 0, 4);
	CHECK_FIELD(lightos_moe_biases, flags, 4, 4);
	CHECK_FIELD(lightos_moe_biases, layer, 8, 4);
	CHECK_FIELD(lightos_moe_biases, count, 12, 4);
	CHECK_FIELD(lightos_moe_biases, data, 16, 8);
	CHECK_FIELD(lightos_moe_biases, fault, 24, 40);
}

TEST(moe_hash)
{
	CHECK_EQ(sizeof(struct lightos_moe_hash), 72);
	CHECK_FIELD(lightos_moe_hash, size, 0, 4);
	CHECK_FIELD(lightos_moe_hash, flags, 4, 4);
	CHECK_FIELD(lightos_moe_hash, layer, 8, 4);
	CHECK_FIELD(lightos_moe_hash, reserved, 12, 4);
	CHECK_FIELD(lightos_moe_hash, count, 16, 8);
	CHECK_FIELD(lightos_moe_hash, data, 24, 8);
	CHECK_FIELD(lightos_moe_hash, fault, 32, 40);
}

TEST(moe_projection)
{
	CHECK_EQ(sizeof(struct lightos_moe_projection), 80);
	CHECK_FIELD(lightos_moe_projection, size, 0, 4);
	CHECK_FIELD(lightos_moe_projection, flags, 4, 4);
	CHECK_FIELD(lightos_moe_projection, layer, 8, 4);
	CHECK_FIELD(lightos_moe_projection, features, 12, 4);
	CHECK_FIELD(lightos_moe_projection, weights, 16, 8);
	CHECK_FIELD(lightos_moe_projection, scales, 24, 8);
	CHECK_FIELD(lightos_moe_projection, fault, 32, 40);
	CHECK_FIELD(lightos_moe_projection, experts, 72, 4);
	CHECK_FIELD(lightos_moe_projection, reserved, 76, 4);
}

TEST(moe_buffers)
{
	CHECK_EQ(sizeof(struct lightos_moe_buffers), 48);
	CHECK_FIELD(lightos_moe_buffers, input, 0, 8);
	CHECK_FIELD(lightos_moe_buffers, token_ids, 8, 8);
	CHECK_FIELD(lightos_moe_buffers, ids, 16, 8);
	CHECK_FIELD(lightos_moe_buffers, weights, 24, 8);
	CHECK_FIELD(lightos_moe_buffers, fixed, 32, 8);
	CHECK_FIELD(lightos_moe_buffers, slots, 40, 8);
}

TEST(moe_register)
{
	CHECK_EQ(sizeof(struct lightos_moe_register), 64);
	CHECK_FIELD(lightos_moe_register, size, 0, 4);
	CHECK_FIELD(lightos_moe_register, flags, 4, 4);
	CHECK_FIELD(lightos_moe_register, format, 8, 4);
	CHECK_FIELD(lightos_moe_register, tokens, 12, 4);
	CHECK_FIELD(lightos_moe_register, buffers, 16, 48);
}

TEST(moe_route)
{
	CHECK_EQ(sizeof(struct lightos_moe_route), 120);
	CHECK_FIELD(lightos_moe_route, size, 0, 4);
	CHECK_FIELD(lightos_moe_route, flags, 4, 4);
	CHECK_FIELD(lightos_moe_route, layer, 8, 4);
	CHECK_FIELD(lightos_moe_route, format, 12, 4);
	CHECK_FIELD(lightos_moe_route, tokens, 16, 4);
	CHECK_FIELD(lightos_moe_route, shape, 20, 4);
	CHECK_FIELD(lightos_moe_route, buffers, 24, 48);
	CHECK_FIELD(lightos_moe_route, activations, 72, 8);
	CHECK_FIELD(lightos_moe_route, dropped, 80, 8);
	CHECK_FIELD(lightos_moe_route, tokens_dropped, 88, 8);
	CHECK_FIELD(lightos_moe_route, missing, 96, 8);
	CHECK_FIELD(lightos_moe_route, capacity, 104, 4);
	CHECK_FIELD(lightos_moe_route, wrong, 108, 4);
	CHECK_FIELD(lightos_moe_route, wrong_token, 112, 4);
	CHECK_FIELD(lightos_moe_route, wrong_expert, 116, 4);
}

TEST(moe_update_biases)
{
	CHECK_EQ(sizeof(struct lightos_moe_update_biases), 16);
	CHECK_FIELD(lightos_moe_update_biases, size, 0, 4);
	CHECK_FIELD(lightos_moe_update_biases, flags, 4, 4);
	CHECK_FIELD(lightos_moe_update_biases, layer, 8, 4);
	CHECK_FIELD(lightos_moe_update_biases, reserved, 12, 4);
}

TEST(moe_expert)
{
	CHECK_EQ(sizeof(struct lightos_moe_expert), 32);
	CHECK_FIELD(lightos_moe_expert, load, 0, 8);
	CHECK_FIELD(lightos_moe_expert, dropped, 8, 8);
	CHECK_FIELD(lightos_moe_expert, recent, 16, 8);
	CHECK_FIELD(lightos_moe_expert, last, 24, 4);
	CHECK_FIELD(lightos_moe_expert, state, 28, 4);
}

TEST(moe_experts)
{
	CHECK_EQ(sizeof(struct lightos_moe_experts), 24);
	CHECK_FIELD(lightos_moe_experts, size, 0, 4);
	CHECK_FIELD(lightos_moe_experts, flags, 4, 4);
	CHECK_FIELD(lightos_moe_experts, layer, 8, 4);
	CHECK_FIELD(lightos_moe_experts, count, 12, 4);
	CHECK_FIELD(lightos_moe_experts, data, 16, 8);
}

TEST(moe_stats)
{
	CHECK_EQ(sizeof(struct lightos_moe_stats), 168);
	CHECK_FIELD(lightos_moe_stats, size, 0, 4);
	CHECK_FIELD(lightos_moe_stats, flags, 4, 4);
	CHECK_FIELD(lightos_moe_stats, layer, 8, 4);
	CHECK_FIELD(lightos_moe_stats, experts, 12, 4);
	CHECK_FIELD(lightos_moe_stats, batches, 16, 8);
	CHECK_FIELD(lightos_moe_stats, tokens, 24, 8);
	CHECK_FIELD(lightos_moe_stats, skipped, 32, 8);
	CHECK_FIELD(lightos_moe_stats, activations, 40, 8);
	CHECK_FIELD(lightos_moe_stats, dropped, 48, 8);
	CHECK_FIELD(lightos_moe_stats, tokens_dropped, 56, 8);
	CHECK_FIELD(lightos_moe_stats, missing, 64, 8);
	CHECK_FIELD(lightos_moe_stats, slots, 72, 8);
	CHECK_FIELD(lightos_moe_stats, updates, 80, 8);
	CHECK_FIELD(lightos_moe_stats, busy_ns, 88, 8);
	CHECK_FIELD(lightos_moe_stats, gate_ns, 96, 8);
	CHECK_FIELD(lightos_moe_stats, balancedness, 104, 8);
	CHECK_FIELD(lightos_moe_stats, max_violation, 112, 8);
	CHECK_FIELD(lightos_moe_stats, cv_squared, 120, 8);
	CHECK_FIELD(lightos_moe_stats, entropy, 128, 8);
	CHECK_FIELD(lightos_moe_stats, used, 136, 8);
	CHECK_FIELD(lightos_moe_stats, drop_rate, 144, 8);
	CHECK_FIELD(lightos_moe_stats, capacity_factor, 152, 8);
	CHECK_FIELD(lightos_moe_stats, sparsity, 160, 8);
}

TEST(moe_place)
{
	CHECK_EQ(sizeof(struct lightos_moe_place), 104);
	CHECK_FIELD(lightos_moe_place, size, 0, 4);
	CHECK_FIELD(lightos_moe_place, flags, 4, 4);
	CHECK_FIELD(lightos_moe_place, layer, 8, 4);
	CHECK_FIELD(lightos_moe_place, experts, 12, 4);
	CHECK_FIELD(lightos_moe_place, replicas, 16, 4);
	CHECK_FIELD(lightos_moe_place, groups, 20, 4);
	CHECK_FIELD(lightos_moe_place, nodes, 24, 4);
	CHECK_FIELD(lightos_moe_place, devices, 28, 4);
	CHECK_FIELD(lightos_moe_place, loads, 32, 8);
	CHECK_FIELD(lightos_moe_place, place_experts, 40, 8);
	CHECK_FIELD(lightos_moe_place, place_numbers, 48, 8);
	CHECK_FIELD(lightos_moe_place, counts, 56, 8);
	CHECK_FIELD(lightos_moe_place, fault, 64, 40);
}

TEST(moe_mask)
{
	CHECK_EQ(sizeof(struct lightos_moe_mask), 40);
	CHECK_FIELD(lightos_moe_mask, size, 0, 4);
	CHECK_FIELD(lightos_moe_mask, flags, 4, 4);
	CHECK_FIELD(lightos_moe_mask, layers, 8, 32);
}

TEST(moe_reset)
{
	CHECK_EQ(sizeof(struct lightos_moe_reset), 16);
	CHECK_FIELD(lightos_moe_reset, size, 0, 4);
	CHECK_FIELD(lightos_moe_reset, flags, 4, 4);
	CHECK_FIELD(lightos_moe_reset, layer, 8, 4);
	CHECK_FIELD(lightos_moe_reset, reserved, 12, 4);
}

TEST(moe_profile)
{
	CHECK_EQ(sizeof(struct lightos_moe_profile), 72);
	CHECK_FIELD(lightos_moe_profile, size, 0, 4);
	CHECK_FIELD(lightos_moe_profile, flags, 4, 4);
	CHECK_FIELD(lightos_moe_profile, profile, 8, 4);
	CHECK_FIELD(lightos_moe_profile, layers, 12, 4);
	CHECK_FIELD(lightos_moe_profile, experts, 16, 4);
	CHECK_FIELD(lightos_moe_profile, reserved, 20, 4);
	CHECK_FIELD(lightos_moe_profile, bytes, 24, 8);
	CHECK_FIELD(lightos_moe_profile, fault, 32, 40);
}

TEST(values)
{
	CHECK_EQ(LIGHTOS_MOE_TOP_K, 0);
	CHECK_EQ(LIGHTOS_MOE_THRESHOLD, 1);
	CHECK_EQ(LIGHTOS_MOE_LEARNED, 2);
	CHECK_EQ(LIGHTOS_MOE_HASH, 3);
	CHECK_EQ(LIGHTOS_MOE_SOFTMAX, 0);
	CHECK_EQ(LIGHTOS_MOE_SIGMOID, 1);
	CHECK_EQ(LIGHTOS_MOE_SQRT_SOFTPLUS, 2);
	CHECK_EQ(LIGHTOS_MOE_GROUP_MAX, 0);
	CHECK_EQ(LIGHTOS_MOE_GROUP_TOP_TWO, 1);
	CHECK_EQ(LIGHTOS_MOE_DROP_NEVER, 0);
	CHECK_EQ(LIGHTOS_MOE_DROP_BY_POSITION, 1);
	CHECK_EQ(LIGHTOS_MOE_DROP_BY_PROBABILITY, 2);
	CHECK_EQ(LIGHTOS_MOE_PROBLEM_RANGE, 0);
	CHECK_EQ(LIGHTOS_MOE_PROBLEM_DIVISOR, 1);
	CHECK_EQ(LIGHTOS_MOE_PROBLEM_MIXTURE, 2);
	CHECK_EQ(LIGHTOS_MOE_PROBLEM_LENGTH, 3);
	CHECK_EQ(LIGHTOS_MOE_PROBLEM_TWICE, 4);
	CHECK_EQ(LIGHTOS_MOE_PROBLEM_UNKNOWN, 5);
	CHECK_EQ(LIGHTOS_MOE_F32, 0);
	CHECK_EQ(LIGHTOS_MOE_F16, 1);
	CHECK_EQ(LIGHTOS_MOE_BF16, 2);
	CHECK_EQ(LIGHTOS_MOE_Q16, 3);
	CHECK_EQ(LIGHTOS_MOE_INT8, 4);
	CHECK_EQ(LIGHTOS_MOE_NO_INPUT, 5);
	CHECK_EQ(LIGHTOS_MOE_FINE, 0);
	CHECK_EQ(LIGHTOS_MOE_NAN, 1);
	CHECK_EQ(LIGHTOS_MOE_INFINITE, 2);
	CHECK_EQ(LIGHTOS_MOE_IDLE, 0);
	CHECK_EQ(LIGHTOS_MOE_ACTIVE, 1);
	CHECK_EQ(LIGHTOS_MOE_BUSY, 2);
	CHECK_EQ(LIGHTOS_MOE_OVERLOADED, 3);
	CHECK_EQ(LIGHTOS_MOE_LOW_LATENCY, 0);
	CHECK_EQ(LIGHTOS_MOE_MAX_EFFICIENCY, 1);
	CHECK_EQ(LIGHTOS_MOE_MAX_LAYERS, 256);
	CHECK_EQ(LIGHTOS_MOE_MAX_EXPERTS, 1024);
	CHECK_EQ(LIGHTOS_MOE_MAX_TOP_K, 32);
	CHECK_EQ(LIGHTOS_MOE_MAX_GROUPS, 64);
	CHECK_EQ(LIGHTOS_MOE_MAX_TOKENS, 65536);
	CHECK_EQ(LIGHTOS_MOE_MAX_FEATURES, 65536);
	CHECK_EQ(LIGHTOS_MOE_MAX_REPLICAS, 2048);
	CHECK_EQ(LIGHTOS_MOE_MAX_BYTES, 1073741824);
	CHECK_EQ(LIGHTOS_MOE_MAX_NAMED, 64);
	CHECK_EQ(LIGHTOS_MOE_NAME_SIZE, 32);
	CHECK_EQ(LIGHTOS_MOE_NO_EXPERT, 65535);
	CHECK_EQ(LIGHTOS_MOE_NO_SLOT, 4294967295LL);
	CHECK_EQ(LIGHTOS_MOE_ALL_LAYERS, 4294967295LL);
	CHECK_EQ(LIGHTOS_MOE_SCALE_ONE, 65536);
	CHECK_EQ(LIGHTOS_MOE_BIAS_ONE, 68719476736LL);
	CHECK_EQ(LIGHTOS_MOE_BIAS_LIMIT, 1125899906842624LL);
	CHECK_EQ(LIGHTOS_MOE_BIASED, 1);
	CHECK_EQ(LIGHTOS_MOE_RENORMALIZE, 2);
	CHECK_EQ(LIGHTOS_MOE_OPEN_CREATE, 1);
	CHECK_EQ(LIGHTOS_MOE_OPEN_EXCLUSIVE, 2);
	CHECK_EQ(LIGHTOS_MOE_ROUTE_REGISTERED, 1);
	CHECK_EQ(LIGHTOS_MOE_ROUTE_ADAPT, 2);
	CHECK_EQ(LIGHTOS_MOE_STATS_LAST, 1);
	CHECK_EQ(LIGHTOS_MOE_MICRO, 1000000);
	CHECK_EQ(LIGHTOS_MOE_RESET_LOADS, 1);
	CHECK_EQ(LIGHTOS_MOE_RESET_BIASES, 2);
}

int main(void)
{
	return harness_run();
}
