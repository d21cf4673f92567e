--- Phantoms: pictures of three modalities drawn from a seed, with exact masks of all that is in them.
---
---     local p = fovea.phantom.make("dermoscopy", { seed = 7, size = 128 })
---     p.image, p.mask, p.parts.hair
---
--- Where a command, recipe or function takes the path of an image or a mask, `phantom:NAME:SEED[,KEY=VALUE...][#PART]`
--- stands for the phantom's image, in the place of a mask for its mask or part: `phantom:fundus:3,size=256#disc`.
local core = require "fovea.core"
local image = require "fovea.image"
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.Phantom
---@field name string modality
---@field seed integer
---@field image fovea.Image
---@field mask fovea.Tensor H x W, 0 and 1
---@field parts table<string, fovea.Tensor> H x W, 0 and 1
---@field planted boolean does the marker say what belongs to the target

local DEFAULTS = { seed = 1, size = 128 }
local SMALLEST, LARGEST, SERIAL = 32, 4096, 512

local function integer(options, key)
  local given = options[key] == nil and DEFAULTS[key] or options[key]
  local value = math.tointeger(given) or math.tointeger(tonumber(given))
  if not value then error(("phantom: option '%s' is an integer, not %s"):format(key, tostring(given)), 0) end
  return value
end

--- Names of the modalities.
---@return string[]
function M.names() return lookup.names "fovea.phantom" end

local function part_names(parts)
  local names = {}
  for name in pairs(parts) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- A part by name; raises with the names when there is none.
---@param phantom fovea.Phantom
---@param name string
---@return fovea.Tensor
function M.part(phantom, name)
  return phantom.parts[name]
    or error(lookup.unknown(("phantom '%s': no part"):format(phantom.name), name, part_names(phantom.parts)), 0)
end

--- Draws with one thread: the kernels of a small picture are over before a second thread has woken.
local function drawn(modality, seed, size, options)
  local threads = core.threads()
  if size <= SERIAL then core.threads(1) end
  local ok, pixels, parts, planted = pcall(modality.draw, seed, size, options)
  core.threads(threads)
  if not ok then error(pixels, 0) end
  return pixels, parts, planted
end

--- Draws a phantom.
---@param name string "dermoscopy", "fundus", "lung_ct"
---@param options? table `seed` (1), `size` (128), `target` (a part), `shortcut`, `marker`, `decoy`: see the modality
---@return fovea.Phantom
function M.make(name, options)
  local modality = lookup.load("fovea.phantom", name, "phantom: unknown modality")
  options = options or {}
  local known = { "seed", "size", "target" }
  for _, key in ipairs(modality.options) do known[#known + 1] = key end
  lookup.check_keys(options, known, ("phantom '%s'"):format(name))
  local seed, size = integer(options, "seed"), integer(options, "size")
  if size < SMALLEST or size > LARGEST then
    error(("phantom: size %d is not in %d..%d"):format(size, SMALLEST, LARGEST), 0)
  end
  local pixels, parts, planted = drawn(modality, seed, size, options)
  local phantom = { name = name, seed = seed, parts = parts, planted = planted,
    image = image.new(pixels:clamp(0, 255):add(0.5):floor()) }
  phantom.mask = M.part(phantom, options.target or modality.target)
  return phantom
end

-- paths --------------------------------------------------------------------------------------------------------------

--- Does a path stand for a phantom?
---@param path string
---@return boolean
function M.is_path(path) return path:find("^phantom:") ~= nil end

--- What a path says.
---@param path string phantom:NAME:SEED[,KEY=VALUE...][#PART]
---@return { name: string, options: table, part: string? }
function M.parse(path)
  local text, part = path:match "^([^#]*)#(.+)$"
  local name, seed, rest = (text or path):match "^phantom:([%w_]+):(%-?%d+)(.*)$"
  local options = { seed = math.tointeger(tonumber(seed)) }
  for key, value in (rest or ""):gmatch ",([%w_]+)=([^,]+)" do options[key] = tonumber(value) or value end
  if not name or rest:gsub(",[%w_]+=[^,]+", "") ~= "" then
    error(("%s: not phantom:NAME:SEED[,KEY=VALUE...]"):format(path), 0)
  end
  return { name = name, options = options, part = part }
end

--- The phantom that a path stands for. Raises for what is unknown in it.
---@param path string
---@return fovea.Phantom
---@return string? part
function M.open(path)
  local parsed = M.parse(path)
  return M.make(parsed.name, parsed.options), parsed.part
end

--- The image of a path. What is wrong in the path is told as for a file.
---@param path string
---@return fovea.Image? image
---@return string? message
---@return string? code
function M.read(path)
  local ok, phantom = pcall(M.open, path)
  if not ok then return nil, ("%s: %s"):format(path, phantom), "argument" end
  phantom.image.path = path
  return phantom.image
end

--- The mask of a path, or the part it names.
---@param path string
---@return fovea.Tensor? mask
---@return string? message
---@return string? code
function M.read_mask(path)
  local ok, mask = pcall(function()
    local phantom, part = M.open(path)
    return part and M.part(phantom, part) or phantom.mask
  end)
  if not ok then return nil, ("%s: %s"):format(path, mask), "argument" end
  return mask
end

--- The path of a phantom.
---@param name string
---@param options table
---@return string
function M.path(name, options)
  local keys, text = {}, { ("phantom:%s:%d"):format(name, options.seed or DEFAULTS.seed) }
  for key in pairs(options) do
    if key ~= "seed" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do text[#text + 1] = ("%s=%s"):format(key, tostring(options[key])) end
  return table.concat(text, ",")
end

return M
