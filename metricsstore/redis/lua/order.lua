-- Numbers of 8 bytes, most significant first, are ordered as Redis orders strings. Lua's own order of strings depends
-- on the locale, and its numbers are exact to 2^53 only.

-- behind says whether the number in the first 8 bytes of a is greater than that in those of b.
local function behind(a, b)
  for i = 1, 8 do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return false
end

-- most is greater than whatever follows the first step in a head.
local most = ('\255'):rep(8)

-- upto gives the head of the last block that begins at a step or before it, nil where there is none.
local function upto(heads, step)
  return redis.call('ZREVRANGEBYLEX', heads, '[' .. step .. most, '-', 'LIMIT', 0, 1)[1]
end
