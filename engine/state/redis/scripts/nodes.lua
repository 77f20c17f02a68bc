-- Library: nodes, queues and journals. The record of a node is four bytes of :nodes: its owner (u16, the number of the
-- session that has claimed it, plus one), flags and status. A plain node has no other data; plain nodes are handled in
-- ranges of count nodes, step apart. A node with more data is odd, and is handled alone, by rare.lua.
local ODD, BAD, STARTED, PENDING, BOUND = 1, 2, 4, 8, 16
local PLAIN, SKIP, OTHER, EDGES = 0, 1, 2, 3 -- kinds of entries: to run, to skip, odd, ended with edges to set
local NODES = K .. 'nodes'
local many = 1000 -- fields of one BITFIELD; a call from Lua has at most 8,000 arguments

-- bitfield applies one operation to fields of a key, step apart, and returns the results.
local function bitfield(key, op, kind, field, step, count, value)
  local args, n = {}, 0
  for i = 0, count - 1 do
    args[n + 1], args[n + 2], args[n + 3] = op, kind, format('#%d', field + i * step)
    n = n + 3
    if value then
      n = n + 1
      args[n] = value
    end
  end
  return call('BITFIELD', key, unpack(args))
end

local function setNodes(node, step, count, status, flags, owner)
  if step == 1 or count == 1 then
    call('SETRANGE', NODES, format('%d', node * 4), rep(pack('>I2BB', owner, flags, status), count))
    return
  end
  local value = format('%d', owner * 65536 + flags * 256 + status)
  for i = 0, count - 1, many do
    bitfield(NODES, 'SET', 'u32', node + i * step, step, math.min(many, count - i), value)
  end
end

