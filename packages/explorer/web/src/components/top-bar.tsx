import { useEffect, useRef, useState } from 'preact/hooks'
import { about, liveHeld, unreachable } from '../api/about.ts'
import { cancelLoads, waitingSinceMs } from '../api/resource.ts'
import { go, openView, page, viewState } from '../state/location.ts'
import { clockMs } from '../state/screen.ts'
import { setTheme, theme } from '../state/theme.ts'
import { ago } from '../format/time.ts'
import { count } from '../format/number.ts'
import { sentence } from '../format/text.ts'
import { encodeUrl, type View, VIEWS } from '../state/url.ts'
import { Icon } from './icons.tsx'
import { QueryBox } from './query-box.tsx'
import { TimePicker } from './time-picker.tsx'
import { Ago } from './time.tsx'
import { showHelp } from './help.tsx'

export const VIEW_NAMES: Readonly<Record<View, string>> = {
  overview: 'Overview',
  requests: 'Requests',
  errors: 'Errors',
  map: 'Map',
  pipeline: 'Pipeline',
}

export function TopBar() {
  const bar = useRef<HTMLElement>(null)
  useEffect(() => {
    const element = bar.current
    if (element === null) return undefined
    // What sticks below the bar needs its height, which the mistake of a query changes.
    const tell = (): void => document.documentElement.style.setProperty('--bar-height', `${element.offsetHeight}px`)
    const observer = new ResizeObserver(tell)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return (
    <header class="top-bar" ref={bar}>
      <div class="bar-row">
        <a
          class="brand"
          aria-label="Traffic explorer, to the overview"
          href={encodeUrl(viewState('overview', page.value))}
          onClick={followLink('overview')}
        >
          <Logo />
          <span>Traffic explorer</span>
        </a>
        <StoreBadge />
        <nav class="views" aria-label="Views">
          {VIEWS.map((view) => (
            <a
              key={view}
              href={encodeUrl(viewState(view, page.value))}
              aria-current={page.value.view === view ? 'page' : undefined}
              onClick={followLink(view)}
            >
              {VIEW_NAMES[view]}
            </a>
          ))}
        </nav>
        <div class="bar-end">
          <Live />
          <ThemeButton />
          <button
            type="button"
            class="icon-button"
            aria-label="Help and keys"
            title="Help and keys (?)"
            onClick={showHelp}
          >
            <Icon name="help" />
          </button>
        </div>
      </div>
      {page.value.view === 'pipeline' ? (
        <div class="bar-row query-row only-time">
          <p class="hint">This view is about all records of the time range; the query does not apply to it.</p>
          <TimePicker />
        </div>
      ) : (
        <div class="bar-row query-row">
          <QueryBox />
          <TimePicker />
        </div>
      )}
      <Progress />
    </header>
  )
}

/** Links are real, so that they open in a new tab; a plain click stays on the page. */
function followLink(view: View) {
  return (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return
    event.preventDefault()
    openView(view)
  }
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" focusable="false" class="logo">
      <rect width="32" height="32" rx="7" />
      <path d="M7 17h4v8H7zM14 12h4v13h-4zM21 7h4v18h-4z" />
    </svg>
  )
}

const STATE_WORDS = { ok: 'answers', degraded: 'degraded', down: 'does not answer' } as const

function StoreBadge() {
  const known = about.value
  if (unreachable.value !== null) {
    return (
      <span class="store down" title={unreachable.value.message}>
        <span class="dot" aria-hidden="true" />
        <span class="store-name">no connection</span>
      </span>
    )
  }
  if (known === null) return <span class="store waiting" />
  const { kind, target, state, error } = known.store
  const records = known.records === null ? '' : `, ${count(known.records)} requests`
  return (
    <span
      class={`store ${state}`}
      title={`${kind} ${target} ${STATE_WORDS[state]}${error === null ? '' : `: ${error}`}${records}`}
    >
      <span class="dot" aria-hidden="true" />
      <span class="store-name">
        {kind} <span class="store-target">{target}</span>
      </span>
      {state !== 'ok' && <span class="store-state">{STATE_WORDS[state]}</span>}
    </span>
  )
}

function Live() {
  const { live, to } = page.value
  const newest = about.value?.newestRecord ?? null
  const text = newest === null ? null : <Ago ms={Date.parse(newest)} />
  const toggle = (): void => {
    if (live) go({ live: false }, 'replace')
    else if (to === 'now') go({ live: true }, 'replace')
    else go({ from: 'now-15m', to: 'now', live: true })
  }
  return (
    <button
      type="button"
      class={`live ${live ? 'on' : ''}`}
      aria-pressed={live}
      title={live ? 'Refreshed every 5 seconds. Click to stop.' : 'Click to refresh every 5 seconds'}
      onClick={toggle}
    >
      <span class="pulse" aria-hidden="true" />
      <span>{live && liveHeld.value ? 'Live, held' : 'Live'}</span>
      {text !== null && (
        <span class="since">
          <span class="visually-hidden">, </span>
          <span class="since-words">last record </span>
          {text}
        </span>
      )}
    </button>
  )
}

const NEXT_THEME = { system: 'light', light: 'dark', dark: 'system' } as const
const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const
const THEME_NAMES = { system: 'as the system', light: 'light', dark: 'dark' } as const

function ThemeButton() {
  const now = theme.value
  const label = `Colours: ${THEME_NAMES[now]}. Switch to ${THEME_NAMES[NEXT_THEME[now]]}`
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      onClick={() => setTheme(NEXT_THEME[now])}
    >
      <Icon name={THEME_ICONS[now]} />
    </button>
  )
}

