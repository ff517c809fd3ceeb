import { useState } from 'preact/hooks'
import { announce } from './announce.tsx'
import { Icon } from './icons.tsx'

/** Copies a text, and says whether it could. Pages that are not served from a secure origin have no clipboard. */
export async function copyText(text: string): Promise<boolean> {
  const copied = await toClipboard(text).catch(() => copySelected(text))
  announce(copied ? 'Copied' : 'The browser does not let this page copy')
  return copied
}

async function toClipboard(text: string): Promise<boolean> {
  await navigator.clipboard.writeText(text)
  return true
}

function copySelected(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'visually-hidden'
  document.body.append(area)
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  return copied
}

export function CopyButton({
  text,
  label,
  withText = false,
}: {
  readonly text: string | (() => string)
  readonly label: string
  readonly withText?: boolean
}) {
  const [copied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    if (!(await copyText(typeof text === 'string' ? text : text()))) return
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  return (
    <button
      type="button"
      class={withText ? 'button small' : 'icon-button'}
      aria-label={withText ? undefined : label}
      title={withText ? undefined : label}
      onClick={() => void copy()}
    >
      <Icon name={copied ? 'check' : 'copy'} />
      {withText && <span>{copied ? 'Copied' : label}</span>}
    </button>
  )
}

/** A command to run, with a button that copies it. */
export function Command({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div class="command">
      <code tabIndex={0} role="region" aria-label={label}>
        {text}
      </code>
      <CopyButton text={text} label={`Copy: ${label}`} />
    </div>
  )
}
