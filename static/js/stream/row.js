/** What a row of the stream says of an event: the same words that runs/live/rows.py writes into the first page. */

import { offset } from "../words.js"
import { memberTexts, withoutMember } from "./event_text.js"

export const TEXT_CHARACTERS = 120 // of adjacent text chunks that make one row
export const BODY_CHARACTERS = 4096 // what is longer is cut, and shown on demand

/** One row: one event, or adjacent text chunks of one step. */
export class StreamRow {
  constructor(event, startedAt) {
    const { kind, body, isFailed } = event.isChunk ? chunkWords(event) : eventWords(event, startedAt)
    this.first = this.last = event.seq
    this.at = event.at
    this.offset = offset(event.at - startedAt)
    this.step = event.step
    this.kind = kind
    this.body = body
    this.isText = event.isChunk && kind === "text"
    this.isFailed = Boolean(isFailed)
    this.count = 1
  }

  /** Whether a later row is more text of the same step and may be added to this one. */
  takes(row) {
    return (
      this.isText &&
      row.isText &&
      this.step === row.step &&
      this.body.length < TEXT_CHARACTERS &&
      !this.body.endsWith("\n")
    )
  }

  add(row) {
    this.last = row.last
    this.at = row.at
    this.offset = row.offset
    this.body += row.body
    this.count += row.count
  }

  get kindWords() {
    return this.count > 1 ? `${this.kind} ×${this.count}` : this.kind
  }

  get isCut() {
    return this.body.length > BODY_CHARACTERS
  }

  get shownBody() {
    if (!this.isCut) return this.body
    const half = /[\uD800-\uDBFF]/.test(this.body[BODY_CHARACTERS - 1]) // never cut one sign in two
    return this.body.slice(0, BODY_CHARACTERS - half)
  }
}

function chunkWords(event) {
  const text = event.chunkText
  if (text === undefined && event.data.unreadable) return { kind: "unreadable", body: event.data.unreadable }
  if (text === undefined) return { kind: "chunk", body: "A large value, kept apart" }
  if (text.startsWith('"')) return { kind: "text", body: JSON.parse(text) }
  if (text.startsWith("{")) {
    const type = memberTexts(text).get("type")
    if (type?.startsWith('"')) return { kind: JSON.parse(type), body: withoutMember(text, "type") }
  }
  return { kind: "chunk", body: text }
}

function eventWords(event, startedAt) {
  const data = event.data
  if (data.unreadable) return { kind: "unreadable", body: data.unreadable }
  const message = typeof data.error === "string" ? data.error : (data.error?.message ?? "")
  switch (event.type) {
    case "workflow-start":
      return { kind: "run", body: "Run started" }
    case "workflow-resume":
      return { kind: "run", body: "Answered, goes on" }
    case "workflow-restart":
      return { kind: "run", body: "Taken up again" }
    case "workflow-time-travel":
      return { kind: "run", body: `Goes on from ${(data.step ?? ["a step"]).join(".")}` }
    case "workflow-suspended":
      return { kind: "suspended", body: "Waits for an answer" }
    case "workflow-paused":
      return { kind: "paused", body: "Stopped after one step" }
    case "workflow-canceled":
      return { kind: "canceled", body: data.by ? `By ${data.by}` : "" }
    case "workflow-finish":
      return { kind: data.status ?? "end", body: message || "Run ended", isFailed: data.status === "failed" }
    case "workflow-step-start":
      return { kind: "start", body: data.iteration ? `Iteration ${data.iteration}` : "" }
    case "workflow-step-retry":
      return { kind: "retry", body: `Attempt ${data.attempt} failed: ${message}` }
    case "workflow-step-result":
      return { kind: data.status ?? "end", body: message, isFailed: data.status === "failed" }
    case "workflow-step-suspended":
      return { kind: "suspended", body: "" }
    case "workflow-step-waiting":
      return { kind: "waiting", body: data.wakeAt ? `Until ${offset(data.wakeAt - startedAt)}` : "" }
    case "workflow-step-progress":
      return { kind: "items", body: `${data.completedCount} of ${data.totalCount}` }
    default:
      return { kind: event.type, body: "" }
  }
}
