import type { Numbers, Overview } from '../../api/schema.ts'
import type { TopQuestion } from '../types.ts'
import { Buckets, latencyOf, statusClass, trafficOf } from './buckets.ts'
import { consumersOf } from './consumers.ts'
import type { Matches } from './matches.ts'
import { ranksOf } from './percentiles.ts'
import { topOf } from './top.ts'

export function overviewOf(
  matches: Matches,
  before: Matches,
  question: TopQuestion,
  check: () => void,
): Omit<Overview, 'range' | 'reloads' | 'quality'> {
  const buckets = new Buckets(question)
  const bucketOf = buckets.ofAll(matches.times)
  return {
    numbers: numbersOf(matches),
    before: numbersOf(before),
    traffic: trafficOf(matches, buckets, bucketOf),
    latency: latencyOf(matches, buckets, bucketOf),
    top: question.fields.map((field) => {
      check()
      return topOf(matches, field, question.size)
    }),
  }
}

function numbersOf(matches: Matches): Numbers {
  const codes = matches.numbers('response_code') ?? new Float64Array(0)
  const times = matches.numbers('request_time_ms') ?? new Float64Array(0)
  let clientErrors = 0
  let serverErrors = 0
  for (const code of codes) {
    const family = statusClass(code)
    if (family === 4) clientErrors++
    else if (family === 5) serverErrors++
  }
  return {
    requests: matches.count,
    clientErrors,
    serverErrors,
    p95Ms: ranksOf(times).percentile(95),
    consumers: consumersOf(matches).count,
  }
}
