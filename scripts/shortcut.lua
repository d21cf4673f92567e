-- Which heat maps show a shortcut? Prints a Markdown table for two networks of one architecture.
-- usage: bin/fovea scripts/shortcut.lua WITH.safetensors WITHOUT.safetensors PHANTOM [COUNT [LAYER,LAYER... [focus]]]
local fovea = require "fovea"
local shortcut = require "fovea.shortcut"
local text = require "fovea.report.text"

if #arg < 3 then
  io.stderr:write "usage: bin/fovea scripts/shortcut.lua WITH WITHOUT PHANTOM [COUNT [LAYER,... [focus]]]\n"
  os.exit(2)
end

local layers
for layer in (arg[5] or ""):gmatch "[^,]+" do
  layers = layers or {}
  layers[#layers + 1] = layer
end
local rows, use = shortcut.compare { with = assert(fovea.load(arg[1])), without = assert(fovea.load(arg[2])),
  phantom = arg[3], count = math.tointeger(tonumber(arg[4])), layers = layers,
  focus = arg[6] == "focus" }

local function number(value) return ("%.3f"):format(value) end

print "Part of the target that is found, by where the marker lies:\n"
local found = {}
for _, which in ipairs { "with", "without" } do
  found[#found + 1] = { "trained " .. which, number(use[which].target), number(use[which].none),
    number(use[which].other) }
end
print(text.markdown({ "network", "next to it", "nowhere", "next to the other" }, found))

print(("Relevance on the marker, mean of %d pictures:\n"):format(rows[1].n))
local lines = {}
for i, row in ipairs(rows) do
  lines[i] = { row.layer, row.method, number(row.with), number(row.without), number(row.chance),
    ("%.2g"):format(row.p) }
end
print(text.markdown({ "layer", "method", "trained with", "without", "uniform map", "p (one-sided)" }, lines))
