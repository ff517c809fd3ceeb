import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { Announcer } from './components/announce.tsx'
import { Help } from './components/help.tsx'
import { TermMenu } from './components/menu.tsx'
import { RangeNote } from './components/states.tsx'
import { StoreBanner, TopBar, VIEW_NAMES } from './components/top-bar.tsx'
import { legible } from './format/text.ts'
import { page } from './state/location.ts'
import type { View } from './state/url.ts'
import { Errors } from './views/errors/index.tsx'
import { WorldMap } from './views/map/index.tsx'
import { Overview } from './views/overview/index.tsx'
import { Pipeline } from './views/pipeline/index.tsx'
import { ExportToast } from './views/requests/export-menu.tsx'
import { Requests } from './views/requests/index.tsx'

const VIEW_COMPONENTS: Readonly<Record<View, ComponentType>> = {
  overview: Overview,
  requests: Requests,
  errors: Errors,
  map: WorldMap,
  pipeline: Pipeline,
}

export function App() {
  const { view, query } = page.value
  const Shown = VIEW_COMPONENTS[view]
  useEffect(() => {
    document.title = `${query === '' ? '' : `${legible(query.slice(0, 60))} · `}${VIEW_NAMES[view]} · Traffic explorer`
  }, [view, query])
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <TopBar />
      <main id="main" tabIndex={-1}>
        <StoreBanner />
        <RangeNote />
        <Shown key={view} />
      </main>
      <ExportToast />
      <TermMenu />
      <Help />
      <Announcer />
    </>
  )
}
