-- Copies some of a run's blocks into the log that an archive has staged.
-- KEYS  run, heads, blocks, staged heads, staged blocks
-- ARGV  1 the version that was decided on, 2 first and 3 last step of the archive, 4 and 5 bounds of the heads to copy,
--       6 how many
local heads, first, last = KEYS[2], ARGV[2], ARGV[3]
local version, steps = unpack(redis.call('HMGET', KEYS[1], 'version', 'steps'))
if version ~= ARGV[1] then return {'changed'} end
local before = redis.call('ZREVRANGEBYLEX', heads, '(' .. first, '-', 'LIMIT', 0, 1)[1]
if before and not behind(first, before:sub(9)) then return {'conflict'} end
local latest = upto(heads, last)
if latest and behind(latest:sub(9), last) then return {'conflict'} end

local copied = {'copied', steps}
for _, head in ipairs(redis.call('ZRANGEBYLEX', heads, ARGV[4], ARGV[5], 'LIMIT', 0, ARGV[6])) do
  local value = redis.call('HGET', KEYS[3], head:sub(1, 8))
  if not value then return {'damaged', head} end
  redis.call('ZADD', KEYS[4], 0, head)
  redis.call('HSET', KEYS[5], head:sub(1, 8), value)
  copied[#copied + 1] = head
  copied[#copied + 1] = value:sub(1, 30) -- in which the lengths before the data are
  copied[#copied + 1] = #value
end
return copied
