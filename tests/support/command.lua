-- Runs the fovea binary as a user does and returns what it said.
local M = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

--- Quotes a word for the shell.
---@param word string
---@return string
function M.quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- Runs `fovea ARGUMENTS...`; options: input (text of standard input, default none), env ("A=1 B=2"), folder.
---@param arguments string[]
---@param options? { input: string?, env: string?, folder: string? }
---@return integer status exit status, 128 + the signal's number when it was killed
---@return string out standard output
---@return string err standard error
function M.run(arguments, options)
  options = options or {}
  local out, err, input = os.tmpname(), os.tmpname(), os.tmpname()
  local file = assert(io.open(input, "wb"))
  file:write(options.input or "")
  file:close()
  local words = {}
  for i, word in ipairs(arguments) do words[i] = M.quote(word) end
  local fovea = os.getenv "FOVEA" or (io.popen("pwd"):read "l" .. "/bin/fovea")
  local _, how, code = os.execute(("cd %s && env %s %s %s <%s >%s 2>%s"):format(M.quote(options.folder or "."),
    options.env or "", M.quote(fovea), table.concat(words, " "), input, out, err))
  local said, complained = read(out), read(err)
  for _, path in ipairs { out, err, input } do os.remove(path) end
  return how == "signal" and 128 + code or code, said, complained
end

return M
