// Hands a trace to Perfetto's page in a new window, by the messages that it documents: it is asked until it answers, and
// then gets the trace.

/** The one site that gets a trace, and only after a click. */
export const PERFETTO = 'https://ui.perfetto.dev';

const ASK_EVERY_MS = 50;
const ANSWER_WITHIN_MS = 10_000;

/** What is needed of the window that was opened. */
export interface Opened {
  readonly closed: boolean;
  postMessage(message: unknown, origin: string): void;
  close(): void;
}

/** What is needed of the page's window. */
export interface Host {
  open(url: string): Opened | null;
  addEventListener(kind: 'message', heard: (event: MessageEvent) => void): void;
  removeEventListener(kind: 'message', heard: (event: MessageEvent) => void): void;
}

/** Rejects with an Error that a person can read where the window cannot be opened, does not answer, or has no trace. */
export async function openInPerfetto(host: Host, load: () => Promise<ArrayBuffer>, title: string): Promise<void> {
  const opened = host.open(PERFETTO);
  if (opened === null) throw new Error('The browser did not open a window; allow this page to open some');
  const ready = answer(host, opened);
  try {
    const [buffer] = await Promise.all([load(), ready]);
    opened.postMessage({ perfetto: { buffer, title } }, PERFETTO);
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** Asks the window until it answers. */
function answer(host: Host, opened: Opened): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearInterval(asking);
      clearTimeout(waiting);
      host.removeEventListener('message', heard);
    };
    const heard = (event: MessageEvent): void => {
      if (event.source !== opened || event.origin !== PERFETTO || event.data !== 'PONG') return;
      stop();
      resolve();
    };
    const asking = setInterval(() => {
      if (opened.closed) {
        stop();
        reject(new Error('The window of Perfetto was closed before it had the trace'));
        return;
      }
      opened.postMessage('PING', PERFETTO);
    }, ASK_EVERY_MS);
    const waiting = setTimeout(() => {
      stop();
      reject(new Error('Perfetto did not answer within 10 s; nothing was sent'));
    }, ANSWER_WITHIN_MS);
    host.addEventListener('message', heard);
  });
}
