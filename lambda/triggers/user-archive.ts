import { createHash } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { env } from '#shared/env';
import { effect } from './effect';
import { abortAt, sdkOptions } from './sdk-options';

const s3 = new S3Client(sdkOptions);

/** Keeps the profile of a user who is gone, as one object: the same event makes the same object. */
export const userArchive = effect(
  { name: 'user-archive', entity: 'User', on: ['REMOVE'], view: 'OLD_IMAGE' },
  async ({ eventId, at, oldImage: user }, { deadline }) => {
    await s3.send(
      new PutObjectCommand({
        Bucket: env('ARCHIVE_BUCKET'),
        Key: `users/${folderOf(user.userId)}/${eventId}.json`,
        ContentType: 'application/json',
        Body: JSON.stringify({ eventId, removedAt: at, user }),
      }),
      abortAt(deadline),
    );
  },
);

/** A key of S3 has at most 1,024 bytes, and an encoded id may have more. Clients resolve `.` and `..`. */
function folderOf(userId: string): string {
  const encoded = encodeURIComponent(userId).replaceAll('.', '%2E');
  return encoded.length <= 512 ? encoded : createHash('sha256').update(userId).digest('hex');
}
