-- The run and the sessions that take part in it: what every operation on a ledger begins and ends with. The values are
-- described in FORMAT.md. ARGV[1] begins with the moment to take for now, a negative one for the server's clock. The reply
-- is packed by answer, or nil where there is no run.
local floor, rep, byte, sub = math.floor, string.rep, string.byte, string.sub

local BLOCKED, READY, CLAIMED, WAITING, OK, FAILED, SKIPPED, CANCELLED = 0, 1, 2, 3, 4, 5, 6, 7
local RUNNING, SUCCEEDED, HAS_FAILED, HAS_CANCELLED = 1, 3, 4, 5 -- the run; 2 is paused
local APPLIED, REPEATED, GONE, FENCED, MALFORMED, EXHAUSTED, TOO_WIDE, AGAIN = 0, 1, 2, 3, 4, 5, 6, 7
local ENGINE = 65535 -- the class of what any worker can run

local run
do
  local raw = call('GET', K .. 'state')
  if not raw then return false end
  run = readState(raw)
end
local logged, bounded = run.flags % 2 == 0, run.flags % 4 >= 2

-- Now never runs backwards, whatever the server's clock does.
local now = parse('<d', ARGV[1])
if now < 0 then
  local t = call('TIME')
  now = math.max(run.now, (t[1] * 1e6 + t[2] - run.base) * 1000)
end
run.now = now

local function saveRun() call('SET', K .. 'state', packState(run)) end

-- Sessions by name and by number, as far as they have been read. One that is over may not be resigned yet: what it owed
-- and what was reserved for it is given to others a part at a time.
local SESSION = '<I4dddI4I4BI4I4I4'
local sessions, numbered = {}, {}

local function readSession(name, raw)
  local worker, last, till, beat, claims, solo, flags, journal, ready, owed = parse(SESSION, raw)
  local s = {
    name = name, worker = worker, last = last, till = till, beat = beat, claims = claims, solo = solo, over = flags % 2 == 1,
    suspect = flags % 4 >= 2, leaving = flags % 8 >= 4, resigned = flags >= 8, journal = journal, ready = ready, owed = owed,
  }
  sessions[name], numbered[worker] = s, s
  return s
end

local function session(name)
  if sessions[name] then return sessions[name] end
  local raw = call('HGET', K .. 'sessions', name)
  return raw and readSession(name, raw)
end

local function saveSession(s)
  local flags = (s.over and 1 or 0) + (s.suspect and 2 or 0) + (s.leaving and 4 or 0) + (s.resigned and 8 or 0)
  call('HSET', K .. 'sessions', s.name,
    pack(SESSION, s.worker, s.last, s.till, s.beat, s.claims, s.solo, flags, s.journal, s.ready, s.owed))
end

-- What the operation adds to the log.
local first, actor, steps, packed, block = run.seq + 1, 0, 0, '', ''
local readiedBy, plains = {}, {} -- packed

local function plain(kind, outcome, moment, node, epoch, attempt, worker)
  plains[#plains + 1] = pack('<BBI4HHI4d', kind, outcome, node or 0, epoch or 0, attempt or 0, worker or 0, moment)
  run.seq = run.seq + 1
end

-- readied notes that edges made nodes ready: count of them, step apart, by ends that are endStep apart.
local function readied(stepOf, endStep, node, step, count)
  readiedBy[#readiedBy + 1] = pack('<i4BI4I4I4', stepOf, endStep, node, step, count)
end

local function writeLog()
  if not logged or (steps == 0 and block == '' and #readiedBy == 0 and #plains == 0) then return end
  call('XADD', K .. 'log', '*', 'e',
    pack('<BddI4I4I4I4', #block > 0 and 1 or 0, first, now, actor, steps, #readiedBy, #plains)
      .. block .. table.concat(readiedBy) .. table.concat(plains) .. packed)
end

-- stop ends the run with a status once no claim is held. Only the first one counts.
local function stop(status)
  if run.stopping ~= 0 then return end
  run.stopping, run.status = status, RUNNING
  news()
end

-- endRun ends the run if it is over.
local function endRun()
  if run.stopping ~= 0 then
    if run.claims > 0 then return end
    run.status = run.stopping
  else
    if run.open > 0 then return end
    run.status = run.failed > 0 and HAS_FAILED or SUCCEEDED
  end
  plain(2, run.status == SUCCEEDED and 1 or run.status == HAS_FAILED and 2 or 4, now) -- RunFinished
  news()
end

-- What the reply tells beside the state of the run.
local claimed, lost, store, grown = {}, {}, {}, {}

-- grow notes that there are more ready nodes of a class, or fewer.
local function grow(class, by) grown[class] = (grown[class] or 0) + by end

local REPLY = '<BBBBdI4I4I4dI4I4I4I4I4'

-- answer is the reply to an operation: why is for one that is malformed, or MORE, worker of Open, and extra, of a commit
-- that is applied, by now or before, the blocks that its session does not know, packed.
local MORE = 1 -- of Leave and Reap: this was a part of it, and the same call does the next one
local function answer(verdict, why, worker, extra)
  local readiedClasses = {}
  for class, n in pairs(grown) do
    if n > 0 then readiedClasses[#readiedClasses + 1] = pack('<HI4', class, n) end
  end
  return pack(REPLY, verdict, why or 0, run.status, run.stopping, now, worker or 0, extra and run.waiting or 0,
    extra and run.suspects or 0, extra and run.due or 0, #claimed, extra and #extra / 16 or 0, #store, #readiedClasses, #lost)
    .. table.concat(claimed) .. (extra or '') .. table.concat(store)
    .. table.concat(readiedClasses) .. table.concat(lost)
end
if run.status >= SUCCEEDED then return answer(GONE) end