-- An entry of a queue is a range of nodes: those with numbers i from next to total - 1, where node i is
-- node + floor(i / #offsets) * step + offsets[i % #offsets]; without offsets, they are a single 0.
local ENTRY = '<I4I4I4I4dB' -- node, step, next, total, since, kind; then offsets, u32 each

local function push(class, entries, front)
  local have = call(front and 'LPUSH' or 'RPUSH', K .. 'ready:' .. class, unpack(entries))
  if have == #entries then call('SADD', K .. 'queues', class) end
end

-- made lists what this operation has made ready and not yet claimed or queued, in order. An item is a range {class, kind,
-- node, step, count}; the roots of a fan-out's instances {roots, node, step, count}, with roots as in ends.lua; or, with
-- kind OTHER, a single odd node.
local made = {}
local rare -- defined in rare.lua

-- joins extends the last item of a queue by another one if both together are a range, and returns whether it did.
local function joins(tail, item)
  if not tail or tail.offsets or item.offsets or tail.kind ~= item.kind then return false end
  if tail.count == 1 and item.count == 1 and item.node > tail.node then
    tail.step = item.node - tail.node
  elseif item.node ~= tail.node + tail.step * tail.count or (item.count > 1 and item.step ~= tail.step) then
    return false
  end
  tail.count = tail.count + item.count
  return true
end

-- byClass splits the roots of a fan-out into an item for each class, {class, kind, node, step, count, from}, of which
-- those before number from are claimed; with {width, offsets} where an instance has several roots of the class.
local function byClass(item, taken)
  local items = {}
  for i, of in ipairs(item.roots) do
    items[i] = { class = of.class, kind = PLAIN, node = item.node, step = item.step, count = item.count, from = taken[i] or 0 }
    if of.count > 1 then
      items[i].width, items[i].offsets = of.count, of.offsets
    else
      local t = items[i]
      t.node, t.count, t.from = t.node + parse('<I4', of.offsets) + t.from * t.step, t.count - t.from, 0
    end
  end
  return items
end

-- pushAll appends items without odd nodes to the queue of a class.
local function pushAll(class, items)
  for i, t in ipairs(items) do
    items[i] = pack(ENTRY, t.node, t.step, t.from or 0, t.count * (t.width or 1), now, t.kind) .. (t.offsets or '')
  end
  for i = 1, #items, many do push(class, { unpack(items, i, math.min(i + many - 1, #items)) }) end
end

-- queueMade queues everything in made.
local function queueMade()
  if #made == 0 then return end
  local queues = {}
  local function queue(item)
    local class = item.class
    local n = item.count
    if item.offsets then n = n * item.width - item.from end
    grow(class, n)
    run.waiting = run.waiting + n
    local items = queues[class]
    if not items then
      items = {}
      queues[class] = items
    end
    if n > 0 and not joins(items[#items], item) then items[#items + 1] = item end
  end
  for _, item in ipairs(made) do
    if item.roots then
      for _, each in ipairs(byClass(item, {})) do queue(each) end
    elseif item.kind ~= OTHER then
      queue(item)
    else
      local odd = rare()
      local n = odd.loadMade(item)
      if queues[n.class] then pushAll(n.class, queues[n.class]) end
      queues[n.class] = nil
      odd.enqueue(n, false)
    end
  end
  made = {}
  for class, items in pairs(queues) do pushAll(class, items) end
end

-- Bounds of concurrency by class, and how many nodes of a class are claimed; only of runs that have bounds.
local bounds, claimedOf
if bounded then
  bounds, claimedOf = {}, {}
  for key, into in pairs({ bounds = bounds, running = claimedOf }) do
    local all = call('HGETALL', K .. key)
    for i = 1, #all, 2 do into[tonumber(all[i])] = tonumber(all[i + 1]) end
  end
end

-- room returns how many more nodes of a class may be claimed.
local function room(class)
  if not bounded or not bounds[class] then return math.huge end
  return bounds[class] - (claimedOf[class] or 0)
end

-- countBound adds to the number of claimed nodes of a class, if that is bounded.
local function countBound(class, by)
  if not bounded or not bounds[class] then return end
  claimedOf[class] = (claimedOf[class] or 0) + by
  call('HSET', K .. 'running', class, claimedOf[class])
end

-- The journal of a session lists the ranges that it has claimed, the latest last. Nodes in it that the session does not
-- own according to their record do not count; the journal is rewritten when these are most of it.
local CLAIM = '<I4I4I4Hd' -- node, step, count, class, since
local journal = {}

local function note(s, node, step, count, class, since)
  journal[#journal + 1] = pack(CLAIM, node, math.max(step, 1), count, class, since)
  s.journal = s.journal + count
end

-- note adds a range to the journal of a session.
local function claimRange(s, class, kind, node, step, count, since)
  if run.flags >= 4 then -- one of them may have become odd while it was in the queue
    local odd = rare()
    for i = 0, count - 1 do
      local n = odd.load(node + i * step)
      n.class, n.since = n.class or class, n.since or since
      odd.claim(s, n)
      claimed[#claimed + 1] = odd.describe(n)
    end
    return
  end
  local flags = (kind == SKIP and BAD or 0) + (bounded and bounds[class] and BOUND or 0)
  setNodes(node, step, count, CLAIMED, flags, s.worker + 1)
  countBound(class, count)
  s.claims, run.claims = s.claims + count, run.claims + count
  note(s, node, step, count, class, since)
  claimed[#claimed + 1] = pack('<BI4I4I4Hd', kind, node, step, count, class, since)
end

-- held returns what a session has claimed: the nodes, ascending; and by node its class, since when it was ready, its
-- flags and its status.
local function held(s)
  local nodes, class, since, flags, status = {}, {}, {}, {}, {}
  local owner = pack('>I2', s.worker + 1)
  local entries = call('LRANGE', K .. 'claims:' .. s.worker, 0, -1)
  local all = s.journal > 64 and call('GET', NODES) -- in one piece, which costs less than many of them
  for i = #entries, 1, -1 do
    local node, step, count, kind, when = parse(CLAIM, entries[i])
    for id = node, node + (count - 1) * step, step do
      local record, at = all, id * 4 + 1
      if not all then record, at = call('GETRANGE', NODES, format('%d', id * 4), format('%d', id * 4 + 3)), 1 end
      if sub(record, at, at + 1) == owner and not class[id] then
        nodes[#nodes + 1], class[id], since[id] = id, kind, when
        flags[id], status[id] = byte(record, at + 2, at + 3)
      end
    end
  end
  table.sort(nodes)
  return nodes, class, since, flags, status
end

-- rows splits nodes into runs of consecutive ones that are alike, and calls each with the first node and the count.
local function rows(nodes, alike, each)
  local i = 1
  while i <= #nodes do
    local n = 1
    while nodes[i + n] == nodes[i] + n and alike(nodes[i], nodes[i + n]) do n = n + 1 end
    each(nodes[i], n)
    i = i + n
  end
end

-- writeJournal appends the new claims, and rewrites the journal when most of it does not count.
local function writeJournal(s)
  local key = K .. 'claims:' .. s.worker
  for i = 1, #journal, many do call('RPUSH', key, unpack(journal, i, math.min(i + many - 1, #journal))) end
  journal = {}
  if s.journal <= 512 + 2 * s.claims then return end
  local entries = {}
  local nodes, class, since = held(s)
  rows(nodes, function(a, b) return class[a] == class[b] and since[a] == since[b] end, function(node, count)
    entries[#entries + 1] = pack(CLAIM, node, 1, count, class[node], since[node])
  end)
  call('DEL', key)
  for i = 1, #entries, many do call('RPUSH', key, unpack(entries, i, math.min(i + many - 1, #entries))) end
  s.journal = #nodes
end
