/** What a run's page does beside its stream: its clock counts, and its graph shows where the run is. */

import { Clock } from "./clock.js"
import { EndNotice } from "./end_notice.js"

const MARGIN_PX = 80 // of what is looked for to the edge of its frame
const SOUGHT = ".n.is-failed, .n.is-suspended, .n.is-running, .n.is-waiting"

/** Keeps the step that runs, asks or failed in sight, until the reader moves the graph. */
class GraphFollower {
  #frame
  #isLeft = false

  constructor(frame) {
    this.#frame = frame
    const leave = () => {
      this.#isLeft = true
    }
    for (const kind of ["wheel", "pointerdown", "touchstart", "keydown"]) {
      frame.addEventListener(kind, leave, { once: true, passive: true })
    }
  }

  show() {
    const node = this.#frame.querySelector(SOUGHT)
    if (this.#isLeft || !node || this.#frame.scrollWidth <= this.#frame.clientWidth) return
    const place = node.getBoundingClientRect()
    const seen = this.#frame.getBoundingClientRect()
    const beyond = place.right - seen.right + MARGIN_PX
    if (beyond > 0) this.#frame.scrollLeft += beyond
  }
}

new Clock().start()
for (const menu of document.querySelectorAll("[data-end-notice]")) new EndNotice(menu).start()
const followers = [...document.querySelectorAll(".wf-graph-wrap")].map((frame) => new GraphFollower(frame))
const showAll = () => {
  for (const follower of followers) follower.show()
}
showAll()
document.addEventListener("htmx:after:swap", showAll)
