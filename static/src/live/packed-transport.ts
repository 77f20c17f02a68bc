// The live stream of a run as a report has it: all of it at once, from memory.

import type { ReportPack } from '../model/report-pack';
import { browserDeps } from './browser-transport';
import type { ClientMessage, ServerMessage } from './message';
import type { Connect, LiveDeps } from './transport';

/** Nothing is lost on the way, so a link need not be looked after. Longer would exceed what timers can wait. */
const HEARTBEAT_NS = 24 * 3600 * 1e9;

/** The live client's world in a report: the clock of the browser, and a service that has one run. */
export function packedDeps(url: string, pack: ReportPack): LiveDeps {
  const connect = packedConnect(pack);
  return { ...browserDeps(url), socket: connect, events: connect };
}

/** Speaks the protocol of web/live/PROTOCOL.md. Who has the run already gets nothing again. */
export function packedConnect({ head, frames }: ReportPack): Connect {
  return (_url, events) => {
    let isOpen = true;
    const say = (message: ServerMessage): void => {
      if (isOpen) events.text(JSON.stringify(message));
    };
    const show = (channel: number): void => {
      for (const frame of frames) if (isOpen) events.bytes(onChannel(frame, channel));
    };
    const answer = (message: ClientMessage): void => {
      if (message.type === 'resync') show(message.channel);
      if (message.type !== 'subscribe') return;
      const { channel } = message;
      if (message.topic === 'runs') {
        say({ type: 'runs', channel, runs: [] });
      } else if (message.run !== head.run) {
        say({ type: 'error', channel, problem: { status: 404, title: 'Not in a report' } });
      } else {
        say({ type: 'subscribed', channel, incarnation: head.run, revision: 0 });
        if (message.after === 0) show(channel);
      }
    };
    // As with a socket, nothing is heard before the call that asked for it has returned: an effect may have made it.
    queueMicrotask(() => {
      say({ type: 'hello', version: 1, heartbeat_ns: HEARTBEAT_NS });
    });
    return {
      send: (json) => {
        queueMicrotask(() => {
          answer(JSON.parse(json) as ClientMessage);
        });
      },
      close: () => {
        isOpen = false;
      },
    };
  };
}

/** Where a frame has its channel: after the version and the kind, see metricsstore/runtable/FORMAT.md. */
const CHANNEL_AT = 2;

/** A frame for channel 0 as one for another. */
function onChannel(frame: Uint8Array, channel: number): Uint8Array {
  const number: number[] = [];
  for (let rest = channel; ; rest >>>= 7) {
    if (rest < 0x80) {
      number.push(rest);
      break;
    }
    number.push((rest & 0x7f) | 0x80);
  }
  const out = new Uint8Array(frame.length - 1 + number.length);
  out.set(frame.subarray(0, CHANNEL_AT));
  out.set(number, CHANNEL_AT);
  out.set(frame.subarray(CHANNEL_AT + 1), CHANNEL_AT + number.length);
  return out;
}
