// Requests that go around the middleware: other listeners of its server, such as socket.io's, and WebSockets.
'use strict'

/**
 * From now on `door` stands before all that the server has, for requests of the proxy: every answer to those must
 * say a version, or the proxy takes the node for one without sessions. As tracing libraries do it: there is no
 * event before 'request' that could hold a request back.
 */
function guard (server, door) {
  const emit = server.emit
  server.emit = function (event, req, ...more) {
    const go = () => emit.call(this, event, req, ...more)
    const comes = event === 'request' || event === 'upgrade'
    if (!comes || !door.expects(req)) return go()
    door.enter(req, event === 'request' ? more[0] : null, go, true)
    return true
  }
}

module.exports = { guard }
