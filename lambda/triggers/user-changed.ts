import { changedAttributes } from './changed-attributes';
import { effect } from './effect';
import { publish } from './event-bus';

/** What every change of a profile moves, whatever it is about. */
const BOOKKEEPING = new Set(['updatedAt', 'version']);

/** Tells the bus which attributes of a profile changed. */
export const userChanged = effect(
  { name: 'user-changed', entity: 'User', on: ['MODIFY'], view: 'NEW_AND_OLD_IMAGES' },
  async (change, invocation) => {
    const { oldImage, newImage } = change;
    const changed = changedAttributes(oldImage, newImage).filter((name) => !BOOKKEEPING.has(name));
    if (changed.length > 0) await publish('UserChanged', change, { userId: newImage.userId, changed }, invocation);
  },
);
