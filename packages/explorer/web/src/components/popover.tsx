import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'

/** A button and the panel that it opens. Escape, a click beside it and `close` close it; the focus goes back. */
export function Popover({
  label,
  button,
  buttonClass = 'button',
  buttonId,
  panelClass = '',
  align = 'left',
  children,
}: {
  /** Name of the panel, and of the button when that shows no text. */
  readonly label: string
  readonly button: ComponentChildren
  readonly buttonClass?: string
  readonly buttonId?: string
  readonly panelClass?: string
  readonly align?: 'left' | 'right'
  readonly children: (close: () => void) => ComponentChildren
}) {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const id = useId()
  const close = (): void => {
    setOpen(false)
    root.current?.querySelector<HTMLElement>('button')?.focus()
  }

  useEffect(() => {
    if (!open) return undefined
    const first = '[autofocus], input, button, select, [tabindex]'
    root.current?.querySelector<HTMLElement>(`.panel :is(${first})`)?.focus()
    const outside = (event: Event): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) === true) return
      setOpen(false)
    }
    // Heard on the whole page: what had the focus may be gone, as a column that was just chosen.
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return
      event.stopPropagation()
      close()
    }
    addEventListener('keydown', escape, { capture: true })
    addEventListener('pointerdown', outside)
    addEventListener('focusin', outside)
    return () => {
      removeEventListener('keydown', escape, { capture: true })
      removeEventListener('pointerdown', outside)
      removeEventListener('focusin', outside)
    }
  }, [open])

  return (
    <div class="popover" ref={root}>
      <button
        type="button"
        id={buttonId}
        class={buttonClass}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={buttonClass.includes('icon-button') ? label : undefined}
        title={buttonClass.includes('icon-button') ? label : undefined}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div id={id} class={`panel ${align} ${panelClass}`} role="dialog" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  )
}
