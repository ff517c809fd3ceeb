import type { Reload } from '../../api/types.ts'
import { dateTime } from '../../format/time.ts'

/** So many are told one by one; of more, the latest. */
const MOST_TOLD = 4

/** What the marks in the charts are, in words. */
export function Reloads({ reloads }: { readonly reloads: readonly Reload[] }) {
  if (reloads.length === 0) return null
  const told = reloads.slice(-MOST_TOLD)
  const earlier = reloads.slice(0, -told.length)
  const failed = earlier.filter(({ worked }) => !worked).length
  return (
    <p class="hint reloads">
      <svg class="reload-mark" viewBox="0 0 10 12" width="10" height="12" aria-hidden="true" focusable="false">
        <path d="M1.5 12V1l7 3.5-7 3.5" />
      </svg>
      <span>
        Configuration reloaded:{' '}
        {earlier.length > 0 && `${earlier.length} times before${failed > 0 ? ` (${failed} failed)` : ''}, then `}
        {told.map(({ time, worked }, at) => (
          <span key={`${time} ${at}`}>
            {at > 0 && ', '}
            <time dateTime={time}>{dateTime(new Date(time))}</time>
            {!worked && ' (failed)'}
          </span>
        ))}
      </span>
    </p>
  )
}
