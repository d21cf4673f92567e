--- Tables as plain text with aligned columns, and as Markdown.
local M = {}

local function width_of(text) return utf8.len(text) or #text end

local function padded(text, width, right)
  local space = (" "):rep(width - width_of(text))
  return right and space .. text or text .. space
end

local function widths_of(columns, rows)
  local widths, numeric = {}, {}
  for i, column in ipairs(columns) do
    widths[i], numeric[i] = width_of(column), #rows > 0
    for _, row in ipairs(rows) do
      widths[i] = math.max(widths[i], width_of(row[i]))
      numeric[i] = numeric[i] and row[i]:find "^[-%d]" ~= nil
    end
  end
  return widths, numeric
end

local function line_of(cells, widths, numeric, between)
  local parts = {}
  for i, cell in ipairs(cells) do parts[i] = padded(cell, widths[i], numeric[i]) end
  return table.concat(parts, between)
end

--- Aligned text; columns of numbers to the right.
---@param columns string[]
---@param rows string[][]
---@return string
function M.plain(columns, rows)
  local widths, numeric = widths_of(columns, rows)
  local lines = { line_of(columns, widths, numeric, "  ") }
  for _, row in ipairs(rows) do lines[#lines + 1] = line_of(row, widths, numeric, "  ") end
  for i, line in ipairs(lines) do lines[i] = line:gsub("%s+$", "") end
  return table.concat(lines, "\n") .. "\n"
end

local function escaped(cells)
  local safe = {}
  for i, cell in ipairs(cells) do safe[i] = cell:gsub("|", "\\|"):gsub("%*", "\\*"):gsub("\n", " ") end
  return safe
end

--- A Markdown table.
---@param columns string[]
---@param rows string[][]
---@return string
function M.markdown(columns, rows)
  local safe, marks = {}, {}
  for i, row in ipairs(rows) do safe[i] = escaped(row) end
  local head = escaped(columns)
  local widths, numeric = widths_of(head, safe)
  for i, width in ipairs(widths) do
    widths[i] = math.max(3, width)
    marks[i] = numeric[i] and ("-"):rep(widths[i] - 1) .. ":" or ("-"):rep(widths[i])
  end
  local lines = { line_of(head, widths, numeric, " | "), table.concat(marks, " | ") }
  for _, row in ipairs(safe) do lines[#lines + 1] = line_of(row, widths, numeric, " | ") end
  return ("| %s |\n"):format(table.concat(lines, " |\n| "))
end

return M
