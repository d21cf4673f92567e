-- A process that answers line by line. Its standard input is a named pipe, because Lua's popen has one direction.
local lfs = require "lfs"

local M = {}

local Contestant = {}
Contestant.__index = Contestant

local serial = 0

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end
M.quote = quote

-- The next line of the protocol; what else a program prints is passed over. nil when the process has ended.
local function answer(self)
  for line in self.output:lines() do
    local text = line:match "^bench: (.*)$"
    if text then return text end
  end
  self.ended = true
end

--- Starts a process and waits for its first result.
---@param command string for the shell
---@param folder string for the pipe and the log
---@param environment? string "A=1 B=2"
---@return table? contestant nil when it ended or said that it cannot
---@return string? reason
function M.start(command, folder, environment)
  serial = serial + 1
  local pipe, log = ("%s/pipe.%d"):format(folder, serial), ("%s/log.%d"):format(folder, serial)
  os.remove(pipe)
  assert(os.execute("mkfifo " .. quote(pipe)))
  local clock = require("fovea").clock
  local start = clock()
  local output = assert(io.popen(("exec env %s %s <%s 2>%s"):format(environment or "", command, quote(pipe),
    quote(log)), "r"))
  local input = assert(io.open(pipe, "w"))
  os.remove(pipe)
  local self = setmetatable({ input = input, output = output, log = log }, Contestant)
  local said = answer(self)
  self.first = { wall = clock() - start, cpu = tonumber(said and said:match "^ready (%S+)$") }
  if self.first.cpu then return self end
  self:stop()
  return nil, said or ("ended; see " .. log)
end

--- Asks and waits for the answer; raises when the process has ended.
---@param format string
---@return string
function Contestant:ask(format, ...)
  self.input:write(format:format(...), "\n")
  self.input:flush()
  local said = answer(self)
  if not said then error(("a contestant ended at '%s'; see %s"):format(format:format(...), self.log), 0) end
  return said
end

--- Ends the process. Closing its input is not enough: processes started later hold that pipe open too.
function Contestant:stop()
  if not self.ended then self.input:write "quit\n" end
  self.input:close()
  self.output:close()
  if (lfs.attributes(self.log, "size") or 0) == 0 then os.remove(self.log) end
end

return M
