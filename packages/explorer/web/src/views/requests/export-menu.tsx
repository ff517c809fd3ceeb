import { useState } from 'preact/hooks'
import { about } from '../../api/about.ts'
import { cancelExport, type ExportFormat, exportProgress, startExport } from '../../api/export.ts'
import type { Requests } from '../../api/types.ts'
import { Icon } from '../../components/icons.tsx'
import { Popover } from '../../components/popover.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { bytes, count, percent } from '../../format/number.ts'
import { page } from '../../state/location.ts'
import { shownSort } from './columns.ts'

/** Saves what the query finds as a file. */
export function ExportMenu({
  columns,
  total,
}: {
  readonly columns: readonly string[]
  readonly total: Requests['total']
}) {
  return (
    <Popover
      label="Export"
      panelClass="export-panel"
      align="right"
      buttonClass="button small"
      button={
        <>
          <Icon name="download" />
          <span>Export</span>
        </>
      }
    >
      {(close) => <Panel columns={columns} total={total} close={close} />}
    </Popover>
  )
}

function Panel({
  columns,
  total,
  close,
}: {
  readonly columns: readonly string[]
  readonly total: Requests['total']
  readonly close: () => void
}) {
  const [what, setWhat] = useState<'shown' | 'all'>('shown')
  const start = (format: ExportFormat): void => {
    const { query, from, to, sort, order } = page.value
    const fields = about.value?.fields ?? []
    const all = fields.filter(({ available }) => available).map(({ name }) => name)
    void startExport(format, {
      q: query,
      from,
      to,
      sort: shownSort(sort, fields),
      order,
      columns: (what === 'shown' ? columns : all).join(','),
    })
    close()
  }
  return (
    <>
      <p>
        {total.exact ? count(total.value) : `Over ${count(total.value)}`} {total.value === 1 ? 'request' : 'requests'}{' '}
        that the query finds in the time range, in the order of the table.
      </p>
      <Segmented
        label="Fields of the file"
        value={what}
        choices={[
          { value: 'shown', label: 'Columns shown' },
          { value: 'all', label: 'All fields' },
        ]}
        onChoose={setWhat}
      />
      <div class="actions">
        <button type="button" class="button primary" onClick={() => start('csv')}>
          CSV
        </button>
        <button type="button" class="button primary" onClick={() => start('ndjson')}>
          NDJSON
        </button>
      </div>
    </>
  )
}

/** Lies over the page while a file comes in. */
export function ExportToast() {
  const progress = exportProgress.value
  if (progress === null) return null
  const { state, rows, total, sizeBytes, format, message } = progress
  const amount = `${count(rows)}${total === null ? '' : ` of ${count(total)}`} rows, ${bytes(sizeBytes)}`
  const titles = {
    running: `Exporting ${format.toUpperCase()}`,
    done: `Saved ${format.toUpperCase()}`,
    cancelled: 'Export cancelled',
    failed: 'Export failed',
  }
  return (
    <aside class="toast card" aria-label="Export">
      <p>
        <strong>{titles[state]}</strong>
        {state === 'running' && total !== null && total > 0 && <span>{percent(Math.min(1, rows / total))}</span>}
      </p>
      {state === 'running' && (
        <progress
          aria-label="Export"
          {...(total !== null && total > 0 ? { max: total, value: Math.min(rows, total) } : {})}
        />
      )}
      <p role={state === 'running' ? undefined : 'status'}>{state === 'failed' ? message : amount}</p>
      {state === 'running' ? (
        <button type="button" class="button small" onClick={cancelExport}>
          Cancel
        </button>
      ) : (
        <button
          type="button"
          class="button small"
          onClick={() => {
            exportProgress.value = null
          }}
        >
          Close
        </button>
      )}
    </aside>
  )
}
