-- Busted output: one plain line per file, details of what failed, names of what was skipped, and the counts.
-- Appends "passed failed skipped" to the file named by FOVEA_TALLY, so that a caller can add suites up.
local busted = require "busted"
local pretty = require "pl.pretty"
local system = require "system"

local suite = os.getenv "FOVEA_SUITE" or "busted"

local function message_text(failure)
  local message = failure.message
  if message == nil then return "no message" end
  return type(message) == "string" and message or pretty.write(message)
end

local function place(failure)
  local trace = failure.trace or {}
  return trace.short_src and ("%s:%s"):format(trace.short_src, trace.currentline) or failure.element.name or "?"
end

local function print_failure(failure)
  local text = message_text(failure)
  print(("\n%s: %s"):format(failure.isError and "error" or "failure", failure.name))
  if not text:find "^%S+:%d+: " then print("  " .. place(failure)) end
  print("  " .. text:gsub("\n", "\n  "))
  if failure.isError and failure.trace and failure.trace.traceback then print("  " .. failure.trace.traceback) end
end

local function append_tally(passed, failed, skipped)
  local path = os.getenv "FOVEA_TALLY"
  if not path then return end
  local file = assert(io.open(path, "a"))
  file:write(("%d %d %d\n"):format(passed, failed, skipped))
  file:close()
end

return function()
  local handler = require "busted.outputHandlers.base"()
  local file_start, before

  local function counts()
    return handler.successesCount, #handler.failures + #handler.errors, handler.pendingsCount
  end

  function handler.file_start(file)
    file_start, before = system.gettime(), { counts() }
    return file, true
  end

  function handler.file_end(file)
    local passed, failed, skipped = counts()
    if passed + failed + skipped == before[1] + before[2] + before[3] then return nil, true end
    print(("%-48s %4d passed%s%s  %.1f s"):format(file.name, passed - before[1],
      failed > before[2] and (", %d failed"):format(failed - before[2]) or "",
      skipped > before[3] and (", %d skipped"):format(skipped - before[3]) or "", system.gettime() - file_start))
    io.stdout:flush()
    return nil, true
  end

  function handler.suite_end()
    for _, pending in ipairs(handler.pendings) do
      local reason = type(pending.message) == "string" and pending.message:gsub("^%S+:%d+: ", "")
      print("skipped: " .. pending.name .. (reason and " (" .. reason .. ")" or ""))
    end
    for _, failure in ipairs(handler.failures) do print_failure(failure) end
    for _, failure in ipairs(handler.errors) do print_failure(failure) end
    print(("%s: %d passed, %d failed, %d skipped"):format(suite, counts()))
    append_tally(counts())
    return nil, true
  end

  busted.subscribe({ "file", "start" }, handler.file_start)
  busted.subscribe({ "file", "end" }, handler.file_end)
  busted.subscribe({ "suite", "end" }, handler.suite_end)
  return handler
end
