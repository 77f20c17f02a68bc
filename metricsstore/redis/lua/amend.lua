-- Sets fields of a run that is as it was when that was decided.
-- KEYS  run
-- ARGV  1 the version that was decided on, 2 the one that this call makes, then fields and values
local version = redis.call('HGET', KEYS[1], 'version')
if version == ARGV[2] then return {'kept'} end -- by this very call
if version ~= ARGV[1] then return {'changed'} end
redis.call('HSET', KEYS[1], 'version', ARGV[2], unpack(ARGV, 3))
return {'kept'}
