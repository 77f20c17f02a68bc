-- Copy: copies the keys of a ledger, so that they can be read in pieces while the run continues.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> prefix of the copies' keys
-- ARGV[2] -> in how many ms they expire
--
-- Reply: 1, or nil where the run does not exist.
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
