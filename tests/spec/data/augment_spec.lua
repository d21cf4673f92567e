local core = require "fovea.core"
local augment = require "fovea.data.augment"
local fovea = require "fovea"
local alloc_sweep = require "support.alloc_sweep"

local batch = core.augment.batch

-- One sample of an image (nested rows) with fields; the result as rows, and the mask's.
local function one(image, fields, height, width, mask)
  local sample = { image = assert(fovea.tensor { image }), mask = mask and fovea.tensor(mask) }
  for key, value in pairs(fields) do sample[key] = value end
  local input, target = assert(batch({ sample }, height or #image, width or #image[1]))
  return input:to_table()[1][1], target and target:to_table()[1][1]
end

local function near(want, got, tolerance)
  for y, row in ipairs(want) do
    for x, value in ipairs(row) do
      if math.abs(value - got[y][x]) > (tolerance or 1e-5) then
        error(("row %d, column %d: wanted %.8g, got %.8g"):format(y, x, value, got[y][x]))
      end
    end
  end
end

local IMAGE = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } }

-- A key for which draw i is as wanted.
local function key_with(wanted)
  for key = 1, 100000 do
    local fits = true
    for index, test in pairs(wanted) do fits = fits and test(augment.draw(key, index)) end
    if fits then return key end
  end
end

local function low(u) return u < 0.5 end
local function high(u) return u >= 0.5 end

