--- From a raw map to a displayed one (definitions 8.3): sign choice, resize, normaliser.
local core = require "fovea.core"
local lookup = require "fovea.lookup"

local M = {}

--- Normalisers: none, relu_max (R+ / max R+), minmax, minmax_flipped, absmax (-1..1), percentile (option
--- `percentile`, 2), sum (R+ / sum R+), cohort (option `scale`: one number for a set of maps).
M.names = { "none", "relu_max", "minmax", "minmax_flipped", "absmax", "percentile", "sum", "cohort" }

--- Sign choices: positive (R+), negative ((-R)+), absolute (|R|), signed (R).
M.signs = { "positive", "negative", "absolute", "signed" }

local sign_of = {
  positive = function(map) return map:relu() end,
  negative = function(map) return (-map):relu() end,
  absolute = function(map) return map:abs() end,
  signed = function(map) return map end,
}

local known_name = {}
for _, name in ipairs(M.names) do known_name[name] = true end

--- The part of a map that is asked for.
---@param map fovea.Tensor
---@param choice? string default "positive"
---@return fovea.Tensor
function M.sign(map, choice)
  local pick = sign_of[choice or "positive"]
  if not pick then error(lookup.unknown("normalise: unknown sign", choice, M.signs), 2) end
  return pick(map)
end

--- The normaliser that goes with a sign choice when none is named: absmax for signed maps, relu_max otherwise.
---@param sign? string
---@return string
function M.default(sign) return sign == "signed" and "absmax" or "relu_max" end

--- Applies a normaliser to a whole tensor.
---@param map fovea.Tensor
---@param name? string default "relu_max"
---@param options? { percentile: number?, scale: number? }
---@return fovea.Tensor map zeros when the status is not OK (except "none")
---@return string status OK, ALL_NONPOSITIVE, CONSTANT, NONFINITE
function M.apply(map, name, options)
  name, options = name or "relu_max", options or {}
  if not known_name[name] then error(lookup.unknown("normalise: unknown normaliser", name, M.names), 2) end
  lookup.check_keys(options, { "percentile", "scale" }, "normalise")
  if name == "cohort" and not options.scale then error("normalise: cohort needs the option 'scale'", 2) end
  local made, status = core.cam.normalise(map, name, name == "cohort" and options.scale or options.percentile)
  return assert(made, status), status
end

--- The whole way: sign, resize, normalise.
---@param raw fovea.Tensor
---@param options? { sign: string?, normaliser: string?, size: integer[]?, order: string?, percentile: number?,
---  scale: number? } size: spatial axes of the result; order: "sign_first" (default) or "resize_first"
---@return fovea.Tensor map
---@return string status
function M.display(raw, options)
  options = options or {}
  lookup.check_keys(options, { "sign", "normaliser", "size", "order", "percentile", "scale" }, "display")
  local order = options.order or "sign_first"
  if order ~= "sign_first" and order ~= "resize_first" then
    error(("display: order must be sign_first or resize_first, not '%s'"):format(tostring(order)), 2)
  end
  local function resized(map) return options.size and map:resize(options.size) or map end
  local map
  if order == "sign_first" then
    map = resized(M.sign(raw, options.sign))
  else
    map = M.sign(resized(raw), options.sign)
  end
  return M.apply(map, options.normaliser or M.default(options.sign),
    { percentile = options.percentile, scale = options.scale })
end

return M
