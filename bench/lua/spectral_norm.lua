-- The largest singular value of an infinite matrix: float arithmetic in nested loops over arrays.
local n = 250

local function element(i, j)
  return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)
end

local function multiply(from, to, entry)
  for i = 0, n - 1 do
    local sum = 0.0
    for j = 0, n - 1 do sum = sum + entry(i, j) * from[j] end
    to[i] = sum
  end
end

local function square(from, to, scratch)
  multiply(from, scratch, element)
  multiply(scratch, to, function(i, j) return element(j, i) end)
end

local function dot(a, b)
  local sum = 0.0
  for i = 0, n - 1 do sum = sum + a[i] * b[i] end
  return sum
end

local u, v, scratch = {}, {}, {}
for i = 0, n - 1 do u[i], v[i], scratch[i] = 1.0, 0.0, 0.0 end
for _ = 1, 10 do
  square(u, v, scratch)
  square(v, u, scratch)
end
print(math.floor(1e9 * math.sqrt(dot(u, v) / dot(v, v))))
