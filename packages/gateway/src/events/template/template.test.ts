import { expect, test } from 'vitest'
import { compileTemplate, TemplateRenderError, TemplateSyntaxError } from './index.ts'

const event = {
  Type: 'AuthFailure',
  TimeStamp: '2026-08-21 15:39:47.123 +0300 +0300',
  Meta: { Message: 'Auth Failure', Key: `a+b<c>"d"&'e'`, TriggerLimit: 80, UsagePercentage: 0, Flag: true },
}

test.each<[template: string, printed: string]>([
  ['plain { text } with "quotes"', 'plain { text } with "quotes"'],
  ['{"event": "{{.Type}}", "m": "{{ .Meta.Message }}"}', '{"event": "AuthFailure", "m": "Auth Failure"}'],
  ['{{.Meta.Key}}', 'a&#43;b&lt;c&gt;&#34;d&#34;&amp;&#39;e&#39;'],
  ['{{.Meta.Key | html}}', 'a&#43;b&lt;c&gt;&#34;d&#34;&amp;&#39;e&#39;'],
  ['{{.Meta.TriggerLimit}} {{.Meta.Flag}}', '80 true'],
  ['{{if eq .Type "A"}}a{{else if eq .Type "AuthFailure"}}b{{else}}c{{end}}', 'b'],
  ['{{if eq .Type "A"}}a{{else if eq .Type "B"}}b{{else}}c{{end}}', 'c'],
  ['{{if eq .Type "A" "AuthFailure"}}one of them{{end}}', 'one of them'],
  ['{{if ne .Type "A"}}{{if .Meta.Message}}in{{else}}out{{end}}{{end}}', 'in'],
  ['{{if .Meta.UsagePercentage}}used{{end}}.', '.'],
  ['{{if and (eq .Type "AuthFailure") (gt .Meta.TriggerLimit 79)}}both{{end}}', 'both'],
  ['{{if or (eq .Type "A") (not .Meta.UsagePercentage)}}either{{end}}', 'either'],
  ['{{.Type | eq "AuthFailure"}}', 'true'],
  ['{{len .Type}} {{print .Type 1 2 "x"}}', '11 AuthFailure1 2x'],
  ['{{.TimeStamp | as_rfc3339_from_string}}', '2026-08-21T15:39:47&#43;03:00'],
  ['a \n {{- .Type -}} \n b', 'aAuthFailureb'],
  ['a{{/* a comment\n }} */}}b', 'ab'],
  ['{{"}}"}}{{`raw "text"`}}', '}}raw &#34;text&#34;'],
])('%s prints %s', (template, printed) => {
  expect(compileTemplate(template)(event)).toBe(printed)
})

test.each<[template: string, message: string]>([
  ['a\n{{range .Meta}}{{end}}', 'line 2: {{range .Meta}}: range is not supported in templates of webhooks'],
  ['{{with .Meta}}{{end}}', 'line 1: {{with .Meta}}: with is not supported in templates of webhooks'],
  ['{{$x := .Type}}', 'line 1: {{$x := .Type}}: not known from "$x := .Type" on'],
  ['\n\n{{.Type | upper}}', 'line 3: {{.Type | upper}}: function upper is not known'],
  ['{{printf "%s" .Type}}', 'line 1: {{printf "%s" .Type}}: function printf is not known'],
  ['{{if .Type}}x', 'line 1: {{if .Type}} has no {{end}}'],
  ['{{if .Type}}x{{else}}y', 'line 1: {{else}} has no {{end}}'],
  ['{{if .Type}}x{{else}}y{{else}}z{{end}}', 'line 1: {{else}} has no {{end}}'],
  ['x{{end}}', 'line 1: {{end}} without an {{if}}'],
  ['{{if}}x{{end}}', 'line 1: {{if}}: a value is missing'],
  ['{{.Type', 'line 1: the action that begins here has no }}'],
  ['{{}}', 'line 1: {{}}: a value is missing'],
  ['{{eq .Type}}', 'line 1: {{eq .Type}}: eq does not take 1 arguments'],
  ['{{.Type .Meta}}', 'line 1: {{.Type .Meta}}: something stands where nothing should'],
  ['{{(eq .Type "a"}}', 'line 1: {{(eq .Type "a"}}: a parenthesis is not closed'],
  ['{{.Type | .Meta}}', 'line 1: {{.Type | .Meta}}: a function is expected behind the pipe'],
  ['{{"a\\q"}}', 'line 1: "a\\q": an escape that is not known'],
])('%s is refused at load', (template, message) => {
  expect(() => compileTemplate(template)).toThrow(TemplateSyntaxError)
  expect(() => compileTemplate(template)).toThrow(message)
})

test.each([
  ['{{.Meta.Path}}'],
  ['{{.Type.Length}}'],
  ['{{.Meta.toString}}'],
  ['{{.Meta}}'],
  ['{{if eq .Type 1}}{{end}}'],
  ['{{if lt .Type 1}}{{end}}'],
  ['{{len .Meta.TriggerLimit}}'],
])('%s cannot be filled in', (template) => {
  const render = compileTemplate(template)
  expect(() => render(event)).toThrow(TemplateRenderError)
})
