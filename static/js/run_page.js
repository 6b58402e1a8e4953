/** What a run's page does beside its stream: its clock counts, and its graph shows where the run is. */

import { Clock } from "./clock.js"

const MARGIN_PX = 80 // of what is looked for to the edge of its frame

/** A wide graph begins at its left end; the reader looks for the step that runs, asks or failed. */
function showWhereItIs(frame) {
  const node = frame.querySelector(".n.is-failed, .n.is-suspended, .n.is-running, .n.is-waiting")
  if (!node || frame.scrollWidth <= frame.clientWidth) return
  const place = node.getBoundingClientRect()
  const seen = frame.getBoundingClientRect()
  if (place.right > seen.right - MARGIN_PX) frame.scrollLeft += place.right - seen.right + MARGIN_PX
}

new Clock().start()
for (const frame of document.querySelectorAll(".wf-graph-wrap")) showWhereItIs(frame)
