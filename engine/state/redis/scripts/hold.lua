-- Library: edges with Hold. Their bits are set one by one, and the child is reserved for the session that holds the
-- largest output for it.
local OWED = '<I4I4I4HI4' -- offset, child, waits, class, parent
local holding

-- hold returns these functions, which it creates when they are first needed.
local function hold()
  if holding then return holding end
  holding = {}
  local odd = rare()

  -- owe records an edge that a session has to set again, without Hold.
  local function owe(s, offset, child, waits, class, parent)
    s.owed = s.owed + call('ZADD', K .. 'owed:' .. s.worker, offset, pack(OWED, offset, child, waits, class, parent))
    s.touched = true
  end

  -- settle removes an edge that a session owed.
  function holding.settle(s, offset)
    s.owed = s.owed - call('ZREMRANGEBYSCORE', K .. 'owed:' .. s.worker, offset, offset)
  end

  -- takeOver ends another session's reservation of n: that session has to store its outputs, and then owes the edges.
  local function takeOver(n, e)
    local loser = odd.of(n.reserver)
    for _, h in ipairs(n.held) do
      call('SETBIT', K .. 'bits', h.offset, 0)
      call('BITFIELD', K .. 'arrived', 'INCRBY', 'u32', '#' .. n.id, -1)
      owe(loser, h.offset, n.id, e.waits, e.class, h.parent)
    end
    odd.free(n)
  end

  -- reserve reserves a child for a session that holds an output for it. It returns false if another session holds a larger
  -- one: then the edge is owed.
  local function reserve(n, e, s)
    local larger = e.hold > n.size or e.hold == n.size and e.parent > n.parent
    if n.reserver > 0 and n.reserver ~= s.worker + 1 then
      if not larger then
        owe(s, e.offset, e.child, e.waits, e.class, e.parent)
        return false
      end
      takeOver(n, e)
    end
    if larger or n.reserver == 0 then n.size, n.parent = e.hold, e.parent end
    n.reserver = s.worker + 1
    n.held[#n.held + 1] = { offset = e.offset, parent = e.parent }
    table.sort(n.held, function(a, b) return a.offset < b.offset end)
    call('ZADD', K .. 'held:' .. s.worker, e.child, e.child)
    return true
  end

  -- set sets the bit of an edge; s is the session that may get the reservation, not used with a hold of 0. The last bit
  -- makes the child ready.
  function holding.set(e, s)
    if call('GETBIT', K .. 'bits', e.offset) == 1 then return end
    local n = odd.load(e.child)
    local waits = n.status == BLOCKED and n.awaits == 0
    if e.hold > 0 and waits and not n.bad and not e.bad and not reserve(n, e, s) then return end
    call('SETBIT', K .. 'bits', e.offset, 1)
    local arrived = 1
    if e.waits > 1 then arrived = call('BITFIELD', K .. 'arrived', 'INCRBY', 'u32', '#' .. e.child, 1)[1] end
    if n.status ~= BLOCKED then return end
    n.bad = n.bad or e.bad
    if waits and arrived == e.waits then
      readied(e.from, 0, e.child, 1, 1)
      odd.makeReady(n, e.class)
    else
      odd.store(n)
    end
  end

  -- unhold ends a session's reservation of a node.
  function holding.unhold(s, id)
    local n = odd.load(id)
    if n.reserver ~= s.worker + 1 then return end
    odd.free(n)
    odd.store(n)
    if n.status == READY and call('ZREM', K .. 'mine:' .. s.worker, pack('<I4H', id, n.class)) == 1 then
      s.ready = s.ready - 1
      odd.enqueue(n, false)
    end
  end

  -- setOwed sets up to most edges that a session owes which is over, and returns how many it set.
  local function setOwed(s, most)
    local key = K .. 'owed:' .. s.worker
    local owed = call('ZRANGE', key, 0, most - 1)
    call('ZREMRANGEBYRANK', key, 0, most - 1)
    s.owed = s.owed - #owed
    for _, raw in ipairs(owed) do
      local offset, child, waits, class = parse(OWED, raw)
      holding.set({ offset = offset, child = child, waits = waits, class = class, from = -1, hold = 0, bad = false })
    end
    queueMade()
    return #owed
  end

  -- resign ends a session except for its claims: it sets the edges that it owes, and ends its reservations. It handles up
  -- to most of these, and returns how many it did and whether none is left.
  function holding.resign(s, most)
    s.over, s.touched = true, true
    local done = s.owed > 0 and setOwed(s, most) or 0
    if s.owed > 0 then return done, false end
    local key = K .. 'held:' .. s.worker
    if done < most then
      local nodes = call('ZRANGE', key, 0, most - done - 1)
      for _, id in ipairs(nodes) do holding.unhold(s, tonumber(id)) end
      if #nodes > 0 then call('ZREM', key, unpack(nodes)) end
      done = done + #nodes
    end
    return done, call('EXISTS', key) == 0
  end

  -- forget deletes a session without claims.
  function holding.forget(s)
    call('HDEL', K .. 'sessions', s.name)
    call('HDEL', K .. 'records', s.name)
    call('DEL', K .. 'claims:' .. s.worker)
    sessions[s.name] = nil
  end

  return holding
end
