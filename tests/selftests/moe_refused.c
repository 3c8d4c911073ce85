// SPDX-License-Identifier: GPL-2.0
/*
 * What gates refuse: configurations and tables with a wrong entry, arguments
 * that are none, buffers that are not there or change under the call, signals,
 * and races of everything with everything. What is refused changes nothing.
 */
#include <pthread.h>
#include <stddef.h>

#include "gates.h"

#define EXPERTS	64
#define TOP_K	8
#define TOKENS	128
#define ROUNDS	400

static float logits[TOKENS * EXPERTS];
static struct results out;

/* A gate with a batch booked, so that a change would show. */
static int used_gate(struct lightos_moe_layer layer)
{
	struct lightos_moe_route request = batch(logits, 16, &out);
	int fd = gate_of(layer);

	fill_noise(logits, TOKENS * EXPERTS, 1);
	CHECK_OK(try_route(fd, &request));
	return fd;
}

#define CHECK_GATE_UNCHANGED(fd, before)				\
	do {								\
		struct lightos_moe_stats after_ = gate_stats(fd, 0);	\
									\
		CHECK(!memcmp(&after_, before, sizeof(after_)));	\
	} while (0)

struct wrong_field {
	const char *field;
	size_t offset;
	uint32_t value;
	uint32_t problem;
	uint32_t strategy;
};

#define WRONG(name, member, number, what, how)				\
	{								\
		.field = name,						\
		.offset = offsetof(struct lightos_moe_layer, member),	\
		.value = number,					\
		.problem = LIGHTOS_MOE_PROBLEM_##what,			\
		.strategy = LIGHTOS_MOE_##how,				\
	}

/* Each spoils a layer of 64 experts, 8 groups of which 4 are kept, top-8. */
static const struct wrong_field wrong_fields[] = {
	WRONG("experts", experts, 0, RANGE, TOP_K),
	WRONG("experts", experts, 1025, RANGE, TOP_K),
	WRONG("groups", groups, 0, RANGE, TOP_K),
	WRONG("groups", groups, 65, RANGE, TOP_K),
	WRONG("groups", groups, 7, DIVISOR, TOP_K),
	WRONG("groups_kept", groups_kept, 0, RANGE, TOP_K),
	WRONG("groups_kept", groups_kept, 9, RANGE, TOP_K),
	WRONG("top_k", top_k, 0, RANGE, TOP_K),
	WRONG("top_k", top_k, 33, RANGE, TOP_K),
	WRONG("min_k", min_k, 9, RANGE, THRESHOLD),
	WRONG("min_k", min_k, 1, MIXTURE, TOP_K),
	WRONG("threshold", threshold, 1, MIXTURE, TOP_K),
	WRONG("scale", scale, 0, RANGE, TOP_K),
	WRONG("bias_step", bias_step, 1, MIXTURE, TOP_K),
	WRONG("capacity.factor", drop, 1, RANGE, TOP_K),
	WRONG("drop", drop, 3, UNKNOWN, TOP_K),
	WRONG("capacity.minimum", capacity_minimum, 65537, RANGE, TOP_K),
	WRONG("capacity.alignment", capacity_alignment, 0, RANGE, TOP_K),
	WRONG("capacity.alignment", capacity_alignment, 65537, RANGE, TOP_K),
	WRONG("groups_kept", groups_kept, 4, MIXTURE, HASH),
	WRONG("strategy", strategy, 4, UNKNOWN, TOP_K),
	WRONG("score", score, 3, UNKNOWN, TOP_K),
	WRONG("group_score", group_score, 2, UNKNOWN, TOP_K),
	WRONG("flags", flags, 4, UNKNOWN, TOP_K),
	WRONG("reserved", reserved, 1, UNKNOWN, TOP_K),
	WRONG("reserved", reserved2[1], 1, UNKNOWN, TOP_K),
};

