local fovea = require "fovea"
local onnx = require "support.onnx_writer"
local onnx_case = require "support.onnx_case"

describe("model", function()
  local case

  setup(function() case = onnx_case.new() end)
  teardown(function() case:remove() end)

  --- A file with open sizes that adds an embedded position to every pixel.
  local function positioned(size)
    return case:write(onnx_case.model({ "n", 1, "h", "w" }, onnx.node("Add", { "x", "position" }, { "y" }, {}, "add"), {
      initializers = { onnx_case.weights("position", { 1, 1, size, size }) },
    }))
  end

  describe("with an open input size", function()
    it("is 256 pixels by default", function()
      local path = case:write(onnx_case.model({ "n", 3, "h", "w" }, onnx.node("Relu", { "x" }, { "y" })))
      assert.same({ 1, 3, 256, 256 }, assert(fovea.load(path)):default_shape())
    end)

    it("takes the usual size that fits", function()
      local model = assert(fovea.load(positioned(96)))
      assert.same({ 1, 1, 96, 96 }, model:default_shape())
      assert.same({ 1, 1, 96, 96 }, model:layer("add").shape)
    end)

    it("asks for the shape when none fits", function()
      local path = positioned(7)
      local model, message, code = fovea.load(path)
      assert.is_nil(model)
      assert.matches("node 'add' %(Add%): .* give the option input_shape", message)
      assert.equal("format", code)
      model = assert(fovea.load(path, { input_shape = { 1, 1, 7, 7 } }))
      assert.same({ 1, 1, 7, 7 }, model:layer("add").shape)
    end)
  end)
end)
