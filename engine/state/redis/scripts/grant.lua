-- Library for commit: the claims that it is granted.
local MAX_CLAIMS = 2048 -- as in engine/state/ledger

-- due makes up to 64 nodes ready whose retries are due.
local function due()
  if run.retrying == 0 or run.due > now then return end
  local odd = rare()
  local ids = call('ZRANGEBYSCORE', K .. 'due', '-inf', format('%d', now), 'LIMIT', 0, 64)
  for _, id in ipairs(ids) do
    local n = odd.load(tonumber(id))
    if n.bad then odd.toEngine(n) end -- an input failed while the node waited for LOOK_AGAIN
    odd.ready(n)
    odd.enqueue(n, false)
  end
  call('ZREM', K .. 'due', unpack(ids))
  run.retrying = run.retrying - #ids
  local next = call('ZRANGE', K .. 'due', 0, 0, 'WITHSCORES')
  run.due = tonumber(next[2] or 0)
end

-- grant claims nodes of classes, a list, for a session: at most keep of those that this commit made ready, and at most
-- want in all. The rest of what was made ready is queued.
local function grant(s, keep, want, classes)
  want = math.min(want, math.max(0, MAX_CLAIMS - s.claims))
  if want == 0 or run.status ~= RUNNING or run.stopping ~= 0 or s.solo > 0 then return queueMade() end
  local granted, wanted = 0, {}
  for _, class in ipairs(classes) do wanted[class] = true end

  -- fit returns how many nodes of a class, at most n, the session may claim.
  local function fit(class, n)
    if not wanted[class] then return 0 end
    return math.max(0, math.min(n, want - granted, room(class)))
  end

  local function giveOdd(n)
    local odd = rare()
    odd.claim(s, n)
    claimed[#claimed + 1] = odd.describe(n)
    granted = granted + 1
  end

  local function give(class, kind, node, step, count, since)
    claimRange(s, class, kind, node, step, count, since)
    granted = granted + count
  end

  -- suspect claims the first suspect, and returns whether there was one.
  local function suspect()
    for _, class in ipairs(classes) do
      if fit(class, 1) > 0 then
        local entry = call('LPOP', K .. 'solo:' .. class)
        if entry then
          run.waiting, run.suspects = run.waiting - 1, run.suspects - 1
          grow(class, -1)
          giveOdd(rare().load(parse('<I4', entry)))
          return true
        end
      end
    end
  end

  -- firstRoot finds the first root of a fan-out that may be claimed, when the given numbers of each class are.
  local function firstRoot(item, taken)
    local first, place
    for i, of in ipairs(item.roots) do
      if taken[i] < of.count * item.count and fit(of.class, 1) > 0 then
        local offset = floor(taken[i] / of.count) * item.step + parse('<I4', of.offsets, taken[i] % of.count * 4 + 1)
        if not first or offset < place then first, place = i, offset end
      end
    end
    return first, place
  end

  -- keepRoots claims roots of a fan-out, instance by instance, and adds the others to rest, as items of one class each.
  local function keepRoots(item, rest)
    local taken = {}
    for i = 1, #item.roots do taken[i] = 0 end
    while granted < keep do
      local i, place = firstRoot(item, taken)
      if not i then break end
      give(item.roots[i].class, PLAIN, item.node + place, 1, 1, now)
      taken[i] = taken[i] + 1
    end
    for _, left in ipairs(byClass(item, taken)) do rest[#rest + 1] = left end
  end

  -- keepMade claims nodes that this commit made ready, and queues the rest.
  local function keepMade()
    local rest = {}
    for _, item in ipairs(made) do
      if item.roots then
        keepRoots(item, rest)
      elseif item.kind == OTHER then
        local n = rare().loadMade(item)
        local others = n.reserver > 0 and n.reserver ~= s.worker + 1
        if others or n.solo > 0 or granted >= keep or fit(n.class, 1) == 0 then
          rest[#rest + 1] = item
        else
          giveOdd(n)
        end
      else
        local n = fit(item.class, math.min(item.count, keep - granted))
        if n > 0 then
          give(item.class, item.kind, item.node, item.step, n, now)
          item.node, item.count = item.node + n * item.step, item.count - n
        end
        if item.count > 0 then rest[#rest + 1] = item end
      end
    end
    made = rest
    queueMade()
  end

  -- mine claims ready nodes that are reserved for the session.
  local function mine()
    local key = K .. 'mine:' .. s.worker
    for _, raw in ipairs(call('ZRANGE', key, 0, -1)) do
      if granted >= want then return end
      local id, class = parse('<I4H', raw)
      if fit(class, 1) > 0 then
        call('ZREM', key, raw)
        s.ready = s.ready - 1
        grow(class, -1)
        giveOdd(rare().load(id))
      end
    end
  end

  -- takeFrom claims the first nodes of an entry of a queue, as far as they fit, and returns the rest of the entry.
  local function takeFrom(class, entry)
    local node, step, next, total, since, kind, at = parse(ENTRY, entry)
    local n = fit(class, total - next)
    run.waiting = run.waiting - n
    grow(class, -n)
    if kind >= OTHER then
      local o = rare().load(node)
      o.class, o.since = class, o.since or since
      giveOdd(o)
      return nil
    end
    local width = floor((#entry - at + 1) / 4)
    if width == 0 then
      give(class, kind, node + next * step, step, n, since)
    else
      for i = next, next + n - 1 do
        local offset = parse('<I4', entry, at + i % width * 4)
        give(class, kind, node + floor(i / width) * step + offset, 1, 1, since)
      end
    end
    if next + n == total then return nil end
    return pack(ENTRY, node, step, next + n, total, since, kind) .. sub(entry, at)
  end

  -- queued claims nodes of a class in the order of its queue.
  local function queued(class)
    local key = K .. 'ready:' .. class
    while fit(class, 1) > 0 do
      local entry = call('LPOP', key)
      if not entry then return end
      local left = takeFrom(class, entry)
      if left then call('LPUSH', key, left) end
    end
  end

  if s.claims == 0 and run.suspects > 0 and suspect() then return queueMade() end
  keepMade()
  if s.ready > 0 then mine() end
  if run.waiting == 0 then return end
  for _, class in ipairs(classes) do queued(class) end
end
