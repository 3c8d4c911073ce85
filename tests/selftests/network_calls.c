// SPDX-License-Identifier: GPL-2.0
/*
 * The calls on networks as extended calls: growth by size, unknown flags,
 * reserved fields, open mode, what a run forbids. A refused call changes
 * nothing.
 */
#include <stddef.h>

#include "network.h"

/* Room for a structure of a later version. */
#define ROOM	8192

union argument {
	uint32_t size;
	struct {
		uint32_t size;
		uint32_t flags;
	} head;
	struct lightos_network_begin begin;
	struct lightos_network_run run;
	struct lightos_network_transfer transfer;
	struct lightos_network_samples samples;
	unsigned char bytes[ROOM];
};

struct call {
	const char *name;
	unsigned long code;
	uint32_t size;
	/* Bits of flags that are known. */
	uint32_t known;
	/* Where a field lies that must be 0; 0 for none. */
	size_t reserved;
	bool query;
	/* Refused during a run. */
	bool idle;
};

#define CALL(name, type, ...)						\
	{ #name, LIGHTOS_IOC_##name, sizeof(struct lightos_##type),	\
	  __VA_ARGS__ }
#define RESERVED(type)	\
	.reserved = offsetof(struct lightos_network_##type, reserved)

static const struct call calls[] = {
	CALL(SPIKING_PROFILE, spiking_profile, .known = 0),
	CALL(NETWORK_BEGIN, network_begin, RESERVED(begin)),
	CALL(NETWORK_WRITE, network_write, RESERVED(write)),
	CALL(NETWORK_COMMIT, network_commit, .idle = true),
	CALL(NETWORK_RINGS, network_rings, RESERVED(rings), .idle = true),
	CALL(NETWORK_RUN, network_run, RESERVED(run), .known = 0x3f,
	     .idle = true),
	CALL(NETWORK_STOP, network_stop, .known = 0),
	CALL(NETWORK_INPUT, network_transfer, RESERVED(transfer)),
	CALL(NETWORK_OUTPUT, network_transfer, RESERVED(transfer)),
	CALL(NETWORK_STATE, network_state, .known = LIGHTOS_STATE_WRITE,
	     .idle = true),
	CALL(NETWORK_RESET, network_reset, .known = 7, .idle = true),
	CALL(NETWORK_STATS, network_stats, .query = true),
	CALL(NETWORK_ENCODER, network_encoder, RESERVED(encoder),
	     .idle = true),
	CALL(NETWORK_SAMPLES, network_samples, .known = 0),
	CALL(NETWORK_DECODER, network_decoder, RESERVED(decoder),
	     .idle = true),
	CALL(NETWORK_DECODED, network_decoded, RESERVED(decoded),
	     .query = true),
};

static const int32_t sample[1] = { 0 };

/* A network with a coder in each slot 0, and another one about to be loaded. */
static int ready(void)
{
	struct lightos_network_encoder encoder = {
		.size = sizeof(encoder), .kind = LIGHTOS_ENCODER_RATE,
		.channels = 1,
	};
	struct lightos_network_decoder decoder = {
		.size = sizeof(decoder), .kind = LIGHTOS_DECODER_COUNT,
		.channels = 1,
	};
	int fd = open_network(&loihi_network);

	CHECK_OK(ioctl(fd, LIGHTOS_IOC_NETWORK_ENCODER, &encoder));
	CHECK_OK(ioctl(fd, LIGHTOS_IOC_NETWORK_DECODER, &decoder));
	prepare_network(fd, &loihi_network);
	return fd;
}

/* An argument that is valid and changes as little as possible. */
static void fill(const struct call *call, union argument *argument)
{
	memset(argument, 0, sizeof(*argument));
	argument->size = call->size;
	switch (call->code) {
	case LIGHTOS_IOC_NETWORK_BEGIN:
		argument->begin.step_ns = 1;
		argument->begin.populations = 1;
		break;
	case LIGHTOS_IOC_NETWORK_WRITE:
		((struct lightos_network_write *)argument)->table =
			LIGHTOS_TABLE_DELAYS;
		break;
	case LIGHTOS_IOC_NETWORK_RUN:
		argument->head.flags = LIGHTOS_RUN_WAIT;
		break;
	case LIGHTOS_IOC_NETWORK_OUTPUT:
		argument->transfer.ring = LIGHTOS_RING_SPIKES;
		break;
	case LIGHTOS_IOC_NETWORK_RESET:
		argument->head.flags = LIGHTOS_NETWORK_RESET_RINGS;
		break;
	case LIGHTOS_IOC_NETWORK_ENCODER:
	case LIGHTOS_IOC_NETWORK_DECODER:
		((struct lightos_network_encoder *)argument)->slot = 1;
		break;
	case LIGHTOS_IOC_NETWORK_SAMPLES:
		argument->samples.count = 1;
		argument->samples.data = user_pointer(sample);
		break;
	}
}

static void expect(int fd, const struct call *call, union argument *argument,
		   int error)
{
	int result;

	errno = 0;
	result = ioctl(fd, call->code, argument);
	if ((result < 0 ? errno : 0) != error)
		FAIL("%s, size %u, flags %#x: %s, expected %s", call->name,
		     argument->size, argument->head.flags,
		     strerror(result < 0 ? errno : 0), strerror(error));
}

/* Counters, state, and what is loaded are as they were. */
static void check_untouched(int fd, const struct lightos_network_stats *before)
{
	struct lightos_network_stats after = network_stats(fd);

	CHECK(!memcmp(&after, before, sizeof(after)));
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

TEST(valid_arguments)
{
	union argument argument;
	size_t i;

	for (i = 0; i < LENGTH(calls); i++) {
		int fd = ready();

		fill(&calls[i], &argument);
		expect(fd, &calls[i], &argument, 0);
		close(fd);
	}
}

TEST(size_too_small)
{
	struct lightos_network_stats before;
	union argument argument;
	int fd = ready();
	uint32_t size;
	size_t i;

	before = network_stats(fd);
	for (i = 0; i < LENGTH(calls); i++)
		for (size = 0; size < calls[i].size; size++) {
			fill(&calls[i], &argument);
			argument.size = size;
			expect(fd, &calls[i], &argument, EINVAL);
		}
	check_untouched(fd, &before);
}

/* A caller with a later header, who leaves what is new at zero. */
TEST(larger_with_zero_tail)
{
	static const uint32_t more[] = { 1, 8, 1000 };
	union argument argument;
	size_t i, j;

	for (i = 0; i < LENGTH(calls); i++)
		for (j = 0; j < LENGTH(more); j++) {
			int fd = ready();

			fill(&calls[i], &argument);
			argument.size = calls[i].size + more[j];
			expect(fd, &calls[i], &argument, 0);
			CHECK(all_bytes(argument.bytes + calls[i].size,
					ROOM - calls[i].size, 0));
			if (calls[i].query)
				CHECK_EQ(argument.size, calls[i].size);
			close(fd);
		}
}

/* The same caller, who uses what is new; and sizes that nobody has. */
TEST(larger_with_nonzero_tail)
{
	static const uint32_t absurd[] = { 4097, 65536, 0x80000000, ~0U };
	static const uint32_t more[] = { 1, 8, 1000 };
	struct lightos_network_stats before;
	union argument argument;
	int fd = ready();
	size_t i, j;

	before = network_stats(fd);
	for (i = 0; i < LENGTH(calls); i++) {
		for (j = 0; j < LENGTH(more); j++) {
			fill(&calls[i], &argument);
			argument.size = calls[i].size + more[j];
			argument.bytes[argument.size - 1] = 1;
			expect(fd, &calls[i], &argument, E2BIG);
		}
		for (j = 0; j < LENGTH(absurd); j++) {
			fill(&calls[i], &argument);
			argument.size = absurd[j];
			expect(fd, &calls[i], &argument, E2BIG);
		}
	}
	check_untouched(fd, &before);
}

TEST(unknown_flags)
{
	struct lightos_network_stats before;
	union argument argument;
	int fd = ready(), bit;
	size_t i;

	before = network_stats(fd);
	for (i = 0; i < LENGTH(calls); i++)
		for (bit = 0; bit < 32; bit++) {
			if (calls[i].known & 1U << bit)
				continue;
			fill(&calls[i], &argument);
			argument.head.flags |= 1U << bit;
			expect(fd, &calls[i], &argument, EINVAL);
		}
	check_untouched(fd, &before);
}

TEST(reserved_fields)
{
	struct lightos_network_stats before;
	union argument argument;
	int fd = ready();
	size_t i;

	before = network_stats(fd);
	for (i = 0; i < LENGTH(calls); i++) {
		if (!calls[i].reserved)
			continue;
		fill(&calls[i], &argument);
		argument.bytes[calls[i].reserved] = 1;
		expect(fd, &calls[i], &argument, EINVAL);
		fill(&calls[i], &argument);
		argument.bytes[calls[i].reserved + 3] = 0x80;
		expect(fd, &calls[i], &argument, EINVAL);
	}
	check_untouched(fd, &before);
}

/* The last of the arguments may lie at the end of memory. */
TEST(arguments_at_the_end_of_memory)
{
	struct lightos_network_stats before;
	union argument argument;
	int fd = ready();
	char *page;
	size_t i;

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	CHECK_OK(munmap(page + 4096, 4096));
	before = network_stats(fd);
	for (i = 0; i < LENGTH(calls); i++) {
		union argument *last;

		expect(fd, &calls[i], NULL, EFAULT);
		fill(&calls[i], &argument);
		last = (void *)(page + 4096 - calls[i].size + 4);
		memcpy(last, &argument, calls[i].size - 4);
		expect(fd, &calls[i], last, EFAULT);
	}
	check_untouched(fd, &before);
	for (i = 0; i < LENGTH(calls); i++) {
		union argument *last;
		int own = ready();

		fill(&calls[i], &argument);
		last = (void *)(page + 4096 - calls[i].size);
		memcpy(last, &argument, calls[i].size);
		expect(own, &calls[i], last, 0);
		close(own);
	}
}

/* An answer that cannot be given: nothing was done. */
TEST(read_only_arguments)
{
	static const unsigned long answering[] = {
		LIGHTOS_IOC_NETWORK_COMMIT, LIGHTOS_IOC_NETWORK_RUN,
		LIGHTOS_IOC_NETWORK_STATS, LIGHTOS_IOC_NETWORK_DECODED,
	};
	struct lightos_network_stats before;
	union argument *page;
	int fd = ready();
	size_t i, j;

	page = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	before = network_stats(fd);
	for (i = 0; i < LENGTH(calls); i++)
		for (j = 0; j < LENGTH(answering); j++) {
			if (calls[i].code != answering[j])
				continue;
			CHECK_OK(mprotect(page, ROOM, PROT_READ | PROT_WRITE));
			fill(&calls[i], page);
			CHECK_OK(mprotect(page, ROOM, PROT_READ));
			expect(fd, &calls[i], page, EFAULT);
		}
	check_untouched(fd, &before);
}

TEST(any_size_in_the_code)
{
	static const unsigned int sizes[] = { 0, 4, 1000 };
	union argument argument;
	size_t i, j;

	for (i = 0; i < LENGTH(calls); i++)
		for (j = 0; j < LENGTH(sizes); j++) {
			struct call call = calls[i];
			int fd = ready();

			call.code = _IOC(_IOC_DIR(call.code), 'L',
					 _IOC_NR(call.code), sizes[j]);
			fill(&calls[i], &argument);
			expect(fd, &call, &argument, 0);
			close(fd);
		}
}

TEST(unknown_numbers)
{
	union argument argument;
	int files[] = { ready(), open_node(O_RDWR), open_node(O_RDONLY) };
	unsigned int nr, direction;
	size_t i;

	memset(&argument, 0, sizeof(argument));
	argument.size = 8;
	for (i = 0; i < LENGTH(files); i++) {
		for (nr = 0x43; nr < 0x48; nr++)
			CHECK_ERRNO(ioctl(files[i], _IOWR('L', nr, char[8]),
					  &argument), ENOTTY);
		for (nr = 0x57; nr < 0x60; nr++)
			CHECK_ERRNO(ioctl(files[i], _IOW('L', nr, char[8]),
					  &argument), ENOTTY);
		/* The right number in a wrong direction. */
		for (direction = 0; direction < 4; direction++) {
			if (direction == _IOC_DIR(LIGHTOS_IOC_NETWORK_STATS))
				continue;
			CHECK_ERRNO(ioctl(files[i],
					  _IOC(direction, 'L', 0x52, 184),
					  &argument), ENOTTY);
		}
	}
}

TEST(open_mode)
{
	int fd = open_node(O_RDONLY);
	union argument argument;
	char byte;
	size_t i;

	for (i = 0; i < LENGTH(calls); i++) {
		fill(&calls[i], &argument);
		expect(fd, &calls[i], &argument,
		       calls[i].query ? ENODATA : EBADF);
	}
	CHECK_ERRNO(read(fd, &byte, 1), EINVAL);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, ENODEV);
	/* Only for writing is enough. */
	fd = open_node(O_WRONLY);
	load_network(fd, &loihi_network);
	CHECK_OK(try_run(fd, LIGHTOS_RUN_WAIT, 1, 0));
	CHECK_EQ(network_stats(fd).step, 1);
}

TEST(during_a_run)
{
	struct lightos_network_stats before, after;
	union argument argument;
	int fd = ready();
	size_t i;

	start_waiting_run(fd);
	wait_for_step(fd, 1);
	before = network_stats(fd);
	CHECK_EQ(before.running, 1);
	for (i = 0; i < LENGTH(calls); i++) {
		if (calls[i].code == LIGHTOS_IOC_NETWORK_STOP ||
		    calls[i].code == LIGHTOS_IOC_NETWORK_BEGIN)
			continue;
		fill(&calls[i], &argument);
		expect(fd, &calls[i], &argument, calls[i].idle ? EBUSY : 0);
	}
	after = network_stats(fd);
	CHECK(!memcmp(&before, &after, sizeof(after)));
	CHECK_OK(try_stop(fd));
	CHECK_OK(try_commit(fd, NULL));
	check_loihi_run(fd);
}

int main(void)
{
	return harness_run();
}
