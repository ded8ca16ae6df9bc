-- Notes since when Redis has kept what was delivered, if it has just been lost or is new.
-- KEYS: first position
-- Returns that position.
local first_position = KEYS[1]
local known = redis.call('GET', first_position)
if known then return known end
local time = redis.call('TIME')
local now = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
redis.call('SET', first_position, now)
return now
