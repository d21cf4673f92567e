--- T5: entries above the threshold that separates two groups best, by the variance between them (Otsu 1979): over
--- equal bins of [min, max] with the means of bin centres, or exactly over the sorted values (`exact`). Of several
--- maxima the mean threshold is taken. A constant map selects nothing (CONSTANT).

local TIE = 1e-12 -- relative: criteria this close are one maximum

--- Threshold with the largest variance between the groups. groups: list of {weight, mean}, ascending;
--- threshold_after(i): the threshold between groups i and i + 1.
local function best_split(weights, means, threshold_after)
  local total, moment = 0, 0
  for i, w in ipairs(weights) do total, moment = total + w, moment + w * means[i] end
  local best, sum, count, below, below_moment = 0, 0, 0, 0, 0
  for i = 1, #weights - 1 do
    below, below_moment = below + weights[i], below_moment + weights[i] * means[i]
    local above = total - below
    if below > 0 and above > 0 then
      local gap = below_moment / below - (moment - below_moment) / above
      local criterion = below * above * gap * gap
      if criterion > best * (1 + TIE) then best, sum, count = criterion, 0, 0 end
      if criterion >= best * (1 - TIE) then sum, count = sum + threshold_after(i), count + 1 end
    end
  end
  return sum / count
end

local function binned(u, bins, low, high)
  local width, centres = (high - low) / bins, {}
  for i = 1, bins do centres[i] = low + (i - 0.5) * width end
  local counts = u:histogram { bins = bins, min = low, max = high }
  return best_split(counts:values(), centres, function(i) return low + i * width end)
end

local function exact(u)
  local weights, values, last = {}, {}, 0
  for _, v in ipairs(u:flatten():sort():values()) do
    if last > 0 and values[last] == v then
      weights[last] = weights[last] + 1
    else
      last = last + 1
      weights[last], values[last] = 1, v
    end
  end
  return best_split(weights, values, function(i) return (values[i] + values[i + 1]) / 2 end)
end

return {
  name = "otsu",
  brief = true, -- the text form leaves out the number of bins when it is the usual one
  parameters = { { name = "bins", default = 256 }, { name = "exact", default = false } },
  check = function(p)
    if p.bins < 2 or p.bins > 65536 or p.bins ~= math.floor(p.bins) then
      return ("bins must be a whole number in 2..65536, not %g"):format(p.bins)
    end
  end,
  select = function(u, p)
    local low, high = u:min(), u:max()
    if low == high then return u:gt(high), { flags = { "CONSTANT" } } end
    local value = p.exact and exact(u) or binned(u, p.bins, low, high)
    return u:gt(value), { value = value }
  end,
}
