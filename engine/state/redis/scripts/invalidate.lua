-- Invalidate: releases a claim whose inputs are lost, and has these computed again.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> packed: now num (ns since the run's start, negative for the server's clock); the claim, as consumer u32,
--            epoch u16, since num; number of lost inputs u32; 1 if the call is malformed in every state u8;
--            then for each lost input node u32, class u16, epoch u16, flags u8 (1 task, 2 sink)
-- ARGV[2] -> session that has the claim
--
-- Reply: see answer in run.lua; nil where the run does not exist. Verdicts:
--   APPLIED    the consumer waits for its inputs, and those whose last output was lost are ready in their next epoch
--   REPEATED   the session does not have that claim (any more)
--   AGAIN      no input is lost: later epochs have outputs; store in the reply has their epochs, in the order of ARGV[1]
--   GONE, FENCED, MALFORMED  as of commit
-- Except for APPLIED, nothing has changed.
local _, consumer, epoch, since, nLost, malformed, at = parse('<dI4HdI4B', ARGV[1])
local s = session(ARGV[2])
if not s or s.over then return answer(FENCED) end
if malformed > 0 or consumer >= run.nodes then return answer(MALFORMED) end
local lives = {}
for i = 1, nLost do
  local life = {}
  local flags
  life.node, life.class, life.epoch, flags, at = parse('<I4HHB', ARGV[1], at)
  life.task, life.sink = flags % 2 == 1, flags >= 2
  if life.node >= run.nodes then return answer(MALFORMED) end
  lives[i] = life
end

local MAX_AWAITED, LOOK_AGAIN = 128, 1e9 -- as in engine/state/ledger
local odd = rare()
local n = odd.load(consumer)
odd.recall(n)
if n.status ~= CLAIMED or n.owner ~= s.worker + 1 or n.epoch ~= epoch or n.since ~= since then return answer(REPEATED) end

-- missing returns whether the lost output is the node's latest one.
local function missing(life, l) return l.status == OK and l.epoch == life.epoch end

local any = false
for i, life in ipairs(lives) do
  local l = odd.load(life.node)
  any = any or l.status ~= OK or missing(life, l)
  store[i] = pack('<I4', l.epoch)
end
if not any then return answer(AGAIN) end
store = {}

-- rerun makes a node ready in its next epoch. Its pending edges are dropped, since all will be set again.
local function rerun(life, l)
  if l.pending and l.owner == 0 then
    call('LREM', K .. 'ready:' .. ENGINE, 1, pack(ENTRY, l.id, 1, 0, 1, 0, EDGES))
    run.waiting = run.waiting - 1
    grow(ENGINE, -1)
  elseif l.pending then
    odd.unclaim(l)
  end
  l = {
    id = l.id, owner = 0, pending = false, epoch = l.epoch + 1, attempts = 0, errors = 0, losses = 0, solo = 0, poison = 0,
    due = 0, awaits = 0, reserver = 0, size = 0, parent = 0, held = {}, awaited = {},
  }
  if life.sink then run.open = run.open + 1 end
  if life.task then run.done = run.done - 1 end
  odd.makeReady(l, life.class)
  return l
end

odd.unclaim(n)
n.status = BLOCKED
local crowded = false
for i, life in ipairs(lives) do
  local l = odd.load(life.node)
  if missing(life, l) then l = rerun(life, l) end
  life.now = l
  if l.status >= OK then n.bad = n.bad or l.status ~= OK end
  crowded = crowded or #l.awaited >= MAX_AWAITED
end
for _, life in ipairs(lives) do
  local l = life.now
  if l.status < OK and not crowded then
    odd.recall(l)
    if l.status == READY and not odd.isOdd(l) and run.flags < 4 then run.flags = run.flags + 4 end
    l.awaited[#l.awaited + 1] = consumer
    n.awaits = n.awaits + 1
    odd.store(l)
  end
end
if crowded then odd.wait(n, now + LOOK_AGAIN) else odd.store(n) end
queueMade()
if n.awaits == 0 and not crowded then
  odd.toEngine(n) -- one of them has failed
  odd.requeue(n, false)
end
endRun()
odd.saveSessions()
saveRun()
writeLog()
return answer(APPLIED)
