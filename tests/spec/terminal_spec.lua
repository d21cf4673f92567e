-- Pictures as text for terminals: which protocol where, what the bytes are, and what show draws.
local core = require "fovea.core"
local fovea = require "fovea"
local show = require "fovea.show"
local terminal = require "fovea.terminal"

--- The choice in an environment, for a terminal that seems to have a protocol.
local function choose(variables, protocol, colours)
  local environment = { TERM = "xterm-256color", LANG = "de_DE.UTF-8" }
  for name, value in pairs(variables) do environment[name] = value end
  return terminal.choose(function(name) return environment[name] end, protocol or "symbols", colours or "256")
end

describe("terminal.choose", function()
  it("takes what the terminal has", function()
    assert.are.same({ "kitty", "true" }, { choose({ TERM = "xterm-kitty" }, "kitty", "true") })
    assert.are.same({ "symbols", "256" }, { choose {} })
    assert.are.same({ "symbols", "true" }, { choose { COLORTERM = "truecolor" } })
  end)

  it("falls back to symbols inside tmux and screen", function()
    assert.are.same({ "symbols", "true" }, { choose({ TMUX = "/tmp/x", TERM = "tmux-256color" }, "kitty") })
    assert.are.same({ "symbols", "256" }, { choose({ STY = "1.x", TERM = "screen" }, "sixel") })
    assert.are.same({ "symbols", "256" }, { choose({ TERM = "screen.xterm-256color" }, "iterm2") })
  end)

  it("has no colours with NO_COLOR", function()
    assert.are.same({ "symbols", "none" }, { choose({ NO_COLOR = "1" }, "kitty") })
  end)

  it("draws nothing on dumb terminals, without UTF-8, and when told not to", function()
    assert.is_nil((choose { TERM = "dumb" }))
    assert.is_nil((choose { TERM = "" }))
    assert.is_nil((choose { LANG = "C" }))
    assert.is_nil((choose { LC_ALL = "C" }))
    assert.is_nil((choose({ FOVEA_PICTURES = "none" }, "kitty")))
  end)

  it("obeys FOVEA_PICTURES and names what it knows", function()
    assert.are.equal("sixel", (choose({ FOVEA_PICTURES = "sixel", TMUX = "x" })))
    local protocol, reason = choose { FOVEA_PICTURES = "kity" }
    assert.is_nil(protocol)
    assert.matches("did you mean 'kitty'", reason, 1, true)
  end)

  it("finds no terminal in a pipe", function()
    local pipe = assert(io.popen((os.getenv "FOVEA" or "bin/fovea")
      .. [[ -e "print(require('fovea.terminal').size(), require('fovea.terminal').capabilities())" </dev/null]]))
    assert.are.equal("nil\tnil\tstandard output is no terminal\n", pipe:read "a")
    pipe:close()
  end)
end)

