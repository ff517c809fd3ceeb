import type { ComponentChildren } from 'preact'
import { cutMiddle, legible } from '../format/text.ts'
import { fieldLabel } from '../format/fields.ts'
import { narrow } from '../state/location.ts'
import { Icon } from './icons.tsx'
import { openTermMenu } from './menu.tsx'

const SHOWN_MAX = 400
const TAIL = 8

/** A text that gives way in its middle when there is no room. What is longer than a screen is cut for good. */
export function MiddleText({ text }: { readonly text: string }) {
  const shown = legible(cutMiddle(text, SHOWN_MAX))
  if (shown.length <= 20) return <span class="end-cut">{shown}</span>
  const tailAt = shown.length - TAIL
  const at = /^[\uDC00-\uDFFF]/.test(shown.slice(tailAt)) ? tailAt - 1 : tailAt
  return (
    <span class="middle-cut">
      <span>{shown.slice(0, at)}</span>
      <span>{shown.slice(at)}</span>
    </span>
  )
}

/**
 * A value that can be clicked to narrow to it, alt-clicked to exclude it, and has a menu for those who have neither
 * mouse nor alt key.
 */
export function Term({
  field,
  value,
  children,
  menu = true,
  inRow = false,
}: {
  readonly field: string
  readonly value: string | number
  readonly children?: ComponentChildren
  readonly menu?: boolean
  /** In a row that opens: the keyboard finds the value there, and is spared a stop at each cell. */
  readonly inRow?: boolean
}) {
  const name = value === '' ? 'none' : legible(cutMiddle(String(value), 120))
  const label = fieldLabel(field)
  return (
    <span class="term">
      <button
        type="button"
        class="term-value"
        tabIndex={inRow ? -1 : 0}
        title={value === '' ? `${label}: none` : legible(cutMiddle(String(value), 1000))}
        onClick={(event) => {
          event.stopPropagation()
          narrow(field, value, event.altKey ? 'exclude' : 'only')
        }}
        onContextMenu={(event) => {
          event.preventDefault()
          openTermMenu(field, value, event.currentTarget)
        }}
      >
        {children ?? (value === '' ? <span class="none">none</span> : <MiddleText text={String(value)} />)}
      </button>
      {menu && (
        <button
          type="button"
          class="term-menu"
          aria-haspopup="menu"
          aria-label={`Filter by ${label} ${name}`}
          onClick={(event) => {
            event.stopPropagation()
            openTermMenu(field, value, event.currentTarget)
          }}
        >
          <Icon name="more" />
        </button>
      )}
    </span>
  )
}
