-- Documents with sessions: blocks ```lua whose lines behind "> " and ">> " are input and whose other lines are what is
-- printed, where "..." stands for anything; and blocks ```lua NAME.lua that are files.
local M = {}

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

--- The steps of a document: { input = lines, output = text, line = number } and { file = name, text = text }.
function M.steps(path)
  local steps, kind, number, step = {}, nil, 0, nil
  for line in read(path):gmatch "(.-)\n" do
    number = number + 1
    local name = line:match "^```lua%s+(%S+)$"
    local input = line:match "^>>? (.*)$" or (line:find "^>>?$" and "")
    if line:find "^```" then
      kind = kind == nil and (name and "file" or line == "```lua" and "session" or "other") or nil
      step = kind == "file" and { file = name, text = "" } or nil
      if step then steps[#steps + 1] = step end
    elseif kind == "file" then
      step.text = step.text .. line .. "\n"
    elseif kind == "session" and input and line:find "^>>" then
      table.insert(step.input, input)
    elseif kind == "session" and input then
      step = { input = { input }, output = "", line = number }
      steps[#steps + 1] = step
    elseif kind == "session" then
      step.output = step.output .. line .. "\n"
    end
  end
  return steps
end

--- Whether what was said is what a document shows.
function M.matches(shown, said)
  local pattern = shown:gsub("%p", "%%%0")
  pattern = pattern:gsub("%%%.%%%.%%%.\n", "\1"):gsub("%%%.%%%.%%%.", "[^\n]*"):gsub("\1", ".-\n?")
  return said:find("^" .. pattern .. "$") ~= nil
end

return M
