-- Begin: makes a run, or replaces its header and shape.
-- KEYS  run, fence, names, the staged shape, the shape
-- ARGV  1 the version that was decided on, empty where the run does not exist; 2 the one that this call makes
--       3 the call's ticket, 4 header, 5 annotation of a new run, 6 the name of the shape, 7 channel, 8 message
local run, staged, shape = KEYS[1], KEYS[4], KEYS[5]
local version = redis.call('HGET', run, 'version') or ''
if version == ARGV[2] then return {'kept'} end -- by this very call
if version ~= ARGV[1] then return {'changed'} end
if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[3]) then return {'fenced'} end
if redis.call('EXISTS', staged) == 0 then return {'lost'} end

if version == '' then
  redis.call('HSET', run, 'incarnation', ARGV[3], 'annotation', ARGV[5],
    'steps', 0, 'details', 0, 'log', 0, 'digests', 0, 'bytes', 0)
end
redis.call('HSET', run, 'version', ARGV[2], 'header', ARGV[4])
redis.call('HINCRBY', run, 'bytes', redis.call('STRLEN', staged) - redis.call('STRLEN', shape))
redis.call('UNLINK', shape)
redis.call('RENAME', staged, shape)
redis.call('PERSIST', shape)
redis.call('SADD', KEYS[3], ARGV[6])
redis.call('PUBLISH', ARGV[7], ARGV[8])
return {'kept'}
