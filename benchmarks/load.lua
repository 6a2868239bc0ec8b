-- For wrk: each request brings the next of the bodies in a folder, named 0, 1, 2, …; the outcome is a line of JSON.
-- Arguments after "--": folder, number of bodies, path with query, content type, bearer token or nothing,
-- one more header as Name: value or nothing.

local requests, following = {}, 0

function init(args)
  local folder, count, path = args[1], tonumber(args[2]), args[3]
  local headers = { ["Content-Type"] = args[4] }
  if args[5] and args[5] ~= "" then headers["Authorization"] = "Bearer " .. args[5] end
  local name, value = (args[6] or ""):match("^([^:]+): (.+)$")
  if name then headers[name] = value end
  for i = 0, count - 1 do
    local file = assert(io.open(folder .. "/" .. i, "rb"))
    requests[i] = wrk.format("POST", path, headers, file:read("*a"))
    file:close()
  end
end

function request()
  following = (following + 1) % (#requests + 1)
  return requests[following]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "refused": %d, "failed": %d, "median_ms": %.3f, "p90_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3
  ))
end
