--- Maps from the parameter names of other code bases to those of the networks here.
local M = {}

--- A map made of rules: the first pattern that matches the whole name gives the new name.
---@param rules { [1]: string, [2]: string|function }[] pattern and replacement, as for string.gsub
---@return fun(name: string, shape?: integer[]): string?
function M.rules(rules)
  return function(name)
    for _, rule in ipairs(rules) do
      local found, count = name:gsub("^" .. rule[1] .. "$", rule[2])
      if count == 1 then return found end
    end
  end
end

return M
