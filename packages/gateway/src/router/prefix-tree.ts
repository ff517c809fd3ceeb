// Hot path.

/** Values under texts; a search visits every value whose text the searched one begins with. */
export interface PrefixTree<T> {
  /** The value of a text; made on first use. */
  at(text: string, create: () => T): T
  /** Visits from the shortest text to the longest. */
  visit(searched: string, visitor: (value: T) => void): void
}

interface Node<T> {
  /** What this node adds to the text of the one above. */
  text: string
  value: T | null
  /** By first character; null: none. */
  children: Map<number, Node<T>> | null
}

export function createPrefixTree<T>(): PrefixTree<T> {
  const root: Node<T> = { text: '', value: null, children: null }
  return {
    at(text, create) {
      const node = nodeOf(root, text)
      return (node.value ??= create())
    },
    visit(searched, visitor) {
      let node: Node<T> | undefined = root
      let position = 0
      while (node !== undefined && searched.startsWith(node.text, position)) {
        position += node.text.length
        if (node.value !== null) visitor(node.value)
        node = node.children?.get(searched.charCodeAt(position))
      }
    },
  }
}

/** Finds the node of a text, or makes it, splitting the one that goes on differently. */
function nodeOf<T>(root: Node<T>, text: string): Node<T> {
  let node = root
  let rest = text
  for (;;) {
    const common = commonLength(node.text, rest)
    if (common < node.text.length) split(node, common)
    rest = rest.slice(common)
    if (rest === '') return node
    const next = node.children?.get(rest.charCodeAt(0))
    if (next === undefined) return addChild(node, { text: rest, value: null, children: null })
    node = next
  }
}

/** Leaves the first characters in the node and moves the others, with all that hangs on it, one level down. */
function split<T>(node: Node<T>, length: number): void {
  const lower = { text: node.text.slice(length), value: node.value, children: node.children }
  node.text = node.text.slice(0, length)
  node.value = null
  node.children = null
  addChild(node, lower)
}

function addChild<T>(node: Node<T>, child: Node<T>): Node<T> {
  node.children ??= new Map()
  node.children.set(child.text.charCodeAt(0), child)
  return child
}

function commonLength(a: string, b: string): number {
  const limit = Math.min(a.length, b.length)
  let i = 0
  while (i < limit && a.charCodeAt(i) === b.charCodeAt(i)) i++
  return i
}
