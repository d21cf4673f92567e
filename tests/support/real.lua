--- Real models, images and reference results beside the checkout (../shared/real, or $FOVEA_REAL_DIR). Specs that need
--- them are skipped visibly where they are absent.
local M = {}

local lfs = require "lfs"

local function folder()
  for _, path in ipairs { os.getenv "FOVEA_REAL_DIR" or "", "../shared/real" } do
    if path ~= "" and lfs.attributes(path, "mode") == "directory" then return path end
  end
end

--- Path of a file there, or nil.
function M.path(name)
  local root = folder()
  local path = root and root .. "/" .. name
  return path and lfs.attributes(path, "mode") and path or nil
end

--- Path of a file there; without it the calling test is skipped.
function M.need(name)
  local path = M.path(name)
  if not path then require "support.skip" (name .. " is not there (FOVEA_REAL_DIR)") end
  return path
end

return M
