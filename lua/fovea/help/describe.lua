--- Texts of help: what is written of a function, class, op, module or named file, as lines.
local core = require "fovea.core"
local docs = require "fovea.docs"
local lookup = require "fovea.lookup"

local M = {}

--- Folders whose files are found by name, and what one is called.
M.FOLDERS = {
  { package = "fovea.threshold", what = "threshold strategy", option = "threshold" },
  { package = "fovea.cam", what = "method", option = "method" },
  { package = "fovea.metric", what = "metric" },
  { package = "fovea.evaluate.metric", what = "segmentation metric" },
}

--- Place of a file as a user knows it: below the folder of the toolkit.
local function place(file, line)
  local folder = docs.folder()
  local path = file.path
  if folder and path:sub(1, #folder) == folder then path = "fovea/" .. path:sub(#folder + 1) end
  return line and ("%s:%d"):format(path, line) or path
end

local function add(out, format, ...) out[#out + 1] = select("#", ...) > 0 and format:format(...) or format end

local function add_indented(out, lines)
  for _, line in ipairs(lines) do add(out, "%s", line == "" and "" or "  " .. line) end
end

--- The local variable `name` that a function uses, if it has one.
local function name_inside(f)
  for i = 1, 60 do
    local variable, value = debug.getupvalue(f, i)
    if not variable then return nil end
    if variable == "name" and type(value) == "string" then return value end
  end
end

--- A file found by name, for a function that makes what it describes (fovea.threshold.otsu; made anew at each access,
--- so it is recognised by where it comes from and the name it keeps).
local function folder_and_name(value)
  local name, info = name_inside(value), debug.getinfo(value, "S")
  for _, folder in ipairs(name and M.FOLDERS or {}) do
    local module = package.loaded[folder.package]
    local made = type(module) == "table" and getmetatable(module) and module[name]
    local there = type(made) == "function" and debug.getinfo(made, "S")
    if there and there.source == info.source and there.linedefined == info.linedefined then return folder, name end
  end
end

--- Breaks a text into lines of a width.
local function wrapped(text, width)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and #line + 1 + #word > width then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return lines
end

local WIDTH, WIDEST_NAME = 100, 30

--- Names and their explanations in two columns.
local function add_rows(out, rows)
  local width = 0
  for _, row in ipairs(rows) do width = math.max(width, math.min(#row[1], WIDEST_NAME)) end
  for _, row in ipairs(rows) do
    local name = row[1]
    if #name > width then
      add(out, "  %s", name)
      name = ""
    end
    for _, line in ipairs(wrapped(row[2], WIDTH - width)) do
      add(out, "%s", (("  %s%s  %s"):format(name, (" "):rep(width - #name), line):gsub("%s+$", "")))
      name = ""
    end
  end
end

-- classes and functions ----------------------------------------------------------------------------------------------

local function find_class(files, name)
  local found = {}
  for _, file in ipairs(files) do
    for _, class in ipairs(file.classes) do
      if class.name == name or class.name == "fovea." .. name then found[#found + 1] = class end
    end
  end
  return found
end

--- Name of the class whose methods a variable of a file holds.
local function owner_class(entry)
  for _, class in ipairs(entry.file.classes) do
    if class.variable == entry.owner then return (class.name:gsub("^fovea%.", "")) end
  end
  if entry.owner and entry.owner:find "^core%." then return entry.owner:match "([%w_]+)$" end
end

--- Name of a public function: where it is in the table fovea, or class and method.
local function public_name(entry, value)
  if entry.owner == "M" or not entry.owner then
    local fovea = package.loaded.fovea or {}
    for key, member in pairs(fovea) do
      if value ~= nil and rawequal(member, value) then return "fovea." .. key end
    end
    for key, member in pairs(fovea) do
      if type(member) == "table" and value ~= nil and rawequal(rawget(member, entry.name), value) then
        return ("fovea.%s.%s"):format(key, entry.name)
      end
    end
    return entry.name
  end
  return ("%s%s%s"):format(owner_class(entry) or entry.owner, entry.colon and ":" or ".", entry.name)
end

--- The classes of option tables that the parameters name, so that help shows the keys too.
local function option_classes(files, entry)
  local classes = {}
  for _, tag in ipairs(entry.tags) do
    local type_name = tag.kind == "param" and tag.text:match "^[%w_?]+%s+fovea%.([%w_]*Options)"
    if type_name then classes[#classes + 1] = find_class(files, type_name)[1] end
  end
  return classes
end

local function add_fields(out, class)
  local rows = {}
  for _, tag in ipairs(class.tags) do
    if tag.kind == "field" then
      local name, rest = tag.text:match "^(%[.-%]%??)%s*(.*)$"
      if not name then name, rest = tag.text:match "^(%S+)%s*(.*)$" end
      rows[#rows + 1] = { name, rest }
    end
  end
  add_rows(out, rows)
end

local function add_function(out, files, entry, value)
  add(out, "%s%s", public_name(entry, value), entry.parameters or "")
  add_indented(out, entry.text)
  local rows = {}
  for _, tag in ipairs(entry.tags) do
    local name, rest = tag.text:match "^(%S+)%s*(.*)$"
    if tag.kind == "param" then rows[#rows + 1] = { name, rest } end
    if tag.kind == "return" then rows[#rows + 1] = { "returns", tag.text } end
    if tag.kind == "type" then rows[#rows + 1] = { "type", tag.text } end
  end
  add_rows(out, rows)
  for _, class in ipairs(option_classes(files, entry)) do
    add(out, "%s:", class.name)
    add_fields(out, class)
  end
  add(out, "  (%s)", place(entry.file, entry.line))
end

--- Methods of a class: those written in Lua, with their first sentence.
local function add_methods(out, files, name)
  local rows = {}
  for _, file in ipairs(files) do
    for _, entry in ipairs(file.entries) do
      local is_method = entry.owner and entry.owner ~= "M" and entry.parameters and not entry.name:find "^__"
      if is_method and owner_class(entry) == name:gsub("^fovea%.", "") then
        rows[#rows + 1] = { (entry.colon and ":" or ".") .. entry.name .. entry.parameters, docs.summary(entry) }
      end
    end
  end
  if #rows > 0 then add(out, "  methods") end
  add_rows(out, rows)
end

local function add_class(out, files, classes)
  for i, class in ipairs(classes) do
    if i == 1 then add(out, "class %s  (%s)", class.name, place(class.file)) end
    add_indented(out, class.text)
    add_fields(out, class)
  end
  add_methods(out, files, classes[1].name)
end

--- Functions of C: what their class says of them, or the line that makes them public.
local function c_entry(files, name, class_name)
  for _, class in ipairs(class_name and find_class(files, class_name) or {}) do
    for _, tag in ipairs(class.tags) do
      local field, rest = tag.text:match "^(%S+)%s+(.*)$"
      local also = (rest or ""):match "also ([%w_, ]+)"
      if tag.kind == "field" and (field == name or (also and also:find("%f[%w_]" .. name .. "%f[^%w_]"))) then
        return { file = class.file, name = name, owner = class.variable, colon = true, class = class.name,
          text = { rest }, tags = {} }
      end
    end
  end
  for _, file in ipairs(class_name and {} or files) do
    for _, entry in ipairs(file.entries) do
      if entry.name == name and entry.owner == "M" and not entry.parameters then return entry end
    end
  end
end

-- ops, modules, statuses ---------------------------------------------------------------------------------------------

local function op_named(name)
  for _, op in ipairs(core.ops()) do
    if op.name == name then return op end
  end
end

local function add_op(out, op)
  local least, most = op.sources.min or op.sources[1], op.sources.max or op.sources[2]
  local count = least == most and tostring(least) or ("%d to %d"):format(least, most)
  add(out, "op %s: graph:%s { source, ..., option = value, name = ... }", op.name, op.name)
  add(out, "  %s; sources: %s", op.doc, count)
  local rows = {}
  for i, attribute in ipairs(op.attributes) do
    local choices = attribute.choices and (" (" .. table.concat(attribute.choices, ", ") .. ")") or ""
    rows[i] = { attribute.name, (attribute.doc or "") .. choices .. (attribute.required and ", required" or "") }
  end
  add_rows(out, rows)
end

--- A file found by name: its head, its parameters.
local function add_named_file(out, folder, name)
  local full = folder.package .. "." .. name
  local path = package.searchpath(full, package.path)
  local file = path and docs.file(path)
  if not file then return end
  add(out, "%s '%s'", folder.what, name)
  add_indented(out, file.head)
  local loaded, module = pcall(require, full)
  local rows = {}
  for _, parameter in ipairs(loaded and type(module) == "table" and module.parameters or {}) do
    local default = parameter.default
    local remark = default ~= nil and default ~= "" and (" (default %s)"):format(tostring(default)) or ""
    rows[#rows + 1] = { parameter.name, (parameter.doc or "") .. remark }
  end
  add_rows(out, rows)
  add(out, "  (%s)", place(file))
end

local function add_module(out, module_name, path)
  local file = docs.file(path)
  if not file then return end
  add(out, "module %s  (%s)", module_name, place(file))
  add_indented(out, file.head)
  local rows = {}
  for _, entry in ipairs(file.entries) do
    if entry.owner == "M" and entry.parameters then
      rows[#rows + 1] = { "." .. entry.name .. entry.parameters, docs.summary(entry) }
    end
  end
  add_rows(out, rows)
  for _, folder in ipairs(M.FOLDERS) do
    if folder.package == module_name then
      add(out, "  %s: %s", folder.what, table.concat(lookup.names(folder.package), ", "))
    end
  end
end

M.place, M.add, M.find_class, M.owner_class, M.c_entry = place, add, find_class, owner_class, c_entry
M.add_function, M.add_class, M.op_named, M.add_op = add_function, add_class, op_named, add_op
M.add_named_file, M.add_module, M.folder_and_name = add_named_file, add_module, folder_and_name

return M
