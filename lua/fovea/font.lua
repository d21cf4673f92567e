--- A small stroke font for the labels of pictures, drawn smoothly at any size. Printable ASCII; anything else is a box.
local picture = require("fovea.core").picture

local M = {}

-- Strokes of a glyph, separated by spaces: points as pairs of base-36 digits, x to the right, y down. Capitals reach
-- from 0 to c (12), small letters begin at 4, descenders end at g (16). "~" rounds the corners of a stroke; a point
-- written twice is a dot.
local GLYPHS = {
  ["!"] = "0008 0c0c", ['"'] = "0003 3033", ["#"] = "301c 705c 0484 0888", ["$"] = "~82800006868c0c0a 404c",
  ["%"] = "800c ~020030340402 ~5a58888c5c5a", ["&"] = "~8c13105053080c6c88", ["'"] = "0003", ["("] = "~3003093c",
  [")"] = "~0033390c", ["*"] = "3238 0367 0763", ["+"] = "0868 353b", [","] = "1b1c0e", ["-"] = "0757", ["."] = "0c0c",
  ["/"] = "0d60", [":"] = "0505 0c0c", [";"] = "1515 1b1c0e", ["<"] = "62076c", ["="] = "0666 0a6a", [">"] = "02670c",
  ["?"] = "~0200707537 3738 3c3c", ["@"] = "~585a8a80000c8c ~5754242a5a57", ["["] = "30000c3c", ["\\"] = "006d",
  ["]"] = "00303c0c", ["^"] = "033063", ["_"] = "0e7e", ["`"] = "0022", ["{"] = "~30101606 ~06161c3c", ["|"] = "000e",
  ["}"] = "~00202636 ~36262c0c", ["~"] = "~0705386866",
  ["0"] = "~0600707c0c06", ["1"] = "03303c", ["2"] = "~0200707548 480c7c", ["3"] = "~020070763626 ~26767c0c0a",
  ["4"] = "6c600989", ["5"] = "600006 ~0604747c0c0a", ["6"] = "~71700008 ~0805757c0c08", ["7"] = "00702c",
  ["8"] = "~131060661613 ~0906767c0c09", ["9"] = "~747707007074 ~747c0c0b",
  A = "0c408c 2868", B = "000c ~00707606 ~06868c0c", C = "~8380000c8c89", D = "000c ~00808c0c", E = "70000c7c 0666",
  F = "70000c 0666", G = "~8380000c8c87 8757", H = "000c 808c 0686", I = "000c", J = "~606c0c09", K = "000c 8007 348c",
  L = "000c7c", M = "0c0049808c", N = "0c008c80", O = "~40000c8c8040", P = "0c00 ~00808707", Q = "~40000c8c8040 598d",
  R = "0c00 ~00808707 478c", S = "~82800006868c0c0a", T = "0080 404c", U = "~000c8c80", V = "004c80",
  W = "002c446c80", X = "008c 800c", Y = "004680 464c", Z = "00800c8c",
  a = "747c ~7674040c7c7a", b = "000c ~0604747c0c0a", c = "~6664040c6c6a", d = "707c ~7674040c7c7a",
  e = "0878 ~7874040c6c7a", f = "~502024 242c 0454", g = "~747g1g0f ~7674040c7c7a", h = "000c ~0704747878 777c",
  i = "040c 0101", j = "~343g0g 3131", k = "000c 6409 376c", l = "~000c3c",
  m = "040c ~0704444848 474c ~4744848888 878c",
  n = "040c ~0704747878 777c", o = "~080c7c740408", p = "040g ~0604747c0c0a", q = "747g ~7674040c7c7a",
  r = "040c ~080454", s = "~65640408686c0c0b", t = "~202c5c 0454", u = "~040c7c79 747c", v = "043c64",
  w = "042c456c84", x = "046c 640c", y = "043c 641g", z = "04640c6c",
}
local BOX = "00707c0c00"
local SPACE = 5                     -- width of a blank
local GAP = 3.6                     -- between glyphs
local HEIGHT = 12                   -- of a capital
local WEIGHT = 0.78                 -- radius of the pen

-- Cuts the corners of an open line twice (Chaikin); its ends stay.
local function rounded(points)
  for _ = 1, 2 do
    local cut = { points[1] }
    for i = 1, #points - 1 do
      local a, b = points[i], points[i + 1]
      cut[#cut + 1] = { 0.75 * a[1] + 0.25 * b[1], 0.75 * a[2] + 0.25 * b[2] }
      cut[#cut + 1] = { 0.25 * a[1] + 0.75 * b[1], 0.25 * a[2] + 0.75 * b[2] }
    end
    cut[#cut + 1] = points[#points]
    points = cut
  end
  return points
end

local function stroke_points(stroke)
  local points = {}
  for x, y in stroke:gmatch "(%w)(%w)" do points[#points + 1] = { tonumber(x, 36), tonumber(y, 36) } end
  return stroke:sub(1, 1) == "~" and rounded(points) or points
end

local cache = {}

-- Line segments x0, y0, x1, y1, ... of a character, and its width, in font units.
local function glyph(character)
  if cache[character] then return cache[character] end
  local segments, width = {}, character == " " and SPACE or 0
  local strokes = character == " " and "" or GLYPHS[character] or BOX
  for stroke in strokes:gmatch "%S+" do
    local points = stroke_points(stroke)
    for i, p in ipairs(points) do
      width = math.max(width, p[1])
      local q = points[i + 1]
      if q then table.move({ p[1], p[2], q[1], q[2] }, 1, 4, #segments + 1, segments) end
    end
  end
  cache[character] = { segments = segments, width = width }
  return cache[character]
end

local function characters(text) return text:gmatch "[%z\1-\127\194-\244][\128-\191]*" end

--- Width of a text in pixels.
---@param text string
---@param height number of a capital letter, in pixels
---@return number
function M.width(text, height)
  local width = 0
  for character in characters(text) do width = width + glyph(character).width + GAP end
  return math.max(0, width - GAP + 2 * WEIGHT) * height / HEIGHT
end

--- The text, cut at its end with two dots so that it is no wider than allowed.
---@param text string
---@param height number
---@param allowed number pixels
---@return string
function M.fit(text, height, allowed)
  if M.width(text, height) <= allowed then return text end
  while #text > 0 and M.width(text .. "..", height) > allowed do text = text:gsub("[^\128-\191][\128-\191]*$", "") end
  return #text > 0 and text .. ".." or ""
end

--- Draws a text into a picture.
---@param canvas fovea.Tensor 3 x H x W, changed
---@param text string
---@param options { left: number, top: number, height: number, colour: number[]? } in pixels; height of a capital,
---  top of the capitals
function M.draw(canvas, text, options)
  local scale = options.height / HEIGHT
  local x, colour = options.left + WEIGHT * scale, options.colour or { 0, 0, 0 }
  for character in characters(text) do
    local shape, placed = glyph(character), {}
    for i, v in ipairs(shape.segments) do placed[i] = v * scale + (i % 2 == 1 and x or options.top) end
    picture.strokes(canvas, placed, WEIGHT * scale, colour)
    x = x + (shape.width + GAP) * scale
  end
end

return M
