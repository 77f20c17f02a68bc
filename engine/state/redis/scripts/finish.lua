-- Finish: keeps the end of a run; the first one counts. All that is left of the run expires, should nobody clean it. ARGV:
-- the end, in how many milliseconds the run expires. The reply is the end that is kept, or nil where there is no run.
local raw = call('GET', K .. 'state')
if not raw then return false end
if readState(raw).status < 3 then return redis.error_reply('NOTOVER the run goes on') end
if call('HSETNX', K .. 'run', 'end', ARGV[1]) == 1 then news() end
local parts = {
  'state', 'run', 'graph', 'log', 'details', 'nodes', 'bits', 'arrived', 'odd', 'blocks', 'due', 'bounds', 'running',
  'sessions', 'records', 'queues', 'out', 'keys', 'once',
}
for _, class in ipairs(call('SMEMBERS', K .. 'queues')) do
  parts[#parts + 1], parts[#parts + 2] = 'ready:' .. class, 'solo:' .. class
end
for _, session in ipairs(call('HVALS', K .. 'sessions')) do
  local worker = parse('<I4', session)
  for _, part in ipairs({ 'claims:', 'mine:', 'held:', 'owed:' }) do parts[#parts + 1] = part .. worker end
end
for _, part in ipairs(parts) do call('PEXPIRE', K .. part, ARGV[2]) end
return call('HGET', K .. 'run', 'end')
