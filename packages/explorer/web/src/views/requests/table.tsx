import { Fragment } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { about } from '../../api/about.ts'
import type { RequestRow } from '../../api/types.ts'
import { Icon } from '../../components/icons.tsx'
import { StatusCode } from '../../components/status.tsx'
import { MiddleText, Term } from '../../components/term.tsx'
import { Time } from '../../components/time.tsx'
import { fieldLabel, isDuration } from '../../format/fields.ts'
import { count, duration } from '../../format/number.ts'
import { cutMiddle, legible } from '../../format/text.ts'
import { zoneName } from '../../format/time.ts'
import { setRowKeys } from '../../state/keys.ts'
import { go, page } from '../../state/location.ts'
import { narrowNow } from '../../state/screen.ts'
import { gridOf, shownSort } from './columns.ts'
import { Detail } from './detail.tsx'
import { memo } from './memo.ts'
import { rowTop, rowWindow } from './window.ts'

type Value = RequestRow['fields'][string] | undefined

/** The rows that are in sight; the page scrolls, not the table. */
export function RequestTable({
  rows,
  columns,
  openIndex,
  total,
  onNearEnd,
}: {
  readonly rows: readonly RequestRow[]
  readonly columns: readonly string[]
  readonly openIndex: number
  /** Null when nobody has counted them to the end. */
  readonly total: number | null
  readonly onNearEnd: () => void
}) {
  const body = useRef<HTMLDivElement>(null)
  const [openPx, setOpenPx] = useState(0)
  const narrow = narrowNow.value
  const rowPx = narrow ? 64 : 36
  const { topPx, heightPx } = useScroll(body)
  const shown = rowWindow({ count: rows.length, rowPx, openIndex, openPx: openIndex < 0 ? 0 : openPx, topPx, heightPx })
  const numbers = useMemo(
    () =>
      new Set(
        (about.value?.fields ?? [])
          .filter(({ kind, name }) => kind === 'number' && name !== 'response_code')
          .map(({ name }) => name),
      ),
    [about.value?.fields],
  )
  const isNumber = (name: string): boolean => numbers.has(name)
  const grid = gridOf(columns, isNumber)
  const nearEnd = shown.end >= rows.length - 20

  useEffect(() => {
    if (nearEnd) onNearEnd()
  }, [nearEnd, rows])

  useRowMoves(body, rows.length, (index) => rowTop(index, rowPx, openIndex, openPx))

  const inner = (
    <div
      role="table"
      class="rows"
      aria-label="Requests"
      aria-rowcount={total === null ? -1 : total + 1}
      style={narrow ? {} : { '--grid': grid.template, minWidth: `${grid.minWidth}px` }}
    >
      {!narrow && <Head columns={columns} isNumber={isNumber} />}
      <div role="rowgroup" ref={body}>
        <div style={{ height: `${shown.beforePx}px` }} />
        {rows.slice(shown.first, shown.end).map((row, offset) => {
          const index = shown.first + offset
          const open = index === openIndex
          return (
            <Fragment key={row.id}>
              <Row row={row} index={index} open={open} columns={columns} narrow={narrow} isNumber={numbers} />
              {open && <OpenRow id={row.id} onHeight={setOpenPx} />}
            </Fragment>
          )
        })}
        <div style={{ height: `${shown.afterPx}px` }} />
      </div>
    </div>
  )
  return <div class="rows-box">{inner}</div>
}

/** Where the window stands relative to the list. */
function useScroll(body: { readonly current: HTMLElement | null }): { topPx: number; heightPx: number } {
  const [place, setPlace] = useState({ topPx: 0, heightPx: innerHeight })
  useLayoutEffect(() => {
    let frame = 0
    const look = (): void => {
      frame = 0
      const top = body.current?.getBoundingClientRect().top ?? 0
      // In steps, so that scrolling by a pixel draws nothing anew.
      const topPx = Math.floor(Math.max(0, -top) / 90) * 90
      const heightPx = innerHeight + 90
      setPlace((before) => (before.topPx === topPx && before.heightPx === heightPx ? before : { topPx, heightPx }))
    }
    const soon = (): void => {
      if (frame === 0) frame = requestAnimationFrame(look)
    }
    look()
    addEventListener('scroll', soon, { passive: true })
    addEventListener('resize', soon)
    return () => {
      cancelAnimationFrame(frame)
      removeEventListener('scroll', soon)
      removeEventListener('resize', soon)
    }
  }, [])
  return place
}

/** `j` and `k` move the focus over rows, also over those that are not drawn yet. */
function useRowMoves(
  body: { readonly current: HTMLElement | null },
  rowCount: number,
  topOf: (index: number) => number,
): void {
  useEffect(() =>
    setRowKeys({
      move(step) {
        const focused = document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset['row']
        const index = Math.max(0, Math.min(rowCount - 1, focused === undefined ? 0 : Number(focused) + step))
        const list = body.current
        if (list === null) return
        const top = list.getBoundingClientRect().top + topOf(index)
        const bar = document.querySelector('.top-bar')?.getBoundingClientRect().bottom ?? 0
        if (top < bar + 40) scrollBy({ top: top - bar - 40 })
        else if (top > innerHeight - 60) scrollBy({ top: top - innerHeight + 100 })
        requestAnimationFrame(() =>
          requestAnimationFrame(() =>
            list.querySelector<HTMLElement>(`[data-row="${index}"] .expand`)?.focus({ preventScroll: true }),
          ),
        )
      },
    }),
  )
}

