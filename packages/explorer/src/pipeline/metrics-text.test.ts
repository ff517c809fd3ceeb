import { expect, it } from 'vitest'
import { parseSamples } from './metrics-text.ts'

it('reads samples with and without labels, and passes over what is none', () => {
  const text = [
    '# HELP tyk_pump_ready What /ready answers',
    '# TYPE tyk_pump_ready gauge',
    'tyk_pump_ready 1',
    'tyk_pump_records_retried_total{sink="ES"} 12',
    'tyk_pump_records_retried_total{sink="a \\"b\\" \\\\ c",state="x"} 1.5e3 1700000000000',
    'broken{',
    'no_number{a="b"} many',
    '',
  ].join('\n')
  expect(parseSamples(text)).toEqual([
    { name: 'tyk_pump_ready', labels: {}, value: 1 },
    { name: 'tyk_pump_records_retried_total', labels: { sink: 'ES' }, value: 12 },
    { name: 'tyk_pump_records_retried_total', labels: { sink: 'a "b" \\ c', state: 'x' }, value: 1500 },
  ])
})
