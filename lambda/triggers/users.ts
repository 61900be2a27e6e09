import { cartAbandoned } from './cart-abandoned';
import { accountCleanUp } from './account-clean-up';
import { dispatcher } from './dispatcher';
import { userArchive } from './user-archive';
import { userChanged } from './user-changed';
import { welcomeMail } from './welcome-mail';

/** What changes of the Users table cause. */
export const USERS_EFFECTS = [welcomeMail, userChanged, accountCleanUp, userArchive, cartAbandoned];

export const handler = dispatcher(USERS_EFFECTS);
