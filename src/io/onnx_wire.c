/* Depth guard in front of the protobuf parser: an explicit stack, no recursion, no allocation. */
#include "io/onnx.h"

enum { MAX_DEPTH = 32 };

typedef struct frame {
    const ProtobufCMessageDescriptor *message;
    const uint8_t *end;
} frame;

static int read_varint(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && *p < end; shift += 7) {
        uint8_t byte = *(*p)++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128)) return 1;
    }
    return 0;
}

static const ProtobufCMessageDescriptor *sub_message(const ProtobufCMessageDescriptor *message, uint64_t key)
{
    uint64_t number = key >> 3;
    if (number == 0 || number > 0x1fffffff) return NULL;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(message, (unsigned)number);
    return field && field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

/* Bytes that follow the key of a field, or -1 where there is no such field. */
static int payload(uint64_t key, const uint8_t **p, const uint8_t *end, uint64_t *length)
{
    uint64_t ignored;
    *length = 0;
    switch (key & 7) {
    case 0:
        return read_varint(p, end, &ignored) ? 0 : -1;
    case 1:
        *length = 8;
        return 0;
    case 2:
        return read_varint(p, end, length) ? 0 : -1;
    case 5:
        *length = 4;
        return 0;
    default:
        return -1;
    }
}

fv_wire fv_onnx_wire_check(const uint8_t *bytes, size_t size)
{
    frame stack[MAX_DEPTH] = {{&onnx__model_proto__descriptor, bytes + size}};
    const uint8_t *p = bytes;
    int top = 0;
    for (;;) {
        while (p == stack[top].end)
            if (top-- == 0) return FV_WIRE_OK;
        fv_wire problem = top == 0 ? FV_WIRE_TRUNCATED : FV_WIRE_DAMAGED;
        const uint8_t *end = stack[top].end;
        uint64_t key, length;
        if (!read_varint(&p, end, &key)) return problem;
        if (payload(key, &p, end, &length) < 0) return p == end ? problem : FV_WIRE_DAMAGED;
        if (length > (uint64_t)(end - p)) return problem;
        const ProtobufCMessageDescriptor *inner =
            (key & 7) == 2 ? sub_message(stack[top].message, key) : NULL;
        if (!inner) {
            p += length;
        } else {
            if (++top == MAX_DEPTH) return FV_WIRE_DEEP;
            stack[top] = (frame){inner, p + length};
        }
    }
}
