--- Base64 (RFC 4648) of bytes, for pictures inside of a page.
local M = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local pairs_of = {} -- two characters for each value of 12 bits

local function prepare()
  for value = 0, 4095 do
    local high, low = value >> 6, value & 63
    pairs_of[value] = ALPHABET:sub(high + 1, high + 1) .. ALPHABET:sub(low + 1, low + 1)
  end
end

--- The last one or two bytes.
local function tail(bytes)
  local a, b = bytes:byte(1, 2)
  local value = a << 16 | (b or 0) << 8
  local first, second = pairs_of[value >> 12], pairs_of[value & 4095]
  return first .. (b and second:sub(1, 1) .. "=" or "==")
end

--- The text of bytes.
---@param bytes string
---@return string
function M.encode(bytes)
  if not pairs_of[0] then prepare() end
  local whole = #bytes - #bytes % 3
  local parts = {}
  for at = 1, whole, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local value = a << 16 | b << 8 | c
    parts[#parts + 1] = pairs_of[value >> 12]
    parts[#parts + 1] = pairs_of[value & 4095]
  end
  if whole < #bytes then parts[#parts + 1] = tail(bytes:sub(whole + 1)) end
  return table.concat(parts)
end

--- A picture as an address that holds it.
---@param png string bytes of a PNG file
---@return string
function M.picture(png) return "data:image/png;base64," .. M.encode(png) end

return M
