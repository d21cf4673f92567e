-- Files that a spec makes: a fresh folder per spec file, bytes in and out, and what is left in the folder.
local lfs = require "lfs"

local Scratch = {}
Scratch.__index = Scratch

--- A new empty folder; `:remove()` it in a teardown.
---@return table
local function new()
  local path = os.tmpname()
  assert(os.remove(path))
  assert(lfs.mkdir(path))
  return setmetatable({ folder = path }, Scratch)
end

--- Path of a name in the folder.
function Scratch:path(name)
  return self.folder .. "/" .. name
end

--- Writes bytes to a file of the folder and returns its path.
function Scratch:write(name, bytes)
  local path = self:path(name)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
  return path
end

--- The bytes of a file of the folder.
function Scratch:read(name)
  local file = assert(io.open(self:path(name), "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

--- Sorted names in the folder.
function Scratch:names()
  local names = {}
  for name in lfs.dir(self.folder) do
    if name ~= "." and name ~= ".." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

function Scratch:remove()
  for _, name in ipairs(self:names()) do
    local path = self:path(name)
    if lfs.symlinkattributes(path, "mode") == "directory" then lfs.rmdir(path) else os.remove(path) end
  end
  lfs.rmdir(self.folder)
end

return { new = new }
