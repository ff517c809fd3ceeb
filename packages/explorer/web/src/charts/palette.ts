let probe: HTMLElement | null = null

/** What a custom property of the style sheet is in the theme of now, as a canvas wants it. */
export function cssColour(property: string): string {
  if (probe === null) {
    probe = document.createElement('span')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${property})`
  return getComputedStyle(probe).color
}