/** A line below the bar after 300 ms of waiting; after 2 s a way out. */
function Progress() {
  const since = waitingSinceMs.value
  const [waitedMs, setWaitedMs] = useState(0)
  useEffect(() => {
    setWaitedMs(0)
    if (since === null) return undefined
    const timers = [300, 2000].map((ms) => setTimeout(() => setWaitedMs(ms), ms))
    return () => timers.forEach(clearTimeout)
  }, [since])
  if (since === null || waitedMs < 300) return null
  return (
    <div class="progress">
      <div class="progress-line" role="progressbar" aria-label="Waiting for the store" />
      {waitedMs >= 2000 && (
        <button type="button" class="button small progress-cancel" onClick={cancelLoads}>
          <Icon name="close" />
          <span>Cancel</span>
        </button>
      )}
    </div>
  )
}

/** Says across the page that the store is down; goes away by itself. */
export function StoreBanner() {
  const lost = unreachable.value
  const store = about.value?.store
  if (lost !== null) {
    return <Banner title="The explorer does not answer" sinceMs={lost.sinceMs} text={lost.cure} />
  }
  if (store === undefined || store.state === 'ok') return null
  const title =
    store.state === 'down'
      ? `The store does not answer (${store.kind} ${store.target})`
      : `The store is degraded (${store.kind} ${store.target})`
  return (
    <Banner
      title={title}
      sinceMs={store.since === null ? null : Date.parse(store.since)}
      text={store.error ?? 'It gave no reason'}
      cure={store.state === 'down' ? STORE_CURES[store.kind] : ''}
    />
  )
}

const STORE_CURES = {
  elasticsearch:
    'Look whether it runs, what its log says, and whether it is what TEK_EXPLORER_ELASTICSEARCH_URL names.',
  sqlite: 'Look whether the file that TEK_EXPLORER_SQLITE_FILE names is there, can be read and is that of the pump.',
} as const

function Banner({
  title,
  sinceMs,
  text,
  cure = '',
}: {
  readonly title: string
  readonly sinceMs: number | null
  readonly text: string
  readonly cure?: string
}) {
  return (
    <div class="banner">
      <Icon name="warning" />
      <div>
        <strong role="alert">{title}</strong>
        {sinceMs !== null && <span> {sinceWords(sinceMs, clockMs.value)}</span>}
        <p>
          {sentence(text)} {cure} This page asks again every 5 seconds and goes on by itself.
        </p>
      </div>
    </div>
  )
}

function sinceWords(sinceMs: number, nowMs: number): string {
  const text = ago(sinceMs, nowMs)
  return text.endsWith(' ago') ? `for ${text.slice(0, -4)}` : `since ${text}`
}
