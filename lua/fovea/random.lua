--- Seeded random numbers for composition in Lua: a stream is named by a seed and a word, its numbers do not depend on
--- what other streams have drawn. The bits are those of src/base/random.h; only integer and plain arithmetic.
local M = {}

local STEP = 0x9E3779B97F4A7C15

--- The finaliser of SplitMix64.
local function mix(z)
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

---@class fovea.Random
---@field key integer
---@field index integer numbers drawn so far
local Random = {}
Random.__index = Random

--- A stream of random numbers.
---@param seed integer
---@param name? string streams with different names are independent
---@return fovea.Random
function M.new(seed, name)
  local stream = 0
  for _, byte in ipairs { (name or ""):byte(1, -1) } do stream = mix(stream ~ byte) + STEP end
  return setmetatable({ key = mix(mix(seed + STEP) ~ (stream + STEP)), index = 0 }, Random)
end

--- 64 random bits, as an integer: a seed for something else.
---@return integer
function Random:bits()
  self.index = self.index + 1
  return mix(self.key + self.index * STEP)
end

--- Uniform in low..high (0..1 by default), without the upper end.
---@param low? number
---@param high? number
---@return number
function Random:uniform(low, high)
  local u = (self:bits() >> 11) * 0x1p-53
  return low and low + (high - low) * u or u
end

--- Close to a normal deviate, within 3.47 deviations: the sum of four uniform numbers.
---@param mean? number
---@param deviation? number
---@return number
function Random:normal(mean, deviation)
  local bits, sum = self:bits(), -2 * 65535
  for i = 0, 3 do sum = sum + ((bits >> (16 * i)) & 0xFFFF) end
  return (mean or 0) + (deviation or 1) * sum * (1.7320508075688772 / 65536)
end

--- True with a probability.
---@param probability number
---@return boolean
function Random:chance(probability) return self:uniform() < probability end

--- An integer of low..high, both included.
---@param low integer
---@param high integer
---@return integer
function Random:integer(low, high) return low + math.floor(self:uniform() * (high - low + 1)) end

--- One of a list.
---@generic T
---@param list T[]
---@return T
function Random:pick(list) return list[self:integer(1, #list)] end

return M
