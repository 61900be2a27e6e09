package store.permissions

# What a role may do in DynamoDB is listed action by action, table by table and index by index; and what in DAX, action by action on
# one cluster.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege

import rego.v1

documents contains {"resource": name, "path": "Properties.PolicyDocument", "document": document} if {
	some type in ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"]
	some name in resources_of_type(type)
	document := input.resources[name].properties.PolicyDocument
}

documents contains {"resource": name, "path": sprintf("Properties.Policies.%d.PolicyDocument", [i]), "document": policy.PolicyDocument} if {
	some name in resources_of_type("AWS::IAM::Role")
	some i, policy in input.resources[name].properties.Policies
}

allows contains {"resource": name, "path": path, "statement": statement} if {
	some {"resource": name, "path": document_path, "document": document} in documents
	some i, statement in list(document.Statement)
	statement.Effect == "Allow"
	path := sprintf("%s.Statement.%d", [document_path, i])
}

list(value) := value if is_array(value)

list(value) := [value] if not is_array(value)

# What is known of a resource's ARN: the validator joins what it can.
text(resource) := resource if is_string(resource)

text(resource) := object.get(resource, "__dynamic", "") if is_object(resource)

has_wildcard(value) if regex.match(`[*?]`, value)

on_dynamodb(action) if regex.match(`(?i)^dynamodb:`, action)

# Also where the wildcard is in the service, as in `*` or `dyn*:GetItem`.
on_dynamodb(action) if has_wildcard(split(action, ":")[0])

violation contains v if {
	some allow in allows
	some action in list(allow.statement.Action)
	on_dynamodb(action)
	has_wildcard(action)
	v := make_diag_at(
		"STORE-DDB-041", "ERROR", allow.resource,
		sprintf("%s.Action", [allow.path]),
		sprintf("%s allows %s, which is more DynamoDB actions than a flow calls, and those of tomorrow. List each action in the catalogue (access in lib/flows.ts or lib/triggers.ts).", [allow.resource, action]),
	)
}

violation contains v if {
	some allow in allows
	some action in list(allow.statement.NotAction)
	v := make_diag_at(
		"STORE-DDB-041", "ERROR", allow.resource,
		sprintf("%s.NotAction", [allow.path]),
		sprintf("%s allows everything but %s, and so every DynamoDB action. List each action in the catalogue (access in lib/flows.ts or lib/triggers.ts).", [allow.resource, action]),
	)
}

violation contains v if {
	some allow in allows
	some resource in list(allow.statement.Resource)
	has_wildcard(text(resource))
	text(resource) != "*"
	reaches_dynamodb(allow.statement, text(resource))
	v := make_diag_at(
		"STORE-DDB-042", "ERROR", allow.resource,
		sprintf("%s.Resource", [allow.path]),
		sprintf("%s allows access to %s, which is more tables or indexes than a flow reads. Name the table (table/NAME) or the index (table/NAME/index/NAME), as dataStatements in lib/data-access.ts does.", [allow.resource, text(resource)]),
	)
}

violation contains v if {
	some allow in allows
	some resource in list(object.get(allow.statement, "Resource", "*"))
	text(resource) == "*"
	reaches_dynamodb(allow.statement, "")
	v := make_diag_at(
		"STORE-DDB-043", "ERROR", allow.resource,
		sprintf("%s.Resource", [allow.path]),
		sprintf("%s allows DynamoDB actions on every table of the account. Name the table (table/NAME) or the index (table/NAME/index/NAME), as dataStatements in lib/data-access.ts does.", [allow.resource]),
	)
}

reaches_dynamodb(statement, _) if {
	some action in list(statement.Action)
	on_dynamodb(action)
}

reaches_dynamodb(_, resource) if contains(resource, ":dynamodb:")

