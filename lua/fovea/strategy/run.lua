--- From a strategy to a target: the mask, the terms of the score, and the record of how they came about.
local build = require "fovea.strategy.build"

local M = {}

---@class fovea.ThresholdRecord
---@field strategy string
---@field id string? of the definitions
---@field spec string text form; reads back as the same strategy unless `anonymous`
---@field parameters table
---@field value number? the resolved threshold: entries above it (T1, T5) or from it on (T3, T4) are selected
---@field count integer entries selected (non-zero)
---@field kind string "mask", "weights" when an entry is neither 0 nor 1, or "signed" when the strategy gave terms
---@field flags string[] statuses: EMPTY_TARGET, TIES, CONSTANT, NONFINITE
---@field detail table? what else was resolved: connectivity, component, file hash ...
---@field of fovea.ThresholdRecord[]? the same of the parts, without counts
---@field anonymous boolean? true for Lua functions and masks, which a text cannot name

---@class fovea.Term part of a score: sum of weights * v of a class (T0, T11, T14, T15)
---@field class integer
---@field weights fovea.Tensor shape of the map; any sign
---@field against string? "others": z_c - log sum exp of the other classes instead of v

---@class fovea.Target
---@field mask fovea.Tensor shape of the map; 0..1
---@field terms fovea.Term[]
---@field mean boolean? the score is always a mean over the non-zero weights
---@field record fovea.ThresholdRecord

local function shape_text(tensor) return table.concat(tensor:shape(), "x") end

local function is_tensor(value) return type(value) == "userdata" and value.is_finite ~= nil end

--- Text that says what is wrong with a tensor of weights, or nil.
local function complaint_about_tensor(weights, u)
  if not is_tensor(weights) then
    return ("returned %s instead of a tensor"):format(weights == nil and "nothing" or "a " .. type(weights))
  end
  if weights:count() ~= u:count() then
    return ("returned a tensor %s for a map %s"):format(shape_text(weights), shape_text(u))
  end
  if not weights:is_finite() then return "returned a tensor with a NaN or an infinity" end
end

local function complaint_about_mask(mask, u)
  local complaint = complaint_about_tensor(mask, u)
  if complaint then return complaint end
  if mask:min() < 0 then
    return ("returned a negative weight (%g); signed weights go into the terms of the second result"):format(mask:min())
  end
  if mask:max() > 1 then
    return ("returned a weight above 1 (%g); weights lie in 0..1, divide a 0/255 mask by 255"):format(mask:max())
  end
end

local function complaint_about_terms(terms, u, classes)
  if type(terms) ~= "table" or #terms == 0 then return "returned terms that are not a list" end
  for i, term in ipairs(terms) do
    local complaint = complaint_about_tensor(term.weights, u)
    if complaint then return ("%s (term %d)"):format(complaint, i) end
    local class = term.class
    if class ~= nil and (math.type(class) ~= "integer" or class < 1 or (classes and class > classes)) then
      return ("returned term %d of class %s; there are %s"):format(i, tostring(class), tostring(classes or "1 or more"))
    end
    if term.against ~= nil and term.against ~= "others" then
      return ("returned term %d against '%s'; known: others"):format(i, tostring(term.against))
    end
  end
end

local function class_count(context)
  local all = context.logit or context.probability
  return all and all:shape()[1]
end

