-- Changes where what has a clientId is appended, unless somebody else has.
-- KEYS, ARGV: named below
-- Returns the home as it is now, '' if there is none.
local home = KEYS[1]
local old = ARGV[1]
local new = ARGV[2] -- '' to have none
local seconds = ARGV[3]

local now = redis.call('GET', home)
if now and now ~= old then return now end
if new == '' then redis.call('DEL', home) else redis.call('SET', home, new, 'EX', seconds) end
return new
