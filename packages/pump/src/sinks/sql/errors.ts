import { SinkRefusedError, SinkUnavailableError } from '../../errors.ts'

/** SQLite's primary result codes that this sink tells apart. */
const SQLITE_PERM = 3
const SQLITE_BUSY = 5
const SQLITE_READONLY = 8
const SQLITE_CORRUPT = 11
const SQLITE_TOOBIG = 18
const SQLITE_CONSTRAINT = 19
const SQLITE_MISMATCH = 20
const SQLITE_AUTH = 23
const SQLITE_RANGE = 25
const SQLITE_NOTADB = 26

const ABOUT_THE_ROW: ReadonlySet<number> = new Set([SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_RANGE])
const NEEDS_A_PERSON: ReadonlySet<number> = new Set([
  SQLITE_PERM,
  SQLITE_READONLY,
  SQLITE_CORRUPT,
  SQLITE_AUTH,
  SQLITE_NOTADB,
])

/** The low byte of SQLite's extended code, or null for an error that is not SQLite's. */
function resultCode(error: unknown): number | null {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : null
}

/** Another process has the file locked. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY
}

/** A value that cannot be stored is the record's fault, also when the binding refuses it before SQLite sees it. */
export function isAboutTheRow(error: unknown): boolean {
  const code = resultCode(error)
  if (code !== null) return ABOUT_THE_ROW.has(code)
  const name = (error as { code?: unknown } | null)?.code
  return error instanceof RangeError || name === 'ERR_INVALID_ARG_TYPE' || name === 'ERR_INVALID_ARG_VALUE'
}

/** A locked file or a full disk may pass; a damaged or read-only file, or a table in the way, does not. */
export function sinkError(doing: string, cause: unknown): SinkUnavailableError | SinkRefusedError {
  const message = `${doing}: ${describe(cause)}`
  const needsPerson = cause instanceof SinkRefusedError || NEEDS_A_PERSON.has(resultCode(cause) ?? -1)
  return needsPerson ? new SinkRefusedError(message, { cause }) : new SinkUnavailableError(message, { cause })
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`
}
