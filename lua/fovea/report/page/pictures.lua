--- The pictures of a page: each is embedded once and used wherever it is shown. What cannot be read gives a reason
--- instead of a picture.
local base64 = require "fovea.report.base64"
local core = require "fovea.core"
local markup = require "fovea.report.markup"
local outline = require "fovea.report.outline"
local shrink = require "fovea.report.shrink"

local M = {}

local MOST_PIXELS = 1 << 25 -- of a picture in a folder that may come from anywhere
local LONGEST = 512 -- of a picture that is embedded

---@class fovea.PagePictures
local Pictures = {}
Pictures.__index = Pictures

--- An empty collection.
---@return fovea.PagePictures
function M.new() return setmetatable({ files = {}, ids = {}, items = {} }, Pictures) end

--- Whether a name stays inside of its folder.
local function is_inside(name)
  if name:find("^/") or name:find("%z") then return false end
  for part in name:gmatch "[^/]+" do
    if part == ".." then return false end
  end
  return true
end

local function read(folder, name)
  if not is_inside(name) then return { reason = "the picture is outside of the folder" } end
  local bytes, message = core.file.read(("%s/%s"):format(folder, name))
  if not bytes then return { reason = message } end
  local pixels, problem = core.image_file.decode(bytes, { max_pixels = MOST_PIXELS })
  if not pixels then return { reason = ("%s: %s"):format(name, problem) } end
  local shape = pixels:shape()
  if bytes:sub(2, 4) ~= "PNG" or math.max(shape[2], shape[3]) > LONGEST then
    pixels = shrink.within(pixels, LONGEST)
    bytes = core.image_file.encode(pixels)
  end
  return { pixels = pixels, bytes = bytes }
end

local function file_of(self, folder, name)
  local key = folder .. "\n" .. name
  self.files[key] = self.files[key] or read(folder, name)
  return self.files[key]
end

--- Remembers an element under a new id, unless the same is there already.
local function keep(self, key, make)
  if self.ids[key] then return self.ids[key] end
  local id = ("x%d"):format(#self.items + 1)
  self.items[#self.items + 1], self.ids[key] = make(id), id
  return id
end

--- Embeds a picture that fills a box of the page's drawing.
---@param folder string
---@param name? string
---@param box number[] x, y, width, height
---@return string? id
---@return string? reason
function Pictures:image(folder, name, box)
  if not name then return nil, "no picture" end
  local file = file_of(self, folder, name)
  if file.reason then return nil, file.reason end
  local key = ("%s %g %g %g %g"):format(core.file.hash_text(file.bytes), table.unpack(box))
  return keep(self, key, function(id)
    return markup.element("image", { id = id, x = ("%g"):format(box[1]), y = ("%g"):format(box[2]),
      width = ("%g"):format(box[3]), height = ("%g"):format(box[4]), preserveAspectRatio = "none",
      href = base64.picture(file.bytes) })
  end)
end

--- Embeds the outline of what is bright in a picture of the whole image.
---@param folder string
---@param name? string
---@param size integer[] height, width of the image
---@return string? id
---@return string? reason
function Pictures:outline(folder, name, size)
  if not name then return nil, "no picture" end
  local file = file_of(self, folder, name)
  if file.reason then return nil, file.reason end
  local shape = file.pixels:shape()
  local key = ("outline %s %d %d"):format(core.file.hash_text(file.bytes), size[1], size[2])
  return keep(self, key, function(id)
    local scale = ("scale(%g %g)"):format(size[2] / shape[3], size[1] / shape[2])
    return markup.element("path", { id = id, transform = scale, ["vector-effect"] = "non-scaling-stroke",
      d = outline.path(file.pixels:select(1, 1):gt(127.5)) })
  end)
end

--- Everything that was embedded, for the page.
---@return fovea.Markup
function Pictures:definitions()
  return markup.element("svg", { class = "hidden", width = 0, height = 0, ["aria-hidden"] = "true",
    focusable = "false" }, markup.element("defs", nil, self.items))
end

return M
