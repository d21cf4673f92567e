#include "io/pickle_machine.h"

#include "base/alloc.h"
#include <string.h>

enum { STACK_MOST = 1 << 16, MEMO_MOST = FV_PICKLE_VALUES_MOST, NAME_MOST = 256, FIRST_ROOM = 64 };

#define TOO_MUCH(m, what)                                                                                    \
    fv_fail((m)->err, FV_STATUS_MEMORY, "pickle with more %s than any weight file needs", what)

/* --- values --- */

const fv_pickle_value *fv_pickle_item(const fv_pickle *pickle, const fv_pickle_value *container, size_t i)
{
    return &pickle->values[container->as.items.ids[i]];
}

int fv_pickle_is_text(const fv_pickle_value *value, const char *text)
{
    size_t n = strlen(text);
    return value->kind == FV_PICKLE_STRING && value->as.text.size == n &&
           memcmp(value->as.text.bytes, text, n) == 0;
}

fv_status fv_pickle_append(fv_pickle_value *value, fv_pickle_id id, fv_error *err)
{
    if (value->as.items.count == value->as.items.room) {
        uint32_t room = value->as.items.room ? 2 * value->as.items.room : 4;
        FV_TRY(fv_realloc(&value->as.items.ids, room, sizeof id, err));
        value->as.items.room = room;
    }
    value->as.items.ids[value->as.items.count++] = id;
    return FV_OK;
}

fv_status fv_pickle_set_items(fv_pickle_value *value, const fv_pickle_id *ids, size_t count, fv_error *err)
{
    if (!count) return FV_OK;
    FV_TRY(fv_calloc(&value->as.items.ids, count, sizeof *ids, err));
    memcpy(value->as.items.ids, ids, count * sizeof *ids);
    value->as.items.count = value->as.items.room = (uint32_t)count;
    return FV_OK;
}

static int has_items(const fv_pickle_value *value)
{
    return value->kind == FV_PICKLE_TUPLE || value->kind == FV_PICKLE_LIST || value->kind == FV_PICKLE_DICT;
}

void fv_pickle_drop(fv_pickle_value *value)
{
    if (has_items(value)) fv_free(value->as.items.ids);
}

void fv_pickle_free(fv_pickle *pickle)
{
    for (size_t i = 0; i < pickle->count; i++) fv_pickle_drop(&pickle->values[i]);
    fv_free(pickle->values);
    *pickle = (fv_pickle){0};
}

/* --- stack and memo --- */

fv_status fv_pickle_push_id(fv_pickle_machine *m, fv_pickle_id id)
{
    if (m->top == m->stack_room) {
        size_t room = m->stack_room ? 2 * m->stack_room : FIRST_ROOM;
        if (room > STACK_MOST) return TOO_MUCH(m, "values waiting on its stack");
        FV_TRY(fv_realloc(&m->stack, room, sizeof *m->stack, m->err));
        m->stack_room = room;
    }
    m->stack[m->top++] = id;
    return FV_OK;
}

fv_status fv_pickle_push(fv_pickle_machine *m, const fv_pickle_value *value)
{
    fv_status status = FV_OK;
    fv_pickle *p = m->pickle;
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : FIRST_ROOM;
        status = room > FV_PICKLE_VALUES_MOST ? TOO_MUCH(m, "values")
                                              : fv_realloc(&p->values, room, sizeof *p->values, m->err);
        if (status == FV_OK) p->room = room;
    }
    if (status != FV_OK) {
        fv_pickle_value dropped = *value;
        fv_pickle_drop(&dropped);
        return status;
    }
    p->values[p->count] = *value;
    return fv_pickle_push_id(m, (fv_pickle_id)p->count++);
}

fv_pickle_value *fv_pickle_top(fv_pickle_machine *m)
{
    if (!m->top || m->stack[m->top - 1] == FV_PICKLE_NOTHING) return NULL;
    return &m->pickle->values[m->stack[m->top - 1]];
}

fv_status fv_pickle_pop(fv_pickle_machine *m, fv_pickle_id *id)
{
    if (!fv_pickle_top(m)) return FV_PICKLE_DAMAGED(m, "it takes more values than it makes");
    *id = m->stack[--m->top];
    return FV_OK;
}

fv_status fv_pickle_mark(fv_pickle_machine *m, size_t *first)
{
    size_t i = m->top;
    while (i && m->stack[i - 1] != FV_PICKLE_NOTHING) i--;
    if (!i) return FV_PICKLE_DAMAGED(m, "a mark is missing");
    *first = i;
    return FV_OK;
}

fv_status fv_pickle_remember(fv_pickle_machine *m, size_t slot)
{
    if (!fv_pickle_top(m)) return FV_PICKLE_DAMAGED(m, "nothing to remember");
    if (slot >= MEMO_MOST) return TOO_MUCH(m, "memo entries");
    if (slot >= m->memo_room) {
        size_t room = m->memo_room ? m->memo_room : FIRST_ROOM;
        while (room <= slot) room *= 2;
        FV_TRY(fv_realloc(&m->memo, room, sizeof *m->memo, m->err));
        memset(m->memo + m->memo_room, 0xff, (room - m->memo_room) * sizeof *m->memo); /* FV_PICKLE_NOTHING */
        m->memo_room = room;
    }
    m->memo[slot] = m->stack[m->top - 1];
    if (slot >= m->memo_next) m->memo_next = slot + 1;
    return FV_OK;
}

fv_status fv_pickle_recall(fv_pickle_machine *m, size_t slot)
{
    if (slot >= m->memo_room || m->memo[slot] == FV_PICKLE_NOTHING)
        return FV_PICKLE_DAMAGED(m, "memo entry %zu is not set", slot);
    return fv_pickle_push_id(m, m->memo[slot]);
}

/* --- arguments of instructions --- */

fv_status fv_pickle_take(fv_pickle_machine *m, const uint8_t **bytes, uint64_t size)
{
    if ((uint64_t)(m->end - m->at) < size) return FV_PICKLE_DAMAGED(m, "it ends in the middle");
    *bytes = m->at;
    m->at += size;
    return FV_OK;
}

fv_status fv_pickle_take_number(fv_pickle_machine *m, uint64_t *number, int n)
{
    const uint8_t *bytes = NULL;
    FV_TRY(fv_pickle_take(m, &bytes, (uint64_t)n));
    *number = 0;
    for (int i = 0; i < n; i++) *number |= (uint64_t)bytes[i] << (8 * i);
    return FV_OK;
}

fv_status fv_pickle_take_line(fv_pickle_machine *m, const char **text, size_t *size)
{
    size_t left = (size_t)(m->end - m->at);
    const uint8_t *end = memchr(m->at, '\n', left < NAME_MOST ? left : NAME_MOST);
    if (!end) return FV_PICKLE_DAMAGED(m, "a name does not end");
    *text = (const char *)m->at;
    *size = (size_t)(end - m->at);
    m->at = end + 1;
    return FV_OK;
}
