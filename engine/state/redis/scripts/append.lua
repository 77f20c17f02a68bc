-- Append: adds pieces of details once. ARGV: who asks, a random name; the pieces. The reply is 1, or nil where there is no
-- run. Those who asked within the last minute are remembered: an answer that was lost is asked for again before long.
local raw = call('GET', K .. 'state')
if not raw then return false end
local now = call('TIME')[1]
if call('ZADD', K .. 'once', 'NX', now, ARGV[1]) == 0 then return 1 end -- the answer was lost
call('ZREMRANGEBYSCORE', K .. 'once', '-inf', now - 60)
for i = 2, #ARGV do call('XADD', K .. 'details', '*', 'd', ARGV[i]) end
local left = call('PTTL', K .. 'run')
if left > 0 then call('PEXPIRE', K .. 'details', left) end
call('PEXPIRE', K .. 'once', 60000)
return 1