describe("geometry of a sample", function()
  it("is the identity by itself", function()
    local image, mask = one(IMAGE, {}, 3, 3, { { 0, 1, 0 }, { 1, 1, 0 }, { 0, 0, 1 } })
    assert.same(IMAGE, image)
    assert.same({ { 0, 1, 0 }, { 1, 1, 0 }, { 0, 0, 1 } }, mask)
    local random = fovea.normal({ 3, 17, 23 }, { seed = 5 })
    assert.is_true(batch({ { image = random } }, 17, 23):reshape({ 3, 17, 23 }):equal(random))
  end)

  it("shifts by hand-computed amounts", function()
    -- half a row down, a quarter of a column right of each pixel; beyond the border row 3 row 2 follows
    assert.same({ { 2.75, 3.75, 4.25 }, { 5.75, 6.75, 7.25 }, { 5.75, 6.75, 7.25 } },
      (one(IMAGE, { place = { 1, 0, 0.5, 0, 1, 0.25 } })))
    local _, mask = one(IMAGE, { place = { 1, 0, 0.5, 0, 1, 0.25 } }, 3, 3, { { 0, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 } })
    assert.same({ { 1, 0, 0 }, { 0, 0, 1 }, { 1, 0, 0 } }, mask)
    assert.same({ { 9, 8, 7, 8, 9 } }, (one(IMAGE, { place = { 1, 0, -2, 0, 1, -6 } }, 1, 5)))
  end)

  it("flips and turns by quarters exactly", function()
    local function placed(options, key, height, width)
      return one(IMAGE, { place = augment.place(augment.record(options), key, 0, 0, height or 3, width or 3) },
        height, width)
    end
    local horizontal, vertical = key_with { [102] = low }, key_with { [100] = low }
    assert.same({ { 3, 2, 1 }, { 6, 5, 4 }, { 9, 8, 7 } }, placed({ flip = "horizontal" }, horizontal))
    assert.same({ { 7, 8, 9 }, { 4, 5, 6 }, { 1, 2, 3 } }, placed({ flip = "vertical" }, vertical))
    assert.same({ { 9, 8, 7 }, { 6, 5, 4 }, { 3, 2, 1 } },
      placed({ flip = true }, key_with { [100] = low, [102] = low }))
    assert.same(IMAGE, placed({ flip = true }, key_with { [100] = high, [102] = high }))
    local function turn(k) return key_with { [200] = function(u) return math.floor(4 * u) == k end } end
    assert.same(IMAGE, placed({ quarter = true }, turn(0)))
    assert.same({ { 3, 6, 9 }, { 2, 5, 8 }, { 1, 4, 7 } }, placed({ quarter = true }, turn(1))) -- anticlockwise
    assert.same({ { 9, 8, 7 }, { 6, 5, 4 }, { 3, 2, 1 } }, placed({ quarter = true }, turn(2)))
    assert.same({ { 7, 4, 1 }, { 8, 5, 2 }, { 9, 6, 3 } }, placed({ quarter = true }, turn(3)))
    assert.same({ { 1, 2 }, { 4, 5 }, { 7, 8 } }, placed({ quarter = true }, turn(1), 3, 2)) -- not square
  end)

  it("rotates and scales about the middle", function()
    local record = augment.record { rotate = { 90, 90 } }
    near({ { 3, 6, 9 }, { 2, 5, 8 }, { 1, 4, 7 } }, (one(IMAGE, { place = augment.place(record, 1, 0, 0, 3, 3) })))
    record = augment.record { scale = { 2, 2 } }
    near({ { 3, 3.5, 4 }, { 4.5, 5, 5.5 }, { 6, 6.5, 7 } },
      (one(IMAGE, { place = augment.place(record, 1, 0, 0, 3, 3) })))
    record = augment.record { shift = { 1 / 3, 1 / 3 } } -- both axes by a third of 3
    near({ { 5, 6, 5 }, { 8, 9, 8 }, { 5, 6, 5 } }, (one(IMAGE, { place = augment.place(record, 1, 0, 0, 3, 3) })))
  end)

  it("draws amounts evenly from their ranges", function()
    local record, sum, squares, n = augment.record { rotate = 30, scale = 1, noise = { 0.2, 0.4, probability = 0.25 } },
      0, 0, 4000
    local touched, logs = 0, 0
    for key = 1, n do
      local place = augment.place(record, key, 0, 0, 1, 1)
      local angle = math.deg(math.atan(place[2], place[1]))
      assert.is_true(math.abs(angle) <= 30)
      sum, squares = sum + angle, squares + angle * angle
      logs = logs - math.log(math.sqrt(place[1] ^ 2 + place[2] ^ 2), 2)
      local tones = augment.tones(record, key, {})
      if tones.noise then
        touched = touched + 1
        assert.is_true(tones.noise >= 0.2 and tones.noise <= 0.4)
      end
    end
    assert.is_true(math.abs(sum / n) < 1) -- standard error 0.27
    assert.is_true(math.abs(squares / n - 300) < 15)
    assert.is_true(math.abs(logs / n) < 0.05)
    assert.is_true(math.abs(touched / n - 0.25) < 0.03)
  end)

  it("keeps masks binary and image and mask aligned", function()
    local loader_record = augment.record { flip = true, quarter = true, rotate = 180, scale = 0.5, shift = 0.2,
      elastic = { 3, spacing = 8 } }
    local disc = assert(fovea.zeros { 40, 40 })
    for y = 1, 40 do
      for x = 1, 40 do disc:set(y, x, (y - 17) ^ 2 + (x - 24) ^ 2 < 100 and 1 or 0) end
    end
    local image = disc:reshape { 1, 40, 40 }
    for key = 1, 20 do
      local sample = { image = image, mask = disc, place = augment.place(loader_record, key, 0, 0, 40, 40) }
      local input, target = batch({ augment.tones(loader_record, key, sample) }, 40, 40)
      assert.equal(0, (target:ne(0) & target:ne(1)):count_nonzero())
      -- linear interpolation of the disc is 0.5 where nearest neighbours change, give or take a pixel's corner
      assert.is_true((input:gt(0.75) & target:eq(0)):count_nonzero() == 0)
      assert.is_true((input:lt(0.25) & target:eq(1)):count_nonzero() == 0)
      assert.is_true(target:sum() > 0)
    end
  end)

  it("moves pixels by a cubic B-spline of normal deviates", function()
    local seed, spacing, amplitude, size = 9, 5, 2, 12
    local function normal(i) -- Box and Muller on two draws of stream 1
      local u, v = 1 - core.random.uniform(seed, 1, 2 * i), core.random.uniform(seed, 1, 2 * i + 1)
      return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)
    end
    local columns = (size - 1) // spacing + 4
    local function cubic(t) -- the centred cubic B-spline
      t = math.abs(t)
      return t < 1 and 2 / 3 - t * t + t ^ 3 / 2 or t < 2 and (2 - t) ^ 3 / 6 or 0
    end
    local function moved(axis, y, x)
      local sum = 0
      for row = 0, columns - 1 do
        for column = 0, columns - 1 do
          sum = sum + cubic(y / spacing + 1 - row) * cubic(x / spacing + 1 - column)
            * normal((axis * columns + row) * columns + column)
        end
      end
      return amplitude * sum
    end
    local rows, want = {}, {}
    for y = 0, 40 do
      rows[y + 1] = {}
      for x = 0, 40 do rows[y + 1][x + 1] = 100 * y + x end -- linear: the value tells the position
    end
    for y = 0, size - 1 do
      want[y + 1] = {}
      for x = 0, size - 1 do
        want[y + 1][x + 1] = 100 * (y + 14 + moved(0, y, x)) + x + 14 + moved(1, y, x)
      end
    end
    near(want, (one(rows, { place = { 1, 0, 14, 0, 1, 14 }, elastic = amplitude, spacing = spacing, seed = seed },
      size, size)), 1e-3)
  end)
