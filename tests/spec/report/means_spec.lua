-- Means over images on the page: by hand, of networks with several images only.
local markup = require "fovea.report.markup"
local means = require "fovea.report.page.means"

local function case(model, image, inside, status)
  local map = { layer = "dec", threshold = "fixed:0.5", method = "gradcam", score = "logit", status = status or "OK",
    metrics = { gini = inside }, view = { inside = { target = inside } } }
  return { folder = "f", model = model, model_name = model, image = image, maps = { map } }
end

describe("the means of a page", function()
  it("are those of the maps of a network", function()
    local text = markup.text(means.section { cases = { case("a", "1", 0.25), case("b", "1", 0.9),
      case("a", "2", 0.75, "TIES"), case("a", "3", nil) } })
    -- mean 0.5, sample standard deviation sqrt(2 * 0.25 ^ 2) = 0.354; one of three maps is flagged
    assert.is_truthy(text:find("<bdi>a</bdi>, 3 images", 1, true))
    assert.is_truthy(text:find(">50.0\u{2009}%<small> \u{00B1} 35.4\u{2009}%</small>", 1, true))
    assert.is_truthy(text:find(">0.5<small> \u{00B1} 0.354</small>", 1, true))
    assert.is_truthy(text:find(">1 of 3<", 1, true))
    assert.is_nil(text:find("<bdi>b</bdi>", 1, true))
    assert.is_nil(means.section { cases = { case("b", "1", 0.9) } })
  end)
end)
