--- The prompt: `fovea repl`, plain `fovea` on a terminal, `fovea -i`. In the fovea binary it has line editing, history,
--- completion and a Ctrl-C that returns to the prompt; under another interpreter it reads plain lines.
local core = require "fovea.core"
local session = require "fovea.repl.session"

local M = {}

local PROMPT, CONTINUED = "> ", ">> "

--- The module of the binary, if this is it.
local function host_module()
  local found, host = pcall(require, "fovea.host")
  return found and type(host) == "table" and host or nil
end

--- Columns of the terminal, and lines that one value may take.
local function room()
  local columns, rows = core.terminal.size()
  return columns, rows and math.max(8, rows - 4)
end

local PICTURE = { columns = 48, rows = 12 }

--- A small picture of what can show itself.
local function small_picture(value)
  local class = getmetatable(value)
  if type(value) ~= "table" or not require("fovea.terminal").capabilities() then return end
  if class == require("fovea.heatmap").Heatmap then
    if #value.mask:shape() == 2 and value.status ~= "NONFINITE" then value:show(PICTURE) end
  elseif class == require("fovea.image").Image then
    value:show(PICTURE)
  end
end

--- Colour around the prompt; \1 stands around what takes no place.
local function coloured(text)
  if (os.getenv "NO_COLOR" or "") ~= "" or os.getenv "TERM" == "dumb" then return text end
  return ("\1\27[1;36m\1%s\1\27[0m\1"):format(text)
end

--- Reads with the line editor: returns the reading function and one that remembers what was run.
local function edited(host, current)
  local complete, history = require "fovea.repl.complete", require "fovea.repl.history"
  local path = history.path()
  local last
  for _, text in ipairs(history.load(path)) do
    host.add_history(text)
    last = text
  end
  local function on_tab(line, cursor)
    local text = table.concat(current.pending, "\n")
    if text ~= "" then text = text .. "\n" end
    return complete.complete(text .. line:sub(1, cursor), current.env, (core.terminal.size()))
  end
  local function read(continued) return host.read_line(coloured(continued and CONTINUED or PROMPT), on_tab) end
  local function remember(text)
    if not text:find "%S" or text == last then return end
    last = text
    host.add_history(text)
    history.append(path, text)
  end
  return read, remember
end

--- Reads plain lines: with a prompt on a terminal, silently from a pipe.
local function plain()
  local tty = core.isatty(0)
  local function read(continued)
    if tty then
      io.stdout:write(continued and CONTINUED or PROMPT)
      io.stdout:flush()
    end
    return io.stdin:read "l"
  end
  return read, function() end
end

local function greet()
  print(("fovea %s, %s   help() for help, Tab completes, Ctrl-D leaves"):format(core.version(), _VERSION))
end

local function loop(current, read, remember)
  while true do
    local line = read(#current.pending > 0)
    if line == nil then break end
    if line then
      local text = current:feed(line)
      if text then remember(text) end
    else
      current:drop()
    end
  end
  current:finish()
end

--- Reads, runs and prints until the end of input.
---@param options? { silent: boolean? } silent: no line of greeting
---@return integer failures errors that were shown
function M.run(options)
  local host, tty = host_module(), core.isatty(0) and core.isatty(1)
  local current = session.new {
    size = tty and room or nil, picture = small_picture,
    complain = tty and function(text) -- the terminal has shown ^C
      io.stderr:write(text:find "^interrupted" and "\n" or "", text)
    end or nil,
    call = host and function(handler, f) return host.call(handler, f) end,
  }
  if tty and not (options and options.silent) then greet() end
  local read, remember
  if host and tty then read, remember = edited(host, current) else read, remember = plain() end
  loop(current, read, remember)
  if tty then io.stdout:write "\n" end
  return current.failures
end

return M
