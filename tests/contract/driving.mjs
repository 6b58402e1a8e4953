// Leads the official client through sessions: one a line on standard input, as JSON. For each step that has an outcome
// a line `{label, outcome}` is written, after the last one `{uid, stopped}`. What is expected is not known here.
// BASE_URL and TOKEN name the server; the client is looked for in the current folder.
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

const { MastraClient, RequestContext } = createRequire(`${process.cwd()}/`)('@mastra/client-js')
const { BASE_URL: SERVER, TOKEN } = process.env
const PREFIX = '/api'
const RECORD_END = '\u001e'
const STREAM_MS = 20_000
const POLL_MS = 25
const MARK_GAP_MS = 5 // on both sides, so that nothing falls into a mark's own millisecond
const SESSION_MS = 300_000
const AUTHORIZATION = { Authorization: `Bearer ${TOKEN}` }

/** What stands under a dotted path; undefined where nothing does. */
const dig = (value, path) => (path ? path.split('.').reduce((part, key) => part?.[key], value) : value)

/** An Error with all that it tells but its stack; JSON would keep nothing of it, or what its own `toJSON` picks. */
function withErrors(key, converted) {
  const value = this[key]
  if (!(value instanceof Error)) return converted
  const { stack, toJSON, ...own } = value
  return { $error: { ...own, name: value.name, message: value.message, cause: value.cause } }
}

const asJson = (value) => JSON.parse(JSON.stringify(value, withErrors))

const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** Whether an outcome is what an `eventually` waits for. */
function isAwaited(outcome, check) {
  const found = dig(outcome.result ?? outcome.body ?? outcome, check.path)
  if ('in' in check) return check.in.includes(found)
  if ('equals' in check) return JSON.stringify(found) === JSON.stringify(check.equals)
  return 'min' in check ? found >= check.min : found != null
}

/** The records of a stream until it ends, or until the step has enough of it and drops the connection. */
async function collected(stream, { take = Infinity, maxMs = STREAM_MS, early }) {
  const reader = stream.getReader()
  const late = pause(maxMs, { late: true }, { ref: false })
  const [records, arrivals] = [[], []]
  let ended = false
  while (!ended && records.length < take) {
    const news = await Promise.race([reader.read(), late])
    if (news.late) break
    if (news.done) {
      ended = true
    } else {
      arrivals.push(Date.now())
      records.push(news.value)
    }
  }
  const stopped = Date.now()
  if (!ended) await reader.cancel().catch(() => {})
  return { records, ended, ...(early && { early: stopped - (arrivals[early.record] ?? stopped) >= early.ms }) }
}

/** What of an answer to a plain request is told; `wire` asks for a stream's records and their separators. */
async function read(answer, { wire, statusOnly }) {
  const text = await answer.text()
  const status = answer.status
  const head = { status, contentType: (answer.headers.get('content-type') ?? '').split(';')[0] }
  if (wire) {
    const parts = text.split(RECORD_END)
    const records = parts.filter(Boolean).map((part) => JSON.parse(part))
    return { ...head, records, endsWithSeparator: text.endsWith(RECORD_END), separators: parts.length - 1 }
  }
  try {
    return { ...head, body: JSON.parse(text) }
  } catch {
    return statusOnly || status === 404 || status === 405 ? { status } : { ...head, text }
  }
}

