-- Leave: ends a session. What it still holds is given back. ARGV: the call, the session. The reply tells MORE as long as
-- something is left: what a session holds is given back a part at a time.
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
    odd.giveBack(n)
  end
  if s.claims == 0 then hold().forget(s) end
end
endRun()
odd.saveSessions()
saveRun()
writeLog()
return answer(APPLIED, sessions[s.name] and MORE or 0)
