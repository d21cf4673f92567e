--- Progress on standard error: a bar with rate and time left on a terminal, plain lines otherwise (one per tenth).
local core = require "fovea.core"

local M = {}

local Progress = {}
Progress.__index = Progress

local BAR = 20

---@param total integer
---@param what string "explaining"
---@return table progress with :step(text) and :done()
function M.new(total, what)
  return setmetatable({ total = total, what = what, count = 0, before = 0, start = core.clock(), tty = core.isatty(2),
    tenth = 0 }, Progress)
end

local function duration(seconds)
  seconds = math.floor(seconds)
  if seconds >= 3600 then return ("%d:%02d:%02d"):format(seconds // 3600, seconds % 3600 // 60, seconds % 60) end
  return ("%02d:%02d"):format(seconds // 60, seconds % 60)
end

local function draw(self, text)
  local elapsed = core.clock() - self.start
  local part = self.count / math.max(1, self.total)
  local now = self.count - self.before
  local left = now > 0 and duration(elapsed / now * (self.total - self.count)) or "--:--"
  local full = math.floor(part * BAR + 0.5)
  io.stderr:write(("\r%s: %3.0f%%|%s%s| %d/%d [%s<%s, %.2f/s] %s\27[K"):format(self.what, 100 * part,
    ("█"):rep(full), (" "):rep(BAR - full), self.count, self.total, duration(elapsed), left,
    now / math.max(elapsed, 1e-9), text or ""))
  io.stderr:flush()
end

--- One more is done.
---@param text? string shown behind the bar
function Progress:step(text)
  self.count = self.count + 1
  if self.tty then return draw(self, text) end
  local tenth = self.count * 10 // math.max(1, self.total)
  if self.total >= 10 and tenth > self.tenth then
    self.tenth = tenth
    io.stderr:write(("%s: %d/%d\n"):format(self.what, self.count, self.total))
  end
end

--- So many were done before, which says nothing about the time left.
---@param count integer
function Progress:skip(count)
  self.count, self.before, self.tenth = count, count, count * 10 // math.max(1, self.total)
end

--- A message that does not tear the bar.
---@param text string
function Progress:say(text)
  io.stderr:write(self.tty and "\r\27[K" or "", text, "\n")
  if self.tty then draw(self) end
end

--- Takes the bar away.
function Progress:done()
  if self.tty then io.stderr:write("\r\27[K") end
end

return M
