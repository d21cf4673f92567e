-- The page: complete, self-contained, and safe whatever the names are.
local collect = require "fovea.report.collect"
local fovea = require "fovea"
local html = require "fovea.report.html"
local results = require "support.results"
local scratch = require("support.scratch").new()
local status = require "fovea.status"
local lfs = require "lfs"

local function count(text, pattern) return select(2, text:gsub(pattern, "")) end

--- The page without its own style and script.
local function outside(page) return (page:gsub("<style>.-</style>", ""):gsub("<script>.-</script>", "")) end

describe("the page", function()
  local folder, page

  setup(function()
    folder = results.make(scratch.folder, { "eye.png", "skin.png" })
    page = html.page(assert(collect.read { folder }))
  end)
  teardown(function() results.remove(scratch.folder) end)

  it("has every map with its numbers", function()
    assert.equal(24, count(page, '<button [^>]*class="cell[" ]'))
    assert.equal(24, count(page, "<template>"))
    assert.equal(2, count(page, '<article '))
    assert.equal(16, count(page, 'data%-map="x%d+"')) -- 8 of 24 have an empty target
    local records = results.records(folder)
    for i, record in ipairs(records) do
      local command = fovea.json and require("fovea.report.markup").escape(
        ("fovea explain --from '%s/explain.json#%d' --out again"):format(folder, i))
      assert.is_truthy(page:find(command, 1, true))
      assert.is_truthy(page:find(("Layer %s, threshold"):format(record.layer), 1, true))
    end
    for _, name in ipairs(status.order) do
      assert.is_truthy(page:find(require("fovea.report.markup").escape(status.explanation[name]), 1, true), name)
    end
  end)

  it("defines every id once, and every reference to one", function()
    local known = {}
    for id in page:gmatch ' id="([^"]+)"' do
      assert.is_nil(known[id], id)
      known[id] = true
    end
    for id in outside(page):gmatch 'href="#([^"]+)"' do assert.is_true(known[id], id) end
    for id in outside(page):gmatch 'data%-[%w]+="(x%d+)"' do assert.is_true(known[id], id) end
    for id in outside(page):gmatch ' for="([^"]+)"' do assert.is_true(known[id], id) end
  end)

  it("closes what it opens", function()
    local open = {}
    local void = { meta = true, input = true, br = true, wbr = true }
    for slash, tag in outside(page):gsub("<!DOCTYPE html>", ""):gmatch "<(/?)(%w+)" do
      if slash == "/" then
        assert.equal(tag, table.remove(open))
      elseif not void[tag] then
        open[#open + 1] = tag
      end
    end
    assert.same({}, open)
  end)

  it("loads nothing", function()
    assert.is_nil(page:find "https?://")
    assert.is_nil(page:find "@import")
    for address in page:gmatch "url%((.-)%)" do assert.is_truthy(address:find "^#", address) end
    for address in page:gmatch '%f[%w]src="(.-)"' do assert.is_truthy(address:find "^data:", address) end
    for address in page:gmatch 'href="(.-)"' do
      assert.is_truthy(address:find "^#" or address:find "^data:image/png;base64,", address)
    end
    assert.is_truthy(page:find("Content-Security-Policy\"", 1, true))
    assert.is_truthy(page:find("default-src &#39;none&#39;", 1, true))
  end)

  it("is small: each picture is inside once", function()
    local seen = {}
    for picture in page:gmatch 'data:image/png;base64,([%w+/=]+)' do
      assert.is_nil(seen[picture])
      seen[picture] = true
    end
    assert.is_true(#page < 160000, #page)
  end)

  it("is the same every time", function() assert.equal(page, html.page(assert(collect.read { folder }))) end)

  it("shows the first cases when there are too many", function()
    local short = html.page(assert(collect.read { folder }), { limit = 1, title = "Two eyes" })
    assert.equal(1, count(short, "<article "))
    assert.is_truthy(short:find("The page shows 1 of 2 cases: ", 1, true))
    assert.is_truthy(short:find("<title>Two eyes", 1, true))
    assert.has_error(function() html.page(assert(collect.read { folder }), { titel = "x" }) end)
  end)

  describe("of hostile records", function()
    local HOSTILE = { '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onload='alert(1)",
      "</template></style></script><script>alert(1)</script>", "javascript:alert(1)", "\u{202E}gnp.eye", "a\0b\27[2J",
      "\xff\xfe", "&lt;b&gt;", "]]>", "${alert(1)}" }

    local function page_of(change)
      local records, _ = results.records(folder)
      change(records)
      local place = scratch:path "hostile"
      lfs.mkdir(place)
      scratch:write("hostile/explain.json", fovea.json.encode(records))
      if not lfs.attributes(place .. "/view") then lfs.link("../results/view", place .. "/view", true) end
      return html.page(assert(collect.read { place }), { title = HOSTILE[4] })
    end

    it("has no element, attribute or script that the names wanted", function()
      local made = page_of(function(records)
        for i, text in ipairs(HOSTILE) do
          local record = records[i]
          record.layer, record.method, record.image, record.model = text, text, text, text
          record.threshold.spec, record.score.kind, record.status, record.error = text, text, text, text
          record.statuses, record.output, record.picture = { text }, text, text
          record.ground_truth = { path = text }
        end
        records[#HOSTILE + 1] = { model = HOSTILE[1], image = HOSTILE[2], error = HOSTILE[4], code = HOSTILE[1] }
      end)
      local body = outside(made)
      assert.equal(0, count(body, "<script")) -- the page's own was taken away: no other is there
      assert.equal(1, count(made, "<script"))
      assert.equal(0, count(body, "<img"))
      local bare = body:gsub('"[^"]*"', '""') -- quotes of texts are escaped: these are attributes' own
      assert.is_nil(bare:find "<[^>]*%son%w+=")
      assert.is_nil(bare:find "<[^>]*'")
      assert.is_nil(made:find "[%z\1-\8\11-\31]")
      assert.is_truthy(utf8.len(made))
      assert.is_truthy(body:find("&lt;script&gt;alert(1)&lt;/script&gt;", 1, true))
      assert.is_truthy(body:find("<bdi>\u{202E}gnp.eye</bdi>", 1, true))
    end)

    it("takes no file from outside of the folder", function()
      local secret = scratch:path "secret.png"
      assert(fovea.image.write(secret, fovea.full({ 3, 4, 4 }, 77)))
      for _, name in ipairs { "../secret.png", secret, "view/../../secret.png" } do
        local made = page_of(function(records)
          records[1].view.map, records[1].view.image = name, name
        end)
        assert.is_truthy(made:find("outside of the folder", 1, true))
        assert.is_nil(made:find(require("fovea.report.base64").encode(scratch:read "secret.png"), 1, true))
      end
    end)
  end)

  it("says what is missing and what is broken", function()
    local records, write = results.records(folder)
    local map = folder .. "/" .. records[1].view.map
    local bytes = scratch:read("results/" .. records[1].view.map)
    assert(os.remove(map))
    local made = html.page(assert(collect.read { folder }))
    assert.is_truthy(made:find('class="missing">[^<]*' .. records[1].view.map:gsub("%p", "%%%0")))
    scratch:write("results/" .. records[1].view.map, bytes:sub(1, #bytes // 2))
    made = html.page(assert(collect.read { folder }))
    assert.is_truthy(made:find('class="missing">[^<]*truncated'))
    scratch:write("results/" .. records[1].view.map, bytes)
    for _, record in ipairs(records) do record.view = nil end
    write()
    made = html.page(assert(collect.read { folder }))
    assert.equal(16, count(made, 'data%-drawn="x%d+"')) -- older results: the overlays as they were drawn
  end)

  it("can do without any map", function()
    local made = html.page { name = "nothing", cases = {}, evaluations = {}, failures = { { error = "all broken" } } }
    assert.is_truthy(made:find("all broken", 1, true))
    assert.equal(0, count(made, "<script"))
  end)
end)
