import { expect, test } from 'vitest'
import { createLogger, errorText } from './logger.ts'
import type { Log } from './log.ts'

function jsonLogger(level: 'debug' | 'info' | 'warn' | 'error' = 'info'): {
  log: Log
  lines: Record<string, unknown>[]
} {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }
  return { log: createLogger({ format: 'json', level, destination, isTty: false }), lines }
}

test('writes one line per call, fields of the child first', () => {
  const written: string[] = []
  const log = createLogger({
    format: 'text',
    level: 'info',
    destination: { write: (line) => written.push(line) },
    isTty: false,
    now: () => 0,
  })
  log.child({ prefix: 'main' }).info({ api_id: '1' }, 'API Loaded')
  log.warn('plain')
  expect(written.map((line) => line.replace(/^time="[^"]*"/, 'time=?'))).toEqual([
    'time=? level=info message="API Loaded" api_id=1 prefix=main\n',
    'time=? level=warning message=plain\n',
  ])
})

test.each([
  ['debug', ['debug', 'info', 'warning', 'error', 'fatal']],
  ['info', ['info', 'warning', 'error', 'fatal']],
  ['warn', ['warning', 'error', 'fatal']],
  ['error', ['error', 'fatal']],
] as const)('level %s prints %j', (level, printed) => {
  const { log, lines } = jsonLogger(level)
  for (const name of ['debug', 'info', 'warn', 'error', 'fatal'] as const) log[name]('m')
  expect(lines.map((line) => line['level'])).toEqual(printed)
})

test('prints an error and its causes as the text field error', () => {
  const { log, lines } = jsonLogger()
  log.error({ err: new Error('reading a.json', { cause: new Error('unexpected end') }) }, 'Failed')
  log.error(new Error('alone'))
  log.error({ error: new Error('named') }, 'm')
  expect(lines.map(({ message, error }) => [message, error])).toEqual([
    ['Failed', 'reading a.json: unexpected end'],
    ['alone', 'alone'],
    ['m', 'named'],
  ])
})

test('describes an error that stands for several', () => {
  expect(errorText(new AggregateError([new Error('ECONNREFUSED ::1'), new Error('ECONNREFUSED 127.0.0.1')]))).toBe(
    'ECONNREFUSED ::1; ECONNREFUSED 127.0.0.1',
  )
  expect(errorText(new TypeError(''))).toBe('TypeError')
  expect(errorText('text')).toBe('text')
})

test('keeps fields named like parts of the line apart from these', () => {
  const { log, lines } = jsonLogger()
  log.info({ level: 'mine', time: 1, message: 'mine', msg: 'free' }, 'real')
  expect(lines[0]).toMatchObject({
    level: 'info',
    message: 'real',
    'fields.level': 'mine',
    'fields.time': 1,
    'fields.message': 'mine',
    msg: 'free',
  })
})

test('never prints what stands in a field for secrets', () => {
  const { log, lines } = jsonLogger()
  log.info({ password: 'hunter2', headers: { authorization: 'hunter2' }, secret: 'hunter2', key: '****1234' }, 'm')
  expect(JSON.stringify(lines)).not.toContain('hunter2')
  expect(lines[0]).toMatchObject({ key: '****1234' })
})
