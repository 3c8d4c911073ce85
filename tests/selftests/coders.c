// SPDX-License-Identifier: GPL-2.0
/*
 * Encoders and decoders of networks: small cases against the published formulas
 * computed here, what parameters are refused, and what resets them. The network
 * passes each spike of an input on to its neuron in the next step.
 */
#include <math.h>

#include "network.h"

#define ONE	(1 << 16)	/* of a sample, Q16.16 */

static int try_encoder(int fd, struct lightos_network_encoder encoder)
{
	encoder.size = sizeof(encoder);
	return ioctl(fd, LIGHTOS_IOC_NETWORK_ENCODER, &encoder);
}

static int try_samples(int fd, uint32_t slot, const int32_t *values,
		       uint32_t count)
{
	struct lightos_network_samples samples = {
		.size = sizeof(samples), .slot = slot, .count = count,
		.data = user_pointer(values),
	};

	return ioctl(fd, LIGHTOS_IOC_NETWORK_SAMPLES, &samples);
}

static int try_decoder(int fd, struct lightos_network_decoder decoder)
{
	decoder.size = sizeof(decoder);
	return ioctl(fd, LIGHTOS_IOC_NETWORK_DECODER, &decoder);
}

static int try_decoded(int fd, uint32_t slot, int64_t *values, uint32_t count,
		       uint32_t *winner)
{
	struct lightos_network_decoded decoded = {
		.size = sizeof(decoded), .slot = slot, .count = count,
		.data = user_pointer(values),
	};
	int result = ioctl(fd, LIGHTOS_IOC_NETWORK_DECODED, &decoded);

	if (winner)
		*winner = decoded.winner;
	return result;
}

/* Advances, and notes in bit @step of each channel the spikes of its input. */
static void watch(int fd, uint64_t steps, uint64_t (*trains)[RELAYS])
{
	struct lightos_network_spike spikes[1024];
	uint64_t first = network_stats(fd).step;
	long i, got;

	memset(trains, 0, sizeof(*trains));
	/* A step more, for the last one's spikes. */
	advance(fd, steps + 1);
	got = take_spikes(fd, spikes, LENGTH(spikes));
	CHECK_OK(got);
	for (i = 0; i < got; i++) {
		CHECK_GT(spikes[i].step, first);
		(*trains)[spikes[i].neuron] |= 1ULL << (spikes[i].step - first -
							1);
	}
}

/* ------------------------------------------------------------------ */
/* Rate                                                               */
/* ------------------------------------------------------------------ */

static uint64_t multiply(uint64_t a, uint64_t b, uint64_t *high)
{
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t ll = al * bl, lh = al * bh, hl = ah * bl;
	uint64_t middle = (ll >> 32) + (uint32_t)lh + (uint32_t)hl;

	*high = ah * bh + (lh >> 32) + (hl >> 32) + (middle >> 32);
	return a * b;
}

/* Philox4x64-10 (Salmon, Moraes, Dror and Shaw, SC'11). */
static void philox(uint64_t c[4], uint64_t k0, uint64_t k1)
{
	int round;

	for (round = 0; round < 10; round++) {
		uint64_t h0, h1;
		uint64_t l0 = multiply(c[0], 0xd2e7470ee14c6c93ULL, &h0);
		uint64_t l1 = multiply(c[2], 0xca5a826395121157ULL, &h1);

		c[0] = h1 ^ c[1] ^ k0;
		c[1] = l1;
		c[2] = h0 ^ c[3] ^ k1;
		c[3] = l0;
		k0 += 0x9e3779b97f4a7c15ULL;
		k1 += 0xbb67ae8584caa73bULL;
	}
}

static uint32_t random_word(uint64_t seed, uint64_t step, uint32_t channel)
{
	uint64_t words[4] = { step, channel / 8, 0, 0 };

	philox(words, seed, 0);
	return (uint32_t)(words[channel % 8 / 2] >> (channel % 2 ? 32 : 0));
}

