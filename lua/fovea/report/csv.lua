--- CSV as RFC 4180 has it: commas, quotes doubled; lines end with "\n".
local M = {}

--- A number as text that reads back the same to ten digits, whole numbers without a point.
---@param value any numbers, texts, booleans, nil (empty)
---@return string
function M.text(value)
  if value == nil then return "" end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if type(value) ~= "number" then return tostring(value) end
  if value ~= value then return "NaN" end
  if value == math.huge then return "Inf" end
  if value == -math.huge then return "-Inf" end
  return ("%.10g"):format(value)
end

local function quoted(text)
  if not text:find '[",\r\n]' then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

--- The text of a table.
---@param columns string[]
---@param rows table[] values by column name
---@return string
function M.encode(columns, rows)
  local lines, cells = {}, {}
  for i, column in ipairs(columns) do cells[i] = quoted(column) end
  lines[1] = table.concat(cells, ",")
  for r, row in ipairs(rows) do
    for i, column in ipairs(columns) do cells[i] = quoted(M.text(row[column])) end
    lines[r + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

--- One field from a position: its text and the position after it; nil when a quote stays open.
local function field(text, at, separator)
  if text:sub(at, at) ~= '"' then return text:match("^([^" .. separator .. "\r\n]*)()", at) end
  local parts, from = {}, at + 1
  while true do
    local quote = text:find('"', from, true)
    if not quote then return nil end
    parts[#parts + 1] = text:sub(from, quote - 1)
    if text:sub(quote + 1, quote + 1) ~= '"' then return table.concat(parts), quote + 1 end
    parts[#parts + 1] = '"'
    from = quote + 2
  end
end

local function separator_of(text)
  return text:match "^[^\r\n]*;" and not text:match "^[^\r\n]*," and ";" or ","
end

--- Fields line by line; nil and a message when a quote stays open or is followed by text.
local function lines_of(text, separator)
  local lines, at, number = {}, 1, 1
  while at <= #text do
    local line = { number = number }
    repeat
      local value, stop = field(text, at, separator)
      if not value or not text:find("^[" .. separator .. "\r\n]", stop) and stop <= #text then
        return nil, ("line %d: a quote is not closed"):format(number)
      end
      number = number + select(2, value:gsub("\n", ""))
      line[#line + 1] = value
      at = stop + 1
    until text:sub(stop, stop) ~= separator
    if text:sub(at - 1, at) == "\r\n" then at = at + 1 end
    number = number + 1
    if #line > 1 or line[1] ~= "" then lines[#lines + 1] = line end
  end
  return lines
end

--- The rows of a CSV text with a header line; separated by commas, or by semicolons where the header has only those.
---@param text string
---@return table[]? rows values by column name, and `line`: number of the line
---@return string|string[] columns or a message
function M.decode(text)
  text = text:gsub("^\xEF\xBB\xBF", "")
  local lines, message = lines_of(text, separator_of(text))
  if not lines then return nil, message end
  if #lines == 0 then return nil, "no header line" end
  local columns, rows = { table.unpack(lines[1]) }, {}
  for i = 2, #lines do
    if #lines[i] ~= #columns then
      return nil, ("line %d: %d fields, the header has %d"):format(lines[i].number, #lines[i], #columns)
    end
    local row = { line = lines[i].number }
    for c, column in ipairs(columns) do row[column] = lines[i][c] end
    rows[#rows + 1] = row
  end
  return rows, columns
end

return M
