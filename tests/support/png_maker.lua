-- PNG files of every kind, also broken ones, made without any library: stored (uncompressed) deflate blocks.
local M = {}

local crc_table = {}
for n = 0, 255 do
  local c = n
  for _ = 1, 8 do c = c & 1 == 1 and 0xEDB88320 ~ (c >> 1) or c >> 1 end
  crc_table[n] = c
end

local function crc32(bytes)
  local c = 0xFFFFFFFF
  for i = 1, #bytes do c = crc_table[(c ~ bytes:byte(i)) & 255] ~ (c >> 8) end
  return c ~ 0xFFFFFFFF
end

local function adler32(bytes)
  local a, b = 1, 0
  for i = 1, #bytes do
    a = (a + bytes:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return b << 16 | a
end

M.signature = "\x89PNG\r\n\x1a\n"

--- A chunk with its length and checksum.
function M.chunk(name, content)
  return string.pack(">I4", #content) .. name .. content .. string.pack(">I4", crc32(name .. content))
end

--- The IHDR chunk.
function M.header(width, height, bit_depth, colour_type, interlaced)
  return M.chunk("IHDR", string.pack(">I4I4BBBBB", width, height, bit_depth, colour_type, 0, 0, interlaced and 1 or 0))
end

--- A zlib stream of stored blocks.
function M.zlib(bytes)
  local parts = { "\x78\x01" }
  for first = 1, math.max(#bytes, 1), 65535 do
    local block = bytes:sub(first, first + 65534)
    local last = first + 65535 > #bytes
    parts[#parts + 1] = string.pack("<BI2I2", last and 1 or 0, #block, ~#block & 0xFFFF) .. block
  end
  parts[#parts + 1] = string.pack(">I4", adler32(bytes))
  return table.concat(parts)
end

-- Samples of 1 to 16 bits, most significant first, filled up to a byte.
local function pack_samples(samples, bit_depth)
  local bytes, held, bits = {}, 0, 0
  for _, sample in ipairs(samples) do
    held, bits = held << bit_depth | sample, bits + bit_depth
    while bits >= 8 do
      bytes[#bytes + 1] = string.char(held >> (bits - 8) & 255)
      bits = bits - 8
      held = held & ((1 << bits) - 1)
    end
  end
  if bits > 0 then bytes[#bytes + 1] = string.char(held << (8 - bits) & 255) end
  return table.concat(bytes)
end

local whole = { { 0, 0, 1, 1 } }
local adam7 = { { 0, 0, 8, 8 }, { 4, 0, 8, 8 }, { 0, 4, 4, 8 }, { 2, 0, 4, 4 },
  { 0, 2, 2, 4 }, { 1, 0, 2, 2 }, { 0, 1, 1, 2 } }

-- Filter byte 0 and samples of every row of every pass.
local function scan_lines(image)
  local lines = {}
  for _, pass in ipairs(image.interlaced and adam7 or whole) do
    local x0, y0, dx, dy = table.unpack(pass)
    for y = y0, image.height - 1, dy do
      local samples = {}
      for x = x0, image.width - 1, dx do
        for _, sample in ipairs(image.pixel(x, y)) do samples[#samples + 1] = sample end
      end
      if #samples > 0 then lines[#lines + 1] = "\0" .. pack_samples(samples, image.bit_depth) end
    end
  end
  return table.concat(lines)
end

--- A PNG file: width, height, bit_depth, colour_type, interlaced, pixel(x, y) -> samples (counted from 0), and
--- chunks (bytes put before the pixels: palette, transparency).
function M.png(image)
  return M.signature .. M.header(image.width, image.height, image.bit_depth, image.colour_type, image.interlaced)
    .. (image.chunks or "") .. M.chunk("IDAT", M.zlib(scan_lines(image))) .. M.chunk("IEND", "")
end

--- Contents of the chunks of a PNG file: a list of {name, content}.
function M.chunks(bytes)
  local list, at = {}, 9
  while at <= #bytes do
    local length, name = string.unpack(">I4c4", bytes, at)
    list[#list + 1] = { name, bytes:sub(at + 8, at + 7 + length) }
    at = at + 12 + length
  end
  return list
end

return M
