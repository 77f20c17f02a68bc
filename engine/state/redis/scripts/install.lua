-- Install: moves a staged ledger into place, when a run is created or its next revision begins.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> packed: now num (ns since the run's start, negative for the server's clock), 1 for a revision u8, its number
--            u16, rows of ARGV[5] u32
-- ARGV[2] -> a random name of the call
-- ARGV[3] -> prefix of the staged keys, each of which may be missing
-- ARGV[4] -> the run's state; revision, number of sessions, start and now are set here
-- ARGV[5] -> the ready nodes, as rows of an entry of the log
-- ARGV[6] .. ARGV[#ARGV] -> for a new run: fields of :run and their values, in turn
--
-- Reply: 1; 0 where the run exists, or the revision is not the next one of a finished run; nil where there is no run to
-- revise. Unless the reply is 1, the run is unchanged and the staged keys are deleted. A call with the name of the last
-- successful one changes nothing and returns 1.
local moment, revises, revision, readyRows = parse('<dBHI4', ARGV[1])
local token, staged, initial = ARGV[2], ARGV[3], ARGV[4]
-- The parts of a ledger, except for queues, which are named by class.
local parts = { 'nodes', 'bits', 'arrived', 'odd', 'blocks', 'due', 'bounds', 'graph' }

local time = call('TIME')
local clock = time[1] * 1e6 + time[2]
local old = call('GET', K .. 'state')

local function deleteStaged()
  for _, part in ipairs(parts) do call('UNLINK', staged .. part) end
  for _, class in ipairs(call('SMEMBERS', staged .. 'queues')) do call('UNLINK', staged .. 'ready:' .. class) end
  call('UNLINK', staged .. 'queues')
end

if old and call('HGET', K .. 'run', 'token') == token then -- a repetition
  deleteStaged()
  return 1
end

local s = readState(initial)
local base, now, first, workers = clock, math.max(moment, 0), 1, 0
if revises == 1 then
  local was = old and readState(old)
  if not was or was.status < 3 or was.revision + 1 ~= revision or call('HEXISTS', K .. 'run', 'end') == 0 then
    deleteStaged()
    return was and 0 or false
  end
  base, first, workers = was.base, was.seq + 1, was.workers
  now = moment < 0 and math.max(was.now, (clock - base) * 1000) or moment
elseif old then
  deleteStaged()
  return 0
end
s.revision, s.workers, s.base, s.now = revision, workers, base, now

-- The log has RunStarted, and RunFinished if nothing is left to do.
local plains, outcomes = 1, { [3] = 1, [4] = 2, [5] = 4 }
local tail = pack('<BBI4HHI4d', 1, 0, 0, 0, 0, 0, 0)
if outcomes[s.status] then
  plains = 2
  tail = tail .. pack('<BBI4HHI4d', 2, outcomes[s.status], 0, 0, 0, 0, now)
end
s.seq = first - 1 + plains

if revises == 1 then
  for _, class in ipairs(call('SMEMBERS', K .. 'queues')) do call('UNLINK', K .. 'ready:' .. class, K .. 'solo:' .. class) end
  for _, name in ipairs(call('HKEYS', K .. 'sessions')) do
    local worker = parse('<I4', call('HGET', K .. 'sessions', name))
    for _, list in ipairs({ 'claims:', 'mine:', 'held:', 'owed:' }) do call('UNLINK', K .. list .. worker) end
  end
  call('UNLINK', K .. 'queues', K .. 'sessions', K .. 'records', K .. 'running')
  call('HDEL', K .. 'run', 'end', 'first')
end
for _, part in ipairs(parts) do
  if call('EXISTS', staged .. part) == 1 then
    call('UNLINK', K .. part) -- frees it in the background, unlike RENAME
    call('RENAME', staged .. part, K .. part)
    call('PERSIST', K .. part)
  elseif revises == 0 or (part ~= 'graph' and part ~= 'bounds') then
    call('UNLINK', K .. part)
  end
end
for _, class in ipairs(call('SMEMBERS', staged .. 'queues')) do
  call('RENAME', staged .. 'ready:' .. class, K .. 'ready:' .. class)
  call('PERSIST', K .. 'ready:' .. class)
  call('SADD', K .. 'queues', class)
end
call('UNLINK', staged .. 'queues')
call('SET', K .. 'state', packState(s))
call('HSET', K .. 'run', 'token', token, unpack(ARGV, 6))
for _, kept in ipairs({ 'run', 'log', 'details', 'graph', 'bounds', 'out', 'keys' }) do call('PERSIST', K .. kept) end
if s.flags % 2 == 0 then
  call('XADD', K .. 'log', '*', 'e', pack('<BddI4I4I4I4', 0, first, now, 0, 0, readyRows, plains) .. ARGV[5] .. tail)
end
news()
return 1
