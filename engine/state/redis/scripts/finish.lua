-- Finish: keeps the end of a run; the first one counts. What is left of the run expires. ARGV: the end, in how many
-- milliseconds the run expires.
local raw = call('GET', K .. 'state')
if not raw then return false end
if readState(raw).status < 3 then return redis.error_reply('NOTOVER the run goes on') end
if call('HSETNX', K .. 'run', 'end', ARGV[1]) == 1 then news() end
local parts = {
  'state', 'run', 'graph', 'log', 'details', 'nodes', 'bits', 'arrived', 'odd', 'blocks', 'due', 'bounds', 'running',
  'sessions', 'records', 'queues', 'out', 'keys',
}
for _, part in ipairs(parts) do call('PEXPIRE', K .. part, ARGV[2]) end
return call('HGET', K .. 'run', 'end')
