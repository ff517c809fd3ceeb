import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type FormatLine,
  jsonLine,
  legacyLine,
  lineFormat,
  type LogEntry,
  terminalLine,
  textLine,
} from './line-formats.ts'

const zone = process.env['TZ']
beforeEach(() => {
  process.env['TZ'] = 'UTC'
})
afterEach(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

const timeMs = Date.UTC(2026, 0, 31, 9, 15, 2, 987)
const entry = (part: Partial<LogEntry>): LogEntry => ({ timeMs, level: 'info', message: '', fields: {}, ...part })
const reload = entry({ message: 'API reload complete', fields: { prefix: 'main' } })
const request = entry({
  level: 'warning',
  message: 'Attempted access with invalid key.',
  fields: { path: '/get', origin: '127.0.0.1', key: '****6789', api_id: '1', mw: 'AuthKey', count: 2, ok: true },
})
const odd = entry({
  level: 'error',
  message: 'a "b"\n',
  fields: { empty: '', time: 1, level: 'x', message: 'y', tab: '\t', list: ['a', 1], nothing: null },
})

describe('every format, byte for byte', () => {
  test.each<[string, FormatLine, LogEntry, string]>([
    ['text', textLine, reload, 'time="2026-01-31T09:15:02Z" level=info message="API reload complete" prefix=main'],
    [
      'text, fields by name',
      textLine,
      request,
      'time="2026-01-31T09:15:02Z" level=warning message="Attempted access with invalid key." api_id=1 count=2 key="****6789" mw=AuthKey ok=true origin=127.0.0.1 path=/get',
    ],
    [
      'text, odd values',
      textLine,
      odd,
      String.raw`time="2026-01-31T09:15:02Z" level=error message="a \"b\"\n" empty= fields.level=x fields.message=y fields.time=1 list="[\"a\",1]" nothing=null tab="\t"`,
    ],
    ['text, no message', textLine, entry({}), 'time="2026-01-31T09:15:02Z" level=info'],
    [
      'json',
      jsonLine,
      reload,
      '{"level":"info","message":"API reload complete","prefix":"main","time":"2026-01-31T09:15:02Z"}',
    ],
    ['json, no message', jsonLine, entry({}), '{"level":"info","message":"","time":"2026-01-31T09:15:02Z"}'],
    [
      'json, odd values',
      jsonLine,
      odd,
      String.raw`{"empty":"","fields.level":"x","fields.message":"y","fields.time":1,"level":"error","list":["a",1],"message":"a \"b\"\n","nothing":null,"tab":"\t","time":"2026-01-31T09:15:02Z"}`,
    ],
    ['legacy', legacyLine, reload, 'time="Jan 31 09:15:02" level=info msg="API reload complete" prefix=main'],
    ['legacy, no message', legacyLine, entry({}), 'time="Jan 31 09:15:02" level=info'],
    ['terminal', terminalLine, reload, '[Jan 31 09:15:02]  INFO main: API reload complete'],
    [
      'terminal, without prefix',
      terminalLine,
      entry({ message: 'Tracking hostname', fields: { domain: '(no host)', api_name: 'a' } }),
      '[Jan 31 09:15:02]  INFO Tracking hostname api_name=a domain="(no host)"',
    ],
    ['terminal, warning', terminalLine, entry({ level: 'warning', message: 'm' }), '[Jan 31 09:15:02]  WARN m'],
    ['terminal, error', terminalLine, entry({ level: 'error', message: 'm' }), '[Jan 31 09:15:02] ERROR m'],
    ['terminal, debug', terminalLine, entry({ level: 'debug', message: 'm' }), '[Jan 31 09:15:02] DEBUG m'],
  ])('%s', (_name, format, line, text) => {
    expect(format(line)).toBe(text)
  })
})

test.each([
  ['UTC', 'Z', '09'],
  ['Europe/Paris', '+01:00', '10'],
  ['America/St_Johns', '-03:30', '05'],
])('time stands in the zone %s', (tz, offset, hour) => {
  process.env['TZ'] = tz
  const minutes = tz === 'America/St_Johns' ? '45' : '15'
  expect(textLine(entry({}))).toBe(`time="2026-01-31T${hour}:${minutes}:02${offset}" level=info`)
})

test('a terminal changes only the text format', () => {
  expect(lineFormat('text', true)).toBe(terminalLine)
  expect(lineFormat('text', false)).toBe(textLine)
  expect(lineFormat('json', true)).toBe(jsonLine)
  expect(lineFormat('legacy', true)).toBe(legacyLine)
})