TEST(wrong_layers_are_named)
{
	struct lightos_moe_layer good = softmax(64, 8), layers[3];
	struct lightos_moe_stats before;
	size_t i;
	int fd;

	fd = used_gate(good);
	before = gate_stats(fd, 0);
	for (i = 0; i < sizeof(wrong_fields) / sizeof(wrong_fields[0]); i++) {
		const struct wrong_field *wrong = &wrong_fields[i];
		struct lightos_moe_configure request = configuration(layers, 3);

		good.groups = 8;
		good.groups_kept = wrong->strategy == LIGHTOS_MOE_HASH ? 8 : 4;
		good.strategy = wrong->strategy;
		layers[0] = layers[1] = layers[2] = good;
		memcpy((char *)&layers[1] + wrong->offset, &wrong->value, 4);
		CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &request),
			    EINVAL);
		if (strcmp(request.fault.field, wrong->field))
			FAIL("%s: the fault names %s", wrong->field,
			     request.fault.field);
		CHECK_EQ(request.fault.layer, 1);
		CHECK_EQ(request.fault.problem, wrong->problem);
		CHECK_EQ(request.fault.entry, 0);
		CHECK_GATE_UNCHANGED(fd, &before);
	}
}

TEST(numbers_of_layers)
{
	static struct lightos_moe_layer layers[LIGHTOS_MOE_MAX_LAYERS + 1];
	struct lightos_moe_configure request = configuration(layers, 0);
	uint32_t i;
	int fd = open_node(O_RDWR);

	for (i = 0; i <= LIGHTOS_MOE_MAX_LAYERS; i++)
		layers[i] = softmax(1024, 32);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &request), EINVAL);
	request.layers = LIGHTOS_MOE_MAX_LAYERS + 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &request), EINVAL);
	request.layers = LIGHTOS_MOE_MAX_LAYERS;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &request));
	/* Loads of 262,144 experts. */
	CHECK_GT(request.bytes, 8 << 20);
	request.data = 8;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &request), EFAULT);
}

static struct lightos_moe_layer biased_layer(void)
{
	struct lightos_moe_layer layer = softmax(EXPERTS, TOP_K);

	layer.flags |= LIGHTOS_MOE_BIASED;
	return layer;
}

TEST(wrong_biases_are_named)
{
	int64_t biases[EXPERTS] = { 0 }, kept[EXPERTS];
	struct lightos_moe_biases set = {
		.size = sizeof(set), .count = EXPERTS,
		.data = user_pointer(biases),
	};
	struct lightos_moe_biases get = set;
	int fd = gate_of(biased_layer());

	get.data = user_pointer(kept);
	biases[0] = 7;
	biases[63] = LIGHTOS_MOE_BIAS_LIMIT;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_SET_BIASES, &set));
	biases[0] = 8;
	biases[9] = LIGHTOS_MOE_BIAS_LIMIT + 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_BIASES, &set), EINVAL);
	CHECK_EQ(set.fault.entry, 9);
	CHECK(!strcmp(set.fault.field, "bias"));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_GET_BIASES, &get));
	CHECK_EQ(kept[0], 7);
	CHECK_EQ(kept[9], 0);
	set.count = EXPERTS - 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_BIASES, &set), EINVAL);
	get.count = EXPERTS + 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_GET_BIASES, &get), EINVAL);
	get.layer = 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_GET_BIASES, &get), EINVAL);
	set.count = EXPERTS;
	set.data = 8;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_BIASES, &set), EFAULT);
	/* And a layer that has none. */
	fd = gate_of(softmax(EXPERTS, TOP_K));
	set.data = user_pointer(kept);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_BIASES, &set), EINVAL);
}

/* Entries beyond the first piece that is looked at. */
#define HASH_ENTRIES	(2 * 70000)

