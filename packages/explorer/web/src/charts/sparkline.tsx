const WIDTH = 120
const HEIGHT = 28

/** Counts over the range as small bars; `label` says in words what they show. */
export function Sparkline({
  counts,
  label,
  of,
}: {
  readonly counts: readonly number[]
  readonly label: string
  readonly of: '4xx' | '5xx'
}) {
  const max = Math.max(1, ...counts)
  const step = WIDTH / Math.max(1, counts.length)
  const path = counts
    .map((count, index) => {
      if (count === 0) return ''
      const height = Math.max(1.5, (count / max) * HEIGHT)
      return `M${(index * step).toFixed(2)} ${HEIGHT}v${(-height).toFixed(2)}h${Math.max(0.6, step * 0.82).toFixed(2)}V${HEIGHT}z`
    })
    .join('')
  return (
    <svg
      class={`sparkline of-${of}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
      preserveAspectRatio="none"
    >
      <path class="base" d={`M0 ${HEIGHT - 0.5}h${WIDTH}`} />
      <path d={path} />
    </svg>
  )
}
