-- Refuses from now on what was announced up to a ticket and has not happened, and returns what has.
-- KEYS  run, fence, rollups
-- ARGV  1 ticket, 2 for how many ms the fence is kept, then keys of roll-ups
if tonumber(redis.call('GET', KEYS[2]) or 0) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
local there = {'fenced', redis.call('HGET', KEYS[1], 'header') or ''}
for i = 3, #ARGV do there[i] = redis.call('HEXISTS', KEYS[3], ARGV[i]) end
return there
