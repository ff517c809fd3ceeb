import { ago, exactTime, utcTime } from '../format/time.ts'
import { clockMs } from '../state/screen.ts'

/** A time in the viewer's zone, with UTC on hover; one that is relative shows both there. */
export function Time({ iso, relative = false }: { readonly iso: string; readonly relative?: boolean }) {
  const time = new Date(iso)
  if (Number.isNaN(time.getTime())) return <span>{iso}</span>
  return (
    <time dateTime={iso} title={relative ? `${exactTime(time)}, ${utcTime(time)}` : utcTime(time)}>
      {relative ? <Ago ms={time.getTime()} /> : exactTime(time)}
    </time>
  )
}

/** Counts up by itself. */
export function Ago({ ms }: { readonly ms: number }) {
  return <>{ago(ms, clockMs.value)}</>
}
