--- A layer: a node of a model's graph that a user may look at, and what it holds for the image the model saw last.
local M = {}

---@class fovea.Layer
---@field name string
---@field kind string op
---@field shape integer[] at the model's default input shape
---@field parameters integer elements of the parameters it is the first to use
---@field macs number multiply-accumulates
---@field index integer position in the model
---@field model fovea.Model?
local Layer = {}
Layer.__index = Layer

---@param fields table
---@return fovea.Layer
function M.new(fields) return setmetatable(fields, Layer) end

function Layer:__tostring()
  return ("%s  %s  %s"):format(self.name, self.kind, table.concat(self.shape, "x"))
end

--- The input to look at: that of an image, or the one the model ran on last.
local function input_of(layer, image, what)
  if image ~= nil then return assert(layer.model:use(image)) end
  local input = layer.model.last_input
  if not input then
    error(("%s: the model has seen no image yet: give one, or model:use(image) first"):format(what), 3)
  end
  return input
end

--- What the layer computes.
---@param image? fovea.Image|fovea.Tensor default: the one the model saw last
---@return fovea.Tensor activation N x C x [D] x H x W
function Layer:activation(image)
  return assert(self.model:activations(input_of(self, image, "activation"), self.name))[self.name]
end

--- The gradient of a masked sum of logits with respect to the layer.
---@param seed? any a threshold strategy ("otsu", 0.7, function; default 0.5), or a tensor shaped like the logits
---@param image? fovea.Image|fovea.Tensor default: the one the model saw last
---@return fovea.Tensor gradient N x C x [D] x H x W
function Layer:gradient(seed, image)
  local input = input_of(self, image, "gradient")
  if type(seed) == "userdata" then return assert(self.model:gradients(input, self.name, seed))[self.name] end
  local found
  local catch = { name = "gradient", map = function(activation, gradient)
    found = gradient
    return activation:slice(2, 1, 1)
  end }
  assert(require("fovea.explain").explain(self.model, input, { layer = self.name, threshold = seed, method = catch }))
  return found
end

--- Draws the strongest channels (by mean absolute value) as a grid, all on one colour scale.
---@param options? table `image`: default the one the model saw last; `channels` (12), `colormap`, `columns`, `rows`
function Layer:show(options)
  local rest = {}
  for key, value in pairs(options or {}) do rest[key] = value end
  rest.image = nil
  local activation = self:activation(options and options.image)
  print(self)
  local shape = activation:shape()
  if #shape > 4 or #shape < 3 or shape[1] ~= 1 then return print(activation) end
  local show = require "fovea.show"
  show.draw(function() return show.grid(activation:reshape { shape[2], shape[3], shape[4] or 1 }, rest) end,
    tostring(activation), rest)
end

M.Layer = Layer

return M
