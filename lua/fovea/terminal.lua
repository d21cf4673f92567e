--- Pictures in the terminal. What is drawn follows from the terminal and the environment: graphics where the terminal
--- has them (kitty, iTerm2, sixel), half blocks in colour elsewhere, nothing where output is no terminal or TERM=dumb.
local core = require "fovea.core"
local lookup = require "fovea.lookup"

local M = {}

--- Values of FOVEA_PICTURES, which overrides what is found out.
M.PROTOCOLS = { "kitty", "iterm2", "sixel", "symbols", "none" }

local NO_LIBRARY = "no pictures: fovea was built without libchafa (install libchafa-dev and libglib2.0-dev, then make)"

--- Columns and rows of text; nil when standard output is no terminal.
---@return integer? columns
---@return integer? rows
function M.size()
  local columns, rows = core.terminal.size()
  return columns, rows
end

--- A text without lines wider than the terminal: long ones go on in the next, as far in as they began or, in two
--- columns, below the second.
---@param text string
---@param columns integer? nil: as it is
---@return string
function M.wrapped(text, columns)
  if not columns then return text end
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local indent, second = line:match "^%s*", line:match "^%s*%S.-%s%s+()%S"
    if second and second <= columns * 2 // 3 then indent = (" "):rep(second - 1) end
    while (utf8.len(line) or #line) > columns do
      local limit = utf8.offset(line, columns + 1) or columns + 1
      local cut
      for at in line:sub(1, limit):gmatch "()%s" do
        if at > #indent + 1 then cut = at end
      end
      if not cut then break end
      lines[#lines + 1] = line:sub(1, cut - 1):match "^(.-)%s*$"
      line = indent .. line:sub(cut):gsub("^%s+", "")
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

--- How many colours symbols may have.
local function colours_of(getenv, found)
  if (getenv "NO_COLOR" or "") ~= "" then return "none" end
  local named = getenv "COLORTERM"
  if named == "truecolor" or named == "24bit" or (getenv "TMUX" or "") ~= "" then return "true" end
  return found
end

local function is_utf8(getenv)
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = getenv(name)
    if value and value ~= "" then return value:lower():find "utf%-?8" ~= nil end
  end
  return false
end

--- Decides how pictures are drawn.
---@param getenv fun(name: string): string? the environment
---@param protocol string what the terminal seems to have: "kitty", "iterm2", "sixel" or "symbols"
---@param colours string "true", "256", "16"
---@return string? protocol nil: no pictures here
---@return string colours of symbols, or the reason why there are none
function M.choose(getenv, protocol, colours)
  local wish, term = getenv "FOVEA_PICTURES" or "", getenv "TERM" or ""
  if wish ~= "" and lookup.nearest(wish, M.PROTOCOLS) ~= wish then
    return nil, lookup.unknown("FOVEA_PICTURES: no protocol", wish, M.PROTOCOLS)
  end
  if wish == "none" then return nil, "FOVEA_PICTURES is none" end
  if term == "" or term == "dumb" then return nil, "the terminal is dumb (TERM)" end
  local inside = (getenv "TMUX" or "") ~= "" or (getenv "STY" or "") ~= "" or term:find "^screen" or term:find "^tmux"
  local plain = (getenv "NO_COLOR" or "") ~= ""
  if wish ~= "" then protocol = wish elseif inside or plain then protocol = "symbols" end
  if protocol == "symbols" and not is_utf8(getenv) then return nil, "the locale is not UTF-8" end
  return protocol, colours_of(getenv, colours)
end

--- What can be drawn on standard output.
---@return string? protocol nil: nothing, the second value says why
---@return string colours
function M.capabilities()
  if not core.isatty(1) then return nil, "standard output is no terminal" end
  local protocol, colours = core.terminal.detect()
  if not protocol then return nil, NO_LIBRARY end
  return M.choose(os.getenv, protocol, colours)
end

--- The text that draws a picture.
---@param picture fovea.Tensor 3 x H x W, 0..255
---@param options { columns: integer, rows: integer, protocol: string, colours: string? } columns, rows: at most
---@return string? text without a newline at the end
---@return string? message
---@return string? code
function M.text(picture, options)
  return core.terminal.picture(picture, options)
end

--- Draws on standard output, if it can show pictures.
---@param picture fovea.Tensor 3 x H x W, 0..255
---@param options? { columns: integer?, rows: integer? } the most it may take; default: the terminal without three rows
---@return boolean drawn
---@return string? reason why not
function M.draw(picture, options)
  options = options or {}
  local protocol, colours = M.capabilities()
  if not protocol then return false, colours end
  local columns, rows, cell_width, cell_height = core.terminal.size()
  columns, rows = columns or 80, rows or 24
  local text, message = M.text(picture, {
    columns = math.min(columns, options.columns or columns),
    rows = math.max(1, math.min(rows - 3, options.rows or rows)),
    protocol = protocol, colours = colours, cell_width = cell_width, cell_height = cell_height })
  if not text then return false, message end
  io.stdout:write(text, "\n")
  io.stdout:flush()
  return true
end

return M
