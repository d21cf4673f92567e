-- Memory of a model at work: foretold, kept within a budget, and what the system says about it.
local budget = require "fovea.budget"
local bytes = require "fovea.bytes"
local command = require "support.command"
local core = require "fovea.core"
local fovea = require "fovea"

local SHAPE = { 1, 3, 128, 128 }

local function model_of(arch, options)
  return assert(fovea.arch.model(arch, options, nil, { input_shape = SHAPE, seed = 2 }))
end

local function unet() return model_of("unet", { width = 16, depth = 4 }) end

local function image() return fovea.uniform(SHAPE, { seed = 1, min = -1, max = 1 }) end

local function hashes(maps)
  local list = {}
  for i, heat in ipairs(maps) do list[i] = heat.raw:hash() end
  return list
end

describe("budget", function()
  local before

  setup(function() before = core.memory_budget() end)
  teardown(function() core.memory_budget(before) end)

  it("is obeyed step by step, or refused with the smallest that works", function()
    local model, x = model_of("mcgunet", { width = 8 }), image()
    local use
    function model.planned(_, found) use = found end
    model.exact = true -- the same bits all the way
    local want = assert(fovea.explain_all(model, x, { thresholds = { 0.3, 0.6 } }))
    local steps, savings = 0, {}
    repeat
      local limit = use.total - 1
      local maps, message, code = fovea.explain_all(model, x, { thresholds = { 0.3, 0.6 }, memory = limit })
      if not maps then
        assert.are.equal("memory", code)
        local pattern = "^%S+: %d+M of memory are allowed, the least that works at 1x3x128x128 is (%d+M)$"
        local least = assert(message:match(pattern))
        assert.is_truthy(fovea.explain_all(model, x, { memory = least }))
        assert.is_true(use.total <= bytes.parse(least, "least"))
        break
      end
      assert.is_true(use.total <= limit)
      steps, savings[use.segments > 1 and "segments" or "none"] = steps + 1, true
      assert.is_true(maps[1]:record().exact)
      assert.are.same(hashes(want), hashes(maps))
    until false
    assert.is_true(steps > 0 and savings.segments and not savings.none)
  end)

  it("comes from the model, from an option, and as text", function()
    local model, x = unet(), image()
    model.memory = "1M"
    local maps, message, code = fovea.explain_all(model, x)
    assert.is_nil(maps)
    assert.are.equal("memory", code)
    assert.is_truthy(message:find("1M of memory are allowed", 1, true))
    assert.is_nil((model:forward(x)))
    assert.is_truthy(fovea.explain_all(model, x, { memory = "4G" }))
    local path = os.tmpname()
    assert(fovea.safetensors.write(path, model.weights))
    local options = { arch = "unet", arch_options = { width = 16, depth = 4 }, input_shape = SHAPE, memory = "1M" }
    local loaded = assert(fovea.load(path, options))
    assert.is_nil((loaded:forward(x)))
    options.memory = "2X"
    assert.has_error(function() fovea.load(path, options) end)
    os.remove(path)
    assert.has_error(function() fovea.explain_all(model, x, { memory = "much" }) end,
      "memory: 'much' is not a size such as 512M, 2G, 1.5G or a number of bytes")
  end)

  it("gives up other plans of the model before it saves", function()
    local model, x = unet(), image()
    local uses = {}
    function model.planned(_, use) uses[#uses + 1] = use end
    local need = model:memory_use()
    model.memory = need.maps.total + need.forward.arena // 2
    assert.is_truthy(model:forward(x))
    assert.is_truthy(fovea.explain(model, x))
    assert.is_false(uses[2].exact or uses[2].segments > 1)
    assert.is_truthy(model:forward(x))
    assert.is_true(#uses >= 3)
    model.memory = "4G"
    for _ = 1, 3 do assert.is_truthy(model:forward(x) and fovea.explain(model, x)) end
    assert.is_true(#uses <= 5) -- both are kept where there is room
  end)

  it("foretells without a run", function()
    local model = unet()
    local use = assert(model:memory_use())
    for _, part in pairs(use) do
      assert.are.equal(part.total, part.peak + part.copies + part.others + part.program)
      assert.is_true(part.least <= part.total and part.peak >= part.weights)
    end
    assert.is_true(use.forward.total < use.maps.total)
    assert.is_true(assert(model:memory_use(model:default_layers(), { 1, 3, 256, 256 })).maps.arena > 2 * use.maps.arena)
    assert.is_truthy(budget.text(use.maps):find "^%d+ MiB of memory at most: weights %d+, ")
    model.memory = use.maps.least
    assert.is_truthy(fovea.explain(model, fovea.uniform(SHAPE, { seed = 1 })))
  end)

  it("refuses without holding anything", function()
    local model, x = unet(), image()
    assert(model:at(SHAPE))
    collectgarbage()
    local held = core.memory_in_use()
    local maps, _, code = fovea.explain_all(model, x, { memory = "1M" })
    assert.is_nil(maps)
    assert.are.equal("memory", code)
    collectgarbage()
    assert.are.equal(held, core.memory_in_use())
  end)
end)

-- What the system counts: a process of its own for each network, which says how much it holds before the model is made
-- and the most it ever held.
local SCRIPT = [[
local fovea = require "fovea"
local function held(name)
  local file <close> = assert(io.open "/proc/self/status")
  return math.tointeger(tonumber(file:read("a"):match(name .. ":%s*(%d+) kB"))) * 1024
end
fovea.memory_budget(16 << 20)
local before = held "VmRSS"
local model = assert(fovea.arch.model(arg[1], load("return " .. arg[2])(), nil, { input_shape = { 1, 3, 256, 256 } }))
local use
function model.planned(_, found) use = found end
model.exact = arg[3] ~= nil
model.memory = arg[3] == "least" and model:memory_use().maps.least or arg[3]
for _ = 1, 3 do assert(fovea.explain(model, fovea.uniform({ 1, 3, 256, 256 }, { seed = 1 }))) end
print(before, held "VmHWM", use.total, use.program)
]]

describe("resident memory", function()
  local function is_checked()
    return not io.open("/proc/self/status") or os.getenv "ASAN_OPTIONS" or os.getenv "FOVEA_MEMORY_ONLY"
  end

  local function measure(arch, options, limit)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(SCRIPT)
    file:close()
    local status, out, err = command.run({ path, arch, options, limit }, { env = "OMP_NUM_THREADS=1" })
    os.remove(path)
    assert.are.equal(0, status, err)
    local before, most, total, program = out:match "(%d+)%s+(%d+)%s+(%d+)%s+(%d+)"
    return most - before, total - program, tonumber(most), tonumber(total)
  end

  for _, case in ipairs { { "unet", "{ width = 32 }" }, { "r2unet", "{ width = 16 }" },
    { "mcgunet", "{ width = 16 }" } } do
    it("grows as foretold: " .. case[1], function()
      if is_checked() then return pending "the checker's own memory is counted" end
      local growth, foretold, most, total = measure(case[1], case[2])
      assert.is_true(growth > 0.6 * foretold, ("%d of %d"):format(growth, foretold))
      assert.is_true(most < 1.1 * total, ("%d of %d"):format(most, total))
    end)
  end

  it("stays within a budget", function()
    if is_checked() then return pending "the checker's own memory is counted" end
    local _, _, free = measure("unet", "{ width = 32 }", "4G")
    local _, _, most, total = measure("unet", "{ width = 32 }", "least")
    assert.is_true(most < 1.1 * total and most < free, ("%d of %d, %d without"):format(most, total, free))
  end)
end)
