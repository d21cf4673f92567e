-- TIFF files of many kinds, also broken ones, made without any library: uncompressed, or stored deflate blocks.
local zlib = require("support.png_maker").zlib

local M = {}

M.SHORT, M.LONG = 3, 4
local PACK = { [3] = "I2", [4] = "I4" }

-- An entry of a directory: the values themselves where they fit into four bytes, otherwise appended to `extra`.
local function entry(order, tag, kind, values, extra, base)
  local packed = {}
  for i, value in ipairs(values) do packed[i] = string.pack(order .. PACK[kind], value) end
  local bytes = table.concat(packed)
  if #bytes > 4 then
    local at = base + #table.concat(extra)
    extra[#extra + 1] = bytes
    bytes = string.pack(order .. "I4", at)
  end
  return string.pack(order .. "I2I2I4", tag, kind, #values) .. bytes .. ("\0"):rep(4 - #bytes)
end

-- One page at position `base` of the file: its bytes, beginning with the directory.
local function page_bytes(order, page, base, is_last)
  local tags, blocks = {}, page.blocks
  local function tag(id, kind, ...) tags[#tags + 1] = { id, kind, { ... } } end
  tag(256, M.LONG, page.width)
  tag(257, M.LONG, page.height)
  local bits = {}
  for i = 1, page.samples or 1 do bits[i] = page.bits or 8 end
  tag(258, M.SHORT, table.unpack(bits))
  tag(259, M.SHORT, page.deflate and 8 or page.compression or 1)
  if page.photometric ~= false then tag(262, M.SHORT, page.photometric or 1) end
  if page.orientation then tag(274, M.SHORT, page.orientation) end
  tag(277, M.SHORT, page.samples or 1)
  tag(284, M.SHORT, page.separate and 2 or 1)
  if page.palette then tag(320, M.SHORT, table.unpack(page.palette)) end
  if page.alpha then tag(338, M.SHORT, page.alpha) end
  if page.format then tag(339, M.SHORT, page.format) end
  for _, extra in ipairs(page.tags or {}) do tags[#tags + 1] = extra end
  local data, offsets, sizes, stored = {}, {}, {}, page.deflate and zlib or function(bytes) return bytes end
  for i, block in ipairs(blocks) do data[i] = stored(block) end
  if page.tile then
    tag(322, M.LONG, page.tile[1])
    tag(323, M.LONG, page.tile[2])
  else
    tag(278, M.LONG, page.rows_per_strip or page.height)
  end
  local directory = 2 + 12 * (#tags + 2) + 4
  local extra_at, extra = base + directory, {}
  local function pack_all(where)
    table.sort(tags, function(a, b) return a[1] < b[1] end)
    local out = {}
    for i, t in ipairs(tags) do out[i] = entry(order, t[1], t[2], t[3], extra, where) end
    return table.concat(out)
  end
  for i in ipairs(data) do offsets[i], sizes[i] = 0, #data[i] end
  tags[#tags + 1] = { page.tile and 324 or 273, M.LONG, offsets }
  tags[#tags + 1] = { page.tile and 325 or 279, M.LONG, sizes }
  pack_all(extra_at) -- to learn how long the lists are
  local at = extra_at + #table.concat(extra)
  for i, bytes in ipairs(data) do offsets[i], at = at, at + #bytes end
  extra = {}
  local entries = pack_all(extra_at)
  local body = table.concat(extra) .. table.concat(data)
  local next_page = is_last and 0 or base + directory + #body
  return string.pack(order .. "I2", #tags) .. entries .. string.pack(order .. "I4", next_page) .. body
end

--- A TIFF file of pages { width, height, bits, samples, format, photometric, blocks = { bytes of strips or tiles },
--- rows_per_strip, tile = { width, height }, separate, deflate, palette, alpha, orientation, compression, tags }.
function M.tiff(pages, big_endian)
  local order = big_endian and ">" or "<"
  if pages.width then pages = { pages } end
  local parts, at = { (big_endian and "MM\0*" or "II*\0") .. string.pack(order .. "I4", 8) }, 8
  for i, page in ipairs(pages) do
    parts[i + 1] = page_bytes(order, page, at, i == #pages)
    at = at + #parts[i + 1]
  end
  return table.concat(parts)
end

--- Numbers as bytes: "u1", "i2", "f4", ... in the order of the file.
function M.numbers(kind, values, big_endian)
  local format = (big_endian and ">" or "<") .. ({ u1 = "I1", i1 = "i1", u2 = "I2", i2 = "i2", u4 = "I4", i4 = "i4",
    f4 = "f" })[kind]
  local parts = {}
  for i, value in ipairs(values) do parts[i] = string.pack(format, value) end
  return table.concat(parts)
end

return M
