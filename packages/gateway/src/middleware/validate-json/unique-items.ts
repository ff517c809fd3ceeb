// Hot path.
import type { ErrorObject, FuncKeywordDefinition } from 'ajv'

interface UniqueItemsCheck {
  (wanted: boolean, items: readonly unknown[]): boolean
  errors?: Partial<ErrorObject>[]
}

const check: UniqueItemsCheck = (wanted, items) => {
  const pair = wanted ? equalPair(items) : null
  if (pair === null) return true
  check.errors = [{ keyword: 'uniqueItems', message: 'must not have equal items', params: { i: pair[1], j: pair[0] } }]
  return false
}

/** `uniqueItems` in linear time: Ajv's own compares each item with every other when they may be objects. */
export const UNIQUE_ITEMS: FuncKeywordDefinition = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  validate: check,
}

/** The first item that was there before, behind the one it repeats. */
function equalPair(items: readonly unknown[]): readonly [number, number] | null {
  const seen = new Map<string, number>()
  for (let i = 0; i < items.length; i++) {
    const text = canonicalText(items[i])
    const before = seen.get(text)
    if (before !== undefined) return [before, i]
    seen.set(text, i)
  }
  return null
}

/** Equal for values that JSON Schema calls equal: the order of properties does not count. */
function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  const object = value as Record<string, unknown>
  const fields = Object.keys(object)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonicalText(object[name])}`)
  return `{${fields.join()}}`
}