TEST(wrong_hash_tables_are_named)
{
	static uint16_t entries[HASH_ENTRIES];
	struct lightos_moe_hash table = {
		.size = sizeof(table), .count = HASH_ENTRIES,
		.data = user_pointer(entries),
	};
	struct lightos_moe_layer layer = softmax(4, 2);
	int fd, i;

	layer.strategy = LIGHTOS_MOE_HASH;
	fd = gate_of(layer);
	for (i = 0; i < HASH_ENTRIES; i++)
		entries[i] = i & 1;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table));
	entries[138001] = 4;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table), EINVAL);
	CHECK_EQ(table.fault.entry, 138001);
	CHECK_EQ(table.fault.problem, LIGHTOS_MOE_PROBLEM_RANGE);
	entries[138001] = 0;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table), EINVAL);
	CHECK_EQ(table.fault.problem, LIGHTOS_MOE_PROBLEM_TWICE);
	table.count = 3;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table), EINVAL);
	CHECK_EQ(table.fault.problem, LIGHTOS_MOE_PROBLEM_LENGTH);
	table.count = LIGHTOS_MOE_MAX_BYTES;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table), ENOSPC);
	table.count = UINT64_MAX;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table), ENOSPC);
	fd = gate_of(softmax(4, 2));
	table.count = 0;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &table), EINVAL);
}

TEST(wrong_projections)
{
	static int8_t weights[2 * 16];
	static uint32_t scales[2];
	struct lightos_moe_projection set = {
		.size = sizeof(set), .features = 16, .experts = 2,
		.weights = user_pointer(weights), .scales = user_pointer(scales),
	};
	struct lightos_moe_layer layer = softmax(2, 1);
	int fd = gate_of(layer);

	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &set), EINVAL);
	layer.strategy = LIGHTOS_MOE_LEARNED;
	fd = gate_of(layer);
	set.features = 0;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &set), EINVAL);
	set.features = LIGHTOS_MOE_MAX_FEATURES + 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &set), EINVAL);
	set.features = 16;
	set.scales = 8;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &set), EFAULT);
	set.scales = user_pointer(scales);
	set.reserved = 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &set), EINVAL);
	set.reserved = 0;
	set.experts = 3;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &set), ESTALE);
	set.experts = 2;
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_MOE_SET_PROJECTION, &set));
}

TEST(formats_that_a_layer_does_not_take)
{
	uint32_t format;
	int fd = used_gate(softmax(EXPERTS, TOP_K));
	struct lightos_moe_stats before = gate_stats(fd, 0);
	struct lightos_moe_route request;

	for (format = LIGHTOS_MOE_INT8; format < 8; format++) {
		request = batch(logits, TOKENS, &out);
		request.format = format;
		CHECK_ERRNO(try_route(fd, &request), EINVAL);
	}
	request = batch(logits, TOKENS, &out);
	request.buffers.token_ids = user_pointer(&out);
	CHECK_ERRNO(try_route(fd, &request), EINVAL);
	request = batch(logits, LIGHTOS_MOE_MAX_TOKENS + 1, &out);
	CHECK_ERRNO(try_route(fd, &request), EINVAL);
	request = batch(logits, TOKENS, &out);
	request.layer = 1;
	CHECK_ERRNO(try_route(fd, &request), EINVAL);
	request.layer = LIGHTOS_MOE_ALL_LAYERS;
	CHECK_ERRNO(try_route(fd, &request), EINVAL);
	request.layer = 0;
	request.flags = LIGHTOS_MOE_ROUTE_ADAPT;
	CHECK_ERRNO(try_route(fd, &request), EINVAL);
	CHECK_GATE_UNCHANGED(fd, &before);
}

