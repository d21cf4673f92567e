-- What must hold in every interpreter: run in the fovea binary and in the stock one.
local core = require "fovea.core"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

describe("module #smoke", function()
  it("has the version of the C header", function()
    assert.equal(read("src/fovea.h"):match '#define FV_VERSION "(.-)"', core.version())
  end)
end)
