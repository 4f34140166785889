-- The leaves of two trees compared one by one: each walk is a coroutine.
local function make_tree(depth, leaf)
  if depth == 0 then return leaf end
  return {make_tree(depth - 1, 2 * leaf), make_tree(depth - 1, 2 * leaf + 1)}
end

local function walk(tree)
  if type(tree) == "table" then
    walk(tree[1])
    walk(tree[2])
  else
    coroutine.yield(tree)
  end
end

local function generator(tree)
  return coroutine.wrap(function()
    walk(tree)
    coroutine.yield("end")
  end)
end

local function same_leaves(a, b)
  local next_a, next_b = generator(a), generator(b)
  local count = 0
  while true do
    local x, y = next_a(), next_b()
    if x ~= y then return false end
    if x == "end" then return count end
    count = count + 1
  end
end

print(same_leaves(make_tree(16, 1), make_tree(16, 1)))