/* Every call, with the size of its structure; a query takes read-only files. */
static const struct {
	unsigned long code;
	uint32_t size;
	bool query;
} calls[] = {
#define CALL(name, type, query)						\
	{ LIGHTOS_IOC_MOE_##name, sizeof(struct lightos_moe_##type), query }
	CALL(OPEN, open, true),
	CALL(CONFIGURE, configure, false),
	CALL(GET_LAYER, get_layer, true),
	CALL(SET_BIASES, biases, false),
	CALL(GET_BIASES, biases, true),
	CALL(SET_HASH, hash, false),
	CALL(SET_PROJECTION, projection, false),
	CALL(REGISTER, register, false),
	CALL(ROUTE, route, false),
	CALL(UPDATE_BIASES, update_biases, false),
	CALL(EXPERTS, experts, true),
	CALL(STATS, stats, true),
	CALL(PLACE, place, true),
	CALL(MASK, mask, false),
	CALL(RESET, reset, false),
	CALL(PROFILE, profile, false),
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

TEST(arguments_that_are_none)
{
	uint32_t words[1100];
	int fd = used_gate(biased_layer()), plain = open_node(O_RDONLY);
	struct lightos_moe_stats before = gate_stats(fd, 0);
	size_t i;

	for (i = 0; i < CALLS; i++) {
		memset(words, 0, sizeof(words));
		words[0] = calls[i].size - 1;
		CHECK_ERRNO(ioctl(fd, calls[i].code, words), EINVAL);
		words[0] = 4097;
		CHECK_ERRNO(ioctl(fd, calls[i].code, words), E2BIG);
		words[0] = calls[i].size + 4;
		words[calls[i].size / 4] = 1;
		CHECK_ERRNO(ioctl(fd, calls[i].code, words), E2BIG);
		words[0] = calls[i].size;
		words[1] = 1U << 31;
		CHECK_ERRNO(ioctl(fd, calls[i].code, words), EINVAL);
		CHECK_ERRNO(ioctl(fd, calls[i].code, NULL), EFAULT);
		if (!calls[i].query)
			CHECK_ERRNO(ioctl(plain, calls[i].code, words), EBADF);
	}
	CHECK_GATE_UNCHANGED(fd, &before);
}

TEST(reserved_fields)
{
	struct lightos_moe_configure configure = configuration(NULL, 1);
	struct lightos_moe_reset reset_it = { .size = sizeof(reset_it) };
	struct lightos_moe_update_biases update = { .size = sizeof(update) };
	struct lightos_moe_profile profile = { .size = sizeof(profile) };
	struct lightos_moe_hash hash = { .size = sizeof(hash) };
	struct lightos_moe_route route = batch(logits, 1, &out);
	int fd = used_gate(biased_layer());
	struct lightos_moe_stats before = gate_stats(fd, 0);

	configure.reserved = reset_it.reserved = update.reserved = 1;
	profile.reserved = hash.reserved = 1;
	reset_it.flags = LIGHTOS_MOE_RESET_LOADS;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, &configure), EINVAL);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_RESET, &reset_it), EINVAL);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_UPDATE_BIASES, &update), EINVAL);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_PROFILE, &profile), EINVAL);
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_SET_HASH, &hash), EINVAL);
	/* Buffers for a layer of another shape. */
	route.shape = LIGHTOS_MOE_SHAPE(1, 1);
	CHECK_ERRNO(try_route(fd, &route), ESTALE);
	route.shape = LIGHTOS_MOE_SHAPE(biased_layer().experts,
					biased_layer().top_k + 1);
	CHECK_ERRNO(try_route(fd, &route), ESTALE);
	reset_it.reserved = reset_it.flags = 0;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_RESET, &reset_it), EINVAL);
	/* No bias_step. */
	update.reserved = 0;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_UPDATE_BIASES, &update), EINVAL);
	profile.reserved = 0;
	profile.profile = 2;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_PROFILE, &profile), EINVAL);
	profile.profile = 0;
	profile.layers = LIGHTOS_MOE_MAX_LAYERS + 1;
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_PROFILE, &profile), EINVAL);
	CHECK_GATE_UNCHANGED(fd, &before);
}

TEST(no_gate_no_data)
{
	uint32_t words[64];
	int fd = open_node(O_RDWR);
	size_t i;

	for (i = 0; i < CALLS; i++) {
		if (calls[i].code == LIGHTOS_IOC_MOE_OPEN ||
		    calls[i].code == LIGHTOS_IOC_MOE_CONFIGURE ||
		    calls[i].code == LIGHTOS_IOC_MOE_PROFILE ||
		    calls[i].code == LIGHTOS_IOC_MOE_PLACE)
			continue;
		memset(words, 0, sizeof(words));
		words[0] = calls[i].size;
		if (calls[i].code == LIGHTOS_IOC_MOE_RESET)
			words[1] = LIGHTOS_MOE_RESET_LOADS;
		if (calls[i].code == LIGHTOS_IOC_MOE_REGISTER)
			words[3] = 1;
		CHECK_ERRNO(ioctl(fd, calls[i].code, words), ENODATA);
	}
}

