// Errors. `generated/problems.ts` has a class for each problem code.

import type { Schemas } from "./types.js";

/** The base class of all errors of this package. */
export class DarkroomError extends Error {
  /** @param options `cause`: the error that caused this one */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DarkroomError";
  }
}

/** The members of a problem document. A response of API Gateway itself has only some of them. */
export type ProblemDocument = Partial<Schemas["Problem"]> & { code: string; detail: string };

/** The API rejected a request. Each problem code has a subclass, such as `NotFoundError` for `not-found`. */
export class ProblemError<Code extends string = string> extends DarkroomError {
  /** The stable code of the problem. Codes that this version of the package does not know are possible. */
  readonly code: Code;
  /** The HTTP status. */
  readonly status: number;
  /** The invalid field, parameter or header, if there is one. */
  readonly field: string | undefined;
  /** All members of the problem, such as `limit` and `max_images` of `quota-exceeded`. */
  readonly problem: ProblemDocument;
  /** The seconds to wait before the next attempt, if the response says so. */
  readonly retryAfter: number | undefined;

  constructor(problem: ProblemDocument & { code: Code }, status: number, retryAfter?: number) {
    super(problem.detail);
    this.code = problem.code;
    this.name = className(problem.code);
    this.status = status;
    this.field = problem.field;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** The name of the class of a problem code. The names of classes in a minified program say nothing. */
function className(code: string): string {
  return `${code.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}Error`;
}

/**
 * There was no response: the network failed, or the attempt took longer than `timeout`. `cause` is the error of
 * `fetch`.
 */
export class ConnectionError extends DarkroomError {
  constructor(cause: unknown) {
    super("The service did not respond", { cause });
    this.name = "ConnectionError";
  }
}

/** S3 did not take a file. */
export class UploadError extends DarkroomError {
  /** The HTTP status of S3's last response. 0 if there was no response. */
  readonly status: number;

  constructor(status: number) {
    super(status === 0 ? "The storage did not respond" : `The storage rejected the file with status ${status}`);
    this.name = "UploadError";
    this.status = status;
  }
}

/** The file arrived, but no thumbnails can be made from it, or a job with the image failed. */
export class ProcessingError extends DarkroomError {
  /** The code of the failure, such as `not-an-image`. The contract lists the codes at the schema `Failure`. */
  readonly code: string;
  /** The id of the image. */
  readonly imageId: string;

  constructor(imageId: string, failure: { code: string; detail?: string }) {
    super(failure.detail ?? failure.code);
    this.name = "ProcessingError";
    this.code = failure.code;
    this.imageId = imageId;
  }
}

/** Something that the client waited for did not happen in time. */
export class WaitTimeoutError extends DarkroomError {
  constructor(what: string, milliseconds: number) {
    super(`Waited ${Math.round(milliseconds / 1000)} seconds for ${what}`);
    this.name = "WaitTimeoutError";
  }
}

/** A webhook is not authentic, or too old. */
export class WebhookVerificationError extends DarkroomError {
  constructor(message: string) {
    super(message);
    this.name = "WebhookVerificationError";
  }
}
