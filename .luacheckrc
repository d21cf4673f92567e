std = "lua54"
max_line_length = 120
files["tests"] = { ignore = { "311" } } -- a value dropped so that it can be collected
files["tests/spec"] = { std = "+busted" }
files["tests/e2e"] = { std = "+busted" }
ignore = { "581" } -- not (x <= y) is true for NaN, x > y is not
exclude_files = { "build", "bin" }
