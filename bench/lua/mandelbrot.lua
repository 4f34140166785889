-- How many points of a grid belong to the Mandelbrot set: float arithmetic in a loop with two ends.
local function escapes(cx, cy)
  local x, y = 0.0, 0.0
  for i = 0, 100 do
    local xx, yy = x * x, y * y
    if xx + yy > 4.0 then return true end
    if i == 100 then return false end
    x, y = xx - yy + cx, 2.0 * x * y + cy
  end
end

local function count(n)
  local total = 0
  for row = 0, n - 1 do
    for column = 0, n - 1 do
      if not escapes(3.0 * column / n - 2.0, 2.0 * row / n - 1.0) then total = total + 1 end
    end
  end
  return total
end

print(count(300))
