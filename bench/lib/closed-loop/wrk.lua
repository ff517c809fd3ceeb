-- What wrk sends and how it reports. Set by environment:
-- BENCH_METHOD, BENCH_BODY_BYTES; BENCH_SPREAD paths made of BENCH_PATH, in turn.
wrk.method = os.getenv('BENCH_METHOD') or 'GET'
local body = tonumber(os.getenv('BENCH_BODY_BYTES') or '0')
if body > 0 then
  wrk.body = string.rep('x', body)
end

local spread = tonumber(os.getenv('BENCH_SPREAD') or '0')
if spread > 0 then
  local path, requests, at = os.getenv('BENCH_PATH'), {}, 0
  init = function()
    for i = 1, spread do
      requests[i] = wrk.format(nil, (path:gsub('{}', string.format('%04d', i - 1))))
    end
  end
  request = function()
    at = at % spread + 1
    return requests[at]
  end
end

-- wrk itself prints no 99.9th percentile. Latencies are in microseconds.
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"micros":%d,"bytes":%d,"p50":%d,"p99":%d,"p999":%d,"max":%d,"socketErrors":%d,"statusErrors":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
    e.connect + e.read + e.write + e.timeout, e.status))
end
