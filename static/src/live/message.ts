// Control messages of the live stream.

import { withoutTurning } from '../model/direction';
import type { Problem as ProblemDocument, RunSummary } from '../api/schema';

/** What the service says apart from frames. */
export type ServerMessage =
  | { readonly type: 'hello'; readonly version: number; readonly heartbeat_ns: number }
  | {
      readonly type: 'subscribed';
      readonly channel: number;
      readonly run?: RunSummary;
      readonly incarnation?: string;
      readonly revision: number;
    }
  | { readonly type: 'run'; readonly channel: number; readonly run: RunSummary }
  | { readonly type: 'runs'; readonly channel: number; readonly runs: readonly RunSummary[] }
  | { readonly type: 'store'; readonly silent_since: string | null }
  | { readonly type: 'heartbeat'; readonly now: string; readonly seq: Readonly<Record<string, number>> | null }
  | { readonly type: 'error'; readonly channel: number; readonly problem: Partial<ProblemDocument> }
  | { readonly type: 'closing'; readonly reason: string };

/** What the page says. */
export type ClientMessage =
  | {
      readonly type: 'subscribe';
      readonly channel: number;
      readonly topic: 'run';
      readonly run: string;
      readonly after: number;
      readonly incarnation: string;
    }
  | { readonly type: 'subscribe'; readonly channel: number; readonly topic: 'runs' }
  | { readonly type: 'unsubscribe'; readonly channel: number }
  | { readonly type: 'resync'; readonly channel: number };

/** Reads a message; undefined for one that it does not know, as later versions may send. */
export function parseMessage(json: string): ServerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(withoutTurning(json));
  } catch {
    return undefined;
  }
  const isMessage = typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
  return isMessage ? (value as ServerMessage) : undefined;
}
