--- The chest films of JSRT: 2048 x 2048 numbers of 12 bits, two bytes each, the high one first, without a header. Large
--- numbers are dark films; as an image they are turned, so that bones are light and lungs dark.
local core = require "fovea.core"

local M = {}

local SIDE, WHITE = 2048, 4095

--- Whether a path has the suffix of these films.
---@param path string
---@return boolean
function M.is_film(path) return path:find "%.IMG$" ~= nil end

--- Reads a film.
---@param path string
---@return fovea.Tensor? tensor 1 x 2048 x 2048
---@return table|string info
---@return string? code
function M.read(path)
  local bytes, message, code = core.file.read(path)
  if not bytes then return nil, message, code end
  if #bytes ~= 2 * SIDE * SIDE then
    return nil, ("%s: not a film of JSRT (%d bytes, not %d)"):format(path, #bytes, 2 * SIDE * SIDE), "format"
  end
  -- With a header in front it is a PGM file.
  local tensor, info, reason = core.image_file.decode(("P5\n%d %d\n%d\n"):format(SIDE, SIDE, WHITE) .. bytes)
  if not tensor then return nil, ("%s: not a film of JSRT (%s)"):format(path, info), reason end
  return WHITE - tensor, info
end

return M
