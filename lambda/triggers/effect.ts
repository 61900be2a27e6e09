import type { Invocation } from '#shared/http';
import type { Change, EntityName, StreamView } from './stream-record';

export type EventName = 'INSERT' | 'MODIFY' | 'REMOVE';

/** What an effect says of itself. The trigger catalogue (`lib/triggers.ts`) has the same, and a test compares them. */
interface EffectDeclaration<Name extends EntityName, On extends EventName, View extends StreamView> {
  /** Letters and dashes. */
  readonly name: string;
  readonly entity: Name;
  readonly on: readonly On[];
  /** The images that it reads, and no other. */
  readonly view: View;
}

/** One thing that a change causes. It may be run again for the same change, and must come to the same. */
export interface Effect extends EffectDeclaration<EntityName, EventName, StreamView> {
  run(change: Change<EntityName, StreamView>, invocation: Invocation): Promise<void>;
}

/** Joins an effect's declaration with what it does: `change` has the images of its view and the events of `on`. */
export function effect<Name extends EntityName, const On extends EventName, View extends StreamView>(
  declaration: EffectDeclaration<Name, On, View>,
  run: (change: Extract<Change<Name, View>, { eventName: On }>, invocation: Invocation) => Promise<void>,
): Effect {
  return { ...declaration, run: run as unknown as Effect['run'] };
}
