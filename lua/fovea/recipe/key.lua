--- The key of a case: a hash of everything its result depends on. A result whose key fits is never computed again; one
--- whose model, image, mask, strategy file or settings changed is. The text that is hashed is stable: one line each.
local core = require "fovea.core"
local expand = require "fovea.recipe.expand"
local input_file = require "fovea.input_file"
local json = require "fovea.json"
local mask_file = require "fovea.mask_file"

local M = {}

local FORMAT = 2 -- of the records: changes when they get other fields

local hash_of

--- Hash of a file, of the pixels of a phantom, or of several files.
function hash_of(path)
  if type(path) == "table" then
    local hashes = {}
    for i, one in ipairs(path) do hashes[i] = hash_of(one) end
    return core.file.hash_text(table.concat(hashes, " "))
  end
  if path:find "^phantom:" then
    local image = input_file.read(path)
    return image and core.file.hash_text(path .. image.tensor:hash()) or "missing"
  end
  return mask_file.hash(path) or "missing"
end

--- Hashes of the files of an image, kept for the last image.
---@param plan fovea.RecipePlan
---@param index integer
---@return { image: string, mask: string? }
function M.image_hashes(plan, index)
  if not plan.hashed or plan.hashed.index ~= index then
    local image = plan.images[index]
    plan.hashed = { index = index, image = hash_of(image.path), mask = image.mask and hash_of(image.mask) }
  end
  return plan.hashed
end

local function metrics_text(plan)
  local texts = {}
  for i, part in ipairs(plan.metrics) do texts[i] = ("%s %s"):format(part.label, part.fingerprint) end
  return table.concat(texts, "; ")
end

--- The text that the key of a case is the hash of.
---@param plan fovea.RecipePlan
---@param case fovea.RecipeCase
---@return string
function M.text(plan, case)
  local model, outputs = plan.models[case.model], plan.settings.outputs
  local hashes, names = M.image_hashes(plan, case.image), expand.names(plan, case)
  local function setting(key)
    local value = expand.setting(plan, model, key)
    return value == nil and "-" or json.encode(value)
  end
  local strategy, method = plan.strategies[case.strategy], plan.methods[case.method]
  return table.concat({
    ("fovea %s, record %d"):format(core.version(), FORMAT),
    ("model %s %s"):format(names.model, model.fingerprint or "missing"),
    ("image %s %s"):format(names.image, hashes.image),
    ("mask %s %s"):format(hashes.mask or "-", json.encode(plan.images[case.image].rule or {})),
    ("layer %s"):format(case.layer), ("threshold %s %s"):format(strategy.label, strategy.fingerprint or "-"),
    ("method %s %s"):format(method.label, method.fingerprint or "-"), ("score %s"):format(case.score),
    ("reduction %s"):format(plan.settings.reduction), ("class %s"):format(setting "class"),
    ("output %s"):format(setting "output"), ("activation %s"):format(setting "activation"),
    ("spacing %s"):format(setting "spacing"), ("exact %s"):format(setting "exact") ..
      (plan.settings.precision == "bf16" and ", bf16" or ""),
    ("ground truth label %s"):format(setting "ground_truth_label"),
    ("metrics %s"):format(metrics_text(plan)),
    ("outputs %s %s %s %s"):format(tostring(outputs.overlays), tostring(outputs.panels), tostring(outputs.raw),
      tostring(outputs.views)),
    ("drawing %s"):format(json.encode(plan.settings.drawing)),
  }, "\n")
end

--- The key of a case.
---@param plan fovea.RecipePlan
---@param case fovea.RecipeCase
---@return string
function M.of(plan, case) return core.file.hash_text(M.text(plan, case)) end

return M
