/**
 * Events as the server's own text. A line is never parsed to be kept or hashed: JavaScript would round its numbers.
 * The server writes each event on a line of its own, so that a frame is cut at line breaks.
 */

const LINE = /^\{"seq":(\d+),"type":"([^"]+)","at":(\d+),"data":/
const HEAD = '{"events":[\n'
const CHUNKS = new Set(["workflow-step-output", "workflow-step-custom"])

/** Cut a frame, or the answer of a GET, into its lines and what stands around them. */
export function cutFrame(text) {
  if (!text.startsWith(HEAD)) return { lines: [], around: JSON.parse(text) }
  const end = text.lastIndexOf("\n]")
  const inner = text.slice(HEAD.length, end)
  return { lines: inner ? inner.split(",\n") : [], around: JSON.parse(`{"events":[${text.slice(end)}`) }
}

/** One event: its number, type, time in epoch milliseconds, and its text. */
export class RunEvent {
  #memberTexts = null // found once, when they are asked for

  constructor(text) {
    const found = LINE.exec(text)
    if (!found) throw new TypeError(`This is not an event: ${text.slice(0, 80)}`)
    this.text = text
    this.seq = Number(found[1])
    this.type = found[2]
    this.at = Number(found[3])
    this.dataStart = found[0].length
  }

  get isChunk() {
    return CHUNKS.has(this.type)
  }

  /** The data, parsed. For words and small numbers alone; values are shown from the text. */
  get data() {
    return JSON.parse(this.text).data
  }

  get #members() {
    this.#memberTexts ??= memberTexts(this.text, this.dataStart)
    return this.#memberTexts
  }

  /** The path of the step it belongs to; empty for an event of the run itself. */
  get step() {
    const id = this.#members.get("id")
    return id === undefined ? "" : JSON.parse(id)
  }

  /** What a step wrote, as JSON text; undefined when it is so large that the server keeps it apart. */
  get chunkText() {
    return this.#members.get(this.type === "workflow-step-output" ? "output" : "chunk")
  }
}

/** The members of the JSON object that begins at `start`: the text of each value by key, in order. */
export function memberTexts(text, start = 0) {
  const members = new Map()
  for (const [key, , from, to] of spans(text, start)) members.set(key, text.slice(from, to))
  return members
}

/** An object's text without one of its members. */
export function withoutMember(text, key) {
  const all = [...spans(text, 0)]
  const kept = all.filter((span) => span[0] !== key).map(([, keyStart, , to]) => text.slice(keyStart, to))
  return `{${kept.join(",")}}`
}

/** Of each member: its key, where the key begins, where its value begins and ends. */
function* spans(text, start) {
  let at = skipSpace(text, start + 1)
  while (text[at] === '"') {
    const keyStart = at
    const keyEnd = skipString(text, at)
    const from = skipSpace(text, skipSpace(text, keyEnd) + 1) // beyond the colon
    const to = skipValue(text, from)
    yield [JSON.parse(text.slice(keyStart, keyEnd)), keyStart, from, to]
    at = skipSpace(text, to)
    if (text[at] !== ",") return
    at = skipSpace(text, at + 1)
  }
}

function skipSpace(text, at) {
  while (text[at] === " " || text[at] === "\t") at++
  return at
}

function skipString(text, at) {
  for (;;) {
    at = text.indexOf('"', at + 1)
    let slashes = 0
    while (text[at - 1 - slashes] === "\\") slashes++
    if (slashes % 2 === 0) return at + 1
  }
}

function skipValue(text, at) {
  if (text[at] === '"') return skipString(text, at)
  if (text[at] !== "{" && text[at] !== "[") {
    while (at < text.length && !",}] ".includes(text[at])) at++
    return at
  }
  for (let depth = 0; at < text.length; ) {
    const sign = text[at]
    if (sign === '"') {
      at = skipString(text, at)
      continue
    }
    at++
    if (sign === "{" || sign === "[") depth++
    else if ((sign === "}" || sign === "]") && --depth === 0) break
  }
  return at
}
