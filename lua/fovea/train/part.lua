--- Losses, optimisers and schedules: one file each, found by name, with options that have defaults.
---
---     return { doc = "...", options = { { name = "smooth", default = 1, doc = "..." } }, ... }
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.TrainPart
---@field name string
---@field module table the file
---@field options table complete

--- A value of the kind of the default; without a default a number, or what `kind` says.
local function checked(part, option, value)
  local kind = option.kind or (option.default ~= nil and type(option.default)) or "number"
  if type(value) ~= kind then
    error(("%s: option '%s' must be a %s, not %s"):format(part, option.name, kind, tostring(value)), 0)
  end
  if option.min and value < option.min or option.max and value > option.max then
    error(("%s: option '%s' is %g; it lies between %g and %g"):format(part, option.name, value,
      option.min or -math.huge, option.max or math.huge), 0)
  end
  if not option.choices then return value end
  for _, choice in ipairs(option.choices) do
    if choice == value then return value end
  end
  error(lookup.unknown(("%s: option '%s' cannot be"):format(part, option.name), value, option.choices), 0)
end

--- A part from what a recipe says: its name, or a table of its name and options. Unknown names and options raise.
---@param kind string "loss", "optimiser" or "schedule"
---@param given string|table
---@return fovea.TrainPart
function M.find(kind, given)
  if type(given) == "string" then given = { name = given } end
  if type(given) ~= "table" or type(given.name) ~= "string" then
    error(("train: %s must be a name, or a table with a name and options"):format(kind), 0)
  end
  local name = given.name
  local module = lookup.load("fovea.train." .. kind, name, ("train: unknown %s"):format(kind))
  local known, options = { "name" }, {}
  for i, option in ipairs(module.options) do known[i + 1] = option.name end
  lookup.check_keys(given, known, name, -1)
  for _, option in ipairs(module.options) do
    local value = given[option.name]
    if value == nil then value = option.default else value = checked(name, option, value) end
    options[option.name] = value
  end
  return { name = name, module = module, options = options }
end

return M