end)

describe("intensity of a sample", function()
  -- Values of a model: (u - 0.4) / 0.5 for u in 0..1.
  local GAIN, OFFSET = 0.5, 0.4
  local UNIT = { { 0.1, 0.5 }, { 0.9, 0.3 } }
  local MEAN = 0.45

  local function changed(fields)
    local image = {}
    for y, row in ipairs(UNIT) do
      image[y] = {}
      for x, u in ipairs(row) do image[y][x] = (u - OFFSET) / GAIN end
    end
    fields.gain, fields.offset = { GAIN }, { OFFSET }
    return (one(image, fields))
  end

  local function wanted(f)
    local rows = {}
    for y, row in ipairs(UNIT) do
      rows[y] = {}
      for x, u in ipairs(row) do rows[y][x] = (math.max(0, math.min(1, f(u))) - OFFSET) / GAIN end
    end
    return rows
  end

  it("changes by brightness, contrast and gamma", function()
    near(wanted(function(u) return u + 0.2 end), changed { brightness = 0.2 })
    near(wanted(function(u) return (u - MEAN) * 1.5 + MEAN end), changed { contrast = 1.5 })
    near(wanted(function(u) return u ^ 0.7 end), changed { gamma = 0.7 })
    near(wanted(function(u) return math.max(0, (u - MEAN) * 2 + MEAN - 0.1) ^ 2 end),
      changed { gamma = 2, brightness = -0.1, contrast = 2 })
  end)

  it("is as it was without changes", function()
    near(wanted(function(u) return u end), changed {}, 1e-7)
  end)

  it("blurs by a Gaussian", function()
    local sigma, rows, size = 0.8, {}, 9
    for y = 1, size do
      rows[y] = {}
      for x = 1, size do rows[y][x] = core.random.uniform(3, y, x) end
    end
    local radius, weight, total = 3, {}, 0 -- 3 sigma, rounded up
    for d = -radius, radius do
      weight[d] = math.exp(-d * d / (2 * sigma * sigma))
      total = total + weight[d]
    end
    local function at(i) return i < 1 and 2 - i or i > size and 2 * size - i or i end
    local want = {}
    for y = 1, size do
      want[y] = {}
      for x = 1, size do
        local sum = 0
        for dy = -radius, radius do
          for dx = -radius, radius do
            sum = sum + weight[dy] * weight[dx] * rows[at(y + dy)][at(x + dx)] / total ^ 2
          end
        end
        want[y][x] = sum
      end
    end
    near(want, (one(rows, { blur = sigma })), 1e-6)
    near({ { 2, 2 } }, (one({ { 2, 2 } }, { blur = 5 }))) -- smaller than the kernel
    near({ { 3 } }, (one({ { 3 } }, { blur = 2 })))
  end)

  it("adds normal noise", function()
    local n, std = 200, 0.05
    local input = batch({ { image = assert(fovea.full({ 1, n, n }, 0.5)), noise = std, seed = 4 } }, n, n)
    local mean, deviation = input:mean(), input:std()
    assert.is_true(math.abs(mean - 0.5) < 4 * std / n)
    assert.is_true(math.abs(deviation - std) < 4 * std / (n * math.sqrt(2)))
    local z = (input - 0.5) / std
    assert.is_true(math.abs((z ^ 4):mean() - 3) < 0.1) -- a normal distribution has a kurtosis of 3
    assert.is_true(math.abs(z:abs():gt(1.959964):mean() - 0.05) < 0.005)
    local right, left = z:slice(3, 1, 1, 1), z -- neighbours are not related
    right, left = left:slice(4, 2, n), left:slice(4, 1, n - 1)
    assert.is_true(math.abs((right * left):mean()) < 0.03)
    local other = batch({ { image = assert(fovea.full({ 1, n, n }, 0.5)), noise = std, seed = 5 } }, n, n)
    assert.is_true(math.abs(((other - 0.5) / std * z):mean()) < 0.03)
  end)
end)

