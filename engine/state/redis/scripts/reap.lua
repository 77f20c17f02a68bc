-- Reap: ends sessions whose lease has run out, or the one that ARGV names. ARGV: the call, the session or ''.
local _, limit, poison, nRunning, at = parse('<dI4I4I4', ARGV[1])
local only = ARGV[2]
local runningNodes = {}
for _ = 1, nRunning do
  local id
  id, at = parse('<I4', ARGV[1], at)
  runningNodes[id] = true
end
if only == '' and now < run.lease then return answer(APPLIED) end
local odd, holding = rare(), hold()

-- due lists the sessions that are to be reaped, in the order of their numbers, and notes when the next one may be.
local function due()
  local list = {}
  local all = call('HGETALL', K .. 'sessions')
  for i = 1, #all, 2 do
    local s = readSession(all[i], all[i + 1])
    if only == s.name or only == '' and (s.over or s.till <= now) then list[#list + 1] = s end
  end
  table.sort(list, function(a, b) return a.worker < b.worker end)
  return list
end

-- accusable: the engine's own nodes take nobody down.
local function accusable(n) return not n.telling and n.class ~= ENGINE end

-- examine thinks about the claims of a dead session: those to be taken first, whether all others are suspects too, and
-- the node that is charged.
local function examine(s)
  local running, others = {}, {}
  for _, h in ipairs(held(s)) do
    local n = odd.load(h[1])
    n.class, n.since = n.class or h[2], n.since or h[3]
    local list = runningNodes[n.id] and running or others
    list[#list + 1] = n
  end
  local v = { running = #running, claims = running }
  if s.over then v.rest = s.suspect else v.rest = #running == 0 end
  local suspects = {}
  for _, n in ipairs(v.rest and others or running) do
    if accusable(n) then suspects[#suspects + 1] = n end
  end
  if not s.over and #suspects == 1 and (not v.rest or nRunning == 0) then v.culprit = suspects[1].id end
  for i, n in ipairs(others) do v.claims[v.running + i] = n end
  return v
end

-- lose takes a claim from a dead session.
local function lose(s, n, v, isRunning)
  local suspect = accusable(n) and (v.rest or isRunning)
  local description, hadStarted, telling = odd.describe(n), n.started, n.telling
  odd.unclaim(n)
  if hadStarted then
    n.attempts = n.attempts + 1
    plain(6, 5, now, n.id, n.epoch, n.attempts, s.worker) -- AttemptEnded, lost
  end
  if suspect then n.solo = 64 end
  local charged = n.id == v.culprit
  if charged then
    n.losses = n.losses + 1
    if poison > 0 and n.losses >= poison then
      n.poison = 1
      odd.toEngine(n)
    end
  end
  odd.requeue(n, telling)
  lost[#lost + 1] = pack('<I4HBH', s.worker, n.losses, (hadStarted and 1 or 0) + (charged and 2 or 0), #s.name)
    .. s.name .. description
end

-- bury ends a session and takes its claims, or as many as the limit allows.
local function bury(s, most)
  local v = examine(s)
  if not s.over then
    s.suspect = v.rest or v.running > most
    holding.resign(s)
  end
  for i = 1, math.min(most, #v.claims) do lose(s, v.claims[i], v, i <= v.running) end
  if s.claims > 0 then return end
  plain(4, 5, now, 0, 0, 0, s.worker) -- WorkerStopped, lost
  holding.forget(s)
end

if limit == 0 then limit = 100 end
for _, s in ipairs(due()) do
  if #lost >= limit then break end
  bury(s, limit - #lost)
end
-- From here on nobody's lease runs out before this moment.
run.lease = math.huge
for _, s in pairs(sessions) do run.lease = math.min(run.lease, s.over and 0 or s.till) end
endRun()
odd.saveSessions()
saveRun()
writeLog()
return answer(APPLIED)