/* A word below the probability is a spike, for each step and channel. */
TEST(rate_against_its_formula)
{
	static const int32_t values[RELAYS] = {
		0, ONE / 8, ONE / 4, ONE / 2, 3 * ONE / 4, ONE, 2 * ONE, -ONE,
	};
	const uint64_t seed = 0x123456789abcdef0ULL;
	int fd = open_network(&relay_network);
	uint64_t trains[RELAYS];
	uint32_t channel, step;

	CHECK_OK(try_encoder(fd, (struct lightos_network_encoder){
		.kind = LIGHTOS_ENCODER_RATE, .channels = RELAYS,
		.seed = seed, .gain = ONE / 2, .offset = ONE / 16,
		.first_step = 3 }));
	/* Silent until there are samples. */
	watch(fd, 5, &trains);
	CHECK(all_bytes(trains, sizeof(trains), 0));
	CHECK_OK(try_samples(fd, 0, values, RELAYS));
	watch(fd, 60, &trains);
	for (channel = 0; channel < RELAYS; channel++)
		for (step = 0; step < 60; step++) {
			double p = values[channel] / 65536.0 / 2 + 1.0 / 16;
			bool fires = step >= 3 &&
				     random_word(seed, step, channel) <
					     p * 4294967296.0;

			if ((trains[channel] >> step & 1) != fires)
				FAIL("channel %u, step %u", channel, step);
		}
	CHECK_EQ(trains[7], 0);
	CHECK_EQ(trains[6], ((1ULL << 60) - 1) & ~7ULL);
}

/* ------------------------------------------------------------------ */
/* Latency                                                            */
/* ------------------------------------------------------------------ */

static void check_latency(uint32_t flags, double (*time)(double x),
			  const int32_t *values)
{
	int fd = open_network(&relay_network);
	uint64_t trains[RELAYS];
	uint32_t i;

	CHECK_OK(try_encoder(fd, (struct lightos_network_encoder){
		.kind = LIGHTOS_ENCODER_LATENCY, .flags = flags,
		.channels = RELAYS, .threshold = 1U << 30, .steps = 21,
		.epsilon = flags & LIGHTOS_ENCODER_LOGARITHMIC ? 1U << 20 : 0,
		.tau = flags & LIGHTOS_ENCODER_NORMALIZE ? 0 : 5 * ONE,
		.first_step = 2 }));
	CHECK_OK(try_samples(fd, 0, values, RELAYS));
	watch(fd, 40, &trains);
	for (i = 0; i < RELAYS; i++) {
		double x = values[i] / 65536.0, t = nearbyint(time(x));
		bool clipped = flags & LIGHTOS_ENCODER_CLIP && x < 0.25;
		uint64_t expected = clipped || t > 20 ? 0 : 1ULL << (int)t;

		if (trains[i] != expected)
			FAIL("sample %d: %#llx, expected %#llx", values[i],
			     (unsigned long long)trains[i],
			     (unsigned long long)expected);
	}
}

static double linear(double x)
{
	return -5 * (fmax(x, 0.25) - 1) + 2;
}

static double linear_normalised(double x)
{
	return -18 * (fmax(x, 0.25) - 1) + 2;
}

static double charging(double x)
{
	double above = fmax(x, 0.25 + 1.0 / 4096);

	return log(above / (above - 0.25));
}

static double logarithmic(double x)
{
	return 5 * charging(x) + 2;
}

TEST(latency_against_its_formulas)
{
	/* A tie, 2.5 steps, among them: halves go to even. */
	static const int32_t values[RELAYS] = {
		ONE, ONE / 2, 3 * ONE / 4, ONE / 4, 0, -ONE, ONE * 9 / 10,
		ONE / 3,
	};

	check_latency(0, linear, values);
	check_latency(LIGHTOS_ENCODER_CLIP, linear, values);
	check_latency(LIGHTOS_ENCODER_NORMALIZE, linear_normalised, values);
	check_latency(LIGHTOS_ENCODER_LOGARITHMIC, logarithmic, values);
}

/* ------------------------------------------------------------------ */
/* Delta                                                              */
/* ------------------------------------------------------------------ */

