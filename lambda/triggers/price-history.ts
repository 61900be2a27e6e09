import { untilAnswered } from '#shared/retry';
import { store } from '#shared/store';
import { effect } from './effect';

const { PriceChange } = store.entities;

/** Keeps each move of a product's price. Its key is the change's time, so a record that comes again writes the same item. */
export const priceHistory = effect(
  { name: 'price-history', entity: 'Product', on: ['MODIFY'], view: 'NEW_AND_OLD_IMAGES' },
  async ({ at, sequenceNumber, oldImage, newImage: { productId, priceMinor, currency, updatedAt } }, { deadline }) => {
    if (priceMinor === oldImage.priceMinor && currency === oldImage.currency) return;
    // Who writes past the API may leave `updatedAt` as it was. The record's time is a second, so digits of its sequence
    // number stand for the milliseconds: two changes of one second are two items.
    const changedAt = updatedAt === oldImage.updatedAt ? at.replace('.000Z', `.${sequenceNumber.slice(-3)}Z`) : updatedAt;
    const change = { productId, changedAt, fromMinor: oldImage.priceMinor, toMinor: priceMinor, currency };
    await untilAnswered(deadline, () => PriceChange.put(change).go());
  },
);
