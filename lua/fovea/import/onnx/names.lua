--- Readable, unique names for the nodes of an ONNX graph.
--
-- In order of preference: the module path that PyTorch's newer exporter writes into the metadata; the node's own name
-- as dotted path ('/up4/conv/double_conv/double_conv.5/Relu' -> 'up4.conv.double_conv.5.Relu'); where the
-- file has numbers only, the path of the weights ('down1.conv.0.weight' -> 'down1.conv.0') or the kind and a
-- running number ('conv_12').
local M = {}

local kinds = {
  BatchNormalization = "batch_norm", InstanceNormalization = "instance_norm", GroupNormalization = "group_norm",
  LayerNormalization = "layer_norm", AveragePool = "avg_pool", GlobalAveragePool = "global_avg_pool",
  Gemm = "linear", MatMul = "matmul", PRelu = "prelu", LeakyRelu = "leaky_relu",
}

--- 'ConvTranspose' -> 'conv_transpose'.
---@param op_type string
---@return string
function M.kind(op_type)
  return kinds[op_type] or op_type:gsub("(%l%d?)(%u)", "%1_%2"):lower()
end

--- '/a/b/b.5/Relu' -> 'a.b.5.Relu': a module's name repeats the name of the list it is in.
---@param name string
---@return string
function M.dotted(name)
  local kept = {}
  for segment in name:gsub("^StatefulPartitionedCall/", ""):gmatch("[^/]+") do
    local last = kept[#kept]
    if last and segment:sub(1, #last + 1) == last .. "." then kept[#kept] = nil end
    kept[#kept + 1] = segment
  end
  return (table.concat(kept, "."):gsub("[%s;:]+", "_"))
end

--- "['', 'layer1', 'layer1.0', 'conv2d']" -> 'layer1.0': the innermost module; the last entry is the node itself.
local function module_path(metadata)
  local scopes, path = metadata["pkg.torch.onnx.name_scopes"], nil
  if scopes then
    local list = {}
    for entry in scopes:gmatch("['\"]([^'\"]*)['\"]") do list[#list + 1] = entry end
    path = list[#list - 1]
  elseif metadata.namespace then
    for entry in metadata.namespace:gmatch("([^/:]*):[^/]*/") do path = entry end
  end
  path = path and path:gsub("^L__self___?", ""):gsub("^L%['self'%]%.?", "")
  return path ~= "" and path or nil
end

local function has_letters(name)
  return name:find("%a") ~= nil
end

--- 'down1.conv.0.weight' -> 'down1.conv.0', for the first initialiser among the inputs with such a name.
local function weight_path(node, initializers)
  for i = 2, #node.inputs do
    local name = node.inputs[i]
    if initializers[name] and has_letters(name) and not name:find("::", 1, true) then
      local path = name:gsub("/", "."):match("^(.*%w)%.[%w_]+$")
      if path then return path end
    end
  end
end

local function preferred(node, initializers)
  local path = module_path(node.metadata)
  if path then return path .. "." .. node.op_type end
  if has_letters(node.name) then return M.dotted(node.name) end
  return weight_path(node, initializers)
end

--- Sets node.label on every node.
---@param nodes table[] nodes in order
---@param initializers table<string, any> names of initialisers
---@param used table<string, boolean> names that are taken; the labels are added
function M.assign(nodes, initializers, used)
  local counts = {}
  for _, node in ipairs(nodes) do
    local kind = M.kind(node.op_type)
    local base = preferred(node, initializers)
    local label = base
    local n = 0
    if not base then counts[kind] = (counts[kind] or 0) + 1 end
    label = label or ("%s_%d"):format(kind, counts[kind])
    while used[label] do
      if base then n = n + 1 else counts[kind] = counts[kind] + 1 end
      label = base and ("%s_%d"):format(base, n) or ("%s_%d"):format(kind, counts[kind])
    end
    used[label] = true
    node.label = label
  end
end

--- Name for a graph input: its own unless it is a mere number.
---@param name string
---@param index integer
---@param total integer
---@return string
function M.input(name, index, total)
  if has_letters(name) then return M.dotted(name) end
  return total == 1 and "input" or ("input_%d"):format(index)
end

return M
