--- Batches of a data set for training. What a batch holds is a function of (seed, epoch, step) and of the files alone:
--- nothing is kept that could change it, so that training that was interrupted goes on as if it had not been.
local augment = require "fovea.data.augment"
local core = require "fovea.core"
local lookup = require "fovea.lookup"
local prepare = require "fovea.data.prepare"
local preprocess = require "fovea.preprocess"

local M = {}

---@class fovea.LoaderOptions
---@field batch? integer samples of a batch, default 1
---@field seed? integer default 0
---@field preprocess? table record of fovea.preprocess: what the model gets
---@field patch? integer[] height and width of the patches that are cut out; default: whole images
---@field patches_per_image? integer samples per image in an epoch, default 1; needs `patch`
---@field foreground_share? number share of the patches that are centred on a foreground pixel, default 0
---@field augment? table see fovea.data.augment
---@field shuffle? boolean|"image" a new order in every epoch, default true; "image": the patches of an image stay
---  together, for sets that do not fit into memory
---@field drop_last? boolean leave out the last batch where it is smaller; default: as `shuffle`
---@field cache_bytes? integer most bytes of prepared images kept in memory, default 1 GiB

---@class fovea.Loader
---@field set fovea.DataSet
---@field classes integer
local Loader = {}
Loader.__index = Loader

local KEYS = { "batch", "seed", "preprocess", "patch", "patches_per_image", "foreground_share", "augment", "shuffle",
  "drop_last", "cache_bytes" }

local DRAW_FOREGROUND, DRAW_ROW, DRAW_COLUMN = 1, 2, 3 -- draws of a sample; those of augment start at 100
local ORDER = -1 -- stream of the order; samples have the number of their epoch

--- --- options ---

local function whole(options, key, default, least)
  local value = options[key]
  if value == nil then value = default end
  if math.type(value) ~= "integer" or value < least then
    error(("data.loader: '%s' must be a whole number from %d on, not %s"):format(key, least, tostring(value)), 0)
  end
  return value
end

local function patch_of(options)
  local patch = options.patch
  if patch == nil then
    for _, key in ipairs { "patches_per_image", "foreground_share" } do
      if options[key] then error(("data.loader: '%s' needs the option 'patch'"):format(key), 0) end
    end
    return nil
  end
  if type(patch) == "number" then patch = { patch, patch } end
  if type(patch) ~= "table" or #patch ~= 2 then error("data.loader: 'patch' is height and width", 0) end
  return { whole(patch, 1, nil, 1), whole(patch, 2, nil, 1) }
end

local function loader_of(set, options)
  lookup.check_keys(options, KEYS, "data.loader", -2)
  local share = options.foreground_share or 0
  if type(share) ~= "number" or share < 0 or share > 1 then
    error("data.loader: 'foreground_share' must be in 0..1", 0)
  end
  local shuffle, drop = options.shuffle, options.drop_last
  if shuffle == nil then shuffle = true end
  if type(shuffle) ~= "boolean" and shuffle ~= "image" then
    error("data.loader: 'shuffle' is true, false or \"image\"", 0)
  end
  if drop == nil then drop = shuffle ~= false end
  local self = setmetatable({
    set = set, classes = set.classes, batch_size = whole(options, "batch", 1, 1),
    seed = whole(options, "seed", 0, math.mininteger), record = preprocess.record(options.preprocess),
    patch = patch_of(options), per_image = whole(options, "patches_per_image", 1, 1), share = share,
    changes = augment.record(options.augment), shuffle = shuffle, drop_last = drop,
    cache = prepare.cache(whole(options, "cache_bytes", 1 << 30, 0)),
  }, Loader)
  if self:steps() == 0 then
    error(("data.loader: %d samples do not make a batch of %d (drop_last = false takes less)"):format(
      self:samples(), self.batch_size), 0)
  end
  return self
end

--- A loader over a data set.
---@param set fovea.DataSet
---@param options? fovea.LoaderOptions
---@return fovea.Loader
function M.new(set, options)
  local ok, result = pcall(loader_of, set, options or {})
  if not ok then error(result, 2) end
  return result
end

--- --- order ---

--- Samples of an epoch.
---@return integer
function Loader:samples() return #self.set * self.per_image end

--- Batches of an epoch.
---@return integer
function Loader:steps()
  local samples = self:samples()
  return self.drop_last and samples // self.batch_size or (samples + self.batch_size - 1) // self.batch_size
