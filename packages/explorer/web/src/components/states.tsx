import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { about, setTraffic, storeDown } from '../api/about.ts'
import { ApiError } from '../api/client.ts'
import { refreshAll, type Resource } from '../api/resource.ts'
import type { About, Quality } from '../api/types.ts'
import { count } from '../format/number.ts'
import { cutMiddle, legible, sentence } from '../format/text.ts'
import { exactTime } from '../format/time.ts'
import { badRangeWords, go, page, setRange } from '../state/location.ts'
import { absolute, lengthLabel, rangeLabel, type RangeMs, resolveRange, zoomOut } from '../state/time.ts'
import { announce } from './announce.tsx'
import { Command } from './copy.tsx'
import { Icon } from './icons.tsx'
import { Ago } from './time.tsx'

/** A link asks for times that there are not. */
export function RangeNote() {
  const words = badRangeWords.value
  if (words.length === 0) return null
  return (
    <p class="note warning" role="status">
      <Icon name="warning" />
      <span>
        <strong>The link has no time range:</strong> {words.map(quoted).join(' and ')}. Times are written now, now-15m
        (also s, h, d, w) or 2026-11-28T15:00:00Z, the earlier one in from. What you see:{' '}
        {rangeLabel(page.value, Date.now())}.
      </span>
    </p>
  )
}

const quoted = (word: string): string => `“${legible(cutMiddle(word, 60))}”`

/** Says that numbers may be too small. */
export function QualityNote({ quality }: { readonly quality: Quality }) {
  if (quality.partial === null) return null
  return (
    <p class="note warning" role="status">
      <Icon name="warning" />
      <span>
        <strong>Incomplete: the numbers may be too small.</strong> {quality.partial}
      </span>
    </p>
  )
}

/** What stands in place of a view that has nothing to show because its question failed or was given up; else null. */
export function FailedView({ resource }: { readonly resource: Resource<unknown> }) {
  const { problem, cancelled } = resource
  if (cancelled) {
    return (
      <Notice title="Cancelled" text="The question was given up before the store had answered it.">
        <RetryButton />
      </Notice>
    )
  }
  if (problem === null) return null
  if (problem.code === 'query_syntax') {
    return <Notice title="The query has a mistake" text="It is shown below the query line, at its character." />
  }
  // The banner above says why, and since when.
  if (storeDown.value) return <Notice title="Waiting for the store" text="This view is filled as soon as it answers." />
  return (
    <Notice title={TITLES[problem.code] ?? 'That did not work'} text={sentence(problem.message)}>
      {problem.cure !== '' && <p>{sentence(problem.cure)}</p>}
      <RetryButton />
    </Notice>
  )
}

const TITLES: Readonly<Record<string, string>> = {
  store_down: 'The store does not answer',
  unreachable: 'The explorer does not answer',
  too_wide: 'The question is too wide',
  unauthorised: 'This page needs you to sign in',
  not_found: 'Not found',
}

/** Beside results that are older than the question. */
export function StaleNote({ resource }: { readonly resource: Resource<unknown> }) {
  const { problem, cancelled, data } = resource
  if (data === null || (problem === null && !cancelled)) return null
  // What is wrong with a query stands below its line, and a store that is down in the banner.
  if (problem?.code === 'query_syntax' || storeDown.value) return null
  const text = cancelled
    ? 'Cancelled. What you see answers the question before.'
    : `${sentence(problem?.message ?? '')} What you see is the last good answer.`
  return (
    <p class="note warning" role="status">
      <Icon name="warning" />
      <span>{text}</span>
      <RetryButton />
    </p>
  )
}

function RetryButton() {
  return (
    <button type="button" class="button small" onClick={() => refreshAll(false)}>
      Try again
    </button>
  )
}

export function Notice({
  title,
  text,
  children,
}: {
  readonly title: string
  readonly text: ComponentChildren
  readonly children?: ComponentChildren
}) {
  return (
    <section class="notice">
      <h2>{title}</h2>
      <p>{text}</p>
      {children}
    </section>
  )
}

/** Grey shapes where things will be, in their sizes, so that nothing jumps when they come. */
export function Skeleton({
  blocks,
}: {
  readonly blocks: readonly ('numbers' | 'chart' | 'charts' | 'tables' | 'rows')[]
}) {
  return (
    <div class="skeletons" aria-busy="true" aria-label="Loading" role="status">
      {blocks.map((block) => (
        <div key={block} class={`skeleton skeleton-${block}`} aria-hidden="true">
          {Array.from({ length: SKELETON_PARTS[block] }, (_, index) => (
            <span key={index} />
          ))}
        </div>
      ))}
    </div>
  )
}

const SKELETON_PARTS = { numbers: 5, chart: 1, charts: 3, tables: 6, rows: 12 } as const

