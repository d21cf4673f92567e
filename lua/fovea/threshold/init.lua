--- Threshold strategies: which pixels of the output a heat map explains (definitions 8.2). One file of this folder per
--- strategy, found by name; `describe()` lists them. Each is also a function here, and strategies combine:
---
---     local t = fovea.threshold
---     t.quantile(0.95)      t.component(t.otsu(), "largest")      t.contrast { of = t.argmax(), against = 2 }
---     t.otsu() & t.band(0.3, 0.5)      a | b      a - b      ~a
---
--- The same as a text, see fovea.strategy.text: "quantile:0.95", "component(otsu):largest", "otsu & band:0.3,0.5",
--- "file:my_strategy.lua".
---
--- A strategy of your own is any function `(u, context) -> mask[, info]`. u is the map of the chosen class, normally
--- the probability: [D x] H x W; `u:flatten()` is the column vector. The mask has as many elements as u, in any shape:
--- 0/1, or weights in 0..1 (T12). info is the resolved threshold (a number), or a table:
---
---     value    number: the resolved threshold
---     flags    list of statuses, such as "TIES"
---     detail   table of plain values for the record
---     terms    a signed target instead of the sum over the mask (T11, T14, T15): a list of { weights = tensor of any
---              sign, class = from 1 (default: the chosen), against = "others" (v is z_c - log sum exp of others) };
---              the mask then says which pixels take part
---     mean     true: the score is the mean over the non-zero weights, whatever the options say
---
--- `context` holds
---
---     probability, logit   K x [D] x H x W, all classes of one image (logit is nil when the model has none)
---     class                1-based
---     shape                of u
---     image                what was given to explain
---     ground_truth         0/1 on the model's grid, when there is one
---     spacing              mm per cell of the grid, when it is known
---     geometry             where the grid lies in the image (fovea.preprocess), when there is one
local build = require "fovea.strategy.build"
local lookup = require "fovea.lookup"
local parameters = require "fovea.strategy.parameters"
local run = require "fovea.strategy.run"

local M = {}

local function protected(f, ...)
  local results = table.pack(pcall(f, ...))
  if not results[1] then error(results[2], 3) end
  return table.unpack(results, 2, results.n)
end

--- The strategy that a specification means: a number (fixed), a text ("0.5", "otsu:exact", "otsu & band:0.3,0.5"), a
--- table (`{ "quantile", 0.95 }`, `{ name = "top_k", k = 5 }`, `{ name = "component", of = "otsu" }`,
--- `{ name = "mine", select = function }`), a function, or a mask tensor. Raises for anything else.
---@param spec number|string|table|function|fovea.Tensor|fovea.Strategy
---@return fovea.Strategy
function M.parse(spec) return protected(build.parse, spec) end

--- Selects the entries of a map. A map with a NaN or an infinity selects nothing (flag NONFINITE). Raises for a
--- strategy that gives several targets.
---@param spec any as for `parse`
---@param u fovea.Tensor map of the chosen class
---@param context? table see the head of this module; `shape` and `class` (1) are filled in
---@return fovea.Tensor mask shape of u
---@return fovea.ThresholdRecord record
function M.apply(spec, u, context) return protected(run.apply, spec, u, context) end

--- All targets of a strategy on a map: one, or several ("component:each").
---@param spec any as for `parse`
---@param u fovea.Tensor
---@param context? table
---@return fovea.Target[]
function M.targets(spec, u, context) return protected(run.targets, spec, u, context) end

--- Names of the strategies that are there.
---@return string[]
function M.names() return lookup.names "fovea.threshold" end

--- What there is to know of each strategy, or of one.
---@param name? string
---@return { name: string, id: string?, doc: string, of: string?, parameters: fovea.Parameter[], text: string }[]|table
function M.describe(name)
  if name then
    local definition = lookup.load("fovea.threshold", name, "threshold: unknown strategy")
    local words = {}
    for i, parameter in ipairs(definition.parameters) do words[i] = parameters.describe(parameter) end
    return { name = name, id = definition.id, doc = definition.doc, of = definition.of,
      parameters = definition.parameters, text = table.concat(words, ", ") }
  end
  local all = {}
  for i, one in ipairs(M.names()) do all[i] = M.describe(one) end
  return all
end

--- Strategies by name: threshold.otsu, threshold.component ...
return setmetatable(M, { __index = function(_, name)
  if type(name) ~= "string" or not pcall(lookup.load, "fovea.threshold", name, "threshold") then return nil end
  return build.constructor(name)
end })
