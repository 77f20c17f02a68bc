-- Leave: ends a session, and releases what it holds, a limited number of nodes with each call.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> packed: now num (ns since the run's start, negative for the server's clock), most nodes to handle u32
-- ARGV[2] -> session
--
-- Reply: see answer in run.lua; nil where the run does not exist. Verdicts: APPLIED, with MORE as the reason if the same
-- call has to be repeated to release the rest; GONE; FENCED where the session is unknown or was reaped. The session is
-- over with the first call.
local _, most = parse('<dI4', ARGV[1])
local s = session(ARGV[2])
if not s or (s.over and not s.leaving) then return answer(FENCED) end
local odd = rare()
s.leaving = true
local done, resigned = hold().resign(s, most)
if resigned and (done == 0 or done + s.claims <= most) then
  s.resigned = true
  local nodes, class, since = held(s)
  for i = 1, math.min(#nodes, most) do
    local n = odd.load(nodes[i])
    n.class, n.since = n.class or class[n.id], n.since or since[n.id]
    odd.release(n)
  end
  if s.claims == 0 then hold().forget(s) end
end
endRun()
odd.saveSessions()
saveRun()
writeLog()
return answer(APPLIED, sessions[s.name] and MORE or 0)
