import type { ComponentChildren } from 'preact'
import type { TopValue } from '../api/types.ts'
import { count, duration, percent, share } from '../format/number.ts'
import { Term } from './term.tsx'

interface Row extends TopValue {
  /** In place of the value itself. */
  readonly shown?: ComponentChildren
}

/** Values of one field by their requests: a bar, the share of errors, the 95th percentile. */
export function CountTable({
  title,
  field,
  rows,
  total,
}: {
  readonly title: string
  readonly field: string
  readonly rows: readonly Row[]
  readonly total: number
}) {
  const most = Math.max(1, ...rows.map((row) => row.count))
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">
            <h2>{title}</h2>
          </th>
          <NumberHeads names={['Requests', 'Errors', 'p95']} />
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <CountRow key={row.value} field={field} row={row} most={most} total={total} />
        ))}
      </tbody>
    </table>
  )
}

/** Headings of columns of numbers. */
export function NumberHeads({ names }: { readonly names: readonly string[] }) {
  return (
    <>
      {names.map((name) => (
        <th key={name} scope="col" class="number">
          {name}
        </th>
      ))}
    </>
  )
}

function CountRow({
  field,
  row: { value, shown, count: requests, clientErrors, serverErrors, p95Ms },
  most,
  total,
}: {
  readonly field: string
  readonly row: Row
  readonly most: number
  readonly total: number
}) {
  const failed = clientErrors + serverErrors
  return (
    <tr>
      <th scope="row">
        <span class="bar" style={{ width: `${(requests / most) * 100}%` }} aria-hidden="true" />
        <Term field={field} value={value}>
          {shown}
        </Term>
      </th>
      <td class="number" title={`${percent(share(requests, total))} of all`}>
        {count(requests)}
      </td>
      <td
        class={`number ${serverErrors > 0 ? 't-5xx' : failed > 0 ? 't-4xx' : 'quiet'}`}
        title={`${count(clientErrors)} × 4xx, ${count(serverErrors)} × 5xx`}
      >
        {percent(share(failed, requests))}
      </td>
      <td class="number">{duration(p95Ms)}</td>
    </tr>
  )
}
