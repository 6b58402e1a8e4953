/** When a stream is drawn: with the next frame, but so rarely that events are received at the speed they are sent. */

const HIDDEN_MS = 500 // between two drawings of a page that is not visible
const REST_FACTOR = 10 // pause after a drawing, in times of its own duration

export class DrawSchedule {
  #draw
  #afterPaint
  #isScheduled = false
  #restUntilMs = 0

  constructor(draw, afterPaint) {
    this.#draw = draw
    this.#afterPaint = afterPaint
  }

  request() {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const restMs = this.#restUntilMs - performance.now()
    if (document.visibilityState !== "visible") setTimeout(this.#run, HIDDEN_MS)
    else if (restMs > 0) setTimeout(() => requestAnimationFrame(this.#run), restMs)
    else requestAnimationFrame(this.#run)
  }

  #run = () => {
    const startedMs = performance.now()
    this.#isScheduled = false
    this.#draw()
    // This timer fires after the browser's own part of the work: style, layout and paint.
    setTimeout(() => {
      this.#restUntilMs = performance.now() + REST_FACTOR * (performance.now() - startedMs)
      this.#afterPaint()
    })
  }
}
