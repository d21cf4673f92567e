-- The progress bar, as it would be drawn on a terminal, and its lines in a pipe.
local progress = require "fovea.progress"

describe("progress", function()
  local stderr, said

  before_each(function()
    stderr, said = io.stderr, {}
    io.stderr = { write = function(_, ...) -- luacheck: ignore 122
      for _, text in ipairs { ... } do said[#said + 1] = text end
    end, flush = function() end }
  end)
  after_each(function() io.stderr = stderr end) -- luacheck: ignore 122

  local function bar_of(total, tty)
    local bar = progress.new(total, "training")
    bar.tty = tty
    return bar
  end

  it("draws a bar with rate and time left", function()
    local bar = bar_of(4, true)
    bar.start = bar.start - 61.5
    bar:step "loss 0.5"
    local text = table.concat(said)
    assert.is_truthy(text:find("\rtraining:  25%|█████", 1, true))
    assert.is_truthy(text:find("| 1/4 [01:01<03:0", 1, true))
    assert.is_truthy(text:find("loss 0.5", 1, true))
    bar:say "a message"
    assert.is_truthy(table.concat(said):find("\27[Ka message\n\rtraining", 1, true))
    bar:done()
    assert.are.equal("\r\27[K", said[#said])
  end)

  it("counts what was done before, but not its time", function()
    local bar = bar_of(100, true)
    bar:skip(90)
    bar.start = bar.start - 7300.2
    bar:step()
    assert.is_truthy(table.concat(said):find("| 91/100 [2:01:40<18:15:0", 1, true))
  end)

  it("says every tenth in a pipe", function()
    local bar = bar_of(20, false)
    for _ = 1, 20 do bar:step() end
    assert.are.equal("training: 2/20\n", said[1])
    assert.are.equal(10, #said)
    said = {}
    bar = bar_of(20, false)
    bar:skip(10)
    for _ = 1, 10 do bar:step() end
    assert.are.equal(5, #said)
  end)
end)
