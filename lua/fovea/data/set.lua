--- A data set: items that are read one by one.
local image = require "fovea.image"
local input_file = require "fovea.input_file"
local truth = require "fovea.data.truth"

local M = {}

---@class fovea.DataSet
---@field items fovea.DataItem[]
---@field rule fovea.TruthRule
---@field classes integer 2, or the number of classes of the masks
local Set = {}
Set.__index = Set

---@class fovea.DataSample
---@field name string
---@field image fovea.Image
---@field mask fovea.Tensor? H x W, 0 and 1, or class numbers from 0
---@field fov fovea.Tensor? H x W, 1 inside of the field of view

--- A set over items.
---@param items fovea.DataItem[]
---@param rule fovea.TruthRule
---@return fovea.DataSet
function M.new(items, rule)
  local classes = type(rule.classes) == "table" and #rule.classes or rule.classes or 2
  return setmetatable({ items = items, rule = rule, classes = classes }, Set)
end

function Set:__len() return #self.items end

function Set:__tostring() return ("fovea.DataSet: %d items"):format(#self.items) end

local function checked(self, i, level)
  local item = math.type(i) == "integer" and self.items[i]
  if not item then
    error(("data set: no item %s (there are %d)"):format(tostring(i), #self.items), level + 1)
  end
  return item
end

--- Where an item comes from.
---@param i integer from 1
---@return fovea.DataItem
function Set:item(i) return checked(self, i, 2) end

--- The names of all items.
---@return string[]
function Set:names()
  local names = {}
  for i, item in ipairs(self.items) do names[i] = item.name end
  return names
end

-- A phantom is made once for image and mask.
local function read_phantom(self, item)
  local phantom = require "fovea.phantom"
  local made, part = phantom.make(item.phantom[1], item.phantom[2]), item.mask:match "#(.+)$"
  local values = part and phantom.part(made, part) or made.mask
  local mask, message, code = truth.of(values, self.rule, item.path)
  if not mask then return nil, message, code end
  return { name = item.name, image = image.of(made.image), mask = mask, fov = made.parts.fov }
end

-- Image of a file; a tensor of a single image will do.
local function read_image(path)
  local given, message, code = input_file.read(path)
  if not given then return nil, message, code end
  if type(given) ~= "userdata" then return given end
  local shape = given:shape()
  if #shape == 4 and shape[1] == 1 then
    table.remove(shape, 1)
    given = given:reshape(shape)
  end
  if #shape ~= 2 and (#shape ~= 3 or shape[1] > 4) then
    return nil, ("%s: %s is not a single image"):format(path, table.concat(shape, "x")), "mismatch"
  end
  return image.of(given)
end

--- Reads an item.
---@param i integer from 1
---@return fovea.DataSample? sample nil when a file cannot be read or does not fit
---@return string? message
---@return string? code
function Set:read(i)
  local item = checked(self, i, 2)
  if item.phantom then return read_phantom(self, item) end
  local picture, message, code = read_image(item.path)
  if not picture then return nil, message, code end
  local sample, size = { name = item.name, image = picture }, { picture.height, picture.width }
  if item.mask then
    sample.mask, message, code = truth.read(item.mask, size, truth.rule(item, self.rule))
    if not sample.mask then return nil, message, code end
  end
  if item.fov then
    sample.fov, message, code = truth.read(item.fov, size, {})
    if not sample.fov then return nil, message, code end
  end
  return sample
end

return M
