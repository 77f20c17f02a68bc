-- Library: the state of a run, counters in one string; FORMAT.md describes the fields. KEYS[1] is the prefix of all keys
-- of the run. Scripts format numbers themselves before they pass them to Redis, which is twice as fast.
local call, format = redis.call, string.format
local pack, parse = struct.pack, struct.unpack
local K = KEYS[1]
local STATE = '<BBBBBH' .. string.rep('I4', 17) .. 'ddddd'

-- Locals and one constructor: assigning each field costs another 1 % of a commit.
local function readState(raw)
  local version, status, stopping, policy, flags, revision, workers, nodes, bits, blocks, tasks, edges, maxTasks,
    maxEdges, open, claims, waiting, suspects, done, failed, skipped, retries, retrying, seq, base, now, due, lease =
    parse(STATE, raw)
  return {
    version = version, status = status, stopping = stopping, policy = policy, flags = flags, revision = revision,
    workers = workers, nodes = nodes, bits = bits, blocks = blocks, tasks = tasks, edges = edges, maxTasks = maxTasks,
    maxEdges = maxEdges, open = open, claims = claims, waiting = waiting, suspects = suspects, done = done,
    failed = failed, skipped = skipped, retries = retries, retrying = retrying, seq = seq, base = base, now = now,
    due = due, lease = lease,
  }
end

local function packState(s)
  return pack(STATE, s.version, s.status, s.stopping, s.policy, s.flags, s.revision, s.workers, s.nodes, s.bits, s.blocks,
    s.tasks, s.edges, s.maxTasks, s.maxEdges, s.open, s.claims, s.waiting, s.suspects, s.done, s.failed, s.skipped,
    s.retries, s.retrying, s.seq, s.base, s.now, s.due, s.lease)
end

-- news notifies all processes that the run has begun, or that its status or its stored end has changed.
local function news()
  local prefix, name = string.match(K, '^(.*){(.*)}:$')
  call('PUBLISH', prefix .. 'news', name)
end
