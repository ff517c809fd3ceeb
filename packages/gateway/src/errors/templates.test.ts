import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Log } from '../log/log.ts'
import { loadErrorTemplates } from './templates.ts'

const problems: string[] = []
const log = { error: (_: object, message: string) => problems.push(message) } as unknown as Log

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tek-templates-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
  return folder
}

test.each([
  [null, 'application/json', '{\n    "error": "no"\n}'],
  ['application/json', 'application/json', '{\n    "error": "no"\n}'],
  ['text/html', 'application/json', '{\n    "error": "no"\n}'],
  ['application/xml', 'application/xml', '<?xml version = "1.0" encoding = "UTF-8"?>\n<error>no</error>\n'],
  ['text/xml; charset=utf-8', 'text/xml', '<?xml version = "1.0" encoding = "UTF-8"?>\n<error>no</error>\n'],
  ['application/soap+xml', 'application/soap+xml', '<?xml version = "1.0" encoding = "UTF-8"?>\n<error>no</error>\n'],
  ['Application/XML', 'application/json', '{\n    "error": "no"\n}'],
])('a request of type %j is answered as %s', (requested, contentType, body) => {
  expect(loadErrorTemplates('', log).render(403, 'no', requested)).toEqual({ contentType, body })
})

test('escapes the message for its format', () => {
  const templates = loadErrorTemplates('', log)
  expect(templates.render(400, `"<a>&'=\n\\`, null).body).toBe(
    '{\n    "error": "\\"\\u003Ca\\u003E\\u0026\\u0027\\u003D\\u000A\\\\"\n}',
  )
  expect(JSON.parse(templates.render(400, `"<a>&'=\n\\`, null).body)).toEqual({ error: `"<a>&'=\n\\` })
  expect(templates.render(400, `"<a>&'`, 'text/xml').body).toContain('<error>&#34;&lt;a&gt;&amp;&#39;</error>')
})

test('prefers the template of the status, then the general one; a missing XML one falls back to JSON', () => {
  const folder = folderWith({
    'error_403.json': 'F {{ .Message }} {{.StatusCode}}',
    'error.xml': '<e>{{.Message}}</e>',
  })
  const templates = loadErrorTemplates(folder, log)
  expect(templates.render(403, 'no', null).body).toBe('F no 403')
  expect(templates.render(404, 'no', null).body).toContain('"error": "no"')
  expect(templates.render(403, 'no', 'text/xml')).toEqual({ contentType: 'text/xml', body: '<e>no</e>' })
  const withoutXml = loadErrorTemplates(folderWith({ 'error.json': 'J {{.Message}}' }), log)
  expect(withoutXml.render(403, 'no', 'text/xml')).toEqual({ contentType: 'application/json', body: 'J no' })
})

test('skips a template with actions it does not know, and says which', () => {
  problems.length = 0
  const templates = loadErrorTemplates(folderWith({ 'error.json': '{{ range .Items }}' }), log)
  expect(templates.render(403, 'no', null).body).toContain('"error": "no"')
  expect(problems).toEqual(['Error template skipped'])
})

test('keeps what it rendered for short messages only: long ones hold what a client sent', () => {
  const templates = loadErrorTemplates('', log)
  const [short, long] = ['no', 'n'.repeat(300)]
  expect(templates.render(403, short, null)).toBe(templates.render(403, short, null))
  expect(templates.render(403, long, null)).not.toBe(templates.render(403, long, null))
  expect(templates.render(403, long, null)).toEqual(templates.render(403, long, null))
})
