-- Processes beside each other: threads that get too little time let the others have it.
local fovea = require "fovea"

--- Runs a network of many small steps in several processes at once; seconds until all are done.
local function beside(count, env)
  local code = [[
    local fovea = require "fovea"
    local model = assert(fovea.arch.model("m2unet", {}, nil, { input_shape = { 1, 3, 64, 64 }, seed = 1 }))
    local image = fovea.uniform({ 1, 3, 64, 64 }, { seed = 2 })
    for _ = 1, 30 do assert(model:forward(image)) end]]
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(code)
  file:flush()
  local binary = os.getenv "FOVEA" or "bin/fovea"
  local start = fovea.clock()
  assert(os.execute(("for i in $(seq %d); do env %s %s %s & done; wait"):format(count, env, binary, path)))
  os.remove(path)
  return fovea.clock() - start
end

describe("threads that wait #slow", function()
  it("do not keep others from working", function()
    local threads = fovea.threads()
    if threads < 2 then return pending "one processor" end
    local alone = beside(1, "OMP_NUM_THREADS=1")
    local crowded = beside(2 * threads, "OMP_NUM_THREADS=" .. threads)
    assert.is_true(crowded < 20 * alone + 2, ("%.2f s beside each other, %.2f s alone"):format(crowded, alone))
  end)
end)
