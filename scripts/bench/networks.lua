-- The networks of the benchmark: architecture, input, and the five layers of the tasks, from the bottleneck (first) to
-- the last decoder block (last).
local function image(channels)
  return function(size) return { 1, channels, size, size } end
end

return {
  unet = { arch = "unet", options = {}, shape = image(3),
    layers = { "encoder.5.relu2", "decoder.1.relu2", "decoder.2.relu2", "decoder.3.relu2", "decoder.4.relu2" } },
  double_unet = { arch = "double_unet", options = {}, shape = image(3),
    layers = { "encoder1.5.relu4", "aspp1", "decoder1.4.se", "aspp2", "decoder2.4.se" } },
  r2unet = { arch = "r2unet", options = { t = 2 }, shape = image(3),
    layers = { "encoder.5", "decoder.1", "decoder.2", "decoder.3", "decoder.4" } },
  mcgunet = { arch = "mcgunet", options = {}, shape = image(3),
    layers = { "dense3.relu2", "decoder6.se", "decoder7.se", "lstm8", "decoder8.se" } },
  m2unet = { arch = "m2unet", options = {}, shape = image(3),
    layers = { "encoder.13.sum", "decoder.1.relu2", "decoder.1.bn3", "decoder.2.bn3", "decoder.3.bn3" } },
  nnunet = { arch = "nnunet", options = { deep_supervision = false }, shape = image(1),
    layers = { "encoder.6.leaky_relu2", "decoder.1.leaky_relu2", "decoder.2.leaky_relu2", "decoder.3.leaky_relu2",
      "decoder.5.leaky_relu2" } },
  -- a patch of a quarter of the image size along each axis
  nnunet3d = { arch = "nnunet", options = { dimensions = 3, deep_supervision = false },
    shape = function(size) return { 1, 1, size // 4, size // 4, size // 4 } end,
    layers = { "encoder.6.leaky_relu2", "decoder.1.leaky_relu2", "decoder.2.leaky_relu2", "decoder.3.leaky_relu2",
      "decoder.5.leaky_relu2" } },
}
