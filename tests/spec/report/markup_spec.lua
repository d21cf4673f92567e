-- Markup: nothing that comes from outside becomes an element or an attribute.
local markup = require "fovea.report.markup"

local h = markup.element

describe("markup", function()
  it("makes elements, with attributes in order of their names", function()
    assert.equal('<p class="a" hidden id="b">one 2<br><b>three</b></p>',
      markup.text(h("p", { id = "b", class = "a", hidden = true, title = false }, "one ", 2, nil, h("br"), false,
        { h("b", nil, "three") })))
  end)

  it("escapes texts and values", function()
    assert.equal("<p title=\"&quot;&#39;&lt;\">&lt;script&gt;alert(1)&lt;/script&gt; &amp;amp;</p>",
      markup.text(h("p", { title = "\"'<" }, "<script>alert(1)</script> &amp;")))
  end)

  it("replaces what HTML cannot hold", function()
    assert.equal("a\u{FFFD}b\u{FFFD}c\n\t\u{FFFD}\u{E9}", markup.escape "a\0b\27c\n\t\xffé")
    assert.equal("true", markup.escape(true))
  end)

  it("lets long names break after their parts", function()
    assert.equal("<bdi>encoder.<wbr>4.<wbr>relu2</bdi>", markup.text(markup.name "encoder.4.relu2"))
    assert.equal("<bdi>a_<wbr>&lt;b&gt;</bdi>", markup.text(markup.name "a_<b>"))
    assert.equal("<bdi></bdi>", markup.text(markup.name ""))
  end)

  it("takes raw text as it is", function()
    assert.equal("<style>a > b</style>", markup.text(h("style", nil, markup.raw "a > b")))
  end)
end)
