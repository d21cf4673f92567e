-- fovea report as a user runs it, and its page in a browser: controls, keys, addresses; nothing is loaded.
local browser = require "support.browser"
local command = require "support.command"
local fovea = require "fovea"
local results = require "support.results"
local scratch = require("support.scratch").new()
local lfs = require "lfs"

local has_browser = browser.find() ~= nil

describe("fovea report", function()
  local folder

  setup(function() folder = results.make(scratch.folder, { "eye.png", "<b>&skin.png" }) end)
  teardown(function() results.remove(scratch.folder) end)

  it("writes a page and a contact sheet into the folder", function()
    local status, out, err = command.run { "report", folder }
    assert.equal(0, status, err)
    assert.equal(("%s/report.html\n%s/report.png\n"):format(folder, folder), out)
    assert.equal("", err)
    local sheet = assert(fovea.image.read(folder .. "/report.png"))
    assert.is_true(sheet.width > 400 and sheet.height > 400)
    assert.is_truthy(scratch:read("results/report.html"):find("&lt;b&gt;&amp;skin", 1, true))
  end)

  it("writes them where it is told", function()
    local page = scratch:path "page.html"
    local status, out, err = command.run { "report", folder, "--out", page, "--sheet", "none", "--title", "Eyes" }
    assert.equal(0, status, err)
    assert.equal(page .. "\n", out)
    assert.is_nil(lfs.attributes(scratch:path "page.png"))
    assert.is_truthy(scratch:read("page.html"):find("<title>Eyes", 1, true))
  end)

  it("fails when there is nothing, and is misused", function()
    local status, _, err = command.run { "report", scratch:path "nowhere" }
    assert.equal(1, status)
    assert.is_truthy(err:find("nowhere: no such folder", 1, true), err)
    assert.equal(2, (command.run { "report" }))
    assert.equal(2, (command.run { "report", folder, "--limit", "0" }))
  end)

  it("warns of what is missing, and goes on", function()
    local status, out, err = command.run { "report", folder, scratch:path "nowhere", "--out",
      scratch:path "warned.html" }
    assert.equal(0, status)
    assert.is_truthy(err:find("warning: ", 1, true) and err:find("no such folder", 1, true), err)
    assert.is_truthy(out:find("warned.html", 1, true))
  end)

  --- Runs a script in the page and returns what it gave; complaints of the browser are in `errors`.
  local function inside(script, hash)
    local page = scratch:read "results/report.html"
    local listen = [[<script>window.errors = [];
      addEventListener("error", e => errors.push(String(e.message || e.target.outerHTML)), true);
      addEventListener("securitypolicyviolation", e => errors.push(e.violatedDirective));
      location.hash = "]] .. (hash or "") .. [["</script>]]
    local drive = [[<script>(() => { const $ = s => document.querySelector(s);
      const set = (id, value) => { const e = document.getElementById(id);
        if (e.type === "checkbox") e.checked = value; else e.value = value;
        e.dispatchEvent(new Event("input", { bubbles: true })); };
      const pressed = () => $(".cell[aria-pressed=true]").id;
      const key = k => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true }));
      const result = {}; ]] .. script .. [[ result.errors = errors;
      document.body.dataset.result = JSON.stringify(result); })()</script>]]
    page = page:gsub("<head>", function() return "<head>" .. listen end):gsub("</body>", function()
      return drive .. "</body>"
    end)
    local document = browser.document(scratch:write("driven.html", page))
    local text = document:match 'data%-result="(.-)"'
    assert(text, "the page's script did not run to its end")
    return assert(fovea.json.decode((text:gsub("&quot;", '"'):gsub("&lt;", "<"):gsub("&gt;", ">")
      :gsub("&amp;", "&"))))
  end

  local function browser_it(name, test)
    it(name .. " #slow", function()
      if not has_browser then return pending "no browser is installed (chromium-headless-shell)" end
      if os.getenv "FOVEA_MEMORY_ONLY" then return pending "not under valgrind" end
      assert.equal(0, (command.run { "report", folder }))
      test()
    end)
  end

  browser_it("opens on the first map, and shows what is chosen", function()
    local r = inside [[
      result.first = pressed();
      result.shown = document.querySelectorAll("article.case:not([hidden])").length;
      result.heat = $("#stage .heat").getAttribute("href");
      $("#m5").click(); result.clicked = pressed(); result.hash = location.hash;
      result.other = $("#stage .heat").getAttribute("href");
      result.same = $("#m5").dataset.map === result.other.slice(1);
      result.facts = $("#facts h3").textContent + "; " + $("#facts dd").textContent;
      result.label = $("#stage").getAttribute("aria-label");
      result.box = $("#stage").getAttribute("viewBox");]]
    assert.same({}, r.errors)
    assert.same({ "m1", 1, "m5", "#m5", true, "0 0 24 20" }, { r.first, r.shown, r.clicked, r.hash, r.same, r.box })
    assert.is_true(r.heat ~= r.other)
    assert.is_truthy(r.label:find(r.facts:match "^(.-);", 1, true))
  end)

  browser_it("has controls that change the colours", function()
    local r = inside [[
      const table = name => $("#heat " + name).getAttribute("tableValues").split(" ").map(Number);
      const opacity = () => table("feFuncA");
      result.before = opacity(); set("opacity", 40); result.faint = opacity();
      result.said = $("#opacity-value").textContent;
      set("cut", 50); result.cut = opacity(); set("cut", 0); set("fade", false); result.flat = opacity();
      result.viridis = table("feFuncR"); set("colours", "grey"); result.grey = table("feFuncR");
      set("part", "negative"); result.negative = $("#heat .pick").getAttribute("values");
      result.low = $("#legend-high").textContent;
      set("part", "signed"); result.signed = $("#heat .pick").getAttribute("values");
      result.fixed = $("#colours").disabled;
      result.ends = [$("#legend-low").textContent, $("#legend-high").textContent];
      set("show-target", false); result.hidden = getComputedStyle($("#stage .target")).display;
      set("cells", true); result.cells = document.documentElement.classList.contains("cells");]]
    assert.same({}, r.errors)
    assert.same({ 0, 0.75, 61 }, { r.before[1], r.before[61], #r.before })
    assert.near(0.75 * 30 / 60 / 0.6, r.before[31], 1e-3)
    assert.same({ 0.4, "40 %" }, { r.faint[61], r.said })
    assert.same({ 0, 0 }, { r.cut[30], r.cut[1] })
    assert.is_true(r.cut[31] > 0)
    assert.same({ 0.4, 0.4 }, { r.flat[1], r.flat[61] })
    assert.same({ 0, 1 }, { r.grey[1], r.grey[#r.grey] })
    assert.near(0.267, r.viridis[1], 0.01) -- viridis begins at #440154
    assert.is_truthy(r.negative:find "^0 1 0 0 0")
    assert.is_truthy(r.signed:find "^0 0 1 0 0")
    assert.same({ true, "none", true }, { r.fixed, r.hidden, r.cells })
    assert.equal(r.ends[2], (r.ends[1]:gsub("^%-", "")))
  end)

  browser_it("keeps a map beside others", function()
    local r = inside [[
      const heat = id => $("#" + id + " .heat").getAttribute("href");
      result.hidden = $("#pinned").closest("[hidden]") !== null;
      $("#pin").click(); result.shown = $("#pinned").closest("[hidden]") === null;
      const kept = heat("stage");
      $("#m5").click(); result.kept = heat("pinned") === kept; result.changed = heat("stage") !== kept;
      result.names = [$("#pinned-name").textContent, $("#stage-name").textContent];
      $("#pin").click(); result.gone = $("#pinned").closest("[hidden]") !== null;]]
    assert.same({}, r.errors)
    assert.same({ true, true, true, true, true }, { r.hidden, r.shown, r.kept, r.changed, r.gone })
    assert.is_truthy(r.names[1]:find("eye, tiny. Layer enc.relu.Relu", 1, true), r.names[1])
    assert.is_truthy(r.names[2]:find("Layer deep.relu.Relu", 1, true), r.names[2])
  end)

  browser_it("goes by keys, tabs, cases and addresses", function()
    local r = inside([[
      result.first = pressed();
      $("#" + pressed()).focus();
      key("ArrowRight"); result.right = pressed(); result.focus = document.activeElement.id;
      key("ArrowDown"); result.down = pressed();
      key("ArrowUp"); key("ArrowLeft"); result.back = pressed();
      $(".segments button:nth-child(2)").click(); result.tab = pressed();
      result.variant = $(".case:not([hidden]) .variant:not([hidden])").dataset.variant;
      $("#next").click(); result.next = pressed(); result.where = $("#where").textContent;
      result.last = $("#next").disabled; result.current = $(".frame[aria-current]").getAttribute("href");
      $(".frame").click(); result.film = pressed();]], "m1")
    assert.same({}, r.errors)
    -- three thresholds to the right, two layers down; the second table begins with m7, the second case with m13
    assert.same({ "m1", "m2", "m2", "m5", "m1" }, { r.first, r.right, r.focus, r.down, r.back })
    assert.same({ "m7", "2", "m19", "2 of 2", true, "#case-2", "m7" }, { r.tab, r.variant, r.next, r.where, r.last,
      r.current, r.film })
  end)

  browser_it("draws the map over the image", function()
    local function picture(opacity)
      local page = scratch:read "results/report.html"
      page = page:gsub("</body>", ("<script>document.getElementById('opacity').value = %d;"
        .. "document.getElementById('show-target').checked = false;"
        .. "document.querySelector('form').dispatchEvent(new Event('input'));"
        .. "document.getElementById('stage').style.cssText = 'position: fixed; z-index: 9; left: 0; top: 0;"
        .. "width: 480px; height: 400px';</script></body>"):format(opacity))
      browser.picture(scratch:write("drawn.html", page), scratch:path "drawn.png", 480, 400)
      return assert(fovea.image.read(scratch:path "drawn.png")):rgb()
    end
    local plain, covered = picture(0), picture(100)
    assert.same({ 3, 400, 480 }, plain:shape())
    local eye = assert(fovea.image.read(scratch:path "eye.png")):rgb()
    assert.is_true(math.abs(plain:slice(2, 1, 380):mean() - eye:mean()) < 8)
    assert.is_true((plain - covered):abs():mean() > 5)
  end)
end)
