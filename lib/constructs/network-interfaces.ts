import { Stack, Validations } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';

/** Where a function is that has something to reach in a VPC. */
export interface FunctionNetwork {
  readonly vpc: ec2.IVpc;
  readonly subnets: readonly ec2.ISubnet[];
  readonly securityGroup: ec2.ISecurityGroup;
}

/** EC2 has no resources for these. */
const DESCRIBE = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];
const CREATE = ['ec2:CreateNetworkInterface'];
const CHANGE = ['ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses'];
/** Lambda wants one interface by its id here, or every resource: with `network-interface/*` it may not reach the VPC. */
const DELETE = ['ec2:DeleteNetworkInterface'];

/**
 * Lets Lambda do what it does in the name of a function that is in a VPC: it makes a network interface in each subnet. AWS's own
 * policy for it (AWSLambdaVPCAccessExecutionRole) allows the same actions in every network of the account.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 */
export function allowInterfaces(role: iam.Role, { subnets, securityGroup }: FunctionNetwork): void {
  const stack = Stack.of(role);
  const arn = (resource: string, resourceName: string) => stack.formatArn({ service: 'ec2', resource, resourceName });
  const interfaces = arn('network-interface', '*');
  const places = [...subnets.map(({ subnetId }) => arn('subnet', subnetId)), arn('security-group', securityGroup.securityGroupId)];
  role.addToPolicy(new iam.PolicyStatement({ actions: DESCRIBE, resources: ['*'] }));
  role.addToPolicy(new iam.PolicyStatement({ actions: CREATE, resources: [interfaces, ...places] }));
  role.addToPolicy(new iam.PolicyStatement({ actions: CHANGE, resources: [interfaces] }));
  role.addToPolicy(new iam.PolicyStatement({ actions: DELETE, resources: [arn('*', '*')] }));
  const reason = 'Lambda makes the interfaces, so nobody knows their ids before; they are made in the named subnets only, and not by the code.';
  for (const resource of ['network-interface/*', '*/*']) {
    Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::arn:${stack.partition}:ec2:${stack.region}:<AWS::AccountId>:${resource}]`, reason });
  }
}

/**
 * The function's code has its role's permissions too, and has no business with network interfaces. A policy of its own: it names
 * the function, which waits for the role's other policy.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
 */
export function denyInterfacesToCode(scope: Construct, role: iam.IRole, fn: IFunction): void {
  new iam.Policy(scope, 'CodeHasNoInterfaces', {
    roles: [role],
    statements: [
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        actions: [...DESCRIBE, ...CREATE, ...CHANGE, ...DELETE],
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': fn.functionArn } },
      }),
    ],
  });
}
