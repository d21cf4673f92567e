-- Writes pickles, and the zip archives and streams of torch.save, from tables: what specs need, right and wrong alike.
--
--   pickle_writer.zip { state = pickle_writer.dict { { "w", pickle_writer.tensor({ 2, 3 }, values) } } }
local M = {}

-- pickles -------------------------------------------------------------------------------------------------------------

local function wrap(bytes) return { bytes = bytes } end

--- A value of which the bytes are given.
function M.raw(bytes) return wrap(bytes) end

function M.global(module, name) return wrap(("c%s\n%s\n"):format(module, name)) end

local function text(s) return "X" .. string.pack("<s4", s) end

local function long(n)
  if n >= 0 and n < 256 then return "K" .. string.char(n) end
  if n >= -0x80000000 and n < 0x80000000 then return "J" .. string.pack("<i4", n) end
  return "\x8a\8" .. string.pack("<i8", n)
end

--- The bytes of a value: nil, boolean, number, string or what the functions here return.
local function encode(value)
  if value == nil then return "N" end
  if type(value) == "table" then return value.bytes end
  if type(value) == "boolean" then return value and "\x88" or "\x89" end
  if math.type(value) == "integer" then return long(value) end
  if type(value) == "number" then return "G" .. string.pack(">d", value) end
  return text(value)
end
M.encode = encode

local function each(values)
  local out = {}
  for i = 1, values.n or #values do out[i] = encode(values[i]) end
  return table.concat(out)
end

