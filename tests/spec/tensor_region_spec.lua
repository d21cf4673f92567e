local fovea = require "fovea"

describe("regions of tensors", function()
  local labels = fovea.tensor { { 1, 1, 0 }, { 0, 2, 3 } }

  it("have a largest value per label", function()
    local values = fovea.tensor { { 0.5, 0.7, 9 }, { 8, -3, 0.25 } }
    local max = labels:max_by_label(values, 4)
    assert.are.near(0.7, max[1], 1e-6)
    assert.same({ -3, 0.25, -math.huge }, { max[2], max[3], max[4] })
    assert.has_error(function() labels:max_by_label(fovea.zeros { 5 }, 3) end)
  end)

  it("are kept by label", function()
    assert.same({ 1, 1, 0, 0, 0, 1 }, labels:keep_labels({ true, false, true }):values())
    assert.same({ 0, 0, 0, 0, 0, 0 }, labels:keep_labels({}):values())
  end)

  it("have a local mean, of what is there at the edge", function()
    local t = fovea.tensor { { 1, 2, 6 }, { 3, 4, 8 } }
    assert.same({ 2.5, 4, 5, 2.5, 4, 5 }, t:local_mean(3):values())
    assert.same({ 1.5, 3, 4, 3.5, 5, 6 }, t:local_mean(3, 1):values())
    assert.is_true(t:local_mean(1):equal(t))
    assert.are.near(4, t:local_mean(99):min(), 1e-6)
    assert.error_matches(function() t:local_mean(2) end, "odd")
    local deep = fovea.uniform({ 3, 4, 5 }, { seed = 1 })
    assert.are.near(deep:slice(1, 1, 2):slice(2, 1, 3):slice(3, 3, 5):mean(), deep:local_mean(3):get(1, 2, 4), 1e-6)
  end)

  it("keep a flat map flat", function()
    assert.is_true(fovea.full({ 40, 50 }, 0.3):local_mean(7):equal(fovea.full({ 40, 50 }, 0.3)))
  end)
end)
