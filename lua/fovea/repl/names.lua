--- Names that completion offers: of globals, fields and methods, layers, strategies, options and files.
local lookup = require "fovea.lookup"
local scan = require "fovea.repl.scan"

local M = {}

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "%a+" do
  KEYWORDS[#KEYWORDS + 1] = word
end

--- The next table (or userdata's methods) in which a field of a value is looked for.
local function behind(value)
  local class = type(value) == "string" and getmetatable "" or getmetatable(value)
  local index = type(class) == "table" and rawget(class, "__index")
  return type(index) == "table" and index or nil
end

--- A field without calling anything.
local function field(value, key)
  for _ = 1, 16 do
    if type(value) == "table" then
      local found = rawget(value, key)
      if found ~= nil then return found end
    end
    value = behind(value)
    if value == nil then return nil end
  end
end

--- The value of a chain of names.
---@param env table
---@param chain (string|integer)[]
---@return any
function M.value(env, chain)
  local value = env
  for _, key in ipairs(chain) do
    value = field(value, key)
    if value == nil then return nil end
  end
  return value
end

--- The value of the name that a text ends in.
---@param env table
---@param text string
---@return any
function M.named(env, text)
  local chain, last = scan.chain(text)
  if not chain or last == "" then return nil end
  chain[#chain + 1] = last
  return M.value(env, chain)
end

--- What a module finds by name in its folder, such as the strategies of fovea.threshold.
local function folder_names(value)
  for _, name in ipairs { "fovea.threshold", "fovea.cam", "fovea.metric" } do
    if rawequal(package.loaded[name], value) and getmetatable(value) then return lookup.names(name) end
  end
  return {}
end

--- Names of the fields of a value and of what stands behind it.
---@param value any
---@param only_methods boolean
---@return string[]
function M.fields(value, only_methods)
  local names, seen, depth = folder_names(value), {}, 0
  while value ~= nil and depth < 16 do
    for key, member in next, type(value) == "table" and value or {} do
      local is_name = type(key) == "string" and key:find "^[%a_][%w_]*$" and not seen[key]
      if is_name and (type(member) == "function" or not only_methods) then
        seen[key], names[#names + 1] = true, key
      end
    end
    value, depth = behind(value), depth + 1
  end
  return names
end

--- Globals and keywords.
---@param env table
---@return string[]
function M.globals(env)
  local names = M.fields(env, false)
  table.move(KEYWORDS, 1, #KEYWORDS, #names + 1, names)
  return names
end

--- Whether a value is a model: something with layers.
local function is_model(value)
  return type(value) == "table" and type(field(value, "layers")) == "function"
    and type(field(value, "default_shape")) == "function"
end

--- The model that an argument list or the session is about.
---@param env table
---@param arguments string? text of the arguments so far
---@return table?
function M.model(env, arguments)
  local first = arguments and arguments:match "^%s*([%a_][%w_.]*)%s*,"
  local value = first and M.named(env, first)
  if is_model(value) then return value end
  if is_model(env.model) then return env.model end
  local names = M.fields(env, false)
  table.sort(names)
  for _, name in ipairs(names) do
    if is_model(rawget(env, name)) then return rawget(env, name) end
  end
end

--- Names of the layers of a model.
---@param model any
---@return string[]
function M.layers(model)
  local names = {}
  if is_model(model) then
    for i, layer in ipairs(model:layers()) do names[i] = layer.name end
  end
  return names
end

--- Files whose path begins with a text; folders end with "/".
---@param partial string
---@return string[]
function M.files(partial)
  local lfs = require "lfs"
  local folder, start = partial:match "^(.*/)([^/]*)$"
  folder, start = folder or "", start or partial
  local names = {}
  if lfs.attributes(folder == "" and "." or folder, "mode") ~= "directory" then return names end
  for name in lfs.dir(folder == "" and "." or folder) do
    local hidden = name:sub(1, 1) == "." and start:sub(1, 1) ~= "."
    if not hidden and name ~= "." and name ~= ".." and name:sub(1, #start) == start then
      local is_folder = lfs.attributes(folder .. name, "mode") == "directory"
      names[#names + 1] = folder .. name .. (is_folder and "/" or "")
    end
  end
  return names
end

--- Values of option keys that are names.
local CHOICES = {
  score = { "logit", "probability" }, reduction = { "sum", "mean" }, activation = { "sigmoid", "softmax", "none" },
  sign = { "positive", "negative", "absolute", "signed" },
  colormap = function() return require("fovea.colormap").names end,
  threshold = function() return lookup.names "fovea.threshold" end,
  method = function() return lookup.names "fovea.cam" end,
  metric = function() return lookup.names "fovea.metric" end,
}

--- Names that an option may have as its value.
---@param key string
---@return string[]?
function M.choices(key)
  local found = CHOICES[key] or CHOICES[key:gsub("s$", "")]
  if type(found) == "function" then return found() end
  return found
end

--- Keys of the options that a function documents: of a class of options, or in braces.
---@param f any
---@return string[]
function M.options(f)
  local docs, keys = require "fovea.docs", {}
  local entry = type(f) == "function" and docs.of_function(f)
  for _, tag in ipairs(entry and entry.tags or {}) do
    local class_name = tag.kind == "param" and tag.text:match "fovea%.[%w_]*Options"
    local braces = tag.kind == "param" and tag.text:match "%b{}"
    for _, class in ipairs(class_name and entry.file.classes or {}) do
      for _, row in ipairs(class.name == class_name and class.tags or {}) do
        keys[#keys + 1] = row.text:match "^[%a_][%w_]*"
      end
    end
    for key in (braces or ""):gmatch "([%a_][%w_]*)%??:" do keys[#keys + 1] = key end
  end
  return keys
end

return M
