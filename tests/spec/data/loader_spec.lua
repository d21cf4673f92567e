local fovea = require "fovea"
local png_maker = require "support.png_maker"

-- Image k of 6 x 8 pixels holds k + 8 y + x; its mask one pixel at row k, column 3 (from 0).
local HEIGHT, WIDTH, IMAGES = 6, 8, 5

local function value(k, y, x) return k + 8 * y + x end

describe("data.loader", function()
  local root = require("support.scratch").new()
  local set

  local function png(name, pixel)
    root:write(name, png_maker.png { width = WIDTH, height = HEIGHT, bit_depth = 8, colour_type = 0,
      pixel = function(x, y) return { pixel(y, x) } end })
  end

  setup(function()
    for k = 1, IMAGES do
      png(k .. ".png", function(y, x) return value(k, y, x) end)
      png(k .. "_m.png", function(y, x) return y == k and x == 3 and 255 or 0 end)
    end
    set = assert(fovea.data.open { files = root:path "?.png", masks = root:path "{name}_m.png" })
  end)
  teardown(function() os.execute("rm -rf '" .. root.folder .. "'") end)

  it("gives what preprocessing gives, in order, when nothing is random", function()
    local record = { mean = { 0.3 }, std = { 0.7 }, size = { policy = "pad", multiple = 4 } }
    local loader = fovea.data.loader(set, { batch = 2, shuffle = false, preprocess = record })
    assert.equal(3, loader:steps())
    for step = 1, 3 do
      local input, target, names = loader:batch(1, step)
      assert.same(step < 3 and { 2, 1, 8, 8 } or { 1, 1, 8, 8 }, input:shape())
      for i = 1, #names do
        local k = 2 * step - 2 + i
        assert.equal(tostring(k), names[i])
        local want = fovea.preprocess.apply(fovea.preprocess.record(record), set:read(k).image)
        assert.is_true(input:slice(1, i, i):equal(want))
        assert.equal((k == 1 or k == 4) and 2 or 1, target:select(1, i):sum()) -- a row of padding mirrors rows 1 and 4
        assert.equal(1, target(i, 1, k + 2, 4))
      end
    end
  end)

  it("gives every sample once in an epoch, in another order each time", function()
    local loader = fovea.data.loader(set, { batch = 1, seed = 7 })
    local orders = {}
    for epoch = 1, 6 do
      local seen, order = {}, {}
      for step = 1, loader:steps() do
        local _, _, names = loader:batch(epoch, step)
        seen[names[1]] = true
        order[step] = names[1]
      end
      for k = 1, IMAGES do assert.is_true(seen[tostring(k)]) end
      orders[table.concat(order)] = true
    end
    local different = 0
    for _ in pairs(orders) do different = different + 1 end
    assert.is_true(different >= 4)
  end)

  it("can keep the patches of an image together", function()
    local loader = fovea.data.loader(set, { batch = 1, seed = 2, patch = 3, patches_per_image = 3, shuffle = "image",
      cache_bytes = 0 })
    local orders = {}
    for epoch = 1, 5 do
      local order = {}
      for step = 1, loader:steps() do
        local _, _, names = loader:batch(epoch, step)
        order[step] = names[1]
        assert.equal(order[step - (step - 1) % 3], names[1])
      end
      local sorted = { table.unpack(order) }
      table.sort(sorted)
      assert.equal("111222333444555", table.concat(sorted))
      orders[table.concat(order)] = true
    end
    assert.is_truthy(next(orders, next(orders))) -- more than one
  end)

  it("is a function of seed, epoch and step", function()
    local options = { batch = 3, seed = 11, patch = { 4, 5 }, patches_per_image = 2, augment = {
      flip = true, rotate = 30, scale = 0.2, shift = 0.1, elastic = { 1, spacing = 4 }, brightness = 0.1,
      contrast = 0.2, gamma = 0.3, blur = 1, noise = 0.05 } }
    local loader, hashes = fovea.data.loader(set, options), {}
    for step = 1, loader:steps() do
      local input, target, names = loader:batch(2, step)
      hashes[step] = input:hash() .. target:hash() .. table.concat(names)
    end
    options.cache_bytes = 0
    local threads = fovea.threads()
    fovea.threads(threads == 1 and 2 or 1)
    local other = fovea.data.loader(set, options)
    for step = other:steps(), 1, -1 do
      local input, target, names = other:batch(2, step)
      assert.equal(hashes[step], input:hash() .. target:hash() .. table.concat(names))
      assert.not_equal(input:hash(), (other:batch(1, step)):hash())
    end
    fovea.threads(threads)
  end)

  it("cuts patches out of the image, with mask and image together", function()
    local loader = fovea.data.loader(set, { batch = 1, patch = { 3, 4 }, patches_per_image = 20,
      preprocess = { scale = 1 } })
    local tops, lefts = {}, {}
    for step = 1, loader:steps() do
      local input, target, names = loader:batch(1, step)
      local first, k = input(1, 1, 1, 1), tonumber(names[1])
      local top, left = (first - k) // 8, (first - k) % 8
      tops[top], lefts[left] = true, true
      for y = 1, 3 do
        for x = 1, 4 do
          assert.equal(value(k, top + y - 1, left + x - 1), input(1, 1, y, x))
          assert.equal(top + y - 1 == k and left + x - 1 == 3 and 1 or 0, target(1, 1, y, x))
        end
      end
    end
    assert.is_true(tops[0] and tops[3] and lefts[0] and lefts[4])
  end)

  it("centres the share of patches that is asked for on the foreground", function()
    local loader = fovea.data.loader(set, { batch = 100, patch = 3, patches_per_image = 200, foreground_share = 0.5 })
    local hits = 0
    for step = 1, loader:steps() do
      local _, target = loader:batch(1, step)
      hits = hits + target:sum()
    end
    -- by chance: the pixel (k, 3) is in a 3 x 3 patch of 4 x 6 places with probability 3 of 4 rows (k = 2, 3), 2 (4),
    -- 2 (1) or 1 (5), times 3 of 6 columns: mean (3 + 3 + 2 + 2 + 1) / 5 / 4 / 2 = 0.275
    local share = hits / 1000
    assert.is_true(math.abs(share - (0.5 + 0.5 * 0.275)) < 0.05)
  end)

  it("refuses what it cannot do", function()
    local function refused(options, text)
      assert.error_matches(function() fovea.data.loader(set, options) end, text)
    end
    refused({ batches = 2 }, "did you mean 'batch'")
    refused({ shuffle = "images" }, "'shuffle' is true, false or \"image\"")
    refused({ batch = 0 }, "'batch' must be a whole number from 1 on, not 0")
    refused({ batch = 6 }, "5 samples do not make a batch of 6")
    refused({ foreground_share = 0.5 }, "'foreground_share' needs the option 'patch'")
    refused({ augment = { flipp = true } }, "did you mean 'flip'")
    refused({ augment = { noise = -1 } }, "noise must not be negative")
    refused({ augment = { scale = { 0, 2 } } }, "scale must be positive")
    assert.error_matches(function() fovea.data.loader(set, {}):batch(1, 6) end, "no batch for epoch 1, step 6 of 5")
  end)

  it("passes on that a file cannot be read", function()
    png("9.png", function() return 0 end)
    root:write("9_m.png", "none")
    local broken = assert(fovea.data.open { files = root:path "9.png", masks = root:path "{name}_m.png" })
    local input, message, code = fovea.data.loader(broken, {}):batch(1, 1)
    assert.is_nil(input)
    assert.matches("9_m.png: not a", message)
    assert.equal("format", code)
  end)

  it("wants one size in a batch", function()
    root:write("small.png", png_maker.png { width = 2, height = 2, bit_depth = 8, colour_type = 0,
      pixel = function() return { 1 } end })
    local mixed = assert(fovea.data.open { files = { root:path "1.png", root:path "small.png" } })
    local input, message, code = fovea.data.loader(mixed, { batch = 2, shuffle = false }):batch(1, 1)
    assert.is_nil(input)
    assert.matches("1 is 6x8 and small 2x2: a batch needs one size", message)
    assert.equal("mismatch", code)
    assert.same({ 2, 1, 4, 4 }, assert(fovea.data.loader(mixed, { batch = 2, preprocess = { size = { policy = "fixed",
      height = 4, width = 4 } } }):batch(1, 1)):shape())
  end)
end)
