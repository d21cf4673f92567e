rockspec_format = "3.0"
package = "fovea"
version = "scm-1"

source = { url = "git+file://." } -- built from a checkout: luarocks make

description = {
  summary = "Explains medical image segmentation models: masked-sum class activation maps on oneDNN",
  detailed = "The Lua module. The fovea command, the C library and its header come with `make install`.",
  license = "MIT",
}

supported_platforms = { "linux" }

dependencies = { "lua >= 5.4, < 5.5", "lyaml", "argparse", "luafilesystem" }

external_dependencies = {
  DNNL = { header = "oneapi/dnnl/dnnl.h", library = "dnnl" },
  PROTOBUF_C = { header = "protobuf-c/protobuf-c.h", library = "protobuf-c" },
  JANSSON = { header = "jansson.h", library = "jansson" },
  ZIP = { header = "zip.h", library = "zip" },
  PNG = { header = "png.h", library = "png" },
  TURBOJPEG = { header = "turbojpeg.h", library = "turbojpeg" },
  TIFF = { header = "tiffio.h", library = "tiff" },
  GIF = { header = "gif_lib.h", library = "gif" },
  LEPTONICA = { header = "leptonica/allheaders.h" },
  XXHASH = { header = "xxhash.h", library = "xxhash" },
}

build = {
  type = "make",
  build_target = "module",
  install_target = "install-module",
  build_variables = { CFLAGS = "$(CFLAGS)", LUA_CFLAGS = "-I$(LUA_INCDIR)" },
  install_variables = { CFLAGS = "$(CFLAGS)", LUADIR = "$(LUADIR)", LIBDIR = "$(LIBDIR)" },
}
