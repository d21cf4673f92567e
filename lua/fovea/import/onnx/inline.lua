--- Local functions (what PyTorch's newer exporter calls pkg.onnxscript.* and torch nn modules) are replaced by their
--- bodies, so that the rest of the importer sees a flat list of nodes.
local M = {}

local MAX_NODES, MAX_DEPTH = 500000, 32

local function key(domain, name, overload)
  return ("%s\0%s\0%s"):format(domain or "", name, overload or "")
end

local function copy(list)
  local out = {}
  for k, v in pairs(list) do out[k] = v end
  return out
end

--- Attributes of a body's node: its own, and those that refer to attributes of the call.
local function resolve(node, call, defaults)
  local attributes = copy(node.attributes)
  for name, outer in pairs(node.references) do
    local value = call.attributes[outer]
    if value == nil then value = defaults[outer] end
    attributes[name] = value
  end
  return attributes
end

--- Name of a value of the body in the flat graph: a formal input or output is the caller's value, the rest gets the
--- path of the call.
local function scope(fn, call, prefix)
  local map = { [""] = "" }
  for i, formal in ipairs(fn.outputs) do map[formal] = call.outputs[i] end
  for i, formal in ipairs(fn.inputs) do map[formal] = call.inputs[i] or "" end
  return function(name)
    local value = map[name]
    -- an output that the caller leaves out still needs a name inside the body
    if value == nil or (value == "" and name ~= "" and not M.is_formal_input(fn, name)) then
      value = prefix .. "/" .. name
      map[name] = value
    end
    return value
  end
end

--- True when the function has an input of that name.
---@param fn table
---@param name string
function M.is_formal_input(fn, name)
  for _, formal in ipairs(fn.inputs) do
    if formal == name then return true end
  end
  return false
end

--- Values that subgraphs of a node read are renamed too; their own values get the prefix.
local function rename_graph(graph, rename)
  local out = copy(graph)
  out.nodes, out.outputs = {}, {}
  for i, node in ipairs(graph.nodes) do out.nodes[i] = M.renamed(node, rename) end
  for i, value in ipairs(graph.outputs) do
    out.outputs[i] = copy(value)
    out.outputs[i].name = rename(value.name)
  end
  out.initializers = {}
  for i, value in ipairs(graph.initializers) do
    out.initializers[i] = copy(value)
    out.initializers[i].name = rename(value.name)
  end
  return out
end

--- Copy of a node with other value names.
---@param node table
---@param rename fun(name: string): string
---@return table
function M.renamed(node, rename)
  local out = copy(node)
  out.inputs, out.outputs, out.attributes = {}, {}, copy(node.attributes)
  for i, name in ipairs(node.inputs) do out.inputs[i] = name == "" and "" or rename(name) end
  for i, name in ipairs(node.outputs) do out.outputs[i] = name == "" and "" or rename(name) end
  for name, value in pairs(out.attributes) do
    if type(value) == "table" and value.nodes then out.attributes[name] = rename_graph(value, rename) end
  end
  return out
end

local function append(state, nodes, opset, depth)
  if depth > MAX_DEPTH then error({ message = "local functions call each other without end", code = "format" }, 0) end
  for _, node in ipairs(nodes) do
    local fn = state.functions[key(node.domain, node.op_type, node.overload)]
    if fn then
      state.calls = state.calls + 1
      local prefix = node.name ~= "" and node.name or ("%s_%d"):format(node.op_type, state.calls)
      local rename = scope(fn, node, ("%s#%d"):format(prefix, state.calls))
      local body = {}
      for i, inner in ipairs(fn.nodes) do
        body[i] = M.renamed(inner, rename)
        body[i].attributes = resolve(body[i], node, fn.defaults)
        body[i].name = inner.name ~= "" and prefix .. "/" .. inner.name or prefix .. "/" .. inner.op_type
        if not next(inner.metadata) then body[i].metadata = node.metadata end
      end
      append(state, body, fn.opsets[""] or opset, depth + 1)
    else
      node.opset = opset
      state.out[#state.out + 1] = node
      if #state.out > MAX_NODES then
        error({ message = "local functions expand to too many nodes", code = "format" }, 0)
      end
    end
  end
end

--- Flat list of the nodes of the main graph; each node gets the field `opset`.
---@param file table result of core.onnx_read
---@param opset integer of the model
function M.nodes(file, opset)
  local state = { functions = {}, out = {}, calls = 0 }
  for _, fn in ipairs(file.functions) do state.functions[key(fn.domain, fn.name, fn.overload)] = fn end
  append(state, file.graph.nodes, opset, 1)
  return state.out
end

return M
