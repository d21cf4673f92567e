# Fovea. `make help` lists the targets. User settings (V=1 shows the commands):
ifeq ($(origin CC),default)
CC       := gcc
endif
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr/local
LUADIR   ?= $(PREFIX)/share/lua/5.4
LIBDIR   ?= $(PREFIX)/lib/lua/5.4
WERROR   ?= 1
BUILD    ?= build
BIN      ?= bin
LUA      ?= lua5.4
OPENMP   ?= -fopenmp
FUZZ_SECONDS ?= 120
V        ?=
# No need to change below.

LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null || echo -I/usr/include/lua5.4)
LUA_LIBS   := $(shell pkg-config --libs lua5.4 2>/dev/null || echo -llua5.4)
WARNINGS   := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wwrite-strings -Wvla
ifeq ($(WERROR),1)
WARNINGS   += -Werror
endif
C11        := -std=c11 -D_POSIX_C_SOURCE=200809L -fPIC -fvisibility=hidden $(OPENMP)
OWN_CFLAGS := $(C11) -Isrc -I$(BUILD)/gen $(WARNINGS)
HDF5_CFLAGS = $(shell pkg-config --cflags hdf5)
HDF5_LIBS   = $(shell pkg-config --libs hdf5)
# Pictures in the terminal need libchafa, and its pkg-config file needs that of glib; without them all else is built.
CHAFA_CFLAGS := $(shell pkg-config --cflags chafa 2>/dev/null && echo -DFV_HAVE_CHAFA)
CHAFA_LIBS   := $(if $(CHAFA_CFLAGS),$(shell pkg-config --libs chafa))
LEPT_LIBS  := $(shell pkg-config --libs lept 2>/dev/null || echo -llept)
LIBS       := -ldnnl -lprotobuf-c -ljansson -lzip -lpng -lz -lturbojpeg -ltiff -lgif $(LEPT_LIBS) -lxxhash $(CHAFA_LIBS) -lm

