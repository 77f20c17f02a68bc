-- Wake: a hint for idle workers. KEYS[1] begins the names of the lists. ARGV: the run, how many workers, the functions. The reply is 1.
-- Lists are short, and hints that nobody has heard are soon forgotten: whoever is idle looks for itself before long.
local names = {}
for i = 1, math.min(tonumber(ARGV[2]), 64) do names[i] = ARGV[1] end
for i = 3, #ARGV do
  local key = KEYS[1] .. ARGV[i]
  redis.call('RPUSH', key, unpack(names))
  redis.call('LTRIM', key, -64, -1)
  redis.call('PEXPIRE', key, 2000)
end
return 1
