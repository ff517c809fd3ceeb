import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { narrow, openView, page } from '../state/location.ts'
import { addTerm, clickedTerm } from '../state/query-line.ts'
import { cutMiddle, legible } from '../format/text.ts'
import { copyText } from './copy.tsx'
import { Icon, type IconName } from './icons.tsx'

interface OpenMenu {
  readonly field: string
  readonly value: string | number
  readonly anchor: HTMLElement
}

const open = signal<OpenMenu | null>(null)

/** Shows what can be done with a value, below the element that names it. */
export function openTermMenu(field: string, value: string | number, anchor: HTMLElement): void {
  open.value = { field, value, anchor }
}

/** The one menu of the page. */
export function TermMenu() {
  const menu = open.value
  return menu === null ? null : <Menu key={`${menu.field}:${menu.value}`} menu={menu} />
}

function close(focusBack: boolean): void {
  const anchor = open.peek()?.anchor
  open.value = null
  if (focusBack) anchor?.focus()
}

function Menu({ menu }: { readonly menu: OpenMenu }) {
  const { field, value, anchor } = menu
  const box = useRef<HTMLDivElement>(null)

  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const { left, bottom, top } = anchor.getBoundingClientRect()
    const { offsetWidth: width, offsetHeight: height } = element
    element.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`
    element.style.top = `${bottom + height + 8 > innerHeight ? Math.max(8, top - height - 4) : bottom + 4}px`
    element.querySelector<HTMLElement>('[role=menuitem]')?.focus()
  }, [anchor])

  useEffect(() => {
    const outside = (event: Event): void => {
      if (event.target instanceof Node && box.current?.contains(event.target) === true) return
      close(false)
    }
    addEventListener('pointerdown', outside)
    addEventListener('scroll', outside, { capture: true, passive: true })
    addEventListener('resize', outside)
    return () => {
      removeEventListener('pointerdown', outside)
      removeEventListener('scroll', outside, { capture: true })
      removeEventListener('resize', outside)
    }
  }, [])

  const act = (action: () => void): void => {
    close(true)
    action()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...(box.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])]
    const at = items.indexOf(document.activeElement as HTMLElement)
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) items.at((at + step + items.length) % items.length)?.focus()
    else if (event.key === 'Escape' || event.key === 'Tab') close(true)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    <div
      class="menu"
      role="menu"
      aria-label={`What to do with ${value === '' ? 'no value' : legible(cutMiddle(String(value), 120))}`}
      ref={box}
      onKeyDown={onKeyDown}
    >
      <div class="menu-title" role="presentation">
        <code>{legible(cutMiddle(clickedTerm(field, value), 200))}</code>
      </div>
      <Item icon="only" text="Only this" hint="click" onChoose={() => act(() => narrow(field, value, 'only'))} />
      <Item
        icon="exclude"
        text="Exclude this"
        hint="alt + click"
        onChoose={() => act(() => narrow(field, value, 'exclude'))}
      />
      {page.value.view !== 'requests' && (
        <Item
          icon="table"
          text="Show its requests"
          onChoose={() =>
            act(() => openView('requests', { query: addTerm(page.value.query, clickedTerm(field, value), 'only') }))
          }
        />
      )}
      <Item icon="copy" text="Copy value" onChoose={() => act(() => void copyText(String(value)))} />
    </div>
  )
}

function Item({
  icon,
  text,
  hint,
  onChoose,
}: {
  readonly icon: IconName
  readonly text: string
  readonly hint?: string
  readonly onChoose: () => void
}) {
  return (
    <button type="button" class="menu-item" role="menuitem" tabIndex={-1} onClick={onChoose}>
      <Icon name={icon} />
      <span>{text}</span>
      {hint !== undefined && <span class="menu-hint">{hint}</span>}
    </button>
  )
}
