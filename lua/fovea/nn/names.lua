--- Maps from the parameter names of other code bases to those of the networks here.
local M = {}

--- A map made of rules: the first pattern that matches the whole name gives the new name.
---@param rules { [1]: string, [2]: string|function|false }[] pattern and replacement: a text with %1, %2, ..., a
--- function of the captures (nil: not known after all), or false: a tensor that is not needed
---@return fun(name: string, shape?: integer[]): string|false|nil
function M.rules(rules)
  return function(name)
    for _, rule in ipairs(rules) do
      local pattern, own = "^" .. rule[1] .. "$", rule[2]
      if name:find(pattern) then
        if type(own) == "string" then return (name:gsub(pattern, own)) end
        return own and own(name:match(pattern))
      end
    end
  end
end

--- A map from the names that Keras gives by itself, KIND_N.LEAF (the first of a session may be KIND alone).
---@param kinds table<string, string[]> own names of the layers of each kind, in the order of their making
---@param first integer number of the first: 1 in Keras, 0 (and without it) in tf.keras
---@return fun(name: string, shape?: integer[]): string?
function M.numbered(kinds, first)
  return function(name)
    local layer, leaf = name:match "^([%w_]+)%.([%w_%.]+)$"
    if not layer then return nil end
    local kind, number = layer:match "^([%w_]-)_(%d+)$"
    if not kind then kind, number = layer, 0 end
    local own = kinds[kind] and kinds[kind][number - first + 1]
    return own and ("%s.%s"):format(own, leaf)
  end
end

--- The first map that knows a name.
---@param ... fun(name: string, shape?: integer[]): string?
---@return fun(name: string, shape?: integer[]): string?
function M.any(...)
  local maps = { ... }
  return function(name, shape)
    for _, map in ipairs(maps) do
      local own = map(name, shape)
      if own ~= nil then return own end
    end
  end
end

return M