end

-- The numbers 1 to n in an order that depends on the key (Fisher and Yates).
local function shuffled(n, key)
  local order = {}
  for i = 1, n do order[i] = i end
  for i = n, 2, -1 do
    local j = 1 + math.floor(core.random.uniform(key, 0, i) * i)
    order[i], order[j] = order[j], order[i]
  end
  return order
end

-- The samples of an epoch in their order. Sample (image - 1) * per_image + k is patch k of an image.
local function make_order(self, epoch)
  local key, order = core.random.bits(self.seed, ORDER, epoch), {}
  if self.shuffle == true then return shuffled(self:samples(), key) end
  local images = self.shuffle and shuffled(#self.set, key)
  for i = 1, #self.set do
    local image = images and images[i] or i
    for k = 1, self.per_image do order[#order + 1] = (image - 1) * self.per_image + k end
  end
  return order
end

-- The order of an epoch; the last one asked for is kept.
local function order_of(self, epoch)
  if not self.order or self.order.epoch ~= epoch then
    self.order = make_order(self, epoch)
    self.order.epoch = epoch
  end
  return self.order
end

--- --- samples ---

-- First row and column of the patch, from 0. An image that is smaller than the patch lies in its middle.
local function corner(self, item, key, height, width)
  local rows, columns = item.height - height, item.width - width
  local y, x
  if item.mask and self.share > 0 and augment.draw(key, DRAW_FOREGROUND) < self.share then
    y, x = core.augment.pick(item.mask, augment.draw(key, DRAW_ROW))
  end
  local function place(spare, size, at, draw)
    if spare < 0 then return -(-spare // 2) end
    if at then return math.max(0, math.min(spare, at - 1 - size // 2)) end
    return math.floor(augment.draw(key, draw) * (spare + 1))
  end
  return place(rows, height, y, DRAW_ROW), place(columns, width, x, DRAW_COLUMN)
end

local function sample_of(self, item, epoch, index)
  local key = core.random.bits(self.seed, epoch, index)
  local height, width = item.height, item.width
  if self.patch then height, width = self.patch[1], self.patch[2] end
  local top, left = corner(self, item, key, height, width)
  local sample = { image = item.image, mask = item.mask, gain = item.gain, offset = item.offset,
    place = augment.place(self.changes, key, top, left, height, width) }
  return augment.tones(self.changes, key, sample)
end

-- The prepared items of a batch; all of one size where whole images are taken.
local function items_of(self, indices)
  local items = {}
  for i, index in ipairs(indices) do
    local item, message, code = self.cache:get(self.set, (index - 1) // self.per_image + 1, self.record)
    if not item then return nil, message, code end
    local first = items[1] or item
    if not self.patch and (item.height ~= first.height or item.width ~= first.width) then
      local text = "%s is %dx%d and %s %dx%d: a batch needs one size (preprocess: size, or patch, or batch = 1)"
      return nil, text:format(first.name, first.height, first.width, item.name, item.height, item.width), "mismatch"
    end
    items[i] = item
  end
  return items
end

--- A batch.
---@param epoch integer from 1
---@param step integer from 1 to steps()
---@return fovea.Tensor? input N x C x H x W, as the model gets it; nil when a file cannot be read
---@return fovea.Tensor|string? target N x 1 x H x W; one-hot N x K x H x W for K > 2 classes; nil without masks
---@return string[]|string? names of the items
function Loader:batch(epoch, step)
  if math.type(epoch) ~= "integer" or math.type(step) ~= "integer" or step < 1 or step > self:steps() then
    error(("loader: no batch for epoch %s, step %s of %d"):format(tostring(epoch), tostring(step), self:steps()), 2)
  end
  local first = (step - 1) * self.batch_size + 1
  local indices = table.move(order_of(self, epoch), first, math.min(first + self.batch_size - 1, self:samples()), 1, {})
  local items, message, code = items_of(self, indices)
  if not items then return nil, message, code end
  local samples, names = {}, {}
  for i, index in ipairs(indices) do
    samples[i], names[i] = sample_of(self, items[i], epoch, index), items[i].name
  end
  local height, width = items[1].height, items[1].width
  if self.patch then height, width = self.patch[1], self.patch[2] end
  local input, target, reason = core.augment.batch(samples, height, width, self.classes)
  if not input then return nil, target, reason end
  return input, target, names
end

return M
