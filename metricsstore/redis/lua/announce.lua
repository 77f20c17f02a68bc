-- Lists a run and its roll-ups in the index, before they exist.
-- KEYS  ticket, tickets, runs, rollups, then the keys of the history
-- ARGV  1 run, 2 the ticket that the call has, empty for a new one, 3 position
--       4 entry of the run in the history, 5 its day, 6 the day after it, 7 1 where its roll-ups are about to change
--       then keys of roll-ups
local ticket = ARGV[2]
if ticket == '' then
  ticket = redis.call('INCR', KEYS[1])
  redis.call('HSET', KEYS[2], ARGV[1], ticket)
end
redis.call('ZADD', KEYS[3], 0, ARGV[3])
local K = history(5)
if ARGV[7] == '1' then
  if #ARGV > 7 and redis.call('ZADD', K.known, 0, ARGV[4]) == 1 then
    redis.call('ZADD', K.loose, 0, ARGV[4])
  else
    loosen(K, ARGV[4], ARGV[5], ARGV[6])
  end
end
for i = 8, #ARGV do redis.call('ZADD', KEYS[4], 0, ARGV[i]) end
return {'listed', tostring(ticket), redis.call('ZCARD', K.loose)}
