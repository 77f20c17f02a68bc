-- Library for operations on a ledger: state, sessions, log and reply. It returns nil where the run does not exist, and GONE
-- where it has ended. ARGV[1] begins with now, num: the moment in ns since the run's start, negative for the server's
-- clock. FORMAT.md describes all values.
local floor, rep, byte, sub = math.floor, string.rep, string.byte, string.sub

local BLOCKED, READY, CLAIMED, WAITING, OK, FAILED, SKIPPED, CANCELLED = 0, 1, 2, 3, 4, 5, 6, 7
local RUNNING, SUCCEEDED, HAS_FAILED, HAS_CANCELLED = 1, 3, 4, 5 -- the run; 2 is paused
local APPLIED, REPEATED, GONE, FENCED, MALFORMED, EXHAUSTED, TOO_WIDE, AGAIN = 0, 1, 2, 3, 4, 5, 6, 7
local ENGINE = 65535 -- the class of nodes that any worker can execute

local run
do
  local raw = call('GET', K .. 'state')
  if not raw then return false end
  run = readState(raw)
end
local logged, bounded = run.flags % 2 == 0, run.flags % 4 >= 2

-- now never decreases, even if the server's clock is set back.
local now = parse('<d', ARGV[1])
if now < 0 then
  local t = call('TIME')
  now = math.max(run.now, (t[1] * 1e6 + t[2] - run.base) * 1000)
end
run.now = now

local function saveRun() call('SET', K .. 'state', packState(run)) end

-- Sessions by name and by number, as far as they have been read. One that is over but not resigned still owes edges or
-- has reservations. touched is whether it has to be saved.
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

-- The entry of the log that the operation adds: number of the first step; session, number and bytes of packed steps; a
-- block; which nodes were made ready by which step; and plain steps, which the ledger makes itself.
local first, actor, steps, packed, block = run.seq + 1, 0, 0, '', ''
local readiedBy, plains = {}, {} -- packed

-- plain adds a plain step; kind and outcome are those of engine.StepKind and engine.Outcome.
local function plain(kind, outcome, moment, node, epoch, attempt, worker)
  plains[#plains + 1] = pack('<BBI4HHI4d', kind, outcome, node or 0, epoch or 0, attempt or 0, worker or 0, moment)
  run.seq = run.seq + 1
end

-- readied records that edges made count nodes ready, step apart, by ends from index stepOf on, endStep apart.
local function readied(stepOf, endStep, node, step, count)
  readiedBy[#readiedBy + 1] = pack('<i4BI4I4I4', stepOf, endStep, node, step, count)
end

local function writeLog()
  if not logged or (steps == 0 and block == '' and #readiedBy == 0 and #plains == 0) then return end
  call('XADD', K .. 'log', '*', 'e',
    pack('<BddI4I4I4I4', #block > 0 and 1 or 0, first, now, actor, steps, #readiedBy, #plains)
      .. block .. table.concat(readiedBy) .. table.concat(plains) .. packed)
end

-- stop makes the run end with a status when no node is claimed. Only the first call counts.
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

-- Lists of the reply, packed except for grown: by how much the queue of a class has grown.
local claimed, lost, store, grown = {}, {}, {}, {}

local function grow(class, by) grown[class] = (grown[class] or 0) + by end

local REPLY = '<BBBBdI4I4I4dI4I4I4I4I4'
local MORE = 1 -- of Leave and Reap that are applied: the same call has to be repeated to do the rest
local MISNUMBERED = 1 -- of a commit that is malformed: its number is not the next one

-- answer returns the reply to an operation; blocks is only given for a commit that is applied, by this call or an earlier
-- one. The reply is packed, little endian:
--   verdict   u8   APPLIED and so on
--   why       u8   MORE or MISNUMBERED, 0 for neither
--   status    u8   of the run
--   stopping  u8   the status with which it will end, 0 if it is not stopping
--   now       num  the moment of the operation, in ns since the run's start
--   worker    u32  of Open: number of the session in the run
--   waiting   u32  of a commit: nodes that are ready and not reserved
--   suspects  u32  of a commit: suspects among these
--   due       num  of a commit: moment of the next retry, 0 for none
--   claims, blocks, store, readied, lost   u32  lengths of the following lists
-- Lists:
--   claims    kind u8; of PLAIN and SKIP: node, step, count u32, class u16, since num; of OTHER: node u32, class, epoch,
--             attempt, errors, losses u16, since num, flags u8 (1 skip, 2 poison, 4 solo, 8 only pending edges, 16 bad)
--   blocks    expansion, width, first node, first edge u32
--   store     u32: nodes whose held outputs the session has to store; of Invalidate the epochs of lost inputs
--   readied   class u16, nodes u32: by how many ready nodes the queue of the class has grown; in no order
--   lost      session number u32, losses u16, flags u8 (1 started, 2 charged), length of the name u16, name of the
--             session, the claim as above
local function answer(verdict, why, worker, blocks)
  local readiedClasses = {}
  for class, n in pairs(grown) do
    if n > 0 then readiedClasses[#readiedClasses + 1] = pack('<HI4', class, n) end
  end
  return pack(REPLY, verdict, why or 0, run.status, run.stopping, now, worker or 0, blocks and run.waiting or 0,
    blocks and run.suspects or 0, blocks and run.due or 0, #claimed, blocks and #blocks / 16 or 0, #store, #readiedClasses,
    #lost)
    .. table.concat(claimed) .. (blocks or '') .. table.concat(store)
    .. table.concat(readiedClasses) .. table.concat(lost)
end
if run.status >= SUCCEEDED then return answer(GONE) end
