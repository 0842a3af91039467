import type { components } from "./schema.js";

type Schemas = components["schemas"];

export type Collection = Schemas["Collection"];
export type Cost = Schemas["Cost"];
export type Filter = Schemas["Filter"];
export type Hit = Schemas["Hit"];
export type Image = Schemas["Image"];
export type Match = Schemas["Match"];
export type Metadata = Schemas["Metadata"];
export type Problem = Schemas["Problem"];
export type Profile = Collection["profile"];
export type SearchResult = Schemas["SearchResult"];

/** An encoded picture: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and some more. */
export type Picture = Blob | ArrayBuffer | ArrayBufferView;

/** The values of a descriptor, and the version that made it. */
export interface Descriptor {
  descriptor: number[];
  version?: string;
}

export interface CallOptions {
  /** Ends the call; it rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface UploadOptions extends CallOptions {
  /** Called with the part of the upload that is sent, 0 to 1; in browsers, where there is XMLHttpRequest. */
  onProgress?: (sent: number) => void;
}

export interface SearchOptions extends UploadOptions {
  /** How many results: 10 where it is left out. */
  k?: number;
  /** How many of the best to leave out first. */
  offset?: number;
  /** Leave out results below this score (cosine). */
  minScore?: number;
  /** Only pictures whose metadata match. */
  filter?: Filter;
  /** Scan everything instead of searching the graph. */
  exact?: boolean;
  /** Breadth of the graph search. */
  ef?: number;
  verify?: "auto" | "always" | "never";
  /** Only this box of a query picture: x, y, width and height in fractions of it. */
  region?: [number, number, number, number];
  include?: Array<"metadata" | "record" | "cost" | "thumbnail">;
}

export interface AddOptions extends UploadOptions {
  /** The id it shall have; a fresh one where it is left out. */
  id?: string;
  metadata?: Metadata;
  /** Store it under `id` over what is there. */
  replace?: boolean;
  onDuplicate?: "return" | "reject" | "allow";
  /** Look for what shows the same thing first, where the service can. */
  onSimilar?: "ignore" | "report" | "reject";
  include?: Array<"cost">;
}

export interface ListOptions extends CallOptions {
  filter?: Filter;
  /** The most pictures of one request. */
  limit?: number;
}

export interface ChangeOptions extends CallOptions {
  /** Only if the picture has this revision. */
  ifMatch?: number;
}

export interface CompareOptions extends CallOptions {
  profile?: Profile;
  include?: Array<"cost" | "overlay">;
}

/** One of two pictures that were compared. */
export interface ComparedImage {
  width: number;
  height: number;
  /** The outline of this picture in pixels of the other one. */
  outline_in_other?: Array<[number, number]>;
  cost?: Cost;
}

/** What two pictures have in common. */
export interface Comparison {
  score: number;
  verdict: "same" | "near_duplicate" | "similar" | "different";
  verified?: boolean;
  inliers?: number;
  a: ComparedImage;
  b: ComparedImage;
  version: string;
  overlay?: string;
}

export interface EyrieOptions {
  /** Sent as `Authorization: Bearer`. */
  apiKey?: string;
  /** The collection that calls are about: `default`. */
  collection?: string;
  /** How often a call comes back after the service was overloaded: 2. */
  retries?: number;
  fetch?: typeof fetch;
}

/** A call that failed. An aborted one rejects with the signal's reason instead. */
export class EyrieError extends Error {
  /** Stable: one of the contract's codes, `network` where the service could not be reached, or empty. */
  readonly code: Problem["code"] | "network" | "";
  /** The HTTP status, 0 without an answer. */
  readonly status: number;
  /** A sentence for people. */
  readonly detail: string;
  /** Under which the service's log has the request. */
  readonly requestId: string;
  /** When to come back, in seconds; 0 where the service does not say. */
  readonly retryAfter: number;
  readonly problem: Partial<Problem>;
}

/** A service, and the collection of it that calls are about. */
export class Eyrie {
  constructor(url: string | URL, options?: EyrieOptions);
  readonly collection: string;
  /** The same service with another collection. */
  in(collection: string): Eyrie;
  /** The address of a path of an answer, such as `thumbnail_url`. */
  url(path: string): string;
  /** The picture behind a path of an answer, such as `thumbnail_url`: with a key an `<img>` cannot ask for it by itself. */
  picture(path: string, options?: { signal?: AbortSignal }): Promise<Blob>;
  /** Searches by a picture, by the id of a stored one, or by a descriptor. */
  search(query: Picture | string | Descriptor, options?: SearchOptions): Promise<SearchResult>;
  add(picture: Picture, options?: AddOptions): Promise<Image>;
  get(id: string, options?: CallOptions): Promise<Image>;
  /** All pictures in order of id, page by page as they are asked for. */
  list(options?: ListOptions): AsyncGenerator<Image, void, undefined>;
  /** Changes metadata by a merge patch: members that are null are taken away. */
  update(id: string, metadata: Record<string, unknown>, options?: ChangeOptions): Promise<Image>;
  delete(id: string, options?: ChangeOptions): Promise<void>;
  /** What two pictures have in common; each is a picture or the id of a stored one of this collection. */
  compare(a: Picture | string, b: Picture | string, options?: CompareOptions): Promise<Comparison>;
  collections(options?: CallOptions): Promise<Collection[]>;
  /** Creates this collection; the same call again changes nothing. */
  createCollection(options?: CallOptions & { profile?: Profile; description?: string }): Promise<Collection>;
  /** Deletes this collection and all its pictures. */
  deleteCollection(options?: CallOptions): Promise<void>;
}
