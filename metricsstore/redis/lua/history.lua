-- history names the keys of the history, the first of which is KEYS[n].
local function history(n)
  return {
    days = KEYS[n], known = KEYS[n + 1], loose = KEYS[n + 2], stubborn = KEYS[n + 3], groups = KEYS[n + 4], merged = KEYS[n + 5],
  }
end

-- remerge forgets what the runs of a day were merged to: all of them are loose again.
local function remerge(K, day, next)
  for _, group in ipairs(redis.call('SMEMBERS', K.groups)) do
    redis.call('ZREMRANGEBYLEX', K.merged, '[' .. group .. day, '(' .. group .. next)
  end
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', K.known, '[' .. day, '(' .. next)) do
    if not redis.call('ZSCORE', K.stubborn, entry) then redis.call('ZADD', K.loose, 0, entry) end
  end
  redis.call('HINCRBY', K.days, day, 1)
end

-- loosen makes a run loose whose roll-ups are about to change, if it has ever had any. Where it was merged, so are all of
-- its day.
local function loosen(K, entry, day, next)
  if not redis.call('ZSCORE', K.known, entry) then return end
  if redis.call('ZREM', K.stubborn, entry) == 0 and not redis.call('ZSCORE', K.loose, entry) then remerge(K, day, next) end
  redis.call('ZADD', K.loose, 0, entry)
end
