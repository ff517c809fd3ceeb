import { signal } from '@preact/signals'

const said = signal('')

/** Tells screen readers what changed without moving the focus. */
export function announce(text: string): void {
  said.value = text
}

export function Announcer() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {said.value}
    </div>
  )
}
