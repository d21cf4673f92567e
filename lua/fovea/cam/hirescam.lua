--- M3, HiResCAM: R_j = sum_k G_kj A_kj (2011.08891, 2409.20287). Its sum is the inner product of G and A.
local cam = require("fovea.core").cam

return {
  name = "hirescam",
  first_order = true,
  map = function(activation, gradient) return assert(cam.combine_elements(activation, gradient)) end,
}
