#include "base/alloc.h"
#include "io/pickle_machine.h"

#include <string.h>

/* --- instructions; n is what the table says --- */

static fv_status op_proto(fv_pickle_machine *m, int n)
{
    uint64_t version;
    FV_TRY(fv_pickle_take_number(m, &version, n));
    if (version >= 2 && version <= 5) return FV_OK;
    return fv_fail(m->err, FV_STATUS_UNSUPPORTED, "pickle protocol %u; 2 to 5 are read", (unsigned)version);
}

static fv_status op_skip(fv_pickle_machine *m, int n)
{
    const uint8_t *bytes;
    return fv_pickle_take(m, &bytes, (uint64_t)n);
}

static fv_status op_stop(fv_pickle_machine *m, int n)
{
    (void)n;
    m->stopped = 1;
    FV_TRY(fv_pickle_pop(m, &m->pickle->root));
    return m->top ? FV_PICKLE_DAMAGED(m, "it ends with values left over") : FV_OK;
}

static fv_status op_mark(fv_pickle_machine *m, int n)
{
    (void)n;
    return fv_pickle_push_id(m, FV_PICKLE_NOTHING);
}

static fv_status op_none(fv_pickle_machine *m, int n)
{
    (void)n;
    return fv_pickle_push(m, &(fv_pickle_value){.kind = FV_PICKLE_NONE});
}

static fv_status op_bool(fv_pickle_machine *m, int n)
{
    return fv_pickle_push(m, &(fv_pickle_value){.kind = FV_PICKLE_BOOL, .as.integer = n});
}

/* n: bytes; negative: the last has the sign. */
static fv_status op_int(fv_pickle_machine *m, int n)
{
    uint64_t bits;
    int size = n < 0 ? -n : n;
    FV_TRY(fv_pickle_take_number(m, &bits, size));
    if (n < 0 && bits >> (8 * size - 1)) bits |= ~(uint64_t)0 << (8 * size - 1);
    return fv_pickle_push(m, &(fv_pickle_value){.kind = FV_PICKLE_INT, .as.integer = (int64_t)bits});
}

static fv_status op_long(fv_pickle_machine *m, int n)
{
    uint64_t size;
    const uint8_t *bytes;
    FV_TRY(fv_pickle_take_number(m, &size, n));
    if (size == 0) return fv_pickle_push(m, &(fv_pickle_value){.kind = FV_PICKLE_INT});
    if (size < 8) return op_int(m, -(int)size);
    FV_TRY(fv_pickle_take(m, &bytes, size));
    fv_pickle_value value = {.kind = FV_PICKLE_LONG, .as.text = {(const char *)bytes, (size_t)size}};
    if (size > 8) return fv_pickle_push(m, &value);
    m->at -= 8;
    return op_int(m, 8);
}

/* Eight bytes, big-endian, the only ones of the kind. */
static fv_status op_float(fv_pickle_machine *m, int n)
{
    const uint8_t *bytes;
    uint64_t bits = 0;
    fv_pickle_value value = {.kind = FV_PICKLE_FLOAT};
    FV_TRY(fv_pickle_take(m, &bytes, (uint64_t)n));
    for (int i = 0; i < n; i++) bits = bits << 8 | bytes[i];
    memcpy(&value.as.number, &bits, sizeof bits);
    return fv_pickle_push(m, &value);
}

static fv_status push_text(fv_pickle_machine *m, fv_pickle_kind kind, int n)
{
    uint64_t size;
    const uint8_t *bytes;
    FV_TRY(fv_pickle_take_number(m, &size, n));
    FV_TRY(fv_pickle_take(m, &bytes, size));
    return fv_pickle_push(m,
                          &(fv_pickle_value){.kind = kind, .as.text = {(const char *)bytes, (size_t)size}});
}

static fv_status op_string(fv_pickle_machine *m, int n)
{
    return push_text(m, FV_PICKLE_STRING, n);
}

