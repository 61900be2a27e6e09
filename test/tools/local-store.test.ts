import { readHealth } from '../../tools/local-store';

const ADDRESSES = { dynamodb: 'http://127.0.0.1:3001', services: 'http://127.0.0.1:3002' };

test.each([
  [{ ...ADDRESSES, region: 'eu-west-1', homeRegion: 'us-east-1' }, 'us-east-1'],
  [{ ...ADDRESSES, region: 'us-east-1', homeRegion: 'us-east-1' }, 'us-east-1'],
])('streams and queues are in the home region: %j', (health, region) => {
  expect(readHealth(health)).toEqual({ ...ADDRESSES, region });
});

test.each([[undefined], [null], [{}], [{ ...ADDRESSES }], [{ ...ADDRESSES, region: 1 }], [{ ...ADDRESSES, region: 'us-east-1', services: 'x' }]])(
  '%j is not the health of a store',
  (health) => {
    expect(readHealth(health)).toBeUndefined();
  },
);
