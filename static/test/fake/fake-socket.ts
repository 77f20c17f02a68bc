// The service's end of the live stream, in memory.

import type { ClientMessage, ServerMessage } from '../../src/live/message';
import type { Connect, Connection, ConnectionEvents, LiveDeps } from '../../src/live/transport';
import type { FakeClock } from './fake-clock';
import type { FakeTable } from './fake-run';

/** One connection as the service sees it. */
export class FakeConnection implements Connection {
  readonly url: string;
  readonly events: ConnectionEvents;
  readonly said: ClientMessage[] = [];
  isClosed = false;

  constructor(url: string, events: ConnectionEvents) {
    this.url = url;
    this.events = events;
  }

  send(json: string): void {
    if (!this.isClosed) this.said.push(JSON.parse(json) as ClientMessage);
  }

  close(): void {
    this.isClosed = true;
  }

  /** The service says something; a client that has closed may still get what was under way. */
  say(message: ServerMessage): void {
    this.events.text(JSON.stringify(message));
  }

  hello(heartbeatMs = 10_000): void {
    this.say({ type: 'hello', version: 1, heartbeat_ns: heartbeatMs * 1e6 });
  }

  /** The network cuts it off. */
  cut(reason = 'cut'): void {
    this.isClosed = true;
    this.events.closed(reason);
  }
}

/** A world in which nothing happens unless the test says so. */
export class FakeNetwork {
  readonly sockets: FakeConnection[] = [];
  readonly streams: FakeConnection[] = [];
  readonly clock: FakeClock;
  random = 0.5;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  get deps(): LiveDeps {
    return {
      url: 'http://host/api/v1',
      socket: this.#into(this.sockets),
      events: this.#into(this.streams),
      clock: this.clock,
      random: () => this.random,
    };
  }

  get socket(): FakeConnection {
    return this.sockets.at(-1)!;
  }

  #into(all: FakeConnection[]): Connect {
    return (url, events) => {
      const connection = new FakeConnection(url, events);
      all.push(connection);
      return connection;
    };
  }
}

/** Serves one run over a connection, as the service does: what it was asked for, and then what changes. */
export class FakeService {
  readonly connection: FakeConnection;
  readonly #table: FakeTable;
  readonly #incarnation: string;
  readonly #positions = new Map<number, number>();
  #answered = 0;

  constructor(connection: FakeConnection, table: FakeTable, incarnation = 'one') {
    this.connection = connection;
    this.#table = table;
    this.#incarnation = incarnation;
  }

  /** Answers what the client has said since. */
  answer(): void {
    for (; this.#answered < this.connection.said.length; this.#answered++) {
      const message = this.connection.said[this.#answered]!;
      if (message.type === 'unsubscribe') this.#positions.delete(message.channel);
      else if (message.type === 'resync') this.#positions.set(message.channel, 0);
      else if (message.topic === 'run') {
        this.#positions.set(message.channel, message.incarnation === this.#incarnation ? message.after : 0);
        const { channel } = message;
        this.connection.say({ type: 'subscribed', channel, incarnation: this.#incarnation, revision: 0 });
      }
    }
  }

  /** Frames that are due, none of them sent yet. isLast: of its batch. */
  due(maxRows: number): { bytes: Uint8Array; isLast: boolean }[] {
    const due: { bytes: Uint8Array; isLast: boolean }[] = [];
    for (const [channel, position] of this.#positions) {
      if (position > 0 && position === this.#table.seq) continue;
      const batch = this.#table.frames(position, channel, maxRows);
      batch.forEach((bytes, i) => due.push({ bytes, isLast: i === batch.length - 1 }));
      this.#positions.set(channel, this.#table.seq);
    }
    return due;
  }
}