static fv_status op_bytes(fv_pickle_machine *m, int n)
{
    return push_text(m, FV_PICKLE_BYTES, n);
}

static fv_status op_empty(fv_pickle_machine *m, int n)
{
    return fv_pickle_push(m, &(fv_pickle_value){.kind = (fv_pickle_kind)n, .depth = 1});
}

/* The container is about to hold the item. */
static fv_status deepen(fv_pickle_machine *m, fv_pickle_value *container, fv_pickle_id item)
{
    uint32_t depth = m->pickle->values[item].depth + 1;
    if (depth > FV_PICKLE_DEPTH_MOST)
        return fv_fail(m->err, FV_STATUS_MEMORY, "pickle nested deeper than %d levels; refused",
                       FV_PICKLE_DEPTH_MOST);
    if (depth > container->depth) container->depth = depth;
    return FV_OK;
}

/* n: number of items; negative: all above the mark. */
static fv_status op_tuple(fv_pickle_machine *m, int n)
{
    size_t first = m->top - (size_t)n;
    fv_pickle_value tuple = {.kind = FV_PICKLE_TUPLE, .depth = 1};
    if (n < 0) FV_TRY(fv_pickle_mark(m, &first));
    if (n > 0 && m->top < (size_t)n) return FV_PICKLE_DAMAGED(m, "it takes more values than it makes");
    for (size_t i = first; i < m->top; i++) {
        if (m->stack[i] == FV_PICKLE_NOTHING) return FV_PICKLE_DAMAGED(m, "a mark among values");
        FV_TRY(deepen(m, &tuple, m->stack[i]));
    }
    FV_TRY(fv_pickle_set_items(&tuple, m->stack + first, m->top - first, m->err));
    m->top = n < 0 ? first - 1 : first;
    return fv_pickle_push(m, &tuple);
}

/* Items from `first` of the stack on go into the list or dictionary below them. */
static fv_status extend(fv_pickle_machine *m, size_t first, size_t below, fv_pickle_kind kind)
{
    size_t count = m->top - first;
    m->top = below;
    fv_pickle_value *container = fv_pickle_top(m);
    if (!container || container->kind != kind)
        return FV_PICKLE_DAMAGED(m, "items for what is no %s",
                                 kind == FV_PICKLE_LIST ? "list" : "dictionary");
    if (kind == FV_PICKLE_DICT && count % 2) return FV_PICKLE_DAMAGED(m, "a key without a value");
    for (size_t i = 0; i < count; i++) {
        FV_TRY(deepen(m, container, m->stack[first + i]));
        FV_TRY(fv_pickle_append(container, m->stack[first + i], m->err));
    }
    return FV_OK;
}

static fv_status op_extend(fv_pickle_machine *m, int n)
{
    size_t first = 0;
    FV_TRY(fv_pickle_mark(m, &first));
    return extend(m, first, first - 1, (fv_pickle_kind)n);
}

static fv_status op_add(fv_pickle_machine *m, int n)
{
    size_t count = n == FV_PICKLE_DICT ? 2 : 1;
    if (m->top < count) return FV_PICKLE_DAMAGED(m, "it takes more values than it makes");
    for (size_t i = m->top - count; i < m->top; i++)
        if (m->stack[i] == FV_PICKLE_NOTHING) return FV_PICKLE_DAMAGED(m, "a mark among values");
    return extend(m, m->top - count, m->top - count, (fv_pickle_kind)n);
}

static fv_status op_put(fv_pickle_machine *m, int n)
{
    uint64_t slot = m->memo_next;
    if (n) FV_TRY(fv_pickle_take_number(m, &slot, n));
    return fv_pickle_remember(m, (size_t)slot);
}

static fv_status op_get(fv_pickle_machine *m, int n)
{
    uint64_t slot;
    FV_TRY(fv_pickle_take_number(m, &slot, n));
    return fv_pickle_recall(m, (size_t)slot);
}

/* --- what the caller answers --- */

