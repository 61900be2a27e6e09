import 'aws-cdk-lib/testhelpers/jest-autoclean';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { readConfig } from '../../lib/config';
import { DataStack } from '../../lib/stacks/data';
import { rows } from '../support/complete';
import { LAYOUTS } from '../support/contexts';

interface TableProperties {
  BillingMode: string;
  WarmThroughput?: object;
  GlobalSecondaryIndexes: { IndexName: string; WarmThroughput?: object }[];
  Replicas: { Region: string; GlobalSecondaryIndexes: { IndexName: string }[] }[];
}

// Each table is made from the same settings; one of them has all indexes.
describe.each(rows(LAYOUTS, (layout) => layout === 'single-table'))('the capacity of the tables, %s', (layout) => {
  const tables = (context: Record<string, unknown>) => {
    const app = new App({ builtinCloudFormationValidation: false, context: { layout, regions: 'us-east-1,eu-west-1,ap-southeast-1', ...context } });
    const data = new DataStack(app, 'Data', { env: { region: 'us-east-1' }, config: readConfig(app.node) });
    const found = Template.fromStack(data).findResources('AWS::DynamoDB::GlobalTable') as Record<string, { Properties: TableProperties }>;
    return Object.values(found).map(({ Properties }) => Properties);
  };

  test('on demand has a ceiling, for the table and each index, in each region', () => {
    for (const table of tables({ maxReadUnits: 600, maxWriteUnits: 200 })) {
      const [read, write] = [
        { ReadOnDemandThroughputSettings: { MaxReadRequestUnits: 600 } },
        { WriteOnDemandThroughputSettings: { MaxWriteRequestUnits: 200 } },
      ];
      expect(table).toMatchObject({ BillingMode: 'PAY_PER_REQUEST', ...write });
      for (const index of table.GlobalSecondaryIndexes) expect(index).toMatchObject(write);
      for (const replica of table.Replicas) {
        expect(replica).toMatchObject(read);
        for (const index of replica.GlobalSecondaryIndexes) expect(index).toMatchObject(read);
      }
      expect(/ProvisionedThroughput|AutoScaling/.exec(JSON.stringify(table))?.[0]).toBeUndefined();
    }
  });

  test('provisioned scales between two bounds to a target, for the table, each index and each replica', () => {
    const context = { capacity: 'provisioned', minReadUnits: 7, maxReadUnits: 70, seedReadUnits: 9, minWriteUnits: 8, maxWriteUnits: 80, targetUtilization: 60 };
    for (const table of tables(context)) {
      const TargetTrackingScalingPolicyConfiguration = { TargetValue: 60 };
      const read = {
        ReadProvisionedThroughputSettings: {
          ReadCapacityAutoScalingSettings: { MinCapacity: 7, MaxCapacity: 70, SeedCapacity: 9, TargetTrackingScalingPolicyConfiguration },
        },
      };
      const write = {
        WriteProvisionedThroughputSettings: {
          WriteCapacityAutoScalingSettings: { MinCapacity: 8, MaxCapacity: 80, SeedCapacity: 8, TargetTrackingScalingPolicyConfiguration },
        },
      };
      expect(table).toMatchObject({ BillingMode: 'PROVISIONED', ...write });
      for (const index of table.GlobalSecondaryIndexes) expect(index).toMatchObject(write);
      expect(table.Replicas).toHaveLength(3);
      for (const replica of table.Replicas) {
        expect(replica).toMatchObject(read);
        expect(replica.GlobalSecondaryIndexes.map(({ IndexName }) => IndexName)).toEqual(table.GlobalSecondaryIndexes.map(({ IndexName }) => IndexName));
        for (const index of replica.GlobalSecondaryIndexes) expect(index).toMatchObject(read);
      }
      expect(/OnDemandThroughput/.exec(JSON.stringify(table))?.[0]).toBeUndefined();
    }
  });

  test.each(['on-demand', 'provisioned'])('%s is warmed only where it is asked for, with its indexes', (capacity) => {
    for (const table of tables({ capacity })) expect(/WarmThroughput/.exec(JSON.stringify(table))?.[0]).toBeUndefined();
    const [read, write] = [{ ReadUnitsPerSecond: 20_000 }, { WriteUnitsPerSecond: 5_000 }];
    for (const [given, WarmThroughput] of [
      [{ warmReadUnits: 20_000 }, read],
      [{ warmWriteUnits: 5_000 }, write],
      [{ warmReadUnits: 20_000, warmWriteUnits: 5_000 }, { ...read, ...write }],
    ]) {
      for (const table of tables({ capacity, maxReadUnits: 30_000, maxWriteUnits: 6_000, ...given })) {
        expect(table.WarmThroughput).toEqual(WarmThroughput);
        for (const index of table.GlobalSecondaryIndexes) expect(index.WarmThroughput).toEqual(WarmThroughput);
      }
    }
  });
});
