--- A small segmentation network with seeded weights for tests: encoder, max pool, bottleneck, upsampling, skip
--- connection, 1x1 head. Works on images and volumes.
local fovea = require "fovea"

local M = {}

local function weights(g, seed, shape, name)
  local fan = 1
  for i = 2, #shape do fan = fan * shape[i] end
  local bound = math.sqrt(3 / fan)
  return g:param(fovea.uniform(shape, { seed = seed, min = -bound, max = bound }), { name = name })
end

--- kernel sizes: 3 along height and width, `depth` along depth
local function kernel(spatial, size)
  local k = {}
  for i = 1, spatial do k[i] = (spatial == 3 and i == 1) and 1 or size end
  return k
end

local function pads(spatial, pad)
  local p = {}
  for i = 1, spatial do p[i] = (spatial == 3 and i == 1) and 0 or pad end
  return p
end

local function block(g, x, out, name, seed, activation)
  local spatial, channels = #x:shape() - 2, x:shape()[2]
  local w = weights(g, seed, { out, channels, table.unpack(kernel(spatial, 3)) }, name .. ".conv.weight")
  local b = g:param(fovea.uniform({ out }, { seed = seed + 1, min = -0.1, max = 0.1 }), { name = name .. ".conv.bias" })
  local y = g:conv { x, w, b, pad = pads(spatial, 1), name = name .. ".conv" }
  return g[activation](g, { y, name = name .. "." .. activation })
end

--- Bias of the head: about half of the logits are positive.
function M.head_bias(classes) return fovea.uniform({ classes or 1 }, { seed = 51, min = -0.26, max = -0.2 }) end

--- Builds the network on x.
---@param options? { classes: integer?, activation: string?, inner: string? } activation: at the end;
--- inner: in the blocks (relu)
function M.build(g, x, options)
  options = options or {}
  local spatial = #x:shape() - 2
  local inner = options.inner or "relu"
  local e1 = block(g, x, 6, "enc1", 10, inner)
  local p = g[inner == "relu" and "max_pool" or "avg_pool"](g, { e1, kernel = kernel(spatial, 2), name = "pool" })
  local e2 = block(g, p, 8, "enc2", 20, inner)
  local size = { table.unpack(x:shape(), 3) }
  local up = g:resample { e2, size = size, mode = "linear", name = "up" }
  local d1 = block(g, g:concat { up, e1, name = "cat" }, 7, "dec1", 30, inner)
  local d2 = block(g, d1, 5, "dec2", 40, inner)
  local k = options.classes or 1
  local ones = {}
  for i = 1, spatial do ones[i] = 1 end
  local z = g:conv { d2, weights(g, 50, { k, 5, table.unpack(ones) }, "head.weight"),
    g:param(M.head_bias(k), { name = "head.bias" }), name = "head" }
  if options.activation then return g[options.activation](g, { z, name = "probability" }) end
  return z
end

--- A model over it. input: shape, default 1 x 2 x 12 x 10.
function M.model(options)
  options = options or {}
  return fovea.model { name = "tiny", input = options.input or { 1, 2, false, false },
    build = function(g, x) return M.build(g, x, options) end }
end

--- A seeded input.
function M.input(shape) return fovea.uniform(shape or { 1, 2, 12, 10 }, { seed = 9, min = -1, max = 1 }) end

return M
