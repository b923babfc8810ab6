/** A failure that a person can act on: what happened, what it means, what to do. Printed as it is; no stack. */
export class DemoFailure extends Error {
  readonly code: string;
  readonly advice: string;
  constructor(code: string, message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DemoFailure';
    this.code = code;
    this.advice = advice;
  }
}
