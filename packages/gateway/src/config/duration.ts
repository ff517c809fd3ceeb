const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}
const DURATION = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g
const MAX_NS = 2 ** 63

/** Milliseconds of a Go duration such as `1m30s`; undefined when the text is none. */
export function parseDurationMs(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0
  if (!DURATION.test(text)) return undefined
  let ns = 0
  for (const [, amount = '', unit = ''] of text.matchAll(PART)) ns += Number(amount) * (UNIT_NS[unit] ?? 0)
  if (ns >= MAX_NS) return undefined
  return (text.startsWith('-') ? -ns : ns) / 1e6
}

/** Nanoseconds, as durations stand in the configuration file. */
export function durationNs(ms: number): number {
  return Math.round(ms * 1e6)
}
