-- Sets fields of a run that is as it was when that was decided, and reports that where a channel is given.
-- KEYS  run
-- ARGV  1 the version that was decided on, 2 the one that this call makes, 3 channel or nothing, 4 message, then fields and
--       values
local version = redis.call('HGET', KEYS[1], 'version')
if version == ARGV[2] then return {'kept'} end -- by this very call
if version ~= ARGV[1] then return {'changed'} end
redis.call('HSET', KEYS[1], 'version', ARGV[2], unpack(ARGV, 5))
if ARGV[3] ~= '' then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return {'kept'}
