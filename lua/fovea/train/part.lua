--- Losses, optimisers and schedules: one file each, found by name, with options that have defaults.
---
---     return { doc = "...", options = { { name = "smooth", default = 1, doc = "..." } }, ... }
local core = require "fovea.core"
local lookup = require "fovea.lookup"

local M = {}

---@class fovea.TrainPart
---@field name string
---@field module table the file
---@field options table complete
---@field hash string? of a file of one's own

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

-- What a part does, by kind: the function that its file must have.
local DOES = { loss = "value", optimiser = "update", schedule = "factor" }

--- A part in Lua: a function that does it, or a table like those of the files.
local function own(kind, found, name)
  if type(found) == "function" then found = { [DOES[kind]] = found } end
  if type(found) ~= "table" or type(found[DOES[kind]]) ~= "function" then
    error(("train: %s '%s' is neither a function nor a table with the function '%s'"):format(kind, name, DOES[kind]), 0)
  end
  return found
end

local function from_file(kind, path)
  local text, message = core.file.read(path)
  if not text then error(("train: %s: %s"):format(kind, message), 0) end
  local chunk, complaint = load(text, "@" .. path, "t")
  if not chunk then error(("train: %s: %s"):format(kind, complaint), 0) end
  local ok, found = pcall(chunk)
  if not ok then error(("train: %s '%s' does not run: %s"):format(kind, path, tostring(found)), 0) end
  return own(kind, found, path), core.file.hash_text(text)
end

--- The module of a part, its name, what its options were given in, and the hash of a file of one's own.
local function module_of(kind, given)
  if type(given) == "function" or (type(given) == "table" and type(given[DOES[kind]]) == "function") then
    return own(kind, given, kind), "own", {}
  end
  if type(given) == "string" then given = { name = given } end
  if type(given) ~= "table" or type(given.name) ~= "string" then
    error(("train: %s must be a name, a table with a name and options, or a function"):format(kind), 0)
  end
  local path = given.name:match "^file:(.+)$"
  if path then
    local module, hash = from_file(kind, path)
    return module, given.name, given, hash
  end
  return lookup.load("fovea.train." .. kind, given.name, ("train: unknown %s"):format(kind)), given.name, given
end

--- A part from what a recipe says: its name, or a table of its name and options; file:PATH is one of one's own, a Lua
--- file like those of the folder, or one that returns just the function. From Lua also the function or table itself.
--- Unknown names and options raise.
---@param kind string "loss", "optimiser" or "schedule"
---@param given string|table|function
---@return fovea.TrainPart
function M.find(kind, given)
  local module, name, values, hash = module_of(kind, given)
  local known, options = { "name" }, {}
  for i, option in ipairs(module.options or {}) do known[i + 1] = option.name end
  lookup.check_keys(values, known, name, -1)
  for _, option in ipairs(module.options or {}) do
    local value = values[option.name]
    if value == nil then value = option.default else value = checked(name, option, value) end
    options[option.name] = value
  end
  return { name = name, module = module, options = options, hash = hash }
end

return M
