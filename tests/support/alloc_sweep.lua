-- Makes every allocation of a call fail in turn.
local core = require "fovea.core"

local function collect()
  collectgarbage()
  collectgarbage()
end

-- One run with allocation n failing; true when it asked for fewer allocations than that.
local function run(f, n, any_code)
  core.alloc_fail_at(n)
  local ok, result, message, code = pcall(f)
  local asked = core.alloc_count()
  core.alloc_fail_at(-1)
  if not ok then error(("allocation %d: %s"):format(n, result)) end
  if asked <= n then return true end
  if result == nil then
    assert(type(message) == "string" and (any_code or code == "memory"),
      ("allocation %d: %s (%s)"):format(n, message, code))
  else
    assert(any_code, ("allocation %d failed unnoticed"):format(n))
  end
  return false
end

--- Calls f with the first, second, ... allocation failing until it runs through. Every failed run must return
--- nil, a message and the code "memory" (a message may be about something else when a library hides the cause:
--- pass any_code). Nothing may be held afterwards.
---@param f fun(): any, string?, string?
---@param any_code boolean?
---@return integer runs failed runs
return function(f, any_code)
  for n = 0, 10000 do
    collect()
    local before = core.memory_in_use()
    local through = run(f, n, any_code)
    collect()
    assert(core.memory_in_use() == before, ("allocation %d: memory is held"):format(n))
    if through then return n end
  end
  error "the call never ran through"
end
