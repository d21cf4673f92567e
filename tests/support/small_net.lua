-- A small architecture for specs of weights, as a user would write it.
local M = {}

M.name = "small_net"
M.options = { { name = "width", default = 4, doc = "channels" } }
M.preprocess = { channels = 1, scale = 1 }
M.maps = {
  other = function(name) return (name:gsub("^block_", "block."):gsub("^out%.", "head.")) end,
}

function M.input() return { 1, 1, false, false } end

function M.build(nn, x, options)
  local y = nn:scope("block"):unit("", x, options.width)
  return nn:conv("head", y, 1, { kernel = 1 })
end

return M
