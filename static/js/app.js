/** Wires the page: each behaviour is a module of its own, found by the data attributes that it names. */

import { startCopyButtons } from "./copy_button.js"
import { startHotkeys } from "./hotkeys.js"
import { startMenus } from "./menus.js"
import { startPolling } from "./polling.js"
import { startLiveRuns } from "./stream/live_run.js"
import { startTimes } from "./times.js"

/** Start what stands in this part of the page; again for what htmx swaps in. */
function wire(root) {
  startLiveRuns(root)
}

startCopyButtons(document)
startHotkeys(document)
startMenus(document)
startPolling(document)
startTimes(document)
wire(document)
document.addEventListener("htmx:after:swap", (event) => wire(event.target instanceof Element ? event.target : document))
