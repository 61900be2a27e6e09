import { ulid } from 'ulid';
import * as z from 'zod/mini';
import { invalidInput, Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { integer, MAX_STOCK, productId, text } from '#shared/input';
import { readBack } from '#shared/retry';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';

const { Stock, StockMovement } = store.entities;

const input = z.strictObject({
  productId,
  delta: integer(-MAX_STOCK, MAX_STOCK).check(z.refine((delta) => delta !== 0, 'must not be 0')),
  reason: text(200),
});

/**
 * Moves the stock of a product by hand, and records the movement in the same transaction.
 * @returns the stock as it is afterwards; a movement that came in between is in it
 * @throws Problem `not-found`, `insufficient-stock`
 */
export async function adjustStock(
  { productId, delta, reason }: z.output<typeof input>,
  { now, deadline }: Invocation,
  entities = { Stock, StockMovement },
) {
  const reasons = await transact(
    entities,
    ({ Stock, StockMovement }) => [
      Stock.patch({ productId })
        .add({ stock: delta })
        .where(({ stock }, { gte, lte }) => (delta < 0 ? gte(stock, -delta) : lte(stock, MAX_STOCK - delta)))
        .commit({ response: 'all_old' }),
      StockMovement.create({ productId, movementId: ulid(now), delta, reason, at: isoTime(now) }).commit(),
    ],
    deadline,
  );
  if (reasons) {
    const stock = reasons[0]?.item?.stock as number | undefined;
    if (stock === undefined) throw new Problem('not-found', `There is no product ${productId}.`);
    if (delta > 0) throw invalidInput([{ path: 'delta', message: `would take the stock of ${stock} above ${MAX_STOCK}` }]);
    throw new Problem('insufficient-stock', `Of ${productId} there are ${stock}.`, {
      lines: [{ productId, requested: -delta, available: stock }],
    });
  }
  const { data } = await readBack(deadline, () => entities.Stock.get({ productId }).go({ consistent: true }));
  return { productId, stock: data?.stock ?? 0 };
}

export const handler = flow('adjust-stock', async (request) => {
  request.requireAdmin();
  return { status: 200, body: await adjustStock(request.body(input), request) };
});
