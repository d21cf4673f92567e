--- help(x): the documentation of a function, op, strategy, method, metric, module, class, object or status, as it
--- stands in the sources (fovea.docs, and the table of ops).
local core = require "fovea.core"
local describe = require "fovea.help.describe"
local docs = require "fovea.docs"
local lookup = require "fovea.lookup"
local terminal = require "fovea.terminal"

local M = {}

local add, find_class, op_named = describe.add, describe.find_class, describe.op_named

local OVERVIEW = [[
fovea.load(path)                       a model from a file; print it to see its layers
fovea.image.read(path)                 an image
fovea.explain(model, image, options)   a heat map; fovea.explain_all: many from one forward pass
heat:show()  heat:overlay()            see it, draw it
model:layer(name):show()               what a layer computes
fovea.reload(module or file)           after editing

help(x) and help "name" explain functions, objects, ops ("conv"), strategies ("otsu"), methods ("gradcam"), metrics,
statuses ("EMPTY_TARGET") and classes ("Tensor").]]

-- what a value is ----------------------------------------------------------------------------------------------------

--- Name of the class of an object.
local function class_name_of(value)
  local class = getmetatable(value)
  if type(class) ~= "table" then return nil end
  if type(value) == "userdata" then return class.__name end
  for _, method in pairs(type(class.__index) == "table" and class.__index or class) do
    local entry = type(method) == "function" and docs.of_function(method)
    local name = entry and describe.owner_class(entry)
    if name then return "fovea." .. name end
  end
end

local function module_name_of(value)
  for name, loaded in pairs(package.loaded) do
    if rawequal(loaded, value) and name:find "^fovea" then return name, package.searchpath(name, package.path) end
  end
end

--- Name and class of a function written in C.
local function c_name_of(value)
  for name, member in pairs(package.loaded.fovea or {}) do
    if rawequal(member, value) then return name end
  end
  for class, methods in pairs(core) do
    for name, member in pairs(type(methods) == "table" and methods or {}) do
      if rawequal(member, value) then return name, class end
    end
  end
end

local function describe_function(out, value)
  local entry, file, line = docs.of_function(value)
  if entry then return describe.add_function(out, docs.all(), entry, value) end
  local folder, found_name = describe.folder_and_name(value)
  if folder then return describe.add_named_file(out, folder, found_name) end
  if file then return add(out, "function without documentation (%s)", describe.place(file, line)) end
  local name, class = c_name_of(value)
  if class == "Graph" and op_named(name) then return describe.add_op(out, op_named(name)) end
  local files = docs.all()
  local found = name and describe.c_entry(files, name, class)
  if not found then return add(out, "function without documentation") end
  if found.class then return add(out, "%s:%s\n  %s\n  (%s)", class, name, found.text[1], describe.place(found.file)) end
  describe.add_function(out, files, found, value)
end

local function describe_value(out, value)
  if type(value) == "function" then return describe_function(out, value) end
  local module_name, path = module_name_of(value)
  if path then return describe.add_module(out, module_name, path) end
  local files, class = docs.all(), class_name_of(value)
  local classes = class and find_class(files, class) or {}
  if #classes > 0 then return describe.add_class(out, files, classes) end
  add(out, "a %s", type(value))
end

-- names --------------------------------------------------------------------------------------------------------------

--- The value of a dotted name in a table, by plain fields.
local function value_at(root, path)
  for key in path:gmatch "[^.:]+" do
    if type(root) ~= "table" then return nil end
    root = rawget(root, key)
  end
  return root
end

--- Methods of that name, of all classes or of one.
local function add_methods_named(out, files, name)
  local class, method = name:match "^(%a[%w_]*)[.:]([%w_]+)$"
  method = method or name
  for _, file in ipairs(files) do
    for _, entry in ipairs(file.entries) do
      local owner = entry.name == method and entry.owner ~= "M" and entry.parameters and describe.owner_class(entry)
      if owner and (not class or owner:lower() == class:lower()) then describe.add_function(out, files, entry) end
    end
  end
  for _, class_name in ipairs { "Tensor", "Node", "Plan" } do
    local found = (not class or class:lower() == class_name:lower()) and describe.c_entry(files, method, class_name)
    if found then add(out, "%s:%s\n  %s\n  (%s)", class_name, method, found.text[1], describe.place(found.file)) end
  end
end

--- All names that help knows, for suggestions and completion.
---@return string[]
function M.names()
  local names = {}
  for _, op in ipairs(core.ops()) do names[#names + 1] = op.name end
  for _, folder in ipairs(describe.FOLDERS) do
    for _, name in ipairs(lookup.names(folder.package)) do names[#names + 1] = name end
  end
  for _, name in ipairs(require("fovea.status").order) do names[#names + 1] = name end
  for name in pairs(package.loaded.fovea or {}) do names[#names + 1] = name end
  for _, name in ipairs { "Tensor", "Model", "Layer", "Heatmap", "Image", "Graph", "Node", "Plan" } do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function describe_name(out, name)
  local files = docs.all()
  local function section(write, ...)
    local part = {}
    write(part, ...)
    if #part == 0 then return end
    if #out > 0 then add(out, "") end
    table.move(part, 1, #part, #out + 1, out)
  end
  local value = value_at(_G, name)
  if value == nil then value = value_at(package.loaded.fovea or {}, (name:gsub("^fovea%.", ""))) end
  if type(value) == "function" or (type(value) == "table" and module_name_of(value)) then
    section(describe_value, value)
  end
  for _, folder in ipairs(describe.FOLDERS) do
    if name:find "^[%w_]+$" and name ~= "init" then section(describe.add_named_file, folder, name) end
  end
  if op_named(name) then section(describe.add_op, op_named(name)) end
  local explanation = require("fovea.status").explanation[name]
  if explanation then section(add, "status %s\n  %s", name, explanation) end
  local classes = find_class(files, name)
  if #classes > 0 then section(describe.add_class, files, classes) end
  section(add_methods_named, files, name)
  if #out > 0 then return end
  local nearest = lookup.nearest(name, M.names())
  add(out, "help: nothing is known of '%s'%s", name, nearest and ("; did you mean '%s'?"):format(nearest) or "")
end

--- The documentation of something as text.
---@param what any a name ("gradcam", "conv", "Heatmap:overlay"), a function, module or object; nil: an overview
---@return string
function M.text(what)
  if what == nil then return OVERVIEW end
  local out = {}
  if type(what) == "string" then describe_name(out, what) else describe_value(out, what) end
  return table.concat(out, "\n")
end

--- Prints the documentation of something.
---@param what any see `text`
function M.help(what) print(terminal.wrapped(M.text(what), (terminal.size()))) end

return M