describe("a batch", function()
  it("has a channel per class from three on", function()
    local sample = { image = assert(fovea.zeros { 1, 1, 4 }), mask = assert(fovea.tensor { { 0, 2, 1, 2 } }) }
    local _, target = batch({ sample }, 1, 4, 3)
    assert.same({ { { { 1, 0, 0, 0 } }, { { 0, 0, 1, 0 } }, { { 0, 1, 0, 1 } } } }, target:to_table())
  end)

  it("refuses samples that do not fit", function()
    local image, mask = assert(fovea.zeros { 1, 2, 2 }), assert(fovea.zeros { 2, 2 })
    local function refused(samples, text)
      assert.error_matches(function() batch(samples, 2, 2) end, text)
    end
    refused({ { image = mask } }, "an image is C x H x W with 1 to 4 channels, not 2x2")
    refused({ { image = image, mask = assert(fovea.zeros { 2, 3 }) } }, "the image is 1x2x2, its mask 2x3")
    refused({ { image = image, mask = mask }, { image = image } }, "some samples have masks and some have none")
    refused({ { image = image }, { image = assert(fovea.zeros { 3, 2, 2 }) } }, "images of 1 and of 3 channels")
    refused({ { image = image, blur = 5000 } }, "sigma 5000 is not in")
    refused({ { image = image, elastic = 1, spacing = 0 } }, "elastic spacing 0 is below 1")
    refused({ {} }, "no image")
    refused({}, "at least one sample")
  end)

  it("survives positions far away and values that are no numbers", function()
    one(IMAGE, { place = { 1e300, 0, 0, 0, 1, -1e300 } })
    one(IMAGE, { place = { 0 / 0, 0, 0, 0, 1, 0 } })
    local out = one({ { 0 / 0, 1 } }, { noise = 0.1, gamma = 2 })
    assert.is_true(out[1][1] ~= out[1][1] and out[1][2] == out[1][2])
  end)

  it("picks pixels of the foreground", function()
    local mask = assert(fovea.tensor { { 0, 1, 0 }, { 1, 0, 1 } })
    assert.same({ 1, 2 }, { core.augment.pick(mask, 0) })
    assert.same({ 2, 1 }, { core.augment.pick(mask, 0.34) })
    assert.same({ 2, 3 }, { core.augment.pick(mask, 0.999999) })
    assert.is_nil(core.augment.pick(assert(fovea.zeros { 2, 2 }), 0.5))
  end)

  it("survives every failing allocation", function()
    local image, mask = assert(fovea.zeros { 1, 8, 8 }), assert(fovea.zeros { 8, 8 })
    local samples = {}
    for i = 1, 3 do samples[i] = { image = image, mask = mask, elastic = 1, blur = 1, seed = i } end
    assert.is_true(alloc_sweep(function() return batch(samples, 8, 8) end) >= 8)
  end)
end)
