-- Library: odd nodes, which have data that does not fit into a record, because they were retried, lost, run again or
-- reserved, or wait for lost inputs. FORMAT.md describes the fields, {id, status, owner, bad, started, pending, epoch,
-- attempts, errors, losses, solo, poison, class, since, due, awaits, reserver, size, parent, held, awaited}.
local ODDITY = '<HHHHBBHddI4I4dI4I4I4'
local NONE = 65534 -- the stored class of an odd node whose class is in a queue or a journal
local odd

-- rare returns these functions, which it creates when they are first needed: that takes longer than a commit without odd
-- nodes.
function rare()
  if odd then return odd end
  odd = {}
  local band = bit.band

  -- load reads a node, plain or odd. Its class and since are nil where only a queue or a journal has them.
  function odd.load(id)
    local owner, flags, status = parse('>I2BB', call('GETRANGE', NODES, format('%d', id * 4), format('%d', id * 4 + 3)))
    local n = {
      id = id, status = status, owner = owner, bad = band(flags, BAD) > 0, started = band(flags, STARTED) > 0,
      pending = band(flags, PENDING) > 0, epoch = 0, attempts = 0, errors = 0, losses = 0, solo = 0, poison = 0, due = 0,
      awaits = 0, reserver = 0, size = 0, parent = 0, held = {}, awaited = {},
    }
    if band(flags, ODD) == 0 then return n end
    local raw = call('HGET', K .. 'odd', id)
    local helds, awaiteds, at
    n.epoch, n.attempts, n.errors, n.losses, n.solo, n.poison, n.class, n.since, n.due, n.awaits, n.reserver, n.size,
      n.parent, helds, awaiteds, at = parse(ODDITY, raw)
    if n.class == NONE then n.class, n.since = nil, nil end
    for i = 1, helds do
      local offset, parent
      offset, parent, at = parse('<I4I4', raw, at)
      n.held[i] = { offset = offset, parent = parent }
    end
    for i = 1, awaiteds do n.awaited[i], at = parse('<I4', raw, at) end
    return n
  end

  -- loadMade reads a node that this operation has made ready.
  function odd.loadMade(item)
    local n = odd.load(item.node)
    n.class, n.since = n.class or item.class, n.since or now
    return n
  end

  -- isOdd returns whether a node has data that does not fit into a record. Of a node that has ended only epoch and awaited
  -- matter.
  function odd.isOdd(n)
    if n.epoch > 0 or #n.awaited > 0 then return true end
    if n.status >= OK then return false end
    return n.attempts + n.errors + n.losses + n.solo + n.poison + n.awaits + n.reserver > 0 or n.status == WAITING
  end

  -- store writes a node, plain or odd.
  function odd.store(n)
    local is = odd.isOdd(n)
    local flags = (is and ODD or 0) + (n.bad and n.status < OK and BAD or 0) + (n.started and STARTED or 0)
      + (n.pending and PENDING or 0)
    if bounded and n.status == CLAIMED and bounds[n.class] then flags = flags + BOUND end
    call('SETRANGE', NODES, format('%d', n.id * 4), pack('>I2BB', n.owner, flags, n.status))
    if not is then
      call('HDEL', K .. 'odd', n.id)
      return
    end
    local lists = {}
    for i, h in ipairs(n.held) do lists[i] = pack('<I4I4', h.offset, h.parent) end
    for _, id in ipairs(n.awaited) do lists[#lists + 1] = pack('<I4', id) end
    call('HSET', K .. 'odd', n.id, pack(ODDITY, n.epoch, n.attempts, n.errors, n.losses, n.solo, n.poison, n.class or NONE,
      n.since or 0, n.due, n.awaits, n.reserver, n.size, n.parent, #n.held, #n.awaited) .. table.concat(lists))
  end

  -- recall reads class and since of a claimed node from the journal of its session, if they are missing.
  function odd.recall(n)
    if n.class or n.owner == 0 or n.pending then return end
    local entries = call('LRANGE', K .. 'claims:' .. (n.owner - 1), 0, -1)
    for i = #entries, 1, -1 do
      local node, step, count, class, since = parse(CLAIM, entries[i])
      local k = (n.id - node) / step
      if k >= 0 and k < count and k == floor(k) then
        n.class, n.since = class, since
        return
      end
    end
  end

  -- of returns the session that is an owner: number plus one.
  function odd.of(owner)
    if not numbered[owner - 1] then
      local all = call('HGETALL', K .. 'sessions')
      for i = 1, #all, 2 do
        if not sessions[all[i]] then readSession(all[i], all[i + 1]) end
      end
    end
    return numbered[owner - 1]
  end

  -- saveSessions writes all sessions that have changed.
  function odd.saveSessions()
    for _, s in pairs(sessions) do
      if s.touched then saveSession(s) end
    end
  end

  -- ready makes a node ready. since increases each time, so that it identifies a claim of the node.
  function odd.ready(n)
    n.status = READY
    n.since = n.since and n.since > 0 and math.max(now, n.since + 1) or now
  end

  -- free ends the reservation of a node.
  function odd.free(n)
    if n.reserver == 0 then return end
    call('ZREM', K .. 'held:' .. (n.reserver - 1), n.id)
    n.reserver, n.size, n.parent, n.held = 0, 0, 0, {}
  end

  -- toEngine lets any worker claim a node, since it will not be executed.
  function odd.toEngine(n)
    odd.free(n)
    n.class, n.solo = ENGINE, 0
  end

  -- makeReady makes a node ready and adds it to made.
  function odd.makeReady(n, class)
    n.class = class
    if n.bad or n.poison > 0 then odd.toEngine(n) end
    odd.ready(n)
    odd.store(n)
    made[#made + 1] = { class = n.class, kind = OTHER, node = n.id, count = 1 }
  end

  -- enqueue adds a node that is ready, or has pending edges, to a queue.
  function odd.enqueue(n, front)
    if n.pending then n.class = ENGINE end
    odd.store(n)
    grow(n.class, 1)
    if n.reserver > 0 then
      local s = odd.of(n.reserver)
      local key = K .. 'mine:' .. s.worker
      local last = call('ZRANGE', key, -1, -1, 'WITHSCORES')
      call('ZADD', key, (last[2] or 0) + 1, pack('<I4H', n.id, n.class))
      s.ready, s.touched = s.ready + 1, true
      return
    end
    run.waiting = run.waiting + 1
    local kind, since = PLAIN, n.since
    if n.pending then
      kind, since = EDGES, 0
    elseif odd.isOdd(n) then
      kind = OTHER
    elseif n.bad then
      kind = SKIP
    end
    local entry = pack(ENTRY, n.id, 1, 0, 1, since, kind)
    if n.solo > 0 and not n.pending then
      run.suspects = run.suspects + 1
      call(front and 'LPUSH' or 'RPUSH', K .. 'solo:' .. n.class, entry)
      call('SADD', K .. 'queues', n.class)
      return
    end
    push(n.class, { entry }, front)
  end

  -- claim gives a session the claim on a node that is in no queue.
  function odd.claim(s, n)
    odd.free(n)
    n.owner = s.worker + 1
    s.claims, run.claims, s.touched = s.claims + 1, run.claims + 1, true
    if n.pending then
      n.class = ENGINE
      odd.store(n)
      note(s, n.id, 1, 1, ENGINE, 0)
      return
    end
    n.status, n.started = CLAIMED, false
    countBound(n.class, 1)
    if n.solo > 0 then s.solo = s.solo + 1 end
    odd.store(n)
    note(s, n.id, 1, 1, n.class, n.since)
  end

  -- describe packs the claim on a node for the reply.
  function odd.describe(n)
    if n.pending then
      return pack('<BI4HHHHHdB', OTHER, n.id, ENGINE, n.epoch, 0, 0, 0, 0, 8 + (n.status ~= OK and 16 or 0))
    end
    local flags = (n.bad and 1 or 0) + (n.poison > 0 and 2 or 0) + (n.solo > 0 and 4 or 0)
    return pack('<BI4HHHHHdB', OTHER, n.id, n.class, n.epoch, n.attempts + 1, n.errors, n.losses, n.since, flags)
  end

  -- describeHeld packs the claim on a node of which only these values were read; raw is its value in :odd, or false.
  function odd.describeHeld(id, class, since, flags, status, raw)
    local epoch, attempts, errors, losses, solo, poison = 0, 0, 0, 0, 0, 0
    if raw then
      epoch, attempts, errors, losses, solo, poison = parse(ODDITY, raw)
    end
    return odd.describe({
      id = id, class = class, since = since, status = status, bad = flags % 4 >= BAD, pending = flags % 16 >= PENDING,
      epoch = epoch, attempts = attempts, errors = errors, losses = losses, solo = solo, poison = poison,
    })
  end

  -- unclaim ends the claim on a node; the caller sets its status and stores it.
  function odd.unclaim(n)
    odd.recall(n)
    local s = odd.of(n.owner)
    n.owner = 0
    s.claims, run.claims, s.touched = s.claims - 1, run.claims - 1, true
    if n.pending then
      n.pending = false
      return
    end
    n.started = false
    countBound(n.class, -1)
    if n.solo > 0 then s.solo, n.solo = s.solo - 1, n.solo - 1 end
  end

  -- wait makes a node wait until a moment.
  function odd.wait(n, due)
    n.status, n.due = WAITING, due
    odd.store(n)
    call('ZADD', K .. 'due', format('%.17g', due), format('%010d', n.id))
    if run.retrying == 0 or due < run.due then run.due = due end
    run.retrying = run.retrying + 1
  end

  -- requeue adds a node whose claim has ended to the front of its queue, as ready or as one with pending edges.
  function odd.requeue(n, pending)
    if pending then n.pending = true else odd.ready(n) end
    odd.enqueue(n, true)
  end

  -- release returns a claim, without counting an attempt.
  function odd.release(n)
    local pending = n.pending
    odd.unclaim(n)
    odd.requeue(n, pending)
  end

  -- inputEnded counts one of the inputs that a node awaits as ended, badly or not.
  function odd.inputEnded(n, bad)
    n.bad, n.awaits = n.bad or bad, n.awaits - 1
    if n.awaits == 0 then odd.makeReady(n, n.class) else odd.store(n) end
  end

  return odd
end