/** One session: its clients, its runs, and what its steps have kept for later ones. */
class Session {
  uid = randomBytes(4).toString('hex')
  isOver = false // from then on its lanes may still be at work, but nobody listens
  #options
  #clients = {}
  #runs = {}
  #kept = {}
  #marks = {}
  #references = {
    $run: (name) => this.#runs[name].runId,
    $from: (path) => dig(this.#kept, path),
    $date: (fromNowMs) => new Date(Date.now() + fromNowMs),
    $mark: (name, { plus = 0 }) => new Date(this.#marks[name] + plus),
    $requestContext: (values) => new RequestContext(Object.entries(this.#filled(values))),
    $repeat: ([text, times]) => String(text).repeat(times),
  }
  #targets = {
    client: (step) => this.#client(step),
    observability: (step) => this.#client(step).observability,
    workflow: (step) => this.#client(step).getWorkflow(this.#filled(step.workflow)),
    dynamic: (step) => this.#client(step).getDynamicWorkflow(this.#filled(step.id)),
    run: ({ run }) => (typeof run === 'string' ? this.#runs[run] : this.#detachedRun(this.#filled(run))),
  }

  constructor(clientOptions) {
    this.#options = clientOptions
  }

  async follow(steps) {
    for (const step of steps) await this.#take(step)
  }

  async #take(step) {
    if (step.together) return Promise.all(step.together.map((lane) => this.follow(lane)))
    if (step.call === 'wait') return pause(step.ms)
    const outcome = await this.#awaited(step)
    if (step.mark) {
      await pause(MARK_GAP_MS)
      this.#marks[step.mark] = Date.now()
      await pause(MARK_GAP_MS)
    }
    if (step.save) this.#kept[step.save] = outcome.result ?? outcome.body ?? outcome
    if (!this.isOver) report({ label: step.label, outcome })
  }

  /** The outcome of a step; with `eventually`, of its first call that gives what is awaited, or of the last one. */
  async #awaited(step) {
    const { ms = 0, check = [] } = step.eventually ?? {}
    const deadline = Date.now() + ms
    for (;;) {
      const outcome = asJson(await this.#outcome(step))
      const done = !outcome.error && [check].flat().every((each) => isAwaited(outcome, each))
      if (!step.eventually || done || Date.now() > deadline) return outcome
      await pause(POLL_MS)
    }
  }

  async #outcome(step) {
    const given = this.#filled(step.args ?? [])
    try {
      return step.call === 'fetch' ? await read(await this.#request(step), step) : await this.#call(step, given)
    } catch ({ name, message, status, body }) {
      return { error: name === 'MastraClientError' ? { name, status, body: body ?? null } : { name, message } }
    }
  }

  async #call(step, given) {
    const [kind, method] = step.call.split('.')
    const target = await this.#targets[kind](step)
    const result = await target[method](...given)
    if (kind === 'run' && result instanceof ReadableStream) return collected(result, step)
    if (step.call !== 'workflow.createRun') return { result }
    if (step.as) this.#runs[step.as] = result
    return { result: { runId: result.runId } }
  }

  #request({ method = 'GET', path, query, headers, body, text, noAuth, noContentType }) {
    const search = query ? `?${new URLSearchParams(this.#filled(query))}` : ''
    const sent = this.#filled(text) ?? JSON.stringify(this.#filled(body))
    const typed = sent !== undefined && !noContentType
    return fetch(SERVER + PREFIX + this.#filled(path) + search, {
      method,
      body: sent,
      headers: {
        ...(noAuth ? {} : AUTHORIZATION),
        ...(typed ? { 'content-type': 'application/json' } : {}),
        ...this.#filled(headers),
      },
    })
  }

  #client({ client: name = 'A' }) {
    return (this.#clients[name] ??= this.#newClient(this.#options))
  }

  #newClient(more) {
    return new MastraClient({ baseUrl: SERVER, apiPrefix: PREFIX, retries: 0, headers: AUTHORIZATION, ...more })
  }

  /** A Run that no server has been asked for: the answer to its first request, which makes it, is given here. */
  #detachedRun({ workflow, runId }) {
    const answers = [Response.json({ runId })]
    const client = this.#newClient({ fetch: async (...request) => answers.pop() ?? fetch(...request) })
    return client.getWorkflow(workflow).createRun()
  }

  /** A value of a session with its references resolved, and `{uid}` in each text. */
  #filled(value) {
    if (typeof value === 'string') return value.replaceAll('{uid}', this.uid)
    if (Array.isArray(value)) return value.map((item) => this.#filled(item))
    if (value === null || typeof value !== 'object') return value
    const reference = Object.keys(this.#references).find((name) => name in value)
    if (reference) return this.#references[reference](value[reference], value)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#filled(item)]))
  }
}

/** Follow the steps to their end, and tell why that was not reached; null if it was. */
async function played(session, steps) {
  const end = session.follow(steps).then(() => null, (error) => error.message)
  const stopped = await Promise.race([end, pause(SESSION_MS, `no end after ${SESSION_MS / 1000} s`, { ref: false })])
  session.isOver = true
  return stopped
}

console.log = console.info = console.debug = console.error // standard output carries the outcomes alone

for await (const line of createInterface({ input: process.stdin })) {
  const { steps, clientOptions } = JSON.parse(line)
  const session = new Session(clientOptions)
  const stopped = await played(session, steps)
  report({ uid: session.uid, stopped })
}
