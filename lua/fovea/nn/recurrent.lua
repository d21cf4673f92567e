--- Recurrent layers, unrolled: each time step is a set of nodes with names of its own over shared weights. Methods of
--- fovea.NN.
local lookup = require "fovea.lookup"
local tensor = require "fovea.tensor"

---@class fovea.NN
local Layers = {}

-- convolutional LSTM -------------------------------------------------------------------------------------------------

--- Gate functions: Keras 1 and 2 have clip(0.2 v + 0.5, 0, 1), Keras 3 the sigmoid, and its hard sigmoid is
--- clip(v / 6 + 0.5, 0, 1).
local gates = {
  hard_sigmoid = function(s, name, x) return s:hard_sigmoid(name, x, { alpha = 0.2, beta = 0.5 }) end,
  hard_sigmoid_6 = function(s, name, x) return s:hard_sigmoid(name, x, { alpha = 1 / 6, beta = 0.5 }) end,
  sigmoid = function(s, name, x) return s:sigmoid(name, x) end,
}

--- Bias of the gates i, f, c, o: that of the forget gate begins as 1.
local function forget_bias(shape)
  local filters = shape[1] // 4
  return assert(tensor.concat({ tensor.zeros { filters }, tensor.full({ filters }, 1), tensor.zeros { 2 * filters } },
    1))
end

--- State before the first step: nothing, so that its convolution and forget term fall away, or zeros.
local function first_state(s, x, filters, zeros)
  if not zeros then return {} end
  local shape = x:shape()
  shape[2] = filters
  local zero = s.graph:constant(assert(tensor.zeros(shape)), { name = s:name "zero" })
  return { hidden = zero, cell = zero }
end

--- One step, definitions in reference to Shi et al. 2015 without peepholes: the new state.
local function lstm_step(s, step, x, state, options)
  local t, filters = s:scope(step), options.filters
  s:param("input.bias", { 4 * filters }, { init = forget_bias })
  local z = s:conv(step .. ".input", x, 4 * filters, { parameters = "input" })
  if state.hidden then
    local recurrent = { parameters = "hidden", bias = false }
    z = t:add("gates", z, s:conv(step .. ".hidden", state.hidden, 4 * filters, recurrent))
  end
  local function part(k, name)
    return t:slice("z" .. name, z, { axis = 2, first = (k - 1) * filters + 1, last = k * filters })
  end
  local function gate(k, name) return gates[options.gate](t, name, part(k, name)) end
  local i, g, o = gate(1, "i"), t:tanh("g", part(3, "g")), gate(4, "o")
  local cell = t:mul("ig", i, g)
  if state.cell then cell = t:add("cell", t:mul("fc", gate(2, "f"), state.cell), cell) end
  return { hidden = s:mul(step, o, t:tanh("tanh", cell)), cell = cell }
end

--- Runs over a sequence; the hidden state after the last step.
local function lstm(s, sequence, options)
  local state = first_state(s, sequence[1], options.filters, options.zero_state)
  for i, x in ipairs(sequence) do state = lstm_step(s, "step" .. i, x, state, options) end
  return state.hidden
end

--- A convolutional LSTM over a sequence of maps, 3x3, with the state after the last step as its output. The steps are
--- NAME.step1, NAME.step2, ... In two directions (NAME.forward, NAME.backward) the output is
--- tanh(W_f * h_forward + W_b * h_backward + b), as in BCDU-Net's paper.
---@param name string
---@param sequence fovea.Node[] in the order of processing
---@param filters integer
---@param options? { gate: "hard_sigmoid"|"sigmoid"|"hard_sigmoid_6"|nil, directions: integer?, zero_state: boolean? }
--- hard_sigmoid, 1; zero_state: the first step convolves a state of zeros, as Keras does (false)
---@return fovea.Node
function Layers:conv_lstm(name, sequence, filters, options)
  lookup.check_keys(options, { "gate", "directions", "zero_state" }, "conv_lstm")
  options = options or {}
  local s = self:scope(name)
  local settings = { filters = filters, gate = options.gate or "hard_sigmoid", zero_state = options.zero_state }
  if not gates[settings.gate] then error(("conv_lstm: unknown gate '%s'"):format(settings.gate), 2) end
  if options.directions ~= 2 then return self:identity(name, lstm(s, sequence, settings)) end
  local reversed = {}
  for i, x in ipairs(sequence) do reversed[#sequence + 1 - i] = x end
  local forward, backward = lstm(s:scope "forward", sequence, settings), lstm(s:scope "backward", reversed, settings)
  local sum = s:add("sum", s:conv("forward.output", forward, filters),
    s:conv("backward.output", backward, filters, { bias = false }))
  return self:tanh(name, sum)
end

-- recurrent convolution ----------------------------------------------------------------------------------------------

--- A recurrent convolution (Alom et al. 2018): h = C(x), then `steps` times h = C(x + h), where C is one convolution
--- with normalisation and ReLU; or, with separate kernels, h = ReLU(BN(W_f * x + b)), then ReLU(BN(W_f * x + b +
--- W_r * h)). The steps are NAME.step0, NAME.step1, ...; the last one is the output.
---@param name string
---@param x fovea.Node
---@param options? { steps: integer?, separate: boolean?, epsilon: number? } 2, false, 1e-5
---@return fovea.Node
function Layers:recurrent_conv(name, x, options)
  lookup.check_keys(options, { "steps", "separate", "epsilon" }, "recurrent_conv")
  options = options or {}
  local s, channels, h = self:scope(name), x:shape()[2], nil
  local driven = options.separate and s:conv("forward", x, channels)
  for i = 0, options.steps or 2 do
    local step, z = "step" .. i, driven
    if not options.separate then
      z = s:conv(step .. ".conv", h and s:add(step .. ".sum", x, h) or x, channels, { parameters = "conv" })
    elseif h then
      z = s:add(step .. ".sum", driven, s:conv(step .. ".recurrent", h, channels,
        { parameters = "recurrent", bias = false }))
    end
    h = s:relu(step, s:batch_norm(step .. ".bn", z, { parameters = "bn", epsilon = options.epsilon }))
  end
  return h
end

--- A recurrent residual block (Alom et al. 2018): y = 1x1 convolution, output y + R(R'(y)) with two recurrent
--- convolutions. Nodes NAME.conv1x1, NAME.unit1.step0, ...; the block output is NAME.
---@param name string
---@param x fovea.Node
---@param channels integer
---@param options? { steps: integer?, separate: boolean?, epsilon: number? }
---@return fovea.Node
function Layers:recurrent_block(name, x, channels, options)
  local s = self:scope(name)
  local y = s:conv("conv1x1", x, channels, { kernel = 1 })
  return self:add(name, y, s:recurrent_conv("unit2", s:recurrent_conv("unit1", y, options), options))
end

return Layers
