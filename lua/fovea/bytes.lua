--- Sizes of memory as people write them: 512M, 2G, 1.5G, or a number of bytes. K, M, G and T are powers of 1024; "B"
--- and "iB" may follow them.
local M = {}

local UNITS = { [""] = 1, K = 1 << 10, M = 1 << 20, G = 1 << 30, T = 1 << 40 }
local MOST = 1 << 53 -- what every number type holds

--- Bytes of a size.
---@param size string|number
---@return integer? bytes nil when it is none
function M.read(size)
  local number, unit = size, ""
  if type(size) == "string" then
    number, unit = size:match "^([%d.]+)%s*([KMGTkmgt]?)[iI]?[bB]?$"
    number = tonumber(number)
  end
  local bytes = number and number * UNITS[unit:upper()]
  if not bytes or not (bytes >= 1 and bytes <= MOST) then return nil end
  return math.floor(bytes)
end

--- The same; raises when it is none.
---@param size string|number
---@param what string what the message starts with: "--memory"
---@param level? integer as for `error`, 0: no place
---@return integer bytes
function M.parse(size, what, level)
  local bytes = (type(size) == "string" or type(size) == "number") and M.read(size)
  if bytes then return bytes end
  error(("%s: '%s' is not a size such as 512M, 2G, 1.5G or a number of bytes"):format(what, tostring(size)),
    level == 0 and 0 or (level or 1) + 1)
end

--- A size as an option takes it, in whole MiB, rounded up: "512M".
---@param bytes number
---@return string
function M.option(bytes) return ("%dM"):format(math.ceil(bytes / (1 << 20))) end

--- A size for people: "376 MiB", "1.50 GiB".
---@param bytes number
---@return string
function M.text(bytes)
  if bytes < 1e4 then return ("%d bytes"):format(math.floor(bytes)) end
  if bytes < 10 << 20 then return ("%.1f MiB"):format(bytes / (1 << 20)) end
  if bytes < 10 << 30 then return ("%d MiB"):format(math.ceil(bytes / (1 << 20))) end
  return ("%.2f GiB"):format(bytes / (1 << 30))
end

return M
