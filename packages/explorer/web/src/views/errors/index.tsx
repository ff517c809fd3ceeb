import { useEffect, useMemo } from 'preact/hooks'
import { about } from '../../api/about.ts'
import { useResource } from '../../api/resource.ts'
import type { ErrorGroup, Errors as ErrorsAnswer, Range } from '../../api/types.ts'
import { Sparkline } from '../../charts/sparkline.tsx'
import { announce } from '../../components/announce.tsx'
import { Icon } from '../../components/icons.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { Empty, Notice, Others, WidenButton } from '../../components/states.tsx'
import { StatusCode } from '../../components/status.tsx'
import { MiddleText, Term } from '../../components/term.tsx'
import { Time } from '../../components/time.tsx'
import { ViewFrame } from '../../components/view.tsx'
import { count, percent } from '../../format/number.ts'
import { legible } from '../../format/text.ts'
import { dateTime } from '../../format/time.ts'
import { setRowKeys } from '../../state/keys.ts'
import { go, narrowBy, openView, page } from '../../state/location.ts'
import { addTerm } from '../../state/query-line.ts'
import { encodeUrl, START } from '../../state/url.ts'
import { viewPath } from '../../state/view-path.ts'
import { groupQuery, isPath, pathTerm, SORTS, sortGroups } from './groups.ts'

/** What fails, and for whom? */
export function Errors() {
  const resource = useResource<ErrorsAnswer>(viewPath('/errors')).value
  const { data } = resource
  useEffect(() => {
    if (data !== null) announce(`${data.groups.length} groups of errors`)
  }, [data])
  return (
    <ViewFrame resource={resource} title="Errors" skeleton={['rows']} isEmpty={isEmpty}>
      {(answer) => (isEmpty(answer) ? <NothingFailed /> : <Groups answer={answer} />)}
    </ViewFrame>
  )
}

const isEmpty = ({ groups }: ErrorsAnswer): boolean => groups.length === 0

function NothingFailed() {
  if (page.value.query !== '' || about.value?.records === 0) return <Empty what="failed request" />
  return (
    <Notice title="Nothing failed" text="No request of this time range was answered with a status of 400 or above.">
      <WidenButton />
    </Notice>
  )
}

function Groups({ answer: { groups, others, range } }: { readonly answer: ErrorsAnswer }) {
  const sort = SORTS.find(({ value }) => value === page.value.sort)?.value ?? 'count'
  const sorted = useMemo(() => sortGroups(groups, sort), [groups, sort])
  const failed = groups.reduce((sum, group) => sum + group.count, others)
  useEffect(() =>
    setRowKeys({
      move(step) {
        const rows = [...document.querySelectorAll<HTMLElement>('.error-title')]
        const at = rows.indexOf(document.activeElement as HTMLElement)
        rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus()
      },
    }),
  )
  return (
    <section class="card errors">
      <header class="list-head">
        <p>
          <strong>{count(failed)}</strong> failed {failed === 1 ? 'request' : 'requests'} in{' '}
          <strong>{count(groups.length)}</strong> {groups.length === 1 ? 'group' : 'groups'}
        </p>
        <Segmented
          label="Order"
          value={sort}
          choices={SORTS}
          onChoose={(value) => go({ sort: value === 'count' ? '' : value })}
        />
      </header>
      <ul>
        {sorted.map((group) => (
          <Group
            key={[group.apiId, group.apiVersion, group.pathPattern, group.code].join(' ')}
            group={group}
            range={range}
          />
        ))}
      </ul>
      <Others value={others} what="failed requests are in smaller groups; narrow the query to see them" />
    </section>
  )
}

const MADE_BY: Readonly<Record<ErrorGroup['madeBy'], { readonly text: string; readonly title: string }>> = {
  gateway: {
    text: 'by the gateway',
    title: 'None of these requests spent a millisecond at the upstream',
  },
  upstream: {
    text: 'by the upstream',
    title: 'The upstream answered so: these requests spent time there, or the gateway never answers so by itself',
  },
  unknown: {
    text: 'by gateway or upstream',
    title: 'The time at the upstream does not tell: it is not kept, or below a millisecond too often',
  },
}

function Group({ group, range }: { readonly group: ErrorGroup; readonly range: Range }) {
  const { code, reason, apiName, apiId, apiVersion, pathPattern, madeBy, consumers, sparkline, firstSeen, lastSeen } =
    group
  const query = addTermAll(page.value.query, groupQuery(group))
  const href = encodeUrl({ ...START, view: 'requests', query, from: page.value.from, to: page.value.to })
  const made = MADE_BY[madeBy]
  return (
    <li class="error-group">
      <div class="error-what">
        <p class="error-head">
          <StatusCode code={code} />
          <a
            class="error-title"
            href={href}
            title="Show these requests"
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return
              event.preventDefault()
              openView('requests', { query })
            }}
          >
            {reason}
          </a>
          <span class={`made-by ${madeBy}`} title={made.title}>
            {made.text}
          </span>
        </p>
        <p class="error-where">
          <button
            type="button"
            class="error-path"
            disabled={!isPath(pathPattern)}
            title={`${legible(pathPattern)}: only this path`}
            onClick={(event) => narrowBy(pathTerm(pathPattern), event.altKey ? 'exclude' : 'only')}
          >
            <MiddleText text={pathPattern} />
          </button>
        </p>
        <p class="error-terms">
          <span>
            <span class="key">API</span>{' '}
            <Term field={apiName === '' ? 'api_id' : 'api_name'} value={apiName === '' ? apiId : apiName} />
          </span>
          {apiVersion !== '' && (
            <span>
              <span class="key">Version</span> <Term field="api_version" value={apiVersion} />
            </span>
          )}
          <span>
            <span class="key">Status</span> <Term field="response_code" value={code} />
          </span>
        </p>
      </div>
      <div class="error-when">
        <Sparkline
          counts={sparkline}
          of={code < 500 ? '4xx' : '5xx'}
          label={`${count(group.count)} in the range, most of them ${peakText(sparkline, range)}`}
        />
        <p>
          <span class="key">first</span> <Time iso={firstSeen} relative />
          <span class="key">last</span> <Time iso={lastSeen} relative />
        </p>
      </div>
      <dl class="error-numbers">
        <div>
          <dt>Requests</dt>
          <dd>{count(group.count)}</dd>
        </div>
        <div>
          <dt>of this API</dt>
          <dd>{percent(group.shareOfApi)}</dd>
        </div>
        <div>
          <dt>Consumers</dt>
          <dd>{count(consumers)}</dd>
        </div>
      </dl>
      <div class="error-actions">
        <button type="button" class="button small" onClick={() => openView('requests', { query })}>
          <Icon name="table" />
          <span>Requests</span>
        </button>
        <button type="button" class="button small" onClick={() => openView('requests', { query, row: group.example })}>
          <Icon name="search" />
          <span>Example</span>
        </button>
      </div>
    </li>
  )
}

function addTermAll(query: string, terms: readonly string[]): string {
  return terms.reduce((line, term) => addTerm(line, term, 'only'), query)
}

function peakText(counts: readonly number[], range: Range): string {
  const peak = counts.indexOf(Math.max(...counts))
  const firstMs = Math.floor(Date.parse(range.from) / range.bucketMs) * range.bucketMs
  return `at ${dateTime(new Date(firstMs + peak * range.bucketMs))}`
}
