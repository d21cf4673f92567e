--- Words and numbers of a page.
local panel = require "fovea.panel"
local status = require "fovea.status"

local M = {}

--- A whole number with thin spaces between thousands; "-" when there is none.
---@param value? number
---@return string
function M.count(value)
  if not value then return "-" end
  local sign, digits = ("%.0f"):format(value):match "^(%-?)(%d+)$"
  if not digits then return tostring(value) end
  return sign .. digits:reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", ""):gsub(" ", "\u{2009}")
end

--- A number as short as can be told apart; "-" when there is none.
---@param value? number
---@return string
function M.number(value)
  if not value then return "-" end
  local size = math.abs(value)
  if size >= 10000 and size < 1e9 then return M.count(value) end
  return panel.number(value)
end

--- A part of one in percent.
---@param value? number
---@return string
function M.percent(value) return value and ("%.1f\u{2009}%%"):format(100 * value) or "-" end

--- "1 map", "3 maps".
---@param n integer
---@param one string
---@param several? string
---@return string
function M.several(n, one, several) return ("%s %s"):format(M.count(n), n == 1 and one or several or one .. "s") end

--- A strategy as it is typed: 0.5, otsu, quantile:0.95.
---@param spec string
---@return string
function M.threshold(spec) return (spec:gsub("%f[%w_]fixed:(%d)", "%1")) end

local GRAVE = { NONFINITE = true, EMPTY_TARGET = true, ZERO_GRAD = true, SATURATED = true, ALL_NONPOSITIVE = true }

--- How grave a status is: "good", "doubtful" or "bad".
---@param name string
---@return string
function M.grade(name)
  if name == "OK" then return "good" end
  if GRAVE[name] or not status.explanation[name] then return "bad" end
  return "doubtful"
end

--- What a status means.
---@param name string
---@return string
function M.explain(name) return status.explanation[name] or "not a status that this version knows" end

return M
