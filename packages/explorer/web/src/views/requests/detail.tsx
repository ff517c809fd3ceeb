import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { about } from '../../api/about.ts'
import { useResource } from '../../api/resource.ts'
import type { RequestDetail, RequestRow } from '../../api/types.ts'
import { CopyButton } from '../../components/copy.tsx'
import { Icon } from '../../components/icons.tsx'
import { FailedView } from '../../components/states.tsx'
import { StatusCode } from '../../components/status.tsx'
import { Time } from '../../components/time.tsx'
import { fieldLabel, isDuration } from '../../format/fields.ts'
import { bytes, count, duration } from '../../format/number.ts'
import { cutMiddle, legible } from '../../format/text.ts'
import { go, narrow, page } from '../../state/location.ts'
import { addTerm, clickedTerm } from '../../state/query-line.ts'
import { absolute } from '../../state/time.ts'
import { Message } from './message.tsx'

type Value = RequestRow['fields'][string]

/** One request: what to look at next, where its time went, all its fields, and both raw messages. */
export function Detail({ id }: { readonly id: string }) {
  const resource = useResource<RequestDetail>(`/requests/${encodeURIComponent(id)}`).value
  const { data, loading } = resource
  if (data === null || data.row.id !== id) {
    return <div class="detail waiting">{loading ? 'Loading the request …' : <FailedView resource={resource} />}</div>
  }
  const { row, rawRequest, rawResponse } = data
  return (
    <article class="detail" aria-label="Details of a request">
      <DetailHead row={row} />
      <Latency fields={row.fields} />
      <Fields fields={row.fields} />
      <div class="messages">
        <Message title="Request" message={rawRequest} />
        <Message title="Response" message={rawResponse} />
      </div>
    </article>
  )
}

const MINUTE_MS = 60_000

function DetailHead({ row: { fields } }: { readonly row: RequestRow }) {
  const text = (name: string): string => (fields[name] == null ? '' : String(fields[name]))
  const code = fields['response_code']
  const time = text('@timestamp')
  const alias = text('alias')
  const key = text('api_key')
  const only = (field: string, value: string): void =>
    go({ query: addTerm(page.value.query, clickedTerm(field, value), 'only'), row: '' })
  const around = (): void => {
    const at = Date.parse(time)
    go({ ...absolute({ fromMs: at - MINUTE_MS, toMs: at + MINUTE_MS }), query: '', live: false })
  }
  const path = text('request_uri')
  return (
    <header class="detail-head">
      <p class="detail-title">
        {typeof code === 'number' && <StatusCode code={code} />} <b>{legible(cutMiddle(text('http_method'), 40))}</b>{' '}
        <code>{legible(cutMiddle(path, 300))}</code>
        <span class="detail-time">
          <Time iso={time} />, <Time iso={time} relative />
        </span>
      </p>
      <div class="actions">
        {(alias !== '' || key !== '') && (
          <button
            type="button"
            class="button small"
            onClick={() => (alias === '' ? only('api_key', key) : only('alias', alias))}
          >
            Only this consumer
          </button>
        )}
        <button type="button" class="button small" onClick={() => only('request_uri', path)}>
          Only this path
        </button>
        {text('api_name') !== '' && (
          <button type="button" class="button small" onClick={() => only('api_name', text('api_name'))}>
            Only this API
          </button>
        )}
        <button type="button" class="button small" onClick={around}>
          ± 1 minute around
        </button>
        <CopyButton text={() => location.href} label="Copy link" withText />
        <button
          type="button"
          class="icon-button"
          aria-label="Close the details"
          title="Close"
          onClick={() => go({ row: '' })}
        >
          <Icon name="close" />
        </button>
      </div>
    </header>
  )
}

