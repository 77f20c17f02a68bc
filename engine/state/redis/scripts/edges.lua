-- Library for commit: edges without Hold. A run of edges is {offset, offsetStep, count, child, childStep, waits, class,
-- from, fromStep, bad}, where from is the index of the end that the first edge leaves.
local BITS, ARRIVED = K .. 'bits', K .. 'arrived'

-- The functions that set bits by runs are created when they are first needed, since most commits set few bits.
local setting

local function inRuns()
  if setting then return setting end
  setting = {}

  -- batch collects operations on fields of one key for a single BITFIELD, after which it calls each with the results of
  -- each run, in the order of adding.
  local function batch(key, op, kind, value, each)
    local b, args, n, runs = {}, {}, 0, {}
    function b.flush()
      if n == 0 then return end
      local results, at = call('BITFIELD', key, unpack(args)), 1
      local todo = runs
      args, n, runs = {}, 0, {}
      for _, entry in ipairs(todo) do
        each(entry[1], results, at)
        at = at + entry[2]
      end
    end
    function b.add(r, field, step, count, v)
      if n / 4 + count > many then b.flush() end
      for i = 0, count - 1 do
        args[n + 1], args[n + 2], args[n + 3], args[n + 4] = op, kind, format('#%d', field + i * step), v or value
        n = n + 4
      end
      runs[#runs + 1] = { r, count }
    end
    return b
  end

  -- part returns count edges of a run, from the given one on.
  local function part(r, from, count)
    return {
      offset = r.offset + from * r.offsetStep, offsetStep = r.offsetStep, count = count, child = r.child + from * r.childStep,
      childStep = r.childStep, waits = r.waits, class = r.class, from = r.from + from * r.fromStep, fromStep = r.fromStep,
      bad = r.bad,
    }
  end

  -- setRow sets count consecutive bits if none of them is set, and returns whether it did.
  local function setRow(offset, count)
    local head, tail = floor(offset / 8), floor((offset + count - 1) / 8)
    local raw = call('GETRANGE', BITS, format('%d', head), format('%d', tail))
    local headMask, tailMask = 2 ^ (8 - offset % 8) - 1, 256 - 2 ^ (7 - (offset + count - 1) % 8)
    local n = tail - head + 1
    if n < 2 or sub(raw, 2, -2) ~= rep('\0', n - 2) then return false end
    local a, z = byte(raw, 1), byte(raw, -1)
    if bit.band(a, headMask) ~= 0 or bit.band(z, tailMask) ~= 0 then return false end
    call('SETRANGE', BITS, format('%d', head),
      string.char(bit.bor(a, headMask)) .. rep('\255', n - 2) .. string.char(bit.bor(z, tailMask)))
    return true
  end

  -- setBits sets the bits of runs, and returns runs of those that were not set before, in the same order.
  local function setBits(runs)
    local fresh = {}
    local b = batch(BITS, 'SET', 'u1', '1', function(r, was, at)
      local i = 0
      while i < r.count do
        local n = 0
        while i + n < r.count and was[at + i + n] == 0 do n = n + 1 end
        if n == r.count then
          fresh[#fresh + 1] = r
        elseif n > 0 then
          fresh[#fresh + 1] = part(r, i, n)
        end
        i = i + n + 1
      end
    end)
    for _, r in ipairs(runs) do
      if r.offsetStep == 1 and r.count >= 16 then
        b.flush()
        if setRow(r.offset, r.count) then
          fresh[#fresh + 1] = r
        else
          b.add(r, r.offset, 1, r.count)
        end
      else
        b.add(r, r.offset, r.offsetStep, r.count)
      end
    end
    b.flush()
    return fresh
  end

  -- countRow adds one to the counts of count consecutive children if these are equal, and returns the new count.
  local function countRow(child, count)
    local first4 = format('%d', child * 4)
    local raw = call('GETRANGE', ARRIVED, first4, format('%d', (child + count) * 4 - 1))
    if raw ~= rep(sub(raw, 1, 4), count) then return nil end
    local n = parse('>I4', raw) + 1
    call('SETRANGE', ARRIVED, first4, rep(pack('>I4', n), count))
    return n
  end

  -- countBits adds the new bits to the counts of children, and returns runs of the complete children, in the same order.
  local function countBits(runs)
    local complete = {}
    local b = batch(ARRIVED, 'INCRBY', 'u32', '1', function(r, have, at)
      if r.childStep == 0 and r.count > 1 then -- one child: the last of its bits may be anywhere in the run
        local missing = r.waits - (have[at] - r.count)
        if missing > 0 and missing <= r.count then complete[#complete + 1] = part(r, missing - 1, 1) end
        return
      end
      local i = 0
      while i < r.count do
        local n = 0
        while i + n < r.count and have[at + i + n] == r.waits do n = n + 1 end
        if n > 0 then complete[#complete + 1] = n == r.count and r or part(r, i, n) end
        i = i + n + 1
      end
    end)
    for _, r in ipairs(runs) do
      if r.waits == 1 then -- the count of a single bit is never read
        b.flush()
        complete[#complete + 1] = r
      elseif r.childStep == 0 then
        b.add(r, r.child, 0, 1, format('%d', r.count))
      else
        local n = r.childStep == 1 and r.count >= 16 and (b.flush() or countRow(r.child, r.count))
        if not n then
          b.add(r, r.child, r.childStep, r.count)
        elseif n == r.waits then
          complete[#complete + 1] = r
        end
      end
    end
    b.flush()
    return complete
  end

  -- makeReady makes the blocked children of runs ready.
  function setting.makeReady(runs)
    local function take(r, kind)
      readied(r.from, r.fromStep, r.child, r.childStep, r.count)
      made[#made + 1] = {
        class = kind == SKIP and ENGINE or r.class, kind = kind, node = r.child, step = r.childStep, count = r.count,
      }
    end
    local b = batch(NODES, 'SET', 'u32', tostring(READY), function(r, was, at)
      local i = 0
      while i < r.count do
        local n = 0
        while i + n < r.count and was[at + i + n] == 0 do n = n + 1 end
        if n > 0 then take(n == r.count and r or part(r, i, n), PLAIN) end
        i = i + n
        if i < r.count then -- this child is not plain or not blocked: restore its record, and handle it alone
          local child, old = r.child + i * r.childStep, was[at + i]
          call('SETRANGE', NODES, format('%d', child * 4), pack('>I4', old))
          if old == BAD * 256 then
            setNodes(child, 1, 1, READY, BAD, 0)
            take(part(r, i, 1), SKIP)
          elseif old % 256 == BLOCKED then
            local odd = rare()
            local n1 = odd.load(child)
            if n1.awaits == 0 then
              readied(r.from + i * r.fromStep, 0, child, 1, 1)
              odd.makeReady(n1, r.class)
            end
          end
          i = i + 1
        end
      end
    end)
    for _, r in ipairs(runs) do
      if r.childStep == 1 and r.count >= 8 then
        b.flush()
        if call('GETRANGE', NODES, format('%d', r.child * 4), format('%d', (r.child + r.count) * 4 - 1)) == rep('\0\0\0\0', r.count) then
          setNodes(r.child, 1, r.count, READY, 0, 0)
          take(r, PLAIN)
        else
          b.add(r, r.child, 1, r.count)
        end
      else
        b.add(r, r.child, r.childStep, r.count)
      end
    end
    b.flush()
  end

  -- markBad marks the blocked children of bad runs, which will be skipped.
  local function markBad(runs)
    for _, r in ipairs(runs) do
      for i = 0, r.bad and r.count - 1 or -1 do
        local child = r.child + i * r.childStep
        local at = format('%d', child * 4)
        local owner, flags, status = parse('>I2BB', call('GETRANGE', NODES, at, format('%d', child * 4 + 3)))
        if status == BLOCKED then
          call('SETRANGE', NODES, at, pack('>I2BB', owner, bit.bor(flags, BAD), status))
        end
      end
    end
  end

  function setting.set(runs)
    local fresh = setBits(runs)
    markBad(fresh)
    setting.makeReady(countBits(fresh))
  end

  return setting
end

-- setEdge sets a single bit, of an edge that is not bad.
local function setEdge(r)
  if call('SETBIT', BITS, format('%d', r.offset), '1') == 1 then return end
  local child = format('#%d', r.child)
  if r.waits > 1 and call('BITFIELD', ARRIVED, 'INCRBY', 'u32', child, '1')[1] ~= r.waits then return end
  local was = call('BITFIELD', NODES, 'SET', 'u32', child, '1')[1] -- READY
  if was == 0 then -- a plain, blocked node
    readied(r.from, 0, r.child, 1, 1)
    made[#made + 1] = { class = r.class, kind = PLAIN, node = r.child, step = 1, count = 1 }
  else -- not plain or not blocked: restore its record, and handle it alone
    call('SETRANGE', NODES, format('%d', r.child * 4), pack('>I4', was))
    inRuns().makeReady({ r })
  end
end

-- setEdges sets the bits of runs.
local function setEdges(runs)
  if #runs == 1 and runs[1].count == 1 and not runs[1].bad then
    setEdge(runs[1])
  elseif #runs > 0 then
    inRuns().set(runs)
  end
end
