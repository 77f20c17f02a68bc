-- Moves rows of the parcel that a run has to where they belong, some at a time.
-- KEYS  run, details, workers, parcel
-- ARGV  1 the token of the parcel, 2 how many rows and 3 how many bytes are enough
local run, parcel = KEYS[1], KEYS[4]
if redis.call('HGET', run, 'parcel') ~= ARGV[1] then return {'done'} end
local rows, bytes = 0, 0
while rows < tonumber(ARGV[2]) and bytes < tonumber(ARGV[3]) do
  local some = redis.call('LPOP', parcel, 32)
  if not some then break end
  for _, row in ipairs(some) do bytes = bytes + #row end
  rows = rows + #some
  keepRows(run, KEYS[2], KEYS[3], some, 1)
end
if redis.call('EXISTS', parcel) == 1 then return {'more'} end
redis.call('HDEL', run, 'parcel')
return {'done'}
