std = "lua54"
max_line_length = 120
files["tests"] = { ignore = { "311" } } -- a value dropped so that it can be collected
files["tests/spec"] = { std = "+busted" }
files["tests/e2e"] = { std = "+busted" }
exclude_files = { "build", "bin" }
