--- What is written beside weights: in NAME.yaml next to the file, or in the metadata of the file itself.
---
---     # drive.yaml, beside drive.pth; other keys at the top level belong to others
---     fovea:
---       arch: r2unet
---       arch_options: { t: 3 }
---       preprocess:
---         channels: 3
---         mean: [0.485, 0.456, 0.406]
---         std: [0.229, 0.224, 0.225]
---         size: { policy: pad, multiple: 16 }
---
--- In metadata (safetensors, ONNX) the keys are fovea.arch, fovea.arch_options and fovea.preprocess, the latter two as
--- JSON. An architecture is named here, never a path: opening a file must not run code that came with it.
local core = require "fovea.core"
local json = require "fovea.json"
local lookup = require "fovea.lookup"
local preprocess = require "fovea.preprocess"

local M = {}

---@class fovea.Sidecar
---@field preprocess table? record of fovea.preprocess
---@field arch string?
---@field arch_options table?

local FIELDS = { "arch", "arch_options", "preprocess" }

--- Bytes of the largest YAML file that is looked at.
local LIMIT = 1 << 20

--- The path of the YAML file that belongs to a weight file.
---@param path string
---@return string
function M.path(path) return (path:gsub("%.[%w_]+$", "")) .. ".yaml" end

--- Raises for what is not understood.
local function checked(notes)
  if type(notes) ~= "table" then error("not a table of " .. table.concat(FIELDS, ", "), 0) end
  lookup.check_keys(notes, FIELDS, "notes on weights", -1)
  if notes.arch ~= nil and not (type(notes.arch) == "string" and notes.arch:find "^[%w_]+$") then
    error("arch must be the name of an architecture", 0)
  end
  if notes.arch_options ~= nil and type(notes.arch_options) ~= "table" then
    error("arch_options must be a table", 0)
  end
  return { arch = notes.arch, arch_options = notes.arch_options,
    preprocess = notes.preprocess and preprocess.record(notes.preprocess) }
end

local function guarded(where, make)
  local ok, result = pcall(function() return checked(make()) end)
  if ok then return result end
  return nil, ("%s: %s"):format(where, tostring(result):gsub("^[^:\n]+%.lua:%d+: ", "")), "format"
end

local function from_yaml(path)
  local text, message, code = core.file.read(path)
  if not text then return nil, message, code end
  if not ("\n" .. text):find "\n[\"']?fovea[\"']?%s*:" then return {} end
  return guarded(path, function() return require("lyaml").load(text).fovea end)
end

local function from_metadata(path, metadata)
  local function value(name) return metadata["fovea." .. name] and assert(json.decode(metadata["fovea." .. name])) end
  return guarded(path, function()
    return { arch = metadata["fovea.arch"], arch_options = value "arch_options", preprocess = value "preprocess" }
  end)
end

--- The notes for a file: those of NAME.yaml, completed by those of its metadata.
---@param path string
---@param metadata? table<string, string>
---@return fovea.Sidecar? notes empty when there are none
---@return string? message
---@return string? code "format", "io", "memory"
function M.read(path, metadata)
  local notes, message, code = from_metadata(path, metadata or {})
  if not notes then return nil, message, code end
  local beside = M.path(path)
  local found = beside ~= path and require("lfs").attributes(beside)
  if not found or found.mode ~= "file" or found.size == 0 or found.size > LIMIT then return notes end
  local yaml, reason, kind = from_yaml(beside)
  if not yaml then return nil, reason, kind end
  for _, name in ipairs(FIELDS) do
    if yaml[name] ~= nil then notes[name] = yaml[name] end
  end
  return notes
end

--- Notes as metadata of a file to write.
---@param notes fovea.Sidecar
---@return table<string, string>
function M.metadata(notes)
  return { ["fovea.arch"] = notes.arch, ["fovea.arch_options"] = notes.arch_options and json.encode(notes.arch_options),
    ["fovea.preprocess"] = notes.preprocess and json.encode(notes.preprocess) }
end

return M
