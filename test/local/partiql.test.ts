import { isFullTableScan, keyOf, readStatement } from '../../local/partiql/statement';
import { PartiqlError } from '../../local/partiql/tokens';

/** What the gateway must know of a PartiQL statement. */
describe('a PartiQL statement', () => {
  const PARAMETERS = Array.from({ length: 5 }, () => ({ S: 'x' }));

  test.each([
    ['SELECT * FROM Orders', 'SELECT', 'Orders', undefined],
    ['select "a", b.c[0] from "store-dev-Orders"."byStatus" where "a" = 1 order by "b" desc', 'SELECT', 'store-dev-Orders', 'byStatus'],
    [`SELECT size("FROM") FROM "it""s" WHERE a = 'x'`, 'SELECT', 'it"s', undefined],
    [`EXISTS(SELECT * FROM "T" WHERE pk = 'a' AND MissingAttribute IS MISSING)`, 'SELECT', 'T', undefined],
    [`INSERT INTO "T" VALUE {'pk': 'from "X" where'}`, 'INSERT', 'T', undefined],
    [`UPDATE "T" SET a = a + ? SET b = list_append(b, ?) REMOVE c.d WHERE pk = ? RETURNING ALL NEW *`, 'UPDATE', 'T', undefined],
    [`DELETE FROM "T" WHERE pk = 'x' AND sk = 'y' RETURNING ALL OLD *;`, 'DELETE', 'T', undefined],
  ])('%s', (text, kind, table, index) => {
    expect(readStatement(text, PARAMETERS)).toMatchObject({ kind, table, ...(index !== undefined && { index }) });
  });

  test.each([
    ['', false],
    ['WHERE OrderID = 100', true],
    ['where 100 = OrderID', true],
    [`WHERE "OrderID" = ? and Address = 'some OR other'`, true],
    ['WHERE OrderID = 100 OR OrderID = 200', true],
    ['WHERE OrderID IN [100, 300, 234]', true],
    ['WHERE OrderID IN (100, 300)', true],
    ['WHERE (OrderID = 1)', true],
    ['WHERE (OrderID = 1 AND a = 1) OR (b = 2 AND OrderID = 2)', true],
    ['WHERE (OrderID = 1 OR OrderID = 2) AND a > 1', true],
    ['WHERE OrderID = 1 AND (a = 1 OR b = 2)', true],
    ['WHERE a BETWEEN 1 AND 2 AND OrderID = 1', true],
    ['WHERE begins_with(a, ?) AND NOT contains(b, ?) AND OrderID = ? ORDER BY a', true],
    ['WHERE a IS NOT MISSING AND OrderID = 1', true],
    ['WHERE OrderID > 1', false],
    [`WHERE Address = 'some address'`, false],
    [`WHERE OrderID = 100 OR Address = 'some address'`, false],
    ['WHERE a = 1 AND OrderID = 100 OR b = 2', false],
    ['WHERE OrderID BETWEEN 1 AND OrderID', false],
    ['WHERE NOT OrderID = 1', false],
    ['WHERE NOT (a = 2 OR OrderID = 1)', false],
    ['WHERE OrderID NOT IN [1, 2]', false],
    ['WHERE OrderID <> 1', false],
    ['WHERE OrderID = Address', false],
    ['WHERE OrderID.part = 1', false],
    ['WHERE OrderID + 1 = 2', false],
    ['WHERE (OrderID + 1) * 2 = 2', false],
    [`WHERE a = 'OrderID = 1'`, false],
    ['WHERE contains(a, OrderID = 1)', false],
  ])('SELECT * FROM Orders %s names the partition key: %s', (where, isKeyed) => {
    expect(isFullTableScan(readStatement(`SELECT * FROM Orders ${where}`, PARAMETERS), ['OrderID'])).toBe(!isKeyed);
  });

  test('of a partition key of two attributes both are needed', () => {
    expect(isFullTableScan(readStatement('SELECT * FROM T WHERE a = 1 AND b = 2'), ['a', 'b'])).toBe(false);
    expect(isFullTableScan(readStatement('SELECT * FROM T WHERE a = 1'), ['a', 'b'])).toBe(true);
  });

  test.each([
    [`INSERT INTO "T" VALUE {'sk': ?, 'more': {'pk': ?, 'list': [?, <<?>>]}, 'pk': ?}`, ['sk', 'x', 'x', 'x', 'pk']],
    [`UPDATE "T" SET a = if_not_exists(a, ?) SET b = ? WHERE pk = ? AND c = 1 AND sk = ?`, ['x', 'x', 'pk', 'sk']],
    [`UPDATE "T" SET a = '?' WHERE (a = ? OR b BETWEEN ? AND ?) AND ("pk" = ?) AND ? = sk`, ['x', 'x', 'x', 'pk', 'sk']],
    [`DELETE FROM "T" WHERE (a + ?) > 1 AND pk = ? AND sk = ?`, ['x', 'pk', 'sk']],
    [`DELETE FROM "T" WHERE pk = 'pk' AND "sk" = 'sk' RETURNING ALL OLD *`, []],
  ])('the key of %s', (text, parameters) => {
    const statement = readStatement(text, parameters.map((S) => ({ S })));
    expect(keyOf(statement, ['pk', 'sk'])).toEqual({ pk: { S: 'pk' }, sk: { S: 'sk' } });
  });

  test('a key of numbers and quotes is read', () => {
    expect(keyOf(readStatement(`DELETE FROM T WHERE pk = 'it''s' AND sk = -1.5e3`), ['pk', 'sk'])).toEqual({
      pk: { S: "it's" },
      sk: { N: '-1.5e3' },
    });
  });

  test.each([`DELETE FROM T WHERE pk = ? AND sk = size(b)`, `DELETE FROM T WHERE pk = 'a' OR sk = 'b'`, `INSERT INTO T VALUE {'pk': 'a'}`])(
    '%s does not say the whole key',
    (text) => {
      expect(keyOf(readStatement(text, [{ S: 'a' }]), ['pk', 'sk'])).toBeUndefined();
    },
  );

  test.each([
    '',
    'CREATE TABLE T',
    'SELECT *',
    'SELECT * FROM',
    `SELECT * FROM 'T'`,
    'SELECT * FROM T alias',
    'SELECT * FROM T WHERE',
    'SELECT * FROM T WHERE (a = 1',
    'SELECT * FROM T WHERE a = 1 b = 2',
    'SELECT * FROM T WHERE a BETWEEN 1, 2',
    `SELECT * FROM T WHERE a = 'unclosed`,
    'INSERT INTO T {}',
    `INSERT INTO T VALUE {'a': `,
    'UPDATE T WHERE a = 1',
    'UPDATE T SET a = 1',
    'DELETE T WHERE a = 1',
    'SELECT # FROM T',
    'SELECT * FROM T WHERE pk = ?',
  ])('%s cannot be read', (text) => {
    expect(() => readStatement(text)).toThrow(PartiqlError);
  });
});
