--- Histogram rule of Zack, Rogers and Latt (1977): a line from the peak of the histogram to the end of its longer tail;
--- the threshold is the centre of the bin that lies farthest below the line. A constant map selects nothing (CONSTANT).
local histogram = require "fovea.strategy.histogram"

--- First and last bin that hold something, and the (first) fullest.
local function landmarks(counts)
  local first, last, peak = nil, nil, 1
  for i, w in ipairs(counts) do
    if w > 0 then first, last = first or i, i end
    if w > counts[peak] then peak = i end
  end
  return first, last, peak
end

local function threshold(bins)
  local counts = bins.counts
  local first, last, peak = landmarks(counts)
  local far = peak - first < last - peak and last or first
  local step, length = far > peak and 1 or -1, math.abs(far - peak)
  local best, at = -math.huge, far
  for i = length, 0, -1 do -- from the end of the tail
    local below = counts[peak] * (length - i) - length * counts[peak + step * i]
    if below > best then best, at = below, peak + step * i end
  end
  return bins.centres[at]
end

return {
  name = "triangle", id = "histogram rule", brief = true,
  doc = "above the corner of the histogram's longer tail (Zack)",
  parameters = { histogram.BINS },
  check = histogram.check,
  select = histogram.select(threshold),
}
