# SPDX-License-Identifier: GPL-2.0
#
# Builds each program of TEST_GEN_PROGS twice, for 64-bit and for 32-bit user
# space, as static binaries under $(OUT)/64 and $(OUT)/32, and copies the files
# of TEST_FILES beside the two folders. For the Makefiles that include it:
#
#   make -C <folder> OUT=<folder for the results> [CC=<compiler>]

ifeq ($(OUT),)
$(error OUT is not set: name a folder outside of the sources)
endif

LIB_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
UAPI_DIR := $(LIB_DIR)../../uapi

CC ?= cc
CFLAGS ?= -O2 -g
TEST_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -static -pthread \
	-I$(UAPI_DIR)

HEADERS := $(wildcard *.h) $(wildcard $(UAPI_DIR)/*.h)
PROGRAMS_64 := $(addprefix $(OUT)/64/,$(TEST_GEN_PROGS))
PROGRAMS_32 := $(addprefix $(OUT)/32/,$(TEST_GEN_PROGS))
FILES := $(addprefix $(OUT)/,$(TEST_FILES))

all: $(PROGRAMS_64) $(PROGRAMS_32) $(FILES)

$(PROGRAMS_64): $(OUT)/64/%: %.c $(HEADERS) $(MAKEFILE_LIST)
	@mkdir -p $(@D)
	$(CC) -m64 $(CFLAGS) $(TEST_CFLAGS) -o $@ $< -lm

$(PROGRAMS_32): $(OUT)/32/%: %.c $(HEADERS) $(MAKEFILE_LIST)
	@mkdir -p $(@D)
	$(CC) -m32 $(CFLAGS) $(TEST_CFLAGS) -o $@ $< -lm

$(FILES): $(OUT)/%: %
	@mkdir -p $(@D)
	install -m 0755 $< $@

clean:
	$(RM) $(PROGRAMS_64) $(PROGRAMS_32) $(FILES)

.PHONY: all clean
