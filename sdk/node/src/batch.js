// Reads and answers the lines of a batch: many operations in one body, each with a status of its own.
'use strict'

const headers = require('./headers')
const { Malformed } = require('./errors')
const { VERSION_LIMIT } = require('./record')

const FORMS = 'a line must have an id and one of version and ttl, with or without state; end; get; fence'
const readers = { version: readCopy, end: readEnd, get: readGet, fence: readFence }
// JSON.parse makes the same number of 3, 3.0 and 3e0, and only the first is well-formed.
const spelling = Object.fromEntries(
  ['version', 'ttl', 'fence'].map(name => [name, new RegExp(`"${name}"\\s*:\\s*(?:0|[1-9][0-9]*)\\s*[,}]`)])
)

/**
 * One operation for each line that is not empty: {is: 'put' | 'touch' | 'end' | 'get' | 'fence' | 'bad', id, ...}.
 * A fence's `ttl` 0: for as long as the session is kept.
 */
function readLines (body) {
  return body.toString().split('\n').filter(line => line.trim()).map(readLine)
}

function readLine (raw) {
  let line
  try {
    line = JSON.parse(raw)
  } catch {}
  if (typeof line !== 'object' || line === null || Array.isArray(line)) {
    return { is: 'bad', id: null, why: 'a line must be a JSON object' }
  }
  const id = typeof line.id === 'string' ? line.id : null
  try {
    headers.sessionId(id)
    const forms = Object.keys(readers).filter(form => form in line)
    if (forms.length !== 1) throw new Malformed(FORMS)
    return readers[forms[0]](id, line, raw)
  } catch (error) {
    if (error instanceof Malformed) return { is: 'bad', id, why: error.message }
    throw error
  }
}

function readCopy (id, line, raw) {
  const version = integer(line, raw, 'version')
  const ttl = seconds(line, raw)
  if (!('state' in line)) return { is: 'touch', id, version, ttl }
  if (typeof line.state !== 'string') throw new Malformed('state must be base64 with padding')
  return { is: 'put', id, version, ttl, state: headers.unpack(line.state, 'state') }
}

function readEnd (id, line, raw) {
  if (line.end !== true) throw new Malformed('end must be true')
  return { is: 'end', id, ttl: seconds(line, raw) }
}

function readGet (id, line) {
  if (line.get !== true) throw new Malformed('get must be true')
  return { is: 'get', id }
}

function readFence (id, line, raw) {
  const number = integer(line, raw, 'fence')
  return { is: 'fence', id, number, ttl: 'ttl' in line ? seconds(line, raw) : 0 }
}

const seconds = (line, raw) => integer(line, raw, 'ttl', headers.TTL_LIMIT)

function integer (line, raw, name, limit = VERSION_LIMIT) {
  const value = line[name]
  if (!Number.isInteger(value) || value < 1 || value >= limit || !spelling[name].test(raw)) {
    throw new Malformed(`${name} must be an integer from 1 to ${limit - 1}`)
  }
  return value
}

/** An operation's answer as one line. */
function writeLine (id, verdict, error) {
  const line = { id, status: verdict.status }
  if (verdict.version) line.version = verdict.version
  if (verdict.status === 200) {
    line.serving = verdict.serving
    line.state = headers.pack(verdict.state)
  }
  if (error) line.error = error
  return JSON.stringify(line) + '\n'
}

module.exports = { readLines, writeLine }
