/** Where value references in definition files are looked up. */
export interface ReferenceSources {
  readonly env: NodeJS.ProcessEnv
  /** The `secrets` map of tyk.conf. */
  readonly secrets: Readonly<Record<string, string>>
}

/**
 * Replaces `env://NAME` (up to the next quote) and `secrets://KEY` in the text of a definition file, before it is
 * parsed. Values are escaped for JSON. What cannot be resolved stays as it is.
 */
export function substituteReferences(text: string, { env, secrets }: ReferenceSources): string {
  let substituted = text.replace(/env:\/\/([^"]*)/g, (token, name: string) => {
    const value = env[name]
    return value === undefined || value === '' ? token : escaped(value)
  })
  for (const [key, value] of Object.entries(secrets)) {
    substituted = substituted.replaceAll(`secrets://${key}`, () => escaped(value))
  }
  return substituted
}

const escaped = (value: string): string => JSON.stringify(value).slice(1, -1)

/** A whole value that is still `env://NAME` may also come from `TYK_SECRET_NAME`: for listen path and target only. */
export function resolveWholeReference(value: string, { env, secrets }: ReferenceSources): string {
  if (value.startsWith('env://')) return env[`TYK_SECRET_${value.slice(6).toUpperCase()}`] ?? value
  if (value.startsWith('secrets://')) return secrets[value.slice(10)] ?? value
  return value
}
