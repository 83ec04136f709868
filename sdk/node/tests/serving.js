// Apps on real sockets, asked as the proxy would ask them.
'use strict'

const http = require('node:http')
const { once } = require('node:events')

const KEY = 'a-shared-secret'
const TTL = 60
const TAKEOVER = 2 ** 32 // the first number that a proxy can come to
const [A, B, C] = ['a', 'b', 'c'].map(letter => letter.repeat(21) + 'A')

/** Serves `app`, a request listener, until the test `t` is over. */
async function serving (t, app) {
  const server = http.createServer(app)
  const sockets = new Set() // upgraded ones too, which a server knows nothing of any more
  server.on('connection', socket => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return Object.assign(new At(server.address().port), { server })
}

class At {
  /** `session`: that of requests and calls which name no other. */
  constructor (port, session = A) {
    this.port = port
    this.session = session
  }

  /** What the proxy says with a request, unless `more` says otherwise. */
  fields (more) {
    return { key: KEY, session: this.session, version: 0, ttl: TTL, ...more }
  }

  /** A request: {version: 3} is `Limpet-Version: 3`. */
  ask (path, fields = {}, method = 'POST') {
    return this.send(method, path, this.fields(fields))
  }

  /** A call of the endpoint. */
  call (method, path, fields = {}, body) {
    return this.send(method, `/.limpet/sessions${path}`, { key: KEY, ...fields }, body)
  }

  /** What the node holds: [version, session]. */
  async held (id = this.session) {
    const reply = await this.call('GET', `/${id}`)
    return [Number(reply.headers['limpet-version']), JSON.parse(reply.text || '{}')]
  }

  async send (method, path, fields, body) {
    const request = this.open(method, path, fields)
    request.end(body)
    return request.reply()
  }

  /** A request whose head has been written; `reply()` waits for the whole answer. */
  open (method, path, fields = {}, more = {}) {
    const headers = { ...more }
    for (const [name, value] of Object.entries(fields)) headers[`Limpet-${name}`] = String(value)
    const request = http.request({ port: this.port, host: '127.0.0.1', method, path, headers, agent: false })
    const answered = once(request, 'response')
    answered.catch(() => {})
    request.reply = async () => {
      const [response] = await answered
      let text = ''
      for await (const part of response) text += part
      return { status: response.statusCode, headers: response.headers, raw: response.rawHeaders, text }
    }
    return request
  }
}

/** What `process.emitWarning` is told while the test runs. */
function warnings (t) {
  const said = []
  t.mock.method(process, 'emitWarning', what => said.push(what))
  return said
}

/** Resolves when `condition` holds; fails after twenty. */
async function until (condition, what) {
  const end = Date.now() + 20000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`after twenty seconds still not so: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** A promise, and who resolves it. */
function gate () {
  let open
  const opened = new Promise(resolve => { open = resolve })
  return { open, opened }
}

module.exports = { At, KEY, TTL, TAKEOVER, A, B, C, serving, warnings, until, gate }
