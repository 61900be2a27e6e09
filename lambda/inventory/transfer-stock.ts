import { ulid } from 'ulid';
import * as z from 'zod/mini';
import { invalidInput, Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { MAX_STOCK, productId, quantity } from '#shared/input';
import { readBack } from '#shared/retry';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';

const { Stock, StockMovement } = store.entities;

const input = z
  .strictObject({ fromProductId: productId, toProductId: productId, quantity })
  .check(
    z.refine(({ fromProductId, toProductId }) => fromProductId !== toProductId, {
      error: 'must be another product',
      path: ['toProductId'],
    }),
  );

/**
 * Moves stock from one product to another: both updates, each on condition, and both movements in one transaction.
 * @returns the stock of both as it is afterwards; what came in between is in it
 * @throws Problem `not-found`, `insufficient-stock`, `invalid-input` (the other would have too much)
 */
export async function transferStock(
  { fromProductId, toProductId, quantity }: z.output<typeof input>,
  { now, deadline }: Invocation,
  entities = { Stock, StockMovement },
) {
  const at = isoTime(now);
  const reasons = await transact(
    entities,
    ({ Stock, StockMovement }) => [
      Stock.patch({ productId: fromProductId })
        .subtract({ stock: quantity })
        .where(({ stock }, { gte }) => gte(stock, quantity))
        .commit({ response: 'all_old' }),
      Stock.patch({ productId: toProductId })
        .add({ stock: quantity })
        .where(({ stock }, { lte }) => lte(stock, MAX_STOCK - quantity))
        .commit({ response: 'all_old' }),
      StockMovement.create({
        productId: fromProductId,
        movementId: ulid(now),
        delta: -quantity,
        reason: `transfer to ${toProductId}`,
        at,
      }).commit(),
      StockMovement.create({
        productId: toProductId,
        movementId: ulid(now),
        delta: quantity,
        reason: `transfer from ${fromProductId}`,
        at,
      }).commit(),
    ],
    deadline,
  );
  if (reasons) throw refused(reasons, { fromProductId, toProductId, quantity });
  const [from, to] = await Promise.all(
    [fromProductId, toProductId].map((productId) =>
      readBack(deadline, () => entities.Stock.get({ productId }).go({ consistent: true })),
    ),
  );
  return { fromProductId, toProductId, quantity, fromStock: from?.data?.stock ?? 0, toStock: to?.data?.stock ?? 0 };
}

function refused(
  [from, to]: { code: string; item?: Record<string, unknown> | null | undefined }[],
  { fromProductId, toProductId, quantity }: z.output<typeof input>,
): Problem {
  const stockOf = (reason: typeof from) => reason?.item?.stock as number | undefined;
  const unknown = [
    ...(from?.code !== 'None' && stockOf(from) === undefined ? [fromProductId] : []),
    ...(to?.code !== 'None' && stockOf(to) === undefined ? [toProductId] : []),
  ];
  if (unknown.length > 0) return new Problem('not-found', `There is no product ${unknown.join(', ')}.`, { productIds: unknown });
  const available = stockOf(from);
  if (from?.code !== 'None') {
    return new Problem('insufficient-stock', `Of ${fromProductId} there are ${available}.`, {
      lines: [{ productId: fromProductId, requested: quantity, available }],
    });
  }
  return invalidInput([{ path: 'quantity', message: `would take the stock of ${stockOf(to)} above ${MAX_STOCK}` }]);
}

export const handler = flow('transfer-stock', async (request) => {
  request.requireAdmin();
  return { status: 200, body: await transferStock(request.body(input), request) };
});
