-- Removes from the index what does not exist, unless another call has announced more of the run since.
-- KEYS  tickets, runs, rollups
-- ARGV  1 run, 2 the latest ticket that was fenced off, 3 1 where the run does not exist
--       4 number of positions, then positions, then keys of roll-ups
if (redis.call('HGET', KEYS[1], ARGV[1]) or '0') ~= ARGV[2] then return {'announced'} end
local positions = tonumber(ARGV[4])
for i = 5, #ARGV do redis.call('ZREM', i < 5 + positions and KEYS[2] or KEYS[3], ARGV[i]) end
if ARGV[3] == '1' then redis.call('HDEL', KEYS[1], ARGV[1]) end
return {'forgotten'}
