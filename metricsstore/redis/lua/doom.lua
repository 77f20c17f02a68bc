-- Draws a ticket for a deletion, and makes the run loose: nothing that it is merged into outlives it.
-- KEYS  ticket, tickets, then the keys of the history
-- ARGV  1 run, then for each place where it may be listed: entry in the history, its day, the day after it
local ticket = redis.call('INCR', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[1], ticket)
local K = history(3)
for i = 2, #ARGV, 3 do loosen(K, ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return {'drawn', tostring(ticket)}
