import type { KeySchemaElement } from '@aws-sdk/client-dynamodb';
import type { GlobalTable } from './tables';

/** The keys of the tables and indexes that the templates describe. A table is named by its name or its ARN. */
export class TableKeys {
  private readonly byName: ReadonlyMap<string, GlobalTable>;

  constructor(readonly tables: readonly GlobalTable[]) {
    this.byName = new Map(tables.map((table) => [table.TableName, table]));
  }

  /** The attributes of the primary key; undefined for a table that is not of the templates. */
  primaryKey(table: string): string[] | undefined {
    return this.find(table)?.KeySchema?.map(nameOf);
  }

  /** The attributes of the partition key of a table, or of one of its indexes; undefined for one that there is not. */
  partitionKey(table: string, index: string | undefined): string[] | undefined {
    const found = this.find(table);
    const { GlobalSecondaryIndexes = [], LocalSecondaryIndexes = [] } = found ?? {};
    const keyed =
      index === undefined ? found : [...GlobalSecondaryIndexes, ...LocalSecondaryIndexes].find(({ IndexName }) => IndexName === index);
    return keyed?.KeySchema?.filter(({ KeyType }) => KeyType === 'HASH').map(nameOf);
  }

  globalIndexes(table: string): string[] {
    return (this.find(table)?.GlobalSecondaryIndexes ?? []).map(({ IndexName }) => IndexName as string);
  }

  private find(table: string): GlobalTable | undefined {
    return this.byName.get(table.split('/').at(-1) ?? '');
  }
}

const nameOf = ({ AttributeName }: KeySchemaElement) => AttributeName as string;
