-- 20 million float additions with an integer counter.
local sum = 0.0
for i = 0, 19999999 do sum = sum + i end
print(math.tointeger(sum))
