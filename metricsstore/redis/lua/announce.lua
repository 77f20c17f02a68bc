-- Lists a run and its roll-ups in the index, before they exist.
-- KEYS  ticket, tickets, runs, rollups
-- ARGV  1 run, 2 the ticket that the call has, empty for a new one, 3 position, then keys of roll-ups
local ticket = ARGV[2]
if ticket == '' then
  ticket = redis.call('INCR', KEYS[1])
  redis.call('HSET', KEYS[2], ARGV[1], ticket)
end
redis.call('ZADD', KEYS[3], 0, ARGV[3])
for i = 4, #ARGV do redis.call('ZADD', KEYS[4], 0, ARGV[i]) end
return {'listed', tostring(ticket)}
