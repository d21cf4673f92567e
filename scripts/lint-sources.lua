-- Checks what compilers do not: which layer may include what, line budgets, doc comments of public Lua functions.
-- usage: lua5.4 scripts/lint-sources.lua [ROOT]      prints one line per finding and fails when there are any
local root = arg[1] or "."
local findings = 0

local function report(path, line, ...)
  findings = findings + 1
  print(("%s:%d: %s"):format(path, line, string.format(...)))
end

local function files(folder, pattern)
  local list = {}
  local pipe = assert(io.popen(("cd '%s' && find %s -type f 2>/dev/null | LC_ALL=C sort"):format(root, folder)))
  for path in pipe:lines() do
    if path:match(pattern) then list[#list + 1] = path end
  end
  pipe:close()
  return list
end

local function lines_of(path)
  local list = {}
  for line in io.lines(root .. "/" .. path) do list[#list + 1] = line end
  return list
end

-- Layers: which folders of src a folder may include from. Headers of one file are named in full.
local includes = {
  base = { "base/" },
  tensor = { "base/", "tensor/" },
  dnn = { "base/", "tensor/", "dnn/" },
  ops = { "base/", "tensor/", "dnn/", "ops/", "graph/op.h", "graph/emit.h", "graph/expression.h" },
  graph = { "base/", "tensor/", "dnn/", "graph/", "ops/op_list.h" },
  cam = { "base/", "tensor/", "graph/", "cam/" },
  io = { "base/", "tensor/", "io/" },
  hdf5 = { "base/", "tensor/", "io/", "hdf5/" },
  bind = { "" },
}

-- Headers of other projects and who may see them (prefixes of paths below src).
local foreign = {
  { "^lua", { "bind/" } },
  { "^lauxlib%.h", { "bind/" } },
  { "dnnl", { "dnn/", "ops/" } },
  { "^png%.h", { "io/" } },
  { "^turbojpeg%.h", { "io/" } },
  { "^tiff", { "io/tiff" } },
  { "^gif_lib%.h", { "io/gif" } },
  { "^leptonica/", { "io/bmp" } },
  { "^jansson%.h", { "io/", "hdf5/", "bind/json.c" } },
  { "^hdf5%.h", { "hdf5/" } },
  { "protobuf%-c", { "io/" } },
  { "%.pb%-c%.h", { "io/" } },
  { "^xxhash%.h", { "io/" } },
  { "^zip%.h", { "io/" } },
  { "^chafa%.h", { "io/terminal" } },
  { "^histedit%.h", { "bind/host" } },
}

-- Calls that belong to one place: the first is how C code would end or print behind the caller's back.
local calls = {
  { { "abort", "exit", "_exit", "printf", "fprintf", "puts", "fputs", "perror" }, { "bind/host" } },
  { { "malloc", "calloc", "realloc", "aligned_alloc", "free", "strdup" }, { "base/alloc.c", "bind/host" } },
}

local function starts_with_any(text, prefixes)
  for _, prefix in ipairs(prefixes) do
    if text:sub(1, #prefix) == prefix then return true end
  end
  return false
end

local function check_include(path, number, header, quoted)
  local inner = path:gsub("^src/", "")
  local layer = inner:match "^(%w+)/"
  if quoted and layer and header:find("/", 1, true) and not starts_with_any(header, includes[layer] or {}) then
    report(path, number, "src/%s may not include %s", layer, header)
  end
  for _, rule in ipairs(foreign) do
    if header:find(rule[1]) and not starts_with_any(inner, rule[2]) then
      report(path, number, "%s belongs to src/%s", header, table.concat(rule[2], " and src/"))
    end
  end
end

local function check_calls(path, number, line)
  local inner = path:gsub("^src/", "")
  for _, rule in ipairs(calls) do
    for _, name in ipairs(rule[1]) do
      if line:find("%f[%w_]" .. name .. "%s*%(") and not starts_with_any(inner, rule[2]) then
        report(path, number, "%s() is for src/%s only", name, table.concat(rule[2], " and src/"))
      end
    end
  end
end

-- Functions begin with a brace in the first column and end with one (as clang-format leaves them).
local function check_c_functions(path, lines)
  local first
  for number, line in ipairs(lines) do
    if line == "{" then first = number end
    if line == "}" and first then
      if number - first + 1 > 70 then report(path, first, "function of %d lines (limit 70)", number - first + 1) end
      first = nil
    end
  end
end

-- Files of src/ops that define ops are op files; kernels that ops share are C files like others.
local function is_op_file(path, lines)
  if not path:match "^src/ops/" then return false end
  for _, line in ipairs(lines) do
    if line:match "^%s*const fv_op " then return true end
  end
  return false
end

local function check_c(path)
  local lines = lines_of(path)
  local limit = is_op_file(path, lines) and 200 or 500
  if #lines > limit then report(path, #lines, "file of %d lines (limit %d)", #lines, limit) end
  check_c_functions(path, lines)
  if not path:match "^src/" then return end
  local in_comment = false
  for number, line in ipairs(lines) do
    local code = line:gsub('"[^"]*"%s*[,;)]', ""):gsub("/%*.-%*/", "")
    if not in_comment then
      local open, header = line:match '^%s*#%s*include%s*([<"])([^>"]+)'
      if header then check_include(path, number, header, open == '"') end
      check_calls(path, number, code:gsub("/%*.*", ""))
    end
    if code:find("/*", 1, true) then in_comment = true elseif code:find("*/", 1, true) then in_comment = false end
  end
end

-- Lua functions as the compiler sees them: luac lists the first and the last line of each.
local function check_lua_functions(path)
  local pipe = assert(io.popen(("luac5.4 -l -p '%s/%s' 2>&1"):format(root, path)))
  for line in pipe:lines() do
    local first, last = line:match "^function <.*:(%d+),(%d+)>"
    if first and last - first + 1 > 50 then
      report(path, math.tointeger(first), "function of %d lines (limit 50)", last - first + 1)
    end
  end
  pipe:close()
end

-- Public functions (function M.name, function Class:name) carry a --- comment with a @param for each parameter.
local function check_lua_docs(path, lines)
  for number, line in ipairs(lines) do
    local name, parameters = line:match "^function%s+[%w_]+[.:]([%w_.:]+)%s*%((.-)%)"
    if name and not name:match "^_" then
      local doc, at = "", number - 1
      while at > 0 and lines[at]:match "^%-%-%-" do
        doc, at = doc .. lines[at] .. "\n", at - 1
      end
      if doc == "" then report(path, number, "public function %s has no --- comment", name) end
      for parameter in parameters:gmatch "[%w_.]+" do
        if doc ~= "" and not parameter:match "^_" and not doc:find("@param " .. parameter:gsub("%.", "%%."), 1) then
          report(path, number, "public function %s has no ---@param for %s", name, parameter)
        end
      end
    end
  end
end

local function check_lua(path)
  local lines = lines_of(path)
  local limit = path:match "^tests/" and 500 or 350
  if #lines > limit then report(path, #lines, "file of %d lines (limit %d)", #lines, limit) end
  if not path:match "^tests/spec/" and not (lines[1] or ""):match "^%-%-" and not (lines[1] or ""):match "^#!" then
    report(path, 1, "no comment at the top that says what the file is for")
  end
  if path:match "^tests/" then return end
  check_lua_functions(path)
  if path:match "^lua/fovea/" then
    check_lua_docs(path, lines)
  else
    for number, line in ipairs(lines) do
      if line:match "require%s*%(?%s*[\"']fovea%.core" then report(path, number, "fovea.core is for lua/fovea only") end
    end
  end
end

for _, path in ipairs(files("src tests/c tests/fuzz", "%.[ch]$")) do check_c(path) end
for _, path in ipairs(files("lua scripts examples tests", "%.lua$")) do check_lua(path) end
os.exit(findings == 0)
