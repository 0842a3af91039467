// Written by generate.js from openapi.yaml; do not edit.

export interface paths {
    "/v1/collections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the collections, with their counts. */
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
        /** Describe one collection, with its counts. */
        get: operations["get_collection"];
        /** Create a collection. The same call again changes nothing. */
        put: operations["put_collection"];
        post?: never;
        /** Delete a collection and all its images. */
        delete: operations["delete_collection"];
        options?: never;
        head?: never;
        /** Change a collection's description. */
        patch: operations["patch_collection"];
        trace?: never;
    };
    "/v1/collections/{collection}/images": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List images in order of id. */
        get: operations["list_images"];
        put?: never;
        /**
         * Add an image.
         * @description The image comes as a form (`image` and the other fields), as the body itself, or as base64 in
         *     JSON. The other fields may be in the query string with each of them.
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
        /** Read an image's record. */
        get: operations["get_image"];
        /**
         * Store an image under an id, over an older one where there is one.
         * @description Metadata that are left out are emptied. `If-Match` makes it replace the revisions that it names
         *     only, `If-None-Match: *` makes it create only.
         */
        put: operations["put_image"];
        post?: never;
        /** Delete an image. */
        delete: operations["delete_image"];
        options?: never;
        head?: never;
        /** Change an image's metadata by a merge patch (RFC 7396). */
        patch: operations["patch_image"];
        trace?: never;
    };
    "/v1/collections/{collection}/images/{id}/thumbnail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An image's small picture, at most 256x256 pixels. */
        get: operations["get_thumbnail"];
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
        /** Search by a stored image. */
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
         *     the query string with each of them.
         */
        post: operations["search"];
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
         *     them measured.
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
        /** Metrics in the text format of Prometheus. */
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
            /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
            include?: string;
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
         *       "created_at": "2026-11-24T12:00:00Z",
         *       "description": "DVD covers",
         *       "images": 1200,
         *       "name": "covers",
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
             * @description How many images it has; not in the answer to a creation or change.
             */
            images?: number | null;
            /**
             * Format: int64
             * @description How many of them were described by another model than the one that runs, and so are not
             *     found by searches.
             */
            stale_images?: number | null;
        };
        /** @description Every collection by name. */
        CollectionList: {
            /** @description The collections. */
            collections: components["schemas"]["Collection"][];
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
        };
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
        /** @description One result. */
        Hit: {
            /** @description 1 for the best of all; with an offset the first result has a higher rank. */
            rank: number;
            /** @description The image's id. */
            id: string;
            /**
             * Format: float
             * @description Cosine of the descriptors, -1 to 1; 1 is identical.
             */
            score: number;
            /** @description What score and comparison come to: `same` (the same picture, frame to frame),
             *     `near_duplicate` (one is in the other: cropped, turned, written over, photographed),
             *     `similar` (they share a part or look alike) or `different`. */
            verdict: string;
            /** @description Whether the query shows the same thing as this image: some spots of both look alike and lie
             *     alike. Not there when the two were not compared. */
            verified?: boolean;
            /** @description How many spots look alike and lie alike; 9 are needed. Not there when the two were not
             *     compared. */
            inliers?: number;
            /** @description Where they lie, for a verified result. */
            match?: components["schemas"]["Match"];
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
            /** @description Where its small picture is. */
            thumbnail_url: string;
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
            format: "jpeg" | "png" | "webp" | "gif" | "bmp" | "tiff" | "avif" | "qoi" | "pnm" | "ico";
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
            /** @description What describing it cost; in the answer to an upload that asks for it with `include`, unless
             *     nothing had to be described. */
            cost?: components["schemas"]["Cost"];
        };
        /** @description A page of images in order of id. */
        ImageList: {
            /** @description The images. */
            images: components["schemas"]["Image"][];
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
        /** @description Where query and result show the same thing: four corners in order around it, (x, y) in fractions
         *     of the picture's width and height from its upper left corner, upright as its EXIF data say. The
         *     corners of one picture correspond to those of the other, in the same order. */
        Match: {
            /** @description In the query, the whole image also where a region of it was searched for. It may reach beyond the border. */
            quad_in_query: number[][];
            /** @description In the result: an upright rectangle, clockwise from its upper left corner. */
            quad_in_result: number[][];
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
            description: string;
        };
        PatchImage: {
            metadata: components["schemas"]["Metadata"];
        };
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
            code: "route_not_found" | "method_not_allowed" | "invalid_path" | "invalid_utf8" | "invalid_json" | "invalid_request" | "invalid_multipart" | "incomplete_body" | "unknown_field" | "duplicate_field" | "out_of_range" | "invalid_precondition" | "cross_origin" | "unsupported_media_type" | "upload_too_large" | "body_timeout" | "invalid_collection_name" | "invalid_image_id" | "unknown_collection" | "unknown_image" | "collection_exists" | "default_collection" | "id_taken" | "duplicate_image" | "precondition_failed" | "missing_image" | "multiple_images" | "invalid_base64" | "image_empty" | "not_an_image" | "image_truncated" | "image_corrupt" | "unsupported_image_format" | "image_too_many_pixels" | "image_zero_sized" | "image_aspect_ratio" | "invalid_metadata" | "metadata_too_large" | "metadata_too_deep" | "missing_query" | "ambiguous_query" | "invalid_filter" | "invalid_cursor" | "invalid_descriptor" | "descriptor_length" | "descriptor_not_finite" | "descriptor_zero" | "invalid_region" | "region_too_small" | "invalid_version" | "not_verifiable" | "version_mismatch" | "overloaded" | "not_ready" | "shutting_down" | "request_timeout" | "database_unavailable" | "database_read_only" | "database_full" | "index_full" | "internal_error";
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
            /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
            include?: "cost"[] | null;
        };
        PutImageForm: {
            /** @description The encoded image. */
            image: string;
            metadata?: components["schemas"]["Metadata"];
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
        /** @description By an image, by the id of a stored image, or by a descriptor. */
        Search: {
            /** @description The encoded image as base64: with or without padding or line breaks, in the standard or the URL-safe alphabet, also as a `data:` URL. */
            image: string;
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
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
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
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
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
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
        };
        /** @description By an image, by the id of a stored image, or by a descriptor. `params` may have any of the other fields. */
        SearchForm: {
            /** @description The encoded image. */
            image: string;
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
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: string;
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
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: string;
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
            /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
            include?: string;
        } | {
            /** @description The encoded image. */
            image: string;
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
                /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
                include?: ("metadata" | "record" | "cost" | "thumbnail")[] | null;
            };
        };
        /**
         * @description The answer to a search.
         * @example {
         *       "compared": 100,
         *       "results": [
         *         {
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
            /** @description Best first: what is verified, by falling `inliers`, then the rest by falling `score`; ties
             *     in order of score, then id. */
            results: components["schemas"]["Hit"][];
            /** @description Model and profile of the descriptors that were compared. */
            version: string;
            /** @description Where the time went. */
            took_ms: components["schemas"]["Took"];
            /** @description How many of the first results were compared with the query; 0 for a page behind them, and
             *     not there when nothing was to be verified. */
            compared?: number;
            /** @description What describing the query image cost; not there when nothing had to be described. */
            cost?: components["schemas"]["Cost"];
            /** @description A small JPEG of the query image as it was seen (upright, over its ground, in sRGB, cut to
             *     the region), as a `data:` URL. Where `include` asks for it and the query is an image. */
            query_thumbnail?: string;
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
             * @description Verifying: looking for spots in the query image, reading those of the first results and
             *     comparing; not there when nothing was to be verified.
             */
            verify?: number;
            /**
             * Format: double
             * @description Describing the query image; not there when nothing had to be described.
             */
            describe?: number;
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
            /** @description Every collection by name */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
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
    list_images: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description The most images of a page. */
                limit?: number;
                /** @description Only images whose metadata match this filter. */
                filter?: string;
            };
            header?: never;
            path: {
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
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
                /** @description The id it shall have; a fresh one where it is left out. */
                id?: string;
                /** @description The client's own data. */
                metadata?: string;
                /** @description What to do when the same bytes are in the collection: answer with that image (200), refuse (409), or store them once more. */
                on_duplicate?: "return" | "reject" | "allow";
                /** @description Parts of the answer beside the record: `cost`, what describing the image took. */
                include?: "cost"[];
            };
            header?: never;
            path: {
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
                collection: string;
                /** @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or .. */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
                collection: string;
                /** @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or .. */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
                collection: string;
                /** @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or .. */
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
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
                collection: string;
                /** @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or .. */
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
    get_thumbnail: {
        parameters: {
            query?: {
                /** @description The revision that the URL was made for. An answer that has it may be cached for ever. */
                v?: string;
            };
            header?: {
                /** @description The entity tags that the client has */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
                collection: string;
                /** @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or .. */
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
    similar_images: {
        parameters: {
            query?: {
                /** @description How many results. With `offset` at most what the configuration allows, 1000 by default. */
                k?: number;
                /** @description How many of the best to leave out first, for paging. */
                offset?: number;
                /** @description Leave out results below this score (cosine). */
                min_score?: number;
                /** @description Only images whose metadata match this filter. */
                filter?: string;
                /** @description Scan everything instead of searching the graph. */
                exact?: boolean;
                /** @description Breadth of the graph search: more finds more and takes longer. */
                ef?: number;
                /** @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default. */
                verify?: "auto" | "always" | "never";
                /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
                include?: ("metadata" | "record" | "cost" | "thumbnail")[];
            };
            header?: never;
            path: {
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
                collection: string;
                /** @description The image's id: 1 to 128 of A-Z a-z 0-9 . _ - : but not . or .. */
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
                /** @description How many results. With `offset` at most what the configuration allows, 1000 by default. */
                k?: number;
                /** @description How many of the best to leave out first, for paging. */
                offset?: number;
                /** @description Leave out results below this score (cosine). */
                min_score?: number;
                /** @description Only images whose metadata match this filter. */
                filter?: string;
                /** @description Scan everything instead of searching the graph. */
                exact?: boolean;
                /** @description Breadth of the graph search: more finds more and takes longer. */
                ef?: number;
                /** @description Whether the first results are compared with the query spot by spot; those that show the same thing come first. `auto`: where the query is an image or the id of one; `always`: a query that cannot be is refused; `never`: the order of the scores. The configuration says what holds where it is left out, `auto` by default. */
                verify?: "auto" | "always" | "never";
                /** @description Parts of the answer; `metadata` and `cost` where it is left out. `thumbnail` is the query image as it was seen. */
                include?: ("metadata" | "record" | "cost" | "thumbnail")[];
            };
            header?: never;
            path: {
                /** @description The collection's name: 1 to 64 of a-z 0-9 _ - */
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
    chip: {
        parameters: {
            query?: {
                /** @description Columns of the image whose plan is answered. */
                width?: number;
                /** @description Rows of the image whose plan is answered. */
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
                    "text/plain; version=0.0.4": string;
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
                /** @description The file's name */
                file: "add.js" | "api.js" | "app.js" | "browse.js" | "cards.js" | "compare.js" | "dom.js" | "duplicates.js" | "files.js" | "filter.js" | "page.js" | "region.js" | "search.js" | "style.css";
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
