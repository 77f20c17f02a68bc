-- Finish: stores the end of a run that has ended, and lets all its keys expire, in case it is never cleaned.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> the end, in any format
-- ARGV[2] -> in how many ms the keys expire
--
-- Reply: the stored end, which is that of the first call; nil where the run does not exist; an error NOTOVER where it has
-- not ended.
local raw = call('GET', K .. 'state')
if not raw then return false end
if readState(raw).status < 3 then return redis.error_reply('NOTOVER the run has not ended') end
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
