-- above gives the exclusive end of all strings that begin with a key.
local function above(key)
  for i = #key, 1, -1 do
    local c = key:byte(i)
    if c < 255 then return '(' .. key:sub(1, i - 1) .. string.char(c + 1) end
  end
  return '+'
end

-- keepDetail keeps a row where none with its key exists, and returns how many rows and bytes that adds.
local function keepDetail(details, row)
  local key = row:sub(1, 12)
  if redis.call('ZLEXCOUNT', details, '[' .. key, above(key)) > 0 then return 0, 0 end
  redis.call('ZADD', details, 0, row)
  return 1, #row - 12
end

-- keepWorker keeps a row where it has a greater rank than the one with its key, and returns how many bytes that adds.
local function keepWorker(workers, row)
  local key, value = row:sub(1, 8), row:sub(9)
  local old = redis.call('HGET', workers, key)
  if old and not behind(value, old) then return false, 0 end
  redis.call('HSET', workers, key, value)
  return true, #value - (old and #old or 8)
end

-- keepRows keeps rows from the nth on, adds them to the totals of the run, and returns whether any was new.
local function keepRows(run, details, workers, rows, from)
  local changed, count, bytes = false, 0, 0
  for i = from, #rows do
    local kind, row = rows[i]:sub(1, 1), rows[i]:sub(2)
    local new, n, size
    if kind == 'd' then
      n, size = keepDetail(details, row)
      new, count = n > 0, count + n
    else
      new, size = keepWorker(workers, row)
    end
    changed, bytes = changed or new, bytes + size
  end
  if changed then
    redis.call('HINCRBY', run, 'details', count)
    redis.call('HINCRBY', run, 'bytes', bytes)
  end
  return changed
end
