-- Counts one request by the generic cell rate algorithm, on the clock of Redis, so that servers need not agree on one.
-- KEYS[1]: whose request. ARGV: microseconds after which one comes back; how many are fine at once.
-- Answers the microseconds to wait; 0 where the request is fine.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
local after = full + interval
local wait = after - interval * tonumber(ARGV[2]) - now
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return 0