--- Selection of one strategy and of all it is made of; raises for a wrong result.
local function select(strategy, u, context)
  local masks, records, flags, value = {}, {}, {}, nil
  for i, part in ipairs(strategy.of) do
    local info
    masks[i], info, records[i] = select(part, u, context)
    if info.terms then
      error(("threshold '%s': '%s' is a signed target, which nothing can be made of"):format(strategy.spec,
        part.spec), 0)
    end
    for _, flag in ipairs(info.flags or {}) do flags[#flags + 1] = flag end
    if #strategy.of == 1 then value = info.value end
  end
  local mask, info = strategy.select(u, strategy.parameters, context, table.unpack(masks))
  info = info or {}
  local complaint = complaint_about_mask(mask, u)
    or (info.terms and complaint_about_terms(info.terms, u, class_count(context)))
  if complaint then error(("threshold '%s' %s"):format(strategy.spec, complaint), 0) end
  table.move(info.flags or {}, 1, #(info.flags or {}), #flags + 1, flags)
  info.flags = flags
  if info.value == nil then info.value = value end
  return mask:reshape(u:shape()), info, { strategy = strategy.name, id = strategy.id, spec = strategy.spec,
    parameters = strategy.parameters, value = info.value, detail = info.detail, anonymous = strategy.anonymous,
    of = #records > 0 and records or nil }
end

local function finish(mask, info, record)
  record.count = math.tointeger(mask:count_nonzero())
  record.flags = info.flags or {}
  if record.count == 0 then record.flags[#record.flags + 1] = "EMPTY_TARGET" end
  local binary = mask:sum() == record.count -- of weights in 0..1, this takes only zeros and ones
  record.kind = info.terms and "signed" or binary and "mask" or "weights"
  return record
end

local function complete_context(u, context)
  local complete = { shape = u:shape(), class = 1 }
  for key, value in pairs(context or {}) do complete[key] = value end
  return complete
end

--- One target of a strategy that has one.
local function target_of(strategy, u, context)
  if not u:is_finite() then
    local nothing = u:copy():fill(0)
    local record = { strategy = strategy.name, id = strategy.id, spec = strategy.spec,
      parameters = strategy.parameters, anonymous = strategy.anonymous }
    return { mask = nothing, terms = { { class = context.class, weights = nothing } },
      record = finish(nothing, { flags = { "NONFINITE" } }, record) }
  end
  local mask, info, record = select(strategy, u, context)
  local terms = {}
  for i, term in ipairs(info.terms or { { weights = mask } }) do
    terms[i] = { class = term.class or context.class, weights = term.weights:reshape(u:shape()),
      against = term.against }
  end
  return { mask = mask, terms = terms, mean = info.mean, record = finish(mask, info, record) }
end

--- All ways to choose one element of each list, the last list varying fastest.
local function choices(lists)
  local all = { {} }
  for _, list in ipairs(lists) do
    local longer = {}
    for _, chosen in ipairs(all) do
      for _, element in ipairs(list) do longer[#longer + 1] = { element, table.unpack(chosen) } end
    end
    all = longer
  end
  for _, chosen in ipairs(all) do -- they were put in front
    for i = 1, #chosen // 2 do chosen[i], chosen[#chosen + 1 - i] = chosen[#chosen + 1 - i], chosen[i] end
  end
  return all
end

local function same(a, b)
  for i = 1, #b do
    if a[i] ~= b[i] then return false end
  end
  return true
end

--- The strategies with one target each that a strategy stands for: all choices of its parts, then its own.
local function expand(strategy, u, context)
  local lists, all = {}, {}
  for i, part in ipairs(strategy.of) do lists[i] = expand(part, u, context) end
  for _, parts in ipairs(choices(lists)) do
    local one = same(parts, strategy.of) and strategy or strategy.rebuild(parts)
    local changes
    if one.expand then
      local base = parts[1] and select(parts[1], u, context)
      changes = one.expand(u, one.parameters, context, base)
    end
    if not changes then all[#all + 1] = one end
    for _, change in ipairs(changes or {}) do all[#all + 1] = one.rebuild(parts, change) end
  end
  return all
end

--- All targets of a strategy on a map: one, or several for "each component". A map with a NaN or an infinity selects
--- nothing (flag NONFINITE).
---@param spec any see fovea.threshold.parse
---@param u fovea.Tensor map of the chosen class
---@param context? table see fovea.threshold
---@return fovea.Target[]
function M.targets(spec, u, context)
  local strategy = build.parse(spec)
  context = complete_context(u, context)
  if not u:is_finite() then return { target_of(strategy, u, context) } end
  local targets = {}
  for i, one in ipairs(expand(strategy, u, context)) do targets[i] = target_of(one, u, context) end
  return targets
end

--- Mask and record of a strategy with one target.
---@param spec any
---@param u fovea.Tensor
---@param context? table
---@return fovea.Tensor mask shape of u
---@return fovea.ThresholdRecord record
function M.apply(spec, u, context)
  local targets = M.targets(spec, u, context)
  if #targets > 1 then
    error(("threshold '%s' has %d targets here, one is wanted: use fovea.threshold.targets"):format(
      build.parse(spec).spec, #targets), 0)
  end
  return targets[1].mask, targets[1].record
end

return M
