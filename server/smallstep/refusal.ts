/** Statuses that the compatible API documents for a refusal. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 409 | 412 | 413 | 414 | 415 | 422 | 429;

/** A refusal on the compatible mount, sent as `{ "message": … }`. */
export class SmallstepRefusal extends Error {
  readonly status: RefusalStatus;

  constructor(status: RefusalStatus, message: string) {
    super(message);
    this.name = 'SmallstepRefusal';
    this.status = status;
  }
}

export function refuseSmallstep(status: RefusalStatus, message: string): never {
  throw new SmallstepRefusal(status, message);
}
