-- Commit: applies one commit of a session, completely or not at all. It is the only call by which a session ends, claims
-- and extends its lease.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> the commit, packed: the header and the lists below
-- ARGV[2] -> session, as given to Open
-- ARGV[3] -> its steps, as the engine packs them; '' for none
-- ARGV[4] -> the run's first error, JSON; '' for none
-- ARGV[5] .. ARGV[4 + 2 * outputs]      -> node (decimal) and output (see :out in FORMAT.md), in turn
-- ARGV[5 + 2 * outputs] .. ARGV[#ARGV]  -> details, in any format
--
-- Header of ARGV[1], little endian. num is a float64:
--   now       num  the moment, in ns since the run's start; negative for the server's clock
--   number    num  the commit's number in the session, from 1 without gaps
--   lease     num  until when the session is valid, in ns from now
--   blocks    u32  blocks of the graph that the session knows; the reply has the later ones
--   keep      u32  most of the nodes made ready by this commit that the session claims
--   want      u32  most nodes that it claims in all, except those of onward
--   steps     u32  steps in ARGV[3]
--   malformed u8   1 if the commit is malformed in every state of the run, and has no lists; see ledger.Validate
--   maxNode   num  the largest node that it names, -1 for none
--   maxBit    num  the largest edge that it sets, -1 for none
--   classes, ends, finished, onward, edges, unhold, started, outputs, details
--             u16  lengths of the following lists, outputs and details of those in ARGV
-- Lists of ARGV[1], in this order:
--   classes   u16                 to claim from, in order of preference
--   ends      node, count u32, class u16, outcome u8, flags u8 (1 local, 2 task, 4 sink, 8 more, 16 expand), for
--             RETRYING delay num, with expand an expansion: see readExpand. A run of nodes that ended alike
--   finished  u32                 nodes all of whose edges are set: ends their claims
--   onward    node, count u32, class u16   blocked nodes to continue with: claims them
--   edges     offset, offsetStep, count, child, childStep, waits u32, class u16, from i32 (index of the first end, from
--             0, -1 for none), flags u8 (1 each edge leaves the next end, 2 bad, 4 hold), with hold the size num and
--             parent u32. A run of edges
--   unhold    u32                 nodes whose reservations end
--   started   u32                 claimed nodes whose start is announced in ARGV[3]
--
-- Reply: see answer in run.lua; nil where the run does not exist. Verdicts:
--   APPLIED    all of it was done; claims are those that it granted, onward first
--   REPEATED   it was applied before, and nothing was done; claims are all that the session holds
--   GONE       the run has ended
--   FENCED     the session is unknown or over
--   MALFORMED  it is invalid in every state or in this one; MISNUMBERED: its number is not the next one
--   EXHAUSTED  the run has no retries left; TOO_WIDE: an expansion is beyond the run's limits
-- Except for APPLIED, nothing has changed.
--
local blob, name = ARGV[1], ARGV[2]
local at -- position in blob

-- The header. A table with named fields costs 2 % of a commit with one end more than locals do; one that does not have all
-- its keys from the start costs 4 %, since it grows five times. See BenchmarkScripts.
local c = {
  now = 0, number = 0, lease = 0, blocks = 0, keep = 0, want = 0, steps = 0, malformed = 0, maxNode = 0, maxBit = 0,
  classes = 0, ends = 0, finished = 0, onward = 0, edges = 0, unhold = 0, started = 0, outputs = 0, details = 0,
}
c.now, c.number, c.lease, c.blocks, c.keep, c.want, c.steps, c.malformed, c.maxNode, c.maxBit, c.classes, c.ends, c.finished,
  c.onward, c.edges, c.unhold, c.started, c.outputs, c.details, at = parse('<dddI4I4I4I4BddHHHHHHHHH', blob)

local function readNumbers(count)
  local list = {}
  for i = 1, count do list[i], at = parse('<I4', blob, at) end
  return list
end

local function readClasses()
  local list = {}
  for i = 1, c.classes do list[i], at = parse('<H', blob, at) end
  return list
end

-- readExpand reads an expansion: width, size (nodes of an instance), bits, tasks, edges and sinks of an instance, number
-- of classes, u32 each; for each class of roots the class u16, their count u32 and their offsets in an instance, u32
-- each; then the records of the nodes of an instance.
local function readExpand()
  local x = { roots = {} }
  local classes
  x.width, x.size, x.bits, x.tasks, x.edges, x.sinks, classes, at = parse('<I4I4I4I4I4I4I4', blob, at)
  for i = 1, classes do
    local roots = {}
    roots.class, roots.count, at = parse('<HI4', blob, at)
    roots.offsets, at = sub(blob, at, at + 4 * roots.count - 1), at + 4 * roots.count
    x.roots[i] = roots
  end
  x.instance, at = sub(blob, at, at + 4 * x.size - 1), at + 4 * x.size
  return x
end

local function readEnds()
  local list = {}
  for i = 1, c.ends do
    local e = {}
    local flags
    e.node, e.count, e.class, e.outcome, flags, at = parse('<I4I4HBB', blob, at)
    e.isLocal, e.task, e.sink, e.more = flags % 2 >= 1, flags % 4 >= 2, flags % 8 >= 4, flags % 16 >= 8
    if e.outcome == RETRYING then e.delay, at = parse('<d', blob, at) end
    if flags >= 16 then e.expand = readExpand() end
    list[i] = e
  end
  return list
end

local function readOnward()
  local list = {}
  for i = 1, c.onward do
    local r = {}
    r.node, r.count, r.class, at = parse('<I4I4H', blob, at)
    list[i] = r
  end
  return list
end

-- describeHeld adds to the reply all claims of a session.
local function describeHeld(s)
  local nodes, class, since, flags, status = held(s)
  local odds, records = {}, {}
  for _, id in ipairs(nodes) do
    if flags[id] % 2 == ODD then odds[#odds + 1] = id end
  end
  for i = 1, #odds, many do
    local raw = call('HMGET', K .. 'odd', unpack(odds, i, math.min(i + many - 1, #odds)))
    for j, record in ipairs(raw) do records[odds[i + j - 1]] = record end
  end
  local function isPlain(id) return flags[id] % 2 == 0 and flags[id] % 16 < PENDING end
  local function alike(a, b)
    return isPlain(a) and isPlain(b) and flags[a] % 4 == flags[b] % 4 and class[a] == class[b] and since[a] == since[b]
  end
  rows(nodes, alike, function(id, count)
    if not isPlain(id) then
      claimed[#claimed + 1] = rare().describeHeld(id, class[id], since[id], flags[id], status[id], records[id])
    else
      claimed[#claimed + 1] = pack('<BI4I4I4Hd', flags[id] % 4 >= BAD and SKIP or PLAIN, id, 1, count, class[id], since[id])
    end
  end)
end

-- setAllEdges sets the bits of the commit: runs without Hold together, edges with Hold one by one.
local function setAllEdges(s)
  local runs = {}
  for _ = 1, c.edges do
    local r = {}
    local flags
    r.offset, r.offsetStep, r.count, r.child, r.childStep, r.waits, r.class, r.from, flags, at =
      parse('<I4I4I4I4I4I4Hi4B', blob, at)
    r.fromStep, r.bad = flags % 2, flags % 4 >= 2
    for i = 0, r.count - 1 do
      if s.owed == 0 then break end
      hold().settle(s, r.offset + i * r.offsetStep)
    end
    if flags < 4 then
      runs[#runs + 1] = r
    else
      if #runs > 0 then setEdges(runs) end
      runs = {}
      r.hold, r.parent, at = parse('<dI4', blob, at)
      hold().set(r, s)
    end
  end
  if #runs > 0 then setEdges(runs) end
end

-- finishPending ends the claims on nodes all of whose edges are set.
local function finishPending(s, ids)
  for _, id in ipairs(ids) do
    local odd = rare()
    local n = odd.load(id)
    if n.pending and n.owner == s.worker + 1 then
      odd.unclaim(n)
      odd.store(n)
    end
  end
end

-- claimOnward claims the ranges of nodes with which the session continues, as far as they are blocked.
local function claimOnward(s, ranges)
  if run.stopping ~= 0 or #ranges == 0 then return end
  local waiting = {}
  for i, r in ipairs(ranges) do
    waiting[i] = { node = r.node, count = r.count, old = BLOCKED, new = (s.worker + 1) * 65536 + CLAIMED }
  end
  local all = swap(waiting)
  for i, r in ipairs(ranges) do
    if all or swap({ waiting[i] }) then -- a range of plain nodes
      s.claims, run.claims = s.claims + r.count, run.claims + r.count
      note(s, r.node, 1, r.count, r.class, now)
      claimed[#claimed + 1] = pack('<BI4I4I4Hd', PLAIN, r.node, 1, r.count, r.class, now)
    else
      local odd = rare()
      for id = r.node, r.node + r.count - 1 do
        local n = odd.load(id)
        if n.status == BLOCKED and n.awaits == 0 then
          n.class = r.class
          odd.ready(n)
          odd.claim(s, n)
          claimed[#claimed + 1] = odd.describe(n)
        end
      end
    end
  end
end

-- markStarted sets the flag of nodes whose attempts are announced.
local function markStarted(s, ids)
  for _, id in ipairs(ids) do
    local key = format('%d', id * 4)
    local owner, flags, status = parse('>I2BB', call('GETRANGE', NODES, key, format('%d', id * 4 + 3)))
    if status == CLAIMED and owner == s.worker + 1 then
      call('SETRANGE', NODES, key, pack('>I2BB', owner, bit.bor(flags, STARTED), status))
    end
  end
end

-- reply answers a commit that is applied, by this call or an earlier one.
local function reply(verdict, s)
  if s.owed > 0 then
    local parents, seen = {}, {}
    for _, raw in ipairs(call('ZRANGE', K .. 'owed:' .. s.worker, 0, -1)) do
      local parent = parse('<I4', raw, 15)
      if not seen[parent] then parents[#parents + 1] = parent end
      seen[parent] = true
    end
    table.sort(parents)
    for i, parent in ipairs(parents) do store[i] = pack('<I4', parent) end
  end
  local blocks = run.blocks > c.blocks and call('GETRANGE', K .. 'blocks', format('%d', c.blocks * 16), -1) or ''
  return answer(verdict, 0, 0, blocks)
end

local s = session(name)
if not s or s.over then return answer(FENCED) end
if c.number > 0 and c.number <= s.last then
  describeHeld(s)
  return reply(REPEATED, s)
end
if c.number ~= s.last + 1 then return answer(MALFORMED, MISNUMBERED) end
if c.malformed > 0 or c.maxNode >= run.nodes or c.maxBit >= run.bits then return answer(MALFORMED) end

local classes, ends, finished, onward = readClasses(), readEnds(), readNumbers(c.finished), readOnward()
if bounded then
  for _, e in ipairs(ends) do
    if e.isLocal and bounds[e.class] then return answer(MALFORMED) end
  end
  for _, r in ipairs(onward) do
    if bounds[r.class] then return answer(MALFORMED) end
  end
end
if not endPlain(s, ends) then
  local verdict = endAny(s, ends)
  if verdict then return answer(verdict) end
end
s.last, s.till, s.beat = c.number, now + c.lease, now
if s.till < run.lease then run.lease = s.till end
if c.steps > 0 then
  actor, steps, packed = s.worker, c.steps, ARGV[3]
  run.seq = run.seq + c.steps
end
finishPending(s, finished)
claimOnward(s, onward)
setAllEdges(s)
for _, id in ipairs(readNumbers(c.unhold)) do hold().unhold(s, id) end
due()
grant(s, c.keep, c.want, classes)
markStarted(s, readNumbers(c.started))
endRun()

writeJournal(s)
s.touched = false
saveSession(s)
if odd then odd.saveSessions() end
saveRun()
if ARGV[4] ~= '' then call('HSETNX', K .. 'run', 'first', ARGV[4]) end
local details = 4 + 2 * c.outputs -- before the first one
for i = 5, details, many do call('HSET', K .. 'out', unpack(ARGV, i, math.min(i + many - 1, details))) end
for i = details + 1, details + c.details do call('XADD', K .. 'details', '*', 'd', ARGV[i]) end
writeLog()
return reply(APPLIED, s)
