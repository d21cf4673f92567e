--- ONNX files of a small segmentation network with seeded weights, sound or with one thing wrong.
local onnx = require "support.onnx_writer"
local fovea = require "fovea"

local M = {}

local function values(seed, shape)
  return fovea.uniform(shape, { seed = seed, min = -0.5, max = 0.5 }):values()
end

local function weights(name, seed, shape) return onnx.tensor(name, shape, values(seed, shape)) end

--- The parts of the file: conv, relu, pool, conv, relu, upsample, head, sigmoid. Change what you like, then `M.bytes`.
function M.parts()
  return {
    producer = "pytorch", opset = 13, ir_version = 8,
    inputs = { { "image", { 1, 3, 16, 16 } } }, outputs = { { "mask" } },
    initializers = {
      weights("enc.weight", 1, { 4, 3, 3, 3 }), weights("enc.bias", 2, { 4 }),
      weights("deep.weight", 3, { 6, 4, 3, 3 }), weights("head.weight", 4, { 1, 6, 1, 1 }),
      onnx.tensor("scales", { 4 }, { 1, 1, 2, 2 }),
    },
    nodes = {
      onnx.node("Conv", { "image", "enc.weight", "enc.bias" }, { "a" }, { pads = { 1, 1, 1, 1 } }, "/enc/conv/Conv"),
      onnx.node("Relu", { "a" }, { "b" }, nil, "/enc/relu/Relu"),
      onnx.node("MaxPool", { "b" }, { "c" }, { kernel_shape = { 2, 2 }, strides = { 2, 2 } }, "/pool/MaxPool"),
      onnx.node("Conv", { "c", "deep.weight" }, { "d" }, { pads = { 1, 1, 1, 1 } }, "/deep/conv/Conv"),
      onnx.node("Relu", { "d" }, { "e" }, nil, "/deep/relu/Relu"),
      onnx.node("Resize", { "e", "", "scales" }, { "f" }, { mode = "linear",
        coordinate_transformation_mode = "half_pixel" }, "/up/Resize"),
      onnx.node("Conv", { "f", "head.weight" }, { "g" }, {}, "/head/Conv"),
      onnx.node("Sigmoid", { "g" }, { "mask" }, nil, "/Sigmoid"),
    },
  }
end

--- The bytes of a file; change(parts) may spoil them.
function M.bytes(change)
  local parts = M.parts()
  if change then change(parts) end
  return onnx.model(parts)
end

return M
