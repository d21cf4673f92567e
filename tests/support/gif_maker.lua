-- GIF files, also broken ones, made without any library: LZW codes that are never more than the pixels themselves.
local M = {}

-- Codes of one width, least significant bit first, in blocks of up to 255 bytes. Before the codes would grow by a bit
-- the table is cleared.
local function codes_of(indices, bits)
  local clear, width, held, count, bytes = 1 << bits, bits + 1, 0, 0, {}
  local function put(code)
    held, count = held | code << count, count + width
    while count >= 8 do
      bytes[#bytes + 1] = string.char(held & 255)
      held, count = held >> 8, count - 8
    end
  end
  for i, index in ipairs(indices) do
    if (i - 1) % (clear - 2) == 0 then put(clear) end
    put(index)
  end
  put(clear + 1)
  if count > 0 then bytes[#bytes + 1] = string.char(held & 255) end
  local data, blocks = table.concat(bytes), {}
  for first = 1, #data, 255 do
    local block = data:sub(first, first + 254)
    blocks[#blocks + 1] = string.char(#block) .. block
  end
  return string.char(bits) .. table.concat(blocks) .. "\0"
end

local function palette_bytes(colours)
  local parts = {}
  for i, colour in ipairs(colours) do parts[i] = string.char(table.unpack(colour)) end
  return table.concat(parts)
end

--- A GIF file: width, height, colours (a power of two of them, from 4 on), frame = { left, top, width, height }
--- (default: all), indices (of the frame, from 0, row by row), transparent, interlaced, background.
function M.gif(image)
  local bits = math.tointeger(math.log(#image.colours, 2) + 0.0)
  local frame = image.frame or { 0, 0, image.width, image.height }
  local indices = image.indices
  if image.interlaced then
    indices = {}
    for _, pass in ipairs { { 0, 8 }, { 4, 8 }, { 2, 4 }, { 1, 2 } } do
      for y = pass[1], frame[4] - 1, pass[2] do
        table.move(image.indices, y * frame[3] + 1, (y + 1) * frame[3], #indices + 1, indices)
      end
    end
  end
  local control = image.transparent and "\x21\xF9\4\1\0\0" .. string.char(image.transparent) .. "\0" or ""
  return "GIF89a" .. string.pack("<I2I2BBB", image.width, image.height, 0xF0 | bits - 1, image.background or 0, 0)
    .. palette_bytes(image.colours) .. (image.extensions or "") .. control
    .. "\x2C" .. string.pack("<I2I2I2I2B", frame[1], frame[2], frame[3], frame[4], image.interlaced and 0x40 or 0)
    .. codes_of(indices, bits) .. ";"
end

return M
