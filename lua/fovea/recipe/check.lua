--- A tree of nodes against the schema: plain settings, or all that is wrong, each with its place. Nothing runs before a
--- recipe has passed.
local lookup = require "fovea.lookup"
local schema = require "fovea.recipe.schema"

local M = {}

local MOST_COMPLAINTS = 20

local NAMES = { map = "a table of keys", list = "a list", text = "a text", number = "a number", null = "empty",
  boolean = "true or false", path = "a path", integer = "a whole number", script = "a function", either = "a value",
  any = "a value", tree = "a path or a table of keys" }

local function complain(state, place, text, ...)
  if #state.complaints < MOST_COMPLAINTS then
    state.complaints[#state.complaints + 1] = ("%s: %s"):format(place, text:format(...))
  end
end

--- ${NAME} in a path stands for a variable of the environment. One that is not set raises.
local function expanded(path)
  return (path:gsub("%${([%w_]+)}", function(name)
    return os.getenv(name) or error(("%s: the environment variable %s is not set"):format(path, name), 0)
  end))
end

--- A path as it can be opened from the working directory. ${NAME} in it is a variable of the environment;
--- phantom:... and random:... are no paths.
---@param base string folder
---@param path string
---@return string
function M.resolve(base, path)
  if path:find "^phantom:" or path:find "^random:%d+$" then return path end
  path = expanded(path)
  if path:sub(1, 1) == "/" or base == "" or base == "." then return path end
  return ("%s/%s"):format(base, path)
end

--- Message of an error without the place in the toolkit's own code; a place in a user's file stays.
---@param message any
---@return string
function M.bare(message) return (tostring(message):gsub("^[^:\n]*fovea/[%w_/]+%.lua:%d+: ", "")) end

--- Kinds of nodes that a type accepts.
local accepted = {
  text = { text = true, number = true }, path = { text = true }, integer = { number = true },
  number = { number = true }, boolean = { boolean = true }, list = { list = true }, map = { map = true },
  script = { ["function"] = true, map = false },
  tree = { text = true, map = true },
  any = { text = true, number = true, boolean = true, list = true, map = true, ["function"] = true },
}

local function fits(node, rule)
  if rule.type == "either" then
    for _, one in ipairs(rule.of) do
      if fits(node, one) then return true end
    end
    return false
  end
  if rule.type == "list" and rule.single and fits(node, rule.of) then return true end
  if rule.type == "integer" then return node.kind == "number" and math.tointeger(node.value) ~= nil end
  return accepted[rule.type][node.kind] or false
end

local check

local checks = {}

local function limits(state, node, rule, value)
  if rule.min and value < rule.min then complain(state, node.place, "must be at least %g, not %g", rule.min, value) end
  if rule.max and value > rule.max then complain(state, node.place, "must be at most %g, not %g", rule.max, value) end
  return value
end

checks.text = function(state, node, rule)
  local value = node.kind == "number" and ("%.14g"):format(node.value) or node.value
  if not rule.choices then return value end
  for _, known in ipairs(rule.choices) do
    if known == value then return value end
  end
  complain(state, node.place, "%s", lookup.unknown("unknown value", value, rule.choices))
end

checks.path = function(_, node) return M.resolve(node.base, node.value) end
checks.integer = function(state, node, rule) return limits(state, node, rule, math.tointeger(node.value)) end
checks.number = function(state, node, rule) return limits(state, node, rule, node.value) end
checks.boolean = function(_, node) return node.value end
checks.script = function(_, node) return node.value end

--- Whatever stands there, as plain values.
local function plain(state, node)
  local value = {}
  for i, item in ipairs(node.items or {}) do value[i] = plain(state, item) end
  for _, entry in ipairs(node.entries or {}) do value[entry.key] = plain(state, entry.node) end
  if node.items or node.entries then return value end
  if node.kind == "null" then complain(state, node.place, "a value is missing") end
  return node.value
end

checks.any = plain
checks.tree = function(_, node) return node end

checks.list = function(state, node, rule, path)
  if node.kind ~= "list" then return { check(state, node, rule.of, path .. "[1]") } end
  local values = {}
  for i, item in ipairs(node.items) do
    values[#values + 1] = check(state, item, rule.of, ("%s[%d]"):format(path, i))
  end
  if #node.items == 0 then complain(state, node.place, "the list is empty") end
  return values
end

local function unknown_key(state, entry, names)
  local meant = schema.synonyms[entry.key]
  for _, name in ipairs(names) do
    if name == meant then
      return complain(state, entry.place, "unknown key '%s'; did you mean '%s'?", entry.key, meant)
    end
  end
  complain(state, entry.place, "%s", lookup.unknown("unknown key", entry.key, names))
end

--- The value of a key that the schema does not name, in an open map.
local function open_value(state, entry)
  local kind = entry.node.kind
  if kind == "text" or kind == "number" or kind == "boolean" then return entry.node.value end
  complain(state, entry.place, "'%s' must be a plain value, not %s", entry.key, NAMES[kind] or kind)
end

checks.map = function(state, node, rule, path)
  local values, rules, names = {}, {}, {}
  for i, pair in ipairs(rule.keys) do rules[pair[1]], names[i] = pair[2], pair[1] end
  for _, entry in ipairs(node.entries) do
    local inner = path == "" and entry.key or ("%s.%s"):format(path, entry.key)
    state.places[inner] = entry.place
    if rules[entry.key] then
      values[entry.key] = check(state, entry.node, rules[entry.key], inner, entry.key)
    elseif rule.open then
      values[entry.key] = rule.open == "any" and plain(state, entry.node) or open_value(state, entry)
    else
      unknown_key(state, entry, names)
    end
  end
  for _, pair in ipairs(rule.keys) do
    local inner = path == "" and pair[1] or ("%s.%s"):format(path, pair[1])
    if pair[2].required and not state.places[inner] then
      complain(state, node.place, "the key '%s' is missing: %s", pair[1], pair[2].doc)
    end
  end
  return values
end

local function has_key(node, key)
  for _, entry in ipairs(node.entries) do
    if entry.key == key then return true end
  end
  return false
end

checks.either = function(state, node, rule, path, key)
  local last
  for _, one in ipairs(rule.of) do
    if fits(node, one) then
      last = one
      if not (node.kind == "map" and one.mark) or has_key(node, one.mark) then break end
    end
  end
  return check(state, node, last, path, key)
end

--- What a rule takes, in words.
local function wanted(rule)
  if rule.type == "either" then
    local words, seen = {}, {}
    for _, one in ipairs(rule.of) do
      local word = wanted(one)
      if one.type ~= "script" and not seen[word] then words[#words + 1], seen[word] = word, true end
    end
    return table.concat(words, " or ")
  end
  if rule.type == "list" and rule.single then return ("%s or a list of such"):format(wanted(rule.of)) end
  return NAMES[rule.type]
end

--- The value of a node under a rule; what is wrong goes to the complaints.
function check(state, node, rule, path, key)
  state.places[path] = state.places[path] or node.place
  if fits(node, rule) then return checks[rule.type](state, node, rule, path, key) end
  local what = key and ("'%s'"):format(key) or "this value"
  local shown = NAMES[node.kind] or node.kind
  if node.kind == "text" or node.kind == "number" then shown = ("'%s'"):format(tostring(node.value)) end
  complain(state, node.place, "%s must be %s, not %s", what, wanted(rule), shown)
end

local function with_defaults(rule, settings)
  for _, pair in ipairs(rule.keys) do
    local name, inner = pair[1], pair[2]
    if settings[name] == nil and inner.default ~= nil then
      settings[name] = inner.type == "list" and { inner.default } or inner.default
    end
  end
  return settings
end

--- Settings under a rule of one's own, a map: defaults of its keys filled in, paths resolved.
---@param node fovea.Node
---@param rule table see fovea.recipe.schema
---@return table? settings
---@return table<string, string>|string[] places of the settings in the file, or the complaints
function M.of(node, rule)
  local state = { complaints = {}, places = {} }
  if node.kind ~= "map" then return nil, { ("%s: a table of keys is expected"):format(node.place) } end
  local settings = check(state, node, rule, "")
  if #state.complaints > 0 then return nil, state.complaints end
  return with_defaults(rule, settings), state.places
end

--- Settings of a recipe: defaults filled in, paths resolved.
---@param node fovea.Node
---@return table? settings
---@return table<string, string>|string[] places of the settings ("layers[2]") in the file, or the complaints
function M.settings(node)
  local state = { complaints = {}, places = {} }
  if node.kind ~= "map" then
    return nil, { ("%s: a recipe is a table of keys such as models and images"):format(node.place) }
  end
  local settings = check(state, node, schema.recipe, "")
  if #state.complaints > 0 then return nil, state.complaints end
  with_defaults(schema.recipe, settings)
  for _, pair in ipairs(schema.recipe.keys) do
    local name, rule = pair[1], pair[2]
    if name == "outputs" then settings.outputs = with_defaults(rule, settings.outputs or {}) end
  end
  settings.drawing = settings.drawing or {}
  settings.metrics = settings.metrics or {}
  return settings, state.places
end

return M
