// A node that somebody made from docs/contract.md alone: no SDK, nothing but Node.js. Prints its port.
// An app that answers in one go has no requests side by side, so what the page says of those is not needed here.
import http from "node:http";
import { randomBytes, timingSafeEqual } from "node:crypto";

const KEYS = process.argv.slice(2).map((key) => Buffer.from(key));
const MOST = 1 << 20, IN_HEADER = 4096, PATH = "/.limpet/sessions";
const sessions = new Map();
const now = () => Date.now() / 1000;

class Bad extends Error {}
const check = (good, what) => { if (!good) throw new Bad(what); };

function number(text, least, what) {
  check(/^(0|[1-9]\d{0,15})$/.test(text ?? "") && +text >= least && Number.isSafeInteger(+text), what);
  return +text;
}
function whole(value, what) {
  check(Number.isSafeInteger(value) && value >= 1, `${what} must be an integer from 1 to 2^53-1`);
  return value;
}
function idOf(text) {
  check(typeof text === "string" && /^[\w-]{21}[AQgw]$/.test(text), "the id must be 16 bytes as base64url");
  return text;
}
function unpack(text) {
  const state = typeof text === "string" ? Buffer.from(text, "base64") : null;
  check(state && state.toString("base64") === text, "the state must be base64 with padding");
  return state;
}
function trusted(key) {
  const given = Buffer.from(key ?? "");
  return KEYS.some((known) => known.length === given.length && timingSafeEqual(known, given));
}

// What is known of a session; an empty one where nothing is.
function find(id) {
  const held = sessions.get(id);
  if (held && held.expires > now()) return held;
  sessions.delete(id);
  return { version: 0, state: Buffer.alloc(0), serving: false, fence: 0, ended: false, expires: 0, ttl: 1 };
}
function keep(id, held, ttl, change) {
  sessions.set(id, { ...held, ...change, ttl, expires: Math.max(held.expires, now() + ttl) });
}
const mark = (held) => Math.max(held.version, held.fence);

// The endpoint. Each answers {status, version, state, serving}.
function get(id) {
  const held = find(id);
  if (held.ended) return { status: 410 };
  return held.version ? { status: 200, version: held.version, state: held.state, serving: held.serving } : { status: 404 };
}
function put(id, version, state, ttl) {
  const held = find(id);
  if (held.ended) return { status: 410 };
  if (state.length > MOST) return { status: 413 };
  const other = version === held.version && !state.equals(held.state);
  if (version < mark(held) || other) return { status: 409, version: mark(held) };
  keep(id, held, ttl, { version, state, serving: false });
  return { status: 204 };
}
function end(id, ttl) {
  keep(id, find(id), ttl, { ended: true, serving: false, state: Buffer.alloc(0) });
  return { status: 204 };
}
function fence(id, n, ttl) {
  const held = find(id);
  if (held.ended) return { status: 410 };
  if (n <= mark(held)) return { status: 409, version: mark(held) };
  keep(id, held, ttl ?? (held.version ? held.ttl : 86400), { fence: n, serving: false });
  return get(id);
}
function touch(id, version, ttl) {
  const held = find(id);
  if (held.ended) return { status: 410 };
  if (held.version < version) return held.version ? { status: 404, version: held.version } : { status: 404 };
  keep(id, held, ttl, {});
  return { status: 204, version: held.version };
}
function line(text) {
  let id = null;
  try {
    const told = JSON.parse(text);
    id = idOf(told?.id);
    const answer = told.get === true ? get(id)
      : told.end === true ? end(id, whole(told.ttl, "ttl"))
      : "fence" in told ? fence(id, whole(told.fence, "fence"), "ttl" in told ? whole(told.ttl, "ttl") : undefined)
      : "state" in told ? put(id, whole(told.version, "version"), unpack(told.state), whole(told.ttl, "ttl"))
      : touch(id, whole(told.version, "version"), whole(told.ttl, "ttl"));
    return { id, ...answer, ...(answer.state && { state: answer.state.toString("base64") }) };
  } catch (error) {
    return { id, status: 400, error: error instanceof Bad ? error.message : "a line must be a JSON object" };
  }
}
function list(query) {
  const limit = Math.min(1000, number(query.get("limit") ?? "1000", 1, "limit"));
  const ids = [...sessions.keys()].filter((id) => id > (query.get("after") ?? "") && (find(id).version || find(id).ended));
  return ids.sort().slice(0, limit).map((id) => {
    const { version, serving, ended, expires } = find(id);
    return { id, version, ttl: Math.ceil(expires - now()), serving, ended };
  });
}
const lines = (objects) => ({ status: 200, state: Buffer.from(objects.map((each) => JSON.stringify(each) + "\n").join("")) });

