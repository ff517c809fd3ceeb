import { useState } from 'preact/hooks'
import { zoneName } from '../format/time.ts'
import { page, setRange } from '../state/location.ts'
import {
  absolute,
  lengthLabel,
  localInputValue,
  QUICK_RANGES,
  rangeLabel,
  resolveRange,
  shiftRange,
  zoomOut,
} from '../state/time.ts'
import { Icon } from './icons.tsx'
import { Popover } from './popover.tsx'

/** The time range: earlier, the range itself, later, and zoom out. */
export function TimePicker() {
  const { from, to } = page.value
  const now = Date.now()
  const range = resolveRange({ from, to }, now)
  const length = range === null ? '' : lengthLabel(range.toMs - range.fromMs)
  const shift = (direction: -1 | 1): void => {
    const current = resolveRange(page.value, Date.now())
    if (current !== null) setRange(shiftRange(current, direction, Date.now()))
  }
  return (
    <div class="time-picker" role="group" aria-label="Time range">
      <button
        type="button"
        class="icon-button"
        aria-label={`Earlier by ${length}`}
        title={`Earlier by ${length}`}
        onClick={() => shift(-1)}
      >
        <Icon name="left" />
      </button>
      <Popover
        label="Choose a time range"
        buttonId="time-range"
        panelClass="time-panel"
        align="right"
        button={
          <>
            <Icon name="clock" />
            <span>{rangeLabel({ from, to }, now)}</span>
            <Icon name="down" />
          </>
        }
      >
        {(close) => <TimePanel close={close} />}
      </Popover>
      <button
        type="button"
        class="icon-button"
        aria-label={`Later by ${length}`}
        title={`Later by ${length}`}
        disabled={to === 'now'}
        onClick={() => shift(1)}
      >
        <Icon name="right" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Zoom out: twice the range"
        title="Zoom out: twice the range"
        onClick={() => setRange(zoomOut(page.value, Date.now()))}
      >
        <Icon name="zoomOut" />
      </button>
    </div>
  )
}

function TimePanel({ close }: { readonly close: () => void }) {
  const { from, to } = page.value
  const range = resolveRange(page.value, Date.now()) ?? { fromMs: Date.now() - 900_000, toMs: Date.now() }
  const [begin, setBegin] = useState(localInputValue(range.fromMs))
  const [end, setEnd] = useState(localInputValue(range.toMs))
  const [mistake, setMistake] = useState('')
  const apply = (): void => {
    const [fromMs, toMs] = [Date.parse(begin), Date.parse(end)]
    if (Number.isNaN(fromMs) || Number.isNaN(toMs)) setMistake('Fill in both times.')
    else if (fromMs >= toMs) setMistake('The range must begin before it ends.')
    else {
      setRange(absolute({ fromMs, toMs }))
      close()
    }
  }
  return (
    <>
      <div class="quick">
        {QUICK_RANGES.map(({ words, label }) => (
          <button
            key={words}
            type="button"
            class="menu-item"
            aria-pressed={to === 'now' && from === words}
            onClick={() => {
              setRange({ from: words, to: 'now' })
              close()
            }}
          >
            {label}
          </button>
        ))}
      </div>
      <form
        class="absolute"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          apply()
        }}
      >
        <h3>From and to</h3>
        <label>
          From
          <input
            type="datetime-local"
            step="1"
            value={begin}
            onInput={(event) => setBegin(event.currentTarget.value)}
          />
        </label>
        <label>
          To
          <input type="datetime-local" step="1" value={end} onInput={(event) => setEnd(event.currentTarget.value)} />
        </label>
        {mistake !== '' && (
          <p class="mistake" role="alert">
            {mistake}
          </p>
        )}
        <button type="submit" class="button primary">
          Apply
        </button>
        <p class="hint">Your time zone, {zoneName()}.</p>
      </form>
    </>
  )
}
