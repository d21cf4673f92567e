--- T4: the k largest entries, exactly k of them: by value, then by position. TIES when equal entries lie on both sides
--- of the cut.
return {
  name = "top_k", id = "T4", doc = "the k largest entries, exactly",
  parameters = { { name = "k", default = 100 } },
  check = function(p)
    if p.k < 0 or p.k ~= math.floor(p.k) then return ("k must be a whole number >= 0, not %g"):format(p.k) end
  end,
  select = function(u, p)
    local k = math.tointeger(math.min(p.k, u:count()))
    local mask, ties = u:top_k(k)
    local value = k > 0 and mask:where(u, math.huge):min() or nil
    return mask, { value = value, flags = ties and { "TIES" } or {} }
  end,
}
