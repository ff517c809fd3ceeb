import { type ComponentChildren, Fragment } from 'preact'
import { useEffect } from 'preact/hooks'
import { about, askAbout } from '../../api/about.ts'
import { withParameters } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import type { Pipeline as PipelineAnswer } from '../../api/types.ts'
import { announce } from '../../components/announce.tsx'
import { Command } from '../../components/copy.tsx'
import { NumberHeads } from '../../components/count-table.tsx'
import { Icon } from '../../components/icons.tsx'
import { Notice, PumpCheck, TrafficButton } from '../../components/states.tsx'
import { Ago } from '../../components/time.tsx'
import { ViewFrame } from '../../components/view.tsx'
import { count, duration, percent } from '../../format/number.ts'
import { sentence } from '../../format/text.ts'
import { page } from '../../state/location.ts'
import { healthOf, summaryOf, type Verdict } from './verdict.ts'

/** Can I trust what the other views say? */
export function Pipeline() {
  const { from, to } = page.value
  const resource = useResource<PipelineAnswer>(withParameters('/pipeline', { from, to })).value
  const { data } = resource
  useEffect(() => {
    if (data === null) return
    announce(summaryOf(data).title)
    // What is stored must not be older than what was counted.
    void askAbout()
  }, [data])
  return (
    <ViewFrame resource={resource} title="Pipeline" skeleton={['chart', 'rows']}>
      {(answer) => <Whole answer={answer} />}
    </ViewFrame>
  )
}

function Whole({ answer }: { readonly answer: PipelineAnswer }) {
  const { sinks, lists, ledger, problems, newestRecord } = answer
  const summary = summaryOf(answer)
  return (
    <>
      <section class={`card summary ${summary.state}`}>
        <VerdictMark verdict={summary.state} />
        <div>
          <h2>{summary.title}</h2>
          <p>{summary.text}</p>
        </div>
        <dl class="summary-facts">
          <div>
            <dt>Newest stored record</dt>
            <dd>{newestRecord === null ? 'none' : <Ago ms={Date.parse(newestRecord)} />}</dd>
          </div>
          <div>
            <dt>Stored in all</dt>
            <dd>{about.value?.records == null ? 'unknown' : count(about.value.records)}</dd>
          </div>
        </dl>
      </section>

      {problems.map(({ part, message, cure }) => (
        <section key={`${part} ${message}`} class="card problem">
          <h3>
            <Icon name="warning" /> {sentence(part).replace(/\.$/, '')}
          </h3>
          <p>{sentence(message)}</p>
          <p class="cure">{sentence(cure)}</p>
        </section>
      ))}

      {ledger !== null && <Ledger ledger={ledger} />}
      {sinks !== null && <Sinks sinks={sinks} />}
      {lists !== null && <Lists lists={lists} />}

      {sinks === null && lists === null && ledger === null && (
        <Notice
          title="Nothing is known about the pump"
          text="This explorer has not been told where the pump and Redis are. Set these and start it again:"
        >
          <Command
            text="TEK_EXPLORER_PUMP_URL=http://localhost:8083 TEK_EXPLORER_REDIS_URL=redis://localhost:6379"
            label="settings of the explorer"
          />
        </Notice>
      )}

      <section class="card plain-card">
        <h2>When numbers look wrong</h2>
        <p>
          This walks the way of a record from the gateway to the store, with one of its own, and says at which step it
          ends and what to do:
        </p>
        <PumpCheck />
        <div class="actions">
          <TrafficButton />
        </div>
      </section>
    </>
  )
}

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  good: 'good',
  attention: 'needs attention',
  bad: 'bad',
  unknown: 'unknown',
}

function VerdictMark({ verdict }: { readonly verdict: Verdict }) {
  return (
    <span class={`verdict ${verdict}`}>
      <Icon name={verdict === 'good' ? 'check' : verdict === 'unknown' ? 'help' : 'warning'} />
      <span class="visually-hidden">{VERDICT_WORDS[verdict]}</span>
    </span>
  )
}

