-- Raised three calls deep and caught, every second time.
local function check(i)
  if i % 2 == 0 then error({tag = "even", value = i}) end
  return i
end
local function middle(i) return 0 + check(i) end
local function outer(i) return 0 + middle(i) end

local function run(count)
  local sum = 0
  for i = 0, count - 1 do
    local ok, result = pcall(outer, i)
    if ok then
      sum = sum + result
    elseif result.tag == "even" then
      sum = sum + result.value
    else
      error(result)
    end
  end
  return sum
end

print(run(1000000))
