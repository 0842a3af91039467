// Written by generate.js from openapi.yaml; do not edit.

export interface paths {
    "/v1/collections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the collections, with their counts.
         * @description Scope: `search`.
         */
        get: operations["list_collections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Describe one collection, with its counts.
         * @description Scope: `search`.
         */
        get: operations["get_collection"];
        /**
         * Create a collection. The same call again changes nothing: one that is there keeps its description and limits.
         * @description Scope: `admin`.
         */
        put: operations["put_collection"];
        post?: never;
        /**
         * Delete a collection and all its images.
         * @description Scope: `admin`.
         */
        delete: operations["delete_collection"];
        options?: never;
        head?: never;
        /**
         * Change a collection's description or limits.
         * @description What is left out stays. A limit below what is there deletes nothing: nothing more is stored until there is room. Scope: `admin`.
         */
        patch: operations["patch_collection"];
        trace?: never;
    };
    "/v1/collections/{collection}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export a collection: everything that is stored of its images, without the pictures themselves.
         * @description `POST .../import` takes it, in this service or another one with the same model, where
         *     searches then find the same. Where the answer is cut, `after` with the id of the last whole line gives the rest: an export of
         *     its own. A large collection is better exported by `POST .../export`, in the background. Scope: `read`.
         */
        get: operations["export_collection"];
        put?: never;
        /**
         * Export a collection in the background.
         * @description The job writes the same as `GET .../export` and keeps it: `GET /v1/jobs/{id}/result` has it once the job is done, until the
         *     job is deleted or `jobs.keep_days` are over. It goes on after a restart. Scope: `read`.
         */
        post: operations["export_later"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import the lines of an export, or an archive of pictures, into a collection that is there.
         * @description **Lines** are read and stored as they arrive. An image that is there just so is left as it is, so
         *     the same export may be sent again. A line that is wrong is named in the answer and the others are
         *     stored; an export without its end is a failure (`incomplete_import`), and what was there is stored.
         *
         *     **An archive** (zip, tar, or tar with gzip) is taken in as a whole and then worked off, a few pictures
         *     at a time, until the answer comes; how long that takes is not bounded. Each file in it that is a picture, by
         *     its bytes, is stored with the metadata `filename` and `path`. Others are skipped and counted: what is no picture, an archive
         *     in the archive, a link, a device. A picture that cannot be stored, or an entry that is encrypted, is named in the answer and the others
         *     are stored. An archive that is damaged behind its first entry is a failure (`incomplete_import`), and
         *     what was before is stored. The same archive again stores nothing twice. A tar that is an export is taken as its lines are.
         *
         *     **With `job`** the body is taken in, and a job imports it in the background: it goes on after a restart, and stores nothing twice.
         *     The same body again while the job waits or runs is answered with that job. Scope: `write`.
         */
        post: operations["import_collection"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/images": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List images, in order of id unless `sort` says otherwise.
         * @description A cursor is a place in the order and stays one whatever is stored and deleted meanwhile. In a
         *     list by the time of the last change, an image that changes between two pages comes once more, or
         *     not at all. Scope: `read`.
         */
        get: operations["list_images"];
        put?: never;
        /**
         * Add an image.
         * @description The image comes as a form (`image` and the other fields), as the body itself, or as base64 in
         *     JSON. The other fields may be in the query string with each of them. Scope: `write`.
         */
        post: operations["add_image"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/images/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read an image's record.
         * @description Scope: `read`.
         */
        get: operations["get_image"];
        /**
         * Store an image under an id, over an older one where there is one.
         * @description Metadata that are left out are emptied. `If-Match` makes it replace the revisions that it names
         *     only, `If-None-Match: *` makes it create only. Scope: `write`.
         */
        put: operations["put_image"];
        post?: never;
        /**
         * Delete an image.
         * @description Scope: `write`.
         */
        delete: operations["delete_image"];
        options?: never;
        head?: never;
        /**
         * Change an image's metadata by a merge patch (RFC 7396).
         * @description Scope: `write`.
         */
        patch: operations["patch_image"];
        trace?: never;
    };
    "/v1/collections/{collection}/images:count": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Count images.
         * @description A filter is decided for each image that may match, so a count takes as long as a whole list. Scope: `read`.
         */
        get: operations["count_images"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/images:batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add several images.
         * @description The images come as a form with several parts `image` (and `items`, a JSON list of what goes with
         *     each), or as lines of JSON. Each has a result of its own, in order, and is stored or not
         *     whatever becomes of the others: the status of the whole is 200 as soon as the body could be
         *     read. They are described side by side, a few at a time; those for which the time of one request
         *     is too short have the problem `request_timeout` and can be sent again. Scope: `write`.
         */
        post: operations["add_images"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/images:delete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Delete several images.
         * @description By their ids, or all that match a filter. Each is deleted on its own. Ids under which nothing is
         *     stored are counted and are no failure. Scope: `write`.
         */
        post: operations["delete_images"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/images/{id}/thumbnail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * An image's small picture, at most 256x256 pixels.
         * @description Scope: `search`.
         */
        get: operations["get_thumbnail"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/images/{id}/original": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The original of an image: the very bytes that were uploaded, where they are kept
         *     (`storage.originals`).
         * @description Records and results say so by an `original_url`. The media type is that of the format that was
         *     found, whatever the upload said. One range of bytes may be asked for. Scope: `read`.
         */
        get: operations["get_original"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/images/{id}/similar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search by a stored image.
         * @description Scope: `search`.
         */
        get: operations["similar_images"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Search by an image, by the id of a stored image, or by a descriptor.
         * @description The query image comes as a form, as the body itself, or as base64 in JSON. The options may be in
         *     the query string with each of them. A form and JSON may have up to four images of one and the
         *     same thing, which find more of it together. Scope: `search`.
         */
        post: operations["search"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/search:batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Search a collection for several things.
         * @description Each search has a result of its own, in order. They run side by side, a few at a time; those for
         *     which the time of one request is too short have the problem `request_timeout`. Scope: `search`.
         */
        post: operations["search_batch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/compare": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compare two pictures.
         * @description `a` takes the place of a search's query and `b` that of a stored image, so that score and
         *     verdict are those that a search gives. Each is an uploaded picture or the id of a stored one.
         *     With `Accept: image/png` the answer is the picture of the comparison itself (see `overlay`). Scope: `search`.
         */
        post: operations["compare"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/descriptors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Describe a picture without storing it.
         * @description The answer's `descriptor` and `version` are what a search by descriptor takes: to search several
         *     collections of one profile, or later again, without sending the picture. Scope: `search`.
         */
        post: operations["describe"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/duplicates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Find the near-duplicates of a collection, in the background.
         * @description Images that show the same thing make a group. The first job looks at every image, a later one of
         *     the same parameters only at those that changed since. `GET /v1/jobs/{id}/groups` has the groups
         *     once it is done. Scope: `write`.
         */
        post: operations["find_duplicates"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/collections/{collection}/reindex": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Describe the images of a collection anew from their originals, in the background.
         * @description After a change of the model, images are not found until they are described by it. This does so for
         *     all whose originals are kept (`storage.originals`); `GET .../images?stale=true` lists what is left,
         *     to be sent again. An image keeps its id, its metadata and the time of its creation; one that is
         *     changed or deleted meanwhile is left as it is. The result of the job counts what became of them. Scope: `write`.
         */
        post: operations["reindex"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the jobs, the newest first.
         * @description Scope: `read`.
         */
        get: operations["list_jobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job.
         * @description Scope: `read`.
         */
        get: operations["get_job"];
        put?: never;
        post?: never;
        /**
         * Remove a job with what it found; one that waits or runs is cancelled.
         * @description Scope: `write`.
         */
        delete: operations["delete_job"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a job that waits or runs. One that has ended stays as it is.
         * @description Scope: `write`.
         */
        post: operations["cancel_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The groups of near-duplicates that a job found, the largest first.
         * @description Images that are gone since are left out, and groups with them of which only one image is left. Scope: `read`.
         */
        get: operations["list_groups"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the API keys, the oldest first.
         * @description Scope: `admin`.
         */
        get: operations["list_keys"];
        put?: never;
        /**
         * Make an API key.
         * @description The answer is the only place where the key itself is shown. As soon as there is a key, nobody may
         *     do anything without one but what `server.allow_anonymous` lists. Scope: `admin`.
         */
        post: operations["add_key"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Describe one API key.
         * @description Scope: `admin`.
         */
        get: operations["get_key"];
        put?: never;
        post?: never;
        /**
         * Take an API key back.
         * @description All instances refuse it within two seconds. The same call again changes nothing. To revoke the
         *     last key opens nothing. Scope: `admin`.
         */
        delete: operations["revoke_key"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/result": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read what an export in the background gave.
         * @description The answer to a `Range` has that part alone (206), so that a download goes on where it was cut. Scope: `read`.
         */
        get: operations["job_result"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The simulated chip, the model on it, what one pass costs layer by layer, and what each profile
         *     costs for an image.
         * @description Cycles and bytes are exact for the model of the chip; times and energies are estimates, none of
         *     them measured. Scope: `search`.
         */
        get: operations["chip"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process lives. */
        get: operations["livez"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether requests can be answered, and if not, why. */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics in the text format of Prometheus.
         * @description Scope: `read`, or none where `server.metrics` is `open`.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.yaml": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document. */
        get: operations["document"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The page. */
        get: operations["page"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/assets/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The page's scripts and its style. */
        get: operations["asset"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The reference of the interface. */
        get: operations["reference"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs/{part}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The scripts and styles of the reference. Those of Swagger UI are always sent compressed. */
        get: operations["reference_part"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AddImage: {
            /** @description The encoded image as base64: with or without padding or line breaks, in the standard or the URL-safe alphabet, also as a `data:` URL. */
            image: string;
            /** @description The id it shall have; a fresh one where it is left out. */
            id?: string | null;
            /** @description The client's own data. */
            metadata?: null | components["schemas"]["Metadata"];
            /**
             * @description What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store them once more.
             * @default return
             * @enum {string|null}
             */
            on_duplicate?: "return" | "reject" | "allow" | null;
            /**
             * @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for.
             * @default ignore
             * @enum {string|null}
             */
            on_similar?: "ignore" | "report" | "reject" | null;
            /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
            include?: "cost"[] | null;
        };
        AddImageForm: {
            /** @description The encoded image. */
            image: string;
            /** @description The id it shall have; a fresh one where it is left out. */
            id?: string;
            metadata?: components["schemas"]["Metadata"];
            /**
             * @description What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store them once more.
             * @default return
             * @enum {string}
             */
            on_duplicate?: "return" | "reject" | "allow";
            /**
             * @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for.
             * @default ignore
             * @enum {string}
             */
            on_similar?: "ignore" | "report" | "reject";
            /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
            include?: string;
        };
        /**
         * @description An API key, without the key itself.
         * @example {
         *       "bytes": 0,
         *       "collections": [
         *         "covers"
         *       ],
         *       "created_at": "2026-11-24T12:00:00Z",
         *       "expires_at": "2027-02-22T12:00:00Z",
         *       "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
         *       "images": 0,
         *       "label": "shop front end",
         *       "last_used_at": "2026-11-27T09:41:00Z",
         *       "origins": [
         *         "https://shop.example"
         *       ],
         *       "scope": "search"
         *     }
         */
        ApiKey: {
            /** @description Its public name. */
            id: string;
            /** @description What people call it. */
            label: string;
            /**
             * @description What it may do. Each scope may do what those before it may: search, read, write, admin.
             * @enum {string}
             */
            scope: "search" | "read" | "write" | "admin";
            /** @description The collections that exist for it; not there where all do. */
            collections?: string[];
            /** @description The origins of the pages that may use it; with none it is a secret of programs. */
            origins: string[];
            /**
             * Format: int64
             * @description The most images of those that it stored that may be there; not there where that has no limit.
             */
            max_images?: number;
            /**
             * Format: int64
             * @description The most bytes that their uploads may have; not there where that has no limit.
             */
            max_bytes?: number;
            /**
             * Format: int64
             * @description How many images that it stored are there.
             */
            images: number;
            /**
             * Format: int64
             * @description How many bytes their uploads have.
             */
            bytes: number;
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description From when on it is not taken any more.
             */
            expires_at?: string;
            /**
             * Format: date-time
             * @description When it was last used, to the minute.
             */
            last_used_at?: string;
            /**
             * Format: date-time
             * @description When it was taken back.
             */
            revoked_at?: string;
        };
        /**
         * @description Every key, the oldest first.
         * @example {
         *       "keys": [
         *         {
         *           "bytes": 103219204,
         *           "created_at": "2026-11-24T12:00:00Z",
         *           "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
         *           "images": 1200,
         *           "label": "importer",
         *           "max_images": 10000,
         *           "origins": [],
         *           "scope": "write"
         *         }
         *       ]
         *     }
         */
        ApiKeyList: {
            /** @description The keys; those that expired or were revoked are among them for a while. */
            keys: components["schemas"]["ApiKey"][];
        };
        /** @description What became of one image of a batch. */
        BatchedImage: {
            /**
             * Format: int32
             * @description The HTTP status that an upload of this image alone would have had: 201 where it was stored,
             *     200 where the same bytes were there, otherwise that of the problem.
             */
            status: number;
            /** @description The record of a stored image. */
            image?: components["schemas"]["Image"];
            /** @description Why it is not stored. */
            problem?: components["schemas"]["Problem"];
        };
        /** @description What became of one search of a batch. */
        BatchedSearch: {
            /**
             * Format: int32
             * @description The HTTP status that this search alone would have had.
             */
            status: number;
            /** @description Its answer. */
            result?: components["schemas"]["SearchResult"];
            /** @description Why it has none. */
            problem?: components["schemas"]["Problem"];
        };
        /** @description A chip, and what follows from its numbers for the network. */
        Chip: {
            /** @description What it is called. */
            name: string;
            /** @description Where its numbers come from. */
            source: string;
            /**
             * Format: int64
             * @description Convolution engines.
             */
            engines: number;
            /**
             * Format: int64
             * @description Side of the square of pixels that an engine convolves at once.
             */
            tile: number;
            /**
             * Format: int64
             * @description Memory for the input and the output of a layer, in bytes.
             */
            image_buffer_bytes: number;
            /**
             * Format: int64
             * @description Memory for the codes, multipliers and biases of the network, in bytes.
             */
            weight_memory_bytes: number;
            /**
             * Format: double
             * @description Clock in megahertz.
             */
            clock_mhz: number;
            /** @description Energy of a multiply-accumulate in picojoules, low and high estimate. */
            energy_pj_per_mac: number[];
            /**
             * Format: int64
             * @description The most multiply-accumulates of a cycle.
             */
            peak_macs_per_cycle: number;
            /**
             * Format: int32
             * @description Pixels a side of the largest square image that the image buffer holds.
             */
            largest_input: number;
            /** @description Whether the image buffer holds passes of 224x224 pixels. */
            gives_descriptors: boolean;
        };
        /** @description The chip, the model on it, and what describing an image costs. */
        ChipReport: {
            /** @description What kind of numbers these are. */
            note: string;
            /** @description The chip. */
            chip: components["schemas"]["Chip"];
            /** @description The model on it. */
            model: components["schemas"]["Model"];
            /** @description One pass at 224x224 pixels, or at the largest input of a chip that holds less. */
            pass: components["schemas"]["Pass"];
            /** @description What the passes of 224x224 pixels cost that descriptors are made of. Not there for a chip
             *     that holds less. */
            plan?: components["schemas"]["Plan"];
            /** @description What passes at the chip's largest input would cost, for a chip whose largest input is not
             *     224x224 pixels. Descriptors are never made so. */
            what_if?: components["schemas"]["Plan"];
        };
        /**
         * @description A collection with its counts.
         * @example {
         *       "bytes": 103219204,
         *       "created_at": "2026-11-24T12:00:00Z",
         *       "description": "DVD covers",
         *       "images": 1200,
         *       "max_images": 100000,
         *       "name": "covers",
         *       "original_bytes": 103219204,
         *       "originals": 1200,
         *       "profile": "rnip",
         *       "stale_images": 0
         *     }
         */
        Collection: {
            /** @description Its unique name. */
            name: string;
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`.
             * @enum {string}
             */
            profile: "fast" | "nip" | "rnip";
            /** @description A sentence for people. */
            description: string;
            /**
             * Format: date-time
             * @description When it was created.
             */
            created_at: string;
            /**
             * Format: int64
             * @description The most images that it may have; not there where that has no limit.
             */
            max_images?: number;
            /**
             * Format: int64
             * @description The most bytes that their uploads may have; not there where that has no limit.
             */
            max_bytes?: number;
            /**
             * Format: int64
             * @description How many images it has; not in the answer to a creation or change.
             */
            images?: number | null;
            /**
             * Format: int64
             * @description How many bytes their uploads have, kept or not.
             */
            bytes?: number | null;
            /**
             * Format: int64
             * @description How many of them were described by another model than the one that runs, and so are not
             *     found by searches.
             */
            stale_images?: number | null;
            /**
             * Format: int64
             * @description Of how many of them the originals are kept.
             */
            originals?: number | null;
            /**
             * Format: int64
             * @description How many bytes these originals have.
             */
            original_bytes?: number | null;
        };
        /**
         * @description Every collection by name.
         * @example {
         *       "collections": [
         *         {
         *           "bytes": 103219204,
         *           "created_at": "2026-11-24T12:00:00Z",
         *           "description": "DVD covers",
         *           "images": 1200,
         *           "max_images": 100000,
         *           "name": "covers",
         *           "original_bytes": 103219204,
         *           "originals": 1200,
         *           "profile": "rnip",
         *           "stale_images": 0
         *         }
         *       ]
         *     }
         */
        CollectionList: {
            /** @description The collections. */
            collections: components["schemas"]["Collection"][];
        };
        Compare: {
            /** @description An image, or a stored one. */
            a: {
                /** @description The encoded image as base64: with or without padding or line breaks, in the standard or the URL-safe alphabet, also as a `data:` URL. */
                image: string;
            } | {
                /** @description The id of a stored image. */
                id: string;
                /** @description The collection of the stored image; `default` where it is left out. */
                collection?: string | null;
            };
            /** @description An image, or a stored one. */
            b: {
                /** @description The encoded image as base64: with or without padding or line breaks, in the standard or the URL-safe alphabet, also as a `data:` URL. */
                image: string;
            } | {
                /** @description The id of a stored image. */
                id: string;
                /** @description The collection of the stored image; `default` where it is left out. */
                collection?: string | null;
            };
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. Where it is left out, that of a stored image, or `rnip`.
             * @enum {string|null}
             */
            profile?: "fast" | "nip" | "rnip" | null;
            /** @description Parts of the answer: `cost`, what describing each picture took; `overlay`, a picture of the comparison. */
            include?: ("cost" | "overlay")[] | null;
        };
        /** @description Two pictures, each as a file or by the id of a stored one. */
        CompareForm: {
            /** @description The first picture. */
            a: string;
            /** @description The second picture. */
            b: string;
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. Where it is left out, that of a stored image, or `rnip`.
             * @enum {string}
             */
            profile?: "fast" | "nip" | "rnip";
            /** @description Parts of the answer: `cost`, what describing each picture took; `overlay`, a picture of the comparison. */
            include?: string;
        } | {
            /** @description The first picture. */
            a: string;
            /** @description The id of a stored image. */
            b_id: string;
            /** @description The collection of the stored image; `default` where it is left out. */
            b_collection?: string;
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. Where it is left out, that of a stored image, or `rnip`.
             * @enum {string}
             */
            profile?: "fast" | "nip" | "rnip";
            /** @description Parts of the answer: `cost`, what describing each picture took; `overlay`, a picture of the comparison. */
            include?: string;
        } | {
            /** @description The id of a stored image. */
            a_id: string;
            /** @description The collection of the stored image; `default` where it is left out. */
            a_collection?: string;
            /** @description The second picture. */
            b: string;
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. Where it is left out, that of a stored image, or `rnip`.
             * @enum {string}
             */
            profile?: "fast" | "nip" | "rnip";
            /** @description Parts of the answer: `cost`, what describing each picture took; `overlay`, a picture of the comparison. */
            include?: string;
        } | {
            /** @description The id of a stored image. */
            a_id: string;
            /** @description The collection of the stored image; `default` where it is left out. */
            a_collection?: string;
            /** @description The id of a stored image. */
            b_id: string;
            /** @description The collection of the stored image; `default` where it is left out. */
            b_collection?: string;
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. Where it is left out, that of a stored image, or `rnip`.
             * @enum {string}
             */
            profile?: "fast" | "nip" | "rnip";
            /** @description Parts of the answer: `cost`, what describing each picture took; `overlay`, a picture of the comparison. */
            include?: string;
        };
        /** @description One of the two pictures. */
        ComparedImage: {
            /**
             * Format: int32
             * @description Width in pixels, upright as its EXIF data say.
             */
            width: number;
            /**
             * Format: int32
             * @description Height in pixels, upright as its EXIF data say.
             */
            height: number;
            /** @description The outline of this picture in pixels of the other one: its upper left, upper right, lower right and lower left corner. It may reach beyond the other picture. */
            outline_in_other?: number[][];
            /** @description What describing it cost, where `include` asks for it; not there for a stored image. */
            cost?: components["schemas"]["Cost"];
        };
        /**
         * @description What two pictures have in common.
         * @example {
         *       "a": {
         *         "height": 640,
         *         "outline_in_other": [
         *           [
         *             -160.2,
         *             -96.1
         *           ],
         *           [
         *             640.3,
         *             -95.8
         *           ],
         *           [
         *             640.1,
         *             704
         *           ],
         *           [
         *             -159.9,
         *             704.3
         *           ]
         *         ],
         *         "width": 480
         *       },
         *       "b": {
         *         "height": 640,
         *         "outline_in_other": [
         *           [
         *             96.1,
         *             76.8
         *           ],
         *           [
         *             384,
         *             76.7
         *           ],
         *           [
         *             384.2,
         *             588.8
         *           ],
         *           [
         *             95.9,
         *             589.1
         *           ]
         *         ],
         *         "width": 480
         *       },
         *       "confidence": 0.998,
         *       "inliers": 61,
         *       "score": 0.874,
         *       "verdict": "near_duplicate",
         *       "verified": true,
         *       "version": "0123456789abcdef/rnip"
         *     }
         */
        Comparison: {
            /**
             * Format: float
             * @description The score that the second picture has in a search by the first, -1 to 1; 1 is identical.
             */
            score: number;
            /**
             * @description What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate` (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part or look alike) or `different`.
             * @enum {string}
             */
            verdict: "same" | "near_duplicate" | "similar" | "different";
            /** @description Whether the two show the same thing: some spots of both look alike and lie alike. Not there
             *     where a stored image has no local features. */
            verified?: boolean;
            /** @description How many spots look alike and lie alike; 9 are needed. */
            inliers?: number;
            /**
             * Format: double
             * @description How likely both show one and the same thing, and not variants of it, 0 to 1: from the inliers,
             *     their place, and the pixels of both. Not there where they are not verified.
             */
            confidence?: number;
            /** @description Whether the two show it mirrored, left and right exchanged. Only there where they do. */
            mirrored?: boolean;
            /** @description The first picture. */
            a: components["schemas"]["ComparedImage"];
            /** @description The second picture. */
            b: components["schemas"]["ComparedImage"];
            /** @description Model and profile of the descriptors that were compared. */
            version: string;
            /** @description A PNG as a `data:` URL: both pictures side by side, the outline of each in the other, and a
             *     line for each spot that both show. Where `include` asks for it. */
            overlay?: string;
        };
        /**
         * @description What describing an image costs on the simulated chip. Time and energy are estimates.
         * @example {
         *       "buffer_bytes": 4014080,
         *       "chip_milliseconds": 69.632,
         *       "cycles": 5570560,
         *       "energy_millijoules": [
         *         21.485,
         *         32.995
         *       ],
         *       "host_milliseconds": 376.995,
         *       "macs": 153466306560,
         *       "passes": 10
         *     }
         */
        Cost: {
            /**
             * Format: int32
             * @description Passes through the network.
             */
            passes: number;
            /**
             * Format: int64
             * @description Chip cycles of all passes.
             */
            cycles: number;
            /**
             * Format: int64
             * @description Multiply-accumulates of all passes.
             */
            macs: number;
            /**
             * Format: int64
             * @description Largest use of the image buffer, in bytes.
             */
            buffer_bytes: number;
            /**
             * Format: double
             * @description Time at the chip's clock, in milliseconds.
             */
            chip_milliseconds: number;
            /** @description Energy in millijoules, low and high estimate. */
            energy_millijoules: number[];
            /**
             * Format: double
             * @description Time on this machine, decoding included, in milliseconds.
             */
            host_milliseconds: number;
        };
        CreateCollection: {
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. `rnip` where it is left out. It cannot be changed later.
             * @enum {string|null}
             */
            profile?: "fast" | "nip" | "rnip" | null;
            /** @description A sentence for people. */
            description?: string | null;
            /** @description The most images that it may have; no limit where it is left out. */
            max_images?: number | null;
            /** @description The most bytes that the uploads of its images may have; no limit where it is left out. */
            max_bytes?: number | null;
        };
        /** @description By their ids, or all that match a filter. */
        DeleteImages: {
            ids: string[];
            /**
             * @description Only count what would be deleted.
             * @default false
             */
            dry_run?: boolean | null;
        } | {
            filter: components["schemas"]["Filter"];
            /**
             * @description Only count what would be deleted.
             * @default false
             */
            dry_run?: boolean | null;
        };
        /**
         * @description What became of a deletion of many.
         * @example {
         *       "deleted": 3,
         *       "dry_run": false,
         *       "matched": 3,
         *       "missing": 1,
         *       "remaining": 0
         *     }
         */
        Deletion: {
            /** @description Images that were selected and there. */
            matched: number;
            /** @description Images that were deleted: none of a dry run. Less than `matched` where some changed or went
             *     away meanwhile, or where time ran out. */
            deleted: number;
            /** @description Ids under which nothing was stored. */
            missing: number;
            /** @description Images for which there was no time: send the request again. */
            remaining: number;
            /** @description Whether it only counted. */
            dry_run: boolean;
        };
        Describe: {
            /** @description The encoded image as base64: with or without padding or line breaks, in the standard or the URL-safe alphabet, also as a `data:` URL. */
            image: string;
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. `rnip` where it is left out. A search needs that of its collection.
             * @enum {string|null}
             */
            profile?: "fast" | "nip" | "rnip" | null;
            /** @description Describe this box of the image only: x, y, width and height in fractions of the image's width and height, from its upper left corner, upright as its EXIF data say. */
            region?: [
                number,
                number,
                number,
                number
            ] | null;
        };
        DescribeForm: {
            /** @description The encoded image. */
            image: string;
            /**
             * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. `rnip` where it is left out. A search needs that of its collection.
             * @enum {string}
             */
            profile?: "fast" | "nip" | "rnip";
            /** @description Describe this box of the image only: x, y, width and height in fractions of the image's width and height, from its upper left corner, upright as its EXIF data say. */
            region?: string;
        };
        /**
         * @description What a picture looks like, as numbers.
         * @example {
         *       "cost": {
         *         "buffer_bytes": 4014080,
         *         "chip_milliseconds": 69.632,
         *         "cycles": 5570560,
         *         "energy_millijoules": [
         *           21.485,
         *           32.995
         *         ],
         *         "host_milliseconds": 376.995,
         *         "macs": 153466306560,
         *         "passes": 10
         *       },
         *       "descriptor": [
         *         0.0312,
         *         -0.0175,
         *         0.0061
         *       ],
         *       "dimension": 768,
         *       "format": "jpeg",
         *       "height": 640,
         *       "version": "0123456789abcdef/rnip",
         *       "warnings": [],
         *       "width": 480
         *     }
         */
        Descriptor: {
            /** @description The values, of unit norm: the cosine of two descriptors of one version is the sum of the
             *     products of their values. */
            descriptor: number[];
            /** @description Model and profile that made it. Descriptors of two versions are never compared. */
            version: string;
            /** @description How many values there are. */
            dimension: number;
            /** @enum {string} */
            format: "jpeg" | "png" | "webp" | "gif" | "bmp" | "tiff" | "avif" | "jxl" | "qoi" | "pnm" | "ico";
            /**
             * Format: int32
             * @description Width in pixels of what was described, upright as its EXIF data say.
             */
            width: number;
            /**
             * Format: int32
             * @description Height in pixels of what was described, upright as its EXIF data say.
             */
            height: number;
            /** @description What describing it cost. */
            cost: components["schemas"]["Cost"];
            /** @description What to know of it; often nothing. */
            warnings: components["schemas"]["Warning"][];
        };
        /** @description Images that show the same thing: each of them is a duplicate of another one, and so need not be
         *     one of all others. */
        DuplicateGroup: {
            /** @description The id of its oldest image, which stays when images come. */
            id: string;
            /**
             * Format: int64
             * @description How many images it had when it was found.
             */
            size: number;
            /** @description The first hundred of those that are still there; the best comes first: that of most pixels,
             *     then the oldest. */
            images: components["schemas"]["DuplicateImage"][];
        };
        /**
         * @description A page of groups, the largest first.
         * @example {
         *       "groups": [
         *         {
         *           "id": "alien-1979",
         *           "images": [
         *             {
         *               "byte_size": 83412,
         *               "created_at": "2026-11-24T12:00:00Z",
         *               "height": 640,
         *               "id": "alien-1979",
         *               "metadata": {
         *                 "title": "Alien",
         *                 "year": 1979
         *               },
         *               "revision": 17,
         *               "score": 0.981,
         *               "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17",
         *               "verdict": "near_duplicate",
         *               "width": 480
         *             },
         *             {
         *               "byte_size": 31870,
         *               "created_at": "2026-11-24T12:05:00Z",
         *               "height": 400,
         *               "id": "alien-scan",
         *               "metadata": {},
         *               "revision": 18,
         *               "score": 0.981,
         *               "thumbnail_url": "/v1/collections/covers/images/alien-scan/thumbnail?v=18",
         *               "verdict": "near_duplicate",
         *               "width": 300
         *             }
         *           ],
         *           "size": 2
         *         }
         *       ],
         *       "next_cursor": "20"
         *     }
         */
        DuplicateGroupList: {
            /** @description The groups; fewer than asked for where images are gone. */
            groups: components["schemas"]["DuplicateGroup"][];
            /** @description Give it as `cursor` to get the next page; not there on the last page. */
            next_cursor?: string | null;
        };
        /** @description An image of a group. */
        DuplicateImage: {
            /** @description Its id. */
            id: string;
            /**
             * Format: float
             * @description Cosine of its descriptor and that of its nearest other image of the group.
             */
            score: number;
            /**
             * @description What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate` (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part or look alike) or `different`.
             * @enum {string}
             */
            verdict: "same" | "near_duplicate" | "similar" | "different";
            /**
             * Format: int32
             * @description Width in pixels.
             */
            width: number;
            /**
             * Format: int32
             * @description Height in pixels.
             */
            height: number;
            /**
             * Format: int64
             * @description Size of the upload in bytes.
             */
            byte_size: number;
            /**
             * Format: date-time
             * @description When it was first stored.
             */
            created_at: string;
            /**
             * Format: int64
             * @description Grows with every change; in quotes it is the entity tag that `If-Match` takes.
             */
            revision: number;
            /** @description Where its small picture is. */
            thumbnail_url: string;
            /** @description The client's own data. */
            metadata: Record<string, never>;
        };
        /** @description JSON objects, one a line. The first has `type` `header`, `format_version` 1, the `collection` with its `description`, the `version` of its descriptors, how many `images` it has, and `after`. Then comes a line of `type` `image` for each image in order of id: `id`, `sha256`, `format`, `width`, `height`, `byte_size`, `metadata`, `version`, `created_at`, `updated_at`, `descriptor` (little-endian 32-bit floats as base64), `local_features` (base64, or null), and `thumbnail` with `media_type` and `bytes` (base64). The last one has `type` `end` and says how many lines of `images` there are: without it the export was cut. */
        Export: string;
        /**
         * Format: binary
         * @description A tar with the lines of the export in files `records/00000000.ndjson` and so on, which joined in this order are an export as lines, and with `thumbnails/ID.jpeg` beside them.
         */
        ExportArchive: string;
        ExportLater: {
            /**
             * @description `ndjson`: lines of JSON. `tar`: the same lines in files of a tar, and the thumbnails beside them as pictures.
             * @default ndjson
             * @enum {string|null}
             */
            format?: "ndjson" | "tar" | null;
        };
        /** @description Some bytes of the lines of an export. */
        ExportPart: string;
        /** @description At most 8 levels and 64 conditions and groups. */
        Filter: {
            all: components["schemas"]["Filter"][];
        } | {
            any: components["schemas"]["Filter"][];
        } | {
            not: components["schemas"]["Filter"];
        } | {
            /** @description Keys from the outermost inwards, with dots between them. */
            field: string;
            eq?: string | number | boolean | null;
            in?: (string | number | boolean | null)[];
            gt?: string | number;
            gte?: string | number;
            lt?: string | number;
            lte?: string | number;
            prefix?: string;
            exists?: boolean;
        };
        FindDuplicates: {
            /**
             * @description Two images are a pair where they are compared spot by spot and the verdict is this one or a closer one. `near_duplicate` where it is left out, unless `min_score` is given: then the score alone decides.
             * @enum {string|null}
             */
            verdict?: "same" | "near_duplicate" | "similar" | null;
            /** @description The lowest score (cosine) of a pair. With a verdict: the lowest score of what is compared, that of the level `similar` where it is left out. */
            min_score?: number | null;
            /** @description How many neighbours of each image are looked at, 20 where it is left out. */
            candidates?: number | null;
        };
        /** @description One result. */
        Hit: {
            /** @description 1 for the best of all; with an offset the first result has a higher rank. */
            rank: number;
            /** @description The image's id. */
            id: string;
            /**
             * Format: float
             * @description Cosine of the image's descriptor and the query's, -1 to 1; 1 is identical. Of a query image
             *     under `rnip` it is the largest of several: that of the whole, and that of the whole together
             *     with each of its sub-images. Not there, as any other member but `id` and `rank`, where
             *     `fields` leaves it out.
             */
            score?: number;
            /**
             * @description What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate` (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part or look alike) or `different`.
             * @enum {string}
             */
            verdict?: "same" | "near_duplicate" | "similar" | "different";
            /** @description Whether the query shows the same thing as this image: some spots of both look alike and lie
             *     alike. Not there when the two were not compared. */
            verified?: boolean;
            /** @description How many spots look alike and lie alike; 9 are needed. Not there when the two were not
             *     compared. */
            inliers?: number;
            /**
             * Format: double
             * @description How likely both show one and the same thing, and not variants of it, 0 to 1: from the inliers,
             *     their place, and the pixels of both. In a search, results that are variants of one design are
             *     weighed against each other too, so it may differ from what `compare` says of the two alone. Not
             *     there where they are not verified, nor beyond the 24 results with the most inliers (of each
             *     image of the query).
             */
            confidence?: number;
            /** @description Where they lie, for a verified result. */
            match?: components["schemas"]["Match"];
            /** @description How many cells of the network's middle map look alike and lie alike in both, 2 to 256: less
             *     sure than `inliers`, so that no verdict follows from it, but it puts what is not verified in
             *     order, before others of a higher score. Only there where the two were compared and not
             *     verified, and have such cells (profile `rnip`). */
            cells?: number;
            /**
             * Format: int32
             * @description Width in pixels.
             */
            width?: number;
            /**
             * Format: int32
             * @description Height in pixels.
             */
            height?: number;
            /** @description Where its small picture is. */
            thumbnail_url?: string;
            /** @description Where the upload itself is, where it is kept. */
            original_url?: string;
            /** @description The client's own data, unless left out by `include`. */
            metadata?: Record<string, never>;
            /** @description The whole record, where `include` asks for it. */
            record?: components["schemas"]["Image"];
        };
        /**
         * @description A stored image.
         * @example {
         *       "byte_size": 83412,
         *       "collection": "covers",
         *       "created_at": "2026-11-24T12:00:00Z",
         *       "format": "jpeg",
         *       "height": 640,
         *       "id": "alien-1979",
         *       "metadata": {
         *         "title": "Alien",
         *         "year": 1979
         *       },
         *       "original_url": "/v1/collections/covers/images/alien-1979/original?v=9f86d081884c7d65",
         *       "revision": 17,
         *       "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
         *       "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17",
         *       "updated_at": "2026-11-24T12:00:00Z",
         *       "version": "0123456789abcdef/rnip",
         *       "width": 480
         *     }
         */
        Image: {
            /** @description The collection it belongs to. */
            collection: string;
            /** @description Its id, unique in the collection. */
            id: string;
            /** @description SHA-256 of the uploaded bytes in hexadecimal. */
            sha256: string;
            /** @enum {string} */
            format: "jpeg" | "png" | "webp" | "gif" | "bmp" | "tiff" | "avif" | "jxl" | "qoi" | "pnm" | "ico";
            /**
             * Format: int32
             * @description Width in pixels.
             */
            width: number;
            /**
             * Format: int32
             * @description Height in pixels.
             */
            height: number;
            /**
             * Format: int64
             * @description Size of the upload in bytes.
             */
            byte_size: number;
            /** @description The client's own data. */
            metadata: Record<string, never>;
            /** @description Model and profile of the stored descriptor. */
            version: string;
            /**
             * Format: int64
             * @description Grows with every change; the entity tag is this number in quotes.
             */
            revision: number;
            /**
             * Format: date-time
             * @description When it was first stored.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last changed.
             */
            updated_at: string;
            /** @description Where its small picture is. */
            thumbnail_url: string;
            /** @description Where the upload itself is, where it is kept. */
            original_url?: string;
            /** @description What describing it cost; in the answer to an upload that asks for it with `include`, unless
             *     nothing had to be described. */
            cost?: components["schemas"]["Cost"];
            /** @description What the collection had that is similar, at most 10 images in the order of a search; in the
             *     answer to an upload that asks for it with `on_similar` and was stored anew. */
            similar?: components["schemas"]["SimilarImage"][];
        };
        /**
         * @description What became of the images of a batch.
         * @example {
         *       "created": 1,
         *       "existing": 0,
         *       "failed": 1,
         *       "results": [
         *         {
         *           "image": {
         *             "byte_size": 83412,
         *             "collection": "covers",
         *             "created_at": "2026-11-24T12:00:00Z",
         *             "format": "jpeg",
         *             "height": 640,
         *             "id": "alien-1979",
         *             "metadata": {
         *               "title": "Alien",
         *               "year": 1979
         *             },
         *             "original_url": "/v1/collections/covers/images/alien-1979/original?v=9f86d081884c7d65",
         *             "revision": 17,
         *             "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
         *             "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17",
         *             "updated_at": "2026-11-24T12:00:00Z",
         *             "version": "0123456789abcdef/rnip",
         *             "width": 480
         *           },
         *           "status": 201
         *         },
         *         {
         *           "problem": {
         *             "code": "not_an_image",
         *             "detail": "the data is not an image",
         *             "request_id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
         *             "status": 400,
         *             "title": "The data is not an image",
         *             "type": "urn:eyrie:problem:not_an_image"
         *           },
         *           "status": 400
         *         }
         *       ]
         *     }
         */
        ImageBatch: {
            /** @description One for each image, in the order in which they came. */
            results: components["schemas"]["BatchedImage"][];
            /** @description How many were stored now. */
            created: number;
            /** @description How many were there already. */
            existing: number;
            /** @description How many are not stored. */
            failed: number;
        };
        /**
         * @description How many images there are.
         * @example {
         *       "count": 40912
         *     }
         */
        ImageCount: {
            /**
             * Format: int64
             * @description Images of the collection, of those that match the filter where there is one.
             */
            count: number;
        };
        /**
         * @description A page of images.
         * @example {
         *       "images": [
         *         {
         *           "byte_size": 83412,
         *           "collection": "covers",
         *           "created_at": "2026-11-24T12:00:00Z",
         *           "format": "jpeg",
         *           "height": 640,
         *           "id": "alien-1979",
         *           "metadata": {
         *             "title": "Alien",
         *             "year": 1979
         *           },
         *           "original_url": "/v1/collections/covers/images/alien-1979/original?v=9f86d081884c7d65",
         *           "revision": 17,
         *           "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
         *           "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17",
         *           "updated_at": "2026-11-24T12:00:00Z",
         *           "version": "0123456789abcdef/rnip",
         *           "width": 480
         *         }
         *       ],
         *       "next_cursor": "616c69656e2d31393739"
         *     }
         */
        ImageList: {
            /** @description The images. */
            images: components["schemas"]["Image"][];
            /** @description Give it as `cursor` to get the next page; not there on the last page. */
            next_cursor?: string | null;
        };
        ImagesForm: {
            items?: {
                [key: string]: unknown;
            }[];
            /**
             * @description What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store them once more.
             * @default return
             * @enum {string}
             */
            on_duplicate?: "return" | "reject" | "allow";
            /**
             * @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for.
             * @default ignore
             * @enum {string}
             */
            on_similar?: "ignore" | "report" | "reject";
            /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
            include?: string;
            /** @description The encoded images, a part each. */
            image: string[];
        };
        /** @description A JSON object on each line, as for one upload: `image` as base64, and `id`, `metadata`, `on_duplicate` and `on_similar`. What is wrong with a line fails this image alone. Empty lines count for nothing. */
        ImagesLines: string;
        /** @description A line, or an entry of an archive, that was not taken. */
        ImportFailure: {
            /**
             * Format: int64
             * @description Its number, from 1.
             */
            line: number;
            /** @description The path of an entry of an archive. */
            path?: string;
            /** @description The kind of failure, as in problem documents. */
            code: string;
            /** @description What is wrong with it. */
            detail: string;
        };
        /**
         * @description What an import came to.
         * @example {
         *       "failed": 1,
         *       "failures": [
         *         {
         *           "code": "image_truncated",
         *           "detail": "the image is truncated",
         *           "line": 5,
         *           "path": "covers/cut.jpg"
         *         }
         *       ],
         *       "replaced": 0,
         *       "skipped": 1,
         *       "skips": [
         *         {
         *           "line": 4,
         *           "path": "covers/readme.txt",
         *           "reason": "not_an_image"
         *         }
         *       ],
         *       "stored": 2,
         *       "unchanged": 1
         *     }
         */
        ImportResult: {
            /**
             * Format: int64
             * @description Images that are new.
             */
            stored: number;
            /**
             * Format: int64
             * @description Images in whose place others are.
             */
            replaced: number;
            /**
             * Format: int64
             * @description Images that were there just so; of an archive, pictures whose bytes were there.
             */
            unchanged: number;
            /**
             * Format: int64
             * @description Entries of an archive that are no pictures.
             */
            skipped: number;
            /**
             * Format: int64
             * @description Lines or entries that were not taken.
             */
            failed: number;
            /** @description The first of those that were skipped. */
            skips: components["schemas"]["ImportSkip"][];
            /** @description The first of those that were not taken. */
            failures: components["schemas"]["ImportFailure"][];
        };
        /** @description An entry of an archive that is no picture. */
        ImportSkip: {
            /**
             * Format: int64
             * @description Its number, from 1.
             */
            line: number;
            /** @description Its path. */
            path: string;
            /**
             * @description What it is. New reasons may be added.
             * @enum {string}
             */
            reason: "not_an_image" | "archive" | "link" | "special";
        };
        /**
         * @description Work in the background. It goes on after a restart of the service where it was, and is done once
         *     however many instances share the database.
         * @example {
         *       "collection": "covers",
         *       "created_at": "2026-11-24T12:00:00Z",
         *       "done": 1200,
         *       "finished_at": "2026-11-24T12:00:14Z",
         *       "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
         *       "kind": "duplicates",
         *       "params": {
         *         "candidates": 20,
         *         "min_score": null,
         *         "verdict": "near_duplicate"
         *       },
         *       "rate": 85.2,
         *       "result": {
         *         "duplicates": 39,
         *         "groups": 31,
         *         "images": 70,
         *         "largest": 4,
         *         "looked_up": 1200,
         *         "pairs": 44,
         *         "revision": 1260
         *       },
         *       "started_at": "2026-11-24T12:00:00Z",
         *       "state": "done",
         *       "total": 1200
         *     }
         */
        Job: {
            /** @description Its id; later jobs have later ids. */
            id: string;
            /**
             * @description What it does. New kinds may be added.
             * @enum {string}
             */
            kind: "duplicates" | "import" | "export" | "reindex";
            /** @description In which collection. */
            collection: string;
            /** @description How. */
            params: Record<string, never>;
            /**
             * @description How far it is.
             * @enum {string}
             */
            state: "queued" | "running" | "done" | "failed" | "cancelled";
            /**
             * Format: int64
             * @description Steps that are done: images that were looked up, looked at or written; of an import, images of an
             *     export or entries of an archive.
             */
            done: number;
            /**
             * Format: int64
             * @description Steps there are, once that is known.
             */
            total?: number;
            /**
             * Format: double
             * @description Steps a second.
             */
            rate?: number;
            /**
             * Format: double
             * @description How long it will take yet, in seconds, while it runs.
             */
            seconds_left?: number;
            /** @description What it came to, once it is done. */
            result?: Record<string, never>;
            /** @description Why it failed. */
            error?: string;
            /**
             * Format: date-time
             * @description When it was asked for.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was begun.
             */
            started_at?: string;
            /**
             * Format: date-time
             * @description When it ended.
             */
            finished_at?: string;
        };
        /**
         * @description A page of jobs, the newest first.
         * @example {
         *       "jobs": [
         *         {
         *           "collection": "covers",
         *           "created_at": "2026-11-24T12:00:00Z",
         *           "done": 1200,
         *           "finished_at": "2026-11-24T12:00:14Z",
         *           "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
         *           "kind": "duplicates",
         *           "params": {
         *             "candidates": 20,
         *             "min_score": null,
         *             "verdict": "near_duplicate"
         *           },
         *           "rate": 85.2,
         *           "result": {
         *             "duplicates": 39,
         *             "groups": 31,
         *             "images": 70,
         *             "largest": 4,
         *             "looked_up": 1200,
         *             "pairs": 44,
         *             "revision": 1260
         *           },
         *           "started_at": "2026-11-24T12:00:00Z",
         *           "state": "done",
         *           "total": 1200
         *         }
         *       ],
         *       "next_cursor": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10"
         *     }
         */
        JobList: {
            /** @description The jobs. */
            jobs: components["schemas"]["Job"][];
            /** @description Give it as `cursor` to get the next page; not there on the last page. */
            next_cursor?: string | null;
        };
        /** @description One layer of a pass. */
        Layer: {
            /**
             * @description Its name.
             * @example conv3_2
             */
            name: string;
            /**
             * Format: int32
             * @description Rows of its input and output.
             */
            height: number;
            /**
             * Format: int32
             * @description Columns of its input and output.
             */
            width: number;
            /**
             * Format: int32
             * @description Input channels.
             */
            input_channels: number;
            /**
             * Format: int32
             * @description Output channels.
             */
            output_channels: number;
            /**
             * Format: int64
             * @description Multiply-accumulates.
             */
            macs: number;
            /**
             * Format: int64
             * @description Chip cycles.
             */
            cycles: number;
            /**
             * Format: double
             * @description Multiply-accumulates over what the chip could do in these cycles, 0 to 1.
             */
            utilization: number;
            /**
             * Format: int64
             * @description Bytes of the image buffer that its input takes.
             */
            input_bytes: number;
            /**
             * Format: int64
             * @description Bytes of the image buffer that its output takes before it is pooled.
             */
            output_bytes: number;
            /**
             * Format: int64
             * @description Bytes of the weight memory that it takes.
             */
            weight_bytes: number;
            /**
             * Format: double
             * @description Time at the chip's clock, in milliseconds.
             */
            chip_milliseconds: number;
            /** @description Energy in millijoules, low and high estimate. */
            energy_millijoules: number[];
        };
        /**
         * @description A key that was made.
         * @example {
         *       "key": {
         *         "bytes": 0,
         *         "collections": [
         *           "covers"
         *         ],
         *         "created_at": "2026-11-24T12:00:00Z",
         *         "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
         *         "images": 0,
         *         "label": "shop front end",
         *         "origins": [
         *           "https://shop.example"
         *         ],
         *         "scope": "search"
         *       },
         *       "secret": "eyrie_k2VfB0T1ZbqF0d9m3mYwJxW5r8n7c6s4a1p0o9i8u7y"
         *     }
         */
        MadeKey: {
            /** @description The key itself. It is shown this once: only its checksum is stored. */
            secret: string;
            /** @description All else of it. */
            key: components["schemas"]["ApiKey"];
        };
        /** @description Where query and result show the same thing: four corners in order around it, (x, y) in fractions
         *     of the picture's width and height from its upper left corner, upright as its EXIF data say. The
         *     corners of one picture correspond to those of the other, in the same order. */
        Match: {
            /** @description In the query, the whole image also where a region of it was searched for. It may reach beyond the border. */
            quad_in_query: number[][];
            /** @description In the result: an upright rectangle, clockwise from its upper left corner. */
            quad_in_result: number[][];
            /** @description Whether the two show it mirrored, left and right exchanged. Only there where they do. */
            mirrored?: boolean;
            /** @description Which image of the query it is, 1 for the first: the one that has most in common with the
             *     result. Only there where the query has several. */
            query_image?: number;
        };
        /** @description Any JSON object; searches can filter by it and results carry it. The configuration bounds it: 16 KiB of JSON and 8 levels of nesting by default. */
        Metadata: {
            [key: string]: components["schemas"]["MetadataValue"];
        };
        MetadataValue: unknown;
        /** @description A model. */
        Model: {
            /** @description The model's part of the version that descriptors carry. */
            fingerprint: string;
            /**
             * Format: int64
             * @description Weights of all layers.
             */
            weights: number;
            /**
             * Format: int64
             * @description Bytes of weight memory that it takes.
             */
            weight_bytes: number;
            /** @description The model card: origin, licence, accuracy. An object for the model that is built in, a text
             *     for one whose card is no JSON. */
            card: Record<string, never>;
        };
        /** @description A key to be made. Only one that searches can have origins, and only one that writes limits; an admin key is for all collections. */
        NewApiKey: {
            /** @description What people call the key. */
            label: string;
            /**
             * @description What it may do.
             * @enum {string}
             */
            scope: "search";
            /** @description How long it is taken; until it is revoked where this is left out. */
            expires_in_days?: number | null;
            /** @description The collections that exist for it; all where this is left out. */
            collections?: null | string[];
            /** @description The origins of the pages that may use it. Such a key may be published: it works from these pages only. */
            origins?: null | string[];
        } | {
            /** @description What people call the key. */
            label: string;
            /**
             * @description What it may do.
             * @enum {string}
             */
            scope: "read";
            /** @description How long it is taken; until it is revoked where this is left out. */
            expires_in_days?: number | null;
            /** @description The collections that exist for it; all where this is left out. */
            collections?: null | string[];
        } | {
            /** @description What people call the key. */
            label: string;
            /**
             * @description What it may do.
             * @enum {string}
             */
            scope: "write";
            /** @description How long it is taken; until it is revoked where this is left out. */
            expires_in_days?: number | null;
            /** @description The collections that exist for it; all where this is left out. */
            collections?: null | string[];
            /** @description The most images of those that it stores that may be there at a time; no limit where it is left out. */
            max_images?: number | null;
            /** @description The most bytes that their uploads may have; no limit where it is left out. */
            max_bytes?: number | null;
        } | {
            /** @description What people call the key. */
            label: string;
            /**
             * @description What it may do.
             * @enum {string}
             */
            scope: "admin";
            /** @description How long it is taken; until it is revoked where this is left out. */
            expires_in_days?: number | null;
        };
        /** @description One pass of the network. */
        Pass: {
            /**
             * Format: int32
             * @description Pixels a side of the square image.
             */
            input_side: number;
            /** @description Layer by layer. */
            layers: components["schemas"]["Layer"][];
            /**
             * Format: int64
             * @description Multiply-accumulates.
             */
            macs: number;
            /**
             * Format: int64
             * @description Chip cycles.
             */
            cycles: number;
            /**
             * Format: double
             * @description Multiply-accumulates over what the chip could do in these cycles, 0 to 1.
             */
            utilization: number;
            /**
             * Format: int64
             * @description Bytes of the image buffer that the largest layer's input and output take.
             */
            buffer_bytes: number;
            /**
             * Format: double
             * @description Time at the chip's clock, in milliseconds.
             */
            chip_milliseconds: number;
            /** @description Energy in millijoules, low and high estimate. */
            energy_millijoules: number[];
        };
        PatchCollection: {
            /** @description The new sentence for people. */
            description?: string | null;
            /** @description The most images that it may have; `null` takes the limit away. Where there are more, nothing is deleted. */
            max_images?: number | null;
            /** @description The most bytes that the uploads of its images may have; `null` takes the limit away. */
            max_bytes?: number | null;
        };
        PatchImage: {
            metadata: components["schemas"]["Metadata"];
        };
        /**
         * Format: binary
         * @description A zip, a tar, or a tar that is compressed with gzip: which one is told by its bytes.
         */
        PictureArchive: string;
        /** @description How an image is described on the chip, and what it costs. */
        Plan: {
            /**
             * Format: int32
             * @description Columns of the image.
             */
            width: number;
            /**
             * Format: int32
             * @description Rows of the image.
             */
            height: number;
            /**
             * Format: int32
             * @description Pixels a side of each pass.
             */
            input_side: number;
            /**
             * Format: int32
             * @description Columns of the canvas that `rnip` scales the image to.
             */
            canvas_width: number;
            /**
             * Format: int32
             * @description Rows of the canvas.
             */
            canvas_height: number;
            /** @description The sub-images that `rnip` cuts from the canvas, row by row. */
            sub_images: components["schemas"]["SubImage"][];
            /** @description What each profile costs, cheapest first. */
            profiles: components["schemas"]["ProfileCost"][];
        };
        /**
         * @description A failure (RFC 9457). `code` is stable and meant for programs, `detail` is a sentence for
         *     people.
         * @example {
         *       "code": "unknown_image",
         *       "detail": "there is no image \"cat-1\" in this collection",
         *       "request_id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
         *       "status": 404,
         *       "title": "There is no such image",
         *       "type": "urn:eyrie:problem:unknown_image"
         *     }
         */
        Problem: {
            /** @description Names the kind of failure. */
            type: string;
            /** @description The kind of failure in a few words. */
            title: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description What is wrong with this request. */
            detail: string;
            /**
             * @description The kind of failure for programs. New codes may be added, none is renamed.
             * @enum {string}
             */
            code: "route_not_found" | "method_not_allowed" | "invalid_path" | "invalid_utf8" | "invalid_json" | "invalid_request" | "invalid_multipart" | "incomplete_body" | "unknown_field" | "duplicate_field" | "out_of_range" | "invalid_precondition" | "invalid_idempotency_key" | "idempotency_key_reused" | "idempotency_key_running" | "cross_origin" | "range_not_satisfiable" | "missing_key" | "invalid_key" | "ambiguous_key" | "insufficient_scope" | "origin_not_allowed" | "rate_limited" | "too_many_at_once" | "unsupported_media_type" | "upload_too_large" | "body_timeout" | "invalid_collection_name" | "invalid_image_id" | "unknown_collection" | "unknown_image" | "collection_exists" | "default_collection" | "no_original" | "id_taken" | "duplicate_image" | "similar_exists" | "precondition_failed" | "unsupported_export" | "invalid_record" | "incomplete_import" | "invalid_archive" | "invalid_entry" | "storage_full" | "unknown_job" | "too_many_jobs" | "no_groups" | "no_result" | "invalid_range" | "export_too_large" | "unknown_key" | "too_many_keys" | "missing_image" | "multiple_images" | "invalid_base64" | "image_empty" | "not_an_image" | "image_truncated" | "image_corrupt" | "unsupported_image_format" | "image_too_many_pixels" | "image_zero_sized" | "image_aspect_ratio" | "invalid_metadata" | "metadata_too_large" | "metadata_too_deep" | "missing_query" | "ambiguous_query" | "invalid_filter" | "invalid_cursor" | "invalid_descriptor" | "descriptor_length" | "descriptor_not_finite" | "descriptor_zero" | "invalid_region" | "region_too_small" | "invalid_version" | "not_verifiable" | "version_mismatch" | "overloaded" | "not_ready" | "shutting_down" | "request_timeout" | "database_unavailable" | "database_read_only" | "database_full" | "quota_exceeded" | "index_full" | "originals_unavailable" | "originals_full" | "internal_error";
            /** @description The id under which the log has this request. */
            request_id: string;
        };
        /**
         * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of
         *     it, `rnip` overlapping sub-images of a larger version plus `nip`.
         * @enum {string}
         */
        Profile: "fast" | "nip" | "rnip";
        /**
         * @description What a profile costs for an image.
         * @example {
         *       "chip_milliseconds": 69.632,
         *       "cycles": 5570560,
         *       "energy_millijoules": [
         *         21.485,
         *         32.995
         *       ],
         *       "macs": 153466306560,
         *       "passes": 10,
         *       "profile": "rnip"
         *     }
         */
        ProfileCost: {
            /** @description The profile. */
            profile: components["schemas"]["Profile"];
            /**
             * Format: int32
             * @description Passes of the network.
             */
            passes: number;
            /**
             * Format: int64
             * @description Multiply-accumulates of all passes.
             */
            macs: number;
            /**
             * Format: int64
             * @description Chip cycles of all passes.
             */
            cycles: number;
            /**
             * Format: double
             * @description Time at the chip's clock, in milliseconds.
             */
            chip_milliseconds: number;
            /** @description Energy in millijoules, low and high estimate. */
            energy_millijoules: number[];
        };
        PutImage: {
            /** @description The encoded image as base64: with or without padding or line breaks, in the standard or the URL-safe alphabet, also as a `data:` URL. */
            image: string;
            /** @description The client's own data; replaces the metadata that are there. */
            metadata?: null | components["schemas"]["Metadata"];
            /**
             * @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for.
             * @default ignore
             * @enum {string|null}
             */
            on_similar?: "ignore" | "report" | "reject" | null;
            /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
            include?: "cost"[] | null;
        };
        PutImageForm: {
            /** @description The encoded image. */
            image: string;
            metadata?: components["schemas"]["Metadata"];
            /**
             * @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for.
             * @default ignore
             * @enum {string}
             */
            on_similar?: "ignore" | "report" | "reject";
            /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
            include?: string;
        };
        /**
         * Format: binary
         * @description The bytes of an encoded image.
         */
        RawImage: string;
        /**
         * @description What the service waits for. A 503 has the same members beside those of a problem.
         * @example {
         *       "index": "ok",
         *       "ready": true,
         *       "store": "ok",
         *       "workers": "ok"
         *     }
         */
        Readiness: {
            /** @description Whether requests can be answered now. */
            ready: boolean;
            /** @description `ok`, or what is wrong with the database. */
            store: string;
            /** @description `ok`, or what the index is doing. */
            index: string;
            /** @description `ok`, or `shutting down`. */
            workers: string;
        };
        Reindex: {
            /**
             * @description Every image, and not only those that another model described.
             * @default false
             */
            all?: boolean | null;
        };
        /** @description By an image, by the id of a stored image, or by a descriptor. */
        Search: {
            /** @description The encoded image; or up to four of one and the same thing, from several sides: what they have in common is searched for, and results are compared with each of them. Together they may be as large as one image; `region` does not go with several. */
            image: string | string[];
            /** @description Search for this box of the image only: x, y, width and height in fractions of the image's width and height, from its upper left corner, upright as its EXIF data say. */
            region?: [
                number,
                number,
                number,
                number
            ] | null;
            /**
             * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
             * @default 10
             */
            k?: number | null;
            /**
             * @description How many of the best to leave out first, for paging.
             * @default 0
             */
            offset?: number | null;
            /** @description Leave out results below this score (cosine). */
            min_score?: number | null;
            /** @description Only images whose metadata match this filter. */
            filter?: null | components["schemas"]["Filter"];
            /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
            group_by?: string | null;
            /**
             * @description Scan everything instead of searching the graph.
             * @default false
             */
            exact?: boolean | null;
            /** @description Breadth of the graph search: more finds more and takes longer. */
            ef?: number | null;
            /**
             * @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.
             * @enum {string|null}
             */
            verify?: "auto" | "always" | "never" | null;
            /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
            expand?: boolean | null;
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
            /** @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says. */
            fields?: ("id" | "rank" | "score" | "verdict" | "verified" | "inliers" | "confidence" | "match" | "cells" | "width" | "height" | "thumbnail_url" | "original_url" | "metadata" | "record")[] | null;
        } | {
            /** @description The id of an image of the collection; it is not among the results. */
            id: string;
            /**
             * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
             * @default 10
             */
            k?: number | null;
            /**
             * @description How many of the best to leave out first, for paging.
             * @default 0
             */
            offset?: number | null;
            /** @description Leave out results below this score (cosine). */
            min_score?: number | null;
            /** @description Only images whose metadata match this filter. */
            filter?: null | components["schemas"]["Filter"];
            /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
            group_by?: string | null;
            /**
             * @description Scan everything instead of searching the graph.
             * @default false
             */
            exact?: boolean | null;
            /** @description Breadth of the graph search: more finds more and takes longer. */
            ef?: number | null;
            /**
             * @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.
             * @enum {string|null}
             */
            verify?: "auto" | "always" | "never" | null;
            /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
            expand?: boolean | null;
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
            /** @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says. */
            fields?: ("id" | "rank" | "score" | "verdict" | "verified" | "inliers" | "confidence" | "match" | "cells" | "width" | "height" | "thumbnail_url" | "original_url" | "metadata" | "record")[] | null;
        } | {
            /** @description The values of a descriptor; they need not have unit norm. */
            descriptor: number[];
            /** @description The version that made the descriptor; a search by a descriptor of another version is refused. */
            version?: string | null;
            /**
             * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
             * @default 10
             */
            k?: number | null;
            /**
             * @description How many of the best to leave out first, for paging.
             * @default 0
             */
            offset?: number | null;
            /** @description Leave out results below this score (cosine). */
            min_score?: number | null;
            /** @description Only images whose metadata match this filter. */
            filter?: null | components["schemas"]["Filter"];
            /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
            group_by?: string | null;
            /**
             * @description Scan everything instead of searching the graph.
             * @default false
             */
            exact?: boolean | null;
            /** @description Breadth of the graph search: more finds more and takes longer. */
            ef?: number | null;
            /**
             * @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.
             * @enum {string|null}
             */
            verify?: "auto" | "never" | null;
            /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
            expand?: boolean | null;
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
            /** @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says. */
            fields?: ("id" | "rank" | "score" | "verdict" | "verified" | "inliers" | "confidence" | "match" | "cells" | "width" | "height" | "thumbnail_url" | "original_url" | "metadata" | "record")[] | null;
        };
        SearchBatch: {
            searches: {
                [key: string]: unknown;
            }[];
        };
        /**
         * @description What became of the searches of a batch.
         * @example {
         *       "results": [
         *         {
         *           "result": {
         *             "compared": 100,
         *             "results": [
         *               {
         *                 "confidence": 0.998,
         *                 "height": 640,
         *                 "id": "alien-1979",
         *                 "inliers": 61,
         *                 "match": {
         *                   "quad_in_query": [
         *                     [
         *                       0.21,
         *                       0.18
         *                     ],
         *                     [
         *                       0.76,
         *                       0.2
         *                     ],
         *                     [
         *                       0.75,
         *                       0.83
         *                     ],
         *                     [
         *                       0.2,
         *                       0.81
         *                     ]
         *                   ],
         *                   "quad_in_result": [
         *                     [
         *                       0.05,
         *                       0.04
         *                     ],
         *                     [
         *                       0.96,
         *                       0.04
         *                     ],
         *                     [
         *                       0.96,
         *                       0.97
         *                     ],
         *                     [
         *                       0.05,
         *                       0.97
         *                     ]
         *                   ]
         *                 },
         *                 "metadata": {
         *                   "title": "Alien",
         *                   "year": 1979
         *                 },
         *                 "rank": 1,
         *                 "score": 0.874,
         *                 "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17",
         *                 "verdict": "near_duplicate",
         *                 "verified": true,
         *                 "width": 480
         *               }
         *             ],
         *             "took_ms": {
         *               "describe": 479.139,
         *               "index": 0.033,
         *               "total": 540.731,
         *               "verify": 60.342
         *             },
         *             "version": "0123456789abcdef/rnip"
         *           },
         *           "status": 200
         *         }
         *       ]
         *     }
         */
        SearchBatchResult: {
            /** @description One for each search, in the order in which they came. */
            results: components["schemas"]["BatchedSearch"][];
        };
        /** @description By an image, by the id of a stored image, or by a descriptor. `params` may have any of the other fields. */
        SearchForm: {
            /** @description The encoded image; or up to four of one and the same thing, from several sides: what they have in common is searched for, and results are compared with each of them. Together they may be as large as one image; `region` does not go with several. */
            image: string[];
            /** @description Search for this box of the image only: x, y, width and height in fractions of the image's width and height, from its upper left corner, upright as its EXIF data say. */
            region?: string;
            /**
             * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
             * @default 10
             */
            k?: number;
            /**
             * @description How many of the best to leave out first, for paging.
             * @default 0
             */
            offset?: number;
            /** @description Leave out results below this score (cosine). */
            min_score?: number;
            filter?: components["schemas"]["Filter"];
            /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
            group_by?: string;
            /**
             * @description Scan everything instead of searching the graph.
             * @default false
             */
            exact?: boolean;
            /** @description Breadth of the graph search: more finds more and takes longer. */
            ef?: number;
            /**
             * @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.
             * @enum {string}
             */
            verify?: "auto" | "always" | "never";
            /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
            expand?: boolean;
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: string;
            /** @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says. */
            fields?: string;
        } | {
            /** @description The id of an image of the collection; it is not among the results. */
            id: string;
            /**
             * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
             * @default 10
             */
            k?: number;
            /**
             * @description How many of the best to leave out first, for paging.
             * @default 0
             */
            offset?: number;
            /** @description Leave out results below this score (cosine). */
            min_score?: number;
            filter?: components["schemas"]["Filter"];
            /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
            group_by?: string;
            /**
             * @description Scan everything instead of searching the graph.
             * @default false
             */
            exact?: boolean;
            /** @description Breadth of the graph search: more finds more and takes longer. */
            ef?: number;
            /**
             * @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.
             * @enum {string}
             */
            verify?: "auto" | "always" | "never";
            /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
            expand?: boolean;
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: string;
            /** @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says. */
            fields?: string;
        } | {
            /** @description The values of a descriptor; they need not have unit norm. */
            descriptor: string;
            /** @description The version that made the descriptor; a search by a descriptor of another version is refused. */
            version?: string;
            /**
             * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
             * @default 10
             */
            k?: number;
            /**
             * @description How many of the best to leave out first, for paging.
             * @default 0
             */
            offset?: number;
            /** @description Leave out results below this score (cosine). */
            min_score?: number;
            filter?: components["schemas"]["Filter"];
            /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
            group_by?: string;
            /**
             * @description Scan everything instead of searching the graph.
             * @default false
             */
            exact?: boolean;
            /** @description Breadth of the graph search: more finds more and takes longer. */
            ef?: number;
            /**
             * @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.
             * @enum {string}
             */
            verify?: "auto" | "never";
            /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
            expand?: boolean;
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: string;
            /** @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says. */
            fields?: string;
        } | {
            /** @description The encoded image; or up to four of one and the same thing, from several sides: what they have in common is searched for, and results are compared with each of them. Together they may be as large as one image; `region` does not go with several. */
            image: string[];
            params: {
                /** @description Search for this box of the image only: x, y, width and height in fractions of the image's width and height, from its upper left corner, upright as its EXIF data say. */
                region?: [
                    number,
                    number,
                    number,
                    number
                ] | null;
                /**
                 * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
                 * @default 10
                 */
                k?: number | null;
                /**
                 * @description How many of the best to leave out first, for paging.
                 * @default 0
                 */
                offset?: number | null;
                /** @description Leave out results below this score (cosine). */
                min_score?: number | null;
                /** @description Only images whose metadata match this filter. */
                filter?: null | components["schemas"]["Filter"];
                /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
                group_by?: string | null;
                /**
                 * @description Scan everything instead of searching the graph.
                 * @default false
                 */
                exact?: boolean | null;
                /** @description Breadth of the graph search: more finds more and takes longer. */
                ef?: number | null;
                /**
                 * @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default.
                 * @enum {string|null}
                 */
                verify?: "auto" | "always" | "never" | null;
                /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
                expand?: boolean | null;
                /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
                include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
                /** @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says. */
                fields?: ("id" | "rank" | "score" | "verdict" | "verified" | "inliers" | "confidence" | "match" | "cells" | "width" | "height" | "thumbnail_url" | "original_url" | "metadata" | "record")[] | null;
            };
        };
        /**
         * @description The answer to a search.
         * @example {
         *       "compared": 100,
         *       "results": [
         *         {
         *           "confidence": 0.998,
         *           "height": 640,
         *           "id": "alien-1979",
         *           "inliers": 61,
         *           "match": {
         *             "quad_in_query": [
         *               [
         *                 0.21,
         *                 0.18
         *               ],
         *               [
         *                 0.76,
         *                 0.2
         *               ],
         *               [
         *                 0.75,
         *                 0.83
         *               ],
         *               [
         *                 0.2,
         *                 0.81
         *               ]
         *             ],
         *             "quad_in_result": [
         *               [
         *                 0.05,
         *                 0.04
         *               ],
         *               [
         *                 0.96,
         *                 0.04
         *               ],
         *               [
         *                 0.96,
         *                 0.97
         *               ],
         *               [
         *                 0.05,
         *                 0.97
         *               ]
         *             ]
         *           },
         *           "metadata": {
         *             "title": "Alien",
         *             "year": 1979
         *           },
         *           "rank": 1,
         *           "score": 0.874,
         *           "thumbnail_url": "/v1/collections/covers/images/alien-1979/thumbnail?v=17",
         *           "verdict": "near_duplicate",
         *           "verified": true,
         *           "width": 480
         *         }
         *       ],
         *       "took_ms": {
         *         "describe": 479.139,
         *         "index": 0.033,
         *         "total": 540.731,
         *         "verify": 60.342
         *       },
         *       "version": "0123456789abcdef/rnip"
         *     }
         */
        SearchResult: {
            /** @description Best first: what is verified, by falling likelihood, then the rest by falling `score`; ties
             *     in order of score, then id. */
            results: components["schemas"]["Hit"][];
            /** @description `true` where images may be missing, since the index is being built and
             *     `index.serve_while_building` lets searches see what is there; otherwise not there. */
            partial?: boolean;
            /** @description Model and profile of the descriptors that were compared. */
            version: string;
            /** @description Where the time went. */
            took_ms: components["schemas"]["Took"];
            /** @description How many of the first results were compared with the query; 0 for a page behind them, and
             *     not there when nothing was to be verified. */
            compared?: number;
            /** @description What describing the query image cost, or all of them; not there when nothing had to be described. */
            cost?: components["schemas"]["Cost"];
            /** @description A small JPEG of the query image as it was seen (upright, over its ground, in sRGB, cut to
             *     the region), as a `data:` URL; of several the first one. Where `include` asks for it and the
             *     query is an image. */
            query_thumbnail?: string;
        };
        /** @description An image that was there and is similar to an upload. */
        SimilarImage: {
            /** @description Its id. */
            id: string;
            /**
             * Format: float
             * @description Cosine of the descriptors, -1 to 1; 1 is identical.
             */
            score: number;
            /**
             * @description What score and comparison come to: `same` (the same picture, frame to frame), `near_duplicate` (one is in the other: cropped, turned, written over, photographed), `similar` (they share a part or look alike) or `different`.
             * @enum {string}
             */
            verdict: "same" | "near_duplicate" | "similar" | "different";
            /** @description Where its small picture is. */
            thumbnail_url: string;
        };
        /** @description A sub-image, by its upper left corner on the canvas. */
        SubImage: {
            /**
             * Format: int32
             * @description Columns left of it.
             */
            x: number;
            /**
             * Format: int32
             * @description Rows above it.
             */
            y: number;
        };
        /** @description Where the time went, in milliseconds. */
        Took: {
            /**
             * Format: double
             * @description The whole call after its body had arrived.
             */
            total: number;
            /**
             * Format: double
             * @description In the index.
             */
            index: number;
            /**
             * Format: double
             * @description Verifying: looking for spots in the query, reading those of the first results and
             *     comparing; not there when nothing was to be verified.
             */
            verify?: number;
            /**
             * Format: double
             * @description Describing the query image, or all of them; not there when nothing had to be described.
             */
            describe?: number;
        };
        /** @description Something to know of a descriptor that is none the less valid. */
        Warning: {
            /** @description The kind for programs. `small_picture`: what was described has fewer pixels than the network
             *     looks at. New codes may be added. */
            code: string;
            /** @description A sentence for people. */
            detail: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_collections: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every collection that the key is for, by name */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CollectionList"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_collection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The collection */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Collection"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_collection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CreateCollection"] | null;
            };
        };
        responses: {
            /** @description The same collection was there */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Collection"];
                };
            };
            /** @description Created */
            201: {
                headers: {
                    /** @description The collection's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Collection"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_collection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    patch_collection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PatchCollection"];
                "application/merge-patch+json": components["schemas"]["PatchCollection"];
            };
        };
        responses: {
            /** @description The collection as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Collection"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    export_collection: {
        parameters: {
            query?: {
                /**
                 * @description Begin behind this image in order of id: the last one that came, where an export was cut.
                 * @example a
                 */
                after?: string;
                /** @description `ndjson`: lines of JSON. `tar`: the same lines in files of a tar, and the thumbnails beside them as pictures. */
                format?: "ndjson" | "tar";
            };
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The export, as it is read */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["Export"];
                    "application/x-tar": components["schemas"]["ExportArchive"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    export_later: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ExportLater"] | null;
            };
        };
        responses: {
            /** @description The same export waits or is under way: its job */
            200: {
                headers: {
                    /** @description The job's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description A new job */
            202: {
                headers: {
                    /** @description The job's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    import_collection: {
        parameters: {
            query?: {
                /** @description Of an export: an image takes the place of another one of its id; without this its line fails (`id_taken`). */
                replace?: boolean;
                /** @description Take the body in, answer with a job (202), and import in the background. Its result is that of an import, with `complete` and, where that is false, a `reason`. */
                job?: boolean;
                /** @description Of an archive: where the ids come from. `random`: fresh ones, in the order of time. `path`: the path in the archive, with `:` for `/` and `_` for what an id may not have. `stem`: the file's name without its extension. `hash`: the SHA-256 of the bytes. */
                id_from?: "random" | "stem" | "path" | "hash";
                /** @description Of an archive: a picture whose bytes are there is counted as `unchanged` (`return`), fails (`reject`) or is stored once more (`allow`). */
                on_duplicate?: "return" | "reject" | "allow";
            };
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/gzip": components["schemas"]["PictureArchive"];
                "application/x-ndjson": components["schemas"]["Export"];
                "application/x-tar": components["schemas"]["PictureArchive"];
                "application/zip": components["schemas"]["PictureArchive"];
            };
        };
        responses: {
            /** @description What became of the lines or pictures */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportResult"];
                };
            };
            /** @description With `job`: the job */
            202: {
                headers: {
                    /** @description The job's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_images: {
        parameters: {
            query?: {
                /**
                 * @description The order: by id, by the time of storing or by the time of the last change; with `-` the last one first.
                 * @example -created
                 */
                sort?: "id" | "-id" | "created" | "-created" | "updated" | "-updated";
                /** @description `next_cursor` of the page before, in the same order. */
                cursor?: string;
                /**
                 * @description The most images of a page.
                 * @example 20
                 */
                limit?: number;
                /** @description Only images whose metadata match this filter. */
                filter?: string;
                /** @description Only images that another model described than the one that runs: searches do not find them until they are stored again, or described anew from their originals (`POST .../reindex`). */
                stale?: boolean;
            };
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of images */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImageList"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    add_image: {
        parameters: {
            query?: {
                /**
                 * @description The id it shall have; a fresh one where it is left out.
                 * @example alien3-1992
                 */
                id?: string;
                /** @description The client's own data. */
                metadata?: string;
                /** @description What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store them once more. */
                on_duplicate?: "return" | "reject" | "allow";
                /** @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for. */
                on_similar?: "ignore" | "report" | "reject";
                /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
                include?: "cost"[];
            };
            header?: {
                /** @description A name for this request, such as a UUID. The same request under the same name is done once: for 24 hours it gets the first one's answer, with the header `Idempotent-Replayed: true`. 409 while the first one runs, 422 where it was another request. Failures are not kept. */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddImage"];
                "application/octet-stream": components["schemas"]["RawImage"];
                "image/*": components["schemas"]["RawImage"];
                "multipart/form-data": components["schemas"]["AddImageForm"];
            };
        };
        responses: {
            /** @description The same bytes were there; this is their record */
            200: {
                headers: {
                    /** @description Its revision */
                    ETag?: string;
                    /** @description The image's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Image"];
                };
            };
            /** @description Stored and searchable */
            201: {
                headers: {
                    /** @description Its revision */
                    ETag?: string;
                    /** @description The image's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Image"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_image: {
        parameters: {
            query?: never;
            header?: {
                /** @description The entity tags that the client has */
                "If-None-Match"?: string;
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
                /**
                 * @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..
                 * @example alien-1979
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The record */
            200: {
                headers: {
                    /** @description Its revision */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Image"];
                };
            };
            /** @description The client's entity tag is current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_image: {
        parameters: {
            query?: {
                /** @description The client's own data; replaces the metadata that are there. */
                metadata?: string;
                /** @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for. */
                on_similar?: "ignore" | "report" | "reject";
                /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
                include?: "cost"[];
            };
            header?: {
                /** @description Only if the image has one of these revisions; `*`: only if there is such an image */
                "If-Match"?: string;
                /** @description `*`: only if there is no such image. Not with If-Match. */
                "If-None-Match"?: "*";
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
                /**
                 * @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..
                 * @example alien-1979
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutImage"];
                "application/octet-stream": components["schemas"]["RawImage"];
                "image/*": components["schemas"]["RawImage"];
                "multipart/form-data": components["schemas"]["PutImageForm"];
            };
        };
        responses: {
            /** @description Stored over an older one */
            200: {
                headers: {
                    /** @description Its revision */
                    ETag?: string;
                    /** @description The image's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Image"];
                };
            };
            /** @description Stored as a new image */
            201: {
                headers: {
                    /** @description Its revision */
                    ETag?: string;
                    /** @description The image's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Image"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_image: {
        parameters: {
            query?: never;
            header?: {
                /** @description Only if the image has one of these revisions; `*`: only if there is such an image */
                "If-Match"?: string;
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
                /**
                 * @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..
                 * @example alien-1979
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    patch_image: {
        parameters: {
            query?: never;
            header?: {
                /** @description Only if the image has one of these revisions; `*`: only if there is such an image */
                "If-Match"?: string;
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
                /**
                 * @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..
                 * @example alien-1979
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PatchImage"];
                "application/merge-patch+json": components["schemas"]["PatchImage"];
            };
        };
        responses: {
            /** @description The record as it is now */
            200: {
                headers: {
                    /** @description Its revision */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Image"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    count_images: {
        parameters: {
            query?: {
                /** @description Only images whose metadata match this filter. */
                filter?: string;
            };
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many there are */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImageCount"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    add_images: {
        parameters: {
            query?: {
                /** @description What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store them once more. */
                on_duplicate?: "return" | "reject" | "allow";
                /** @description What to do when another image of the collection shows the same thing. `report`: the collection is searched first, and the answer names what is similar; `reject`: it is refused (409 `similar_exists`) where a verdict is `same` or `near_duplicate`. An image that is there already, which `on_duplicate` decides, is not looked for. */
                on_similar?: "ignore" | "report" | "reject";
                /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
                include?: "cost"[];
            };
            header?: {
                /** @description A name for this request, such as a UUID. The same request under the same name is done once: for 24 hours it gets the first one's answer, with the header `Idempotent-Replayed: true`. 409 while the first one runs, 422 where it was another request. Failures are not kept. */
                "Idempotency-Key"?: string;
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-ndjson": components["schemas"]["ImagesLines"];
                "multipart/form-data": components["schemas"]["ImagesForm"];
            };
        };
        responses: {
            /** @description What became of each image */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImageBatch"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_images: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeleteImages"];
            };
        };
        responses: {
            /** @description How many were deleted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deletion"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_thumbnail: {
        parameters: {
            query?: {
                /**
                 * @description The revision that the URL was made for. An answer that has it may be cached for ever.
                 * @example 17
                 */
                v?: string;
            };
            header?: {
                /** @description The entity tags that the client has */
                "If-None-Match"?: string;
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
                /**
                 * @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..
                 * @example alien-1979
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The picture */
            200: {
                headers: {
                    /** @description The image's revision */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "image/jpeg": unknown;
                    "image/webp": unknown;
                    "image/png": unknown;
                };
            };
            /** @description The client's entity tag is current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_original: {
        parameters: {
            query?: {
                /**
                 * @description The beginning of the SHA-256 that the URL was made for, 16 digits. An answer that has it may be cached for ever.
                 * @example 9f86d081884c7d65
                 */
                v?: string;
            };
            header?: {
                /** @description A part of it: one range of bytes */
                Range?: string;
                /** @description The part only if the original has this entity tag, else the whole */
                "If-Range"?: string;
                /** @description The entity tags that the client has */
                "If-None-Match"?: string;
            };
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
                /**
                 * @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..
                 * @example alien-1979
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The original */
            200: {
                headers: {
                    /** @description `bytes` */
                    "Accept-Ranges"?: string;
                    /** @description `attachment`, with a name made of the id and the format */
                    "Content-Disposition"?: string;
                    /** @description Its SHA-256 */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "image/jpeg": unknown;
                    "image/png": unknown;
                    "image/webp": unknown;
                    "image/gif": unknown;
                    "image/bmp": unknown;
                    "image/tiff": unknown;
                    "image/avif": unknown;
                    "image/jxl": unknown;
                    "image/qoi": unknown;
                    "image/x-portable-anymap": unknown;
                    "image/vnd.microsoft.icon": unknown;
                };
            };
            /** @description The part that was asked for */
            206: {
                headers: {
                    /** @description Which bytes of how many these are */
                    "Content-Range"?: string;
                    /** @description Its SHA-256 */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "image/jpeg": unknown;
                    "image/png": unknown;
                    "image/webp": unknown;
                    "image/gif": unknown;
                    "image/bmp": unknown;
                    "image/tiff": unknown;
                    "image/avif": unknown;
                    "image/jxl": unknown;
                    "image/qoi": unknown;
                    "image/x-portable-anymap": unknown;
                    "image/vnd.microsoft.icon": unknown;
                };
            };
            /** @description The client's entity tag is current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Any failure; 416 (`range_not_satisfiable`) has the size in `Content-Range` */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    similar_images: {
        parameters: {
            query?: {
                /**
                 * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
                 * @example 5
                 */
                k?: number;
                /** @description How many of the best to leave out first, for paging. */
                offset?: number;
                /** @description Leave out results below this score (cosine). */
                min_score?: number;
                /** @description Only images whose metadata match this filter. */
                filter?: string;
                /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
                group_by?: string;
                /** @description Scan everything instead of searching the graph. */
                exact?: boolean;
                /** @description Breadth of the graph search: more finds more and takes longer. */
                ef?: number;
                /** @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default. */
                verify?: "auto" | "always" | "never";
                /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
                expand?: boolean;
                /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
                include?: ("metadata" | "record" | "cost" | "thumbnail")[];
                /**
                 * @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says.
                 * @example [
                 *       "score",
                 *       "verdict",
                 *       "thumbnail_url"
                 *     ]
                 */
                fields?: ("id" | "rank" | "score" | "verdict" | "verified" | "inliers" | "confidence" | "match" | "cells" | "width" | "height" | "thumbnail_url" | "original_url" | "metadata" | "record")[];
            };
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
                /**
                 * @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or ..
                 * @example alien-1979
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The most similar images, best first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchResult"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    search: {
        parameters: {
            query?: {
                /** @description Search for this box of the image only: x, y, width and height in fractions of the image's width and height, from its upper left corner, upright as its EXIF data say. */
                region?: [
                    number,
                    number,
                    number,
                    number
                ];
                /**
                 * @description How many results. With `offset` at most what the configuration allows, 1000 by default.
                 * @example 5
                 */
                k?: number;
                /** @description How many of the best to leave out first, for paging. */
                offset?: number;
                /** @description Leave out results below this score (cosine). */
                min_score?: number;
                /** @description Only images whose metadata match this filter. */
                filter?: string;
                /** @description A field of the metadata: of the images with the same value there only the best one is a result, and `k` and `offset` count such groups. Images without the field stand each for themselves. Keys from the outermost inwards, with dots between them. The 16,384 best images are looked at. */
                group_by?: string;
                /** @description Scan everything instead of searching the graph. */
                exact?: boolean;
                /** @description Breadth of the graph search: more finds more and takes longer. */
                ef?: number;
                /** @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default. */
                verify?: "auto" | "always" | "never";
                /** @description Whether the others that were compared are ranked by their likeness to those that show the same thing, too: other views of it come earlier. `false`: by their scores, with the profile `rnip` together with how much the network sees alike. The configuration says what holds where it is left out, `true` by default. */
                expand?: boolean;
                /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
                include?: ("metadata" | "record" | "cost" | "thumbnail")[];
                /**
                 * @description What each result carries, in place of what it usually does: these members alone, and always `id` and `rank`. It decides on `metadata` and `record`, too, whatever `include` says.
                 * @example [
                 *       "score",
                 *       "verdict",
                 *       "thumbnail_url"
                 *     ]
                 */
                fields?: ("id" | "rank" | "score" | "verdict" | "verified" | "inliers" | "confidence" | "match" | "cells" | "width" | "height" | "thumbnail_url" | "original_url" | "metadata" | "record")[];
            };
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Search"];
                "application/octet-stream": components["schemas"]["RawImage"];
                "image/*": components["schemas"]["RawImage"];
                "multipart/form-data": components["schemas"]["SearchForm"];
            };
        };
        responses: {
            /** @description The most similar images, best first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchResult"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    search_batch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SearchBatch"];
            };
        };
        responses: {
            /** @description What each search found */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SearchBatchResult"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    compare: {
        parameters: {
            query?: {
                /** @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. Where it is left out, that of a stored image, or `rnip`. */
                profile?: "fast" | "nip" | "rnip";
                /** @description Parts of the answer: `cost`, what describing each picture took; `overlay`, a picture of the comparison. */
                include?: ("cost" | "overlay")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Compare"];
                "multipart/form-data": components["schemas"]["CompareForm"];
            };
        };
        responses: {
            /** @description What the two have in common */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Comparison"];
                    "image/png": unknown;
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    describe: {
        parameters: {
            query?: {
                /**
                 * @description How images become network passes: `fast` is one pass over the whole image, `nip` four turns of it, `rnip` overlapping sub-images of a larger version plus `nip`. `rnip` where it is left out. A search needs that of its collection.
                 * @example rnip
                 */
                profile?: "fast" | "nip" | "rnip";
                /** @description Describe this box of the image only: x, y, width and height in fractions of the image's width and height, from its upper left corner, upright as its EXIF data say. */
                region?: [
                    number,
                    number,
                    number,
                    number
                ];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Describe"];
                "application/octet-stream": components["schemas"]["RawImage"];
                "image/*": components["schemas"]["RawImage"];
                "multipart/form-data": components["schemas"]["DescribeForm"];
            };
        };
        responses: {
            /** @description The descriptor */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Descriptor"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    find_duplicates: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["FindDuplicates"] | null;
            };
        };
        responses: {
            /** @description The same work waits or is done already: its job */
            200: {
                headers: {
                    /** @description The job's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description A new job */
            202: {
                headers: {
                    /** @description The job's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reindex: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The collection's name: 1 to 64 of a-z 0-9 _ -
                 * @example covers
                 */
                collection: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Reindex"] | null;
            };
        };
        responses: {
            /** @description The same work waits or is done already: its job */
            200: {
                headers: {
                    /** @description The job's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    /** @example {
                     *       "collection": "covers",
                     *       "created_at": "2026-11-24T12:00:00Z",
                     *       "done": 400,
                     *       "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
                     *       "kind": "reindex",
                     *       "params": {
                     *         "all": false
                     *       },
                     *       "rate": 3.1,
                     *       "seconds_left": 258.1,
                     *       "started_at": "2026-11-24T12:00:00Z",
                     *       "state": "running",
                     *       "total": 1200
                     *     } */
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description A new job */
            202: {
                headers: {
                    /** @description The job's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    /** @example {
                     *       "collection": "covers",
                     *       "created_at": "2026-11-24T12:00:00Z",
                     *       "done": 0,
                     *       "id": "019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10",
                     *       "kind": "reindex",
                     *       "params": {
                     *         "all": false
                     *       },
                     *       "state": "queued"
                     *     } */
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_jobs: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /**
                 * @description The most jobs of a page.
                 * @example 10
                 */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of jobs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_job: {
        parameters: {
            query?: {
                /**
                 * @description Answer when the job has ended, or after so many seconds.
                 * @example 10
                 */
                wait?: number;
            };
            header?: never;
            path: {
                /**
                 * @description The job's id
                 * @example 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The job's id
                 * @example 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Removed */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancel_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The job's id
                 * @example 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_groups: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /**
                 * @description The most groups of a page.
                 * @example 10
                 */
                limit?: number;
            };
            header?: never;
            path: {
                /**
                 * @description The job's id
                 * @example 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of groups */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DuplicateGroupList"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every key, without the keys themselves */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyList"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    add_key: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewApiKey"];
            };
        };
        responses: {
            /** @description Made */
            201: {
                headers: {
                    /** @description The key's path */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MadeKey"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The key's id
                 * @example 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key, without the key itself */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKey"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revoke_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The key's id
                 * @example 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Revoked */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    job_result: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The job's id
                 * @example 019ab1d4-7f4e-7c3a-9a55-0b8f6d2c9e10
                 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The export */
            200: {
                headers: {
                    /** @description Names it for If-Range */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["Export"];
                    "application/x-tar": components["schemas"]["ExportArchive"];
                };
            };
            /** @description A part of it */
            206: {
                headers: {
                    /** @description Which one */
                    "Content-Range"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["ExportPart"];
                    "application/x-tar": components["schemas"]["ExportArchive"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    chip: {
        parameters: {
            query?: {
                /**
                 * @description Columns of the image whose plan is answered.
                 * @example 1024
                 */
                width?: number;
                /**
                 * @description Rows of the image whose plan is answered.
                 * @example 768
                 */
                height?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The chip and its costs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example {
                     *       "chip": {
                     *         "clock_mhz": 80,
                     *         "energy_pj_per_mac": [
                     *           0.14,
                     *           0.215
                     *         ],
                     *         "engines": 16,
                     *         "gives_descriptors": true,
                     *         "image_buffer_bytes": 4014080,
                     *         "largest_input": 224,
                     *         "name": "default",
                     *         "peak_macs_per_cycle": 28224,
                     *         "source": "After the accelerator of arXiv 1805.00361",
                     *         "tile": 14,
                     *         "weight_memory_bytes": 4194304
                     *       },
                     *       "model": {
                     *         "card": {
                     *           "network": "VGG-16, conv1_1 to pool5, 2-bit weights, 5-bit activations"
                     *         },
                     *         "fingerprint": "0123456789abcdef",
                     *         "weight_bytes": 3702960,
                     *         "weights": 14710464
                     *       },
                     *       "note": "The chip is simulated and nothing here was measured on one: cycles and bytes are exact for the model of the chip, times follow from an assumed clock, energies are estimates (docs/CHIP.md).",
                     *       "pass": {
                     *         "buffer_bytes": 4014080,
                     *         "chip_milliseconds": 6.963,
                     *         "cycles": 557056,
                     *         "energy_millijoules": [
                     *           2.149,
                     *           3.3
                     *         ],
                     *         "input_side": 224,
                     *         "layers": [
                     *           {
                     *             "chip_milliseconds": 0.205,
                     *             "cycles": 16384,
                     *             "energy_millijoules": [
                     *               0.012,
                     *               0.019
                     *             ],
                     *             "height": 224,
                     *             "input_bytes": 150528,
                     *             "input_channels": 3,
                     *             "macs": 86704128,
                     *             "name": "conv1_1",
                     *             "output_bytes": 2007040,
                     *             "output_channels": 64,
                     *             "utilization": 0.188,
                     *             "weight_bytes": 816,
                     *             "width": 224
                     *           }
                     *         ],
                     *         "macs": 15346630656,
                     *         "utilization": 0.976
                     *       },
                     *       "plan": {
                     *         "canvas_height": 336,
                     *         "canvas_width": 448,
                     *         "height": 768,
                     *         "input_side": 224,
                     *         "profiles": [
                     *           {
                     *             "chip_milliseconds": 6.963,
                     *             "cycles": 557056,
                     *             "energy_millijoules": [
                     *               2.149,
                     *               3.3
                     *             ],
                     *             "macs": 15346630656,
                     *             "passes": 1,
                     *             "profile": "fast"
                     *           },
                     *           {
                     *             "chip_milliseconds": 27.853,
                     *             "cycles": 2228224,
                     *             "energy_millijoules": [
                     *               8.594,
                     *               13.198
                     *             ],
                     *             "macs": 61386522624,
                     *             "passes": 4,
                     *             "profile": "nip"
                     *           },
                     *           {
                     *             "chip_milliseconds": 69.632,
                     *             "cycles": 5570560,
                     *             "energy_millijoules": [
                     *               21.485,
                     *               32.995
                     *             ],
                     *             "macs": 153466306560,
                     *             "passes": 10,
                     *             "profile": "rnip"
                     *           }
                     *         ],
                     *         "sub_images": [
                     *           {
                     *             "x": 0,
                     *             "y": 0
                     *           },
                     *           {
                     *             "x": 112,
                     *             "y": 0
                     *           },
                     *           {
                     *             "x": 224,
                     *             "y": 0
                     *           },
                     *           {
                     *             "x": 0,
                     *             "y": 112
                     *           },
                     *           {
                     *             "x": 112,
                     *             "y": 112
                     *           },
                     *           {
                     *             "x": 224,
                     *             "y": 112
                     *           }
                     *         ],
                     *         "width": 1024
                     *       }
                     *     } */
                    "application/json": components["schemas"]["ChipReport"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    livez: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example ok */
                    "text/plain": string;
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They can */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description They cannot; ready, store, index and workers say why */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example # HELP eyrie_searches_total Searches that were answered.
                     *     # TYPE eyrie_searches_total counter
                     *     eyrie_searches_total 31
                     *      */
                    "text/plain; version=0.0.4": string;
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    document: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The OpenAPI document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/yaml": unknown;
                };
            };
        };
    };
    page: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    asset: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The file's name
                 * @example app.js
                 */
                file: "add.js" | "api.js" | "app.js" | "browse.js" | "cards.js" | "compare.js" | "dom.js" | "duplicates.js" | "files.js" | "filter.js" | "key.js" | "page.js" | "region.js" | "search.js" | "style.css";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                    "text/css": string;
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reference: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
        };
    };
    reference_part: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description The file's name
                 * @example docs.js
                 */
                part: "docs.css" | "docs.js" | "swagger-ui.css" | "swagger-ui.js";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/javascript": string;
                    "text/css": string;
                };
            };
            /** @description Any failure */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
