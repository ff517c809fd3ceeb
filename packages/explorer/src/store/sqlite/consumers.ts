import { Dictionary } from './columns.ts'
import type { Codes, Matches } from './matches.ts'

export interface Consumers {
  /** How many different ones. */
  readonly count: number
  /** Who called, as numbers from 0: the alias or, without one, the key; -1 for neither. */
  readonly values: Int32Array
}

export function consumersOf(matches: Matches): Consumers {
  const names = new Dictionary()
  const aliases = consumerCodes(matches.codes('alias'), names, 'alias ')
  const keys = consumerCodes(matches.codes('api_key'), names, 'key ')
  const consumers = new Int32Array(matches.count)
  for (let index = 0; index < matches.count; index++) {
    const alias = aliases(index)
    consumers[index] = alias >= 0 ? alias : keys(index)
  }
  // A key is among the names only if a row without an alias has it.
  return { count: names.texts.length, values: consumers }
}

function consumerCodes(codes: Codes | null, names: Dictionary, kind: string): (index: number) => number {
  if (codes === null) return () => -1
  const { dictionary, values } = codes
  const known = new Int32Array(dictionary.texts.length).fill(UNKNOWN)
  return (index) => {
    const code = values[index] as number
    const consumer = known[code] as number
    if (consumer !== UNKNOWN) return consumer
    const text = dictionary.textOf(code)
    return (known[code] = text === '' ? -1 : names.codeOf(kind + text))
  }
}

const UNKNOWN = -2