function Ledger({ ledger }: { readonly ledger: NonNullable<PipelineAnswer['ledger']> }) {
  return (
    <TableCard
      title="Completeness in this time range"
      note={`the gateways counted ${count(ledger.counted)} records`}
      heads={['Accounted for', 'Delivered', 'Filtered', 'Pending', 'Dead', 'Dropped', 'Missing']}
    >
      {ledger.sinks.map((sink) => (
        <tr key={sink.name}>
          <th scope="row">{sink.name}</th>
          <td class="number">
            {sink.completeness === null ? (
              <span title="Nothing was counted for this sink in this time range">–</span>
            ) : (
              <span class="completeness">
                <meter
                  min={0}
                  max={1}
                  value={sink.completeness}
                  low={0.99}
                  high={0.999}
                  optimum={1}
                  aria-label={`Completeness of ${sink.name}`}
                />
                <strong>{percent(sink.completeness)}</strong>
              </span>
            )}
          </td>
          <NumberCell value={sink.delivered} />
          <NumberCell value={sink.filtered} />
          <NumberCell value={sink.pending} />
          <NumberCell value={sink.dead} bad />
          <NumberCell value={sink.dropped} bad />
          <NumberCell value={sink.missing} bad />
        </tr>
      ))}
    </TableCard>
  )
}

function TableCard({
  title,
  note,
  heads,
  withState = false,
  children,
}: {
  readonly title: string
  readonly note: string
  /** Of the columns of numbers, which stand behind the sink. */
  readonly heads: readonly string[]
  readonly withState?: boolean
  readonly children: ComponentChildren
}) {
  return (
    <section class="card">
      <header class="list-head">
        <h2>{title}</h2>
        <span class="unit">{note}</span>
      </header>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={title}>
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Sink</th>
              {withState && <th scope="col">State</th>}
              <NumberHeads names={heads} />
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
    </section>
  )
}

function NumberCell({ value, bad = false }: { readonly value: number; readonly bad?: boolean }) {
  return <td class={`number ${value === 0 ? 'quiet' : bad ? 't-5xx' : ''}`}>{count(value)}</td>
}

function Sinks({ sinks }: { readonly sinks: NonNullable<PipelineAnswer['sinks']> }) {
  return (
    <TableCard
      title="Sinks"
      note={sinks.length === 0 ? 'the pump has none' : 'since the pump started'}
      heads={['Delivered', 'Filtered', 'Retried', 'Dead', 'Dropped', 'Pending', 'Oldest waits']}
      withState
    >
      {sinks.map((sink) => (
        <Fragment key={sink.name}>
          <tr>
            <th scope="row">
              {sink.name} <span class="unit">{sink.type}</span>
            </th>
            <td>
              <span class={`state ${healthOf(sink)}`}>
                <VerdictMark verdict={healthOf(sink)} /> {sink.state}
              </span>
            </td>
            <NumberCell value={sink.delivered} />
            <NumberCell value={sink.filtered} />
            <NumberCell value={sink.retried} />
            <NumberCell value={sink.dead} bad />
            <NumberCell value={sink.dropped} bad />
            <NumberCell value={sink.pending} />
            <td class="number">
              {sink.oldestPendingSeconds === null ? '–' : duration(sink.oldestPendingSeconds * 1000)}
            </td>
          </tr>
          {sink.lastError !== null && (
            <tr class="error-row">
              <td colSpan={9}>
                <span class="key">last error</span> {sink.lastError}
              </td>
            </tr>
          )}
        </Fragment>
      ))}
    </TableCard>
  )
}

function Lists({ lists }: { readonly lists: NonNullable<PipelineAnswer['lists']> }) {
  const total = lists.reduce((sum, { length }) => sum + length, 0)
  const filled = lists.filter(({ length }) => length > 0)
  return (
    <section class="card">
      <header class="list-head">
        <h2>Waiting in Redis</h2>
        <span class="unit">
          {count(total)} {total === 1 ? 'record' : 'records'} in {count(lists.length)}{' '}
          {lists.length === 1 ? 'list' : 'lists'}
        </span>
      </header>
      {filled.length === 0 ? (
        <p class="others">Every list is empty: the pump keeps up.</p>
      ) : (
        <ul class="lists">
          {filled.map(({ name, length }) => (
            <li key={name}>
              <code>{name}</code>
              <strong>{count(length)}</strong>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
