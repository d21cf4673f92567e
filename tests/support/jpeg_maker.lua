-- Small baseline JPEG files whose 8x8 blocks are one colour each, so that decoding is exact: quantisation by 1,
-- only the first coefficient, which is 8 x (value - 128).
local M = {}

local function segment(kind, content)
  return string.pack(">BBI2", 0xFF, kind, #content + 2) .. content
end
M.segment = segment

-- Writer of bits with the stuffing that JPEG wants after FF.
local function bit_writer()
  local bytes, held, bits = {}, 0, 0
  local function put(value, count)
    for i = count - 1, 0, -1 do
      held, bits = held << 1 | (value >> i & 1), bits + 1
      if bits == 8 then
        bytes[#bytes + 1] = string.char(held)
        if held == 255 then bytes[#bytes + 1] = "\0" end
        held, bits = 0, 0
      end
    end
  end
  local function finish()
    while bits > 0 do put(1, 1) end
    return table.concat(bytes)
  end
  return put, finish
end

-- Codes: difference size s (0 to 11) is the 4-bit code s; the end of a block is the 1-bit code 0.
local function put_block(put, difference)
  local size = 0
  while math.abs(difference) >> size > 0 do size = size + 1 end
  put(size, 4)
  put(difference >= 0 and difference or difference + (1 << size) - 1, size)
  put(0, 1)
end

local function scan(image, components)
  local put, finish = bit_writer()
  local last = {}
  for y = 0, image.rows - 1 do
    for x = 0, image.columns - 1 do
      for c, value in ipairs(image.block(x, y)) do
        local level = 8 * (value - 128)
        put_block(put, level - (last[c] or 0))
        last[c] = level
      end
    end
  end
  local selectors = ""
  for c = 1, components do selectors = selectors .. string.char(c, 0) end
  return segment(0xDA, string.char(components) .. selectors .. "\0\63\0") .. finish()
end

--- A JPEG: rows and columns of 8x8 blocks, components (1, 3 or 4), block(x, y) -> values (counted from 0), and
--- segments (bytes put after the start: EXIF, Adobe).
function M.jpeg(image)
  local components = image.components or 1
  local frame = string.pack(">BI2I2B", 8, 8 * image.rows, 8 * image.columns, components)
  for c = 1, components do frame = frame .. string.char(c, 0x11, 0) end
  return "\xFF\xD8" .. (image.segments or "")
    .. segment(0xDB, "\0" .. ("\1"):rep(64))
    .. segment(0xC0, frame)
    .. segment(0xC4, "\0" .. "\0\0\0\12" .. ("\0"):rep(12) .. "\0\1\2\3\4\5\6\7\8\9\10\11")
    .. segment(0xC4, "\16" .. "\1" .. ("\0"):rep(15) .. "\0")
    .. scan(image, components) .. "\xFF\xD9"
end

--- An EXIF segment with an orientation, in the byte order ">" (MM) or "<" (II), after another entry.
function M.exif(orientation, order)
  local pack = function(format, ...) return string.pack(order .. format, ...) end
  local entry = order == ">" and "MM" or "II"
  return segment(0xE1, "Exif\0\0" .. entry .. pack("I2I4", 42, 8) .. pack("I2", 2)
    .. pack("I2I2I4I4", 0x0100, 4, 1, 640) .. pack("I2I2I4I2I2", 0x0112, 3, 1, orientation, 0) .. pack("I4", 0))
end

return M
