--- What can be said about a file before a graph is built: operators that are missing, TensorFlow's layout, folded
--- normalisation.
local V = require "fovea.import.onnx.value"
local order = require "fovea.import.onnx.order"

local M = {}

local standard = { [""] = true, ["ai.onnx"] = true }

local advice = {
  Loop = "loops cannot be unrolled here: export without scripting",
  Scan = "loops cannot be unrolled here: export without scripting",
  QuantizeLinear = "quantised model: use the floating-point one",
  DequantizeLinear = "quantised model: use the floating-point one",
  QLinearConv = "quantised model: use the floating-point one",
}

--- Raises one error that lists every operator without a lowering, with all its nodes.
---@param nodes table[]
---@param lowering table<string, function>
function M.unsupported(nodes, lowering)
  local found, list, text = {}, {}, {}
  for _, node in ipairs(nodes) do
    if not (standard[node.domain] and lowering[node.op_type]) then
      local name = standard[node.domain] and node.op_type or node.domain .. "." .. node.op_type
      if not found[name] then
        found[name] = { op = node.op_type }
        list[#list + 1] = name
      end
      table.insert(found[name], ("'%s'"):format(node.name ~= "" and node.name or node.outputs[1] or "?"))
    end
  end
  if #list == 0 then return end
  table.sort(list)
  for i, name in ipairs(list) do
    local hint = advice[found[name].op]
    text[i] = ("%s (%s %s%s)"):format(name, #found[name] == 1 and "node" or "nodes",
      table.concat(found[name], ", "), hint and "; " .. hint or "")
  end
  error({
    message = ("%d unsupported operator%s: %s"):format(#list, #list == 1 and "" or "s", table.concat(text, "; ")),
    code = "unsupported",
  }, 0)
end

local normalisations = {
  BatchNormalization = true, InstanceNormalization = true, GroupNormalization = true, LayerNormalization = true,
}

--- Warns when an exporter has folded the normalisation into the convolutions: a "convolution" then shows what used to
--- come out of the normalisation after it.
---@param importer fovea.onnx.Importer
function M.normalisation(importer)
  local convolutions = false
  for _, node in ipairs(importer.nodes) do
    if normalisations[node.op_type] then return end
    convolutions = convolutions or node.op_type == "Conv" or node.op_type == "ConvTranspose"
  end
  if not convolutions then return end
  importer:warn("the model has convolutions but no normalisation nodes: if it was trained with one, the "
    .. "exporter has folded it into the convolutions, and heat maps of a convolution show the normalised values. "
    .. "Export from PyTorch with training=torch.onnx.TrainingMode.PRESERVE and do_constant_folding=False (model in "
    .. "eval mode) to keep the layers apart")
end

--- Says what happens to models with several heads.
---@param importer fovea.onnx.Importer
function M.outputs(importer)
  if #importer.outputs < 2 then return end
  local list = {}
  for i, output in ipairs(importer.outputs) do list[i] = output.name end
  importer:warn(("the model has %d outputs (%s): the first is explained unless another is named"):format(#list,
    table.concat(list, ", ")))
end

local layers = {
  Conv = true, ConvTranspose = true, Gemm = true, MatMul = true, PRelu = true, BatchNormalization = true,
  InstanceNormalization = true, GroupNormalization = true, LayerNormalization = true,
}

--- Lists weights that cannot work: NaN anywhere, infinities in a layer (masks of attention hold them rightly).
---@param importer fovea.onnx.Importer
function M.nonfinite(importer)
  local in_layer = {}
  for _, node in ipairs(importer.nodes) do
    for _, name in ipairs(node.inputs) do in_layer[name] = in_layer[name] or layers[node.op_type] end
  end
  for name, t in pairs(importer.weights) do
    if importer.used_values[name] and not t:is_finite() and (in_layer[name] or t:ne(t):any()) then
      table.insert(importer.nonfinite, name)
    end
  end
  table.sort(importer.nonfinite)
end

local elementwise = {
  Add = true, Sub = true, Mul = true, Div = true, Cast = true, Identity = true, Clip = true, Neg = true, Relu = true,
}

--- True when all that reads the value, through element-wise operators, turns it from channels last to channels first.
local function is_turned(name, readers, rank, depth)
  if not readers[name] or #readers[name] == 0 or depth > 16 then return false end
  local inverse = V.inverse(V.channels_last(rank))
  for _, node in ipairs(readers[name]) do
    if node.op_type == "Transpose" then
      local perm = node.attributes.perm
      if type(perm) ~= "table" or #perm ~= rank then return false end
      for i, p in ipairs(perm) do
        if p ~= inverse[i] - 1 then return false end
      end
    elseif not elementwise[node.op_type] or not is_turned(node.outputs[1], readers, rank, depth + 1) then
      return false
    end
  end
  return true
end

--- Finds inputs that TensorFlow's exporter left channels last: their public shape becomes channels first, and the
--- transpositions cancel out when the graph is built.
---@param importer fovea.onnx.Importer
function M.layouts(importer)
  local readers = {}
  for _, node in ipairs(importer.nodes) do
    order.each_input(node, function(name)
      readers[name] = readers[name] or {}
      table.insert(readers[name], node)
    end)
  end
  for _, output in ipairs(importer.outputs) do readers[output.name] = {} end
  for _, input in ipairs(importer.inputs) do
    local rank = #input.dims
    if (rank == 4 or rank == 5) and is_turned(input.name, readers, rank, 1) then
      local list = V.inverse(V.channels_last(rank))
      input.dims, input.layout = V.permuted(input.dims, list), "NHWC"
      local symbols = {}
      for i, p in ipairs(list) do symbols[i] = input.symbols[p] end
      input.symbols = symbols
      importer.input_layout = "NHWC"
    end
  end
end

return M