static fv_status push_global(fv_pickle_machine *m, const char *module, size_t module_size, const char *name,
                             size_t name_size)
{
    fv_pickle_value value = {.kind = FV_PICKLE_GLOBAL};
    if (!m->caller) return fv_fail(m->err, FV_STATUS_UNSUPPORTED, "pickle that asks for names; refused");
    FV_TRY(m->caller->global(m->caller->context, &value, module, module_size, name, name_size, m->err));
    return fv_pickle_push(m, &value);
}

static fv_status op_global(fv_pickle_machine *m, int n)
{
    const char *module, *name;
    size_t module_size, name_size;
    (void)n;
    FV_TRY(fv_pickle_take_line(m, &module, &module_size));
    FV_TRY(fv_pickle_take_line(m, &name, &name_size));
    return push_global(m, module, module_size, name, name_size);
}

static fv_status op_stack_global(fv_pickle_machine *m, int n)
{
    fv_pickle_id name, module;
    (void)n;
    FV_TRY(fv_pickle_pop(m, &name));
    FV_TRY(fv_pickle_pop(m, &module));
    fv_pickle_value a = m->pickle->values[module], b = m->pickle->values[name];
    if (a.kind != FV_PICKLE_STRING || b.kind != FV_PICKLE_STRING)
        return FV_PICKLE_DAMAGED(m, "a name that is no string");
    return push_global(m, a.as.text.bytes, a.as.text.size, b.as.text.bytes, b.as.text.size);
}

static fv_status op_reduce(fv_pickle_machine *m, int n)
{
    fv_pickle_id arguments, function;
    fv_pickle_value result = {.kind = FV_PICKLE_OPAQUE};
    (void)n;
    FV_TRY(fv_pickle_pop(m, &arguments));
    FV_TRY(fv_pickle_pop(m, &function));
    fv_pickle_value f = m->pickle->values[function], a = m->pickle->values[arguments];
    if (a.kind != FV_PICKLE_TUPLE) return FV_PICKLE_DAMAGED(m, "a call whose arguments are no tuple");
    if (f.kind == FV_PICKLE_OPAQUE) return fv_pickle_push(m, &result);
    if (f.kind != FV_PICKLE_GLOBAL || !m->caller) return FV_PICKLE_DAMAGED(m, "a call of what is no name");
    result.depth = a.depth;
    fv_status status = m->caller->reduce(m->caller->context, m->pickle, &result, &f, &a, m->err);
    if (status == FV_OK) return fv_pickle_push(m, &result);
    fv_pickle_drop(&result);
    return status;
}

static fv_status op_persistent(fv_pickle_machine *m, int n)
{
    fv_pickle_id reference;
    fv_pickle_value result = {.kind = FV_PICKLE_OPAQUE};
    (void)n;
    FV_TRY(fv_pickle_pop(m, &reference));
    fv_pickle_value value = m->pickle->values[reference];
    if (!m->caller) return FV_PICKLE_DAMAGED(m, "a reference to something outside");
    FV_TRY(m->caller->persistent(m->caller->context, m->pickle, &result, &value, m->err));
    return fv_pickle_push(m, &result);
}

/* Attributes of a dictionary (PyTorch notes versions there) or of something opaque: not kept. */
static fv_status op_build(fv_pickle_machine *m, int n)
{
    fv_pickle_id state;
    (void)n;
    FV_TRY(fv_pickle_pop(m, &state));
    const fv_pickle_value *object = fv_pickle_top(m);
    if (object && (object->kind == FV_PICKLE_DICT || object->kind == FV_PICKLE_OPAQUE)) return FV_OK;
    return FV_PICKLE_DAMAGED(m, "attributes for what has none");
}

