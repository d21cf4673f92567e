--- What a run needs to go on: weights, moments of the optimiser, counters and history, in one file that is replaced as
--- a whole, so that it is always that of one moment.
local json = require "fovea.json"
local safetensors = require "fovea.safetensors"

local M = {}

local FORMAT = "1" -- of the file

local WEIGHT, SLOT = "weight/", "slot/"

local function tensors_of(trainer)
  local tensors = {}
  for _, entry in ipairs(trainer.model.parameters) do
    tensors[WEIGHT .. entry.name] = trainer.model.weights[entry.name]
    for slot, tensor in pairs(trainer.slots[entry.name] or {}) do
      tensors[("%s%s/%s"):format(SLOT, slot, entry.name)] = tensor
    end
  end
  return tensors
end

--- Writes the state of a run.
---@param path string
---@param trainer fovea.Trainer
---@param state table plain values: counters, history, configuration
---@return true? done
---@return string? message
---@return string? code
function M.save(path, trainer, state)
  state.steps = trainer.steps
  return safetensors.write(path, tensors_of(trainer),
    { metadata = { ["fovea.train"] = json.encode(state), ["fovea.train.format"] = FORMAT } })
end

local function open(path)
  local reader, message, code = safetensors.open(path)
  if not reader then return nil, message, code end
  local metadata = reader:metadata()
  if metadata["fovea.train.format"] ~= FORMAT then
    return nil, ("%s: not the state of a training run of this version"):format(path), "format"
  end
  local state, why = json.decode(metadata["fovea.train"] or "")
  if type(state) ~= "table" then return nil, ("%s: %s"):format(path, why or "no state"), "format" end
  return reader, state
end

--- The plain values of a state; nil without a message when there is none.
---@param path string
---@return table? state
---@return string? message
---@return string? code
function M.peek(path)
  if not require("lfs").attributes(path, "mode") then return nil end
  local reader, state, code = open(path)
  if not reader then return nil, state, code end
  reader:close()
  return state
end

--- Puts a state into a trainer.
---@param path string
---@param trainer fovea.Trainer
---@return table? state
---@return string? message
---@return string? code
function M.load(path, trainer)
  local reader <close>, state, code = open(path)
  if not reader then return nil, state, code end
  local slots = {}
  for _, name in ipairs(reader:names()) do
    local tensor, message, kind = reader:read(name)
    if not tensor then return nil, message, kind end
    local weight, slot, owner = name:match("^" .. WEIGHT .. "(.+)$"), name:match("^" .. SLOT .. "([^/]+)/(.+)$")
    local own = trainer.model.weights[weight or owner]
    if not own or own:count() ~= tensor:count() then
      return nil, ("%s: '%s' does not fit the network"):format(path, name), "mismatch"
    end
    if weight then
      own:assign(tensor:reshape(own:shape()))
    else
      slots[owner] = slots[owner] or {}
      slots[owner][slot] = tensor:reshape(own:shape())
    end
  end
  trainer.slots, trainer.steps = slots, state.steps
  trainer.model:refresh()
  return state
end

return M
