import { render } from 'preact'
import './styles/tokens.css'
import './styles/base.css'
import './styles/parts.css'
import './styles/views.css'
import { startRefresh } from './api/about.ts'
import { App } from './app.tsx'
import { showHelp } from './components/help.tsx'
import { listenForKeys } from './state/keys.ts'

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no element with id app')
render(<App />, root)
listenForKeys({ help: showHelp })
startRefresh()
