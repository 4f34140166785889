-- 200 000 numbers in an array, sorted by each language's own procedure with a comparison of ours.
local function numbers(count)
  local result, seed = {}, 42
  for i = count, 1, -1 do
    seed = (seed * 16807 + 11) % 2147483647
    result[i] = seed
  end
  return result
end

-- Depends on the order.
local function digest(numbers)
  local sum = 0
  for i = 1, #numbers do sum = (sum + i * numbers[i]) % 1000000007 end
  return sum
end

local function ascending(a, b) return a < b end
local function descending(a, b) return a > b end
local list = numbers(200000)
table.sort(list, ascending)
print(digest(list))
table.sort(list, descending)
print(digest(list))
