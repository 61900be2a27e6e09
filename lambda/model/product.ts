import { CustomAttributeType, Entity, type EntityConfiguration } from 'electrodb';
import { toBase64, toBase64List, toBytes, toByteSet } from './binary';
import { key } from './key';
import { MINOR_UNITS } from './money';

/** The attributes that `byCategory` holds: what a list shows, and neither the stock nor what makes an item large. */
export const BY_CATEGORY = [
  'productId',
  'name',
  'category',
  'priceMinor',
  'currency',
  'active',
  'tags',
  'discontinuedAt',
  'createdAt',
  'updatedAt',
  'version',
] as const;

/**
 * What is sold. Its stock is an item of its own (Stock), so that an order neither rewrites up to 8 KB nor moves an
 * index entry. All ten attribute types of DynamoDB live here.
 */
export const product = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'Product', version: '1' },
      attributes: {
        productId: { type: 'string', required: true },
        name: { type: 'string', required: true },
        category: { type: 'string', required: true },
        priceMinor: { type: 'number', required: true, ...MINOR_UNITS },
        currency: { type: 'string', required: true },
        description: { type: 'string' },
        active: { type: 'boolean', required: true },
        tags: { type: 'set', items: 'string' },
        sizes: { type: 'set', items: 'number' },
        /** M: any JSON object. */
        dimensions: { type: CustomAttributeType<Record<string, unknown>>('any') },
        images: { type: 'list', items: { type: 'string' } },
        /** B. ElectroDB has no binary types: the model takes and gives base64, and stores bytes. */
        thumbnail: { type: 'any', set: toBytes, get: toBase64 },
        /** BS. */
        imageDigests: { type: CustomAttributeType<string[]>('any'), set: toByteSet, get: toBase64List },
        /** S, or NULL for a product that is explicitly sold on. */
        discontinuedAt: { type: 'any' },
        /** Low means `stock <= restockAt`. */
        restockAt: { type: 'number' },
        createdAt: { type: 'string', required: true, readOnly: true },
        updatedAt: { type: 'string', required: true },
        version: { type: 'number', required: true },
      },
      indexes: {
        primary: { collection: 'productFile', pk: key('pk', ['productId']), sk: key('sk', []) },
        byCategory: {
          index: 'gsi1',
          pk: key('gsi1pk', ['category']),
          sk: key('gsi1sk', ['priceMinor', 'productId']),
          projection: BY_CATEGORY,
        },
      },
    },
    binding,
  );
