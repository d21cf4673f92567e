--- Order and completeness of a node list: every value defined once, every input defined, no cycle; nodes that no
--- output needs are dropped.
local M = {}

local function fail(format, ...)
  error({ message = format:format(...), code = "format" }, 0)
end

local function title(node)
  return node.name ~= "" and node.name or ("%s -> %s"):format(node.op_type, node.outputs[1] or "")
end

--- Calls fn(name) for each value that a node reads, those of its subgraphs included.
---@param node table
---@param fn fun(name: string)
function M.each_input(node, fn)
  for _, name in ipairs(node.inputs) do
    if name ~= "" then fn(name) end
  end
  for _, graph in pairs(node.attributes) do
    if type(graph) == "table" and graph.nodes then
      local own = {}
      for _, v in ipairs(graph.initializers) do own[v.name] = true end
      for _, v in ipairs(graph.inputs) do own[v.name] = true end
      for _, inner in ipairs(graph.nodes) do
        for _, name in ipairs(inner.outputs) do own[name] = true end
      end
      local function outer(name)
        if not own[name] then fn(name) end
      end
      for _, inner in ipairs(graph.nodes) do M.each_input(inner, outer) end
      for _, v in ipairs(graph.outputs) do outer(v.name) end
    end
  end
end

--- Value name -> node that makes it; fails on a second definition.
local function producers(nodes, defined)
  local made = {}
  for _, node in ipairs(nodes) do
    for _, name in ipairs(node.outputs) do
      if name ~= "" then
        if made[name] or defined[name] then
          fail("value '%s' is defined twice, the second time by node '%s'", name, title(node))
        end
        made[name] = node
      end
    end
  end
  return made
end

local function cycle_text(stack, node)
  local names, from = {}, 1
  for i, n in ipairs(stack) do
    if n == node then from = i end
  end
  for i = from, math.min(#stack, from + 7) do names[#names + 1] = "'" .. title(stack[i]) .. "'" end
  return table.concat(names, " <- ")
end

local function reads(node)
  local list = {}
  M.each_input(node, function(name) list[#list + 1] = name end)
  return list
end

--- Depth first from `root`; finished nodes are appended to `order`. The walk keeps its own stack: files may hold
--- chains of many thousand nodes.
local function visit(root, made, defined, state, order)
  local path, pending = { root }, { reads(root) }
  state[root] = "open"
  while #path > 0 do
    local node, name = path[#path], table.remove(pending[#pending])
    local producer = name and made[name]
    if not name then
      state[node] = "done"
      order[#order + 1] = node
      path[#path], pending[#pending] = nil, nil
    elseif producer and state[producer] == "open" then
      fail("the graph has a cycle: %s", cycle_text(path, producer))
    elseif producer and not state[producer] then
      state[producer] = "open"
      path[#path + 1], pending[#pending + 1] = producer, reads(producer)
    elseif not producer and not defined[name] then
      fail("node '%s' reads '%s', which nothing defines", title(node), name)
    end
  end
end

local function is_sorted(nodes, made)
  local seen = {}
  for _, node in ipairs(nodes) do
    for _, name in ipairs(reads(node)) do
      if made[name] and not seen[made[name]] then return false end
    end
    seen[node] = true
  end
  return true
end

--- Nodes that the outputs depend on, as a set.
local function needed(made, defined, outputs)
  local keep, todo = {}, {}
  for _, name in ipairs(outputs) do
    if not made[name] and not defined[name] then fail("output '%s' is made by no node", name) end
    todo[#todo + 1] = made[name]
  end
  while #todo > 0 do
    local node = table.remove(todo)
    if not keep[node] then
      keep[node] = true
      for _, name in ipairs(reads(node)) do todo[#todo + 1] = made[name] end
    end
  end
  return keep
end

--- The nodes that the outputs need, each after what it reads; the file's own order where that is the case.
---@param nodes table[]
---@param defined table<string, any> names of inputs and initialisers
---@param outputs string[]
---@return table[] nodes
function M.sorted(nodes, defined, outputs)
  local made, state, order, list = producers(nodes, defined), {}, {}, {}
  for _, node in ipairs(nodes) do
    if not state[node] then visit(node, made, defined, state, order) end
  end
  local keep = needed(made, defined, outputs)
  for _, node in ipairs(is_sorted(nodes, made) and nodes or order) do
    if keep[node] then list[#list + 1] = node end
  end
  return list
end

return M
