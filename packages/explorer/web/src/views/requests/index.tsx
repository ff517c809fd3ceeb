import { useEffect } from 'preact/hooks'
import { about, liveHeld } from '../../api/about.ts'
import { useResource } from '../../api/resource.ts'
import type { Reload, Requests as RequestsAnswer } from '../../api/types.ts'
import { TrafficChart } from '../../charts/traffic-chart.tsx'
import { announce } from '../../components/announce.tsx'
import { Empty } from '../../components/states.tsx'
import { isEmptyAnswer, ViewFrame } from '../../components/view.tsx'
import { count } from '../../format/number.ts'
import { page } from '../../state/location.ts'
import { viewPath } from '../../state/view-path.ts'
import { ColumnChooser } from './column-chooser.tsx'
import { askedColumns, shownColumns, shownSort } from './columns.ts'
import { Detail } from './detail.tsx'
import { ExportMenu } from './export-menu.tsx'
import { usePages } from './pages.ts'
import { RequestTable } from './table.tsx'

const PAGE_SIZE = 100
const NO_RELOADS: readonly Reload[] = []

/** Show me the calls. */
export function Requests() {
  const { columns, sort, order, row } = page.value
  const fields = about.value?.fields ?? []
  const shown = shownColumns(columns, fields)
  // Which fields there are decides what is asked; without them the first question would be asked twice.
  const path =
    about.value === null
      ? null
      : viewPath('/requests', {
          size: PAGE_SIZE,
          columns: askedColumns(shown, fields),
          sort: shownSort(sort, fields),
          order,
        })
  const resource = useResource<RequestsAnswer>(path).value
  const { data } = resource
  const hasNoRows = (data !== null || resource.problem !== null) && isEmptyAnswer(resource, isEmpty)
  useEffect(() => {
    if (data !== null) announce(`${totalText(data.total)} requests`)
  }, [data?.total.value, data?.range.from])
  return (
    <>
      {/* A link to one request is good without a range and a query that it is in. */}
      {row !== '' && hasNoRows && <LinkedRequest id={row} />}
      <ViewFrame resource={resource} title="Requests" skeleton={['chart', 'rows']} isEmpty={isEmpty}>
        {(answer) =>
          isEmpty(answer) ? <Empty /> : <Whole answer={answer} path={resource.path ?? ''} columns={shown} />
        }
      </ViewFrame>
    </>
  )
}

const isEmpty = ({ total, rows }: RequestsAnswer): boolean => total.value === 0 && rows.length === 0

function LinkedRequest({ id }: { readonly id: string }) {
  return (
    <section class="card">
      <Detail id={id} />
    </section>
  )
}

function totalText({ value, exact }: RequestsAnswer['total']): string {
  return exact ? count(value) : `over ${count(value)}`
}

function Whole({
  answer,
  path,
  columns,
}: {
  readonly answer: RequestsAnswer
  readonly path: string
  readonly columns: readonly string[]
}) {
  const { pages, more } = usePages(answer, path)
  const { rows, next, state, message } = pages.value
  const { row } = page.value
  const openIndex = row === '' ? -1 : rows.findIndex(({ id }) => id === row)

  useEffect(() => {
    const hold = (): void => {
      liveHeld.value = page.value.row !== '' || scrollY > 240
    }
    hold()
    addEventListener('scroll', hold, { passive: true })
    return () => {
      removeEventListener('scroll', hold)
      liveHeld.value = false
    }
  }, [row])

  return (
    <>
      <TrafficChart range={answer.range} traffic={answer.traffic} reloads={NO_RELOADS} size="small" group="requests" />
      {row !== '' && openIndex < 0 && <LinkedRequest id={row} />}
      <section class="card requests">
        <header class="list-head">
          <p>
            <strong>{totalText(answer.total)}</strong> {answer.total.value === 1 ? 'request' : 'requests'}
          </p>
          <div class="actions">
            <ColumnChooser columns={columns} />
            <ExportMenu columns={columns} total={answer.total} />
          </div>
        </header>
        <RequestTable
          rows={rows}
          columns={columns}
          openIndex={openIndex}
          total={answer.total.exact ? answer.total.value : null}
          onNearEnd={more}
        />
        <footer class="list-foot">
          {state === 'loading' && 'Loading more …'}
          {state === 'failed' && (
            <>
              {message}{' '}
              <button type="button" class="button small" onClick={more}>
                Try again
              </button>
            </>
          )}
          {state === 'idle' && next === null && rows.length > 20 && 'That is all.'}
        </footer>
      </section>
    </>
  )
}
