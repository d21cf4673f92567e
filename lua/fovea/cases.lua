--- Cases on disk: one image in, its pictures, raw maps and records out. A broken case becomes a record with its reason;
--- the others go on.
local core = require "fovea.core"
local explain = require "fovea.explain"
local json = require "fovea.json"
local lfs = require "lfs"
local mask_file = require "fovea.mask_file"
local npy = require "fovea.npy"
local precision = require "fovea.precision"
local status = require "fovea.status"
local view = require "fovea.report.view"

local M = {}

local Writer = {}
Writer.__index = Writer

local ORDER = { "model", "model_hash", "load", "image", "image_hash", "layer",
  "layer_shape", "method", "threshold", "pixels", "score", "class", "output",
  "range", "status", "statuses", "picture", "raw", "view", "error", "code" }

--- Makes a folder and those above it.
---@param path string
---@return true? done
---@return string? message
function M.make_folder(path)
  local made = ""
  for part in path:gmatch "[^/]*/?" do
    made = made .. part
    if part ~= "" and made ~= "/" and not lfs.attributes(made, "mode") then
      local ok, message = lfs.mkdir((made:gsub("/$", "")))
      if not ok then return nil, ("%s: cannot make the folder: %s"):format(made, message) end
    end
  end
  if lfs.attributes(path, "mode") ~= "directory" then return nil, path .. ": not a folder" end
  return true
end

--- A writer of cases into a folder, which is made.
---@param folder string
---@param model fovea.Model
---@param drawing { sign: string?, colormap: string?, colorbar: boolean?, panel: boolean?, raw: string?,
---  pictures: boolean? } pictures: false writes no overlays
---@param total? integer how many cases will come
---@return table? writer
---@return string? message
function M.writer(folder, model, drawing, total)
  local ok, message = M.make_folder(folder)
  if not ok then return nil, message end
  return setmetatable({ folder = folder, model = model, drawing = drawing, records = json.array {}, failures = 0,
    succeeded = 0, total = total, used = {}, views = view.writer(folder), model_hash = core.file.hash(model.path) },
    Writer)
end

--- See fovea.input_file.read.
M.read = require("fovea.input_file").read

--- A part of a file name: what shells and file systems take ill becomes "-".
local function sanitised(text) return (text:gsub("[^%w%._%-]+", "-"):gsub("^%-+", ""):gsub("%-+$", "")) end

local function file_name(self, path, heat)
  local base = sanitised((path:match "([^/]+)$" or path):gsub("%.%w+$", ""):gsub("%.safetensors#", ".")
    :gsub("%.[tT][iI][fF][fF]?#", "."))
  local spec = heat.threshold:gsub("^fixed:([%d%.e%-]+)$", "%1")
  local name = ("%s.%s.%s.%s"):format(base, sanitised(heat.layer), sanitised(spec), sanitised(heat.method))
  self.used[name] = (self.used[name] or 0) + 1
  return self.used[name] > 1 and ("%s.%d"):format(name, self.used[name]) or name
end

local QUICKLY = { durable = false } -- all of it can be made again; waiting for the disk can take longer than making it
local NO_MAP = { NONFINITE = true, EMPTY_TARGET = true }

--- Writes picture and raw map; returns a message when that fails.
local function write(self, name, heat, record)
  local drawing = { sign = self.drawing.sign, colormap = self.drawing.colormap, colorbar = self.drawing.colorbar }
  if #heat.raw:shape() == 2 and self.drawing.pictures ~= false then
    local picture = self.drawing.panel and heat:panel(drawing) or heat:overlay(drawing)
    local bytes, problem = core.image_file.encode(picture)
    if not bytes then return problem end
    local ok, message = core.file.write(("%s/%s.png"):format(self.folder, name), bytes, QUICKLY)
    if not ok then return message end
    record.picture = name .. ".png"
  end
  if self.drawing.raw == "npy" then
    local ok, message = npy.write(("%s/%s.npy"):format(self.folder, name), heat.raw)
    if not ok then return message end
    record.raw = name .. ".npy"
  end
  local message
  record.view, message = self.views:view(heat)
  return message
end

local function add_failure(self, path, message, code)
  self.failures = self.failures + 1
  self.records[#self.records + 1] = { model = self.model.path, image = path, error = message, code = code }
  return { message:find(path, 1, true) and message or ("%s: %s"):format(path, message) }
end

--- Hash of an image, kept for the maps of one image.
local function image_hash(self, path)
  if self.hashed ~= path then
    self.hashed, self.hash = path, mask_file.hash(path)
  end
  return self.hash
end

local function add_map(self, path, heat)
  local record = heat:record()
  record.model, record.image = self.model.path, path
  record.model_hash, record.image_hash = self.model_hash, image_hash(self, path)
  record.load = self.model.load_options
  record.preprocess, record.geometry = heat.preprocess, heat.geometry
  self.records[#self.records + 1] = record
  local complaint
  if NO_MAP[heat.status] then
    complaint = ("%s, threshold %s: %s"):format(heat.layer, heat.threshold, status.explanation[heat.status])
    record.error, record.code, record.view = complaint, heat.status, self.views:view(heat)
  else
    complaint = write(self, file_name(self, path, heat), heat, record)
    record.error = complaint
  end
  if not complaint then return nil end
  self.failures = self.failures + 1
  return ("%s: %s"):format(path, complaint)
end

--- An error that explaining raised. With one case, or twice the same before anything succeeded, it is the request that
--- is wrong: raised again. Otherwise it is the case (a strategy that cannot work on this image).
local function add_raised(self, path, raised)
  local text = tostring(raised):gsub("^[^:\n]+%.lua:%d+: ", "")
  if self.total == 1 or (self.succeeded == 0 and self.raised == text) then error(text, 0) end
  self.raised = text
  return add_failure(self, path, text, "argument")
end

--- Explains one image and writes what comes of it. Raises for misuse.
---@param path string
---@param options fovea.ExplainOptions
---@return string[] complaints
function Writer:case(path, options)
  local given, message, code = M.read(path)
  if not given then return add_failure(self, path, message, code) end
  local ok, maps, reason, kind = pcall(explain.explain_all, self.model, given, options)
  if not ok then return add_raised(self, path, maps) end
  if not maps then return add_failure(self, path, reason, kind) end
  self.succeeded = self.succeeded + 1
  local complaints = {}
  if maps[1] and maps[1].doubt and not self.doubted then
    self.doubted, complaints[1] = true, ("warning: %s: %s"):format(path, maps[1].doubt)
  end
  local roughness = precision.text(maps)
  if roughness then complaints[#complaints + 1] = ("warning: %s: %s"):format(path, roughness) end
  for _, heat in ipairs(maps) do complaints[#complaints + 1] = add_map(self, path, heat) end
  return complaints
end

--- The records as JSON text.
---@return string
function Writer:text() return json.encode(self.records, { indent = 2, order = ORDER }) end

--- Writes explain.json.
---@return true? done
---@return string? message
function Writer:finish()
  return core.file.write(self.folder .. "/explain.json", self:text() .. "\n", QUICKLY)
end

return M
