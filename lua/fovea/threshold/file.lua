--- A strategy of your own, in a Lua file: file:PATH. The file returns a function (u, context) -> mask[, info], a
--- strategy (`return t.otsu() & t.band(0.3, 0.9)`), or a definition as in this folder, whose parameters follow the
--- path: file:PATH,k=3. It is read anew each time the strategy is asked for, so that changes count at once.
local core = require "fovea.core"
local object = require "fovea.strategy.object"
local parameters = require "fovea.strategy.parameters"

local function split_path(input)
  if input.words then
    local first = input.words[1]
    if not first or (first.key and first.key ~= "path") then error("threshold 'file': needs a path, file:PATH", 0) end
    return first.value, { table.unpack(input.words, 2) }
  end
  local given = {}
  for key, value in pairs(input.given) do given[key] = value end
  given.path = nil
  if type(input.given.path) ~= "string" then error("threshold 'file': needs a path", 0) end
  return input.given.path, nil, given
end

local function run(path)
  local text, message = core.file.read(path)
  if not text then error("threshold 'file': " .. message, 0) end
  local chunk, complaint = load(text, "@" .. path, "t")
  if not chunk then error("threshold 'file': " .. complaint, 0) end
  local ok, result = pcall(chunk)
  if not ok then error(("threshold 'file:%s' does not run: %s"):format(path, tostring(result)), 0) end
  return result, core.file.hash_text(text)
end

--- The strategy behind a file, named after it, with the hash of the file in its record.
local function wrapped(path, hash, inner, arguments)
  local spec = parameters.text({ parameters = { { name = "path", default = "" } } }, { path = path })
  local values = { path = path }
  for key, value in pairs(inner.parameters) do values[key] = value end
  return object.new {
    name = "file", spec = ("file:%s%s"):format(spec, arguments), parameters = values, of = inner.of,
    operator = nil, expand = inner.expand and function(u, _, ...) return inner.expand(u, inner.parameters, ...) end,
    rebuild = inner.rebuild and function(...) return wrapped(path, hash, inner.rebuild(...), arguments) end,
    select = function(u, _, ...)
      local mask, info = inner.select(u, inner.parameters, ...)
      local copy, detail = {}, { hash = hash }
      for key, value in pairs(info or {}) do copy[key] = value end
      for key, value in pairs(copy.detail or {}) do detail[key] = value end
      copy.detail = detail
      return mask, copy
    end,
  }
end

return {
  name = "file", doc = "a strategy of your own: file:PATH",
  parameters = { { name = "path", type = "string", doc = "Lua file" } },
  open = function(input, build)
    local path, words, given = split_path(input)
    local result, hash = run(path)
    if type(result) == "table" and not object.is(result) and result.parameters then
      result.name = result.name or path
      given = given or parameters.from_words(result, words)
      local inner = build.make(result, given, input.of)
      local text = parameters.text({ parameters = result.parameters, brief = true }, inner.parameters)
      return wrapped(path, hash, inner, text == "" and "" or "," .. text)
    end
    if (words and #words > 0) or (given and next(given)) then
      error(("threshold 'file:%s': the file has no parameters"):format(path), 0)
    end
    if type(result) ~= "function" and type(result) ~= "table" then
      error(("threshold 'file:%s': the file returns %s instead of a function or a strategy"):format(path,
        result == nil and "nothing" or "a " .. type(result)), 0)
    end
    return wrapped(path, hash, build.parse(result), "")
  end,
}
