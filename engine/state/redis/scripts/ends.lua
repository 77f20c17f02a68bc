-- Library for commit: ends of attempts. A run of ends is {node, count, outcome, isLocal, task, sink, more, class}, with
-- delay in ns of RETRYING, and with expand: consecutive nodes that ended alike. Outcomes are those of record.Outcome;
-- RELEASED returns a claim without an attempt.
local RELEASED, RETRYING = 0, 3
local statusOf = { [1] = OK, [2] = FAILED, [6] = SKIPPED, [4] = CANCELLED }

-- account counts n nodes that have ended.
local function account(e, status, n)
  if e.sink then run.open = run.open - n end
  if status == OK and e.task then
    run.done = run.done + n
  elseif status == SKIPPED and e.task then
    run.skipped = run.skipped + n
  elseif status == FAILED then
    run.failed = run.failed + n
    if run.policy == 0 then stop(HAS_FAILED) end
  end
end

-- swap replaces the records of runs, {node, count, old, new}, if all of them are old, and returns whether it did.
local function swap(runs)
  local args, n, old = {}, 0, {}
  for _, e in ipairs(runs) do
    if e.count > 4 then
      local raw = call('GETRANGE', NODES, format('%d', e.node * 4), format('%d', (e.node + e.count) * 4 - 1))
      if raw ~= rep(pack('>I4', e.old), e.count) then return false end
    else
      local new = format('%d', e.new)
      for i = 0, e.count - 1 do
        args[n + 1], args[n + 2], args[n + 3], args[n + 4] = 'SET', 'u32', format('#%d', e.node + i), new
        n = n + 4
        old[#old + 1] = e.old
      end
    end
  end
  if n > 0 then
    local was = call('BITFIELD', NODES, unpack(args))
    for i = 1, #old do
      if was[i] ~= old[i] then
        for j = 1, #was do args[j * 4] = format('%d', was[j]) end
        call('BITFIELD', NODES, unpack(args))
        return false
      end
    end
  end
  for _, e in ipairs(runs) do
    if e.count > 4 then call('SETRANGE', NODES, format('%d', e.node * 4), rep(pack('>I4', e.new), e.count)) end
  end
  return true
end

-- endPlain ends attempts on plain nodes. It changes nothing and returns false if a node is not plain, or the commit is
-- malformed.
local function endPlain(s, ends)
  local mine = (s.worker + 1) * 65536
  for _, e in ipairs(ends) do
    local status = statusOf[e.outcome]
    if not status or e.expand or (status == CANCELLED and run.stopping == 0) then return false end
    e.old = e.isLocal and BLOCKED or mine + CLAIMED
    e.new = status + (e.more and mine + PENDING * 256 or 0)
  end
  if not swap(ends) then return false end
  for _, e in ipairs(ends) do
    account(e, statusOf[e.outcome], e.count)
    local by = (e.more and e.count or 0) - (e.isLocal and 0 or e.count)
    s.claims, run.claims = s.claims + by, run.claims + by
    if e.more then note(s, e.node, 1, e.count, ENGINE, 0) end
  end
  return true
end

-- endAny ends attempts on nodes of any kind. If it refuses, it changes nothing and returns a verdict.
local function endAny(s, ends)
  -- refused returns the verdict if the commit is malformed or exceeds a limit of the run.
  local function refused(s, ends)
    local odd = rare()
    for _, e in ipairs(ends) do
      for id = e.node, e.node + e.count - 1 do
        local n = odd.load(id)
        local may
        if e.isLocal then
          may = n.status == BLOCKED and n.awaits == 0
        else -- a claim that is released may already be another session's
          may = e.outcome == RELEASED or n.owner == s.worker + 1 and not n.pending
        end
        if not may or statusOf[e.outcome] == CANCELLED and run.stopping == 0 then
          return MALFORMED
        end
      end
    end
    local e = ends[1]
    if e.outcome == RETRYING and run.retries >= math.max(10, floor(run.tasks / 5)) then return EXHAUSTED end
    local x = e.expand
    if x and (x.width > run.maxTasks or run.tasks + x.width * x.tasks > run.maxTasks
      or run.edges + x.width * x.edges > run.maxEdges or run.nodes + x.width * x.size > 2 ^ 32 - 1
      or run.bits + x.width * x.bits > 2 ^ 32 - 1) then
      return TOO_WIDE
    end
  end

  -- expand appends the instances of a fan-out, as commit.readExpand reads it: {width, size, bits, tasks, edges, sinks,
  -- roots, instance}. roots lists for each class {class, count, offsets}: packed numbers within an instance, ascending.
  -- instance is the packed records of its nodes.
  local function expand(node, x)
    local base, bits = run.nodes, run.bits
    block = pack('<I4I4I4I4', node, x.width, base, bits)
    call('APPEND', K .. 'blocks', block)
    run.blocks, run.nodes, run.bits = run.blocks + 1, base + x.width * x.size, bits + x.width * x.bits
    run.tasks, run.edges = run.tasks + x.width * x.tasks, run.edges + x.width * x.edges
    run.open = run.open + x.width * x.sinks
    if x.width * x.size > 0 then
      call('SETRANGE', NODES, format('%d', base * 4), rep(x.instance, x.width))
      call('SETRANGE', K .. 'arrived', format('%d', run.nodes * 4 - 4), '\0\0\0\0')
    end
    local last = floor((run.bits - 1) / 8)
    if last > floor((bits - 1) / 8) then call('SETRANGE', K .. 'bits', format('%d', last), '\0') end
    if x.width > 0 and #x.roots > 0 then
      made[#made + 1] = { roots = x.roots, node = base, step = x.size, count = x.width }
    end
  end

  local verdict = refused(s, ends)
  if verdict then return verdict end
  local odd = rare()
  for _, e in ipairs(ends) do
    for id = e.node, e.node + e.count - 1 do
      local n = odd.load(id)
      if e.outcome == RELEASED then
        if n.owner == s.worker + 1 then odd.release(n) end
      else
        if e.isLocal then n.class = e.class else odd.unclaim(n) end
        if e.outcome == RETRYING then
          n.attempts, n.errors, run.retries = n.attempts + 1, n.errors + 1, run.retries + 1
          odd.wait(n, now + e.delay)
        else
          local awaited = n.awaited
          odd.free(n)
          n.status, n.awaited, n.solo = statusOf[e.outcome], {}, 0
          account(e, n.status, 1)
          for _, waiter in ipairs(awaited) do odd.inputEnded(odd.load(waiter), n.status ~= OK) end
          n.pending = e.more
          if e.more then odd.claim(s, n) else odd.store(n) end
        end
        if e.expand then expand(id, e.expand) end
      end
    end
  end
end
