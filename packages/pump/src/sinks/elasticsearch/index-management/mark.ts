import { createHash } from 'node:crypto'

/** Who has installed a thing, from its own words. */
const MANAGED_BY = 'tek-pump'

/** Counts up when what is installed changes: a pump never puts an older form over one that a newer pump has installed. */
const VERSION = 1

/**
 * What is written into each thing that is installed. The fingerprint is of the thing without its mark: where it is another
 * than that of what is there now, somebody has edited it since.
 */
export interface Mark {
  readonly managed_by: string
  readonly version: number
  readonly fingerprint: string
}

export function markOf(content: unknown): Mark {
  return { managed_by: MANAGED_BY, version: VERSION, fingerprint: fingerprintOf(content) }
}

/** Null for what is not of a pump. */
export function readMark(meta: unknown): Mark | null {
  const { managed_by, version, fingerprint } = (meta ?? {}) as Readonly<Record<string, unknown>>
  if (managed_by !== MANAGED_BY || typeof version !== 'number' || typeof fingerprint !== 'string') return null
  return { managed_by, version, fingerprint }
}

/** For things that have no place for a mark but a text. */
export const markText = ({ managed_by, version, fingerprint }: Mark): string =>
  `managed by ${managed_by}, version ${version}, fingerprint ${fingerprint}`

export function readMarkText(text: unknown): Mark | null {
  const found = /managed by ([\w-]+), version (\d+), fingerprint ([\w-]+)/.exec(typeof text === 'string' ? text : '')
  return found && readMark({ managed_by: found[1], version: Number(found[2]), fingerprint: found[3] })
}

/** What there is, as it was read back. */
export interface Stored {
  readonly mark: Mark | null
  /** Without its mark, and without what a server adds by itself. */
  readonly content: unknown
}

/**
 * - `create`: nothing is there. `update`: it is as another version or configuration has installed it.
 * - `keep`: it is as it should be, whoever has made it.
 * - `foreign`: somebody else has made it. `edited`: somebody has changed it. `newer`: a newer pump has installed it.
 */
export type Decision = 'create' | 'update' | 'keep' | 'foreign' | 'edited' | 'newer'

export function decide(wanted: Mark, stored: Stored | null): Decision {
  if (stored === null) return 'create'
  const { mark, content } = stored
  if (fingerprintOf(content) === wanted.fingerprint) return 'keep'
  if (mark === null) return 'foreign'
  if (!isAsInstalled(stored)) return 'edited'
  return mark.version > wanted.version ? 'newer' : 'update'
}

/** It is a pump's, and nobody has edited it since. */
export const isAsInstalled = ({ mark, content }: Stored): boolean => mark?.fingerprint === fingerprintOf(content)

function fingerprintOf(content: unknown): string {
  return createHash('sha256').update(canonical(content)).digest('base64url').slice(0, 22)
}

/** JSON with sorted keys. What holds nothing is left out: servers show some of it, and some not. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value)
    .filter(([, member]) => !isNothing(member))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
    .sort()
  return `{${members.join(',')}}`
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true
  return typeof value === 'object' && Object.values(value).every(isNothing)
}
