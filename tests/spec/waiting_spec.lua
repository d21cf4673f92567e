-- Processes beside each other: threads that get too little time let the others have it (src/base/waiting.h). Which
-- threads sleep when is up to the machine; what they compute is not.
local fovea = require "fovea"
local scratch = require("support.scratch").new()

local CODE = [[
local fovea = require "fovea"
local model = assert(fovea.arch.model("m2unet", {}, nil, { input_shape = { 1, 3, 64, 64 }, seed = 1 }))
local image, hash = fovea.uniform({ 1, 3, 64, 64 }, { seed = 2 }), nil
for _ = 1, 30 do
  local now = assert(model:forward(image))[1]:hash()
  assert(not hash or hash == now)
  hash = now
end
print(hash)]]

--- Runs a network of many small steps in several processes at once; what they print.
local function beside(count, threads)
  local path, hashes = scratch:write("many_steps.lua", CODE), {}
  local output <close> = assert(io.popen(("for i in $(seq %d); do OMP_NUM_THREADS=%d %s %s & done; wait"):format(count,
    threads, os.getenv "FOVEA" or "bin/fovea", path)))
  for line in output:lines() do hashes[#hashes + 1] = line end
  return hashes
end

describe("threads that wait #slow", function()
  teardown(function() scratch:remove() end)

  it("compute the same while others want the processors", function()
    local threads = math.max(fovea.threads(), 2)
    local alone, crowded = beside(1, 1), beside(2 * threads, threads)
    assert.are.equal(1, #alone)
    assert.are.equal(2 * threads, #crowded)
    for _, hash in ipairs(crowded) do assert.are.equal(alone[1], hash) end
  end)
end)
