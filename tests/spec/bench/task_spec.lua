-- The tasks of the benchmark compute what they say.
local core = require "fovea.core"
local fovea = require "fovea"
local task = require "fovea.bench.task"
local tiny = require "support.tiny_net"

local function near(want, got, what)
  local difference = (want - got):abs():max()
  assert.is_true(difference <= 1e-5 * math.max(1, want:abs():max()), ("%s: off by %g"):format(what, difference))
end

describe("fovea.bench.task", function()
  local model, input = tiny.model(), tiny.input()
  local shape = { 1, 1, 12, 10 }

  it("forward gives the logits", function()
    local job = task.forward(model, input)
    job.run()
    near(assert(model:forward(input))[1], job.results()[1], "logits")
    assert.is_true(job.macs > 0)
  end)

  it("maps gives Grad-CAM of each mask at each layer", function()
    local masks = { fovea.full(shape, 1), fovea.uniform(shape, { seed = 3 }):gt(0.5) }
    local job = task.maps(model, input, { "enc2.relu", "dec1.relu" }, masks)
    job.run()
    job.run()
    local maps = job.results()
    assert.equal(4, #maps)
    for m, mask in ipairs(masks) do
      for l, layer in ipairs { "enc2.relu", "dec1.relu" } do
        local gradient = assert(model:gradients(input, layer, mask))[layer]
        local activation = assert(model:activations(input, layer))[layer]
        local want = (gradient:mean { 3, 4, keep_dims = true } * activation):sum { 2, keep_dims = true }
        near(want, maps[2 * (m - 1) + l], layer)
      end
    end
  end)

  it("perturbations gives the score of each occluded image, whatever the batch", function()
    local mask = fovea.uniform(shape, { seed = 4 }):gt(0.3)
    local job = task.perturbations(model, input, mask, { count = 9, batch = 4 })
    job.run()
    local scores = job.results()[1]
    assert.same({ 9 }, scores:shape())
    for index = 0, 8 do
      local image = input:copy()
      for y = 12 * (index // 3) // 3 + 1, 12 * (index // 3 + 1) // 3 do
        for x = 10 * (index % 3) // 3 + 1, 10 * (index % 3 + 1) // 3 do
          for channel = 1, 2 do image:set(1, channel, y, x, 0) end
        end
      end
      local want = (assert(model:forward(image))[1] * mask):sum()
      assert.is_true(math.abs(want - scores:get(index + 1)) < 1e-4)
    end
  end)

  it("the peak of the machine is a plausible number of operations per second", function()
    local peak = core.fma_peak(0.01)
    assert.is_true(peak > 1e7 and peak < 1e16)
  end)
end)