/* Memory whose second page is not there. */
static char *half_page_pair(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED);
	CHECK_OK(munmap(pages + page, page));
	return pages + page;
}

TEST(buffers_that_are_not_there)
{
	const uint64_t bad[] = {
		8, UINT64_MAX - 7, 1ULL << 63, 0xffff800000000000ULL,
		user_pointer(half_page_pair() - 8),
	};
	int fd = used_gate(softmax(EXPERTS, TOP_K));
	struct lightos_moe_stats before = gate_stats(fd, 0);
	size_t i, which;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (which = 0; which < 6; which++) {
			struct lightos_moe_route request =
				batch(logits, TOKENS, &out);
			__u64 *pointers = &request.buffers.input;

			if (which == 1)
				continue;
			pointers[which] = bad[i];
			CHECK_ERRNO(try_route(fd, &request), EFAULT);
			CHECK_GATE_UNCHANGED(fd, &before);
		}
}

/* The answer goes to memory that cannot be written: nothing is booked. */
TEST(answers_that_cannot_be_given)
{
	long page = sysconf(_SC_PAGESIZE);
	struct lightos_moe_route *request =
		mmap(NULL, page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct lightos_moe_layer layer = softmax(4, 1);
	struct lightos_moe_configure *configure = (void *)request;
	int fd = used_gate(softmax(EXPERTS, TOP_K));
	struct lightos_moe_stats before = gate_stats(fd, 0);

	CHECK((void *)request != MAP_FAILED);
	*request = batch(logits, TOKENS, &out);
	CHECK_OK(mprotect(request, page, PROT_READ));
	CHECK_ERRNO(try_route(fd, request), EFAULT);
	CHECK_GATE_UNCHANGED(fd, &before);
	CHECK_OK(mprotect(request, page, PROT_READ | PROT_WRITE));
	*configure = configuration(&layer, 1);
	CHECK_OK(mprotect(request, page, PROT_READ));
	CHECK_ERRNO(ioctl(fd, LIGHTOS_IOC_MOE_CONFIGURE, configure), EFAULT);
	CHECK_GATE_UNCHANGED(fd, &before);
}

/* Results over the logits, and over each other: any result, no harm. */
TEST(buffers_that_overlap)
{
	int fd = used_gate(softmax(EXPERTS, TOP_K));
	struct lightos_moe_route request;
	int i;

	for (i = 0; i < 20; i++) {
		fill_noise(logits, TOKENS * EXPERTS, 2 + i);
		request = batch(logits, TOKENS, &out);
		request.buffers.fixed = user_pointer(logits) + 512 * i;
		request.buffers.weights = user_pointer(logits) + 4 * i;
		request.buffers.slots = user_pointer(out.ids) + 4 * i;
		if (try_route(fd, &request) < 0)
			CHECK_EQ(errno, EDOM);
	}
}

/* Threads that disturb a routing one until told to stop. */
static volatile bool over;

static void *scribble(void *unused)
{
	uint64_t state = 88172645463325252u;

	while (!over) {
		size_t at = (size_t)(noise(&state) * 1000 + 5000);

		logits[at % (TOKENS * EXPERTS)] =
			at % 97 ? noise(&state) : NAN;
		out.ids[at % PLACES] = 7;
	}
	return unused;
}

TEST(buffers_that_change)
{
	int fd = used_gate(softmax(EXPERTS, TOP_K)), i, done = 0;
	struct lightos_moe_expert experts[EXPERTS];
	uint64_t sum = 0;
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, scribble, NULL), 0);
	for (i = 0; i < ROUNDS; i++) {
		struct lightos_moe_route request = batch(logits, TOKENS, &out);

		if (!(i % 8))
			fill_noise(logits, TOKENS * EXPERTS, i);
		if (!try_route(fd, &request))
			done++;
		else
			CHECK_EQ(errno, EDOM);
	}
	over = true;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(gate_stats(fd, 0).tokens, 16 + done * TOKENS);
	gate_experts(fd, 0, EXPERTS, experts);
	for (i = 0; i < EXPERTS; i++)
		sum += experts[i].load;
	CHECK_EQ(sum, gate_stats(fd, 0).activations);
}

