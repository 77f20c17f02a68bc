-- Open: begins a session.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> packed: now num (ns since the run's start, negative for the server's clock), lease num in ns
-- ARGV[2] -> session, a name that is never used again
-- ARGV[3] -> record of its worker, JSON
--
-- Reply: see answer in run.lua, with the session's number in the run; nil where the run does not exist. Verdicts:
-- APPLIED; REPEATED where the session exists; GONE; FENCED where it is over; MALFORMED without a name.
local _, lease = parse('<dd', ARGV[1])
local name = ARGV[2]
if name == '' then return answer(MALFORMED) end
local s = session(name)
if s then return answer(s.over and FENCED or REPEATED, 0, s.worker) end
s = {
  name = name, worker = run.workers, last = 0, till = now + lease, beat = now, claims = 0, solo = 0, journal = 0, ready = 0, owed = 0,
}
run.workers = run.workers + 1
if s.till < run.lease then run.lease = s.till end
saveSession(s)
call('HSET', K .. 'records', name, ARGV[3])
saveRun()
return answer(APPLIED, 0, s.worker)
