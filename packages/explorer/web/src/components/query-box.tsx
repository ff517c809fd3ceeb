import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { about } from '../api/about.ts'
import { getJson, withParameters } from '../api/client.ts'
import { refreshAll, viewProblem } from '../api/resource.ts'
import type { Values } from '../api/types.ts'
import { cutMiddle, legible } from '../format/text.ts'
import { compact } from '../format/number.ts'
import { go, page } from '../state/location.ts'
import { complete, type Completion, completionAt } from '../state/query-line.ts'
import { Icon } from './icons.tsx'

interface Choice {
  readonly value: string
  readonly note: string
}

const CHOICES_MAX = 12

/** The query line: Enter asks, the list below completes names and values, a mistake is shown at its character. */
export function QueryBox() {
  const { query } = page.value
  const [text, setText] = useState(query)
  const [completion, setCompletion] = useState<Completion | null>(null)
  const [active, setActive] = useState(-1)
  const [scroll, setScroll] = useState(0)
  const input = useRef<HTMLInputElement>(null)
  const listId = useId()
  const errorId = useId()
  const choices = useChoices(completion)
  const shown = completion !== null && choices.length > 0

  useEffect(() => setText(query), [query])

  const look = (): void => {
    const element = input.current
    if (element === null) return
    setScroll(element.scrollLeft)
    const { value, selectionStart, selectionEnd } = element
    setCompletion(selectionStart === selectionEnd ? completionAt(value, selectionStart ?? value.length) : null)
    setActive(-1)
  }
  const choose = (choice: Choice): void => {
    const element = input.current
    if (element === null || completion === null) return
    const { line, cursor } = complete(element.value, completion, choice.value)
    element.value = line
    setText(line)
    element.focus()
    element.setSelectionRange(cursor, cursor)
    look()
  }
  const submit = (): void => {
    setCompletion(null)
    // The same line again means: what is it now?
    if (text.trim() === query) refreshAll(false)
    else go({ query: text.trim(), row: '' })
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined && shown) {
      setActive(active < 0 && step < 0 ? choices.length - 1 : (active + step + choices.length) % choices.length)
    } else if (step === 1 && completion === null) look()
    else if (event.key === 'Tab' && shown && !event.shiftKey && active >= 0) choose(choices[active] ?? EMPTY_CHOICE)
    else if (event.key === 'Enter' && active >= 0 && shown) choose(choices[active] ?? EMPTY_CHOICE)
    else if (event.key === 'Enter') submit()
    else if (event.key === 'Escape' && completion !== null) setCompletion(null)
    else if (event.key === 'Escape') input.current?.blur()
    else return
    event.preventDefault()
  }

  const asked = viewProblem.value
  const mistake = asked?.problem.code === 'query_syntax' && asked.query === query ? asked.problem : null
  const edited = text.trim() !== query
  const mistakeAt = edited ? undefined : mistake?.position

  useEffect(() => {
    const element = input.current
    if (element === null || mistakeAt === undefined || text === '') return
    // Of a line that is longer than its field the mistake is brought into sight.
    const leftPx = (mistakeAt / text.length) * element.scrollWidth
    const isSeen = leftPx >= element.scrollLeft && leftPx < element.scrollLeft + element.clientWidth
    if (!isSeen) element.scrollLeft = leftPx - element.clientWidth / 2
    setScroll(element.scrollLeft)
  }, [mistakeAt])

  return (
    <form
      class="query"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <div class={`query-line ${mistake === null ? '' : 'wrong'}`}>
        <Icon name="search" />
        <input
          id="query"
          ref={input}
          type="text"
          inputMode="search"
          enterkeyhint="search"
          value={text}
          placeholder="response_code:500 and api_name:httpbin"
          aria-label="Query"
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={shown}
          aria-controls={listId}
          aria-activedescendant={shown && active >= 0 ? `${listId}-${active}` : undefined}
          aria-invalid={mistake !== null}
          aria-describedby={mistake === null ? undefined : errorId}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          onInput={(event) => {
            setText(event.currentTarget.value)
            look()
          }}
          onClick={look}
          onFocus={look}
          onBlur={() => setCompletion(null)}
          onScroll={(event) => setScroll(event.currentTarget.scrollLeft)}
          onKeyDown={onKeyDown}
        />
        {text !== '' && (
          <button
            type="button"
            class="icon-button"
            aria-label="Clear the query"
            title="Clear the query"
            onClick={() => {
              setText('')
              go({ query: '', row: '' })
              input.current?.focus()
            }}
          >
            <Icon name="close" />
          </button>
        )}
        <button type="submit" class={`button small ${edited ? 'primary' : ''}`} tabIndex={edited ? 0 : -1}>
          Search
        </button>
      </div>
      <ul id={listId} class="completion" role="listbox" aria-label="Completions" hidden={!shown}>
        {shown &&
          choices.map((choice, index) => (
            <li
              key={choice.value}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === active}
              onPointerDown={(event) => {
                event.preventDefault()
                choose(choice)
              }}
            >
              <code>{legible(cutMiddle(choice.value, 90))}</code>
              <span>{choice.note}</span>
            </li>
          ))}
      </ul>
      {mistake !== null && (
        <div class="query-error" id={errorId} role="alert">
          {mistakeAt !== undefined && <Caret position={mistakeAt} scroll={scroll} />}
          <p>
            <strong>{mistake.message}:</strong> {mistake.cure}
          </p>
        </div>
      )}
    </form>
  )
}

const EMPTY_CHOICE: Choice = { value: '', note: '' }

/** Points at the character of the mistake. The line is set in a typeface of one width, so characters can be counted. */
function Caret({ position, scroll }: { readonly position: number; readonly scroll: number }) {
  return (
    <div class="caret" aria-hidden="true">
      <span style={{ marginLeft: `calc(${position}ch - ${scroll}px)` }}>▲</span>
    </div>
  )
}

/** Names come from what the explorer says of itself; values are asked for, a moment after the last key. */
function useChoices(completion: Completion | null): readonly Choice[] {
  const [values, setValues] = useState<{ key: string; choices: readonly Choice[] }>({ key: '', choices: [] })
  const { from, to } = page.value
  const fields = about.value?.fields ?? []
  const field = completion?.kind === 'value' ? completion.field : ''
  const prefix = completion?.prefix ?? ''
  const known = fields.some(({ name, available }) => name === field && available)
  const key = field !== '' && known ? withParameters('/values', { field, prefix, from, to }) : ''

  useEffect(() => {
    if (key === '') return undefined
    const controller = new AbortController()
    const timer = setTimeout(() => {
      getJson<Values>(key, controller.signal)
        .then((answer) =>
          setValues({ key, choices: answer.values.map(({ value, count }) => ({ value, note: compact(count) })) }),
        )
        // Completion is a help: without an answer there is none, and the query itself will say what is wrong.
        .catch(() => {})
    }, 120)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [key])

  if (completion === null) return []
  if (completion.kind === 'value') return values.key === key ? values.choices.slice(0, CHOICES_MAX) : []
  const wanted = prefix.toLowerCase()
  return fields
    .filter(({ name, available }) => available && name.toLowerCase().includes(wanted))
    .sort((a, b) => Number(b.name.startsWith(wanted)) - Number(a.name.startsWith(wanted)))
    .slice(0, CHOICES_MAX)
    .map(({ name, doc }) => ({ value: name, note: doc }))
}
