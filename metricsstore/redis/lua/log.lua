-- Log: the blocks with steps after one, up to a number and a size.
-- KEYS  run, heads, blocks
-- ARGV  1 the step, 2 how many blocks, 3 how many bytes are enough
local heads, after = KEYS[2], ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 0 then return {'none'} end
local found = redis.call('ZRANGEBYLEX', heads, '(' .. after .. most, '+', 'LIMIT', 0, ARGV[2])
local before = upto(heads, after)
if before and behind(before:sub(9), after) then table.insert(found, 1, before) end

local blocks, bytes = {'more'}, 0
for i, head in ipairs(found) do
  if i > tonumber(ARGV[2]) or bytes >= tonumber(ARGV[3]) then return blocks end
  local value = redis.call('HGET', KEYS[3], head:sub(1, 8))
  if not value then return {'damaged', head} end
  blocks[#blocks + 1] = head
  blocks[#blocks + 1] = value
  bytes = bytes + #value
end
if #found < tonumber(ARGV[2]) then blocks[1] = 'end' end
return blocks
