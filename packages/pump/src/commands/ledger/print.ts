import type { LedgerGrouping } from '../../config/arguments.ts'
import { counted, formatTable } from '../table.ts'
import type { Row, SinkAccount } from './account.ts'

/** One sink's part of the answer. */
export interface SinkFindings {
  readonly sink: string
  readonly account: SinkAccount
  /** This configuration has it, so every record is for it. */
  readonly configured: boolean
  /** Records that really wait in Redis, whatever their API and time. */
  readonly waiting: Waiting
  /** Records that are booked nowhere and do not wait either; 0 where that cannot be told. */
  readonly missing: number
}

export interface Waiting {
  /** In source lists, for every sink alike. */
  readonly lists: number
  readonly leases: number
  /** In files of a pump that spills. */
  readonly files: number
}

const HEADINGS = ['IN', 'DELIVERED', 'FILTERED', 'DEAD', 'DROPPED', 'PENDING', 'COMPLETE']

export function formatFindings(findings: readonly SinkFindings[], by: LedgerGrouping): string {
  const rows = findings.flatMap(({ sink, account, configured }) => {
    const groups = [...account.groups].toSorted(([a], [b]) => (a < b ? -1 : 1))
    const lines = groups.map(([name, row]) => [sink, name].concat(cells(row, configured)))
    return by === 'total'
      ? [[sink, ...cells(account.total, configured)]]
      : [...lines, ...(lines.length === 1 ? [] : [[sink, 'total', ...cells(account.total, configured)]])]
  })
  const heading = by === 'total' ? ['SINK', ...HEADINGS] : ['SINK', by.toUpperCase(), ...HEADINGS]
  return formatTable(heading, rows) + findings.flatMap((one) => sentences(one).map((text) => `${text}\n`)).join('')
}

/** One object per line of the table, and one per sink that says what comes of it. */
export function formatJson(findings: readonly SinkFindings[], by: LedgerGrouping): string {
  const objects = findings.flatMap(({ sink, account, configured, waiting, missing }) => [
    ...[...account.groups].map(([name, row]) => printed({ sink, [by]: name }, row, configured)),
    {
      ...printed({ sink, total: true }, account.total, configured),
      no_records: account.noRecords,
      dropped_in_missing_files: account.fileGone,
      configured,
      waiting_in_lists: waiting.lists,
      waiting_in_leases: waiting.leases,
      waiting_in_files: waiting.files,
      missing,
    },
  ])
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('')
}

function printed(name: object, row: Row, configured: boolean): object {
  return { ...name, ...row, completeness: configured ? completeness(row) : null }
}

function cells(row: Row, configured: boolean): string[] {
  const { delivered, filtered, dead, dropped, pending } = row
  const share = configured ? completeness(row) : null
  const known = configured && !(row.in === 0 && row.uncounted > 0)
  return [
    known ? `${row.in}` : '-',
    ...[delivered, filtered, dead, dropped].map(String),
    known ? `${pending}` : '-',
    share === null ? '-' : `${share.toFixed(2)} %`,
  ]
}

/** Percent of what was written of which is known what became of it, never rounded up; null when nothing was. */
function completeness({ in: written, pending }: Row): number | null {
  return written === 0 ? null : Math.floor((10_000 * (written - pending)) / written) / 100
}

function sentences({ sink, account, configured, waiting, missing }: SinkFindings): string[] {
  const { total, noRecords, fileGone } = account
  const texts: string[] = []
  if (!configured) {
    texts.push(`${sink} is not in this configuration: what it should have got is not known`)
  } else if (missing > 0) {
    const least = sumOf(waiting) > 0 ? 'at least ' : ''
    texts.push(
      `${sink}: ${least}${counted(missing, 'record')} MISSING: written by gateways, booked nowhere, and not waiting; ${described(waiting)}`,
    )
  } else if (total.pending > 0)
    texts.push(`${sink}: ${counted(total.pending, 'record')} pending; ${described(waiting)}`)
  else if (total.in > 0) texts.push(`${sink}: complete; ${described(waiting)}`)
  else if (total.uncounted === 0) texts.push(`${sink}: no records of this time; ${described(waiting)}`)
  if (total.uncounted > 0) {
    texts.push(
      `${sink}: ${counted(total.uncounted, 'record')} booked that no gateway counted: they came from gateways that do not count (Tyk's own, or with the ledger off), of which missing records cannot be seen`,
    )
  }
  if (fileGone > 0) {
    texts.push(`${sink}: ${counted(fileGone, 'record')} of the dropped ones lay in spill files that are missing`)
  }
  if (noRecords > 0) {
    texts.push(
      `${sink}: ${counted(noRecords, 'element')} of the lists, in no API, no record at all: see dead-letters list`,
    )
  }
  return texts
}

const sumOf = ({ lists, leases, files }: Waiting): number => lists + leases + files

function described(waiting: Waiting): string {
  const { lists, leases, files } = waiting
  const total = sumOf(waiting)
  if (total === 0) return 'none waits in Redis'
  const where = `${lists} in source lists, ${leases} in leases${files > 0 ? `, ${files} in spill files` : ''}`
  return `${counted(total, 'record waits', 'records wait')} in Redis (${where})`
}