static fv_status op_refused(fv_pickle_machine *m, int n)
{
    static const char *const names[] = {
        "POP",      "POP_MARK",  "DUP",       "INST",        "OBJ",
        "NEWOBJ",   "NEWOBJ_EX", "EXT1",      "EXT2",        "EXT4",
        "INT",      "FLOAT",     "LONG",      "STRING",      "UNICODE",
        "GET",      "PUT",       "PERSID",    "LIST",        "DICT",
        "ADDITEMS", "EMPTY_SET", "FROZENSET", "NEXT_BUFFER", "READONLY_BUFFER"};
    return fv_fail(m->err, FV_STATUS_UNSUPPORTED,
                   "pickle with the instruction %s, which weights do not need; refused", names[n]);
}

typedef struct instruction {
    fv_status (*run)(fv_pickle_machine *m, int n);
    int n;
} instruction;

static const instruction instructions[256] = {
    [0x80] = {op_proto, 1},
    [0x95] = {op_skip, 8}, /* FRAME */
    ['.'] = {op_stop, 0},
    ['('] = {op_mark, 0},
    ['N'] = {op_none, 0},
    [0x88] = {op_bool, 1},
    [0x89] = {op_bool, 0},
    ['K'] = {op_int, 1},
    ['M'] = {op_int, 2},
    ['J'] = {op_int, -4},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['G'] = {op_float, 8},
    ['U'] = {op_string, 1},
    ['T'] = {op_string, 4},
    [0x8c] = {op_string, 1},
    ['X'] = {op_string, 4},
    [0x8d] = {op_string, 8},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [')'] = {op_empty, FV_PICKLE_TUPLE},
    [']'] = {op_empty, FV_PICKLE_LIST},
    ['}'] = {op_empty, FV_PICKLE_DICT},
    ['t'] = {op_tuple, -1},
    [0x85] = {op_tuple, 1},
    [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['a'] = {op_add, FV_PICKLE_LIST},
    ['s'] = {op_add, FV_PICKLE_DICT},
    ['e'] = {op_extend, FV_PICKLE_LIST},
    ['u'] = {op_extend, FV_PICKLE_DICT},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_put, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 0},
    ['R'] = {op_reduce, 0},
    ['Q'] = {op_persistent, 0},
    ['b'] = {op_build, 0},
    ['0'] = {op_refused, 0},
    ['1'] = {op_refused, 1},
    ['2'] = {op_refused, 2},
    ['i'] = {op_refused, 3},
    ['o'] = {op_refused, 4},
    [0x81] = {op_refused, 5},
    [0x92] = {op_refused, 6},
    [0x82] = {op_refused, 7},
    [0x83] = {op_refused, 8},
    [0x84] = {op_refused, 9},
    ['I'] = {op_refused, 10},
    ['F'] = {op_refused, 11},
    ['L'] = {op_refused, 12},
    ['S'] = {op_refused, 13},
    ['V'] = {op_refused, 14},
    ['g'] = {op_refused, 15},
    ['p'] = {op_refused, 16},
    ['P'] = {op_refused, 17},
    ['l'] = {op_refused, 18},
    ['d'] = {op_refused, 19},
    [0x90] = {op_refused, 20},
    [0x8f] = {op_refused, 21},
    [0x91] = {op_refused, 22},
    [0x97] = {op_refused, 23},
    [0x98] = {op_refused, 24},
};

fv_status fv_pickle_run(fv_pickle *pickle, const void *bytes, size_t size, size_t *used,
                        const fv_pickle_caller *caller, fv_error *err)
{
    fv_status status = FV_OK;
    const uint8_t *start = bytes;
    fv_pickle_machine m = {.pickle = pickle, .caller = caller, .at = start, .end = start + size, .err = err};
    while (!m.stopped && status == FV_OK) {
        const uint8_t *op = m.at;
        if (op == m.end) {
            status = FV_PICKLE_DAMAGED(&m, "it ends in the middle");
        } else if (!instructions[*op].run) {
            status = FV_PICKLE_DAMAGED(&m, "byte %zu is no instruction", (size_t)(op - start));
        } else {
            m.at++;
            status = instructions[*op].run(&m, instructions[*op].n);
        }
    }
    *used = (size_t)(m.at - start);
    fv_free(m.stack);
    fv_free(m.memo);
    return status;
}
