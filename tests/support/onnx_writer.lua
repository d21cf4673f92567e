-- Writes ONNX files from tables: a protobuf encoder of the fields that specs need, right and wrong alike.
--
--   onnx.model {
--     opset = 13, inputs = { { "x", { 1, 3, 8, 8 } } }, outputs = { { "y" } },
--     initializers = { onnx.tensor("w", { 4, 3, 3, 3 }, values) },
--     nodes = { onnx.node("Conv", { "x", "w" }, { "y" }, { pads = { 1, 1, 1, 1 } }, "/conv1/Conv") },
--   }
local M = {}

-- wire format ---------------------------------------------------------------------------------------------------------

local function varint(n)
  local bytes = {}
  repeat
    local low = n & 127
    n = n >> 7
    bytes[#bytes + 1] = string.char(n ~= 0 and low | 128 or low)
  until n == 0
  return table.concat(bytes)
end

local function int(field, n)
  return n and varint(field << 3) .. varint(n) or ""
end

local function bytes(field, s)
  return s and varint(field << 3 | 2) .. varint(#s) .. s or ""
end

local function float(field, x)
  return x and varint(field << 3 | 5) .. string.pack("<f", x) or ""
end

--- encode(item) for each item of a list, as repeated messages or strings of a field.
local function each(field, list, encode)
  local out = {}
  for i, item in ipairs(list or {}) do out[i] = bytes(field, encode and encode(item) or item) end
  return table.concat(out)
end

local function packed(field, list, format)
  if not list then return "" end
  local out = {}
  for i, x in ipairs(list) do out[i] = format and string.pack(format, x) or varint(x) end
  return bytes(field, table.concat(out))
end

--- key = value entries, sorted so that files do not depend on the order of pairs().
local function entries(field, map)
  local keys = {}
  for key in pairs(map or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  return each(field, keys, function(key) return bytes(1, key) .. bytes(2, map[key]) end)
end

M.varint, M.field = varint, bytes

-- tensors -------------------------------------------------------------------------------------------------------------

-- name -> number, format of one raw element, field of typed elements
local types = {
  float32 = { 1, "<f", 4 }, uint8 = { 2, "B", 5 }, int8 = { 3, "b", 5 }, uint16 = { 4, "<I2", 5 },
  int16 = { 5, "<i2", 5 }, int32 = { 6, "<i4", 5 }, int64 = { 7, "<i8", 7 }, string = { 8 }, bool = { 9, "B", 5 },
  float16 = { 10, "<I2", 5 }, float64 = { 11, "<d", 10 }, uint32 = { 12, "<I4", 11 }, uint64 = { 13, "<I8", 11 },
  bfloat16 = { 16, "<I2", 5 },
}

--- A tensor. `values` are numbers (bit patterns for the 16-bit floats).
---@param options? table type ("float32"), typed (fields instead of raw bytes), raw (bytes), external (a map),
--- data_type (a number instead of the type's)
function M.tensor(name, dims, values, options)
  options = options or {}
  return { is_tensor = true, name = name, dims = dims, values = values, options = options }
end

function M.ints(name, values, dims)
  return M.tensor(name, dims or { #values }, values, { type = "int64" })
end

local typed_formats = { [4] = "<f", [10] = "<d" }

local function tensor(t)
  local o = t.options
  local kind = types[o.type or "float32"]
  local out = packed(1, t.dims) .. int(2, o.data_type or kind[1]) .. bytes(8, t.name)
  if o.external then return out .. entries(13, o.external) .. int(14, 1) end
  if o.raw then return out .. bytes(9, o.raw) end
  if o.typed then return out .. packed(kind[3], t.values, typed_formats[kind[3]]) end
  local raw = {}
  for i, x in ipairs(t.values) do raw[i] = string.pack(kind[2], x) end
  return out .. bytes(9, table.concat(raw))
end

-- nodes and graphs ----------------------------------------------------------------------------------------------------

---@param op string operator, "domain:operator" for another domain
---@param options? table metadata, references { attribute = name of the function's attribute }
function M.node(op, inputs, outputs, attributes, name, options)
  local domain, plain = op:match("^(.*):(.*)$")
  return {
    op = plain or op, domain = domain, inputs = inputs, outputs = outputs, attributes = attributes, name = name,
    options = options or {},
  }
end

local graph

--- Number of AttributeProto.type and the encoded value.
local function attribute_value(value)
  if math.type(value) == "integer" then return 2, int(3, value) end
  if type(value) == "number" then return 1, float(2, value) end
  if type(value) == "string" then return 3, bytes(4, value) end
  if value.is_tensor then return 4, bytes(5, tensor(value)) end
  if value.nodes then return 5, bytes(6, graph(value)) end
  if math.type(value[1]) == "float" then return 6, packed(7, value, "<f") end
  if type(value[1]) == "string" then return 8, each(9, value) end
  return 7, packed(8, value)
end

local function node(n)
  local names, attributes = {}, {}
  for name in pairs(n.attributes or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local kind, value = attribute_value(n.attributes[name])
    attributes[i] = bytes(1, name) .. value .. int(20, kind)
  end
  for name, outer in pairs(n.options.references or {}) do
    attributes[#attributes + 1] = bytes(1, name) .. bytes(21, outer) .. int(20, 2)
  end
  return each(1, n.inputs) .. each(2, n.outputs) .. bytes(3, n.name) .. bytes(4, n.op) .. each(5, attributes)
    .. bytes(7, n.domain) .. entries(9, n.options.metadata)
end

--- A dimension: number, symbol, or false for unknown.
local function dimension(d)
  if math.type(d) == "integer" then return int(1, d) end
  return d and bytes(2, d) or ""
end

--- { name, dims, elem_type }
local function value_info(v)
  local shape = v[2] and bytes(2, each(1, v[2], dimension)) or ""
  return bytes(1, v[1]) .. bytes(2, bytes(1, int(1, v[3] or 1) .. shape))
end

function graph(g)
  return each(1, g.nodes, node) .. bytes(2, g.name or "graph") .. each(5, g.initializers, tensor)
    .. each(11, g.inputs, value_info) .. each(12, g.outputs, value_info)
end

local function opset(version, domain)
  return bytes(1, domain or "") .. int(2, version)
end

--- { name, domain, inputs, outputs, attributes (names), nodes, opset }
local function local_function(f)
  return bytes(1, f.name) .. each(4, f.inputs) .. each(5, f.outputs) .. each(6, f.attributes)
    .. each(7, f.nodes, node) .. bytes(9, opset(f.opset or 18)) .. bytes(10, f.domain)
end

--- The bytes of a model.
---@param m table the fields of a graph, and opset (13), ir_version (8), producer ("pytorch"), functions, metadata
---@return string
function M.model(m)
  return int(1, m.ir_version or 8) .. bytes(2, m.producer or "pytorch") .. bytes(3, "2.0") .. bytes(7, graph(m))
    .. bytes(8, opset(m.opset or 13)) .. entries(14, m.metadata) .. each(25, m.functions, local_function)
end

return M
