--- The table that print(model) shows: layers with name, kind, output shape and parameters, and the totals.
local M = {}

--- 1234567 as "1.23 M".
local function short(n)
  for _, unit in ipairs { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } } do
    if n >= unit[1] then return ("%.2f %s"):format(n / unit[1], unit[2]) end
  end
  return ("%d"):format(n)
end
M.short = short

--- 1234567 as "1,234,567".
local function grouped(n)
  local text = ("%d"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end
M.grouped = grouped

--- Columns padded to their widest entry; numbers (a leading digit, right column) to the right.
---@param rows string[][]
---@param right table<integer, boolean> columns aligned at the right
---@return string
function M.columns(rows, right)
  local width = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do width[i] = math.max(width[i] or 0, utf8.len(cell) or #cell) end
  end
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for k, cell in ipairs(row) do
      local space = (" "):rep(width[k] - (utf8.len(cell) or #cell))
      cells[k] = right[k] and space .. cell or cell .. space
    end
    lines[i] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

--- The whole table as text.
---@param model fovea.Model
---@param layers fovea.Layer[] those to list
---@return string
function M.text(model, layers)
  local parameters, macs = model:size()
  local rows = { { "layer", "kind", "output", "parameters", "MACs" } }
  for _, layer in ipairs(layers) do
    rows[#rows + 1] = { layer.name, layer.kind, table.concat(layer.shape, "x"),
      layer.parameters > 0 and grouped(layer.parameters) or "-", layer.macs > 0 and short(layer.macs) or "-" }
  end
  return ("%s: %d layers, %s parameters, %s MACs at %s\n%s"):format(model.name, #model:layers(), grouped(parameters),
    short(macs), table.concat(model:default_shape(), "x"), M.columns(rows, { [4] = true, [5] = true }))
end

return M
