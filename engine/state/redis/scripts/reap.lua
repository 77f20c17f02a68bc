-- Reap: ends sessions whose lease has expired, or a given one, and releases what they hold, a limited number of nodes
-- with each call.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> packed: now num (ns since the run's start, negative for the server's clock), most nodes to handle u32, most
--            claims to release u32, losses that make a task poison u32 (0 for never), number of running nodes u32; then
--            these nodes u32: those that the dead process is known to have executed
-- ARGV[2] -> session, '' for all whose lease has expired
--
-- Reply: see answer in run.lua; nil where the run does not exist. Verdicts: APPLIED, with MORE as the reason if the call
-- has to be repeated to do the rest, and the lost claims; GONE.
local _, most, limit, poison, nRunning, at = parse('<dI4I4I4I4', ARGV[1])
local only = ARGV[2]
local runningNodes = {}
for _ = 1, nRunning do
  local id
  id, at = parse('<I4', ARGV[1], at)
  runningNodes[id] = true
end
if only == '' and now < run.lease then return answer(APPLIED) end
local odd, holding = rare(), hold()

-- due lists the sessions to reap, in the order of their numbers.
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

-- examine decides about the claims of a dead session. It returns {nodes: claims in the order of release; running: how many
-- of the first ones were running; rest: whether all others are suspects; culprit: the node that is charged with the loss,
-- or nil; class, since: by node}. The engine's own nodes are never suspects.
local function examine(s)
  local nodes, class, since, flags = held(s)
  local running, others, suspects = {}, {}, { running = {}, others = {} }
  for _, id in ipairs(nodes) do
    local isRunning = runningNodes[id]
    local list = isRunning and running or others
    list[#list + 1] = id
    if class[id] ~= ENGINE and flags[id] % 16 < PENDING then
      list = isRunning and suspects.running or suspects.others
      if #list < 2 then list[#list + 1] = id end -- more than two make no difference
    end
  end
  local v = { running = #running, nodes = running, class = class, since = since }
  if s.resigned then v.rest = s.suspect else v.rest = #running == 0 end
  local accused = v.rest and suspects.others or suspects.running
  if not s.resigned and #accused == 1 and (not v.rest or nRunning == 0) then v.culprit = accused[1] end
  for i, id in ipairs(others) do v.nodes[v.running + i] = id end
  return v
end

-- lose releases a claim of a dead session.
local function lose(s, id, v, isRunning)
  local n = odd.load(id)
  n.class, n.since = n.class or v.class[id], n.since or v.since[id]
  local accusable, charged = not n.pending and n.class ~= ENGINE, n.id == v.culprit
  local suspect = accusable and (v.rest or isRunning)
  local hadStarted = n.started or charged or (accusable and isRunning)
  local description, pending = odd.describe(n), n.pending
  odd.unclaim(n)
  if hadStarted then
    n.attempts = n.attempts + 1
    plain(6, 5, now, n.id, n.epoch, n.attempts, s.worker) -- AttemptEnded, lost
  end
  if suspect then n.solo = 64 end
  if charged then
    n.losses = n.losses + 1
    if poison > 0 and n.losses >= poison then
      n.poison = 1
      odd.toEngine(n)
    end
  end
  odd.requeue(n, pending)
  lost[#lost + 1] = pack('<I4HBH', s.worker, n.losses, (hadStarted and 1 or 0) + (charged and 2 or 0), #s.name)
    .. s.name .. description
end

-- reapSession ends a session and releases its claims, as far as the limit allows.
local function reapSession(s)
  local v = examine(s)
  if not s.resigned then s.suspect, s.resigned, s.touched = v.rest or v.running > limit - #lost, true, true end
  for i = 1, math.min(limit - #lost, #v.nodes) do lose(s, v.nodes[i], v, i <= v.running) end
  if s.claims > 0 then return end
  plain(4, 5, now, 0, 0, 0, s.worker) -- WorkerStopped, lost
  holding.forget(s)
end

local more = false
local done = 0 -- nodes handled so far
for _, s in ipairs(due()) do
  if #lost >= limit then break end
  local resigned = s.resigned
  if not resigned then
    local n
    n, resigned = holding.resign(s, most - done)
    done = done + n
  end
  local next = math.min(limit - #lost, s.claims)
  if not resigned or (done > 0 and done + next > most) then
    more = true
    break
  end
  reapSession(s)
  done = done + next + 1
end
-- No lease expires before this moment.
run.lease = math.huge
for _, s in pairs(sessions) do run.lease = math.min(run.lease, s.over and 0 or s.till) end
endRun()
odd.saveSessions()
saveRun()
writeLog()
return answer(APPLIED, more and MORE or 0)
