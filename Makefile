# SPDX-License-Identifier: Apache-2.0
# Builds devourer, its tests and its fuzz targets. No configure step: pkg-config finds the libraries.
#
#   make            the program, build/devourer (V=1 shows every command)
#   make check      unit, golden, command line, parity, fuzz replay and corpus, all with ASan and UBSan
#   make lint       what scripts/lint checks; silent when all is well
#   make fuzz       FUZZ_SECONDS=60 (or FUZZ_RUNS=100000) of each fuzz target, two at a time
#   make captures   the demonstration capture and the tests' captures, in build/captures
#   make bench      scripts/bench/run
#   make install    DESTDIR= PREFIX=/usr/local
#
# CC, CPPFLAGS, CFLAGS and LDFLAGS are yours. BUILD is where everything goes; SANITIZE=test or SANITIZE=fuzz builds
# with sanitizers and belongs in a BUILD of its own.

VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
CLANG ?= clang
PKG_CONFIG ?= pkg-config
FUZZ_SECONDS ?= 60
OS := $(shell uname -s)
ifeq ($(origin CC),default)
CC := $(if $(filter Darwin,$(OS)),cc,gcc)
endif
ifeq ($(OS),Darwin)
# Homebrew keeps these apart from what the system brings.
BREW := $(shell brew --prefix)
export PKG_CONFIG_PATH := $(BREW)/opt/libpcap/lib/pkgconfig:$(BREW)/opt/openssl@3/lib/pkgconfig:$(PKG_CONFIG_PATH)
endif

comma := ,
ifneq ($(V),1)
Q := @
say = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,printf '  %-6s %s\n' $(1) $(2))
endif

# Libraries

PACKAGES := libpcap jansson libcrypto libcurl libzstd zlib $(if $(filter Linux,$(OS)),libbpf libxdp)
LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null) $(shell $(PKG_CONFIG) --cflags cmocka 2>/dev/null)
ifneq ($(filter-out clean lint,$(or $(MAKECMDGOALS),all)),)
ifeq ($(LIBS),)
$(error $(PKG_CONFIG) does not find all of: $(PACKAGES). "scripts/install-deps build" installs them)
endif
endif

# Flags

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes
supported = $(foreach f,$(1),$(shell $(CC) -Werror $(f) -x c -c /dev/null -o /dev/null 2>/dev/null && echo $(f)))
ifeq ($(SANITIZE),)
GUARD := -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	$(call supported,-fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero)
GUARD_LINK.Linux := -pie -Wl,-z,relro,-z,now,-z,noexecstack
else
GUARD := -fsanitize=address,undefined$(if $(filter fuzz,$(SANITIZE)),$(comma)fuzzer-no-link) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -U_FORTIFY_SOURCE
GUARD_LINK.$(OS) := -fsanitize=address,undefined
endif
LINK.Linux := -Wl,--as-needed
LINK = $(CC) $(CFLAGS) $(GUARD_LINK.$(OS)) $(LINK.$(OS)) $(LDFLAGS)
COMPILE = $(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS) $(WARN) $(GUARD) $(LIB_CFLAGS) -DDEVOURER_VERSION='"$(VERSION)"' \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP

# Sources: all of user/ except main.c is a library, from which each program takes the files it needs. A test that
# includes a .c file has its own copy of it, and the library's is then not taken.

