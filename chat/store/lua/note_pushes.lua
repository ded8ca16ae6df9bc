-- Notes of new messages whether their receivers are to get a notification: those who have a subscription and no socket.
-- There is at most one for each conversation of a person, for its newest message.
-- KEYS: people with a subscription, people online, due, messages, attempts, devices not reached yet
-- ARGV: named below, then for each message: receiver, `<receiver> <sender>`, message id
-- Returns 1 if some were noted and none was due before, so that nobody is taking them yet; else 0.
local subscribed, online, due, messages, attempts, unreached = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local limit = tonumber(ARGV[1]) -- of notifications that wait; beyond it, new conversations get none

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waited = redis.call('ZCOUNT', due, '-inf', now) > 0
local noted = false
for i = 2, #ARGV, 3 do
  local receiver, name, id = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('SISMEMBER', subscribed, receiver) == 1 and redis.call('SISMEMBER', online, receiver) == 0 then
    local before = redis.call('HGET', messages, name)
    if before and before < id or not before and redis.call('ZCARD', due) < limit then
      redis.call('HSET', messages, name, id)
      redis.call('HDEL', attempts, name)
      redis.call('HDEL', unreached, name)
      redis.call('ZADD', due, now, name)
      noted = true
    end
  end
end
return noted and not waited and 1 or 0
