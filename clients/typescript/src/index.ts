// A client for Darkroom, a backend for pictures.

export type { Account, Challenge } from "./account.js";
export { Darkroom, type DarkroomOptions } from "./client.js";
export {
  ConnectionError,
  DarkroomError,
  ProblemError,
  ProcessingError,
  UploadError,
  WaitTimeoutError,
  type ProblemDocument,
} from "./errors.js";
export * from "./generated/problems.js";
export type { components, operations, paths } from "./generated/schema.js";
export type { Guest } from "./guest.js";
export type { ImageSetPage, ImageSets } from "./image-sets.js";
export type { ImageFields, ImagePage, Images, RenditionOptions, Srcset, SrcsetOptions } from "./images.js";
export { List } from "./list.js";
export type { FileFields, PhoneImagePage, Phones } from "./phones.js";
export { memoryStore, type Session, type SessionStore } from "./session.js";
export type {
  BodyOf,
  CallOptions,
  FileData,
  GuestImage,
  Image,
  ImageSet,
  ItemOf,
  ListRoute,
  PartialImage,
  PresignedUpload,
  QueryOf,
  RequestOptions,
  ResultOf,
  Route,
  Schemas,
} from "./types.js";
export type { UploadLinks } from "./upload-links.js";
export type { UploadOptions, UploadProgress } from "./upload.js";
export type { WaitOptions } from "./wait.js";
