/**
 * Creates what the walkthrough makes by hand: the data view tyk_analytics* over @timestamp, and makes it the default if
 * there is none. Running it again changes nothing. Needs Node.js 18 or newer.
 *
 *   KIBANA_URL=http://localhost:5601 node setup.mjs
 */
import { setTimeout as delay } from 'node:timers/promises'

const base = (process.env.KIBANA_URL ?? 'http://localhost:5601').replace(/\/$/, '')
const DEADLINE_MS = 180_000
const dataView = {
  id: 'tyk-analytics',
  title: 'tyk_analytics*',
  name: 'Tyk analytics',
  timeFieldName: '@timestamp',
  // The index appears with the first record; the view may be there before.
  allowNoIndex: true,
}

await untilAvailable()
if (await exists()) {
  console.log(`Data view ${dataView.title} is there already.`)
} else {
  await call('POST', '/api/data_views/data_view', { data_view: dataView })
  console.log(`Data view ${dataView.title} created.`)
}
await makeDefault()

async function untilAvailable() {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    try {
      const { status } = await call('GET', '/api/status')
      if (status?.overall?.level === 'available') return
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`Kibana at ${base} is not available`, { cause: error })
    }
    if (Date.now() > deadline) throw new Error(`Kibana at ${base} is not available`)
    await delay(1000)
  }
}

async function exists() {
  const { data_view: views = [] } = await call('GET', '/api/data_views')
  return views.some(({ title }) => title === dataView.title)
}

/** A convenience: Discover opens with it. Not worth failing for. */
async function makeDefault() {
  try {
    await call('POST', '/api/data_views/default', { data_view_id: dataView.id, force: false })
  } catch (error) {
    console.warn(`The default data view was left as it is: ${error.message}`)
  }
}

async function call(method, path, body) {
  const answer = await fetch(base + path, {
    method,
    headers: { 'kbn-xsrf': 'tek', 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 300)}`)
  return JSON.parse(text)
}
