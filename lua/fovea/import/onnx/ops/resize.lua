--- Resize (opset 10 on) and Upsample (before), in whatever form a file writes them.
local V = require "fovea.import.onnx.value"

local M = {}

--- Sizes and scales per logical axis. Scales come first: they follow any input size by themselves.
local function target(c, x, scales, sizes, dynamic)
  local rank = #x.shape
  if scales and #scales > 0 then
    if #scales ~= rank then c:fail("%d scales for %d axes", #scales, rank) end
    local out = {}
    for i, s in ipairs(scales) do
      if not (s > 0 and s < math.huge) then c:fail("a scale of %g", s) end
      out[i] = math.floor(x.shape[i] * s + 1e-4 * s) -- 33 * 1.3333334 must not lose a pixel to rounding
      if out[i] < 1 then c:fail("a scale of %g leaves nothing of axis %d", s, i) end
    end
    return out, scales
  end
  if not sizes or #sizes ~= rank then c:fail("neither scales nor sizes for its %d axes", rank) end
  local old = dynamic ~= true and c.rescale.declared_shape(c, 1)
  if old then sizes = c.rescale.sizes(c, sizes, old, x.shape, dynamic) end
  scales = {}
  for i, d in ipairs(x.shape) do
    if sizes[i] < 1 then c:fail("a size of %d", sizes[i]) end
    scales[i] = sizes[i] / d
  end
  return sizes, scales
end

--- Entries for some axes (opset 18) -> entries for all.
local function spread(c, list, axes, rank, fill)
  if not list or #list == 0 or not axes then return list end
  local out = {}
  for i = 1, rank do out[i] = type(fill) == "table" and fill[i] or fill end
  if #list ~= #axes then c:fail("%d entries for %d axes", #list, #axes) end
  for k, a in ipairs(axes) do out[c:axis(a, rank)] = list[k] end
  return out
end

local plain = { half_pixel = true, align_corners = true, asymmetric = true }

--- The graph's coordinate rule for one of ONNX's.
local function coordinates(c, rule, shape, sizes, scales)
  if plain[rule] then return rule end
  if rule == "pytorch_half_pixel" then
    -- an output of one pixel reads position 0, as the asymmetric rule does
    local single, other = false, false
    for i = 3, #sizes do
      if sizes[i] == 1 and shape[i] > 1 then single = true elseif shape[i] > 1 then other = true end
    end
    if single and other then c:fail("pytorch_half_pixel with an output of one pixel along only one axis") end
    return single and "asymmetric" or "half_pixel"
  end
  if rule == "half_pixel_symmetric" then
    for i = 3, #sizes do
      if math.abs(shape[i] * scales[i] - sizes[i]) > 1e-3 then
        c:fail("half_pixel_symmetric with a scale that is not exact")
      end
    end
    return "half_pixel"
  end
  c:fail("coordinate_transformation_mode '%s' is not supported", rule)
end

local function emit(c, x, sizes, scales, mode, rule, rounding)
  local base, perm = c:base(x)
  local inverse = perm and V.inverse(perm)
  local shape = base:shape()
  if inverse then sizes, scales = V.permuted(sizes, inverse), V.permuted(scales, inverse) end
  if sizes[1] ~= shape[1] or sizes[2] ~= shape[2] then
    c:fail("resizing of the batch or channel axis is not supported")
  end
  if mode == "cubic" or mode == "bicubic" then c:fail("cubic interpolation is not supported") end
  local linear = mode == "linear" or mode == "bilinear" or mode == "trilinear"
  if not linear and mode ~= "nearest" then c:fail("interpolation mode '%s' is not supported", mode) end
  rule = coordinates(c, rule, shape, sizes, scales)
  if V.same_list(sizes, shape) then
    local same = true
    for _, s in ipairs(scales) do same = same and math.abs(s - 1) < 1e-6 end
    if same then return x end
  end
  return V.node(c:emit("resample", {
    base, size = table.move(sizes, 3, #sizes, 1, {}), scale = table.move(scales, 3, #scales, 1, {}),
    mode = linear and "linear" or "nearest", coordinates = rule, rounding = not linear and rounding or nil,
  }), perm)
end

--- Scales that PyTorch computed as fixed size / size of the source (operator set 9): the fixed sizes; nil for others.
--- They show by the output having the file's own size again.
local function sizes_behind(c, x, scales, dynamic)
  local old, kept = dynamic and c.rescale.declared_shape(c, 1), c.declared and c.declared[c.node_info.outputs[1]]
  if not old or not kept then return nil end
  for i = 3, #x.shape do
    if not scales[i] or math.floor(scales[i] * x.shape[i] + 0.5) ~= kept[i] then return nil end
  end
  return { old[1], old[2], table.unpack(kept, 3) }
end

--- Upsample (opset 7: attribute `scales`, opset 9: second input) and Resize of opset 10 say nothing about
--- coordinates. Nearest takes the pixel at floor(x / scale); for linear PyTorch meant pixel centres, others the corner.
local function without_rule(c, x, scales, sizes, dynamic)
  local mode, hidden = c:attr("mode", "nearest"), scales and sizes_behind(c, x, scales, dynamic)
  if hidden then scales, sizes, dynamic = nil, hidden, nil end
  if mode == "nearest" then
    sizes, scales = target(c, x, scales, sizes, dynamic)
    return emit(c, x, sizes, scales, mode, "asymmetric", "floor")
  end
  local chosen = c.importer.upsample_coordinates
  local rule = chosen or (c.importer.producer:lower() == "pytorch" and "half_pixel" or "asymmetric")
  if not chosen then
    c:warn(("%s of operator set %d states no coordinate rule; '%s' is assumed (option upsample_coordinates)")
      :format(c.node_info.op_type, c.opset, rule))
  end
  sizes, scales = target(c, x, scales, sizes, dynamic)
  return emit(c, x, sizes, scales, mode, rule)
end

--- Nearest or linear, by scales.
---@param c fovea.onnx.Context
function M.Upsample(c)
  local scales, dynamic = c:numbers("scales", 2)
  return without_rule(c, c:input(1), scales, nil, dynamic)
end

--- By scales or sizes, in the forms of all operator sets.
---@param c fovea.onnx.Context
function M.Resize(c)
  local x = c:input(1)
  if #c.node_info.inputs <= 2 then
    local scales, dynamic = c:numbers("scales", 2)
    return without_rule(c, x, scales, nil, dynamic)
  end
  local axes, rank = c:attr("axes"), #x.shape
  if c:attr("antialias", 0) == 1 then c:fail("antialias is not supported") end
  if c:attr("exclude_outside", 0) == 1 and c:attr("mode", "nearest") == "cubic" then
    c:fail("exclude_outside is not supported")
  end
  if c:attr("keep_aspect_ratio_policy", "stretch") ~= "stretch" then
    c:fail("keep_aspect_ratio_policy '%s' is not supported", c:attr("keep_aspect_ratio_policy"))
  end
  local scales = spread(c, c:numbers(nil, 3), axes, rank, 1.0)
  local sizes, dynamic = c:list(nil, 4)
  if axes and type(dynamic) == "table" then dynamic = spread(c, dynamic, axes, rank, {}) end
  sizes = spread(c, sizes, axes, rank, dynamic and x.shape or c.rescale.declared_shape(c, 1) or x.shape)
  sizes, scales = target(c, x, scales, sizes, dynamic)
  return emit(c, x, sizes, scales, c:attr("mode", "nearest"),
    c:attr("coordinate_transformation_mode", "half_pixel"), c:attr("nearest_mode", "round_prefer_floor"))
end

return M
