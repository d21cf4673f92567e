-- The log of a run: columns, CSV, curves.
local fovea = require "fovea"
local log = require "fovea.train.log"
local scratch = require "support.scratch"

local HISTORY = {
  { epoch = 1, steps = 4, rate = 0.1, loss = 0.75, norm = 2, validation_loss = 0.5 },
  { epoch = 2, steps = 8, rate = 0.05, loss = 0.5, norm = 1, validation_loss = 0.25, validation_dice = 0.125 },
}

describe("the log of a run", function()
  it("is a table with a line per epoch", function()
    assert.are.same({ "epoch", "steps", "rate", "loss", "norm", "validation_dice", "validation_loss" },
      log.columns(HISTORY))
    local place = scratch.new()
    assert(log.write(place.folder, HISTORY, "net", false))
    assert.are.same({ "log.csv" }, place:names())
    assert.are.equal("epoch,steps,rate,loss,norm,validation_dice,validation_loss\n1,4,0.1,0.75,2,,0.5\n"
      .. "2,8,0.05,0.5,1,0.125,0.25\n", place:read "log.csv")
    assert(log.write(place.folder, HISTORY, "net", true))
    assert.are.equal(560, assert(fovea.image.read(place:path "curve.png")).height)
    place:remove()
  end)

  it("draws metrics below the losses, when there are some", function()
    assert.are.same({ 3, 560, 640 }, log.picture(HISTORY, "net"):shape())
    assert.are.same({ 3, 280, 640 }, log.picture({ HISTORY[1] }, "net"):shape())
  end)
end)