/* One event a step until the decoder is within the threshold of the sample. */
TEST(send_on_delta)
{
	static const int32_t samples[][2] = {
		{ 7 * ONE / 4, -ONE }, { -ONE / 4, -ONE - 1 }, { 0, 0 },
	};
	static const int32_t held[][2] = {
		{ 3 * ONE / 2, -ONE }, { 0, -ONE }, { 0, 0 },
	};
	int fd = open_network(&relay_network);
	uint64_t trains[RELAYS];
	int64_t sums[2];
	uint32_t winner;
	size_t i, j;

	/* Rises on inputs 0 and 1, falls on 2 and 3. */
	CHECK_OK(try_encoder(fd, (struct lightos_network_encoder){
		.kind = LIGHTOS_ENCODER_SEND_ON_DELTA, .channels = 2,
		.threshold = ONE / 2 }));
	CHECK_OK(try_decoder(fd, (struct lightos_network_decoder){
		.kind = LIGHTOS_DECODER_SUM, .channels = 2,
		.threshold = ONE / 2 }));
	for (i = 0; i < LENGTH(samples); i++) {
		CHECK_OK(try_samples(fd, 0, samples[i], 2));
		watch(fd, 10, &trains);
		CHECK_OK(try_decoded(fd, 0, sums, 2, &winner));
		for (j = 0; j < 2; j++) {
			CHECK_EQ(sums[j], held[i][j]);
			CHECK_LE(llabs(sums[j] - samples[i][j]), ONE / 2 - 1);
		}
		CHECK_EQ(winner, 0);
		if (i)
			continue;
		CHECK_EQ(trains[0], 7);
		CHECK_EQ(trains[1], 0);
		CHECK_EQ(trains[2], 0);
		CHECK_EQ(trains[3], 3);
	}
}

TEST(difference)
{
	static const struct {
		int32_t sample;
		int rise, fall;
	} steps[] = {
		{ ONE, 1, 0 }, { ONE + ONE / 4, 0, 0 }, { ONE / 2, 0, 1 },
		{ ONE / 2, 0, 0 }, { ONE, 1, 0 }, { 0, 0, 1 },
	};
	uint32_t flags;

	for (flags = 0; flags < 4; flags++) {
		int fd = open_network(&relay_network);
		bool off = flags & 1, padding = flags & 2;
		uint64_t trains[RELAYS];
		size_t i;

		CHECK_OK(try_encoder(fd, (struct lightos_network_encoder){
			.kind = LIGHTOS_ENCODER_DIFFERENCE, .channels = 1,
			.flags = (off ? LIGHTOS_ENCODER_OFF_SPIKE : 0) |
				 (padding ? LIGHTOS_ENCODER_PADDING : 0),
			.threshold = ONE / 2 }));
		for (i = 0; i < LENGTH(steps); i++) {
			CHECK_OK(try_samples(fd, 0, &steps[i].sample, 1));
			watch(fd, 3, &trains);
			CHECK_EQ(trains[0], steps[i].rise && (i || !padding));
			CHECK_EQ(trains[1], steps[i].fall && off);
		}
	}
}

/* ------------------------------------------------------------------ */
/* Decoders                                                           */
/* ------------------------------------------------------------------ */

/* Neurons 1, 2 and 3 spike at steps { 2, 4 }, { 1 } and { 4, 5, 6 }. */
static int open_decoded(uint32_t kind, uint64_t tau_ns)
{
	static const struct lightos_network_event events[] = {
		{ 1, 2, 1 }, { 2, 1, 1 }, { 4, 1, 1 }, { 4, 3, 1 }, { 5, 3, 1 },
		{ 6, 3, 1 }, { 6, 7, 1 },
	};
	int fd = open_network(&relay_network);
	uint32_t winner;

	CHECK_OK(try_decoder(fd, (struct lightos_network_decoder){
		.slot = 3, .kind = kind, .first_neuron = 0, .channels = 4,
		.tau_ns = tau_ns }));
	CHECK_OK(try_decoded(fd, 3, NULL, 0, &winner));
	CHECK_EQ(winner, LIGHTOS_NO_CHANNEL);
	give(fd, events, LENGTH(events));
	advance(fd, 9);
	return fd;
}

static void check_decoded(uint32_t kind, const int64_t *expected,
			  uint32_t expected_winner)
{
	int fd = open_decoded(kind, 0);
	int64_t values[4];
	uint32_t winner, i;

	CHECK_OK(try_decoded(fd, 3, values, 4, &winner));
	for (i = 0; i < 4; i++)
		CHECK_EQ(values[i], expected[i]);
	CHECK_EQ(winner, expected_winner);
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE));
	CHECK_OK(try_decoded(fd, 3, values, 4, &winner));
	CHECK(all_bytes(values, sizeof(values), 0));
	CHECK_EQ(winner, LIGHTOS_NO_CHANNEL);
}

