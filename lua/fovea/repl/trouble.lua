--- Errors at the prompt: the message, the line it points at, and a short trace through the user's own code.
local M = {}

---@class fovea.Trouble
---@field message string
---@field trace string[] the user's frames, the innermost first
---@field interrupted boolean

local MOST_FRAMES = 6

local function message_of(err)
  if type(err) == "string" then return err end
  local class = getmetatable(err)
  if type(class) == "table" and class.__tostring then return tostring(err) end
  return ("(error object is a %s value)"):format(type(err))
end

--- Folder of the toolkit, whose frames are left out.
local function own_folder()
  local source = debug.getinfo(1, "S").source
  return source:match "^@(.*)repl/trouble%.lua$" or "@"
end

local function frame_text(info)
  local place = ("%s:%d"):format(info.short_src, info.currentline)
  if info.what == "main" then return place end
  local name = info.name and ("in '%s'"):format(info.name) or ("in a function of line %d"):format(info.linedefined)
  return ("%s  %s"):format(place, name)
end

--- Message handler for xpcall: collects what is needed before the stack is gone.
---@param err any
---@return fovea.Trouble
function M.collect(err)
  local message, folder = message_of(err), own_folder()
  local trouble = { message = message, trace = {}, interrupted = message:find "interrupted!$" ~= nil }
  local level, inside = 2, false
  while #trouble.trace < MOST_FRAMES do
    local info = debug.getinfo(level, "Sln")
    if not info then break end
    if info.what ~= "C" and info.source:sub(2, #folder + 1) == folder then
      inside = true
    elseif info.currentline > 0 then
      trouble.trace[#trouble.trace + 1] = frame_text(info) .. (inside and "  (calls the toolkit)" or "")
      inside = false
    end
    if info.what == "main" and info.source:find "^=input %d" then break end
    level = level + 1
  end
  return trouble
end

--- Line of a text or, without one, of a file.
local function line_of(text, path, number)
  local file = not text and io.open(path)
  if not text and not file then return nil end
  text = text or file:read "a"
  if file then file:close() end
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number - 1
    if number == 0 then return line end
  end
end

--- Whether a path, perhaps shortened to "...tail", is a file of the toolkit.
local function is_own(path)
  local tail = path:match "fovea/([%w_/]+%.lua)$"
  local file = tail and io.open(own_folder() .. tail)
  if file then file:close() end
  return file ~= nil
end

--- Places in front of a message, outermost first and without the toolkit's, and what it says.
local function split(message)
  local places = {}
  while true do
    local path, line, rest = message:match "^([^:\n]+):(%d+): (.*)$"
    if not path then return places, message end
    if not is_own(path) then places[#places + 1] = { path = path, line = math.tointeger(tonumber(line)) } end
    message = rest
  end
end

--- What is printed.
---@param trouble fovea.Trouble
---@param inputs table<string, string> texts by the names that messages use for them
---@return string
function M.text(trouble, inputs)
  if trouble.interrupted then
    return "interrupted" .. (trouble.trace[1] and " at " .. trouble.trace[1] or "")
  end
  local places, message = split(trouble.message)
  local lines, place = {}, places[#places]
  if place and not inputs[place.path] then message = ("%s:%d: %s"):format(place.path, place.line, message) end
  lines[1] = "error: " .. message
  local code = place and line_of(inputs[place.path], place.path, place.line)
  lines[2] = code and ("%5d | %s"):format(place.line, code)
  local first, frames = place and ("%s:%d"):format(place.path, place.line), {}
  for i, frame in ipairs(trouble.trace) do
    local shown = i == 1 and first and (frame .. " "):sub(1, #first + 1) == first .. " "
    if not shown then frames[#frames + 1] = "      at " .. frame end
  end
  if #trouble.trace > 1 or not place then table.move(frames, 1, #frames, #lines + 1, lines) end
  return table.concat(lines, "\n")
end

return M
