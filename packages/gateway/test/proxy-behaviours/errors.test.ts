/** Rows of the table of proxy behaviours about the errors that the gateway answers itself. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { LANES, onEachLane, useStages } from '../support/stages.ts'
import { connectWire, namesOf, requestText, valuesOf } from '../support/wire.ts'
import { OK } from '../support/wire-upstream.ts'

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

/** A folder of error templates. */
function templates(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tek-templates-'))
  folders.push(folder)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const apis = (url: string): Record<string, unknown> => ({
  'app.json': apiAt('app', url),
  'gone.json': apiAt('gone', 'http://127.0.0.1:1'),
  'keys.json': apiAt('keys', url, { use_keyless: false, use_standard_auth: true }),
  'ips.json': apiAt('ips', url, { allowed_ips: ['10.0.0.1'] }),
})

const stages = useStages({
  ...onEachLane({ apis }),
  own: {
    apis,
    conf: {
      hide_generator_header: true,
      template_path: templates({
        'error_500.json': '{"status":500,"text":"{{.Message}}"}',
        'error_403.xml': '<forbidden>{{.Message}}</forbidden>',
        'error.xml': '<any>{{.Message}}</any>',
        'error.json': '{"any":"{{.Message}}"}',
        'note.json': '{"not":"an error template"}',
      }),
    },
  },
  json: { apis, conf: { close_connections: true, template_path: templates({ 'error.json': '["{{.Message}}"]' }) } },
})

const PROXYING = 'There was a problem proxying the request'
const XML = `<?xml version = "1.0" encoding = "UTF-8"?>\n<error>${PROXYING}</error>\n`

/** The whole answer, but for its date. */
const dateless = (raw: string): string => raw.replace(/\r\nDate: [^\r]*/, '')

describe.skipIf(redisSkipReason()).each(LANES)('an error on the %s lane', (lane) => {
  const stage = stages[lane]

  test('27.25 is this, byte for byte', async () => {
    expect(dateless((await stage.ask('GET', '/gone/x')).raw)).toBe(
      'HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nX-Generator: tyk.io\r\n' +
        `Content-Length: 59\r\n\r\n{\n    "error": "${PROXYING}"\n}`,
    )
    expect(dateless((await stage.ask('GET', '/keys/x')).raw)).toBe(
      'HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nX-Generator: tyk.io\r\n' +
        'Content-Length: 46\r\n\r\n{\n    "error": "Authorization field missing"\n}',
    )
  })

  test.each([
    [[], 'application/json'],
    [['Content-Type: application/json'], 'application/json'],
    [['Accept: application/xml'], 'application/json'],
    [['Content-Type: text/html', 'Accept: text/xml'], 'application/json'],
    [['Content-Type: application/xml'], 'application/xml'],
    [['content-type: text/xml; charset=utf-8'], 'text/xml'],
    [['Content-Type: application/soap+xml;a=b', 'Accept: application/json'], 'application/soap+xml'],
    [['Content-Type: Application/XML'], 'application/json'],
    [['Content-Type: application/xhtml+xml'], 'application/json'],
  ])('27.25 to a request with %j is of type %s', async (lines, type) => {
    const answer = await stage.ask('GET', '/gone/x', lines)
    expect(valuesOf(answer, 'Content-Type')).toEqual([type])
    expect(answer.body).toBe(type.endsWith('xml') ? XML : `{\n    "error": "${PROXYING}"\n}`)
    expect(valuesOf(answer, 'Content-Length')).toEqual([String(answer.body.length)])
  })

  test('27.26 has X-Generator and leaves the connection open; a proxied answer has neither', async () => {
    await using client = await connectWire(stage.gateway.port)
    for (const [path, generator] of [
      ['/gone/x', ['tyk.io']],
      ['/ips/x', ['tyk.io']],
      ['/app/x', []],
    ] as const) {
      client.send(requestText('GET', path))
      const answer = await client.answer()
      expect(valuesOf(answer, 'X-Generator')).toEqual(generator)
      expect(namesOf(answer)).not.toContain('Connection')
    }
  })
})

describe.skipIf(redisSkipReason())('an error', () => {
  test('27.26 has no X-Generator with hide_generator_header', async () => {
    for (const path of ['/gone/x', '/keys/x']) {
      expect(namesOf(await stages.own.ask('GET', path))).not.toContain('X-Generator')
    }
  })

  test('27.26 closes the connection with close_connections, as every answer does', async () => {
    stages.json.upstream.answerWith(OK)
    for (const path of ['/gone/x', '/keys/x', '/app/x', '/none', '/app//x']) {
      await using client = await connectWire(stages.json.gateway.port)
      client.send(requestText('GET', path))
      expect(valuesOf(await client.answer(), 'Connection'), path).toEqual(['close'])
      await client.closed()
    }
  })

  test.each([
    ['/gone/x', [], 'application/json', `{"status":500,"text":"${PROXYING}"}`],
    ['/keys/x', [], 'application/json', '{"any":"Authorization field missing"}'],
    [
      '/ips/x',
      ['Content-Type: text/xml'],
      'text/xml',
      '<forbidden>access from this IP has been disallowed</forbidden>',
    ],
    ['/gone/x', ['Content-Type: application/xml'], 'application/xml', `<any>${PROXYING}</any>`],
  ])(
    '27.27 on %s with %j takes the template of its status and type, then of its type',
    async (path, lines, type, body) => {
      const answer = await stages.own.ask('GET', path, lines)
      expect(valuesOf(answer, 'Content-Type')).toEqual([type])
      expect(answer.body).toBe(body)
    },
  )

  test('27.27 takes error.json, as JSON, where there is no template of its type', async () => {
    const answer = await stages.json.ask('GET', '/gone/x', ['Content-Type: text/xml'])
    expect(valuesOf(answer, 'Content-Type')).toEqual(['application/json'])
    expect(answer.body).toBe(`["${PROXYING}"]`)
  })
})
