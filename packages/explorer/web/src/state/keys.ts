import { openView } from './location.ts'
import type { View } from './url.ts'

const VIEW_KEYS: Readonly<Record<string, View>> = { o: 'overview', r: 'requests', e: 'errors', m: 'map', p: 'pipeline' }

/** What `j` and `k` do; the view with rows sets it. */
export interface RowKeys {
  move(step: 1 | -1): void
}

let rows: RowKeys | null = null

/** Returns what takes it back. */
export function setRowKeys(keys: RowKeys): () => void {
  rows = keys
  return () => {
    if (rows === keys) rows = null
  }
}

/** Listens for the keys of the whole page. They are not heard while something is typed or with a modifier. */
export function listenForKeys({ help }: { readonly help: () => void }): void {
  let afterG = false
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return
    const view = afterG ? VIEW_KEYS[event.key] : undefined
    afterG = event.key === 'g' && !afterG
    if (view !== undefined) openView(view)
    else if (event.key === '/') focus('query')
    else if (event.key === 't') document.getElementById('time-range')?.click()
    else if (event.key === '?') help()
    else if (event.key === 'j') rows?.move(1)
    else if (event.key === 'k') rows?.move(-1)
    else return
    event.preventDefault()
  })
}

function focus(id: string): void {
  const element = document.getElementById(id)
  element?.focus()
  if (element instanceof HTMLInputElement) element.select()
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.closest('dialog, [role=menu]') !== null) return true
  return target.matches('input:not([type=checkbox]), textarea, select')
}
