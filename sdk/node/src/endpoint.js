// The node's endpoint: what the proxy reads, copies, ends and fences, without any I/O.
'use strict'

const batch = require('./batch')
const headers = require('./headers')
const rules = require('./rules')
const { Malformed } = require('./errors')
const { mark } = require('./record')

const PATH = '/.limpet/sessions'
const PAGE = 1000 // lines of a list, at most
const FENCE_TTL = 86400 // seconds; for a fence of which nobody said how long it is to be remembered
const NDJSON = { 'Content-Type': 'application/x-ndjson' }
const BYTES = { 'Content-Type': 'application/octet-stream' }
const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }

/** How large a call's body may be: a batch is at most 64 KiB or one state, which base64 makes a third larger. */
const maxBody = maxState => Math.max(1 << 17, 2 * maxState)

/** Answers calls for a node. Whether the key is right is asked before. */
class Endpoint {
  /** `clock`: seconds; `maxState`: bytes. */
  constructor (storage, clock, maxState) {
    this._storage = storage
    this._clock = clock
    this._maxState = maxState
  }

  /**
   * Understand a call: {fences, run}, the ids of the sessions that it fences, and what does it and returns the
   * reply, {status, headers, body}. Requests of those sessions may send their heads before `run` is called.
   * `call`: {method, path, query, fields, body}, the path being what follows the endpoint's own. What is
   * malformed, or not there, is a plan too.
   */
  plan (call) {
    try {
      if (call.path === '' || call.path === '/') return this._ofAll(call)
      const [, id, verb, ...more] = call.path.split('/')
      if (more.length || (verb !== undefined && verb !== 'fence')) {
        return planned(say(404, 'there is /, /{id} and /{id}/fence'))
      }
      return verb ? this._fence(call, id) : this._ofOne(call, id)
    } catch (error) {
      if (error instanceof Malformed) return planned(say(400, error.message))
      throw error
    }
  }

  _ofAll ({ method, query, body }) {
    if (method === 'GET' || method === 'HEAD') {
      const { after, limit } = headers.readPage(query, PAGE)
      return { fences: new Set(), run: () => this._list(after, limit) }
    }
    if (method !== 'POST') return planned(say(405, 'use GET or POST', { Allow: 'GET, HEAD, POST' }))
    const lines = batch.readLines(body)
    const fences = lines.filter(line => line.is === 'fence' && this._fits(line))
    return { fences: new Set(fences.map(line => line.id)), run: () => this._batch(lines) }
  }

  _ofOne (call, id) {
    const operation = readOne(call, headers.sessionId(id))
    if (!operation) {
      return planned(say(405, 'use GET, PUT or DELETE', { Allow: 'GET, HEAD, PUT, DELETE' }))
    }
    return { fences: new Set(), run: () => reply(this._do(operation)) }
  }

  _fence ({ method, fields }, id) {
    if (method !== 'POST') return planned(say(405, 'use POST', { Allow: 'POST' }))
    const number = headers.number(fields['limpet-fence'], 'Limpet-Fence', 1)
    const ttl = 'limpet-ttl' in fields ? headers.ttl(fields['limpet-ttl']) : 0
    const operation = { is: 'fence', id: headers.sessionId(id), number, ttl }
    const fences = new Set(this._fits(operation) ? [id] : [])
    return { fences, run: () => reply(this._do(operation)) }
  }

  _do (operation) {
    const now = this._clock()
    if (operation.is === 'get') return rules.get(this._storage.find(operation.id, now))
    if (operation.is === 'put' && operation.state.length > this._maxState) return rules.verdict(413)
    return this._storage.change(operation.id, now, record => apply(operation, record, now))
  }

  /** Whether the fence will be taken: nobody has to wait for one that will not. */
  _fits ({ id, number }) {
    const held = this._storage.find(id, this._clock())
    return !held || !(held.ended || number <= mark(held))
  }

  _list (after, limit) {
    const now = this._clock()
    const lines = this._storage.page(after, limit, now).map(([id, record]) => listed(id, record, now))
    const told = { ...NDJSON, 'Limpet-Node': this._storage.name }
    return { status: 200, headers: told, body: Buffer.from(lines.join('')) }
  }

  _batch (lines) {
    const most = maxBody(this._maxState)
    let answer = ''
    for (const line of lines) {
      if (line.is === 'bad') {
        answer += batch.writeLine(line.id, rules.verdict(400), line.why)
      } else if (answer.length > most && (line.is === 'get' || line.is === 'fence')) {
        answer += batch.writeLine(line.id, rules.verdict(413), 'the answer is too large: ask again')
      } else {
        answer += batch.writeLine(line.id, this._do(line))
      }
    }
    return { status: 200, headers: NDJSON, body: Buffer.from(answer) }
  }
}

function readOne ({ method, fields, body }, id) {
  if (method === 'GET' || method === 'HEAD') return { is: 'get', id }
  if (method === 'DELETE') return { is: 'end', id, ttl: headers.ttl(fields['limpet-ttl']) }
  if (method !== 'PUT') return null
  const version = headers.number(fields['limpet-version'], 'Limpet-Version', 1)
  return { is: 'put', id, version, state: body, ttl: headers.ttl(fields['limpet-ttl']) }
}

/** The rule of an operation that changes something. */
function apply (operation, record, now) {
  const { version, state, ttl, number } = operation
  switch (operation.is) {
    case 'put': return rules.put(record, version, state, ttl, now)
    case 'touch': return rules.touch(record, version, ttl, now)
    case 'end': return [rules.end(record, ttl, now), rules.verdict(204)]
    default: return rules.fence(record, number, ttl || (record ? record.ttl : FENCE_TTL), now)
  }
}

function reply ({ status, version, state, serving }) {
  const told = version ? { 'Limpet-Version': String(version) } : {}
  if (status !== 200) return { status, headers: told, body: Buffer.alloc(0) }
  if (serving) told['Limpet-Serving'] = '1'
  return { status, headers: { ...BYTES, ...told }, body: state }
}

function listed (id, { version, since, ended, expires }, now) {
  return JSON.stringify({ id, version, ttl: Math.ceil(expires - now), serving: since > 0, ended }) + '\n'
}

const planned = answer => ({ fences: new Set(), run: () => answer })

/** An answer for whoever reads the logs. */
function say (status, what, more = {}) {
  return { status, headers: { ...TEXT, ...more }, body: Buffer.from(what + '\n') }
}

module.exports = { PATH, Endpoint, maxBody, say }
