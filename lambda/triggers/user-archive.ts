import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { env } from '#shared/env';
import { effect } from './effect';
import { sdkOptions } from './sdk-options';

const s3 = new S3Client(sdkOptions);

/** Keeps the profile of a user who is gone, as one object: the same event makes the same object. */
export const userArchive = effect(
  { name: 'user-archive', entity: 'User', on: ['REMOVE'], view: 'OLD_IMAGE' },
  async ({ eventId, at, oldImage: user }) => {
    await s3.send(
      new PutObjectCommand({
        Bucket: env('ARCHIVE_BUCKET'),
        Key: `users/${encodeURIComponent(user.userId)}/${eventId}.json`,
        ContentType: 'application/json',
        Body: JSON.stringify({ eventId, removedAt: at, user }),
      }),
    );
  },
);
