/** Polls that never overlap. */
export interface Polling {
  /** Resolves with the outcome of a poll that began after the call; calls meanwhile share it. */
  poll(): Promise<unknown>;
  stop(): void;
}

/** Polls at once and then every `intervalMs`, give or take a tenth, so that a fleet does not ask all at once. */
export function startPolling(intervalMs: number, pollOnce: () => Promise<unknown>): Polling {
  let running: Promise<unknown> | undefined;
  let following: Promise<unknown> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const run = () => {
    clearTimeout(timer);
    running = pollOnce().finally(() => {
      running = undefined;
      if (stopped || following !== undefined) return;
      timer = setTimeout(() => void run(), intervalMs * (0.9 + Math.random() * 0.2));
    });
    return running;
  };
  const poll = () => {
    if (running === undefined) return run();
    following ??= running.then(() => {
      following = undefined;
      return run();
    });
    return following;
  };
  void run();
  return {
    poll,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
