-- Removes from the index what does not exist, unless another call has announced more of the run since.
-- KEYS  tickets, runs, rollups, then the keys of the history
-- ARGV  1 run, 2 the latest ticket that was fenced off, 3 1 where the run does not exist
--       4 number of positions, then positions and the entry in the history of each, then keys of roll-ups
if (redis.call('HGET', KEYS[1], ARGV[1]) or '0') ~= ARGV[2] then return {'announced'} end
local K, rollups = history(4), 5 + 2 * tonumber(ARGV[4])
for i = 5, rollups - 1, 2 do
  redis.call('ZREM', KEYS[2], ARGV[i])
  for _, key in ipairs({K.known, K.loose, K.stubborn}) do redis.call('ZREM', key, ARGV[i + 1]) end
end
for i = rollups, #ARGV do redis.call('ZREM', KEYS[3], ARGV[i]) end
if ARGV[3] == '1' then redis.call('HDEL', KEYS[1], ARGV[1]) end
return {'forgotten'}
