/** The values of one scrape by what stands before them, e.g. `a_total` or `a_total{code="2xx"}`. */
export type Scrape = ReadonlyMap<string, number>

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (NaN|[+-]Inf|-?[0-9.eE+-]+)$`)
const HELP = new RegExp(`^# HELP (${NAME}) .+$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge)$`)

/**
 * Reads `/metrics` of a gateway.
 *
 * @throws Error for a line that Prometheus would not take, a value without HELP and TYPE, or one that comes twice.
 */
export async function scrape(url: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return parseMetrics(text)
}

export function parseMetrics(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const values = new Map<string, number>()
  let helped = ''
  let typed = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const sample = SAMPLE.exec(line)
    if (sample === null) {
      helped = HELP.exec(line)?.[1] ?? helped
      typed = TYPE.exec(line)?.[1] ?? typed
      if (!HELP.test(line) && !(TYPE.test(line) && helped === typed)) throw new Error(`unexpected: ${line}`)
      continue
    }
    const [, name = '', labels = '', value = ''] = sample
    if (name !== typed || values.has(name + labels)) throw new Error(`out of place: ${line}`)
    values.set(name + labels, Number(value.replace('Inf', 'Infinity')))
  }
  return values
}

/** What became of the records of a gateway, by the last scrape. */
export interface RecordsOf {
  readonly pushed: number
  readonly written: number
  readonly dropped: number
  readonly buffered: number
}

export function recordsOf(values: Scrape): RecordsOf {
  const value = (name: string): number => values.get(`tyk_gateway_records_${name}`) ?? NaN
  return {
    pushed: value('pushed_total'),
    written: value('written_total'),
    dropped: value('dropped_total'),
    buffered: value('buffered'),
  }
}
