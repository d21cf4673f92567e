-- HDF5 files for the specs, made by the program hdf5_writer (tests/support/hdf5_writer.c says what it is told).
local command = require "support.command"

local Maker = {}
Maker.__index = Maker

--- Path of the program; without it the calling test is skipped.
local function program()
  local path = os.getenv "HDF5_WRITER" or "build/hdf5_writer"
  local file = io.open(path, "rb")
  if not file then
    require "support.skip" (path .. " is not built")
  else
    file:close()
  end
  return path
end

--- A file that is described step by step.
---@return table
local function new() return setmetatable({ lines = {} }, Maker) end

--- Adds a line to the script.
---@param text string
---@param ... any for string.format
function Maker:line(text, ...)
  self.lines[#self.lines + 1] = text:format(...)
  return self
end

function Maker:group(path) return self:line("group %s", path) end

--- A list of texts as an attribute; kind: "fixed" (default) or "variable".
function Maker:texts(path, name, list, kind)
  if #list == 0 then return self:line("empty %s %s", path, name) end
  self:line("%s %s %s %d", kind or "fixed", path, name, #list)
  for _, text in ipairs(list) do self:line("%s", text) end
  return self
end

--- One text as an attribute.
function Maker:text(path, name, text, kind)
  return self:line("%s %s %s -1", kind or "variable", path, name):line("%s", text)
end

--- A data set; values: a tensor, or a flat list with options.dims. options: type (f4), layout (contiguous).
function Maker:data(path, values, options)
  options = options or {}
  local dims = options.dims or values:shape()
  local flat, words = type(values) == "table" and values or values:values(), {}
  for i, value in ipairs(flat) do words[i] = math.type(value) == "integer" and value or ("%a"):format(value) end
  return self:line("data %s %s %s %d %s", path, options.type or "f4", options.layout or "contiguous", #dims,
    table.concat(dims, " ")):line("%s", table.concat(words, " "))
end

--- Writes the file; newest: in the newest version of the format.
---@param path string
---@param newest? boolean
---@return string path
function Maker:write(path, newest)
  local pipe = assert(io.popen(("%s %s%s"):format(command.quote(program()), command.quote(path),
    newest and " latest" or ""), "w"))
  pipe:write(table.concat(self.lines, "\n"), "\n")
  assert(pipe:close())
  return path
end

return { new = new }