TEST(count_and_first)
{
	static const int64_t counts[4] = { 0, 2, 1, 3 };
	static const int64_t firsts[4] = { 0, 3, 2, 5 };

	check_decoded(LIGHTOS_DECODER_COUNT, counts, 3);
	check_decoded(LIGHTOS_DECODER_FIRST, firsts, 2);
}

/* Sum of exp(-(t - t_k) / tau) / tau at the last step computed, step 8. */
TEST(filtered_rate)
{
	static const int trains[4][3] = {
		{ -1, -1, -1 }, { 2, 4, -1 }, { 1, -1, -1 }, { 4, 5, 6 },
	};
	const double tau = 0.005;
	int fd = open_decoded(LIGHTOS_DECODER_RATE, 5000000);
	int64_t values[4];
	uint32_t winner;
	int i, k;

	CHECK_OK(try_decoded(fd, 3, values, 4, &winner));
	CHECK_EQ(winner, 3);
	for (i = 0; i < 4; i++) {
		double rate = 0;

		for (k = 0; k < 3; k++)
			if (trains[i][k] >= 0)
				rate += exp(-(8 - trains[i][k]) * 0.001 / tau);
		CHECK_LE(llabs(values[i] - llround(1000 * rate / tau)), 1);
	}
}

/* ------------------------------------------------------------------ */
/* Slots and wrong parameters                                         */
/* ------------------------------------------------------------------ */

/* Two encoders and two decoders at once; one is replaced, one taken away. */
TEST(slots)
{
	static const int32_t ones[4] = { ONE, ONE, ONE, ONE };
	struct lightos_network_encoder e = {
		.kind = LIGHTOS_ENCODER_RATE, .channels = 4, .gain = ONE,
	};
	int fd = open_network(&relay_network);
	uint64_t trains[RELAYS];

	CHECK_OK(try_encoder(fd, e));
	e.slot = 3;
	e.first_input = 4;
	CHECK_OK(try_encoder(fd, e));
	CHECK_OK(try_samples(fd, 0, ones, 4));
	CHECK_OK(try_samples(fd, 3, ones, 4));
	watch(fd, 2, &trains);
	CHECK_EQ(trains[0], 3);
	CHECK_EQ(trains[7], 3);
	/* A replaced one has no sample. */
	e.channels = 2;
	CHECK_OK(try_encoder(fd, e));
	CHECK_ERRNO(try_samples(fd, 3, ones, 4), EINVAL);
	CHECK_OK(try_encoder(fd, (struct lightos_network_encoder){ 0 }));
	CHECK_ERRNO(try_samples(fd, 0, ones, 4), ENODATA);
	CHECK_OK(try_network_reset(fd, LIGHTOS_NETWORK_RESET_STATE));
	watch(fd, 3, &trains);
	CHECK(all_bytes(trains, sizeof(trains), 0));
	CHECK_OK(try_samples(fd, 3, ones, 2));
	watch(fd, 3, &trains);
	CHECK_EQ(trains[4], 7);
	CHECK_EQ(trains[6], 0);
	/* All are gone with the network. */
	load_network(fd, &relay_network);
	CHECK_ERRNO(try_samples(fd, 3, ones, 2), ENODATA);
}

