-- Steer: stops, pauses or resumes a run.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> packed: now num (ns since the run's start, negative for the server's clock); what u8 (0 stop, 1 pause,
--            2 resume, 3 a stop that is malformed); of stop: the status to end with u8, and the kind of a step to log u8,
--            0 for none
-- ARGV[2] -> of stop: the run's first error, JSON; '' for none
--
-- Reply: see answer in run.lua; nil where the run does not exist. Verdicts: APPLIED; REPEATED where the run is already
-- stopping, paused, or running; GONE; MALFORMED.
local _, what, status, reason = parse('<dBBB', ARGV[1])

if what == 3 then return answer(MALFORMED) end
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
