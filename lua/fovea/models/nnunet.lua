--- The plain convolutional U-Net of nnU-Net (Isensee et al. 2021) for images and volumes: instance normalisation, leaky
--- ReLU, strided convolutions down, transposed convolutions up, a head on each level of the decoder.
local names = require "fovea.nn.names"

local OPTIONS = {
  { name = "dimensions", default = 2, choices = { 2, 3 }, doc = "2: images, 3: volumes" },
  { name = "channels", default = 1, doc = "channels of the image" },
  { name = "classes", default = 2, doc = "classes with the background" },
  { name = "widths", default = {}, doc = "channels of the stages (32 64 128 256 512 512; volumes 32 to 320)" },
  { name = "kernels", default = {}, doc = "kernel size of each stage, a number or a list per axis (3)" },
  { name = "strides", default = {}, doc = "stride into each stage (1, then 2)" },
  { name = "convs", default = 2, doc = "convolutions per stage" },
  { name = "deep_supervision", default = true, doc = "heads on all levels but the bottleneck: output1 is the finest" },
}

local WIDTHS = { [2] = { 32, 64, 128, 256, 512, 512 }, [3] = { 32, 64, 128, 256, 320, 320 } }

local function widths(options) return #options.widths > 0 and options.widths or WIDTHS[options.dimensions] end

local function stage(nn, name, x, channels, count, kernel, stride)
  local scope = nn:scope(name)
  for i = 1, count do
    x = scope:unit(i, x, channels, { norm = "instance", activation = "leaky_relu", slope = 0.01, kernel = kernel,
      stride = i == 1 and stride or 1 })
  end
  return x
end

local function build(nn, x, options)
  local width, skips, outputs = widths(options), {}, {}
  local depth = #width
  local function kernel(level) return options.kernels[level] or 3 end
  local function stride(level) return options.strides[level] or (level == 1 and 1 or 2) end
  for level, channels in ipairs(width) do
    x = stage(nn, "encoder." .. level, x, channels, options.convs, kernel(level), stride(level))
    skips[level] = x
  end
  for step = 1, depth - 1 do
    local name, level = "decoder." .. step, depth - step
    x = nn:conv_transpose(name .. ".up", x, width[level], { kernel = stride(level + 1) })
    x = stage(nn, name, nn:concat(name .. ".concat", x, skips[level]), width[level], options.convs, kernel(level))
    if options.deep_supervision or level == 1 then
      local head = { kernel = 1, parameters = "head" .. step }
      outputs[#outputs + 1] = nn:conv("output" .. level, x, options.classes, head)
    end
  end
  return outputs
end

--- Bottleneck, first and last stage of the decoder.
local function candidate_layers(options)
  local depth, last = #widths(options), ".leaky_relu" .. options.convs
  return { "encoder." .. depth .. last, "decoder.1" .. last, "decoder." .. depth - 1 .. last }
end

local function input(options)
  local shape = { 1, options.channels }
  for _ = 1, options.dimensions do shape[#shape + 1] = false end
  return shape
end

--- Volumes are inspected at 128 along each axis, the usual patch.
local function default_shape(options)
  return options.dimensions == 3 and { 1, options.channels, 128, 128, 128 } or { 1, options.channels, 256, 256 }
end

-- The decoder of a file repeats the encoder, and each unit its layers.
local is_layer = { conv = true, norm = true }

local MAPS = {
  nnunet = names.rules {
    { "decoder%.encoder%..*", false },
    { ".*%.all_modules%..*", false },
    { "encoder%.stages%.(%d)%.?0?%.convs%.(%d)%.(%w+)%.(%w+)", function(level, unit, layer, leaf)
      return is_layer[layer] and ("encoder.%d.%s%d.%s"):format(level + 1, layer, unit + 1, leaf)
    end },
    { "decoder%.stages%.(%d)%.convs%.(%d)%.(%w+)%.(%w+)", function(step, unit, layer, leaf)
      return is_layer[layer] and ("decoder.%d.%s%d.%s"):format(step + 1, layer, unit + 1, leaf)
    end },
    { "decoder%.transpconvs%.(%d)%.(%w+)", function(step, leaf)
      return ("decoder.%d.up.%s"):format(step + 1, leaf)
    end },
    { "decoder%.seg_layers%.(%d)%.(%w+)", function(step, leaf) return ("head%d.%s"):format(step + 1, leaf) end },
  },
}

return {
  name = "nnunet", doc = "nnU-Net's plain convolutional U-Net, 2-D and 3-D", options = OPTIONS, build = build,
  candidate_layers = candidate_layers, input = input, default_shape = default_shape, maps = MAPS,
  explained = "output1",
}
