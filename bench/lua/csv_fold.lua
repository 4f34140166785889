-- The sums of two columns and the number of rows of one kind in a CSV file of 100 000 rows. The
-- file's name is the argument. The file has no quoted cells, so a pattern takes it apart.
local quantity, price, red = 0, 0.0, 0
local header = true
for line in io.lines(arg[1]) do
  if header then
    header = false
  else
    local _, count, value, color = line:match("^([^,]*),([^,]*),([^,]*),([^,]*)$")
    quantity = quantity + math.tointeger(count)
    price = price + tonumber(value)
    if color == "red" then red = red + 1 end
  end
end
print(quantity)
print(math.tointeger(price))
print(red)
