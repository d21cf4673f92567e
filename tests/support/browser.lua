-- A headless browser, when there is one: what a page looks like and what its script does.
local command = require "support.command"

local M = {}

local NAMES = { "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome" }

--- Path of a browser; nil when there is none.
---@return string?
function M.find()
  for _, name in ipairs(NAMES) do
    local pipe = io.popen(("command -v %s 2>/dev/null"):format(name))
    local path = pipe:read "l"
    pipe:close()
    if path and path ~= "" then return path end
  end
end

local function run(page, words)
  local profile = os.tmpname()
  os.remove(profile)
  local line = ("%s --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir=%s %s %s 2>/dev/null")
    :format(M.find(), profile, words, command.quote("file://" .. page))
  local pipe = assert(io.popen(line))
  local said = pipe:read "a"
  pipe:close()
  os.execute("rm -rf " .. command.quote(profile))
  return said
end

--- The document after its scripts have run, as text.
---@param page string path
---@return string
function M.document(page) return run(page, "--virtual-time-budget=3000 --dump-dom") end

--- A picture of the page.
---@param page string path
---@param picture string path
---@param width integer
---@param height integer
function M.picture(page, picture, width, height)
  run(page, ("--window-size=%d,%d --virtual-time-budget=3000 --screenshot=%s"):format(width, height,
    command.quote(picture)))
end

return M
