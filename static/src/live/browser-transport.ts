// Sockets, event streams and timers of the browser.

import type { Clock, Connect, LiveDeps } from './transport';

/** The live client's world in a browser. url is the absolute one of the API. */
export function browserDeps(url: string): LiveDeps {
  return { url, socket: openSocket, events: openEvents, clock: browserClock, random: () => Math.random() };
}

const browserClock: Clock = {
  nowMs: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

const openSocket: Connect = (url, events) => {
  const socket = new WebSocket(url.replace(/^http/, 'ws'));
  socket.binaryType = 'arraybuffer';
  let isOver = false;
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (isOver) return;
    if (typeof data === 'string') events.text(data);
    else events.bytes(new Uint8Array(data));
  };
  socket.onclose = ({ code, reason }) => {
    if (isOver) return;
    isOver = true;
    events.closed(reason === '' ? `socket closed with code ${code}` : reason);
  };
  return {
    send: (json) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(json);
    },
    close: () => {
      isOver = true;
      socket.close(1000);
    },
  };
};

/** The events are named control and frame; one named error is the browser's own. */
const openEvents: Connect = (url, events) => {
  const source = new EventSource(url);
  source.addEventListener('control', ({ data }: MessageEvent<string>) => {
    events.text(data);
  });
  source.addEventListener('frame', ({ data }: MessageEvent<string>) => {
    events.bytes(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
  });
  source.addEventListener('error', () => {
    // Where it may, the browser connects again by itself and continues after the last event.
    if (source.readyState === EventSource.CLOSED) events.closed('event stream refused');
  });
  return {
    send: () => undefined,
    close: () => {
      source.close();
    },
  };
};