describe("terminal.text", function()
  local picture
  local drawable = core.terminal.detect() ~= nil

  setup(function() -- red above, blue below
    picture = fovea.zeros { 3, 8, 8 }
    for x = 1, 8 do
      for y = 1, 4 do
        picture:set(1, y, x, 255)
        picture:set(3, y + 4, x, 255)
      end
    end
  end)

  local function needs_library(name, f)
    it(name, function()
      if not drawable then return pending "built without libchafa" end
      f()
    end)
  end

  needs_library("draws half blocks in the colours of the picture", function()
    local text = assert(terminal.text(picture, { columns = 20, rows = 10, protocol = "symbols", colours = "true" }))
    local _, lines = text:gsub("\n", "")
    assert.are.equal(3, lines) -- 8 columns for 8 pixels, and so 4 rows
    local first = text:match "^[^\n]*"
    assert.is_truthy(first:find("255;0;0", 1, true))
    assert.is_falsy(first:find("0;0;255", 1, true))
    assert.is_truthy(text:find("0;0;255", 1, true))
    assert.matches("\27%[0m$", text)
  end)

  needs_library("fits into what there is, in the picture's shape", function()
    local wide = fovea.full({ 3, 40, 160 }, 100)
    local function size(columns, rows)
      local text = assert(terminal.text(wide, { columns = columns, rows = rows, colours = "none" }))
      local first = text:match "^[^\n]*"
      return utf8.len((first:gsub("\27%[[%d;?]*%a", ""))), select(2, text:gsub("\n", "")) + 1
    end
    assert.are.same({ 80, 10 }, { size(80, 40) })
    assert.are.same({ 40, 5 }, { size(80, 5) })
    assert.are.same({ 160, 20 }, { size(500, 400) })
  end)

  needs_library("writes the protocols of graphics terminals", function()
    local function text(protocol)
      return assert(terminal.text(picture, { columns = 8, rows = 4, protocol = protocol }))
    end
    assert.matches("^\27_G.*\27\\", text "kitty")
    assert.matches("^\27P.*\27\\", text "sixel")
    assert.matches("\27%]1337;File=", text "iterm2")
  end)

  needs_library("writes no colour codes without colours", function()
    local text = assert(terminal.text(picture, { columns = 8, rows = 4, protocol = "symbols", colours = "none" }))
    assert.is_falsy(text:find("\27%[[%d;]*[34]8;"))
  end)

  needs_library("refuses what is no picture", function()
    assert.has_error(function() terminal.text(fovea.zeros { 4, 4 }, { columns = 8, rows = 4 }) end)
    assert.has_error(function() terminal.text(fovea.zeros { 3, 0, 4 }, { columns = 8, rows = 4 }) end)
    assert.has_error(function() terminal.text(picture, { columns = 0, rows = 4 }) end)
    assert.has_error(function() terminal.text(picture, { columns = 4, rows = 4, protocol = "x" }) end)
  end)

  needs_library("survives a lack of memory", function()
    local sweep = require "support.alloc_sweep"
    sweep(function() return terminal.text(picture, { columns = 8, rows = 4 }) end)
  end)
end)

describe("show", function()
  it("makes pictures of tensors", function()
    local map = fovea.tensor { { 0, 1 }, { 2, 4 } }
    local picture = show.picture(map)
    assert.are.same({ 3, 96, 96 }, picture:shape()) -- small maps are enlarged
    local viridis = require("fovea.colormap").table "viridis"
    for c = 1, 3 do
      assert.are.near(viridis:get(1, c), picture:get(c, 1, 1), 0.51)
      assert.are.near(viridis:get(256, c), picture:get(c, 96, 96), 0.51)
    end
    local rgb = fovea.full({ 3, 4, 4 }, 0.5)
    assert.are.equal(127.5, show.picture(rgb):max())
    assert.are.equal(200, show.picture(fovea.full({ 1, 3, 4, 4 }, 200)):max())
  end)

  it("shows both signs on a symmetric scale", function()
    local picture = show.picture(fovea.tensor { { -1, 0 }, { 0, 4 } })
    local middle = { picture:get(1, 1, 96), picture:get(2, 1, 96), picture:get(3, 1, 96) }
    assert.is_true(math.abs(middle[1] - middle[2]) < 16 and middle[1] > 200) -- near white
  end)

  it("puts the strongest channels side by side", function()
    local channels = fovea.zeros { 5, 4, 4 }
    for c, value in ipairs { 1, -5, 2, 0, 3 } do
      for y = 1, 4 do
        for x = 1, 4 do channels:set(c, y, x, value) end
      end
    end
    assert.are.same({ 2, 5, 3 }, show.strongest(channels, 3))
    local picture, order = show.grid(channels, { channels = 3 })
    assert.are.same({ 2, 5, 3 }, order)
    assert.are.same({ 3, 2 * 96 + 4, 2 * 96 + 4 }, picture:shape())
  end)

  it("says what it cannot draw", function()
    assert.has_error(function() show.picture(fovea.zeros { 2, 2, 2, 2 }) end)
    assert.has_error(function() show.picture(fovea.tensor { { 0 / 0 } }) end)
  end)
end)
