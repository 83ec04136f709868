// Holds back the answer to an upgrade, which is written to the socket itself: whoever writes first waits.
'use strict'

const { STATUS_CODES } = require('node:http')

const { warn } = require('./warning')

/** The socket of a request with `Upgrade`, as in `server.on('upgrade', (req, socket, head) => ...)`. */
class Handshake {
  constructor (socket) {
    this._socket = socket
    this._waiting = null // what was written while the head waits; null: nothing has been
    socket.on('error', () => {}) // it closes then; Node.js has no listener there any more, and ended the process
  }

  /** Answer in the app's place, and be done with the connection: {status, headers, body}. */
  reply ({ status, headers, body }) {
    const fields = { ...headers, 'Content-Length': body.length, Connection: 'close' }
    this._release()
    this._socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines(fields)}\r\n`, 'latin1')
    this._socket.end(body)
    this._drop()
  }

  /** As Response.hold; an error is answered 500, since whoever writes here can do nothing about it. */
  hold (settle) {
    const socket = this._socket
    this._own = { write: socket.write, end: socket.end }
    for (const name of ['write', 'end']) {
      socket[name] = (...given) => {
        if (this._waiting) this._waiting.push([name, given])
        else if (given.length) this._begin(settle, name, given)
        else this._own[name].call(socket) // without an answer
        return name === 'end' ? socket : false
      }
    }
  }

  onClose (what) {
    this._socket.once('close', what)
  }

  _begin (settle, name, given) {
    this._waiting = [[name, given]]
    settle((error, answer) => {
      if (error) return this._fail(error, settle)
      const { headers, status } = answer
      if (status) return this.reply({ status, headers, body: Buffer.alloc(0) })
      const [[first, [head, ...more]], ...rest] = this._waiting
      this._release()
      this._socket[first](withHeaders(head, headers), ...more)
      for (const [name, given] of rest) this._socket[name](...given)
    })
  }

  /** Settled again, it saves nothing and says so. */
  _fail (error, settle) {
    warn(error)
    settle((_, { headers }) => this.reply({ status: 500, headers, body: Buffer.alloc(0) }))
  }

  _release () {
    Object.assign(this._socket, this._own)
  }

  /** What the app still writes goes nowhere. */
  _drop () {
    this._socket.write = () => true
    this._socket.end = () => this._socket
  }
}

const lines = headers => Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')

function withHeaders (head, headers) {
  const text = head.toString('latin1')
  const at = text.indexOf('\r\n') + 2
  return Buffer.from(text.slice(0, at) + lines(headers) + text.slice(at), 'latin1')
}

module.exports = { Handshake }
