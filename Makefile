# Everything begins here; `make help` lists what there is. GNU make.
#
# The same rules compile the tree three ways, each into a folder of its own: build/ as it is used, build/asan/ under the
# sanitizers (VARIANT=asan), build/fuzz/ for libFuzzer (VARIANT=fuzz). All that is made lies in build/, all that runs in
# var/. What `setup` may have to install is looked at in a make of its own, after it.

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j2 --no-print-directory
endif
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

VARIANT :=
SUITE :=
BENCH := register-64
FUZZ := 10

# Commands are told by their result; V=1 shows them whole.
V :=
say = $(if $(V),,@echo '  $(1) $@';)

# --- How to compile

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection
LIBRARIES := libevent libpq openssl libsystemd inih libedit xlsxwriter
CPPFLAGS := -Iinclude $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
LDLIBS := $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null) -lunistring
LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed

ifeq ($(VARIANT),)
B := build
CC := gcc
CFLAGS := -O2 -g $(HARDEN)
else ifeq ($(VARIANT),asan)
B := build/asan
CC := gcc
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(VARIANT),fuzz)
B := build/fuzz
CC := clang
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=fuzzer,address,undefined
else
$(error VARIANT is empty, asan or fuzz)
endif
CFLAGS += -std=gnu17 -fPIE $(WARNINGS)

# --- What is compiled. Programs take what they need from the archives, so that a test can bring its own stream or
# clock in place of the real one.

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))
PROTO := $(filter-out proto/print.c,$(wildcard proto/*.c))
DAEMON := $(filter-out daemon/main.c,$(wildcard daemon/*.c))
TOOLS := $(filter-out tools/main.c,$(wildcard tools/*.c tools/*/*.c))
SQL := $(wildcard sql/schema/*.sql sql/api/*.sql sql/roles.sql)
ARCHIVES := $(B)/libdaemon.a $(B)/libtools.a $(B)/libproto.a

UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
DIALOGUE := $(if $(wildcard tests/dialogue/*.c),$(B)/tests/dialogue/dialogue)
FUZZERS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED := $(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c))
BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))

.PHONY: all programs tests benches fuzzers
all: programs
programs: $(B)/buurtaald $(B)/buurtaal $(B)/proto-print
tests: $(UNIT) $(DIALOGUE)
benches: $(BENCHES)
fuzzers: $(FUZZERS)

link = $(call say,LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(1) $(LDLIBS)

$(B)/buurtaald: $(call objects,daemon/main.c) $(ARCHIVES)
	$(call link)
$(B)/buurtaal: $(call objects,tools/main.c) $(ARCHIVES)
	$(call link)
$(B)/proto-print: $(call objects,proto/print.c) $(ARCHIVES)
	$(call link)
$(UNIT): $(B)/%: $(B)/obj/%.o $(call objects,$(UNIT_SHARED)) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call link,-lcmocka)
$(DIALOGUE): $(call objects,$(wildcard tests/dialogue/*.c)) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call link,-lcmocka)
$(FUZZERS): $(B)/%: $(B)/obj/%.o $(call objects,$(FUZZ_SHARED)) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call link)
# This one talks in the world of the dialogues.
$(B)/tests/fuzz/fuzz_session: $(call objects,$(wildcard tests/dialogue/fake_*.c) tests/dialogue/world.c)
$(BENCHES): $(B)/%: $(B)/obj/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call link)

# An archive is made anew, so that nothing of a file that is gone stays in it.
$(B)/libproto.a: $(call objects,$(PROTO))
$(B)/libdaemon.a: $(call objects,$(DAEMON)) $(B)/obj/build/gen/sql_files.o
$(B)/libtools.a: $(call objects,$(TOOLS)) $(B)/obj/build/gen/workbook_script.o
$(ARCHIVES):
	$(call say,AR)rm -f $@ && ar rcs $@ $^

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The folders are named too: their time changes when a file comes or goes.
build/gen/sql_files.c: $(SQL) $(wildcard sql/schema sql/api) proto/commands.def proto/types.def tools/embed-sql
	@mkdir -p $(@D)
	$(call say,SQL)tools/embed-sql > $@

# A script that a program carries in itself.
build/gen/workbook_script.c: tools/reading/workbook.py
	@mkdir -p $(@D)
	$(call say,PY)( echo 'extern const char workbook_script[];'; echo 'const char workbook_script[] ='; \
		sed 's/[\\"]/\\&/g; s/.*/    "&\\n"/' $<; echo '    ;' ) > $@

.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# --- What to do with it

.PHONY: help setup run demo stop clean test check bench fuzz docs format build-tests
help:
	@echo 'make run     set up, build, run the demo registry in var/ until Ctrl-C; make demo: the same, ends by itself'
	@echo 'make stop    stop what runs in var/'
	@echo 'make test    set up, build, test (SUITE=name for one, tests/run list names them); make check: also what is long'
	@echo 'make all     compile; make setup: install what is missing; make clean: stop, remove build/ and var/'
	@echo 'make bench   measure against a peer: BENCH=register-64, or BENCH=progress-scale'
	@echo 'make fuzz    let the fuzzers look for FUZZ=10 minutes each'
	@echo 'make docs    print the tables of the protocol anew into its pages; make format: clang-format'

setup:
	@tools/setup

run demo:
	@tools/setup run
	@$(MAKE) all
	@tools/demo/run $@

stop:
	@tools/demo/run stop

clean: stop
	rm -rf build var

build-tests: setup
	@tests/run --names $(SUITE)
	@$(MAKE) programs tests benches
	@$(MAKE) VARIANT=asan tests
	@$(MAKE) VARIANT=fuzz fuzzers

test: build-tests
	@tests/run $(SUITE)

check: build-tests
	@tests/run --long $(SUITE)

bench: setup
	@$(MAKE) programs benches
	@if [ -x tests/bench/$(BENCH) ]; then exec tests/bench/$(BENCH); else exec build/tests/bench/$(BENCH); fi

fuzz: setup
	@$(MAKE) programs
	@$(MAKE) VARIANT=fuzz fuzzers
	@tests/run --fuzz-minutes $(FUZZ) fuzz

docs: setup
	@$(MAKE) build/proto-print build/buurtaald
	tests/docs/stale --write

format:
	clang-format -i $(wildcard include/*.h proto/*.c daemon/*.c tools/*.c tools/*/*.c tests/*/*.c tests/*/*.h)
