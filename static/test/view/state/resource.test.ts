import { afterEach, describe, expect, it, vi } from 'vitest';

import { Problem } from '../../../src/api/problem';
import { Resource } from '../../../src/view/state/resource.svelte';

const untracked = <T>(work: Promise<T>): Promise<T> => work;

/** A request that is answered by hand. */
function request<T>(): { ask: () => Promise<T>; answer: (value: T) => void } {
  let answer: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (answer = resolve));
  return { ask: () => promise, answer };
}

describe('what is away for now', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is asked for again, after longer and longer, until it answers', async () => {
    vi.useFakeTimers();
    const resource = new Resource<string>(untracked);
    let [asked, isAway] = [0, true];
    await resource.load(() => {
      asked++;
      return isAway ? Promise.reject(new Problem({ status: 503, title: 'away' })) : Promise.resolve('there');
    });
    await vi.advanceTimersByTimeAsync(1_999);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(3_999);
    expect([asked, resource.error instanceof Problem]).toEqual([2, true]);
    isAway = false;
    await vi.advanceTimersByTimeAsync(1);
    expect([asked, resource.value, resource.error]).toEqual([3, 'there', undefined]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(3);
  });

  it('is not loaded once it is not shown, and what was wrong with a question is not asked again', async () => {
    vi.useFakeTimers();
    const resource = new Resource<string>(untracked);
    let asked = 0;
    const refused = (status: number) => () => {
      asked++;
      return Promise.reject(new Problem({ status, title: 'no' }));
    };
    await resource.load(refused(503));
    resource.stop();
    await resource.load(refused(404));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(2);
  });
});

describe('something that is loaded', () => {
  it('keeps what it shows until what replaces it has come', async () => {
    const resource = new Resource<string>(untracked);
    await resource.load(async () => 'old');
    const next = request<string>();
    const loading = resource.load(next.ask);
    expect([resource.value, resource.loading]).toEqual(['old', true]);
    next.answer('new');
    await loading;
    expect([resource.value, resource.loading]).toEqual(['new', false]);
  });

  it('shows the answer to the last question, in whatever order they come', async () => {
    const resource = new Resource<string>(untracked);
    const [first, second] = [request<string>(), request<string>()];
    const loads = [resource.load(first.ask), resource.load(second.ask)];
    second.answer('second');
    first.answer('first');
    await Promise.all(loads);
    expect(resource.value).toBe('second');
  });

  it('reports a failure along with what it shows, and forgets it when it is over', async () => {
    const resource = new Resource<string>(untracked);
    await resource.load(async () => 'old');
    await resource.load(() => Promise.reject(new Error('away')));
    expect([resource.value, (resource.error as Error).message]).toEqual(['old', 'away']);
    await resource.load(async () => 'new');
    expect([resource.value, resource.error]).toEqual(['new', undefined]);
  });

  it('stops the request that it no longer needs', async () => {
    const resource = new Resource<string>(untracked);
    let signal: AbortSignal | undefined;
    const never = resource.load((given) => {
      signal = given;
      return new Promise((_, reject) => given.addEventListener('abort', () => reject(new Error('aborted'))));
    });
    resource.clear();
    await never;
    expect(signal?.aborted).toBe(true);
    expect([resource.error, resource.loading]).toEqual([undefined, false]);
  });

  it('applies what the live stream says to what it shows', async () => {
    const resource = new Resource<number>(untracked);
    resource.update((n) => n + 1);
    expect(resource.value).toBeUndefined();
    await resource.load(async () => 1);
    resource.update((n) => n + 1);
    expect(resource.value).toBe(2);
  });
});
