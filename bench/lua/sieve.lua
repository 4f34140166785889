-- The primes below two million: one large array.
local function sieve(n)
  local composite = {}
  for i = 0, n - 1 do composite[i] = false end
  local count = 0
  for i = 2, n - 1 do
    if not composite[i] then
      for j = i * i, n - 1, i do composite[j] = true end
      count = count + 1
    end
  end
  return count
end
print(sieve(2000000))
