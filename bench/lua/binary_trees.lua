-- Trees that are made, counted and dropped, beside one that stays: the allocator and the collector.
local function make_tree(depth)
  if depth == 0 then return {} end
  return {make_tree(depth - 1), make_tree(depth - 1)}
end

local function count(tree)
  if not tree[1] then return 1 end
  return 1 + count(tree[1]) + count(tree[2])
end

local depth = 14
local kept = make_tree(depth)
for d = 4, depth, 4 do
  local trees = 1 << (depth + 4 - d)
  local sum = 0
  for _ = 1, trees do sum = sum + count(make_tree(d)) end
  print(trees .. " trees of depth " .. d .. ": " .. sum)
end
print(count(kept))
