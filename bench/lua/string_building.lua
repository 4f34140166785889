-- A text of 200 000 lines made of pieces, and then read byte by byte.
local function report(lines)
  local pieces = {}
  for i = 0, lines - 1 do
    pieces[#pieces + 1] = "line "
    pieces[#pieces + 1] = tostring(i)
    pieces[#pieces + 1] = " of "
    pieces[#pieces + 1] = "the " .. "report"
    pieces[#pieces + 1] = "\n"
  end
  return table.concat(pieces)
end

local function count_lines(text)
  local lines, newline = 0, string.byte("\n")
  for i = 1, #text do
    if text:byte(i) == newline then lines = lines + 1 end
  end
  return lines
end

local text = report(200000)
print(#text)
print(count_lines(text))
