import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'
import { createRepeatedLog, type RepeatedLog } from './repeated.ts'

interface Fixture extends Disposable {
  readonly repeated: RepeatedLog
  printed(): unknown[]
}

function fixture(maxKeys = 1000): Fixture {
  const lines: unknown[] = []
  const destination = {
    write: (line: string) => {
      const { level, message, repeated: count, host } = JSON.parse(line) as Record<string, unknown>
      lines.push([level, message, host, count])
    },
  }
  const log = createLogger({ format: 'json', level: 'info', destination, isTty: false })
  const repeated = createRepeatedLog(log, { intervalMs: 3_600_000, maxKeys })
  return { repeated, printed: () => lines.splice(0), [Symbol.dispose]: () => repeated.close() }
}

test('logs the first of equal lines at once and the count of the others at the end of the interval', () => {
  using it = fixture()
  for (let i = 0; i < 4; i++) it.repeated.write('error', 'down', { host: 'a' }, 'Redis is down')
  it.repeated.write('warn', 'slow', {}, 'Slow')
  expect(it.printed()).toEqual([
    ['error', 'Redis is down', 'a', undefined],
    ['warning', 'Slow', undefined, undefined],
  ])
  it.repeated.flush()
  expect(it.printed()).toEqual([['error', 'Redis is down', 'a', 3]])
})

test('begins anew with every interval', () => {
  using it = fixture()
  it.repeated.write('warn', 'k', {}, 'm')
  it.repeated.flush()
  it.repeated.write('warn', 'k', {}, 'm')
  expect(it.printed()).toHaveLength(2)
  it.repeated.flush()
  expect(it.printed()).toEqual([])
})

test('counts lines beyond its bound together', () => {
  using it = fixture(2)
  for (let i = 0; i < 10; i++) it.repeated.write('warn', `k${i}`, { host: i }, 'm')
  expect(it.printed()).toHaveLength(2)
  it.repeated.flush()
  expect(it.printed()).toEqual([['warning', 'Too many different lines, counted together', undefined, 8]])
})

test('logs its counts when closed', () => {
  const it = fixture()
  it.repeated.write('info', 'k', {}, 'm')
  it.repeated.write('info', 'k', {}, 'm')
  it.repeated.close()
  expect(it.printed()).toEqual([
    ['info', 'm', undefined, undefined],
    ['info', 'm', undefined, 1],
  ])
})
