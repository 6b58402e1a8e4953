/** The strip above a stream: how many chunks came when. The part in view is dark. */

import { grouped } from "../words.js"

const BARS = 100
const FIRST_BAR_MS = 10
const BASE = 30 // px from the top, where the bars stand
const HEIGHT = 26

export class StreamDensity {
  #svg
  #startedAt
  #barMs = FIRST_BAR_MS
  #counts = new Array(BARS).fill(0)
  #used = 0
  #bars = []

  constructor(svg, startedAt) {
    this.#svg = svg
    this.#startedAt = startedAt
  }

  clear() {
    this.#counts.fill(0)
    this.#barMs = FIRST_BAR_MS
    this.#used = 0
  }

  add(at) {
    let index = Math.floor(Math.max(0, at - this.#startedAt) / this.#barMs)
    while (index >= BARS) {
      for (let i = 0; i < BARS; i++) this.#counts[i] = (this.#counts[2 * i] ?? 0) + (this.#counts[2 * i + 1] ?? 0)
      this.#barMs *= 2
      this.#used = Math.ceil(this.#used / 2)
      index >>= 1
    }
    this.#counts[index]++
    this.#used = Math.max(this.#used, index + 1)
  }

  /** Draw, with the bars between two times dark. `times`: epoch milliseconds, or null. */
  show(times) {
    const most = Math.max(1, ...this.#counts)
    if (!this.#bars.length) this.#svg.replaceChildren()
    while (this.#bars.length < this.#used) this.#bars.push(this.#bar(this.#bars.length))
    const [from, to] = (times ?? [-1, -1]).map((at) => Math.floor((at - this.#startedAt) / this.#barMs))
    for (let i = 0; i < this.#bars.length; i++) {
      const count = i < this.#used ? this.#counts[i] : 0
      const height = count ? 1 + (count / most) * (HEIGHT - 1) : 0
      this.#bars[i].setAttribute("y", (BASE - height).toFixed(1))
      this.#bars[i].setAttribute("height", height.toFixed(1))
      this.#bars[i].classList.toggle("is-in", i >= from && i <= to)
    }
    this.#svg.setAttribute("aria-label", `Chunks per ${grouped(this.#barMs)} milliseconds`)
  }

  #bar(index) {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect")
    bar.setAttribute("class", "d")
    bar.setAttribute("x", `${index}%`)
    bar.setAttribute("width", "0.68%")
    this.#svg.append(bar)
    return bar
  }
}
