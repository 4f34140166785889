-- Closures that are made, called and composed, and variables that several of them share.
local function adder(n) return function(x) return x + n end end
local function compose(f, g) return function(x) return f(g(x)) end end

-- Two functions over one variable.
local function make_counter()
  local count = 0
  return {function(by) count = count + by end, function() return count end}
end

local function run(rounds)
  local counter = make_counter()
  for i = 0, rounds - 1 do
    local f = compose(adder(i), compose(adder(1), adder(2)))
    counter[1](f(3))
    counter[1](-f(1))
    counter[1](1)
  end
  return counter[2]()
end

print(run(1500000))
