--- Entries typed in earlier sessions, in a file of the user's state folder (XDG_STATE_HOME). One line per entry, with
--- line breaks written as \n. Each entry is appended with one write, so that sessions side by side keep each other's;
--- the file is shortened when a session starts.
local lfs = require "lfs"

local M = {}

--- Entries that are kept.
M.KEPT = 2000

--- Where the history is.
---@param getenv? fun(name: string): string?
---@return string? path nil when there is no home
function M.path(getenv)
  getenv = getenv or os.getenv
  local state, home = getenv "XDG_STATE_HOME", getenv "HOME"
  if not state or state:sub(1, 1) ~= "/" then
    if not home or home == "" then return nil end
    state = home .. "/.local/state"
  end
  return state .. "/fovea/history"
end

local function encode(text) return (text:gsub("\\", "\\\\"):gsub("\n", "\\n")) end

local function decode(line)
  return (line:gsub("\\(.)", function(c) return c == "n" and "\n" or c end))
end

--- Makes the folders above a file.
local function make_folders(path)
  for slash in path:gmatch "()/" do
    if slash > 1 then lfs.mkdir(path:sub(1, slash - 1)) end
  end
end

--- Replaces the file at once by its last lines.
local function shorten(path, lines)
  local core = require "fovea.core"
  local temporary = ("%s.%d"):format(path, math.floor(core.clock() * 1e6))
  local file = io.open(temporary, "w")
  if not file then return end
  local written = file:write(table.concat(lines, "\n", #lines - M.KEPT + 1), "\n")
  if file:close() and written then os.rename(temporary, path) else os.remove(temporary) end
end

--- The entries of a file, the oldest first.
---@param path string?
---@return string[]
function M.load(path)
  local file = path and io.open(path)
  if not file then return {} end
  local lines, entries = {}, {}
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  if #lines > M.KEPT + M.KEPT // 4 then shorten(path, lines) end
  for i = math.max(1, #lines - M.KEPT + 1), #lines do entries[#entries + 1] = decode(lines[i]) end
  return entries
end

--- Adds an entry.
---@param path string?
---@param text string
---@return boolean added
function M.append(path, text)
  if not path then return false end
  local file = io.open(path, "a")
  if not file then
    make_folders(path)
    file = io.open(path, "a")
  end
  if not file then return false end
  file:setvbuf("full")
  local written = file:write(encode(text), "\n")
  return file:close() and written ~= nil
end

return M
