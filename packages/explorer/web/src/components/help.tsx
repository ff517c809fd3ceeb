import { useEffect, useRef } from 'preact/hooks'
import { signal } from '@preact/signals'
import { about } from '../api/about.ts'
import { Icon } from './icons.tsx'

const shown = signal(false)

export function showHelp(): void {
  shown.value = true
}

const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['/'], 'query line'],
  [['t'], 'time range'],
  [['g', 'o'], 'Overview'],
  [['g', 'r'], 'Requests'],
  [['g', 'e'], 'Errors'],
  [['g', 'm'], 'Map'],
  [['g', 'p'], 'Pipeline'],
  [['j'], 'next row'],
  [['k'], 'row before'],
  [['Enter'], 'open or close the row'],
  [['?'], 'this help'],
]

const EXAMPLES: readonly (readonly [query: string, what: string])[] = [
  ['response_code:500', 'a field is exactly a value'],
  ['response_code:>=500', 'greater or equal; also < <= >'],
  ['response_code:[400 TO 499]', 'from and to'],
  ['request_uri:/orders/*', 'star for any characters, ? for one'],
  ['tags:"foo@bar.com"', 'quotes around spaces and signs'],
  ['api_name:httpbin and not response_code:200', 'and, or, not, brackets'],
  ['alias:*', 'the field has a value'],
  ['timeout', 'free text in path, user agent, tags, raw texts'],
]

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (shown.value) dialog.current?.showModal()
  }, [shown.value])
  if (!shown.value) return null
  const close = (): void => {
    shown.value = false
  }
  return (
    <dialog
      class="help"
      ref={dialog}
      aria-label="Help"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current?.close()
      }}
    >
      <div class="help-body">
        <header>
          <h2>Help</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        <section>
          <h3>Narrow down</h3>
          <p>
            Click any value to see only it, alt + click to exclude it; the three dots beside it, or a right click, show
            more. Drag across a chart to zoom into a time. The link in the address bar always shows what you see.
          </p>
        </section>
        <section>
          <h3>Query line</h3>
          <dl class="examples">
            {EXAMPLES.map(([query, what]) => (
              <div key={query}>
                <dt>
                  <code>{query}</code>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
        <section>
          <h3>Keys</h3>
          <dl class="keys">
            {KEYS.map(([keys, what]) => (
              <div key={what}>
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
        <p class="hint">
          Version {about.value?.version ?? 'unknown'}. The same data as JSON:{' '}
          <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>
        </p>
      </div>
    </dialog>
  )
}
