import { ConfigError } from '../errors.ts'

export interface Problem {
  /** Place in the file, e.g. `elasticsearch.url`. */
  readonly key: string
  /** The variable the value came from, or could come from. */
  readonly env?: string
  /** What is wrong, in the form `expected an integer, got "80a"`. */
  readonly message: string
}

/** @throws ConfigError naming every problem. */
export function throwIfAny(problems: readonly Problem[]): void {
  if (problems.length === 0) return
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  const lines = problems.map(({ key, env, message }) => `  ${key}${env === undefined ? '' : ` (${env})`}: ${message}`)
  throw new ConfigError([`failed to process config: ${count}`, ...lines].join('\n'))
}

/** A value as a message may show it: JSON, cut, without what may be user and password of an address, or hidden. */
export function shown(value: unknown, sensitive: boolean): string {
  if (sensitive) return 'a hidden value'
  // Also of what was only meant to be an address, such as https//user:password@host.
  const text = (JSON.stringify(value) ?? 'nothing').replace(/^("?(?:[a-z][a-z\d+.-]*:?\/\/)?).*@/is, '$1…@')
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
