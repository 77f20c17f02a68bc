-- Archive: puts in place what was staged, as a whole.
-- KEYS  1 run, 2 fence, 3 heads, 4 blocks, 5 rollups, 6 names, 7 staged heads, 8 staged blocks, 9 staged rollups,
--       then for each attachment where it is staged and where it goes
-- ARGV  1 the version that was decided on, 2 the one that this call makes, 3 its ticket, 4 header
--       5 number, 6 steps and 7 bytes of the staged blocks, 0 where the log stays, and 8 the steps that the log had
--       when they were staged; 9 number and 10 bytes of the roll-ups; 11 channel, 12 message, then names
local run = KEYS[1]
local version, steps = unpack(redis.call('HMGET', run, 'version', 'steps'))
if not version then return {'none'} end
if version == ARGV[2] then return {'kept'} end -- by this very call
if version ~= ARGV[1] then return {'changed'} end
if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[3]) then return {'fenced'} end
local blocks = tonumber(ARGV[5])
if blocks > 0 and steps ~= ARGV[8] then return {'behind'} end
if blocks > 0 and (redis.call('ZCARD', KEYS[7]) ~= blocks or redis.call('HLEN', KEYS[8]) ~= blocks) then return {'lost'} end
if redis.call('HLEN', KEYS[9]) ~= tonumber(ARGV[9]) then return {'lost'} end
for i = 10, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[i]) == 0 then return {'lost'} end
end

-- place puts a staged value where it belongs. The old value is freed in the background.
local function place(staged, key)
  redis.call('UNLINK', key)
  if redis.call('EXISTS', staged) == 1 then
    redis.call('RENAME', staged, key)
    redis.call('PERSIST', key)
  end
end

if blocks > 0 then
  place(KEYS[7], KEYS[3])
  place(KEYS[8], KEYS[4])
  redis.call('HSET', run, 'steps', ARGV[6], 'log', ARGV[7], 'last', redis.call('ZREVRANGE', KEYS[3], 0, 0)[1]:sub(9))
end
place(KEYS[9], KEYS[5])
local bytes = 0
for i = 10, #KEYS, 2 do
  bytes = bytes + redis.call('STRLEN', KEYS[i]) - redis.call('STRLEN', KEYS[i + 1])
  place(KEYS[i], KEYS[i + 1])
  redis.call('SADD', KEYS[6], ARGV[13 + (i - 10) / 2])
end
redis.call('HINCRBY', run, 'bytes', bytes)
redis.call('HSET', run, 'version', ARGV[2], 'header', ARGV[4], 'digests', ARGV[10])
redis.call('PUBLISH', ARGV[11], ARGV[12])
return {'kept'}
