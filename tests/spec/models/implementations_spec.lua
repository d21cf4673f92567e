-- oneDNN falls back to reference implementations without a word, and they are hundreds of times slower. No plan of a
-- network may hold one, whatever it is for.
local fovea = require "fovea"
local networks = require "support.networks"

--- Plans that people make: for heat maps, each node by itself, without Winograd's method, for training.
local KINDS = { folded = { mode = "explain" }, unfolded = { mode = "explain", fold = false },
  exact = { mode = "explain", exact = true }, inference = { mode = "infer" }, training = { mode = "train" } }

local function check(network, kind)
  local name, options, shape = table.unpack(network)
  if kind == "training" then shape = { 2, table.unpack(shape, 2) } end
  local model = assert(fovea.arch.model(name, options, nil, { input_shape = shape, seed = 11 }))
  local instance = assert(model:at(shape))
  local logits = model:output(instance).logits
  local spec = { taps = { logits } }
  for key, value in pairs(KINDS[kind]) do spec[key] = value end
  if spec.mode ~= "infer" then spec.seeds, spec.gradients = { logits }, { instance.input } end
  local steps = assert(instance.graph:plan(spec)):steps()
  assert.is_true(#steps > 10)
  for _, step in ipairs(steps) do
    assert.is_falsy(step.implementation:find "^ref" or step.implementation:find "[^%a]ref:",
      ("%s %s runs on %s"):format(step.op, step.node, step.implementation))
  end
end

describe("no reference implementation runs #slow", function()
  for _, network in ipairs(networks.ALL) do
    for kind in pairs(KINDS) do
      it(networks.title(network) .. ", " .. kind, function() check(network, kind) end)
    end
  end
end)
