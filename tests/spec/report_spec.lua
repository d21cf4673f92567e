-- Tables and figures of reports: CSV both ways, statistics by hand, text and Markdown, grids.
local csv = require "fovea.report.csv"
local fovea = require "fovea"
local grid = require "fovea.report.grid"
local summary = require "fovea.report.summary"
local text = require "fovea.report.text"

describe("CSV", function()
  it("writes numbers that read back, and quotes what needs it", function()
    local written = csv.encode({ "a", "b,c" }, { { a = 0.1, ["b,c"] = 'say "x"' }, { a = 3 }, { a = 0 / 0 },
      { a = 1 / 0, ["b,c"] = "two\nlines" }, { a = -1 / 0, ["b,c"] = true } })
    assert.equal('a,"b,c"\n0.1,"say ""x"""\n3,\nNaN,\nInf,"two\nlines"\n-Inf,true\n', written)
  end)

  it("reads what it writes", function()
    local rows, columns = csv.decode(csv.encode({ "x", "y" }, { { x = 'a"b', y = "c,d\ne" }, { x = "", y = "f" } }))
    assert.same({ "x", "y" }, columns)
    assert.same({ { x = 'a"b', y = "c,d\ne", line = 2 }, { x = "", y = "f", line = 4 } }, rows)
  end)

  it("reads files of spreadsheets: byte order mark, CRLF, semicolons, empty lines, no last line end", function()
    assert.same({ { a = "1", b = "2,5", line = 2 }, { a = "3", b = "4", line = 4 } },
      (csv.decode "\xEF\xBB\xBFa;b\r\n1;2,5\r\n\r\n3;4"))
  end)

  it("says what is wrong, with the line", function()
    local function message(content) return select(2, csv.decode(content)) end
    assert.equal("no header line", message "")
    assert.equal("line 3: 1 fields, the header has 2", message "a,b\n1,2\n3\n")
    assert.equal("line 2: a quote is not closed", message 'a,b\n"1,2\n')
    assert.equal("line 2: a quote is not closed", message 'a,b\n"1"x,2\n')
  end)
end)

describe("the summary", function()
  local rows = {
    { g = "a", v = 1 }, { g = "b", v = 5 }, { g = "a", v = 2 }, { g = "a", v = 0 / 0 }, { g = "a", v = 6 },
    { g = "b", error = "broken" },
  }

  it("has mean, sample standard deviation and number by group", function()
    local found = summary.of(rows, { "g" }, { "v" })
    local a, b = found.rows[1], found.rows[2]
    assert.same({ "a", 4, 0 }, { a.names.g, a.maps, a.failed })
    assert.same({ 3, math.sqrt(7), 3 }, { a.stats.v.mean, a.stats.v.sd, a.stats.v.n }) -- 1 2 6: 4 + 1 + 9 over 2
    assert.same({ "b", 1, 1 }, { b.names.g, b.maps, b.failed })
    assert.equal(5, b.stats.v.mean)
    assert.is_true(b.stats.v.sd ~= b.stats.v.sd)
    local nothing = summary.stats {}
    assert.equal(0, nothing.n)
    assert.is_true(nothing.mean ~= nothing.mean)
  end)

  it("comes as CSV columns", function()
    assert.equal("g,maps,failed,v_mean,v_sd,v_n\na,4,0,3,2.645751311,3\nb,1,1,5,NaN,1\n",
      csv.encode(summary.columns(summary.of(rows, { "g" }, { "v" }))))
  end)

  it("comes as text and Markdown for people", function()
    local columns, cells = summary.cells(summary.of(rows, { "g" }, { "v" }))
    assert.equal("g  n  failed                v\na  4       0  3 ± 2.646 (n=3)\nb  1       1                5\n",
      text.plain(columns, cells))
    assert.equal("| g   |   n | failed |               v |\n| --- | --: | -----: | --------------: |\n"
      .. "| a   |   4 |      0 | 3 ± 2.646 (n=3) |\n| b   |   1 |      1 |               5 |\n",
      text.markdown(columns, cells))
    assert.is_truthy(text.markdown({ "layer" }, { { "dec*|x" } }):find("dec\\*\\|x", 1, true))
  end)

  it("leaves out columns that say the same everywhere, but never the layer", function()
    local columns = summary.cells(summary.of({ { model = "m", layer = "l", v = 1 } }, { "model", "layer" }, { "v" }))
    assert.same({ "layer", "n", "failed", "v" }, columns)
  end)
end)

describe("a grid of pictures", function()
  local function picture(height, width, value) return fovea.image.new(fovea.full({ 3, height, width }, value)) end

  it("has a cell for each picture, scaled to fit", function()
    local drawn = grid.draw { title = "title", columns = { "one", "two" }, cell = 100, aspect = 0.5,
      rows = { { label = "a", cells = { { picture = picture(50, 100, 10) }, { picture = picture(500, 1000, 20) } } },
        { label = "b", cells = { { picture = picture(30, 30, 30), label = "OK" } } } } }
    local counts = {}
    for _, value in ipairs { 10, 20, 30 } do counts[value] = drawn:select(1, 1):eq(value):sum() end
    assert.same({ [10] = 5000, [20] = 5000, [30] = 2500 }, counts)
    local shape = drawn:shape()
    assert.equal(3, shape[1])
    assert.is_true(shape[3] > 200 and shape[3] < 330 and shape[2] > 100 and shape[2] < 260)
  end)

  it("averages large pictures down", function()
    local checks = fovea.uniform({ 1, 400, 400 }, { seed = 4 }):gt(0.5) * 255
    local drawn = grid.draw { title = "", columns = { "" }, cell = 50,
      rows = { { label = "", cells = { { picture = fovea.image.new(checks) } } } } }
    local middle = drawn:slice(2, 40, 60):slice(3, 25, 45)
    assert.is_true(math.abs(middle:mean() - 127.5) < 6 and middle:std() < 30)
  end)
end)