function M.tuple(values)
  return wrap(#values == 0 and not values.n and ")" or "(" .. each(values) .. "t")
end

function M.list(values) return wrap("](" .. each(values) .. "e") end

local function items(pairs_list)
  local out = {}
  for i, pair in ipairs(pairs_list) do out[i] = encode(pair[1]) .. encode(pair[2]) end
  return "(" .. table.concat(out) .. "u"
end

--- { { key, value }, ... }
function M.dict(pairs_list) return wrap("}" .. items(pairs_list)) end

function M.ordered(pairs_list) return wrap("ccollections\nOrderedDict\n)R" .. items(pairs_list)) end

--- A call: function and a tuple of arguments.
function M.call(fn, arguments) return wrap(fn.bytes .. M.tuple(arguments).bytes .. "R") end

--- A whole pickle of one value; protocol 2.
function M.pickle(value, protocol) return "\x80" .. string.char(protocol or 2) .. encode(value) .. "." end

-- tensors -------------------------------------------------------------------------------------------------------------

-- storage class, string.pack format (bit patterns for the 16-bit floats)
local types = {
  float32 = { "Float", "<f", 4 }, float64 = { "Double", "<d", 8 }, float16 = { "Half", "<I2", 2 },
  bfloat16 = { "BFloat16", "<I2", 2 }, int64 = { "Long", "<i8", 8 }, int32 = { "Int", "<i4", 4 },
  int16 = { "Short", "<i2", 2 }, int8 = { "Char", "b", 1 }, uint8 = { "Byte", "B", 1 }, bool = { "Bool", "B", 1 },
}

--- A storage that tensors can share.
---@param options? table type ("float32"), key (numbers from 0), claim (count to write instead of the true one)
function M.storage(values, options)
  return { values = values, options = options or {} }
end

local function contiguous(shape)
  local stride, step = {}, 1
  for axis = #shape, 1, -1 do stride[axis], step = step, step * shape[axis] end
  return stride
end

--- A tensor of values (its own storage) or of a storage.
---@param options? table type, offset, stride, parameter, claim, part { key, first, count } (streams only)
function M.tensor(shape, values, options)
  options = options or {}
  local storage = values.values and values or M.storage(values, options)
  return { tensor = true, shape = shape, storage = storage, options = options }
end

--- Replaces tensors in a tree of { key, value } lists by their pickles, collecting the storages in order.
local function reference(storage, found, part)
  local kind = types[storage.options.type or "float32"]
  if not found[storage] then
    found[#found + 1] = storage
    found[storage] = storage.options.key or tostring(#found - 1)
  end
  local fields = { "storage", M.global("torch", kind[1] .. "Storage"), found[storage], "cpu",
    storage.options.claim or #storage.values, part or nil, n = part ~= false and 6 or 5 }
  return wrap(M.tuple(fields).bytes .. "Q")
end

local function tensor_pickle(t, found, stream)
  local part = stream and (t.options.part and M.tuple(t.options.part) or nil)
  if not stream then part = false end
  local rebuilt = M.call(M.global("torch._utils", "_rebuild_tensor_v2"), { reference(t.storage, found, part),
    t.options.offset or 0, M.tuple(t.shape), M.tuple(t.options.stride or contiguous(t.shape)), false,
    M.ordered {} })
  if not t.options.parameter then return rebuilt end
  return M.call(M.global("torch._utils", "_rebuild_parameter"), { rebuilt, true, M.ordered {} })
end

--- { { name, tensor or value or another such list }, ... } as an OrderedDict.
local function state_pickle(state, found, stream)
  if state.bytes then return state end
  local list = {}
  for i, pair in ipairs(state) do
    local value = pair[2]
    if type(value) == "table" and value.tensor then
      value = tensor_pickle(value, found, stream)
    elseif type(value) == "table" and not value.bytes then
      value = state_pickle(value, found, stream)
    end
    list[i] = { pair[1], value }
  end
  return M.ordered(list)
end

local function storage_bytes(storage)
  local kind, out = types[storage.options.type or "float32"], {}
  for i, value in ipairs(storage.values) do out[i] = string.pack(kind[2], value) end
  return table.concat(out)
end

-- zip -----------------------------------------------------------------------------------------------------------------

local crc_table = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = c & 1 == 1 and c >> 1 ~ 0xedb88320 or c >> 1 end
  crc_table[i] = c
end

local function crc32(s)
  local c = 0xffffffff
  for i = 1, #s do c = c >> 8 ~ crc_table[(c ~ s:byte(i)) & 255] end
  return c ~ 0xffffffff
end

--- Deflate without compression: stored blocks.
local function deflated(s)
  local out = {}
  for at = 1, math.max(#s, 1), 65535 do
    local part = s:sub(at, at + 65534)
    out[#out + 1] = string.pack("<BI2I2", at + 65535 > #s and 1 or 0, #part, ~#part & 0xffff) .. part
  end
  return table.concat(out)
end

--- A zip archive. Entries: { name, content, method = 0 | 8 | another, size = claim, packed = claim, crc = claim,
--- flags = general purpose bits }
function M.archive(entries)
  local body, directory, at = {}, {}, 0
  for _, entry in ipairs(entries) do
    local data = entry.method == 8 and deflated(entry[2]) or entry[2]
    local common = string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, entry.flags or 0, entry.method or 0, 0, 33,
      entry.crc or crc32(entry[2]), entry.packed or #data, entry.size or #entry[2], #entry[1], 0)
    local here = "PK\3\4" .. common .. entry[1] .. data
    body[#body + 1] = here
    directory[#directory + 1] = "PK\1\2" .. string.pack("<I2", 20) .. common
      .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, at) .. entry[1]
    at = at + #here
  end
  local list = table.concat(directory)
  return table.concat(body) .. list
    .. "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #entries, #entries, #list, at, 0)
end

-- files of torch.save -------------------------------------------------------------------------------------------------

--- The zip file of PyTorch 1.6 and later.
---@param file table state: { { name, tensor }, ... } or a value; pickle: its bytes instead; folder ("archive");
--- method of the entries; extra: more entries; order: content of "byteorder"
function M.zip(file)
  local found, folder = {}, file.folder or "archive"
  local content = file.pickle or M.pickle(state_pickle(file.state, found, false), file.protocol)
  local entries = { { folder .. "/data.pkl", content, method = file.method } }
  if file.order then entries[#entries + 1] = { folder .. "/byteorder", file.order } end
  for i, storage in ipairs(found) do
    entries[#entries + 1] = { ("%s/data/%s"):format(folder, found[found[i]]), storage_bytes(storage),
      method = file.method }
  end
  entries[#entries + 1] = { folder .. "/version", "3\n" }
  for _, entry in ipairs(file.extra or {}) do entries[#entries + 1] = entry end
  return M.archive(entries)
end

--- The stream of older versions.
---@param file table state; little (true), version (1001), keys: list instead of the true one, cut: bytes left off
function M.stream(file)
  local found, keys, blocks = {}, {}, {}
  local content = M.pickle(state_pickle(file.state, found, true))
  for i, storage in ipairs(found) do
    keys[i] = found[storage]
    blocks[i] = string.pack("<i8", storage.options.claim or #storage.values) .. storage_bytes(storage)
  end
  local system = M.dict { { "protocol_version", 1001 }, { "little_endian", file.little ~= false } }
  local bytes = M.pickle(wrap("\x8a\10\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")) .. M.pickle(file.version or 1001)
    .. M.pickle(system) .. content .. M.pickle(M.list(file.keys or keys)) .. table.concat(blocks)
  return bytes:sub(1, #bytes - (file.cut or 0))
end

return M
