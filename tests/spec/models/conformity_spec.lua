-- The paper's networks against results in double precision of the original code (R2U-Net, Double U-Net in PyTorch) and
-- of the published Keras graphs (Double U-Net, MCGU-Net), with weights by a formula. Decisions that single precision
-- cannot make (support.decisions) are made as in the reference; there are a few among millions.
local decisions = require "support.decisions"
local fovea = require "fovea"
local names = require "fovea.nn.names"
local vectors = require "support.arch_vectors"

local double_unet, r2unet = require "fovea.models.double_unet", require "fovea.models.r2unet"

-- The rendering of the Keras graphs names its parameters after its own modules.
local parts, stages = { ["0"] = "conv", ["1"] = "bn" }, { d = "decoder", e = "encoder" }
local pyramid = { ["g"] = "pool", ["b.0"] = "rate1", ["b.1"] = "rate6", ["b.2"] = "rate12", ["b.3"] = "rate18",
  ["o"] = "project" }
local dense = { a = "reduce", b = "expand" }

local function level(index) return math.tointeger(index) + 1 end

local keras_double_unet = names.rules {
  { "n%.v%.(%d)%.(%d+)%.(%w+)", function(block, index, leaf)
    return double_unet.maps.DebeshJha_torch(("e1.x%d.%s.%s"):format(level(block), index, leaf))
  end },
  { "n%.a(%d)%.([gbo]%.?%d?)%.(%d)%.([%w_]+)", function(n, branch, part, leaf)
    return pyramid[branch] and ("aspp%s.%s.%s.%s"):format(n, pyramid[branch], parts[part], leaf)
  end },
  { "n%.([de])(%d)%.(%d)%.(%d)%.(%d)%.([%w_]+)", function(side, n, block, unit, part, leaf)
    return ("%s%s.%d.%s%d.%s"):format(stages[side], n, level(block), parts[part], level(unit), leaf)
  end },
  { "n%.([de])(%d)%.(%d)%.2%.([ab])%.weight", function(side, n, block, layer)
    return ("%s%s.%d.se.%s.weight"):format(stages[side], n, level(block), dense[layer])
  end },
  { "n%.o(%d)%.(%w+)", "head%1.%2" },
}

local mcgu_layers = { t = "conv", b = "bn" }
local mcgunet = names.rules {
  { "n%.([ed])(%d)%.(%d)%.0%.(%w+)", function(side, n, unit, leaf)
    return ("%s%s.conv%d.%s"):format(side == "e" and "encoder" or "dense", n, level(unit), leaf)
  end },
  { "n%.u%.(%d)%.se%.([ab])%.(%w+)", function(n, layer, leaf)
    return ("up%d.se.%s.%s"):format(n + 6, dense[layer], leaf)
  end },
  { "n%.u%.(%d)%.([tb])%.([%w_]+)", function(n, layer, leaf)
    return ("up%d.%s.%s"):format(n + 6, mcgu_layers[layer], leaf)
  end },
  { "n%.l%.(%d)%.([xh])%.(%w+)", function(n, conv, leaf)
    return ("lstm%d.%s.%s"):format(n + 6, conv == "x" and "input" or "hidden", leaf)
  end },
  { "n%.c%.(%d)%.2%.([ab])%.(%w+)", function(n, layer, leaf)
    return ("decoder%d.se.%s.%s"):format(n + 6, dense[layer], leaf)
  end },
  { "n%.c%.(%d)%.(%d)%.0%.(%w+)", function(n, unit, leaf)
    return ("decoder%d.conv%d.%s"):format(n + 6, level(unit), leaf)
  end },
  { "n%.p%.0%.(%w+)", "conv8.conv.%1" },
  { "n%.o%.(%w+)", "head.%1" },
}

-- vector, architecture, options, map of names, own names of the layers, name of the logits
local CASES = {
  { "r2unet_t2", "r2unet", { t = 2 }, r2unet.maps.LeeJunHyun,
    { RRCNN5 = "encoder.5", Up_RRCNN2 = "decoder.4", RRCNN1 = "encoder.1" }, { "logits" } },
  { "doubleunet_torch", "double_unet", { variant = "torch" }, double_unet.maps.DebeshJha_torch,
    { a1 = "aspp1", d1 = "decoder1.4.se", a2 = "aspp2", d2 = "decoder2.4.se", e1_x5 = "encoder1.5.relu4" },
    { "logits1", "logits2" } },
  { "doubleunet_keras", "double_unet", {}, keras_double_unet,
    { aspp1 = "aspp1", dec1_last = "decoder1.4.se", aspp2 = "aspp2", dec2_last = "decoder2.4.se",
      block5_conv4 = "encoder1.5.relu4" }, { "logits1", "logits2" } },
  { "mcgunet_sedu_d3", "mcgunet", {}, mcgunet,
    { dense3 = "dense3.dropout", convlstm8 = "lstm8", dec8_se = "decoder8.se", conv8_2ch = "conv8.relu" },
    { "logits" } },
}

-- Of all results, and of maps in which undecided elements may have gone the other way.
local TOLERANCE, UNSETTLED, MOST_TURNED = 1e-4, 1e-2, 12

