import { describe, expect, it } from 'vitest'
import { createLog, logSettings } from './create-log.ts'
import { type LogFormat, formatEntry, formatTime } from './format.ts'
import { OncePerInterval } from './once-per-interval.ts'

const time = new Date(2026, 0, 10, 20, 18, 53)
const stamp = formatTime(time)

const line = (format: LogFormat, level: string, message: string, fields: Record<string, unknown> = {}): string =>
  formatEntry(format, { time, level, message, fields }).trimEnd()

describe('log lines', () => {
  it('have the shape of the text format: quotes only where they are needed, fields by name', () => {
    const fields = { prefix: 'main', b: 'x y', a: 3, empty: '' }
    expect(line('text', 'info', '## Tyk Pump, v1 ##', fields)).toBe(
      `time="${stamp}" level=info message="## Tyk Pump, v1 ##" a=3 b="x y" empty= prefix=main`,
    )
    expect(line('text', 'warn', 'word')).toBe(`time="${stamp}" level=warning message=word`)
    expect(line('text', 'info', '')).toBe(`time="${stamp}" level=info`)
  })

  it('escape as Go does, so that no value makes a line of its own', () => {
    expect(line('text', 'error', 'a "b"\\\n\u0001', { time: 'mine' })).toBe(
      `time="${stamp}" level=error message="a \\"b\\"\\\\\\n\\x01" fields.time=mine`,
    )
  })

  it('have the shape of the legacy format', () => {
    expect(line('legacy', 'info', 'two words', { prefix: 'main' })).toBe(
      'time="Jan 10 20:18:53" level=info msg="two words" prefix=main',
    )
  })

  it('have the shape of the JSON format: all keys sorted', () => {
    expect(line('json', 'info', 'm', { prefix: 'main', a: 1 })).toBe(
      `{"a":1,"level":"info","message":"m","prefix":"main","time":"${stamp}"}`,
    )
  })

  it('have the shape of the 2020 releases on a terminal', () => {
    expect(line('terminal', 'info', 'Starting', { prefix: 'main', n: 1 })).toBe(
      '[Jan 10 20:18:53]  INFO main: Starting n=1',
    )
    expect(line('terminal', 'warn', 'x')).toBe('[Jan 10 20:18:53]  WARN x')
  })
})

describe('the logger', () => {
  it('writes errors with their causes as one field, and never their stacks', () => {
    const lines: string[] = []
    const log = createLog({ level: 'info', format: 'json' }, (text) => lines.push(text))
    log.child({ prefix: 'server' }).error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed')
    log.debug('not this')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ error: 'outer: inner', prefix: 'server', level: 'error' })
  })

  it.each<[string, string, NodeJS.ProcessEnv, boolean, boolean, object]>([
    ['defaults to text at info', '', {}, false, false, { level: 'info', format: 'text' }],
    ['takes what the file says', 'debug,json', {}, false, false, { level: 'debug', format: 'json' }],
    [
      'lets the environment win',
      'debug,json',
      { TYK_LOGLEVEL: 'WARN', TYK_LOGFORMAT: 'legacy' },
      false,
      false,
      { level: 'warn', format: 'legacy' },
    ],
    ['takes an unknown level for info', 'debug', { TYK_LOGLEVEL: 'loud' }, false, false, { level: 'info' }],
    ['lets --debug win over all', 'error', { TYK_LOGLEVEL: 'error' }, true, false, { level: 'debug' }],
    ['is for people on a terminal', '', {}, false, true, { format: 'terminal' }],
    ['keeps a chosen format on a terminal', ',json', {}, false, true, { format: 'json' }],
  ])('%s', (_, config, env, debug, terminal, expected) => {
    const [log_level = '', log_format = ''] = config.split(',')
    expect(logSettings({ log_level, log_format }, env, debug, terminal)).toMatchObject(expected)
  })
})

describe('once per interval', () => {
  it('lets the first through, counts the rest, and starts anew when the trouble is over', () => {
    let now = 0
    const seen: number[] = []
    const gate = new OncePerInterval(100, () => now)
    const call = (): void => gate.run((heldBack) => seen.push(heldBack))
    call()
    call()
    call()
    now = 100
    call()
    gate.reset()
    call()
    expect(seen).toEqual([0, 2, 0])
  })
})
