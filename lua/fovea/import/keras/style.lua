--- How a Keras file lays out its kernels: by version, "dim_ordering" of Keras 1 and backend.
local M = {}

--- Major version by the attribute or by the names of the weights (W, b until 1; kernel, bias since).
local function major_version(version, layers)
  local major = tonumber(tostring(version or ""):match "^(%d+)")
  if major then return major end
  for _, layer in ipairs(layers) do
    if layer.paths.W or layer.paths.W_i then return 1 end
  end
  return 2
end

--- The order that one convolution speaks for: its settings, or which end of the kernel has as many maps as the bias.
local function vote(layer, shapes)
  local said = layer.settings and layer.settings.dim_ordering
  if said then return said end
  local kernel, bias = layer.paths.W or layer.paths.W_i, layer.paths.b or layer.paths.b_i
  local shape, maps = kernel and shapes[kernel] or {}, bias and shapes[bias][1]
  if #shape < 4 or not maps or (shape[1] == maps) == (shape[#shape] == maps) then return nil end
  return shape[1] == maps and "th" or "tf"
end

local function old_order(layers, shapes)
  local votes = {}
  for _, layer in ipairs(layers) do
    local order = vote(layer, shapes)
    if order then votes[order] = layer.name end
  end
  return not (votes.th and votes.tf) and (votes.th and "th" or votes.tf and "tf") or nil
end

local function has_kernels(layers, shapes)
  for _, layer in ipairs(layers) do
    for _, role in ipairs { "W", "kernel", "W_i", "depthwise_kernel" } do
      if layer.paths[role] and #shapes[layer.paths[role]] > 2 then return true end
    end
  end
  return false
end

--- The layout of a file. What the file does not say is noted in the warnings.
---@param layers fovea.KerasLayer[]
---@param shapes table<string, integer[]>
---@param said { version: string?, backend: string?, dim_ordering: string? }
---@param warnings string[]
---@return fovea.KerasStyle? style
---@return string? message
function M.find(layers, shapes, said, warnings)
  local major = major_version(said.version, layers)
  if not has_kernels(layers, shapes) then return { order = "keras", flip = false, major = major } end
  if major > 1 then return { order = "keras", flip = said.backend == "theano", major = major } end
  local order, backend = said.dim_ordering or old_order(layers, shapes), said.backend
  if not order then
    return nil, "the order of the axes of its kernels is not clear; say dim_ordering = 'th' or 'tf'"
  end
  if not backend then
    backend = order == "th" and "theano" or "tensorflow"
    warnings[#warnings + 1] = ("Keras 1 without the name of its backend: kernels are taken as %s's%s; option backend "
      .. "says otherwise"):format(backend == "theano" and "Theano" or "TensorFlow",
      backend == "theano" and " (turned by 180 degrees)" or "")
  end
  return { order = order, flip = backend == "theano", major = major }
end

return M
