/** One line of Prometheus' text format. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? +(\S+)/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', '\\': '\\', '"': '"' }

/** Every sample with a number; other lines are passed over. */
export function parseSamples(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value = ''] = LINE.exec(line) ?? []
    const number = Number(value)
    if (name === undefined || value === '' || Number.isNaN(number)) return []
    const pairs = [...labels.matchAll(LABEL)].map(([, label = '', quoted = '']): [string, string] => [
      label,
      quoted.replace(/\\(.)/g, (_, one: string) => ESCAPED[one] ?? one),
    ])
    return [{ name, labels: Object.fromEntries(pairs), value: number }]
  })
}
