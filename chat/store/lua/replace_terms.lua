-- Replaces a document's search terms, unless they have changed in the meantime.
-- KEYS: the document
-- ARGV: JSON of its old terms, JSON of its new terms
-- Returns 1 if they were replaced, else 0.
local document = KEYS[1]
local before, after = ARGV[1], ARGV[2]
if redis.call('JSON.GET', document, '.terms') ~= before then return 0 end
redis.call('JSON.SET', document, '.terms', after)
return 1
