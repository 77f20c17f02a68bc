-- Copy: keeps a copy of a ledger as it is at this moment, so that it can be read a piece at a time while others go on.
-- ARGV: what the names of the copies begin with, in how many milliseconds they expire. The reply is 1, or nil where there
-- is no run.
local to, keep = ARGV[1], ARGV[2]
if call('EXISTS', K .. 'state') == 0 then return false end

local function copy(part)
  if call('COPY', K .. part, to .. part) == 1 then call('PEXPIRE', to .. part, keep) end
end

for _, part in ipairs({ 'state', 'nodes', 'bits', 'arrived', 'odd', 'bounds', 'sessions', 'blocks', 'due', 'queues' }) do
  copy(part)
end
for _, class in ipairs(call('SMEMBERS', K .. 'queues')) do
  copy('ready:' .. class)
  copy('solo:' .. class)
end
local sessions = call('HVALS', K .. 'sessions')
for _, raw in ipairs(sessions) do
  local worker = parse('<I4', raw)
  for _, part in ipairs({ 'claims:', 'mine:', 'owed:' }) do copy(part .. worker) end
end
return 1
