import type { AnalyticsRecord } from '@tek/analytics-record'

/** What the record table says about a kind of request. */
export interface Expectation {
  readonly name: string
  /** API whose record it is. */
  readonly apiId: string
  /** Codes the record may have; null: there is none. */
  readonly codes: readonly number[] | null
  /** What else holds for the record. */
  readonly check?: (record: AnalyticsRecord) => boolean
}

/** One request and what is known about it: a few bytes, as a soak sends millions. */
export interface Ledger {
  /**
   * Enters a request and returns its number.
   *
   * @param optional - It may have no record.
   */
  open(kind: number, optional: boolean): number
  /** The client saw this status. */
  answered(id: number, status: number): void
  /** Enters a record, whose original path ends in the request's number. */
  record(record: AnalyticsRecord): void
  /** Records that are due and have not come. */
  missing(): number
  /** Each request whose record is missing, one too many, or of the wrong code; the first hundred. */
  problems(): string[]
  /** Requests and records per kind and code. */
  table(): string
}

export function createLedger(kinds: readonly Expectation[]): Ledger {
  let kindOf = new Uint8Array(1 << 16)
  let records = new Uint8Array(1 << 16)
  let seen = new Uint16Array(1 << 16)
  let size = 0
  let due = 0
  const problems: string[] = []
  const counts = kinds.map(() => new Map<number, number>())
  const requests = kinds.map(() => 0)
  const optional = new Set<number>()
  const isDue = (id: number): boolean => kinds[kindOf[id] as number]?.codes !== null && !optional.has(id)

  const grow = (): void => {
    const grown = <T extends Uint8Array | Uint16Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    kindOf = grown(kindOf, new Uint8Array(size * 2))
    records = grown(records, new Uint8Array(size * 2))
    seen = grown(seen, new Uint16Array(size * 2))
  }
  const complain = (id: number, what: string): void => {
    if (problems.length < 100) problems.push(`${kinds[kindOf[id] as number]?.name} ${id}: ${what}`)
  }

  return {
    open(kind, isOptional) {
      if (size === kindOf.length) grow()
      kindOf[size] = kind
      if (isOptional) optional.add(size)
      requests[kind] = (requests[kind] ?? 0) + 1
      if (isDue(size)) due++
      return size++
    },
    answered(id, status) {
      seen[id] = status
    },
    record(record) {
      const id = Number(record.originalPath.slice(record.originalPath.lastIndexOf('/') + 1))
      if (!(id < size)) {
        if (problems.length < 100) problems.push(`a record for ${record.originalPath}, which was not requested`)
        return
      }
      const kind = kindOf[id] as number
      const expected = kinds[kind]
      if (expected === undefined) return
      const before = records[id] as number
      records[id] = before + 1
      const code = record.responseCode
      counts[kind]?.set(code, (counts[kind].get(code) ?? 0) + 1)
      if (expected.codes === null) complain(id, `a record with code ${code}, none expected`)
      else if (before > 0) complain(id, `${before + 1} records, now with code ${code}`)
      else if (!expected.codes.includes(code)) complain(id, `code ${code}, expected ${expected.codes.join(' or ')}`)
      else if (record.apiId !== expected.apiId) complain(id, `api ${record.apiId}`)
      else if (seen[id] !== 0 && seen[id] !== code) complain(id, `code ${code}, the client saw ${seen[id]}`)
      else if (expected.check?.(record) === false) complain(id, `unexpected content ${JSON.stringify(record)}`)
      if (before === 0 && isDue(id)) due--
    },
    missing: () => due,
    problems() {
      for (let id = 0; id < size; id++) {
        if (isDue(id) && records[id] === 0)
          complain(id, `no record, the client saw ${seen[id] === 0 ? 'no answer' : seen[id]}`)
      }
      return problems
    },
    table: () =>
      kinds
        .map(({ name }, i) => {
          const codes = [...(counts[i] ?? [])].toSorted(([a], [b]) => a - b).map(([code, n]) => `${code}: ${n}`)
          return `${name.padEnd(34)} ${String(requests[i]).padStart(7)}  ${codes.join(', ') || 'none'}`
        })
        .join('\n'),
  }
}
