// Types of limpet-session. Say what your session holds as with express-session:
//   declare module 'limpet-session' { interface SessionData { user: string } }
import type { IncomingMessage, ServerResponse } from 'node:http'

declare function limpetSession (options: limpetSession.Options): limpetSession.Middleware

declare namespace limpetSession {
  /** What the session holds: yours to extend. */
  interface SessionData {}

  interface Options {
    /** The proxy's `node_keys`; all are accepted, so that they can be changed without a gap. */
    keys: string[]
    /** Where the proxy finds the node's endpoint: `/.limpet/sessions`. */
    path?: string
    /** Bytes of state, 1 MiB. */
    maxState?: number
    /** How long requests under way may hold up a session's move to another node: 0.5. */
    fenceSeconds?: number
    /** JSON, unless said otherwise. `node:v8` is one, too. */
    serializer?: Serializer
    /** For tests: seconds that never go back. */
    clock?: () => number
    /** For tests: an id of 16 random bytes as base64url. */
    newId?: () => string
  }

  /** A format of states. Equal data should give equal bytes: what differs is copied anew. */
  interface Serializer {
    serialize (data: object): string | Uint8Array
    deserialize (state: Buffer): unknown
  }

  interface Middleware {
    (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void
    /** What has happened to saves, since the start. */
    readonly counters: Readonly<Counters>
  }

  interface Counters {
    saved: number
    unchanged: number
    renewed: number
    discarded: number
  }

  type Callback = (error?: Error) => void

  /** `req.session`, as express-session has it. */
  class Session {
    /** A new one after `regenerate`. */
    readonly id: string
    /** What express-session tells; it is the proxy's, and refuses to be set. */
    readonly cookie: Readonly<Cookie>
    touch (): this
    resetMaxAge (): this
    save (done?: Callback): this
    reload (done: Callback): this
    regenerate (done: Callback): this
    destroy (done?: Callback): this
  }

  interface Cookie {
    path: string
    httpOnly: boolean
    sameSite: 'lax'
    originalMaxAge: null
    maxAge: null
    expires: null
  }

  /** The app asked something of its session that cannot be done; nothing has changed. */
  class SessionError extends Error {}
  /** The state is above the limit. */
  class SessionTooLarge extends SessionError {}
  /** The response head has gone out. */
  class SessionClosed extends SessionError {}
  /** The session has ended or moved to another node meanwhile. */
  class SessionGone extends SessionError {}
  /** The session's version has reached its end, 2^53. */
  class SessionExhausted extends SessionError {}
}

declare global {
  namespace Express {
    interface Request {
      session: limpetSession.Session & Partial<limpetSession.SessionData>
      sessionID: string
      /** The version that should have been found, where only an older state was; 0 as a rule. */
      sessionStale: number
    }
  }
}

export = limpetSession
