/** A session as the API answers it. */
export function sessionView({ sessionId, userId, expiresAt }: { sessionId: string; userId: string; expiresAt: number }) {
  return { sessionId, userId, expiresAt };
}
