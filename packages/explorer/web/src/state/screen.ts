import { signal } from '@preact/signals'

const narrowScreen = matchMedia('(max-width: 720px)')

/** True on a phone: tables become lists. */
export const narrowNow = signal(narrowScreen.matches)
narrowScreen.addEventListener('change', (event) => {
  narrowNow.value = event.matches
})

/** The time, once a second, for what is said relative to it. */
export const clockMs = signal(Date.now())
setInterval(() => {
  if (!document.hidden) clockMs.value = Date.now()
}, 1000)
