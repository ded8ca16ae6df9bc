-- Notes since when Redis has kept what was delivered, if it has just been lost or is new.
-- KEYS: first position
local first_position = KEYS[1]
if redis.call('EXISTS', first_position) == 1 then return end
local time = redis.call('TIME')
redis.call('SET', first_position, string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])))
