--- Every network that ships with the project, small enough for tests, with channels enough for all ways of computing.
local fovea = require "fovea"

local M = {}

--- Architecture, options, shape of the input; one of each architecture, by name.
M.SMALL = {
  { "attention_unet", { width = 16 }, { 1, 3, 48, 64 } },
  { "bcdunet", { width = 16 }, { 1, 3, 32, 48 } },
  { "deeplabv3_resnet50", {}, { 1, 3, 64, 64 } },
  { "deepseg_gm", {}, { 1, 1, 48, 64 } },
  { "double_unet", { width = 16 }, { 1, 3, 64, 64 } },
  { "little_wnet", {}, { 1, 3, 64, 64 } },
  { "m2unet", {}, { 1, 3, 64, 64 } },
  { "mcgunet", { width = 16 }, { 1, 3, 32, 32 } },
  { "nnunet", { widths = { 16, 32, 64, 128 } }, { 1, 1, 64, 64 } },
  { "r2unet", { width = 16 }, { 1, 3, 48, 64 } },
  { "resunetpp", { widths = { 16, 32, 64, 64, 128 } }, { 1, 3, 64, 64 } },
  { "retina_unet", {}, { 1, 1, 48, 48 } },
  { "unet", { width = 16 }, { 1, 3, 48, 64 } },
  { "unetpp", { width = 16 }, { 1, 3, 48, 64 } },
}

--- The same in three dimensions, where there is one.
M.VOLUMES = { { "nnunet", { dimensions = 3, widths = { 16, 32, 64 } }, { 1, 1, 16, 32, 32 } } }

--- Both, in that order.
M.ALL = { table.unpack(M.SMALL) }
table.move(M.VOLUMES, 1, #M.VOLUMES, #M.ALL + 1, M.ALL)

--- Name of a network for a test: with its dimensions where it has a choice.
---@param network table an entry of the lists
---@return string
function M.title(network)
  local dimensions = network[2].dimensions
  return dimensions and ("%s in %d dimensions"):format(network[1], dimensions) or network[1]
end

-- What decides between two slopes, and something like it that does not.
local SMOOTH = {
  relu = function(self, name, x) return self.graph:elu { x, name = self:name(name) } end,
  leaky_relu = function(self, name, x) return self.graph:elu { x, name = self:name(name) } end,
  clip = function(self, name, x) return self.graph:tanh { x, name = self:name(name) } end,
  max_pool = function(self, name, x, options)
    return self.graph:avg_pool { x, kernel = options.kernel, stride = options.stride or options.kernel,
      pad = options.pad, name = self:name(name) }
  end,
}

--- Calls a function while networks are built without anything that decides: gradients are then as continuous as
--- values, and two ways of computing them can be compared.
---@param call fun()
function M.smoothly(call)
  local class, kept = getmetatable(fovea.nn.new(fovea.graph())).__index, {}
  for name, smooth in pairs(SMOOTH) do kept[name], class[name] = rawget(class, name), smooth end
  local done, problem = pcall(call)
  for name in pairs(SMOOTH) do class[name] = kept[name] end
  if not done then error(problem, 0) end
end

return M
