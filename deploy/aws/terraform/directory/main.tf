# Onramp's read-only role where IAM Identity Center is managed: the management account or its delegated administrator.
# The actions are those of onboarding/aws/permissions.py; a test holds the two against each other.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

variable "portal_role_arn" {
  description = "The role that Onramp's workers run as."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::\\d{12}:role/.+$", var.portal_role_arn))
    error_message = "The ARN of one role."
  }
}

variable "external_id" {
  description = "What Onramp shows when it assumes this role, as in its document of Identity Centers."
  type        = string
  validation {
    condition     = length(var.external_id) >= 16
    error_message = "At least 16 characters."
  }
}

variable "role_name" {
  type    = string
  default = "OnrampDirectory"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [var.portal_role_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }

  # A pod's tags come along with it (EKS Pod Identity).
  statement {
    actions = ["sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [var.portal_role_arn]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions = [
      "sso:ListInstances",
      "sso:ListPermissionSetsProvisionedToAccount",
      "sso:DescribePermissionSet",
      "sso:ListAccountAssignments",
      "identitystore:GetUserId",
      "identitystore:DescribeUser",
      "identitystore:IsMemberInGroups",
      "identitystore:DescribeGroup",
      "identitystore:ListUsers",
      "identitystore:ListGroupMemberships",
      "organizations:ListPolicies",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  description        = "Whom Onramp may look up in IAM Identity Center. It changes nothing."
  assume_role_policy = data.aws_iam_policy_document.trust.json
  # Roles that are assumed by roles last no longer.
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "read" {
  name   = "OnrampDirectory"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.read.json
}

output "role_arn" {
  description = "The `role_arn` of the Identity Center in Onramp."
  value       = aws_iam_role.this.arn
}
