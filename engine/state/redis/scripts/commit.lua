-- Commit: the one call by which a session takes part. ARGV: the call, the session, its steps as packed by the engine, the
-- first error of the run, then nodes and their outputs in turn, then details.
local blob, name = ARGV[1], ARGV[2]
local _, number, lease, blocks, keep, want, stepCount, mistake, maxNode, maxBit, nClasses, nEnds, nTold, nOnward, nEdges,
  nUnhold, nStarted, nOutputs, nDetails, at = parse('<dddI4I4I4I4BddHHHHHHHHH', blob)

local function numbers(count)
  local list = {}
  for i = 1, count do list[i], at = parse('<I4', blob, at) end
  return list
end

local function readClasses()
  local list = {}
  for i = 1, nClasses do list[i], at = parse('<H', blob, at) end
  return list
end

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
  for i = 1, nEnds do
    local e = {}
    local flags
    e.node, e.count, e.class, e.outcome, flags, at = parse('<I4I4HBB', blob, at)
    e.isLocal, e.task, e.sink, e.more = flags % 2 >= 1, flags % 4 >= 2, flags % 8 >= 4, flags % 16 >= 8
    if e.outcome == 3 then e.delay, at = parse('<d', blob, at) end
    if flags >= 16 then e.expand = readExpand() end
    list[i] = e
  end
  return list
end

local function readOnward()
  local list = {}
  for i = 1, nOnward do
    local r = {}
    r[1], r[2], r[3], at = parse('<I4I4H', blob, at)
    list[i] = r
  end
  return list
end

-- again lists for the reply all that a session holds.
local function again(s)
  local nodes, class, since, flags, status = held(s)
  local odds, records = {}, {}
  for _, id in ipairs(nodes) do
    if flags[id] % 2 == ODD then odds[#odds + 1] = id end
  end
  for i = 1, #odds, many do
    local raw = call('HMGET', K .. 'odd', unpack(odds, i, math.min(i + many - 1, #odds)))
    for j, record in ipairs(raw) do records[odds[i + j - 1]] = record end
  end
  local function isPlain(id) return flags[id] % 2 == 0 and flags[id] % 16 < TELLING end
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

-- edges sets the bits of the commit: runs of plain ones together, those with outputs that are held one by one.
local function edges(s)
  local runs = {}
  for _ = 1, nEdges do
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

-- told ends the claims on nodes all of whose edges are set by now.
local function told(s, ids)
  for _, id in ipairs(ids) do
    local odd = rare()
    local n = odd.load(id)
    if n.telling and n.owner == s.worker + 1 then
      odd.unclaim(n)
      odd.store(n)
    end
  end
end

-- goOn claims a range of plain nodes that the session goes on with.
local function goOn(s, node, count, class)
  s.claims, run.claims = s.claims + count, run.claims + count
  note(s, node, 1, count, class, now)
  claimed[#claimed + 1] = pack('<BI4I4I4Hd', PLAIN, node, 1, count, class, now)
end

-- onward claims what the session goes on with: ranges of nodes, as long as they wait.
local function onward(s, ranges)
  if run.stopping ~= 0 or #ranges == 0 then return end
  local waiting = {}
  for i, r in ipairs(ranges) do
    waiting[i] = { node = r[1], count = r[2], old = BLOCKED, new = (s.worker + 1) * 65536 + CLAIMED }
  end
  local all = swap(waiting)
  for i, r in ipairs(ranges) do
    local node, count, class = r[1], r[2], r[3]
    if all or swap({ waiting[i] }) then
      goOn(s, node, count, class)
    else
      local odd = rare()
      for id = node, node + count - 1 do
        local n = odd.load(id)
        if n.status == BLOCKED and n.awaits == 0 then
          n.class = class
          odd.ready(n)
          odd.claim(s, n)
          claimed[#claimed + 1] = odd.describe(n)
        end
      end
    end
  end
end

-- started notes that attempts have been announced.
local function started(s, ids)
  for _, id in ipairs(ids) do
    local key = format('%d', id * 4)
    local owner, flags, status = parse('>I2BB', call('GETRANGE', NODES, key, format('%d', id * 4 + 3)))
    if status == CLAIMED and owner == s.worker + 1 then
      call('SETRANGE', NODES, key, pack('>I2BB', owner, bit.bor(flags, STARTED), status))
    end
  end
end

-- reply answers a commit that is applied, by now or before.
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
  return answer(verdict, 0, 0, run.blocks > blocks and call('GETRANGE', K .. 'blocks', format('%d', blocks * 16), -1) or '')
end

local s = session(name)
if not s or s.over then return answer(FENCED) end
if number > 0 and number <= s.last then
  again(s)
  return reply(REPEATED, s)
end
if number ~= s.last + 1 then return answer(MALFORMED, 1) end
if mistake > 0 then return answer(MALFORMED, mistake) end
if maxNode >= run.nodes or maxBit >= run.bits then return answer(MALFORMED, 2) end

local classes, ends, toldIDs, onwards = readClasses(), readEnds(), numbers(nTold), readOnward()
if bounded then
  for _, e in ipairs(ends) do
    if e.isLocal and bounds[e.class] then return answer(MALFORMED, 3) end
  end
  for _, r in ipairs(onwards) do
    if bounds[r[3]] then return answer(MALFORMED, 4) end
  end
end
if not endPlain(s, ends) then
  local verdict = endAny(s, ends)
  if verdict then return answer(verdict, 5) end
end
s.last, s.till, s.beat = number, now + lease, now
if s.till < run.lease then run.lease = s.till end
if stepCount > 0 then
  actor, steps, packed = s.worker, stepCount, ARGV[3]
  run.seq = run.seq + stepCount
end
told(s, toldIDs)
onward(s, onwards)
edges(s)
for _, id in ipairs(numbers(nUnhold)) do hold().unhold(s, id) end
due()
grant(s, keep, want, classes)
started(s, numbers(nStarted))
endRun()

writeJournal(s)
s.touched = false
saveSession(s)
if odd then odd.saveSessions() end
saveRun()
if ARGV[4] ~= '' then call('HSETNX', K .. 'run', 'first', ARGV[4]) end
for i = 1, 2 * nOutputs, many do
  call('HSET', K .. 'out', unpack(ARGV, 4 + i, math.min(3 + i + many, 4 + 2 * nOutputs)))
end
for i = 1, nDetails do call('XADD', K .. 'details', '*', 'd', ARGV[4 + 2 * nOutputs + i]) end
writeLog()
return reply(APPLIED, s)