static int raced;

/* Two layouts in turn: whoever routes sees the one or the other. */
static void *reconfigure(void *unused)
{
	struct lightos_moe_layer layers[2] = {
		softmax(EXPERTS, TOP_K), softmax(EXPERTS, 2),
	};
	uint32_t turn = 0;

	layers[1].drop = LIGHTOS_MOE_DROP_BY_PROBABILITY;
	layers[1].capacity_factor = LIGHTOS_MOE_SCALE_ONE;
	while (!over) {
		struct lightos_moe_configure request =
			configuration(&layers[turn++ & 1], 1);

		CHECK_OK(ioctl(raced, LIGHTOS_IOC_MOE_CONFIGURE, &request));
	}
	return unused;
}

static void *ask(void *unused)
{
	struct lightos_moe_expert experts[EXPERTS];
	struct lightos_moe_register buffers = {
		.size = sizeof(buffers), .tokens = TOKENS,
	};
	struct lightos_moe_reset reset_it = {
		.size = sizeof(reset_it), .flags = 3,
		.layer = LIGHTOS_MOE_ALL_LAYERS,
	};

	while (!over) {
		gate_experts(raced, 0, EXPERTS, experts);
		(void)gate_stats(raced, 0);
		CHECK_OK(ioctl(raced, LIGHTOS_IOC_MOE_REGISTER, &buffers));
		CHECK_OK(ioctl(raced, LIGHTOS_IOC_MOE_RESET, &reset_it));
	}
	return unused;
}

static void *route_on(void *unused)
{
	static float rows[TOKENS * EXPERTS];
	struct results *own = malloc(sizeof(*own));
	int i;

	CHECK(own);
	fill_noise(rows, TOKENS * EXPERTS, 3);
	for (i = 0; i < ROUNDS; i++) {
		struct lightos_moe_route request = batch(rows, TOKENS, own);

		CHECK_OK(try_route(raced, &request));
		CHECK(request.activations == TOKENS * TOP_K ||
		      request.activations == TOKENS * 2);
	}
	free(own);
	return unused;
}

TEST(reconfiguring_races_with_routing)
{
	void *(*const runs[])(void *) = { route_on, route_on, reconfigure, ask };
	pthread_t threads[4];
	int i;

	raced = used_gate(softmax(EXPERTS, TOP_K));
	for (i = 3; i >= 0; i--)
		CHECK_EQ(pthread_create(&threads[i], NULL, runs[i], NULL), 0);
	for (i = 0; i < 4; i++) {
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
		over = i >= 1;
	}
}

static volatile sig_atomic_t ticks;

static void tick(int signal)
{
	(void)signal;
	ticks++;
}

TEST(signals_end_a_batch)
{
	const uint32_t tokens = LIGHTOS_MOE_MAX_TOKENS;
	float *rows = calloc((size_t)tokens * 256, sizeof(*rows));
	struct itimerval soon = {
		.it_value.tv_usec = 3000, .it_interval.tv_usec = 3000,
	};
	struct sigaction action = { .sa_handler = tick };
	int fd = gate_of(softmax(256, 8)), ended = 0, i;
	struct lightos_moe_route request;

	CHECK(rows);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	for (i = 0; i < 20 && !ended; i++) {
		request = batch(rows, tokens, &out);
		memset(&request.buffers.ids, 0, 4 * sizeof(uint64_t));
		if (try_route(fd, &request) < 0) {
			CHECK_EQ(errno, EINTR);
			ended++;
		}
	}
	memset(&soon, 0, sizeof(soon));
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_EQ(ended, 1);
	CHECK_EQ(gate_stats(fd, 0).tokens, (uint64_t)(i - 1) * tokens);
}

int main(void)
{
	return harness_run();
}
