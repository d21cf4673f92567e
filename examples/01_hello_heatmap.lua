-- A heat map in six lines. usage: fovea examples/01_hello_heatmap.lua [OUT.png]
package.path = "examples/?.lua;" .. package.path
local fovea = require "fovea"
local scene = require "scene"

local model, image = scene.model(), scene.image()
local heat = assert(fovea.explain(model, image))
print(heat)
assert(fovea.image.write(arg[1] or os.tmpname(), heat:panel()))
