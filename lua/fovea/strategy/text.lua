--- The text form of strategies, on the command line and in recipes:
---
---     expression = expression "|" expression       either         (binds least)
---                | expression "&" expression       both
---                | expression "-" expression       the first without the second
---                | "~" expression                  not            (binds most)
---                | "(" expression ")"
---                | NUMBER                          fixed
---                | NAME [ "(" expression ")" ] [ ":" argument { "," argument } ]
---     argument   = [ NAME "=" ] WORD
---
--- A WORD runs to the next blank, comma, bracket, "&" or "|"; in quotes ("..." or '...') it may hold any of these.
--- Because words may hold "-" (-1.5, my-file.lua), blanks stand around the operator "-" after a word.
--- NAME(expression) is a strategy made of another one: component(otsu):largest.
local M = {}

local function fail(r, text)
  local hint = r.text:find "%d%-%d" and " (blanks go around the operator '-')" or ""
  error(("threshold '%s': %s at character %d%s"):format(r.text, text, r.at, hint), 0)
end

local function skip_blanks(r) r.at = r.text:match("^%s*()", r.at) end

--- The capture of a pattern at this place, which is passed; nil when it does not match.
local function take(r, pattern)
  skip_blanks(r)
  local found, after = r.text:match("^" .. pattern .. "()", r.at)
  if found then r.at = after end
  return found
end

local function word(r)
  local quote = take(r, "([\"'])")
  if not quote then return take(r, "([^%s,()&|\"']+)") or fail(r, "a value is missing") end
  local text, after = r.text:match("^([^" .. quote .. "]*)" .. quote .. "()", r.at)
  r.at = after or r.at
  return text or fail(r, "a quote without its end")
end

local function arguments(r)
  local words = {}
  skip_blanks(r)
  if r.at > #r.text then return words end
  repeat
    local key = take(r, "([%a_][%w_]*)%s*=%s*")
    words[#words + 1] = { key = key, value = word(r) }
  until not take(r, "(,)")
  return words
end

local expression

local function bracketed(r)
  local inner = expression(r, 1)
  return take(r, "(%))") and inner or fail(r, "')' is missing")
end

local function primary(r)
  if take(r, "(%()") then return bracketed(r) end
  local number = take(r, "([%d%.][%w%.+-]*)") or take(r, "(%-[%d%.][%w%.+-]*)")
  if number then return r.build.parse(tonumber(number) or fail(r, ("'%s' is not a number"):format(number))) end
  local name = take(r, "([%a_][%w_]*)") or fail(r, "a strategy is missing")
  local of = take(r, "(%()") and { bracketed(r) }
  local words = take(r, "(:)") and arguments(r)
  return r.build.named(name, { words = words or {}, of = of or nil })
end

local function unary(r)
  if take(r, "(~)") then return r.build.combine("not", { unary(r) }) end
  return primary(r)
end

local LEVELS = { { "(|)", "or" }, { "(&)", "and" }, { "(%-)", "minus" } }

--- Left-associative operators of this level, over those that bind more tightly.
function expression(r, level)
  if level > #LEVELS then return unary(r) end
  local left = expression(r, level + 1)
  while take(r, LEVELS[level][1]) do
    left = r.build.combine(LEVELS[level][2], { left, expression(r, level + 1) })
  end
  return left
end

--- The strategy a text means; raises with the place for a text that is not understood.
---@param text string
---@param build table named(name, { words, of }), combine(operator, of) and parse(number)
---@return fovea.Strategy
function M.read(text, build)
  local reader = { text = text, at = 1, build = build }
  local strategy = expression(reader, 1)
  skip_blanks(reader)
  if reader.at <= #text then fail(reader, ("'%s' is not expected"):format(text:sub(reader.at))) end
  return strategy
end

return M
