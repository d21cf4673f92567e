--- Reads the documentation that stands in the Lua sources of the toolkit: LuaLS comments (`---`) above functions,
--- classes and values, and the comment at the head of a file. Nothing is kept beside them.
local M = {}

---@class fovea.Doc a comment block
---@field text string[] lines of prose
---@field tags { kind: string, text: string }[] in order: class, field, param, return, type, alias

---@class fovea.DocEntry: fovea.Doc what a block describes
---@field file fovea.DocFile
---@field line integer
---@field name string without what stands before its last dot or colon
---@field owner string? the variable before it: "M", "Heatmap"
---@field colon boolean a method
---@field parameters string? of a function: "(a, b)"

---@class fovea.DocFile
---@field path string
---@field head string[] the comment at the top
---@field entries fovea.DocEntry[]
---@field classes fovea.DocClass[]

---@class fovea.DocClass: fovea.Doc
---@field file fovea.DocFile
---@field name string "fovea.Heatmap"
---@field variable string? that holds its methods

local function new_block() return { text = {}, tags = {} } end

--- Adds the content of a comment line; a line without a tag after one with a tag goes on with it.
local function add_line(block, content)
  local kind, text = content:match "^@(%a+)%s*(.*)$"
  local last = block.tags[#block.tags]
  if kind then
    block.tags[#block.tags + 1] = { kind = kind, text = text }
  elseif last then
    last.text = last.text .. " " .. content:gsub("^%s+", "")
  else
    block.text[#block.text + 1] = content
  end
end

--- What a line of code defines: name, owner, whether it is a method, parameters.
local function definition(code)
  local name, parameters = code:match "^%s*function%s+([%w_.:]+)%s*(%b())"
  if not name then name, parameters = code:match "^%s*local%s+function%s+([%w_]+)%s*(%b())" end
  if not name then name, parameters = code:match "^%s*([%w_.]+)%s*=%s*function%s*(%b())" end
  if not name then name = code:match "^%s*([%w_.]+)%s*[,=]" end
  if not name then return nil end
  local owner, separator, last = name:match "^(.-)([.:])([%w_]+)$"
  return last or name, owner, separator == ":", parameters
end

--- Splits a block at its classes: each has the fields after it; the prose before the first belongs to it.
local function classes_of(file, block, code)
  local class
  for i, tag in ipairs(block.tags) do
    if tag.kind == "class" then
      class = { file = file, name = tag.text:match "^[%w_.]+", text = {}, tags = {},
        variable = code:match "^local%s+([%w_]+)%s*=" }
      local remark = tag.text:match "^[%w_.:%s]-%s(%l.*)$"
      class.text = i == 1 and #block.text > 0 and block.text or { remark }
      file.classes[#file.classes + 1] = class
    elseif class then
      class.tags[#class.tags + 1] = tag
    end
  end
  return class ~= nil
end

local function close_block(file, block, code, line)
  if classes_of(file, block, code) then return end
  local name, owner, colon, parameters = definition(code)
  if not name then return end
  file.entries[#file.entries + 1] = { file = file, line = line, name = name, owner = owner, colon = colon,
    parameters = parameters, text = block.text, tags = block.tags }
end

--- Reads one file.
---@param path string
---@return fovea.DocFile? file nil when it cannot be read
function M.file(path)
  local handle = io.open(path)
  if not handle then return nil end
  local file, block, number, at_top = { path = path, head = {}, entries = {}, classes = {} }, nil, 0, true
  for line in handle:lines() do
    number = number + 1
    local content = line:match "^%s*%-%-%- ?(.*)$"
    local remark = at_top and line:match "^%-%-+ ?(.*)$" or nil
    at_top = remark ~= nil
    if remark and not remark:find "^@" and #(block and block.tags or {}) == 0 then
      file.head[#file.head + 1] = remark
    end
    if content then
      block = block or new_block()
      add_line(block, content)
    elseif block then
      close_block(file, block, line, number)
      block = nil
    end
  end
  handle:close()
  return file
end

--- Folder of the toolkit's Lua files.
---@return string?
function M.folder()
  local path = package.searchpath("fovea.docs", package.path)
  return path and path:match "^(.*)docs%.lua$"
end

local function walk(folder, list)
  local lfs, names = require "lfs", {}
  for name in lfs.dir(folder) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local path = folder .. name
    if name:find "%.lua$" then
      list[#list + 1] = M.file(path)
    elseif not name:find "^%." and lfs.attributes(path, "mode") == "directory" then
      walk(path .. "/", list)
    end
  end
  return list
end

--- Reads all files of the toolkit.
---@return fovea.DocFile[]
function M.all()
  local folder = M.folder()
  return folder and walk(folder, {}) or {}
end

--- The entry of a function written in Lua, and its file.
---@param f function
---@return fovea.DocEntry? entry nil when no comment stands above it
---@return fovea.DocFile? file
---@return integer? line where it begins
function M.of_function(f)
  local info = debug.getinfo(f, "S")
  if info.source:sub(1, 1) ~= "@" then return nil end
  local file = M.file(info.source:sub(2))
  for _, entry in ipairs(file and file.entries or {}) do
    if entry.line == info.linedefined then return entry, file, entry.line end
  end
  return nil, file, info.linedefined
end

--- The first sentence of a block.
---@param block fovea.Doc
---@return string
function M.summary(block)
  local text = table.concat(block.text, " ")
  return text:match "^(.-)[.:;]%s" or (text:gsub("[.:;]$", ""))
end

return M
