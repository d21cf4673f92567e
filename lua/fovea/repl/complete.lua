--- Completion at the prompt: what may stand at the end of a text.
local names = require "fovea.repl.names"
local scan = require "fovea.repl.scan"

local M = {}

local function is_layer_key(key) return key == "layer" or key == "layers" end

--- Text of the arguments of the call around the end, and the text before it.
local function call_around(text, state)
  for i = #state.brackets, 1, -1 do
    local bracket = state.brackets[i]
    if bracket.kind == "(" then return text:sub(bracket.at + 1), text:sub(1, bracket.at - 1):gsub("%s+$", "") end
  end
end

--- The key that a string belongs to: `key = "`, or `key = { ..., "`.
local function key_of(before, state)
  local key = before:match "([%a_][%w_]*)%s*=%s*$"
  if key then return key end
  local bracket = state.brackets[#state.brackets]
  if bracket and bracket.kind == "{" and before:find "[{,]%s*$" then
    return before:sub(1, bracket.at - 1):match "([%a_][%w_]*)%s*=%s*$"
  end
end

--- Names for the first argument of a call: `model:layer "`, `help "`, `require "`.
local function names_for_call(env, before)
  local callee = before:match "^(.-)%s*%(?%s*{?%s*$"
  local object, method = callee:match "^(.*):%s*([%a_][%w_]*)$"
  if is_layer_key(method) then return names.layers(names.named(env, object)) end
  if method then return nil end
  local called = callee:match "([%a_][%w_]*)$"
  if called == "help" then return require("fovea.help").names() end
  if called == "require" or called == "reload" then
    local modules = {}
    for name in pairs(package.loaded) do modules[#modules + 1] = name end
    return modules
  end
end

--- Candidates inside a string, what is there of them, whether they are files, and what follows (the quote).
local function in_string(env, text, state)
  local before, partial = text:sub(1, state.at - 1), text:sub(state.at + 1)
  local key = key_of(before, state)
  local found
  if is_layer_key(key) then
    found = names.layers(names.model(env, (call_around(text, state))))
  elseif key then
    found = names.choices(key)
    if key:find "^threshold" and not partial:find "^file:" then
      local word = partial:match "[%w_]*$" -- strategies combine: "component(otsu) & band"
      return found, word, false, word == partial and state.quote or ""
    end
  else
    found = names_for_call(env, before)
  end
  local file = partial:match "^file:(.*)$"
  if file and key and key:find "^threshold" then
    local files = names.files(file)
    for i, name in ipairs(files) do files[i] = "file:" .. name end
    return files, partial, true
  end
  if found and #found > 0 then return found, partial, false end
  return names.files(partial), partial, true
end

--- Keys of the options when the end is where one may stand: after { or , inside the arguments of a documented function.
local function option_keys(env, text, state, partial)
  local bracket = state.brackets[#state.brackets]
  local before = text:sub(1, #text - #partial)
  if not bracket or bracket.kind ~= "{" or not before:find "[{,]%s*$" then return {} end
  local _, callee = call_around(text, state)
  callee = callee or text:sub(1, bracket.at - 1):gsub("%s+$", "")
  local keys = names.options(names.named(env, callee))
  for i, key in ipairs(keys) do keys[i] = key .. " = " end
  return keys
end

local function in_code(env, text, state)
  local chain, partial, separator = scan.chain(text)
  if not chain then return {}, partial end
  if separator then
    local value = names.value(env, chain)
    return value == nil and {} or names.fields(value, separator == ":"), partial
  end
  local keys = option_keys(env, text, state, partial)
  if #keys > 0 then return keys, partial end
  return names.globals(env), partial
end

--- Orders names as people do: 2 before 10.
local function natural(name)
  return (name:gsub("%d+", function(digits) return ("%09d"):format(tonumber(digits) % 1000000000) end))
end

local function starting_with(candidates, partial)
  local found, seen = {}, {}
  for _, name in ipairs(candidates) do
    local private = name:sub(1, 1) == "_" and partial:sub(1, 1) ~= "_"
    if name:sub(1, #partial) == partial and not private and not seen[name] then
      seen[name], found[#found + 1] = true, name
    end
  end
  table.sort(found, function(a, b)
    local x, y = natural(a), natural(b)
    if x ~= y then return x < y end
    return a < b
  end)
  return found
end

--- What may complete a text.
---@param text string all lines of the input up to the cursor
---@param env table the globals
---@return string[] candidates sorted; each begins with `partial`
---@return string partial what is there of them
---@return string suffix what follows a candidate that is the only one
---@return boolean files whether they are paths
function M.candidates(text, env)
  local state = scan.scan(text)
  if state.inert then return {}, "", "", false end
  if not state.quote then
    local found, partial = in_code(env, text, state)
    return starting_with(found, partial), partial, "", false
  end
  local found, partial, files, suffix = in_string(env, text, state)
  return starting_with(found, partial), partial, suffix or state.quote, files
end

local function common_prefix(list)
  local prefix = list[1]
  for _, name in ipairs(list) do
    while name:sub(1, #prefix) ~= prefix do prefix = prefix:sub(1, -2) end
  end
  while #prefix > 0 and not utf8.len(prefix) and utf8.len(list[1]) do prefix = prefix:sub(1, -2) end
  return prefix
end

local MOST_LISTED = 200

--- The candidates in columns.
---@param list string[]
---@param width integer of the terminal
---@return string
function M.columns(list, width)
  local widest, lines = 0, {}
  local shown = { table.unpack(list, 1, MOST_LISTED) }
  for _, name in ipairs(shown) do widest = math.max(widest, utf8.len(name) or #name) end
  local across = math.max(1, (width + 1) // (widest + 2))
  local down = math.ceil(#shown / across)
  for row = 1, down do
    local cells = {}
    for i = row, #shown, down do
      cells[#cells + 1] = shown[i] .. (" "):rep(widest - (utf8.len(shown[i]) or #shown[i]))
    end
    lines[row] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  if #list > #shown then lines[#lines + 1] = ("... %d more"):format(#list - #shown) end
  return table.concat(lines, "\n")
end

--- What the Tab key does: text to insert, or lines to show.
---@param text string all lines of the input up to the cursor
---@param env table the globals
---@param width integer? of the terminal, 80
---@return string? insert
---@return string? listing
function M.complete(text, env, width)
  if not text:match "([^\n]*)$":find "%S" then return "  " end
  local found, partial, suffix, files = M.candidates(text, env)
  if #found == 0 then return nil end
  if #found == 1 then
    local only = found[1]
    return only:sub(#partial + 1) .. (only:find "/$" and "" or suffix)
  end
  local more = common_prefix(found):sub(#partial + 1)
  if more ~= "" then return more end
  for i, name in ipairs(files and found or {}) do found[i] = name:match "([^/]+/?)$" end
  return nil, M.columns(found, width or 80)
end

return M