function Head({
  columns,
  isNumber,
}: {
  readonly columns: readonly string[]
  readonly isNumber: (name: string) => boolean
}) {
  const { sort, order } = page.value
  const sorted = shownSort(sort, about.value?.fields ?? [])
  const kinds = new Map((about.value?.fields ?? []).map(({ name, kind }) => [name, kind]))
  const next = (name: string): void => {
    if (sorted !== name) go({ sort: name === '@timestamp' ? '' : name, order: 'desc', row: '' })
    else if (order === 'desc') go({ order: 'asc', row: '' })
    else go({ sort: '', order: 'desc', row: '' })
  }
  return (
    <div role="rowgroup" class="rows-head">
      <div role="row" class="row-grid">
        <span role="columnheader">
          <span class="visually-hidden">Open</span>
        </span>
        {columns.map((name) => {
          const unit = name === '@timestamp' ? zoneName() : ''
          const direction = order === 'asc' ? 'ascending' : 'descending'
          const sortable = kinds.get(name) !== 'text' && kinds.get(name) !== 'list'
          const label = (
            <>
              <span>{fieldLabel(name)}</span>
              {unit !== '' && <span class="unit">{unit}</span>}
            </>
          )
          return (
            <span
              key={name}
              role="columnheader"
              class={isNumber(name) ? 'number' : ''}
              aria-sort={sorted === name ? direction : undefined}
            >
              {sortable ? (
                <button type="button" class="sort" title={`${name}: sort`} onClick={() => next(name)}>
                  {label}
                  {sorted === name && <Icon name={order === 'asc' ? 'up' : 'down'} />}
                </button>
              ) : (
                label
              )}
            </span>
          )
        })}
      </div>
    </div>
  )
}

const Row = memo(function Row({
  row,
  index,
  open,
  columns,
  narrow,
  isNumber,
}: {
  readonly row: RequestRow
  readonly index: number
  readonly open: boolean
  readonly columns: readonly string[]
  readonly narrow: boolean
  readonly isNumber: ReadonlySet<string>
}) {
  const toggle = (): void => go({ row: open ? '' : row.id })
  const onClick = (event: MouseEvent): void => {
    // A text that is being selected is no click on the row.
    if (getSelection()?.isCollapsed === false && event.detail < 2) return
    toggle()
  }
  const { fields } = row
  const method = legible(cutMiddle(text(fields['http_method']), 20))
  const what = `${method} ${legible(text(fields['request_uri']).slice(0, 80))}, ${text(fields['response_code'])}`
  const expand = (
    <button
      type="button"
      class="icon-button expand"
      aria-expanded={open}
      aria-label={`Details of ${what}`}
      onClick={(event) => {
        event.stopPropagation()
        toggle()
      }}
    >
      <Icon name={open ? 'down' : 'right'} />
    </button>
  )
  if (narrow) {
    return (
      <div
        role="row"
        class={`row-card ${open ? 'open' : ''}`}
        data-row={index}
        aria-rowindex={index + 2}
        onClick={onClick}
      >
        <span role="cell" class="row-card-line">
          <Cell name="response_code" value={fields['response_code']} />
          <b>{method}</b>
          <MiddleText text={text(fields['request_uri'])} />
          {expand}
        </span>
        <span role="cell" class="row-card-line second">
          <Cell name="@timestamp" value={fields['@timestamp']} />
          <span class="end-cut">{legible(cutMiddle(text(fields['api_name']), 80))}</span>
          <span class="number">{duration(numberOf(fields['request_time_ms']))}</span>
        </span>
      </div>
    )
  }
  return (
    <div
      role="row"
      class={`row-grid row ${open ? 'open' : ''}`}
      data-row={index}
      aria-rowindex={index + 2}
      onClick={onClick}
    >
      <span role="cell">{expand}</span>
      {columns.map((name) => (
        <span key={name} role="cell" class={isNumber.has(name) ? 'number' : ''}>
          <Cell name={name} value={fields[name]} link />
        </span>
      ))}
    </div>
  )
})

function numberOf(value: Value): number | null {
  return typeof value === 'number' ? value : null
}

function text(value: Value): string {
  if (value === undefined || value === null) return ''
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** A value as its kind is read. `link` makes it narrow the query when clicked. */
function Cell({
  name,
  value,
  link = false,
}: {
  readonly name: string
  readonly value: Value
  readonly link?: boolean
}) {
  if (value === undefined || value === null || value === '') return <span class="none">–</span>
  if (name === '@timestamp') return <Time iso={String(value)} />
  if (Array.isArray(value)) {
    return (
      <span class="list-cell">
        {value.slice(0, 6).map((item, index) => (
          <Term key={index} field={name} value={item} menu={false} inRow />
        ))}
        {value.length > 6 && <span class="none">and {value.length - 6} more</span>}
      </span>
    )
  }
  const shown =
    name === 'response_code' && typeof value === 'number' ? (
      <StatusCode code={value} />
    ) : typeof value === 'number' ? (
      <span>{isDuration(name) ? duration(value) : count(value)}</span>
    ) : (
      <MiddleText text={String(value)} />
    )
  if (!link || (typeof value === 'number' && name !== 'response_code')) return shown
  return (
    <Term field={name} value={typeof value === 'boolean' ? String(value) : value} menu={false} inRow>
      {shown}
    </Term>
  )
}

function OpenRow({ id, onHeight }: { readonly id: string; readonly onHeight: (px: number) => void }) {
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return undefined
    const observer = new ResizeObserver(() => onHeight(element.offsetHeight))
    observer.observe(element)
    onHeight(element.offsetHeight)
    return () => observer.disconnect()
  }, [])
  return (
    <div role="row" class="open-row" ref={box}>
      <div role="cell">
        <Detail id={id} />
      </div>
    </div>
  )
}