TEST(wrong_encoders)
{
	static const struct lightos_network_encoder wrong[] = {
		{ .kind = 5 }, { .kind = ~0U }, { .slot = 4 },
		{ .kind = 0, .channels = 1 }, { .kind = 0, .seed = 1 },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = 0 },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = RELAYS + 1 },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = ~0U },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = 1,
		  .first_input = RELAYS },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = 2,
		  .first_input = ~0U },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = 1, .tau = 1 },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = 1, .flags = 1 },
		{ .kind = LIGHTOS_ENCODER_RATE, .channels = 1, .slot = 4 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1, .tau = 1,
		  .steps = 1 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1,
		  .threshold = 1, .steps = 1 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1,
		  .threshold = 1, .tau = 1 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1,
		  .threshold = 1, .tau = 1, .steps = 2, .first_step = 2 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1,
		  .threshold = 1, .tau = 1, .steps = 1, .epsilon = 1 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1, .flags = 1,
		  .threshold = 1, .tau = 1, .steps = 1 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1, .flags = 2,
		  .threshold = 1, .tau = 1, .steps = 1 },
		{ .kind = LIGHTOS_ENCODER_LATENCY, .channels = 1, .flags = 8,
		  .threshold = 1, .tau = 1, .steps = 1 },
		{ .kind = LIGHTOS_ENCODER_SEND_ON_DELTA, .channels = 1 },
		{ .kind = LIGHTOS_ENCODER_SEND_ON_DELTA, .threshold = 1,
		  .channels = RELAYS / 2 + 1 },
		{ .kind = LIGHTOS_ENCODER_SEND_ON_DELTA, .threshold = 1,
		  .channels = 1, .gain = 1 },
		{ .kind = LIGHTOS_ENCODER_DIFFERENCE, .channels = 1,
		  .flags = 1 },
		{ .kind = LIGHTOS_ENCODER_DIFFERENCE, .channels = 1,
		  .first_step = 1 },
	};
	int fd = open_network(&relay_network);
	size_t i;

	for (i = 0; i < LENGTH(wrong); i++)
		if (try_encoder(fd, wrong[i]) != -1 || errno != EINVAL)
			FAIL("encoder %zu is not refused", i);
	for (i = 0; i < 4; i++)
		CHECK_ERRNO(try_samples(fd, (uint32_t)i, NULL, 0), ENODATA);
	CHECK_ERRNO(try_samples(fd, 4, NULL, 0), EINVAL);
	CHECK_ERRNO(try_samples(fd, 0, NULL, 65537), EINVAL);
	CHECK_ERRNO(try_samples(fd, 0, NULL, 1), EFAULT);
}

TEST(wrong_decoders)
{
	static const struct lightos_network_decoder wrong[] = {
		{ .kind = 5 }, { .slot = 4 }, { .kind = 0, .channels = 1 },
		{ .kind = LIGHTOS_DECODER_COUNT },
		{ .kind = LIGHTOS_DECODER_COUNT, .channels = RELAYS + 1 },
		{ .kind = LIGHTOS_DECODER_COUNT, .channels = 1,
		  .first_neuron = RELAYS },
		{ .kind = LIGHTOS_DECODER_COUNT, .channels = 2,
		  .first_neuron = ~0U },
		{ .kind = LIGHTOS_DECODER_COUNT, .channels = 1,
		  .threshold = 1 },
		{ .kind = LIGHTOS_DECODER_FIRST, .channels = 1, .tau_ns = 1 },
		{ .kind = LIGHTOS_DECODER_SUM, .channels = RELAYS / 2 + 1,
		  .threshold = 1 },
		{ .kind = LIGHTOS_DECODER_RATE, .channels = 1 },
		{ .kind = LIGHTOS_DECODER_RATE, .channels = 1, .tau_ns = 1,
		  .threshold = 1 },
	};
	int fd = open_network(&relay_network);
	int64_t values[2];
	size_t i;

	for (i = 0; i < LENGTH(wrong); i++)
		if (try_decoder(fd, wrong[i]) != -1 || errno != EINVAL)
			FAIL("decoder %zu is not refused", i);
	for (i = 0; i < 4; i++)
		CHECK_ERRNO(try_decoded(fd, (uint32_t)i, NULL, 0, NULL),
			    ENODATA);
	CHECK_OK(try_decoder(fd, (struct lightos_network_decoder){
		.kind = LIGHTOS_DECODER_COUNT, .channels = 2 }));
	CHECK_ERRNO(try_decoded(fd, 0, values, 1, NULL), EINVAL);
	CHECK_ERRNO(try_decoded(fd, 0, values, 0, NULL), EINVAL);
	CHECK_ERRNO(try_decoded(fd, 0, NULL, 2, NULL), EFAULT);
	CHECK_ERRNO(try_decoded(fd, 4, NULL, 0, NULL), EINVAL);
	CHECK_OK(try_decoded(fd, 0, values, 2, NULL));
}

int main(void)
{
	return harness_run();
}
