/**
 * What a DAX node costs: the list price of us-east-1, in dollars for a node and hour. AWS publishes it on a page that holds no
 * data (https://aws.amazon.com/dynamodb/pricing/), so each row says who wrote it down; node types that nobody did are not here.
 * Which node types there are: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.concepts.cluster.html
 */
const CALCULATOR = 'https://github.com/scylladb/calculator/blob/c0714c090b00dfbd216398afd0d9c928bda18d5e/src/config.js';
const GUIDE = 'https://www.usage.ai/blog/aws-reserved-instances-dynamodb-dax-pricing';

/** The day on which the sources were read. */
export const PRICES_READ = '2026-11-25';

export const DAX_PRICES = {
  'dax.t3.small': { dollarsPerHour: 0.04, source: GUIDE },
  'dax.r5.large': { dollarsPerHour: 0.255, source: CALCULATOR },
  'dax.r5.xlarge': { dollarsPerHour: 0.509, source: CALCULATOR },
  'dax.r5.2xlarge': { dollarsPerHour: 1.017, source: CALCULATOR },
  'dax.r5.4xlarge': { dollarsPerHour: 2.034, source: CALCULATOR },
  'dax.r5.8xlarge': { dollarsPerHour: 4.069, source: CALCULATOR },
  'dax.r5.12xlarge': { dollarsPerHour: 6.12, source: CALCULATOR },
  'dax.r5.16xlarge': { dollarsPerHour: 8.137, source: CALCULATOR },
  'dax.r5.24xlarge': { dollarsPerHour: 12.24, source: CALCULATOR },
} as const satisfies Record<string, { dollarsPerHour: number; source: string }>;

export type DaxNodeType = keyof typeof DAX_PRICES;

/** What AWS counts for a month. */
const HOURS_PER_MONTH = 730;

/** What a cluster costs, in dollars a month, whatever is read through it. */
export const dollarsPerMonth = ({ nodes, nodeType }: { nodes: number; nodeType: DaxNodeType }): number =>
  nodes * DAX_PRICES[nodeType].dollarsPerHour * HOURS_PER_MONTH;
