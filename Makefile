# SPDX-License-Identifier: Apache-2.0
# make            the program build/release/tsumugi
# make test       unit tests (seconds)          make check   everything, as ./check does
# make web        the client into web/dist      make fuzz    libFuzzer targets
# make bench      benchmarks                    make install, make deb
# make faults     every call fails once (an hour of CPU); make release-kill: 1,000 kills and power losses
# make simulate   a national network's working day, FACTOR=20 times faster
# make share      a storage on a Windows share (Samba, FUSE; as root)
# make simulate-seeds SEEDS=1-1000   a region's histories by seeds
MAKEFLAGS += --no-builtin-rules
BUILD ?= build/release
CC ?= gcc
PREFIX ?= /usr/local
LLHTTP ?= /usr/share/llhttp
PACKAGES = openssl libnghttp2 sqlite3 libpq libsodium jansson zlib libxml-2.0 odbc \
  libturbojpeg libopenjp2 charls libdeflate

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual \
  -Wvla -Wformat=2 -Wundef -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes -Werror
OPTIMISE ?= -O2 -D_FORTIFY_SOURCE=2
HARDEN = -fstack-protector-strong -fPIE
SANITIZE ?=
# no path of this machine gets into the program: the same source gives the same bytes
SAME = -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(BUILD)=build
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -g $(SAME) $(OPTIMISE) $(HARDEN) $(SANITIZE) $(WARNINGS) \
  -iquote . -iquote $(BUILD)/gen -MMD -MP $(CFLAGS)
INCLUDES := $(shell pkg-config --cflags $(PACKAGES)) -isystem /usr/share/include/llhttp
LIBS := $(shell pkg-config --libs $(PACKAGES)) -lpthread -lm
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now $(SANITIZE) $(LDFLAGS)
# of some 180 programs that are linked in each of the check's builds, not of what is installed
LDFLAGS_TEST := $(LDFLAGS_ALL) $(if $(shell command -v ld.gold),-fuse-ld=gold)

