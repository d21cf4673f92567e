--- What a page shows of a heat map, as small PNG files of a folder `view`, named by their content: the image, the
--- prediction, the explained pixels, the ground truth, and the map at the resolution of its layer. The page colours
--- them, so that the colours can be changed there.
local core = require "fovea.core"
local evaluate = require "fovea.evaluate"
local image_module = require "fovea.image"
local lfs = require "lfs"
local lookup = require "fovea.lookup"
local metric = require "fovea.metric"
local shrink = require "fovea.report.shrink"

local M = {}

--- Metrics of the prediction, in the order of tables.
M.SCORES = { "dice", "iou", "sensitivity", "specificity" }

--- Fields of a view that are names of pictures.
M.PICTURES = { "map", "image", "prediction", "target", "truth" }

local LONGEST = 512 -- longer side of pictures
local LONGEST_MAP = 256 -- of a map
local NAME = 16 -- digits of the content's hash
local NO_MAP = { NONFINITE = true, EMPTY_TARGET = true }

---@class fovea.View
---@field size integer[] height, width of the image
---@field place number[] x, y, width, height of the model's grid in the image
---@field map string? red: positive part over its maximum; green: negative part over its maximum; blue: the signed map,
--- 0.5 is zero
---@field image string?
---@field prediction string? probability of the class
---@field target string? the explained pixels
---@field truth string? ground truth
---@field scores table<string, number>? of the prediction, by metric
---@field inside { target: number?, truth: number? } part of the positive map inside these pixels
---@field share { target: number, truth: number? } part of the image that they take: what a uniform map would have

local function unit(map, most) return most > 0 and map * (255 / most) or map * 0 end

--- The three forms of a signed map as the channels of a picture.
---@param raw fovea.Tensor h x w
---@return fovea.Tensor picture 3 x h x w, 0..255
function M.channels(raw)
  local shape = raw:shape()
  local map = shrink.within(raw:reshape { 1, shape[1], shape[2] }, LONGEST_MAP)
  local high, low = math.max(0, map:max()), math.max(0, -map:min())
  local most = math.max(high, low)
  local signed = most > 0 and map * (127.5 / most) + 127.5 or map * 0 + 127.5
  return assert(core.concat({ unit(map:relu(), high), unit((-map):relu(), low), signed }, 1))
end

--- Where the model's grid lies in the image: x, y, width, height in its pixels.
---@param heat fovea.Heatmap
---@return number[]
function M.place(heat)
  local g = heat.geometry
  if not g then return { 0, 0, heat:size()[2], heat:size()[1] } end
  local sy, sx = g.image[1] / g.resized[1], g.image[2] / g.resized[2]
  return { g.left * sx, g.top * sy, g.grid[2] * sx, g.grid[1] * sy }
end

--- Agreement of a probability with the ground truth; what has no value is left out.
local function scores_of(probability, truth)
  local scores = {}
  for name, value in pairs(evaluate.scores(probability, truth, { metrics = M.SCORES })) do
    if value == value then scores[name] = value end
  end
  return scores
end

local function same_size(a, b) return a[1] == b[1] and a[2] == b[2] end

--- The ground truth at the image's resolution, 0/1; nil when there is none of its size or of the grid's.
local function truth_of(heat, given)
  local truth = given or heat.truth
  if not truth then return nil end
  local shape = truth:shape()
  while #shape > 2 and shape[1] == 1 do table.remove(shape, 1) end
  if #shape ~= 2 then return nil end
  truth = truth:reshape(shape):ne(0)
  if same_size(shape, heat:size()) then return truth end
  if not same_size(shape, heat.mask:shape()) then return nil end
  return heat:at_image(truth, "nearest")
end

local Writer = {}
Writer.__index = Writer

--- A writer of views into FOLDER/view.
---@param folder string which is there
---@param options? { durable: boolean? } durable: every file is brought to the disk at once, for runs that go on after
--- anything; default false
---@return table writer
function M.writer(folder, options)
  options = options or {}
  lookup.check_keys(options, { "durable" }, "view")
  return setmetatable({ folder = folder, known = {}, writing = { durable = options.durable == true } }, Writer)
end

--- Writes a picture unless it is there; its name in the folder, or nil and a message.
local function put(self, picture)
  local bytes, message = core.image_file.encode(picture)
  if not bytes then return nil, message end
  local name = ("view/%s.png"):format(core.file.hash_text(bytes):sub(1, NAME))
  local path = ("%s/%s"):format(self.folder, name)
  if self.known[name] or lfs.attributes(path, "mode") then return name end
  lfs.mkdir(self.folder .. "/view")
  local ok, problem = core.file.write(path, bytes, self.writing)
  if not ok then return nil, problem end
  self.known[name] = true
  return name
end

local function flat(map, mode)
  local shape = map:shape()
  return shrink.within(map:reshape { 1, shape[1], shape[2] }, LONGEST, mode)
end

--- Writes pictures by field; their names, or nil and a message.
local function put_all(self, pictures)
  local names = {}
  for field, picture in pairs(pictures) do
    local name, message = put(self, picture)
    if not name then return nil, message end
    names[field] = name
  end
  return names
end

--- What all maps of one pass share: image, prediction, ground truth, scores.
local function common_of(self, heat, truth)
  if self.last and self.last.probability == heat.probability then return self.last.names, self.last.scores end
  local probability = heat:at_image(heat.probability)
  local pictures = { prediction = flat(probability * 255), truth = truth and flat(truth * 255, "nearest") }
  if heat.image then
    local colours = image_module.of(heat.image):colours()
    pictures.image = shrink.within(colours * (255 / image_module.of(heat.image).white), LONGEST)
  end
  local names, message = put_all(self, pictures)
  if not names then return nil, message end
  local scores = truth and scores_of(probability, truth)
  self.last = { probability = heat.probability, names = names, scores = scores }
  return names, scores
end

--- Parts of the positive map inside the target and the ground truth; NaN is left out.
local function inside_of(heat, truth)
  local view, inside = metric.view(heat, truth), {}
  for name, reference in pairs { target = "target", truth = truth and "ground_truth" } do
    local value = metric.compute({ name = "energy_inside", reference = reference }, view)
    if value == value then inside[name] = value end
  end
  return inside
end

--- Writes what a page shows of a heat map.
---@param heat fovea.Heatmap
---@param given? fovea.Tensor ground truth at the image's resolution; default: that of the heat map
---@return fovea.View? view nil for a volume, or with a message when a file could not be written
---@return string? message
function Writer:view(heat, given)
  if #heat.raw:shape() ~= 2 then return nil end
  local truth = truth_of(heat, given)
  local common, scores = common_of(self, heat, truth)
  if not common then return nil, scores end
  local target = heat:image_mask():ne(0)
  local own, message = put_all(self, { map = not NO_MAP[heat.status] and M.channels(heat.raw) or nil,
    target = flat(target * 255, "nearest") })
  if not own then return nil, message end
  return { size = { table.unpack(heat:size()) }, place = M.place(heat), inside = inside_of(heat, truth),
    share = { target = target:mean(), truth = truth and truth:mean() or nil }, map = own.map, target = own.target,
    image = common.image, prediction = common.prediction, truth = common.truth, scores = scores or nil }
end

return M
