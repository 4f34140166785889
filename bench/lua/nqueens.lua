-- All ways to place 11 queens: recursion, and arrays that say which columns and diagonals are taken.
local n = 11
local columns, rising, falling = {}, {}, {}
for i = 0, 2 * n do
  columns[i], rising[i], falling[i] = false, false, false
end

local function place(row)
  if row == n then return 1 end
  local count = 0
  for column = 0, n - 1 do
    local up, down = row + column, row - column + n
    if not (columns[column] or rising[up] or falling[down]) then
      columns[column], rising[up], falling[down] = true, true, true
      count = count + place(row + 1)
      columns[column], rising[up], falling[down] = false, false, false
    end
  end
  return count
end

print(place(0))
