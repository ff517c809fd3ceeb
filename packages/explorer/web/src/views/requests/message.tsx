import { useMemo, useState } from 'preact/hooks'
import type { RawMessage } from '../../api/types.ts'
import { CopyButton } from '../../components/copy.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { bytes } from '../../format/number.ts'
import { legibleLines, prettyJson, splitMessage } from '../../format/text.ts'

const SHOWN_MAX = 100_000

/** A raw HTTP message: its head, and its body, indented where it is JSON. */
export function Message({ title, message }: { readonly title: string; readonly message: RawMessage | null }) {
  if (message === null) {
    return (
      <section class="message">
        <header>
          <h3>{title}</h3>
        </header>
        <p class="hint">
          Not recorded. Set <code>enable_detailed_recording</code> for the API or the whole gateway to keep the raw{' '}
          {title.toLowerCase()}; an Elasticsearch sink of the pump stores it with <code>extended_stats</code> only.
        </p>
      </section>
    )
  }
  return <Recorded title={title} message={message} />
}

function Recorded({
  title,
  message: { text, base64, sizeBytes, truncated },
}: {
  readonly title: string
  readonly message: RawMessage
}) {
  const [form, setForm] = useState<'pretty' | 'raw'>('pretty')
  const [whole, setWhole] = useState(false)
  const { head, body } = useMemo(() => splitMessage(text ?? ''), [text])
  const pretty = useMemo(() => prettyJson(body), [body])
  const [shownHead, shownBody] =
    text === null ? ['', base64 ?? ''] : [head, form === 'pretty' ? (pretty ?? body) : body]
  const longest = whole ? Infinity : SHOWN_MAX
  const [first = '', ...headers] = legibleLines(shownHead.slice(0, longest)).split('\n')
  return (
    <section class="message">
      <header>
        <h3>{title}</h3>
        <span class="unit">{bytes(sizeBytes)}</span>
        {truncated && <span class="badge warning">its beginning, an export has all</span>}
        {pretty !== null && (
          <Segmented
            label={`Form of the ${title.toLowerCase()}`}
            value={form}
            choices={[
              { value: 'pretty', label: 'Pretty' },
              { value: 'raw', label: 'Raw' },
            ]}
            onChoose={setForm}
          />
        )}
        <CopyButton text={text ?? base64 ?? ''} label={`Copy the ${title.toLowerCase()}`} />
      </header>
      <div class="message-text" tabIndex={0} role="region" aria-label={`${title}, text`}>
        {text === null ? (
          <>
            <p class="hint">Not UTF-8; shown in base64.</p>
            <pre>{shownBody.slice(0, longest)}</pre>
          </>
        ) : (
          <>
            <pre>
              <b>{first}</b>
              {headers.map((line, index) => (
                <Header key={index} line={line} />
              ))}
            </pre>
            {shownBody !== '' && <pre class="body">{legibleLines(shownBody.slice(0, longest))}</pre>}
          </>
        )}
        {Math.max(shownHead.length, shownBody.length) > longest && (
          <button type="button" class="button small" onClick={() => setWhole(true)}>
            {truncated ? 'Show all that is here' : `Show all ${bytes(sizeBytes)}`}
          </button>
        )}
      </div>
    </section>
  )
}

function Header({ line }: { readonly line: string }) {
  const colon = line.indexOf(':')
  if (colon < 0) return <>{`\n${line}`}</>
  return (
    <>
      {'\n'}
      <span class="header-name">{line.slice(0, colon + 1)}</span>
      {line.slice(colon + 1)}
    </>
  )
}
