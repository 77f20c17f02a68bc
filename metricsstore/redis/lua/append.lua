-- Append: keeps all blocks and rows, or none.
-- KEYS  run, heads, blocks, details, workers, parcel
-- ARGV  1 the incarnation that decisions were made for, empty for any
--       2 channel, 3 message
--       4 the token of the parcel that holds the rows, empty where they are given; 5 its length
--       6 1 to only return what overlaps
--       7 steps and 8 bytes of the blocks, 9 their number, then first, last and value of each, then rows
local run, heads = KEYS[1], KEYS[2]
local incarnation, waiting = unpack(redis.call('HMGET', run, 'incarnation', 'parcel'))
if not incarnation then return {'none'} end
if ARGV[1] ~= '' and ARGV[1] ~= incarnation then return {'other'} end
if waiting then
  if waiting == ARGV[4] then return {'kept'} end -- by this very call
  return {'waiting', waiting}
end

local count = tonumber(ARGV[9])
local rows = 10 + 3 * count
local overlaps = {'overlap', incarnation}
for i = 10, rows - 1, 3 do
  local first, last = ARGV[i], ARGV[i + 1]
  local before = upto(heads, first)
  if before and not behind(first, before:sub(9)) then overlaps[#overlaps + 1] = before end
  for _, head in ipairs(redis.call('ZRANGEBYLEX', heads, '(' .. first .. most, '[' .. last .. most)) do
    overlaps[#overlaps + 1] = head
  end
end
if ARGV[6] == '1' or #overlaps > 2 then return overlaps end
if ARGV[4] ~= '' and redis.call('LLEN', KEYS[6]) ~= tonumber(ARGV[5]) then return {'lost'} end

for i = 10, rows - 1, 3 do
  redis.call('ZADD', heads, 0, ARGV[i] .. ARGV[i + 1])
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 2])
end
if count > 0 then
  redis.call('HINCRBY', run, 'steps', ARGV[7])
  redis.call('HINCRBY', run, 'log', ARGV[8])
  redis.call('HSET', run, 'last', redis.call('ZREVRANGE', heads, 0, 0)[1]:sub(9))
end
if ARGV[4] ~= '' then
  redis.call('PERSIST', KEYS[6])
  redis.call('HSET', run, 'parcel', ARGV[4])
end
local changed = keepRows(run, KEYS[4], KEYS[5], ARGV, rows) or count > 0 or ARGV[4] ~= ''
if not changed then return {'same'} end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return {'kept'}