function endpoint(method, url, ours, body) {
  if (!trusted(ours("key"))) return { status: 403 };
  const rest = url.pathname.slice(PATH.length);
  if (rest === "" || rest === "/") {
    if (method === "GET") return lines(list(url.searchParams));
    if (method === "POST") return lines(body.toString().split("\n").filter((text) => text.trim()).map(line));
    return { status: 405 };
  }
  const [, name, word] = rest.split("/"), id = idOf(name);
  const version = () => number(ours("version"), 1, "Limpet-Version"), ttl = () => number(ours("ttl"), 1, "Limpet-TTL");
  if (method === "GET" || method === "HEAD") return get(id);
  if (method === "PUT") return put(id, version(), body, ttl());
  if (method === "DELETE") return end(id, ttl());
  if (method !== "POST" || word !== "fence") return { status: 405 };
  return fence(id, number(ours("fence"), 1, "Limpet-Fence"), ours("ttl") === undefined ? undefined : ttl());
}

// A request for the app: whether it is let in, and then its answer.
function serve(method, path, ours) {
  if (!trusted(ours("key")) || ours("session") === undefined) return { status: 200, body: app(method, path, {}, {}) };
  const id = idOf(ours("session")), asked = number(ours("version"), 0, "Limpet-Version");
  const ttl = number(ours("ttl"), 1, "Limpet-TTL");
  const takeover = ours("takeover") === undefined ? 0 : number(ours("takeover"), 1, "Limpet-Takeover");
  const handed = ours("state") === undefined ? null : unpack(ours("state")), held = find(id);
  if (held.ended) return { status: 409, "Limpet-Need": "id", "Limpet-Version": mark(held) };
  let { version, state, serving } = held;
  if (handed && (asked > version || (asked === version && !handed.equals(state))))
    [version, state, serving] = [asked, handed, asked >= held.fence];
  if (takeover) {
    serving = takeover >= held.fence && takeover > version && version >= asked;
    version = takeover;
  } else if (!mark(held) && !asked && !handed) [version, serving] = [1, true];
  if (!serving || version < asked) return { status: 409, "Limpet-Need": "state", "Limpet-Version": mark(held) };
  keep(id, held, ttl, { version, state, serving });

  const wishes = {}, before = state.length ? JSON.parse(state) : {}, after = structuredClone(before);
  const body = app(method, path, after, wishes);
  if (wishes.end) {
    end(id, ttl);
    return { status: 200, "Limpet-Version": version, "Limpet-End": "1", body };
  }
  const told = { status: 200, body };
  if (wishes.renew || JSON.stringify(after) !== JSON.stringify(before))
    [version, state] = [version + 1, Buffer.from(JSON.stringify(after))];
  if (wishes.renew) {
    told["Limpet-Renew"] = randomBytes(16).toString("base64url");
    end(id, ttl);
    keep(told["Limpet-Renew"], find(told["Limpet-Renew"]), ttl, { version, state, serving });
  } else keep(id, find(id), ttl, { version, state });
  if (version > asked && version > 1 && state.length <= IN_HEADER) told["Limpet-State"] = state.toString("base64");
  return { ...told, "Limpet-Version": version };
}

function app(method, path, session, wishes) {
  if (path === "/add") session.count = (session.count ?? 0) + 1;
  if (path === "/large") session.large = "x".repeat(5000);
  if (path === "/end") wishes.end = true;
  if (path === "/renew") wishes.renew = true;
  return JSON.stringify(session.count ?? 0);
}

const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const url = new URL(request.url, "http://node"), ours = (name) => request.headers[`limpet-${name}`];
  const internal = url.pathname === PATH || url.pathname.startsWith(PATH + "/");
  let answer;
  try {
    answer = internal ? endpoint(request.method, url, ours, Buffer.concat(parts)) : serve(request.method, url.pathname, ours);
  } catch (error) {
    if (!(error instanceof Bad)) throw error;
    answer = { status: 400, body: error.message, ...(!internal && { "Limpet-Version": 0 }) };
  }
  const { status, version, state, serving, body, ...fields } = answer;
  if (version !== undefined) fields["Limpet-Version"] = version;
  if (serving) fields["Limpet-Serving"] = "1";
  response.writeHead(status, fields).end(state ?? body);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
