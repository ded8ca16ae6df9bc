-- Appends a message to the log of its partition, unless that was done before under one of its names.
-- The second step of accepting a message, after `admit_message`. Safe to repeat.
-- KEYS: log, waking flag, then the names: its clientId, or this call's own, or both
-- ARGV: named below, then the entry: field, value, ...
-- Returns {outcome, ...}, where outcome is one of
--   accepted, again (it was accepted before): followed by the receipt
--   wake: nothing was accepted; wake the drainer, then call again
--   full: the log has no room
--   closed: the clientId is not to be used here any more, as its home has moved
--   unknown: it was not accepted before, and is only looked for
local log, waking = KEYS[1], KEYS[2]
local first_name = 3
local receipt_suffix = ARGV[1] -- what follows the entry's id in the receipt
local log_limit = tonumber(ARGV[2])
local name_seconds = ARGV[3] -- how long to keep the names, from the last call
local waking_ms = ARGV[4] -- how long to keep the waking flag
-- 'add'; 'force': even if the flag is gone again after several wake-ups; 'look'; 'close': look, and if it is unknown, see to
-- it that it is not appended here by any call that knows this home or an earlier one
local action = ARGV[5]
local generation = tonumber(ARGV[6]) -- of the home of the clientId; each move makes the next one
local closed_seconds = ARGV[7] -- how long to remember that it is closed
local first_field = 8

local closed = 0 -- the newest generation for which it is
for i = first_name, #KEYS do
  local before = redis.call('GET', KEYS[i])
  local of = before and string.match(before, '^closed (%d+)$')
  if of then
    closed = tonumber(of)
  elseif before then
    -- A write, since whoever waits for replicas waits for what it wrote itself: they may not have the entry yet.
    redis.call('EXPIRE', KEYS[i], name_seconds)
    return {'again', before}
  end
end
if action == 'look' then return {'unknown'} end
if action == 'close' then
  redis.call('SET', KEYS[first_name], 'closed ' .. math.max(closed, generation), 'EX', closed_seconds)
  return {'unknown'}
end
if closed >= generation then return {'closed'} end
if redis.call('XLEN', log) >= log_limit then return {'full'} end
-- While the flag exists, a drainer is certain to look at the log again.
if redis.call('EXISTS', waking) == 0 then
  redis.call('SET', waking, '1', 'PX', waking_ms)
  if action ~= 'force' then return {'wake'} end
end
local receipt = redis.call('XADD', log, '*', unpack(ARGV, first_field)) .. receipt_suffix
for i = first_name, #KEYS do redis.call('SET', KEYS[i], receipt, 'EX', name_seconds) end
return {'accepted', receipt}
