--- Conformity vectors of the paper's networks beside the checkout (../shared/arch, or beside $FOVEA_REAL_DIR): weights
--- by a formula, results in double precision. Specs that need them are skipped visibly where they are absent.
local fovea = require "fovea"
local lfs = require "lfs"

local M = {}

local function folder()
  local real = os.getenv "FOVEA_REAL_DIR"
  for _, path in ipairs { real and real .. "/../arch" or "", "../shared/arch" } do
    if path ~= "" and lfs.attributes(path, "mode") == "directory" then return path end
  end
end

--- Shift and spread of the numbers in -1 to 1 of each kind of tensor; weights have their own spread.
local SPREAD = { gamma = { 1, 0.25 }, bias = { 0, 0.1 }, mean = { 0, 0.1 }, var = { 1, 0.5 } }

--- The tensor with the number p: a hash of p and the element makes u in -1 to 1.
local function tensor(shape, p, kind, gain)
  local count, fan_in = 1, 1
  for axis, size in ipairs(shape) do
    count, fan_in = count * size, axis > 1 and fan_in * size or fan_in
  end
  local shift, spread = table.unpack(SPREAD[kind] or { 0, gain * math.sqrt(3 / fan_in) })
  local values, start = {}, p * 0x85EBCA77
  for e = 0, count - 1 do
    local h = (e * 0x9E3779B1 + start) & 0xFFFFFFFF
    h = ((h ~ (h >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    h = ((h ~ (h >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    values[e + 1] = shift + spread * ((h ~ (h >> 16)) / 2147483648 - 1)
  end
  return assert(fovea.tensor(shape, values))
end

--- Vectors of a network: results, their metadata, and the weights under the names that rename gives. Without the files
--- the calling test is skipped.
---@param name string
---@param rename fun(name: string, shape: integer[]): string?
---@return { results: table<string, fovea.Tensor>, metadata: table, weights: table<string, fovea.Tensor>,
---  count: integer }
function M.need(name, rename)
  local root = folder()
  if not root then require "support.skip" (name .. " is not there (FOVEA_REAL_DIR/../arch)") end
  local results, metadata = fovea.safetensors.read(("%s/%s.safetensors"):format(root, name))
  assert(results, metadata)
  local file = assert(io.open(("%s/%s.json"):format(root, name)))
  local described, weights = assert(fovea.json.decode(file:read "a")), {}
  file:close()
  for _, entry in ipairs(described.tensors) do
    local own = rename(entry[1], entry[2])
    assert(own and not weights[own], ("%s: '%s' is given the name '%s'"):format(name, entry[1], tostring(own)))
    weights[own] = tensor(entry[2], entry[3], entry[4], described.gain)
  end
  return { results = results, metadata = metadata, weights = weights, count = described.n_params }
end

return M
