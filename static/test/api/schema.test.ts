import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';

test('schema.ts is what `npm run schema` makes of the OpenAPI document', { timeout: 60_000 }, async () => {
  const path = fileURLToPath(new URL('../../src/api/schema.ts', import.meta.url));
  const document = new URL('../../../web/api/openapi.json', import.meta.url);
  const nodes = await openapiTS(document, { rootTypes: true, rootTypesNoSchemaPrefix: true });
  const options = { ...(await resolveConfig(path)), filepath: path };
  const fresh = await format(COMMENT_HEADER + astToString(nodes), options);
  expect(readFileSync(path, 'utf8') === fresh, 'schema.ts is out of date: npm run schema').toBe(true);
});
