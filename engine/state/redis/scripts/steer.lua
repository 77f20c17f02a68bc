-- Stop, Pause and Resume. ARGV: the call: what, the status to stop with, the step that tells of it; the run's first error.
local _, what, status, reason = parse('<dBBB', ARGV[1])

if what == 3 then return answer(MALFORMED, 9) end
if what == 0 then -- stop
  if run.stopping ~= 0 then return answer(REPEATED) end
  if reason ~= 0 then plain(reason, 0, 0) end
  stop(status)
  endRun()
  if ARGV[2] ~= '' then call('HSETNX', K .. 'run', 'first', ARGV[2]) end
elseif what == 1 then -- pause
  if run.status ~= RUNNING or run.stopping ~= 0 then return answer(REPEATED) end
  run.status = 2
  plain(9, 0, 0)
  news()
else -- resume
  if run.status == RUNNING then return answer(REPEATED) end
  run.status = RUNNING
  plain(10, 0, 0)
  news()
end
saveRun()
writeLog()
return answer(APPLIED)
