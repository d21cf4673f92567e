--- A session without a terminal: takes lines, runs what they say and writes what comes of it.
local chunk = require "fovea.repl.chunk"
local display = require "fovea.repl.display"
local trouble = require "fovea.repl.trouble"

local M = {}

---@class fovea.Session
---@field env table the globals
---@field write fun(text: string) takes output
---@field complain fun(text: string) takes errors
---@field call fun(handler: function, f: function): boolean, ... xpcall, perhaps with a way to interrupt
---@field size fun(): integer?, integer? columns, and the most lines of one value
---@field picture fun(value: any)? draws what a value looks like, if it can
---@field pending string[] lines of an unfinished input
---@field inputs table<string, string> text of what was run, by the name it has in messages
---@field count integer
---@field failures integer errors so far
local Session = {}
Session.__index = Session

local function guarded(handler, f) return xpcall(f, handler) end

local function standard_output(text) io.stdout:write(text) end

local function standard_error(text)
  io.stdout:flush()
  io.stderr:write(text)
end

--- The globals of a session: what is there already, with `fovea` and `help`.
---@param env table
---@return table env
function M.prepare(env)
  env.fovea = require "fovea"
  if env.help == nil then env.help = env.fovea.help end
  return env
end

--- A new session.
---@param options? table fields of fovea.Session that differ from the usual: env (_G), write, complain, call, size,
--- picture
---@return fovea.Session
function M.new(options)
  options = options or {}
  return setmetatable({
    env = M.prepare(options.env or _G), write = options.write or standard_output,
    complain = options.complain or options.write or standard_error, call = options.call or guarded,
    size = options.size or function() end, picture = options.picture, pending = {}, inputs = {}, count = 0,
    failures = 0,
  }, Session)
end

local function fail(session, err)
  session.failures = session.failures + 1
  session.complain(trouble.text(err, session.inputs) .. "\n")
end

local KEPT_INPUTS = 500 -- for the lines that errors show

--- Compiles the pending lines under the name of the next input.
local function compile_pending(session)
  local text, name = table.concat(session.pending, "\n"), ("input %d"):format(session.count + 1)
  session.inputs[name] = text
  return text, chunk.compile(text, session.env, name)
end

--- What was pending is done.
local function advance(session)
  session.pending, session.count = {}, session.count + 1
  session.inputs[("input %d"):format(session.count - KEPT_INPUTS)] = nil
end

--- Prints values and remembers the first as `_`.
local function present(session, values)
  if values.n == 0 then return end
  session.env._ = values[1]
  session.write(display.values(values, session.size()) .. "\n")
  if values.n == 1 and session.picture then session.picture(values[1]) end
end

local function run(session, compiled)
  local function collect(err)
    chunk.keep_locals(session.env)
    return trouble.collect(err)
  end
  local results = table.pack(session.call(collect, compiled))
  if not results[1] then return fail(session, results[2]) end
  local values = table.pack(table.unpack(results, 2, results.n))
  -- what a value prints may fail, or take long, as well
  local shown, err = session.call(trouble.collect, function() present(session, values) end)
  if not shown then fail(session, err) end
end

--- Takes one line. When it completes what was begun, that is run.
---@param line string
---@return string? text all lines of what was run; nil when more lines are needed
function Session:feed(line)
  self.pending[#self.pending + 1] = line
  local text, compiled, message, unfinished = compile_pending(self)
  if unfinished then return nil end
  advance(self)
  if not compiled then
    fail(self, { message = message, trace = {} })
  elseif text:find "%S" then
    run(self, compiled)
  end
  return text
end

--- Gives up what was begun.
function Session:drop() self.pending = {} end

--- At the end of input: what was begun and not completed is an error.
function Session:finish()
  if #self.pending == 0 then return end
  local _, _, message = compile_pending(self)
  advance(self)
  fail(self, { message = message, trace = {} })
end

M.Session = Session

return M
