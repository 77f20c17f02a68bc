-- Leave: ends a session. What it still holds is given back. ARGV: the call, the session.
local s = session(ARGV[2])
if not s or s.over then return answer(FENCED) end
local odd = rare()
hold().resign(s)
for _, h in ipairs(held(s)) do
  local n = odd.load(h[1])
  n.class, n.since = n.class or h[2], n.since or h[3]
  odd.giveBack(n)
end
hold().forget(s)
endRun()
odd.saveSessions()
saveRun()
writeLog()
return answer(APPLIED)
