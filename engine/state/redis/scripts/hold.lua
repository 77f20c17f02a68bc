-- Bits set one by one, with outputs that sessions hold: the nodes that wait for those are reserved for them.
local holding

local function hold()
  if holding then return holding end
  holding = {}
  local odd = rare()

  -- owe notes an edge that a session has to set again, without Hold.
  local function owe(s, offset, child, waits, class, parent)
    s.owed = s.owed + call('HSET', K .. 'owed:' .. s.worker, offset, pack('<I4I4I4HI4', offset, child, waits, class, parent))
    s.touched = true
  end

  -- owed lists what a session owes, ascending by offset: {offset, child, waits, class, parent}.
  function holding.owed(s)
    local all = call('HVALS', K .. 'owed:' .. s.worker)
    for i, raw in ipairs(all) do all[i] = { parse('<I4I4I4HI4', raw) } end
    table.sort(all, function(a, b) return a[1] < b[1] end)
    return all
  end

  -- settle forgets that a session owes an edge.
  function holding.settle(s, offset)
    s.owed = s.owed - call('HDEL', K .. 'owed:' .. s.worker, offset)
  end

  -- takeOver ends the reservation of the session that had it: what it holds has to be stored before it counts.
  local function takeOver(n, e)
    local loser = odd.of(n.reserver)
    for _, h in ipairs(n.held) do
      call('SETBIT', K .. 'bits', h[1], 0)
      call('BITFIELD', K .. 'arrived', 'INCRBY', 'u32', '#' .. n.id, -1)
      owe(loser, h[1], n.id, e.waits, e.class, h[2])
    end
    n.reserver, n.size, n.parent, n.held = 0, 0, 0, {}
  end

  -- reserve reserves a child for a session that holds an output for it. False, and the edge is owed, where another one
  -- holds a larger one.
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
    n.held[#n.held + 1] = { e.offset, e.parent }
    table.sort(n.held, function(a, b) return a[1] < b[1] end)
    call('SADD', K .. 'held:' .. s.worker, e.child)
    return true
  end

  -- set sets a bit, for a session or, where that is over, for nobody. The last one makes the child ready.
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

  -- unhold lets others have a node that was reserved for a session.
  function holding.unhold(s, id)
    local n = odd.load(id)
    if n.reserver ~= s.worker + 1 then return end
    n.reserver, n.size, n.parent, n.held = 0, 0, 0, {}
    odd.store(n)
    if call('LREM', K .. 'mine:' .. s.worker, 1, pack('<I4', id)) == 1 then
      s.ready = s.ready - 1
      odd.enqueue(n, false)
    end
  end

  -- resign ends a session's part beside its claims: what it owes is set, since nobody else would do it, and what was
  -- reserved for it is for anybody.
  function holding.resign(s)
    s.over, s.touched = true, true
    if s.owed > 0 then
      local owed = holding.owed(s)
      s.owed = 0
      call('DEL', K .. 'owed:' .. s.worker)
      for _, o in ipairs(owed) do
        holding.set({ offset = o[1], child = o[2], waits = o[3], class = o[4], from = -1, hold = 0, bad = false })
      end
      queueMade()
    end
    local nodes = call('SMEMBERS', K .. 'held:' .. s.worker)
    if #nodes == 0 then return end
    for i, id in ipairs(nodes) do nodes[i] = tonumber(id) end
    table.sort(nodes)
    for _, id in ipairs(nodes) do holding.unhold(s, id) end
    call('DEL', K .. 'held:' .. s.worker, K .. 'mine:' .. s.worker)
  end

  -- forget removes a session that holds nothing any more.
  function holding.forget(s)
    call('HDEL', K .. 'sessions', s.name)
    call('HDEL', K .. 'records', s.name)
    call('DEL', K .. 'claims:' .. s.worker)
    sessions[s.name] = nil
  end

  return holding
end
