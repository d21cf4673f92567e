local fovea = require "fovea"
local core = require "fovea.core"
local near = require "support.near"
local alloc_sweep = require "support.alloc_sweep"
local command = require "support.command"

describe("tensor", function()
  local t = fovea.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

  describe("constructors", function()
    it("read nested tables, numbers, and a shape with a flat list", function()
      assert.same({ 2, 3 }, t:shape())
      assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:to_table())
      assert.same({ 2, 1, 2, 1 }, fovea.tensor({ { { { 1 }, { 2 } } }, { { { 3 }, { 4 } } } }):shape())
      assert.same({}, fovea.tensor(7):shape())
      assert.equal(7, fovea.tensor(7):item())
      assert.equal(7, fovea.tensor(7):to_table())
      assert.same({ { 1, 2 }, { 3, 4 } }, fovea.tensor({ 2, 2 }, { 1, 2, 3, 4 }):to_table())
      assert.same({ 0 }, fovea.tensor({}):shape())
      assert.same({ 0.5, 0.5 }, fovea.full({ 2 }, 0.5):values())
      assert.same({ 0, 0, 0 }, fovea.zeros({ 1, 3 }):values())
    end)

    it("refuse ragged tables, wrong counts and what is no number", function()
      assert.error_matches(function() fovea.tensor { { 1, 2 }, { 3 } } end, "axis 2 has 2 entries .* a table of 1")
      assert.error_matches(function() fovea.tensor { { 1, 2 }, 3 } end, "ragged table, axis 2 .* a number")
      assert.error_matches(function() fovea.tensor { 1, "x" } end, "expected a number at depth 2, got a string")
      assert.error_matches(function() fovea.tensor({ 2, 2 }, { 1, 2, 3 }) end, "2x2 has 4 elements, the list has 3")
      assert.error_matches(function() fovea.tensor({ 2 }, { 1, {} }) end, "value 2 is not a number")
      assert.error_matches(function() fovea.zeros { 1, -1 } end, "zeros: dimension 2 must be an integer >= 0")
      assert.error_matches(function() fovea.zeros { 1.5 } end, "zeros: dimension 1")
      assert.error_matches(function() fovea.zeros { 1, 1, 1, 1, 1, 1, 1 } end, "at most 6 dimensions, not 7")
      assert.error_matches(function() fovea.zeros { 2 ^ 40 // 1 | 0, 2 ^ 40 // 1 | 0 } end, "is too large")
      assert.error_matches(function() fovea.uniform({ 2 }, { sead = 1 }) end, "uniform: unknown option 'sead'")
    end)

    it("draw random numbers that depend on the seed and the position only", function()
      local long, short = fovea.uniform({ 1000 }, { seed = 5 }), fovea.uniform({ 10 }, { seed = 5 })
      assert.is_true(long:slice(1, 1, 10):equal(short))
      assert.is_false(fovea.uniform({ 10 }, { seed = 6 }):equal(short))
      local wide = fovea.uniform({ 4096 }, { seed = 1, min = -3, max = 5 })
      assert.is_true(wide:min() >= -3 and wide:max() <= 5)
      near.number(1, wide:mean(), 0.15) -- 4 standard errors of 8 / sqrt(12 * 4096)
      local normal = fovea.normal({ 4096 }, { seed = 2, mean = 10, std = 2 })
      near.number(10, normal:mean(), 0.0125)
      near.number(2, normal:std(), 0.045)
    end)
  end)

  describe("elements", function()
    it("are read and written by position, negative from the end", function()
      local u = t:copy()
      assert.equal(6, u:get(2, 3))
      assert.equal(4, u(-1, 1))
      assert.equal(u, u:set(1, 2, 9))
      assert.same({ 1, 9, 3, 4, 5, 6 }, u:values())
      assert.same({ 2, 2, 2, 2, 2, 2 }, u:fill(2):values())
      assert.equal(u, u:assign(t))
      assert.same(t:values(), u:values())
      assert.has_error(function() u:assign(t:reshape { 3, 2 }) end)
      u:fill(2)
      assert.equal(2, t(1, 2)) -- the copy has its own elements
      assert.equal(2, t:rank())
      assert.equal(6, t:count())
    end)

    it("are shared by reshaped views", function()
      local u = t:copy()
      local v = u:reshape { 3, -1 }
      assert.same({ 3, 2 }, v:shape())
      v:set(1, 1, 100)
      assert.equal(100, u(1, 1))
      assert.same({ 6 }, u:flatten():shape())
    end)

    it("out of range name index, axis and shape", function()
      assert.error_matches(function() t:get(3, 1) end, "get: index 3 on axis 1 is outside shape 2x3")
      assert.error_matches(function() t:get(1, 0) end, "get: index 0 on axis 2")
      assert.error_matches(function() t:get(1) end, "get: 1 indices for a tensor of shape 2x3")
      assert.error_matches(function() t:set(1, 1, 1, 5) end, "set: 3 indices")
      assert.error_matches(function() t:item() end, "item: shape 2x3 has 6 elements, not one")
      assert.error_matches(function() t:reshape { 4, -1 } end, "reshape: 2x3 has 6 elements, 4x1 has 4")
      assert.error_matches(function() t:reshape { -1, -1 } end, "only one dimension may be %-1")
    end)
  end)

  it("is equal by shape and value", function()
    assert.is_true(t:equal(t:copy()))
    assert.is_false(t:equal(t:reshape { 3, 2 }))
    assert.is_false(t:equal(t + fovea.tensor { 0, 0, 1e-6 }))
    local nan = fovea.tensor { 0 / 0, 1 }
    assert.is_true(nan:equal(nan:copy()))
    assert.is_true(fovea.tensor({ 0 }):equal(-fovea.tensor { 0 }))
  end)

  it("hashes shape and bits", function()
    assert.matches("^%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$", t:hash())
    assert.equal(t:hash(), t:copy():hash())
    assert.not_equal(t:hash(), t:reshape({ 3, 2 }):hash())
    assert.not_equal(fovea.tensor({ 0 }):hash(), (-fovea.tensor { 0 }):hash())
    local seen = {}
    for i = 1, 500 do -- one element changed at a time, in low and in high bits
      for _, value in ipairs { 1 + 2 ^ -23, 2, -1 } do
        local hash = fovea.full({ 500 }, 1):set(i, value):hash()
        assert.is_nil(seen[hash])
        seen[hash] = true
      end
    end
  end)

  it("knows whether it is finite", function()
    assert.is_true(t:is_finite())
    assert.is_false(fovea.tensor({ 1, 0 / 0 }):is_finite())
    assert.is_false(fovea.tensor({ 1, -1 / 0 }):is_finite())
    assert.is_true(fovea.zeros({ 0 }):is_finite())
  end)

  it("gives the same bits for any number of threads", function()
    local script = [[
      local fovea = require "fovea"
      local t = fovea.normal({ 3, 150, 170 }, { seed = 1 })
      local mask = t:slice(1, 1, 1):gt(1)
      for _, u in ipairs {
        t:sigmoid() * t, t:transpose { 3, 1, 2 }, t:softmax(1), t:resize { 99, 401 }, mask:distance(), t:sum(1),
        t:matmul(t:slice(1, 1, 1):transpose { 1, 3, 2 }), t:argmax "height", t:std(2), fovea.tensor(t:var()),
      } do print(u:hash()) end]]
    local hashes = {}
    for i, threads in ipairs { 1, 4, 16 } do
      local status, out, err = command.run({ "-e", script }, { env = "OMP_NUM_THREADS=" .. threads })
      assert.same({ 0, "" }, { status, err })
      hashes[i] = out
    end
    assert.equal(10, select(2, hashes[1]:gsub("\n", "")))
    assert.equal(hashes[1], hashes[2])
    assert.equal(hashes[1], hashes[3])
  end)

  it("prints shape, range, mean and a corner", function()
    local lines = {}
    for line in tostring(fovea.zeros { 1, 2, 9, 9 } + 1.5):gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("tensor 1x2x9x9, min 1.5, max 1.5, mean 1.5", lines[1])
    assert.equal(8, #lines) -- six rows and an ellipsis
    assert.equal((" "):rep(2) .. ("        1.5"):rep(6):sub(2) .. "  ...", lines[2])
    assert.equal("tensor scalar, min 3, max 3, mean 3\n           3", tostring(fovea.tensor(3)))
    assert.matches("^tensor 3, min 2, max 2, mean 2, 1 NaN, 1 infinite\n", tostring(fovea.tensor { 0 / 0, 2, 1 / 0 }))
    assert.equal("tensor 2x0", tostring(fovea.zeros { 2, 0 }))
  end)

  describe("memory", function()
    local gc = getmetatable(t).__gc

    it("goes back when a tensor is closed, twice does no harm", function()
      collectgarbage()
      local before = core.memory_in_use()
      local closed
      do
        local u <close> = fovea.zeros { 1000 }
        assert.equal(before + 4000, core.memory_in_use())
        closed = u
      end
      assert.equal(before, core.memory_in_use())
      gc(closed)
      assert.equal("tensor (closed)", tostring(closed))
      assert.error_matches(function() closed:sum() end, "attempt to use a closed fovea.Tensor")
      assert.error_matches(function() return t + closed end, "closed")
      assert.error_matches(function() fovea.concat({ t, closed }, 1) end, "item 2 is not a tensor")
    end)

    it("in dropped tensors is collected when the budget is used up", function()
      collectgarbage()
      local before, most = core.memory_in_use(), 0
      local old = fovea.memory_budget(8 * 2 ^ 20 // 1 | 0)
      collectgarbage "stop" -- the automatic collector alone would see eight bytes each
      for _ = 1, 100 do
        local _ = fovea.zeros { 1024, 256 }
        most = math.max(most, core.memory_in_use() - before)
      end
      collectgarbage "restart"
      assert.equal(8 * 2 ^ 20, fovea.memory_budget(old))
      assert.is_true(most <= 9 * 2 ^ 20, most)
      assert.error_matches(function() fovea.memory_budget(-1) end, "must not be negative")
    end)

    it("refused gives nil, message, code in constructors", function()
      for _, make in ipairs {
        function() return fovea.zeros { 10 } end,
        function() return fovea.tensor { { 1, 2 }, { 3, 4 } } end,
        function() return fovea.normal { 10 } end,
      } do
        assert.is_true(alloc_sweep(make) >= 3)
      end
    end)

    it("refused raises in methods and operators, and nothing is held", function()
      local u = fovea.uniform({ 1, 2, 6, 6 }, { seed = 3 })
      local mask = u:gt(0.5):select(1, 1):select(1, 1)
      local image = u:slice(1, 1, 1)
      local function raised(f)
        local ok, message = pcall(f)
        if ok then return message end
        return nil, message, message:find "not enough memory" and "memory"
      end
      for _, f in ipairs {
        function() return u + image end,
        function() return u:sum { 3, 4 } end,
        function() return u:sort() end,
        function() return u:quantile(0.3) end,
        function() return u:top_k(7) end,
        function() return u:histogram() end,
        function() return mask:components() end,
        function() return mask:distance() end,
        function() return u:resize { 9, 9 } end,
        function() return u:softmax(2) end,
        function() return u:reshape { 4, 18 } end,
        function() return fovea.concat({ u, u }, 2) end,
      } do
        assert.is_true(alloc_sweep(function() return raised(f) end) >= 1)
      end
    end)
  end)
end)
