import {
  errorFrom,
  type FromController,
  type FromGateway,
  type Operation,
  type OperationRequest,
  type OperationResult,
  RESULTS,
} from '../messages.ts';

/** The controller's side of the IPC channel. */
export interface GatewayLink {
  /** Asks the gateway to do something; rejects with the coded error that it answers with. */
  call<O extends Operation>(operation: O, request: OperationRequest<O>): Promise<OperationResult<O>>;
  notify(message: Exclude<FromController, { kind: 'request' }>): void;
  /** To be given every message from the gateway that answers a call. */
  settle(message: Extract<FromGateway, { kind: 'result' | 'refused' }>): void;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Requests and answers with ids over a channel that only sends messages. */
export function createGatewayLink(post: (message: FromController) => void): GatewayLink {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  return {
    notify: post,
    async call(operation, request) {
      lastId += 1;
      const id = lastId;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      pending.set(id, { resolve, reject });
      post({ kind: 'request', id, operation, request });
      return RESULTS[operation].parse(await promise);
    },
    settle(message) {
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (message.kind === 'result') waiting?.resolve(message.result);
      else waiting?.reject(errorFrom(message.error));
    },
  };
}
