// Writes src/schema.d.ts from openapi.yaml: `npm run generate`.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const here = (path) => new URL(path, import.meta.url);

/** A value of metadata is any JSON. Its schema speaks of itself, which a member of an interface cannot. */
const anyJson = (_, { path }) => (path?.endsWith("/MetadataValue") ? ts.factory.createKeywordTypeNode(ts.SyntaxKind.UnknownKeyword) : undefined);

/** The types as they belong into src/schema.d.ts. */
export async function generated() {
  const types = await openapiTS(here("../../openapi.yaml"), { transform: anyJson, defaultNonNullable: false });
  return `// Written by generate.js from openapi.yaml; do not edit.\n\n${astToString(types)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(here("src/schema.d.ts"), await generated());
