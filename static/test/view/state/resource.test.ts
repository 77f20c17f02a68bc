import { describe, expect, it } from 'vitest';

import { Resource } from '../../../src/view/state/resource.svelte';

const untracked = <T>(work: Promise<T>): Promise<T> => work;

/** A request that is answered by hand. */
function request<T>(): { ask: () => Promise<T>; answer: (value: T) => void } {
  let answer: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (answer = resolve));
  return { ask: () => promise, answer };
}

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

  it('tells of a failure beside what it shows, and forgets it when it is over', async () => {
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

  it('takes what the live stream tells into what it shows', async () => {
    const resource = new Resource<number>(untracked);
    resource.update((n) => n + 1);
    expect(resource.value).toBeUndefined();
    await resource.load(async () => 1);
    resource.update((n) => n + 1);
    expect(resource.value).toBe(2);
  });
});
