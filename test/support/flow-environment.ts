/** The variables that a template gives a flow, for suites that import a flow's operation. Import it before the flow. */
Object.assign(process.env, {
  USERS_TABLE: 'store-dev-Users',
  PRODUCTS_TABLE: 'store-dev-Products',
  ORDERS_TABLE: 'store-dev-Orders',
  STATUS_SHARDS: '4',
  CURSOR_SECRET: 'current secret',
  CURSOR_SECRET_PREVIOUS: 'none',
  AWS_REGION: 'us-east-1',
  HOME_REGION: 'us-east-1',
  POWERTOOLS_DEV: 'false',
});
