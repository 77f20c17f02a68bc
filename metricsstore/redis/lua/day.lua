-- Day: what a day was merged to, and runs of it that are loose.
-- KEYS  the keys of the history
-- ARGV  1 day, 2 the day after it, 3 how many loose runs at most
local K, found = history(1), {'day'}
found[2] = redis.call('HGET', K.days, ARGV[1]) or '0'
found[3] = redis.call('ZRANGEBYLEX', K.loose, '[' .. ARGV[1], '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
for _, group in ipairs(redis.call('SMEMBERS', K.groups)) do
  for _, row in ipairs(redis.call('ZRANGEBYLEX', K.merged, '[' .. group .. ARGV[1], '(' .. group .. ARGV[2])) do
    found[#found + 1] = row
  end
end
return found