FOLDERS ?= base formats wire store exchange server gateway
TEST_FOLDERS ?= $(FOLDERS) cli test
SOURCES := $(sort $(shell find $(FOLDERS) -name '*.c' ! -name '*_test.c' ! -name '*_fuzz.c'))
TESTS := $(sort $(shell find $(TEST_FOLDERS) -name '*_test.c'))
FUZZERS := $(sort $(shell find $(FOLDERS) -name '*_fuzz.c'))
CLI := $(sort $(shell find cli -name '*.c' ! -name '*_test.c'))
BENCHES := $(sort $(wildcard bench/*.c))
SQL := $(sort $(shell find $(FOLDERS) -name '[0-9]*.sql'))
WEB_DIST := $(sort $(wildcard web/dist/* web/dist/*/* web/dist/*/*/* web/dist/*/*/*/*))

OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o) \
  $(if $(filter store,$(FOLDERS)),$(BUILD)/gen/sql.o) \
  $(if $(filter server,$(FOLDERS)),$(BUILD)/gen/web.o) \
  $(if $(filter formats formats/charset,$(FOLDERS)),$(BUILD)/gen/charset.o) \
  $(if $(filter wire,$(FOLDERS)),$(patsubst %,$(BUILD)/llhttp/%.o,llhttp api http))
LIBRARY = $(BUILD)/libtsumugi.a
PROGRAM = $(BUILD)/tsumugi
TEST_PROGRAMS = $(TESTS:%.c=$(BUILD)/%)
BENCH_PROGRAMS = $(BENCHES:%.c=$(BUILD)/%)
SIMULATE := $(sort $(filter-out %_test.c,$(wildcard test/simulate/*.c)))
SIMULATION = $(BUILD)/test/simulate/simulate
NATIONAL := $(sort $(wildcard bench/national/*.c))
NATIONAL_DAY = $(BUILD)/bench/national/day

.PHONY: all test check web fuzz bench benches install deb clean tidy tests faults release-kill
.PHONY: simulate simulate-seeds share
all: $(PROGRAM)
tests: $(TEST_PROGRAMS) $(if $(filter test,$(TEST_FOLDERS)),$(SIMULATION))
$(PROGRAM): $(CLI:%.c=$(BUILD)/%.o) $(LIBRARY)
	$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIBRARY) $(LIBS)
$(LIBRARY): $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(INCLUDES) -c -o $@ $<
# what is not ours or generated is compiled without our warnings
$(BUILD)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(CC) -O2 $(HARDEN) $(SANITIZE) -w -isystem /usr/share/include/llhttp -c -o $@ $<
$(BUILD)/gen/sql.c: tools/gen/sql.py $(SQL)
	@mkdir -p $(@D)
	python3 tools/gen/sql.py $(SQL) > $@.part && mv $@.part $@
$(BUILD)/gen/web.c: tools/gen/web.py $(WEB_DIST) docs/openapi.yaml
	@mkdir -p $(@D)
	python3 tools/gen/web.py web/dist docs/openapi.yaml $@
$(BUILD)/gen/charset.c: tools/gen/charset.py
	@mkdir -p $(@D)
	python3 tools/gen/charset.py > $@.part && mv $@.part $@
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(CC) $(CFLAGS_ALL) $(INCLUDES) -c -o $@ $<
$(BUILD)/%_test: $(BUILD)/%_test.o $(LIBRARY)
	$(CC) $(LDFLAGS_TEST) -o $@ $^ $(LIBS)
COMMANDS = $(filter-out $(BUILD)/cli/main.o,$(CLI:%.c=$(BUILD)/%.o))
$(BUILD)/cli/%_test: $(BUILD)/cli/%_test.o $(COMMANDS) $(LIBRARY)
	$(CC) $(LDFLAGS_TEST) -o $@ $^ $(LIBS)
$(BUILD)/test/fault/fault_copy_test: $(BUILD)/test/fault/fault_copy_test.o $(COMMANDS) $(LIBRARY)
	$(CC) $(LDFLAGS_TEST) -o $@ $^ $(LIBS)
$(BUILD)/test/simulate/%_test: $(BUILD)/test/simulate/%_test.o $(BUILD)/test/simulate/%.o $(LIBRARY)
	$(CC) $(LDFLAGS_TEST) -o $@ $^ $(LIBS)
$(BUILD)/bench/registry_rows: $(BUILD)/cli/synth/names.o
# its objects come first: they stand in for connections and for the machine's calls
$(SIMULATION): $(SIMULATE:%.c=$(BUILD)/%.o) $(LIBRARY)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) -ldl
$(NATIONAL_DAY): $(NATIONAL:%.c=$(BUILD)/%.o) $(LIBRARY)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIBRARY)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
test: $(TEST_PROGRAMS) $(PROGRAM)
	TSUMUGI=$(PROGRAM) prove -j2 -e '' $(TEST_PROGRAMS)
web:
	tools/web
fuzz:
	tools/fuzz $(FUZZERS)
benches: $(BENCH_PROGRAMS) $(NATIONAL_DAY)
bench: $(BENCH_PROGRAMS) $(PROGRAM)
	tools/bench $(BENCH_PROGRAMS) arrival client lighthouse
FAULTS = $(BUILD)/test/fault/fault_
faults: $(FAULTS)nth_test $(FAULTS)calendar_test $(FAULTS)copy_test
	FAULT_ALL=1 FAULT_JOBS=$${JOBS:-2} prove -v -e '' $^
release-kill: $(FAULTS)crash_test $(FAULTS)centre_test $(FAULTS)gateway_test
	FAULT_ROUNDS=$${FAULT_ROUNDS:-1000} prove -v -e '' $^
simulate: $(NATIONAL_DAY) $(PROGRAM)
	$< $(PROGRAM) --factor $${FACTOR:-20} --seconds $${SECONDS_PLAYED:-60}
share: $(BUILD)/gateway/collect/collect_share_test
	tools/share $<
simulate-seeds: $(SIMULATION)
	$< --seeds $${SEEDS:-1-1000} --steps $${STEPS:-60} --jobs $${JOBS:-2}
check:
	./check
tidy:
	tools/check/all
install: $(PROGRAM)
	packaging/install $(PROGRAM) "$(DESTDIR)" $(PREFIX)
deb: $(PROGRAM)
	packaging/deb $(PROGRAM) $(BUILD)/tsumugi.deb
clean:
	rm -rf build
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
