-- fovea evaluate as a user runs it: tables, broken images, misuse, several classes.
local command = require "support.command"
local fovea = require "fovea"
local lfs = require "lfs"
local scratch = require("support.scratch").new()

--- A network in Lua whose logits are 10 (value / 255 - 0.5) times the weights given.
local NETWORK = [[
return { input = function() return { 1, 1, false, false } end,
  options = { { name = "classes", default = 1, doc = "channels" } },
  build = function(nn, x, options) return nn:conv("head", x, options.classes, { kernel = 1 }) end }
]]

describe("fovea evaluate", function()
  setup(function()
    for _, folder in ipairs { "images", "masks" } do lfs.mkdir(scratch:path(folder)) end
    scratch:write("net.lua", NETWORK)
    assert(fovea.safetensors.write(scratch:path "one.safetensors",
      { ["head.weight"] = fovea.tensor({ 1, 1, 1, 1 }, { 10 }), ["head.bias"] = fovea.tensor { -5 } }))
    assert(fovea.safetensors.write(scratch:path "three.safetensors",
      { ["head.weight"] = fovea.tensor({ 3, 1, 1, 1 }, { 0, 10, 20 }), ["head.bias"] = fovea.tensor { 0, -4, -12 } }))
    for i = 1, 3 do
      local image = fovea.uniform({ 1, 16, 20 }, { seed = i, min = 0, max = 255 }):floor()
      assert(fovea.image.write(scratch:path(("images/eye%d.png"):format(i)), image))
      local mask = image:gt(i == 3 and 255 or 127) -- the third mask is empty
      if i == 2 then mask:set(1, 1, 1, 1 - mask:get(1, 1, 1)) end -- one pixel is wrong
      assert(fovea.image.write(scratch:path(("masks/eye%d.png"):format(i)), mask * 255))
    end
  end)

  teardown(function() os.execute("rm -rf " .. command.quote(scratch.folder)) end)

  local function run(words, weights)
    local all = { "evaluate", scratch:path(weights or "one.safetensors"), "--arch", scratch:path "net.lua" }
    table.move(words, 1, #words, #all + 1, all)
    return command.run(all, { env = "OMP_NUM_THREADS=1" })
  end

  it("writes a line per image, a summary, and prints a table", function()
    local status, said = run { scratch:path "images/*.png", "--masks", scratch:path "masks/{name}.png", "--out",
      scratch:path "out/one" }
    assert.equal(0, status)
    assert.matches("Dice%s+0%.66%d+ ± ", said)
    assert.matches("3 images, 0 failed; tables in ", said)
    local rows = assert(require("fovea.report.csv").decode(assert(scratch:read "out/one/scores.csv")))
    assert.equal("eye1", rows[1].image)
    assert.equal(1, tonumber(rows[1].dice))
    assert.equal(1, tonumber(rows[1].auc))
    local right = tonumber(rows[2].accuracy)
    assert.is_true(math.abs(right - (1 - 1 / 320)) < 1e-9)
    assert.equal("NaN", rows[3].sensitivity)
    local record = assert(fovea.json.decode(assert(scratch:read "out/one/summary.json")))
    assert.equal(3, record.summary.dice.n)
    assert.equal(2, record.summary.hd95.n)
    assert.equal(1, record.summary.hd95.missing)
    assert.equal(0.5, record.settings.threshold)
    assert.matches("| Dice ", assert(scratch:read "out/one/summary.md"), 1, true)
    assert.matches("^metric,mean,sd,median,low,high,n,missing\ndice,", assert(scratch:read "out/one/summary.csv"))
  end)

  it("a broken image is a line with its reason; the others go on; status 1", function()
    scratch:write("list.csv", "image,mask,name\nimages/eye1.png,masks/eye1.png,a\nimages/none.png,masks/eye2.png,b\n"
      .. "images/eye2.png,,c\n")
    local status, said, complained = run { "--manifest", scratch:path "list.csv", "--json", "--metric", "dice" }
    assert.equal(1, status)
    assert.matches("b: .*none.png", complained)
    local record = assert(fovea.json.decode(said))
    assert.equal(2, record.failed)
    assert.equal(1, record.images[1].scores.dice)
    assert.matches("none.png", record.images[2].error)
    assert.equal("there is no true mask", record.images[3].error)
  end)

  it("draws what was found, invented and missed", function()
    scratch:write("one.csv", "image,mask,name\nimages/eye1.png,masks/eye2.png,one\n")
    local status = run { "--manifest", scratch:path "one.csv", "--out", scratch:path "drawn", "--pictures", "--metric",
      "dice" }
    assert.equal(0, status)
    local image = assert(fovea.image.read(scratch:path "images/eye1.png")).tensor
    local truth = assert(fovea.image.read(scratch:path "masks/eye2.png")).tensor:ne(0)
    local picture = assert(fovea.image.read(scratch:path "drawn/pictures/one.png")).tensor
    for y = 1, 16 do
      for x = 1, 20 do
        local grey, wanted = image:get(1, y, x), truth:get(1, y, x) == 1
        local colour = grey > 127.5 and (wanted and { 0, 158, 115 } or { 230, 120, 0 }) or wanted and { 0, 114, 200 }
        for c = 1, 3 do
          local value = colour and 0.4 * grey + 0.6 * colour[c] or grey
          assert.is_true(math.abs(picture:get(c, y, x) - value) <= 1)
        end
      end
    end
    assert.equal(2, (run { scratch:path "images/eye1.png", "--pictures" }))
  end)

  it("windows give what the whole image gives", function()
    local words = { scratch:path "images/*.png", "--masks", scratch:path "masks/{name}.png", "--json", "--metric",
      "dice", "--metric", "iou" }
    local _, whole = run(words)
    table.move({ "--tile", "8x8" }, 1, 2, #words + 1, words)
    local _, tiled = run(words)
    local a, b = fovea.json.decode(whole), fovea.json.decode(tiled)
    assert.same(a.summary, b.summary)
    assert.same({ 8, 8 }, b.settings.tile)
  end)

  it("a class of several, against its value in the mask", function()
    -- logits 0, 10 v - 4, 20 v - 12 for v = value / 255: class 2 wins from 0.4 to 0.8
    local image = assert(fovea.image.read(scratch:path "images/eye1.png")).tensor / 255
    local truth = image:gt(0.4) + image:gt(0.8)
    assert(fovea.image.write(scratch:path "masks/eye1.classes.png", truth))
    for class = 1, 3 do
      local status, said = run({ scratch:path "images/eye1.png", "--masks", scratch:path "masks/{name}.classes.png",
        "--class", tostring(class), "--arch-option", "classes=3", "--json" }, "three.safetensors")
      assert.equal(0, status)
      assert.equal(1, fovea.json.decode(said).summary.dice.mean)
    end
  end)

  it("misuse: status 2 and the nearest name", function()
    local status, _, complained = run { scratch:path "images/*.png", "--metric", "dise" }
    assert.equal(2, status)
    assert.matches("did you mean 'dice'", complained)
    assert.equal(2, (run { scratch:path "images/eye1.png", "--tile", "8" }))
    assert.equal(2, (run {}))
    assert.equal(1, (run { scratch:path "nothing/*.png" }))
  end)

  it("a data set from a YAML file, or a part of one", function()
    scratch:write("set.yaml", "data:\n  test: { files: images/*.png, masks: \"masks/{name}.png\", last: 2 }\n")
    local status, said = run { "--data", scratch:path "set.yaml#data.test", "--json", "--metric", "dice" }
    assert.equal(0, status)
    assert.equal(2, #fovea.json.decode(said).images)
    assert.equal(1, (run { "--data", scratch:path "set.yaml#data.train" }))
  end)
end)
