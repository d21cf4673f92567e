# Fovea. `make help` lists the targets. User settings:
ifeq ($(origin CC),default)
CC       := gcc
endif
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr/local
WERROR   ?= 1
BUILD    ?= build
BIN      ?= bin
LUA      ?= lua5.4
# No need to change below.

LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null || echo -I/usr/include/lua5.4)
LUA_LIBS   := $(shell pkg-config --libs lua5.4 2>/dev/null || echo -llua5.4)
WARNINGS   := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wwrite-strings -Wvla
OWN_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -fPIC -fopenmp -fvisibility=hidden -Isrc -I$(BUILD)/gen $(WARNINGS)
ifeq ($(WERROR),1)
OWN_CFLAGS += -Werror
endif
LIBS := -ldnnl -lprotobuf-c -ljansson -lpng -lturbojpeg -lm

CORE_SRC := $(filter-out src/bind/%,$(wildcard src/*/*.c))
BIND_SRC := $(filter-out src/bind/host.c,$(wildcard src/bind/*.c))
PROTO    := $(wildcard src/io/*.proto)
GEN_SRC  := $(PROTO:src/io/%.proto=$(BUILD)/gen/%.pb-c.c)
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o) $(GEN_SRC:%.c=%.o)
BIND_OBJ := $(BIND_SRC:%.c=$(BUILD)/%.o)
HOST_OBJ := $(BUILD)/src/bind/host.o

.PHONY: all
all: $(BUILD)/libfovea.a $(BUILD)/fovea/core.so $(BIN)/fovea

$(BUILD)/libfovea.a: $(CORE_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

# Without -llua5.4: the interpreter that loads the module brings Lua. nodelete: OpenMP workers outlive lua_close.
$(BUILD)/fovea/core.so: $(BIND_OBJ) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) -shared -fopenmp -Wl,-z,nodelete $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BIN)/fovea: $(HOST_OBJ) $(BIND_OBJ) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) -fopenmp -Wl,-E $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $(LUA_LIBS)

$(BUILD)/src/%.o: src/%.c | $(GEN_SRC)
	@mkdir -p $(@D)
	$(CC) $(OWN_CFLAGS) $(if $(findstring src/bind/,$<),$(LUA_CFLAGS)) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.pb-c.c: src/io/%.proto
	@mkdir -p $(@D)
	protoc --c_out=$(@D) -I src/io $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(CC) -std=c11 -fPIC -I$(BUILD)/gen -w $(CFLAGS) -c -o $@ $<

-include $(CORE_OBJ:.o=.d) $(BIND_OBJ:.o=.d) $(HOST_OBJ:.o=.d)

.PHONY: clean
clean:
	rm -rf build bin
