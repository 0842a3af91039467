import type { components, operations } from "./schema.js";

type Schemas = components["schemas"];
/** What a call takes in its query string; forms and JSON have the same fields. */
type Query<Call extends keyof operations> = operations[Call]["parameters"] extends { query?: infer Fields } ? NonNullable<Fields> : never;
type SearchQuery = Query<"similar_images">;
type AddQuery = Query<"add_image">;

export type Collection = Schemas["Collection"];
export type ComparedImage = Schemas["ComparedImage"];
export type Comparison = Schemas["Comparison"];
export type Cost = Schemas["Cost"];
export type Filter = Schemas["Filter"];
/** A member that `fields` can choose; `rank` and `id` are always there. */
export type HitField = Exclude<keyof Schemas["Hit"], "rank" | "id">;
/** A result as it is unless `fields` chooses: these members are always there. */
export type Hit = Schemas["Hit"] & Required<Pick<Schemas["Hit"], "score" | "verdict" | "width" | "height" | "thumbnail_url">>;
/** A result with chosen members. Those that say what verification found are not there where nothing was verified. */
export type ChosenHit<Field extends HitField> = Pick<Schemas["Hit"], "rank" | "id" | Field> &
  Required<Pick<Schemas["Hit"], Exclude<Field, "verified" | "inliers" | "confidence" | "match" | "cells" | "original_url">>>;
export type Image = Schemas["Image"];
export type Match = Schemas["Match"];
export type Metadata = Schemas["Metadata"];
export type Problem = Schemas["Problem"];
export type Profile = Collection["profile"];
export type SearchResult<Result = Hit> = Omit<Schemas["SearchResult"], "results"> & { results: Result[] };
export type Verdict = Hit["verdict"];

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
  verify?: SearchQuery["verify"];
  /** Whether the others are ranked by their likeness to what shows the same thing, too. */
  expand?: boolean;
  /** A field of the metadata: of pictures with the same value only the best one is a result. */
  groupBy?: string;
  /** Only this box of a query picture: x, y, width and height in fractions of it. */
  region?: [number, number, number, number];
  include?: SearchQuery["include"];
}

export interface AddOptions extends UploadOptions {
  /** The id it shall have; a fresh one where it is left out. */
  id?: string;
  metadata?: Metadata;
  /** Store it under `id` over what is there. */
  replace?: boolean;
  onDuplicate?: AddQuery["on_duplicate"];
  /** Look for what shows the same thing first. */
  onSimilar?: AddQuery["on_similar"];
  include?: AddQuery["include"];
}

export interface ListOptions extends CallOptions {
  /** The order: by id where it is left out. */
  sort?: Query<"list_images">["sort"];
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
  include?: Query<"compare">["include"];
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
  /** A search as below, of which `fields` says what each result carries in place of the usual. */
  search<Field extends HitField>(
    query: Picture | readonly Picture[] | string | Descriptor,
    options: SearchOptions & { fields: readonly Field[] },
  ): Promise<SearchResult<ChosenHit<Field>>>;
  /** Searches by a picture, by up to four of one thing, by the id of a stored one, or by a descriptor. */
  search(query: Picture | readonly Picture[] | string | Descriptor, options?: SearchOptions): Promise<SearchResult>;
  add(picture: Picture, options?: AddOptions): Promise<Image>;
  get(id: string, options?: CallOptions): Promise<Image>;
  /** All pictures in order of id unless `sort` says otherwise, page by page as they are asked for. */
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
