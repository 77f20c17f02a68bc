-- Open: begins a session. ARGV: the call, the session, the record of its worker.
local _, lease = parse('<dd', ARGV[1])
local name = ARGV[2]
if name == '' then return answer(MALFORMED, 6) end
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
