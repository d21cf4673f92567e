--- Every network that ships with the project, small enough for tests, with channels enough for all ways of computing.
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

return M
