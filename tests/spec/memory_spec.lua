-- Running out of memory anywhere in loading and explaining is an error with the code "memory" (or raises where a chain
-- of tensor methods is the caller), never a crash, and leaves nothing behind.
local core = require "fovea.core"
local fovea = require "fovea"
local scratch = require("support.scratch").new()
local tiny = require "support.tiny_onnx"

describe("running out of memory", function()
  teardown(function()
    core.alloc_fail_at(-1)
    scratch:remove()
  end)

  --- Runs job with the n-th allocation failing, for n from 0 in growing steps, until it succeeds.
  local function sweep(job)
    local n, failures = 0, 0
    while true do
      core.alloc_fail_at(n)
      local ok, result, _, code = pcall(function() return job() end)
      local asked = core.alloc_count()
      core.alloc_fail_at(-1)
      if ok and result and asked <= n then return failures end
      failures = failures + 1
      if ok and not result then assert.are.equal("memory", code) end
      if not ok then assert.is_truthy(tostring(result):find "memory", tostring(result)) end
      n = n + 1 + n // 12
    end
  end

  it("is survived by load, explain and the picture", function()
    local path = scratch:write("tiny.onnx", tiny.bytes())
    local image = fovea.image.new(fovea.uniform({ 3, 20, 24 }, { seed = 1, min = 0, max = 255 }))
    local function whole()
      local model, message, code = fovea.load(path)
      if not model then return nil, message, code end
      local heat, why, kind = fovea.explain(model, image, { layer = "deep.relu*", threshold = "otsu" })
      if not heat then return nil, why, kind end
      return heat:panel()
    end
    assert(whole())
    assert.is_true(sweep(whole) > 40)
    collectgarbage()
    collectgarbage()
    local before = core.memory_in_use()
    assert(whole())
    pcall(sweep, whole)
    collectgarbage()
    collectgarbage()
    assert.is_true(core.memory_in_use() <= before + 1024)
  end)
end)
