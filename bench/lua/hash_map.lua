-- A table of 200 000 keys, each of them bound anew three times: in place, as one does in Lua.
local function next_seed(seed) return (seed * 16807 + 11) % 200000 end

local function fill(map, count)
  local seed = 7
  for i = 0, count - 1 do
    map[i] = (map[i] or 0) + seed
    seed = next_seed(seed)
  end
  return map
end

local map = fill(fill(fill({}, 200000), 200000), 200000)
local size, sum = 0, 0
for _ in pairs(map) do size = size + 1 end
for i = 0, size - 1 do sum = sum + map[i] end
print(size)
print(sum)