/** Nothing to show: says which of three reasons it is, and the next step for each. */
export function Empty({ what = 'request' }: { readonly what?: string }) {
  const known = about.value
  if (known !== null && known.records === 0) return <NothingRecorded about={known} />
  const range = resolveRange(page.value, Date.now())
  return page.value.query === '' ? <NothingInRange what={what} range={range} /> : <NothingMatches what={what} />
}

function NothingRecorded({ about: { gatewayUrl, traffic } }: { readonly about: About }) {
  return (
    <Notice
      title="No request has been recorded yet"
      text="Send one through the gateway. It appears here within a few seconds, without a reload."
    >
      <ol class="steps">
        {traffic.available && (
          <li>
            <p>Let the sample traffic run: all kinds of requests, some of which fail.</p>
            <TrafficButton primary />
          </li>
        )}
        <li>
          <p>{traffic.available ? 'Or send' : 'Send'} a request yourself:</p>
          <Command text={`curl ${gatewayUrl ?? 'http://localhost:8080'}/httpbin/get`} label="send a request" />
          {gatewayUrl === null && (
            <p class="hint">With the address of your gateway and the path of one of your APIs.</p>
          )}
        </li>
        <li>
          <p>Still nothing after half a minute? This walks the way of a record and says at which step it ends:</p>
          <PumpCheck />
        </li>
      </ol>
    </Notice>
  )
}

export function PumpCheck() {
  return (
    <>
      <Command
        text="npm exec -- node packages/pump/dist/main.js check --conf .data/conf/pump.conf"
        label="check the pump, started by npm start"
      />
      <Command text="docker compose exec pump ./tyk-pump check" label="check the pump, started by docker compose" />
      <p class="hint">
        The first for npm start (after --data-dir its folder stands in place of <code>.data</code>), the second for
        docker compose.
      </p>
    </>
  )
}

function NothingInRange({ what, range }: { readonly what: string; readonly range: RangeMs | null }) {
  const newest = about.value?.newestRecord ?? null
  const newestMs = newest === null ? null : Date.parse(newest)
  return (
    <Notice
      title={`No ${what} in this time range`}
      text={
        newestMs === null ? (
          'The store has requests, but none in it.'
        ) : (
          <>
            The last request was recorded <Ago ms={newestMs} />, at {exactTime(new Date(newestMs))}.
          </>
        )
      }
    >
      <div class="actions">
        {newestMs !== null && (
          <button type="button" class="button primary" onClick={() => setRange(around(newestMs, range))}>
            Go to the last requests
          </button>
        )}
        <WidenButton />
        <TrafficButton />
      </div>
    </Notice>
  )
}

function around(newestMs: number, range: RangeMs | null): { from: string; to: string } {
  const length = Math.min(range === null ? 900_000 : range.toMs - range.fromMs, 86_400_000)
  return absolute({ fromMs: newestMs - length, toMs: newestMs + 1000 })
}

function NothingMatches({ what }: { readonly what: string }) {
  return (
    <Notice
      title={`No ${what} matches`}
      text={
        <>
          Nothing in this time range matches <code>{legible(page.value.query)}</code>.
        </>
      }
    >
      <div class="actions">
        <button type="button" class="button primary" onClick={() => go({ query: '', row: '' })}>
          Clear the query
        </button>
        <WidenButton />
      </div>
      <p class="hint">Upper and lower case count in values. A star stands for any characters: request_uri:/orders/*</p>
    </Notice>
  )
}

export function WidenButton() {
  const range = resolveRange(page.value, Date.now())
  const wider = zoomOut(zoomOut(page.value, Date.now()), Date.now())
  const length = range === null ? '' : ` to ${lengthLabel((range.toMs - range.fromMs) * 4)}`
  return (
    <button type="button" class="button" onClick={() => setRange(wider)}>
      Widen the range{length}
    </button>
  )
}

/** Starts and stops the sample traffic, where this explorer may. */
export function TrafficButton({ primary = false }: { readonly primary?: boolean }) {
  const [failure, setFailure] = useState('')
  const traffic = about.value?.traffic
  if (traffic?.available !== true) return null
  const change = async (): Promise<void> => {
    try {
      await setTraffic(!traffic.running)
      setFailure('')
      announce(traffic.running ? 'Sample traffic stopped' : 'Sample traffic started')
      if (!traffic.running) go({ from: 'now-15m', to: 'now', live: true, query: '', row: '' })
    } catch (error) {
      setFailure(error instanceof ApiError ? error.message : String(error))
    }
  }
  return (
    <>
      <button type="button" class={`button ${primary ? 'primary' : ''}`} onClick={() => void change()}>
        <Icon name={traffic.running ? 'stop' : 'play'} />
        <span>{traffic.running ? 'Stop the sample traffic' : 'Start sample traffic'}</span>
      </button>
      {failure !== '' && (
        <p class="note warning" role="alert">
          {failure}
        </p>
      )}
    </>
  )
}

export function Others({ value, what }: { readonly value: number; readonly what: string }) {
  return value === 0 ? null : (
    <p class="others">
      {count(value)} {what}
    </p>
  )
}
