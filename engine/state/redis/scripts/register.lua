-- Register: enters a stored output, which expires until then, in the index of a run that goes on. ARGV: its key. The reply
-- is 1, 0 where the run is over and the output is dropped, or nil where there is no run.
local raw = call('GET', K .. 'state')
if not raw or readState(raw).status >= 3 then
  call('UNLINK', K .. 'out:' .. ARGV[1])
  return raw and 0 or false
end
call('SADD', K .. 'keys', ARGV[1])
call('PERSIST', K .. 'out:' .. ARGV[1])
return 1