CORE_SRC := $(filter-out src/bind/% src/hdf5/%,$(wildcard src/*/*.c))
BIND_SRC := $(filter-out src/bind/host%,$(wildcard src/bind/*.c))
HOST_SRC := $(wildcard src/bind/host*.c)
HDF5_SRC := $(wildcard src/hdf5/*.c)
TEST_SRC := $(filter-out tests/c/example_%,$(wildcard tests/c/*.c))
GEN_SRC  := $(patsubst src/io/%.proto,$(BUILD)/gen/%.pb-c.c,$(wildcard src/io/*.proto))
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o) $(GEN_SRC:%.c=%.o)
BIND_OBJ := $(BIND_SRC:%.c=$(BUILD)/%.o)
HOST_OBJ := $(HOST_SRC:%.c=$(BUILD)/%.o)
HDF5_OBJ := $(HDF5_SRC:%.c=$(BUILD)/%.o)
TEST_OBJ := $(TEST_SRC:%.c=$(BUILD)/%.o)
Q        := $(if $(V),,@)
JOBS      = --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
RUN      := BUILD=$(BUILD) BIN=$(BIN) LUA=$(LUA) CC="$(CC)" LIBS="$(LIBS)" OPENMP="$(OPENMP)" scripts/run-tests

# Everything that is built depends on a file that changes with the flags, everything that is linked on one that
# changes with the list of sources.
FLAGS_NOW := $(CC) $(OWN_CFLAGS) $(CHAFA_CFLAGS) $(CFLAGS) $(LDFLAGS)
LIST_NOW  := $(CORE_OBJ) $(BIND_OBJ) $(HOST_OBJ) $(HDF5_OBJ) $(TEST_OBJ)
FLAGS     := $(BUILD)/flags.stamp
LIST      := $(BUILD)/list.stamp
DEPS      := $(BUILD)/deps.stamp

.SECONDARY: $(GEN_SRC)
.PHONY: all module deps demo bench test test-c test-lua lint format asan valgrind fuzz install install-module clean help FORCE
all: $(BUILD)/libfovea.a $(BUILD)/fovea/core.so $(BIN)/fovea $(BIN)/fovea-hdf5 ## build the library, the Lua module and the fovea command

deps: ## install the system packages that are missing (Debian)
	scripts/setup build test lint memory fuzz

test: ## install what is missing, build, run all tests, print one line with the counts
	@scripts/setup build test
	@$(MAKE) $(JOBS) all $(BUILD)/c_tests $(BUILD)/hdf5_writer
	@$(RUN) c lua stock embed

test-c: $(BUILD)/c_tests ## the C tests; T=word picks those with the word in their name
	@$(RUN) c $(T)

test-lua: all $(BUILD)/hdf5_writer ## the Lua tests; SPEC=path or OP=name picks one file
	@$(RUN) lua $(or $(SPEC),$(if $(OP),tests/spec/ops/$(OP)_spec.lua))

lint: ## formatting, luacheck, layers, line budgets
	@scripts/setup build lint
	@LUA=$(LUA) scripts/lint

format: ## format the C sources in place
	clang-format -i $(wildcard src/*.h src/*/*.[ch] tests/c/*.[ch] tests/fuzz/*.c)

# The sanitizers make gcc warn about what is fine, so warnings are no errors here.
ASAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
asan: ## the whole suite under the address and undefined-behaviour sanitizers, leaks included
	@scripts/setup build test
	@$(MAKE) $(JOBS) BUILD=build/asan BIN=build/asan/bin WERROR=0 CFLAGS="-O1 -g $(ASAN_FLAGS)" all build/asan/c_tests build/asan/hdf5_writer
	@BUILD=build/asan BIN=build/asan/bin LUA=$(LUA) scripts/run-tests --asan c lua

valgrind: ## the suite under valgrind; SPEC=path picks one file, by default all tests not tagged #slow
	@scripts/setup build test memory
	@$(MAKE) $(JOBS) all $(BUILD)/c_tests $(BUILD)/hdf5_writer
	@$(RUN) --valgrind $(if $(SPEC),,c) lua $(SPEC)

fuzz: ## every fuzz target for FUZZ_SECONDS (120) each; TARGET=name picks one
	@scripts/setup build fuzz
	@MAKE="$(MAKE)" FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz $(TARGET)

demo: ## install what is missing, build, draw heat maps; MODEL=file IMAGE=file for your own
	@scripts/setup build
	@$(MAKE) $(JOBS) all
	@$(BIN)/fovea scripts/demo.lua $(BUILD)/demo $(MODEL) $(IMAGE)

bench: all ## measure networks and tasks, also against PyTorch and ONNX Runtime where they are (scripts/bench/README.md)
	@trap '' PIPE; $(BIN)/fovea scripts/bench/main.lua

module: $(BUILD)/fovea/core.so $(BUILD)/fovea/fovea-hdf5 ## only the Lua module

INSTALL := CC="$(CC)" LIBS="$(LIBS)" OPENMP="$(OPENMP)" BUILD="$(BUILD)" BIN="$(BIN)" scripts/install
install: all ## install below DESTDIR PREFIX (/usr/local)
	@$(INSTALL) tree "$(DESTDIR)" "$(PREFIX)"

install-module: module ## install the Lua module into LUADIR and LIBDIR
	@$(INSTALL) module "$(DESTDIR)$(LUADIR)" "$(DESTDIR)$(LIBDIR)"

clean: ## remove everything that was built
	rm -rf build bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
	@echo "settings: V CC CFLAGS LDFLAGS PREFIX DESTDIR LUADIR LIBDIR WERROR BUILD BIN LUA OPENMP FUZZ_SECONDS"

$(BUILD)/libfovea.a: $(CORE_OBJ) $(LIST)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(CORE_OBJ)

# Without -llua5.4: the interpreter that loads the module brings Lua. nodelete: OpenMP workers outlive lua_close.
$(BUILD)/fovea/core.so: $(BIND_OBJ) $(CORE_OBJ) $(LIST)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(OPENMP) -Wl,-z,nodelete $(CFLAGS) $(LDFLAGS) -o $@ $(BIND_OBJ) $(CORE_OBJ) $(LIBS)

$(BIN)/fovea: $(HOST_OBJ) $(BIND_OBJ) $(CORE_OBJ) $(LIST)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPENMP) -Wl,-E $(CFLAGS) $(LDFLAGS) -o $@ $(HOST_OBJ) $(BIND_OBJ) $(CORE_OBJ) $(LIBS) -ledit $(LUA_LIBS)

# The one program that HDF5 files are parsed in; it is looked for beside the module and beside the command.
$(BUILD)/fovea/fovea-hdf5: $(HDF5_OBJ) $(BUILD)/libfovea.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPENMP) $(CFLAGS) $(LDFLAGS) -o $@ $(HDF5_OBJ) $(BUILD)/libfovea.a $(HDF5_LIBS) -ljansson -lm

$(BIN)/fovea-hdf5: $(BUILD)/fovea/fovea-hdf5
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/hdf5_writer: tests/support/hdf5_writer.c $(FLAGS)
	$(Q)$(CC) $(C11) $(WARNINGS) $(HDF5_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HDF5_LIBS)

$(BUILD)/c_tests: $(TEST_OBJ) $(BUILD)/libfovea.a
	$(Q)$(CC) $(OPENMP) $(CFLAGS) $(LDFLAGS) -o $@ $(TEST_OBJ) $(BUILD)/libfovea.a $(LIBS)

# A product and a sum become one instruction, which ISO C would not do by itself.
$(BUILD)/src/ops/winograd%.o: OWN_CFLAGS += -ffp-contract=fast
$(BUILD)/src/base/peak.o: OWN_CFLAGS += -ffp-contract=fast
$(BUILD)/src/io/terminal.o: OWN_CFLAGS += $(subst -I,-isystem ,$(CHAFA_CFLAGS))
$(BUILD)/%.o: %.c $(FLAGS) | $(GEN_SRC) $(DEPS)
	@mkdir -p $(@D)
	$(if $(V),,@echo CC $<)
	$(Q)$(CC) $(OWN_CFLAGS) $(if $(findstring src/bind/,$<),$(LUA_CFLAGS)) $(if $(findstring src/hdf5/,$<),$(HDF5_CFLAGS)) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.pb-c.c: src/io/%.proto | $(DEPS)
	@mkdir -p $(@D)
	$(Q)protoc --c_out=$(@D) -I src/io $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c $(FLAGS)
	$(Q)$(CC) $(C11) -I$(BUILD)/gen -w $(CFLAGS) -c -o $@ $<

$(DEPS): scripts/setup
	@scripts/setup --check build
	@mkdir -p $(@D) && touch $@

$(FLAGS): FORCE
	@mkdir -p $(@D) && echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' >$@

$(LIST): FORCE
	@mkdir -p $(@D) && echo '$(LIST_NOW)' | cmp -s - $@ || echo '$(LIST_NOW)' >$@

-include $(CORE_OBJ:.o=.d) $(BIND_OBJ:.o=.d) $(HOST_OBJ:.o=.d) $(HDF5_OBJ:.o=.d) $(TEST_OBJ:.o=.d)
