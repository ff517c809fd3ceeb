/** Colours that can be told apart in grey and by most eyes; every one is also said in words. */
export const COLOURS = {
  ink: '#1f2933',
  faint: '#616e7c',
  track: '#eef1f4',
  grid: '#d5dbe1',
  ours: '#2563a8',
  peer: '#a9b4bf',
  good: '#2f7d4f',
  fair: '#a86d0a',
  doubt: '#7a5195',
  bad: '#b83a3a',
} as const

export interface TextStyle {
  readonly size?: number
  readonly colour?: string
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly bold?: boolean
}

export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 13, colour = COLOURS.ink, anchor = 'start', bold = false } = style
  const weight = bold ? ' font-weight="600"' : ''
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${colour}" text-anchor="${anchor}"${weight}>${escape(content)}</text>`
}

export function rect(x: number, y: number, width: number, height: number, colour: string): string {
  const size = `width="${round(Math.max(0, width))}" height="${round(height)}"`
  return `<rect x="${round(x)}" y="${round(y)}" ${size} rx="2" fill="${colour}"/>`
}

export function line(
  from: readonly [number, number],
  to: readonly [number, number],
  colour: string,
  width = 1.5,
): string {
  const [x1, y1, x2, y2] = [...from, ...to].map(round)
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="${width}"/>`
}

/** From the lowest to the highest value, with a stroke at each end. */
export function whisker(from: number, to: number, y: number): string {
  const stroke = (x: number): string => line([x, y - 4], [x, y + 4], COLOURS.ink)
  return line([from, y], [to, y], COLOURS.ink) + stroke(from) + stroke(to)
}

export function document(width: number, height: number, title: string, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...content,
    '</svg>',
    '',
  ].join('\n')
}

const round = (value: number): number => Math.round(value * 10) / 10

const escape = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
