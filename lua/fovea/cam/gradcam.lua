--- M2, Grad-CAM of a masked sum: R = sum_k alpha_k A_k, alpha_k = spatial mean of G_k (1610.02391, 2002.11434).
local cam = require("fovea.core").cam

return {
  name = "gradcam",
  first_order = true,
  means = true,
  --- alpha, N x C x 1 x 1
  weights = function(gradient) return assert(cam.channel_weights(gradient)) end,
  map = function(activation, gradient)
    return assert(cam.combine_channels(activation, assert(cam.channel_weights(gradient))))
  end,
}
