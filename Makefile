# SPDX-License-Identifier: GPL-2.0
#
# The developer's way in: `make help` lists the targets. The kernel's own
# build reads Kbuild, not this file.
#
#   KDIR=<tree>   build against a Rust-enabled 7.3 tree (or its build folder)
#                 of your own instead of Debian's stock kernel
#   KVER=<release>  which of Debian's kernels to build and install for
#   V=1           show the commands

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

KERNEL ?= stock
PUT ?=


ifneq ($(KVER),)
ifneq ($(filter run test test-long bench guest shell,$(MAKECMDGOALS)),)
$(error KVER is for drivers and install; guests run the kernel in the cache)
endif
endif

.PHONY: help
help: ## List the targets
	@scripts/help.sh $(firstword $(MAKEFILE_LIST))

.PHONY: all
all: drivers userspace ## Build the module and the userspace tools

.PHONY: kernel
kernel: ## Set up both kernels: Debian's stock one and the test kernel
	@scripts/kernel.sh stock >/dev/null
	@scripts/kernel.sh test >/dev/null

.PHONY: drivers
drivers: ## Build lightos.ko (for the stock kernel, or for KDIR=<tree>)
	@scripts/module.sh stock

.PHONY: userspace
userspace: ## Build the client library and lightctl
	@scripts/userspace.sh

.PHONY: run
run: drivers userspace ## The main job: digits, a network and a gate in a stock Debian kernel
	@scripts/run.sh

.PHONY: test
test: ## All tests: host, KUnit, selftests in both kernels, the module on recordings
	@scripts/test.sh

.PHONY: test-long
test-long: ## Soaks and sweeps: millions of cases, long storms
	@scripts/test.sh long

.PHONY: bench
bench: drivers ## Benchmarks; writes build/bench.json
	@scripts/bench.sh

.PHONY: guest
guest: drivers $(if $(findstring build/lightctl,$(PUT)),userspace) ## Run CMD='…' in a guest [PUT='file …'] [KERNEL=stock|test]
	@scripts/guest.sh -k $(KERNEL) $(PUT:%=-p %) -- "$$CMD"

.PHONY: shell
shell: drivers userspace ## An interactive guest [KERNEL=stock|test]
	@scripts/guest.sh -k $(KERNEL) -i -p build/lightctl $(PUT:%=-p %)

.PHONY: install
install: ## Install the module, the header and the udev rule for the running kernel
	@scripts/install.sh install

.PHONY: uninstall
uninstall: ## Undo install
	@scripts/install.sh uninstall

.PHONY: check
check: ## Formatting and lints, of the module and of userspace
	@scripts/check.sh

.PHONY: clean
clean: ## Remove build/; caches and cargo's files stay
	rm -rf build

# CMD reaches the guest through the environment, unexpanded: "$$" and quotes in
# it are the guest's.
guest: override export CMD := $(value CMD)
ifeq ($(KERNEL),test)
guest shell: build/test/lightos.ko
endif

.PHONY: build/test/lightos.ko
build/test/lightos.ko:
	@scripts/module.sh test
