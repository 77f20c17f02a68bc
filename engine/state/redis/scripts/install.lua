-- Install: puts a ledger in its place that was written beside it, when a run is created, or begins its next revision.
-- ARGV: the call: the moment to take for now or a negative one, whether it is a revision, the number of that, how many nodes
-- are ready; who asks, a random name; where the keys are that were written beside; the state; the nodes that are ready, as
-- the log has them; then, when a run is created, the run's fields. The reply is 1, 0 where the run exists or the revision is
-- not the next one of a finished run, or nil where there is no run to be revised.
local moment, revises, revision, nReadied = parse('<dBHI4', ARGV[1])
local token, beside, fresh = ARGV[2], ARGV[3], ARGV[4]
-- What a ledger consists of beside queues, which are named by class.
local parts = { 'nodes', 'bits', 'arrived', 'odd', 'blocks', 'due', 'bounds', 'graph' }

local time = call('TIME')
local clock = time[1] * 1e6 + time[2]
local old = call('GET', K .. 'state')

local function forget()
  for _, part in ipairs(parts) do call('UNLINK', beside .. part) end
  for _, class in ipairs(call('SMEMBERS', beside .. 'queues')) do call('UNLINK', beside .. 'ready:' .. class) end
  call('UNLINK', beside .. 'queues')
end

if old and call('HGET', K .. 'run', 'token') == token then -- the answer was lost
  forget()
  return 1
end

local s = readState(fresh)
local base, now, first, workers = clock, math.max(moment, 0), 1, 0
if revises == 1 then
  local was = old and readState(old)
  if not was or was.status < 3 or was.revision + 1 ~= revision or call('HEXISTS', K .. 'run', 'end') == 0 then
    forget()
    return was and 0 or false
  end
  base, first, workers = was.base, was.seq + 1, was.workers
  now = moment < 0 and math.max(was.now, (clock - base) * 1000) or moment
elseif old then
  forget()
  return 0
end
s.revision, s.workers, s.base, s.now = revision, workers, base, now

-- The log tells of the start, and of the end where there is nothing to do.
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
  if call('EXISTS', beside .. part) == 1 then
    call('UNLINK', K .. part) -- RENAME would free it at once
    call('RENAME', beside .. part, K .. part)
    call('PERSIST', K .. part)
  elseif revises == 0 or (part ~= 'graph' and part ~= 'bounds') then
    call('UNLINK', K .. part)
  end
end
for _, class in ipairs(call('SMEMBERS', beside .. 'queues')) do
  call('RENAME', beside .. 'ready:' .. class, K .. 'ready:' .. class)
  call('PERSIST', K .. 'ready:' .. class)
  call('SADD', K .. 'queues', class)
end
call('UNLINK', beside .. 'queues')
call('SET', K .. 'state', packState(s))
call('HSET', K .. 'run', 'token', token, unpack(ARGV, 6))
for _, kept in ipairs({ 'run', 'log', 'details', 'graph', 'bounds', 'out', 'keys' }) do call('PERSIST', K .. kept) end
if s.flags % 2 == 0 then
  call('XADD', K .. 'log', '*', 'e', pack('<BddI4I4I4I4', 0, first, now, 0, 0, nReadied, plains) .. ARGV[5] .. tail)
end
news()
return 1
