-- Append: adds details to a run, once for each call.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> a random name of the call
-- ARGV[2] .. ARGV[#ARGV] -> details, in any format
--
-- Reply: 1, or nil where the run does not exist.
-- A call with the name of one in the last minute changes nothing, so a call whose reply was lost can be repeated.
local raw = call('GET', K .. 'state')
if not raw then return false end
local now = call('TIME')[1]
if call('ZADD', K .. 'once', 'NX', now, ARGV[1]) == 0 then return 1 end -- a repetition
call('ZREMRANGEBYSCORE', K .. 'once', '-inf', now - 60)
for i = 2, #ARGV do call('XADD', K .. 'details', '*', 'd', ARGV[i]) end
local left = call('PTTL', K .. 'run')
if left > 0 then call('PEXPIRE', K .. 'details', left) end
call('PEXPIRE', K .. 'once', 60000)
return 1