/** Where the time went, as one bar. */
function Latency({ fields }: { readonly fields: RequestRow['fields'] }) {
  const number = (name: string): number | null => (typeof fields[name] === 'number' ? fields[name] : null)
  const total = number('latency_total_ms') ?? number('request_time_ms')
  const upstream = number('latency_upstream_ms')
  const gateway = number('latency_gateway_ms')
  if (total === null || (upstream === null && gateway === null)) return null
  const whole = Math.max(total, (upstream ?? 0) + (gateway ?? 0), 1e-9)
  return (
    <div class="latency">
      <span class="latency-bar" aria-hidden="true">
        <span class="part gateway" style={{ width: `${((gateway ?? 0) / whole) * 100}%` }} />
        <span class="part upstream" style={{ width: `${((upstream ?? 0) / whole) * 100}%` }} />
      </span>
      <span>
        <strong>{duration(total)}</strong> in total
      </span>
      <span>
        <i class="key-mark gateway" aria-hidden="true" /> gateway {duration(gateway)}
      </span>
      <span>
        <i class="key-mark upstream" aria-hidden="true" /> upstream {duration(upstream)}
      </span>
    </div>
  )
}

const RAW: ReadonlySet<string> = new Set(['raw_request', 'raw_response'])

function isEmpty(value: Value | undefined): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
}

function Fields({ fields }: { readonly fields: RequestRow['fields'] }) {
  const [withEmpty, setWithEmpty] = useState(false)
  const infos = about.value?.fields ?? []
  const order = new Map(infos.map(({ name }, index) => [name, index]))
  const docs = new Map(infos.map(({ name, doc }) => [name, doc]))
  const names = Object.keys(fields)
    .filter((name) => !RAW.has(name))
    .sort((a, b) => (order.get(a) ?? 999) - (order.get(b) ?? 999))
  const empty = names.filter((name) => isEmpty(fields[name]))
  const shown = withEmpty ? names : names.filter((name) => !isEmpty(fields[name]))
  return (
    <section class="fields" aria-label="Fields">
      <dl>
        {shown.map((name) => (
          <div key={name} class="field-row">
            <dt title={docs.get(name) ?? name}>{name}</dt>
            <dd>
              <FieldValue name={name} value={fields[name] ?? null} />
            </dd>
          </div>
        ))}
      </dl>
      {empty.length > 0 && (
        <button type="button" class="link" aria-expanded={withEmpty} onClick={() => setWithEmpty(!withEmpty)}>
          {withEmpty ? 'Hide empty fields' : `Show ${count(empty.length)} empty fields`}
        </button>
      )}
    </section>
  )
}

function FieldValue({ name, value }: { readonly name: string; readonly value: Value }) {
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) {
    return <Actions name={name} value="" shown={<span class="none">none</span>} />
  }
  if (Array.isArray(value)) {
    return (
      <>
        {value.map((item, index) => (
          <Actions key={index} name={name} value={item} shown={legible(cutMiddle(item, 2000))} />
        ))}
      </>
    )
  }
  if (typeof value === 'boolean') return <Actions name={name} value={String(value)} shown={String(value)} />
  if (typeof value === 'number') return <Actions name={name} value={value} shown={numberText(name, value)} />
  if (name === '@timestamp') return <Actions name={name} value={value} shown={<Time iso={value} />} filter={false} />
  return <Actions name={name} value={value} shown={legible(cutMiddle(value, 2000))} />
}

function numberText(name: string, value: number): string {
  if (isDuration(name)) return duration(value)
  if (name === 'content_length') return value < 0 ? 'unknown' : bytes(value)
  if (name === 'response_code' || /_?(?:id|day|month|year|hour)$/.test(name)) return String(value)
  return count(value)
}

function Actions({
  name,
  value,
  shown,
  filter = true,
}: {
  readonly name: string
  readonly value: string | number
  readonly shown: ComponentChildren
  readonly filter?: boolean
}) {
  const what = `${fieldLabel(name)} ${legible(cutMiddle(String(value), 60))}`
  return (
    <div class="field-value">
      <span class="text">{shown}</span>
      <span class="field-actions">
        {filter && (
          <>
            <button
              type="button"
              class="icon-button"
              title="Only this"
              aria-label={`Only ${what}`}
              onClick={() => narrow(name, value, 'only')}
            >
              <Icon name="only" />
            </button>
            <button
              type="button"
              class="icon-button"
              title="Exclude this"
              aria-label={`Exclude ${what}`}
              onClick={() => narrow(name, value, 'exclude')}
            >
              <Icon name="exclude" />
            </button>
          </>
        )}
        {value !== '' && <CopyButton text={String(value)} label={`Copy ${fieldLabel(name)}`} />}
      </span>
    </div>
  )
}
