-- Wake: sends a hint to idle workers, which block on a list for each function.
--
-- KEYS[1] -> {wake}:      prefix of the lists
-- KEYS[2] -> {wake}:state never exists
-- ARGV[1] -> run
-- ARGV[2] -> how many workers to wake
-- ARGV[3] .. ARGV[#ARGV] -> functions
--
-- Reply: 1. A list has at most 64 hints and expires after 2 s: idle workers poll, so hints may be lost.
local names = {}
for i = 1, math.min(tonumber(ARGV[2]), 64) do names[i] = ARGV[1] end
for i = 3, #ARGV do
  local key = KEYS[1] .. ARGV[i]
  redis.call('RPUSH', key, unpack(names))
  redis.call('LTRIM', key, -64, -1)
  redis.call('PEXPIRE', key, 2000)
end
return 1