SOURCES := $(filter-out $(if $(filter Linux,$(OS)),,user/source/xdp%),$(wildcard user/*/*.c))
LIBRARY := $(BUILD)/libdevourer.a
MEMBERS := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out user/cmd/main.c,$(SOURCES)))
UNITS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out $(if $(filter Linux,$(OS)),,tests/test_xdp% tests/test_check_kernel.c),$(wildcard tests/test_*.c)))
CAPTURES := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/captures/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
PARITY := $(if $(filter Linux,$(OS)),$(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/parity.c)))
LIVE := $(if $(filter Linux,$(OS)),$(patsubst tests/live/%.c,$(BUILD)/tests/%,$(filter-out %.bpf.c,$(wildcard tests/live/*.c))))
FAULTS := $(patsubst tests/faults/%.c,$(BUILD)/tests/%,$(filter-out tests/faults/crash.c,$(wildcard tests/faults/*.c))) \
	$(if $(filter Linux,$(OS)),$(patsubst %.c,$(BUILD)/tests/%.so,$(notdir $(wildcard tests/faults/crash.c))))
BPF := $(patsubst bpf/%.c,$(BUILD)/bpf/%.o,$(wildcard bpf/*.bpf.c))

.PHONY: all tests bpf check lint fuzz fuzz-all replay captures bench install clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/devourer

$(BUILD)/devourer: $(BUILD)/obj/user/cmd/main.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(LIBRARY): $(MEMBERS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The BPF object is a part of the program.
$(BUILD)/obj/user/source/xdp_object.o: override CPPFLAGS += -DDEVOURER_BPF_OBJECT='"$(BUILD)/bpf/devourer.bpf.o"'
$(BUILD)/obj/user/source/xdp_object.o: $(BUILD)/bpf/devourer.bpf.o

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<

# Objects are made again when the flags change.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' >$@

# BPF

BPF_COMPILE = $(CLANG) -O2 -g -target bpf -mcpu=v3 -ffreestanding -Wall -Werror -ffile-prefix-map=$(CURDIR)=. \
	-I/usr/include/$(shell uname -m)-linux-gnu

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard include/*.h bpf/*.h)
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(BPF_COMPILE) -c -o $@ $<

$(BUILD)/tests/%.bpf.o: tests/live/%.bpf.c $(wildcard tests/live/*.h)
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(BPF_COMPILE) -c -o $@ $<

bpf: $(BPF)

# Tests

tests: $(BUILD)/devourer $(UNITS) $(PARITY) $(LIVE) $(FAULTS) $(BPF) $(if $(CAPTURES),$(BUILD)/tests/make-captures) \
	$(if $(FUZZERS),$(FUZZERS:%=$(BUILD)/tests/%) $(BUILD)/tests/seeds)

$(BUILD)/tests/test_%: $(BUILD)/obj/tests/test_%.o $(LIBRARY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS) $(shell $(PKG_CONFIG) --libs cmocka libssl libnghttp2)

$(BUILD)/tests/parity: $(BUILD)/obj/tests/parity.o $(LIBRARY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS) $(shell $(PKG_CONFIG) --libs libbpf)

# What sends and watches is an instrument: fast, and it ends with all it holds, so without sanitizers.
$(LIVE) $(LIVE:$(BUILD)/tests/%=$(BUILD)/obj/tests/live/%.o): GUARD :=
$(LIVE): GUARD_LINK.$(OS) :=
$(LIVE): $(BUILD)/tests/%: $(BUILD)/obj/tests/live/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(filter-out %.so,$(FAULTS)) $(FAULTS:$(BUILD)/tests/%=$(BUILD)/obj/tests/faults/%.o): GUARD :=
$(FAULTS): GUARD_LINK.$(OS) :=
$(filter-out %.so,$(FAULTS)): $(BUILD)/tests/%: $(BUILD)/obj/tests/faults/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

# Comes before libc in a program that is to fail.
$(BUILD)/tests/%.so: tests/faults/%.c $(BUILD)/flags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS) $(WARN) -fPIC -shared -o $@ $< -ldl -pthread

# Those that bring a BPF program have it within.
$(BUILD)/obj/tests/live/generate.o: override CPPFLAGS += -DGENERATE_OBJECT='"$(BUILD)/tests/generate.bpf.o"'
$(BUILD)/obj/tests/live/generate.o: $(BUILD)/tests/generate.bpf.o
$(BUILD)/obj/tests/live/wire.o: override CPPFLAGS += -DWIRE_OBJECT='"$(BUILD)/tests/wire.bpf.o"'
$(BUILD)/obj/tests/live/wire.o: $(BUILD)/tests/wire.bpf.o

$(BUILD)/tests/make-captures: $(CAPTURES) $(LIBRARY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/tests/seeds: $(BUILD)/obj/tests/fuzz/seeds.o $(LIBRARY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

# With SANITIZE=fuzz a fuzz target; else a program that replays files, with the same code.
$(BUILD)/tests/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(if $(filter fuzz,$(SANITIZE)),,$(BUILD)/obj/tests/fuzz/standalone.o) $(LIBRARY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $(if $(filter fuzz,$(SANITIZE)),-fsanitize=fuzzer) -o $@ $^ $(LIBS)

check:
	$(Q)scripts/test --check

lint:
	$(Q)scripts/lint

FUZZ_MAKE := $(MAKE) --no-print-directory -k -j2 --output-sync BUILD=$(BUILD)/fuzz CC=$(CLANG) SANITIZE=fuzz
fuzz:
	$(Q)rm -rf $(BUILD)/fuzz/clean && mkdir -p $(BUILD)/fuzz/clean
	$(Q)$(FUZZ_MAKE) fuzz-all; clean=$$(ls $(BUILD)/fuzz/clean | wc -l); \
		echo "$$clean passed, $$(($(words $(FUZZERS)) - clean)) failed"; [ $$clean -eq $(words $(FUZZERS)) ]

fuzz-all: $(FUZZERS:%=fuzz-run-%)

$(BUILD)/seeds: $(BUILD)/tests/seeds
	$(Q)mkdir -p $@ && $< $@ && touch $@

# What the fuzzer finds is kept beside the seeds and used again by the next run.
fuzz-run-%: $(BUILD)/tests/% $(BUILD)/seeds
	$(Q)mkdir -p $(BUILD)/found/$* $(BUILD)/seeds/$*
	$(Q)$(BUILD)/tests/$* -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$(BUILD)/$*- \
		$(if $(FUZZ_RUNS),-runs=$(FUZZ_RUNS),-max_total_time=$(FUZZ_SECONDS)) $(BUILD)/found/$* $(BUILD)/seeds/$*
	@touch $(BUILD)/clean/$*

# Every seed once through each target, as an ordinary program.
replay: $(FUZZERS:%=$(BUILD)/tests/%) $(BUILD)/seeds
	$(Q)clean=0; for target in $(FUZZERS); do \
		echo "$$target"; $(BUILD)/tests/$$target $(BUILD)/seeds/$$target/* && clean=$$((clean + 1)); \
	done; echo "$$clean passed, $$(($(words $(FUZZERS)) - clean)) failed"; [ $$clean -eq $(words $(FUZZERS)) ]

captures: $(BUILD)/tests/make-captures
	$(Q)mkdir -p $(BUILD)/captures
	$(Q)$(BUILD)/tests/make-captures $(BUILD)/captures

bench: $(BUILD)/devourer
	$(Q)if [ -x scripts/bench/run ]; then scripts/bench/run; else echo "no benchmarks: scripts/bench/run is missing"; fi

install: $(BUILD)/devourer
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/doc/devourer
	install -m 755 $(BUILD)/devourer $(DESTDIR)$(PREFIX)/bin/devourer
	install -m 644 scripts/devourer.1 $(DESTDIR)$(PREFIX)/share/man/man1/devourer.1
	install -m 644 LICENSE README.md $(DESTDIR)$(PREFIX)/share/doc/devourer

clean:
	rm -rf $(BUILD)

FORCE:

-include $(patsubst %.o,%.d,$(MEMBERS) $(CAPTURES) $(BUILD)/obj/user/cmd/main.o $(UNITS:$(BUILD)/%=$(BUILD)/obj/%.o) \
	$(PARITY:$(BUILD)/%=$(BUILD)/obj/%.o) $(LIVE:$(BUILD)/tests/%=$(BUILD)/obj/tests/live/%.o) $(FUZZERS:%=$(BUILD)/obj/tests/fuzz/%.o) $(BUILD)/obj/tests/fuzz/seeds.o)