local function check(want, got, what, tolerance)
  local scale, off = want:abs():max(), (want:reshape(got:shape()) - got):abs():max()
  assert.is_true(off <= (tolerance or TOLERANCE) * scale, ("%s: off by %g of %g"):format(what, off, scale))
end

local function norm(t) return math.sqrt((t * t):sum()) end

local function relative(want, got)
  return norm(want:reshape(got:shape()) - got) / norm(want)
end

--- As check, but of the norms.
local function check_norm(want, got, what, tolerance)
  if want:abs():max() == 0 then return assert.are.equal(0, got:abs():max()) end
  local off = relative(want, got)
  assert.is_true(off <= tolerance, ("%s: off by %g of its norm"):format(what, off))
end

--- Sums of other lengths round otherwise: with AVX-512 all doubtful elements are found, elsewhere some may be left.
local function settled_tolerance(run)
  for _, step in ipairs(run.plan:steps()) do
    if step.implementation:find("avx512", 1, true) then return TOLERANCE end
  end
  return 10 * TOLERANCE
end

for _, case in ipairs(CASES) do
  local vector_name, architecture, options, rename, layer_names, logit_names = table.unpack(case)

  describe(vector_name .. " #slow", function()
    local vector, model
    local explained = logit_names[#logit_names]
    local layers = {}
    for _, own in pairs(layer_names) do layers[#layers + 1] = own end

    local function ready()
      if vector then return end
      vector = vectors.need(vector_name, rename)
      model = assert(fovea.arch.model(architecture, options, vector.weights))
    end

    teardown(function()
      vector, model = nil, nil
      collectgarbage()
    end)

    it("has the parameters of the original, each under one name", function()
      ready()
      assert.are.equal(vector.count, (model:size()))
      local known = {}
      for _, entry in ipairs(model.parameters) do known[entry.name] = true end
      for name in pairs(vector.weights) do assert.is_true(known[name], name .. " is not used") end
    end)

    it("gives the logits of each head", function()
      ready()
      local instance = assert(model:at(vector.results.input:shape()))
      for i, output in ipairs(instance.outputs) do
        local name = output.logits:name()
        check(vector.results[logit_names[i]], model:activations(vector.results.input, name)[name], logit_names[i])
      end
    end)

    local function compare_gradients(exact)
      ready()
      local results, logits = vector.results, vector.results[explained]
      local instance = assert(model:at(results.input:shape()))
      local run = decisions.new(model, { input = results.input, layers = layers, exact = exact,
        logits = model:output(instance).logits:name() })
      local p, mask = logits:sigmoid(), logits:gt(0)

      -- one seed for both scores, in which neither drowns the other
      local balance = norm(results.grad_input_z) / norm(results.grad_input_p)
      local function both(key) return results[key:format "z"] + balance * results[key:format "p"] end
      local turned = run:settle(function()
        local found = run:gradients(mask + balance * (p * (1 - p) * mask))
        local sum = relative(both "grad_input_%s", found.input)
        for name, own in pairs(layer_names) do
          sum = sum + relative(both("alpha_%s_" .. name), found[own]:mean { 3, 4 })
        end
        return sum
      end, TOLERANCE)
      assert.is_true(turned <= MOST_TURNED, ("%d decisions turned"):format(turned))

      -- Winograd's method rounds twice as much: in a window of pooling two elements may then be undecided at once,
      -- which turning one after the other does not settle. The input gradient shows it, sums over channels hardly.
      local limit = settled_tolerance(run)
      local input_limit = exact and limit or math.max(limit, 10 * TOLERANCE)
      for letter, seed in pairs { z = mask, p = p * (1 - p) * mask } do
        local found = run:gradients(seed)
        check_norm(results["grad_input_" .. letter], found.input, "grad_input_" .. letter, input_limit)
        for name, own in pairs(layer_names) do
          local key = ("%s_%s"):format(letter, name)
          check_norm(results["alpha_" .. key], found[own]:mean { 3, 4 }, "alpha_" .. key, limit)
          local map = fovea.cam.method("gradcam").map(run:activation(own), found[own])
          check_norm(results["cam_" .. key], map:relu(), "cam_" .. key, limit)
        end
      end
    end

    it("gives input gradients, channel weights and maps, of logits and of probabilities", function()
      compare_gradients(false)
    end)

    it("gives the same by plain sums", function() compare_gradients(true) end)

    it("explains the last head: maps and scores", function()
      ready()
      for letter, score in pairs { z = "logit", p = "probability" } do
        local maps = {}
        for _, heat in ipairs(assert(fovea.explain_all(model, vector.results.input, { layers = layers,
          score = score }))) do
          maps[heat.layer] = heat
        end
        for name, own in pairs(layer_names) do
          local key, want = ("cam_%s_%s"):format(letter, name), tonumber(vector.metadata["score_" .. letter])
          check(vector.results[key], maps[own].raw:relu(), key, UNSETTLED)
          assert.are.near(want, maps[own].score.value, TOLERANCE * math.abs(want))
        end
      end
    end)
  end)
end