# AWS's own policies name actions and tables by wildcards.
violation contains v if {
	some name in resources_of_type("AWS::IAM::Role")
	some i, arn in input.resources[name].properties.ManagedPolicyArns
	regex.match(`:policy/(.*/)?(AmazonDynamoDB|AdministratorAccess|PowerUserAccess|AWSLambdaInvocation-DynamoDB)`, text(arn))
	v := make_diag_at(
		"STORE-DDB-044", "ERROR", name,
		sprintf("Properties.ManagedPolicyArns.%d", [i]),
		sprintf("%s has %s, which allows DynamoDB actions on every table. List each action, table and index in the catalogue (access in lib/flows.ts or lib/triggers.ts).", [name, text(arn)]),
	)
}

# What a client may do through a cluster, and on which: the tables are the cluster's own role's.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.access-control.html
on_dax(action) if regex.match(`(?i)^dax:`, action)

violation contains v if {
	some allow in allows
	some action in list(allow.statement.Action)
	on_dax(action)
	has_wildcard(action)
	v := make_diag_at(
		"STORE-DAX-006", "ERROR", allow.resource,
		sprintf("%s.Action", [allow.path]),
		sprintf("%s allows %s, which is more than a flow does through the cluster. List each action in the catalogue (dax in lib/flows.ts).", [allow.resource, action]),
	)
}

violation contains v if {
	some allow in allows
	some action in list(allow.statement.Action)
	on_dax(action)
	some resource in list(object.get(allow.statement, "Resource", "*"))
	has_wildcard(text(resource))
	v := make_diag_at(
		"STORE-DAX-007", "ERROR", allow.resource,
		sprintf("%s.Resource", [allow.path]),
		sprintf("%s allows %s on %s, which is more clusters than the store's. Name its ARN (CacheStack.statement in lib/stacks/cache.ts).", [allow.resource, action, text(resource)]),
	)
}

# Who signs in with a token of another issuer, as through an identity pool, holds the role's credentials itself: no code of
# ours stands before the table, so the policy must name whose items are read.
client_roles contains name if {
	some name in resources_of_type("AWS::IAM::Role")
	some statement in list(input.resources[name].properties.AssumeRolePolicyDocument.Statement)
	statement.Principal.Federated
}

of_clients(allow) if allow.resource in client_roles

of_clients(allow) if {
	properties := input.resources[allow.resource].properties
	some role in array.concat(list(object.get(properties, "Roles", [])), [object.get(properties, "RoleName", "")])
	role.__ref in client_roles
}

of_clients(allow) if {
	some role in client_roles
	some policy in input.resources[role].properties.ManagedPolicyArns
	policy.__ref == allow.resource
}

client_reads := {"dynamodb:getitem", "dynamodb:batchgetitem", "dynamodb:query"}

lacks(statement) := sprintf("which also allows %s. A client only reads: GetItem, BatchGetItem, Query", [concat(", ", others)]) if {
	others := [action | some action in list(statement.Action); on_dynamodb(action); not lower(action) in client_reads]
	count(others) > 0
} else := "without ForAllValues:StringEquals on dynamodb:LeadingKeys, each of its values with a policy variable: it opens the partitions of others" if {
	not names_caller(statement)
} else := "without Null on dynamodb:LeadingKeys being false: ForAllValues also holds for a call that names no key" if {
	not needs_key(statement)
}

names_caller(statement) if {
	keys := list(statement.Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"])
	count(keys) > 0
	every key in keys {
		regex.match(`\$\{aws:PrincipalTag/\w+\}$`, text(key))
	}
}

needs_key(statement) if sprintf("%v", [statement.Condition.Null["dynamodb:LeadingKeys"]]) == "false"

violation contains v if {
	some allow in allows
	of_clients(allow)
	reaches_dynamodb(allow.statement, "")
	v := make_diag_at(
		"STORE-DDB-045", "ERROR", allow.resource,
		allow.path,
		sprintf("%s is the policy of signed-in clients, and has a statement %s. See readStatements in lib/stacks/access.ts.", [allow.resource, lacks(allow.statement)]),
	)
}
