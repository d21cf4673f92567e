-- Zip archives for the specs, in memory: stored entries, in the order given.
local M = {}

local crc_table = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = c & 1 == 1 and 0xedb88320 ~ (c >> 1) or c >> 1 end
  crc_table[i] = c
end

local function crc32(bytes)
  local c = 0xffffffff
  for i = 1, #bytes do c = crc_table[(c ~ bytes:byte(i)) & 0xff] ~ (c >> 8) end
  return c ~ 0xffffffff
end

--- The fields that the local and the central header share.
local function common(entry)
  return string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, 0, 0, 0x21, entry.crc or crc32(entry.data), #entry.data,
    entry.size or #entry.data, #entry.name, 0)
end

--- Bytes of an archive; entries: { name =, data =, crc =, size = }, the last two to lie about.
---@param entries { name: string, data: string, crc: integer?, size: integer? }[]
---@return string
function M.make(entries)
  local parts, directory, at = {}, {}, 0
  for _, entry in ipairs(entries) do
    local head = "PK\3\4" .. common(entry) .. entry.name
    directory[#directory + 1] = "PK\1\2" .. string.pack("<I2", 20) .. common(entry)
      .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, at) .. entry.name
    parts[#parts + 1] = head .. entry.data
    at = at + #head + #entry.data
  end
  local central = table.concat(directory)
  return table.concat(parts) .. central .. "PK\5\6"
    .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #entries, #entries, #central, at, 0)
end

return M
