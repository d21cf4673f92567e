--- The class of strategies: a definition with its parameters, combined by operators into new ones:
---
---     a & b    what both select          a | b    what either selects
---     a - b    what a selects and b not  ~a       what a does not select
---
--- On weights these are the minimum, the maximum, min(a, 1 - b) and 1 - a. A number or a text may stand for one side.
local M = {}

---@class fovea.Strategy
---@field name string
---@field spec string text form, from which the same strategy can be made (not so for Lua functions and masks)
---@field parameters table<string, any>
---@field of fovea.Strategy[] what it is made of
---@field id string? of the definitions, as "T5"
---@field select fun(u: fovea.Tensor, parameters: table, context: table, ...: fovea.Tensor): fovea.Tensor, table?
---@field rebuild (fun(of: fovea.Strategy[], changes: table?): fovea.Strategy)? the same with other parts or parameters
---@field expand (fun(u: fovea.Tensor, parameters: table, context: table, ...: fovea.Tensor): table[]?)? see build.lua
local Strategy = {}
Strategy.__index = Strategy

---@param fields table
---@return fovea.Strategy
function M.new(fields)
  fields.parameters, fields.of = fields.parameters or {}, fields.of or {}
  return setmetatable(fields, Strategy)
end

---@param value any
---@return boolean
function M.is(value) return getmetatable(value) == Strategy end

-- rank: how tightly the operator binds, as in Lua; symbol; the set operation on masks and weights.
local OPERATORS = {
  ["or"] = { rank = 1, symbol = "|", combine = function(a, b) return a:max_of(b) end },
  ["and"] = { rank = 2, symbol = "&", combine = function(a, b) return a:min_of(b) end },
  minus = { rank = 3, symbol = "-", combine = function(a, b) return a:min_of(1 - b) end },
  ["not"] = { rank = 4, symbol = "~", combine = function(a) return 1 - a end },
}

--- Text of a part, in brackets where it binds less tightly than its place needs.
local function part_text(part, rank)
  local operator = OPERATORS[part.operator]
  if not operator or operator.rank >= rank then return part.spec end
  return ("(%s)"):format(part.spec)
end

--- A strategy made by an operator.
---@param name string "and", "or", "minus" or "not"
---@param of fovea.Strategy[] two, or one for "not"
---@return fovea.Strategy
function M.combine(name, of)
  local operator = OPERATORS[name]
  local text
  if name == "not" then
    text = "~" .. part_text(of[1], operator.rank)
  else
    text = ("%s %s %s"):format(part_text(of[1], operator.rank), operator.symbol, part_text(of[2], operator.rank + 1))
  end
  return M.new {
    name = name, operator = name, spec = text, of = of,
    select = function(_, _, _, ...) return operator.combine(...) end,
    rebuild = function(parts) return M.combine(name, parts) end,
  }
end

local function binary(name)
  return function(a, b)
    local parse = require("fovea.strategy.build").parse
    return M.combine(name, { parse(a), parse(b) })
  end
end

Strategy.__band, Strategy.__bor, Strategy.__sub = binary "and", binary "or", binary "minus"
Strategy.__bnot = function(a) return M.combine("not", { a }) end

function Strategy:__tostring() return self.spec end

--- mask, record = strategy(u, context)
function Strategy:__call(u, context) return require("fovea.strategy.run").apply(self, u, context) end

return M
