-- Merge: replaces what a day was merged to, unless it or one of the runs that were added has changed in the meantime.
-- KEYS  tickets, then the keys of the history
-- ARGV  1 day, 2 the day after it, 3 the version that was decided on, 4 number of runs
--       then for each run: its name, its ticket, its entry, 1 where it could not be merged
--       then the number of groups, the groups, and rows
local K = history(2)
if (redis.call('HGET', K.days, ARGV[1]) or '0') ~= ARGV[3] then return {'changed'} end
local groups = 5 + 4 * tonumber(ARGV[4])
for i = 5, groups - 1, 4 do
  if (redis.call('HGET', KEYS[1], ARGV[i]) or '0') ~= ARGV[i + 1] then return {'changed'} end
end
for i = 5, groups - 1, 4 do
  redis.call('ZREM', K.loose, ARGV[i + 2])
  if ARGV[i + 3] == '1' then redis.call('ZADD', K.stubborn, 0, ARGV[i + 2]) end
end
for _, group in ipairs(redis.call('SMEMBERS', K.groups)) do
  redis.call('ZREMRANGEBYLEX', K.merged, '[' .. group .. ARGV[1], '(' .. group .. ARGV[2])
end
local rows = groups + 1 + tonumber(ARGV[groups])
for i = groups + 1, rows - 1 do redis.call('SADD', K.groups, ARGV[i]) end
for i = rows, #ARGV do redis.call('ZADD', K.merged, 0, ARGV[i]) end
redis.call('HINCRBY', K.days, ARGV[1], 1)
return {'merged'}
