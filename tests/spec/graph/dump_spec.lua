local fovea = require "fovea"

describe("graph.dump", function()
  local graph = fovea.graph()
  local x = graph:input(fovea.full({ 1, 3, 6, 6 }, 1), { name = "image" })
  local w = graph:constant(fovea.full({ 4, 3, 3, 3 }, 1), { name = "kernel" })
  local y = graph:conv { x, w, name = "conv" }
  local z = graph:reshape { graph:pad { y, before = { 0, 0, 1, 0 } , name = "pad" }, shape = { -1 }, name = "flat" }

  it("lists the nodes of a graph", function()
    assert.are.equal(table.concat({
      "   node    kind      shape    sources",
      "1  image   input     1x3x6x6",
      "2  kernel  constant  4x3x3x3",
      "3  conv    conv      1x4x4x4  image kernel",
      "4  pad     pad       1x4x5x4  conv",
      "5  flat    reshape   80       pad",
    }, "\n"), graph:dump())
  end)

  it("lists the steps of a plan and its memory", function()
    local plan = assert(graph:plan { taps = { z } })
    assert(plan:set_input(x, x:value()))
    assert(plan:forward())
    local text, lines = plan:dump(), {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.is_truthy(lines[1]:match "^phase%s+node%s+op%s+implementation%s+shape%s+ms$")
    assert.is_truthy(text:match "\nforward%s+pad%s+pad%s+pad:own%s+1x4x5x4%s+%d+%.%d%d%d\n")
    assert.is_truthy(lines[#lines]:match "^%d+ steps, %d+%.%d+ ms; MiB: %d+%.%d+ activations and gradients, ")
    assert.are.equal(#plan:steps() + 2, #lines)
  end)
end)
