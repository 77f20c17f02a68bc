-- Register: adds a stored output to the index of an active run, so that it does not expire.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> KEY of the output, which is stored as out:KEY
--
-- Reply: 1; 0 where the run has ended; nil where it does not exist. Unless the reply is 1, the output is deleted.
local raw = call('GET', K .. 'state')
if not raw or readState(raw).status >= 3 then
  call('UNLINK', K .. 'out:' .. ARGV[1])
  return raw and 0 or false
end
call('SADD', K .. 'keys', ARGV[1])
call('PERSIST', K .. 'out:' .. ARGV[1])
return 1
