-- A folder of results as fovea explain writes them, made from a tiny network, for specs of reports.
local cases = require "fovea.cases"
local fovea = require "fovea"
local lfs = require "lfs"
local tiny = require "support.tiny_onnx"

local M = {}

--- Removes a folder and what is in it.
function M.remove(folder)
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name ~= "." and name ~= ".." then
      if lfs.symlinkattributes(path, "mode") == "directory" then M.remove(path) else os.remove(path) end
    end
  end
  lfs.rmdir(folder)
end

--- Writes a model and images into a folder and explains them there.
---@param folder string
---@param names? string[] of images
---@param options? table of explain
---@return string results
function M.make(folder, names, options)
  local path = folder .. "/tiny.onnx"
  local file = assert(io.open(path, "wb"))
  file:write(tiny.bytes())
  file:close()
  local model = assert(fovea.load(path))
  local results = folder .. "/results"
  local writer = assert(cases.writer(results, model, {}))
  options = options or { layers = { "enc.relu.Relu", "deep.relu.Relu" }, thresholds = { 0.4, "quantile:0.9", 1 },
    methods = { "gradcam", "hirescam" } }
  for i, name in ipairs(names or { "eye.png" }) do
    local image = ("%s/%s"):format(folder, name)
    assert(fovea.image.write(image, fovea.uniform({ 3, 20, 24 }, { seed = i, min = 0, max = 255 })))
    local mask = fovea.zeros { 20, 24 }
    for y = 5, 12 do
      for x = 6, 15 do mask:set(y, x, 1) end
    end
    local own = { ground_truth = mask }
    for key, value in pairs(options) do own[key] = value end
    writer:case(image, own)
  end
  assert(writer:finish())
  return results
end

--- The records of a folder, and a way to put them back.
function M.records(results)
  local records = assert(fovea.json.read(results .. "/explain.json"))
  return records, function() assert(fovea.json.write(results .. "/explain.json", records)) end
end

return M
