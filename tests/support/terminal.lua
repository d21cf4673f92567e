-- A real terminal for tests: a program in tmux, keys sent to it, the screen read back. Nothing sleeps for a fixed time:
-- what is waited for is looked for until it is there.
local command = require "support.command"

local M = {}
local Terminal = {}
Terminal.__index = Terminal

local PATIENCE = 60 -- seconds, for machines that are busy
local count = 0

local function now() return require("fovea.core").clock() end

--- Whether tmux is there.
function M.available() return os.execute "tmux -V >/dev/null 2>&1" == true end

local function tmux(terminal, ...)
  local words = { "tmux", "-u", "-L", terminal.socket, "-f", "/dev/null" }
  for _, word in ipairs { ... } do words[#words + 1] = command.quote(word) end
  local pipe = io.popen(table.concat(words, " ") .. " 2>&1")
  local said = pipe:read "a"
  local ok = pipe:close()
  return ok, said
end

--- Starts a command line in a terminal of its own. options: env (a list of "NAME=value"), columns, rows.
---@param line string for the shell
---@param options? { env: string[]?, columns: integer?, rows: integer? }
function M.start(line, options)
  options = options or {}
  count = count + 1
  local socket = ("fovea-test-%s-%d"):format(os.tmpname():match "([%w_]+)$", count)
  local terminal = setmetatable({ socket = socket }, Terminal)
  local env = { "env", "-u", "FOVEA_PICTURES", "-u", "NO_COLOR", "LC_ALL=C.UTF-8" }
  for _, entry in ipairs(options.env or {}) do env[#env + 1] = command.quote(entry) end
  -- the terminal stays when the program ends, and says with what status
  local whole = ("%s %s; echo \"[status $?]\"; exec sleep 1000"):format(table.concat(env, " "), line)
  local ok, said = tmux(terminal, "new-session", "-d", "-x", tostring(options.columns or 100), "-y",
    tostring(options.rows or 50), "-c", io.popen("pwd"):read "l", whole)
  assert(ok, said)
  return terminal
end

--- What is on the screen; with colours when asked for, and with what has scrolled out.
---@param colours? boolean
---@return string
function Terminal:screen(colours)
  local _, said = tmux(self, "capture-pane", "-p", "-J", "-S", "-500", table.unpack(colours and { "-e" } or {}))
  return said
end

--- Waits until a text (or what a function of the screen says) is on the screen; returns the screen.
---@param wanted string|fun(screen: string): boolean
---@return string
function Terminal:wait(wanted)
  local limit = now() + PATIENCE
  while true do
    local screen = self:screen()
    local found
    if type(wanted) == "string" then found = screen:find(wanted, 1, true) else found = wanted(screen) end
    if found then return screen end
    if now() > limit then error(("the terminal does not show %s:\n%s"):format(tostring(wanted), screen), 2) end
    os.execute "sleep 0.05"
  end
end

--- Types a text as it is.
function Terminal:type(text)
  assert(tmux(self, "send-keys", "-l", text))
  return self
end

--- Presses keys by their tmux names: "Enter", "Tab", "C-c", "Up".
function Terminal:press(...)
  assert(tmux(self, "send-keys", ...))
  return self
end

--- Types a line and waits for a text that comes of it.
---@param text string
---@param wanted? string|fun(screen: string): boolean
function Terminal:enter(text, wanted)
  self:type(text)
  self:wait(function(screen) return screen:gsub("\n", ""):find(text, 1, true) end)
  self:press "Enter"
  return wanted and self:wait(wanted)
end

function Terminal:close() tmux(self, "kill-server") end

return M
