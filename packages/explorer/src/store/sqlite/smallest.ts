/** Keeps the so many smallest of what is added: a heap whose root is the largest of them. */
export class Smallest {
  readonly #size: number
  readonly #compare: (a: number, b: number) => number
  readonly #heap: number[] = []

  constructor(size: number, compare: (a: number, b: number) => number) {
    this.#size = size
    this.#compare = compare
  }

  add(item: number): void {
    const heap = this.#heap
    if (heap.length < this.#size) {
      heap.push(item)
      this.#up(heap.length - 1)
    } else if (this.#compare(item, heap[0] as number) < 0) {
      heap[0] = item
      this.#down(0)
    }
  }

  sorted(): number[] {
    return [...this.#heap].sort(this.#compare)
  }

  #up(start: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#compare(this.#heap[at] as number, this.#heap[parent] as number) <= 0) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #down(start: number): void {
    let at = start
    for (;;) {
      const left = at * 2 + 1
      const right = left + 1
      let largest = at
      if (this.#isLarger(left, largest)) largest = left
      if (this.#isLarger(right, largest)) largest = right
      if (largest === at) return
      this.#swap(at, largest)
      at = largest
    }
  }

  #isLarger(child: number, than: number): boolean {
    const item = this.#heap[child]
    return item !== undefined && this.#compare(item, this.#heap[than] as number) > 0
  }

  #swap(a: number, b: number): void {
    const item = this.#heap[a] as number
    this.#heap[a] = this.#heap[b] as number
    this.#heap[b] = item
  }
}
