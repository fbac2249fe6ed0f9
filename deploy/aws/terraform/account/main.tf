# Onramp's read-only role in an account where people use Claude Code on Amazon Bedrock.
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
  description = "What Onramp shows when it assumes this role, as in its document of accounts."
  type        = string
  validation {
    condition     = length(var.external_id) >= 16
    error_message = "At least 16 characters."
  }
}

variable "role_name" {
  type    = string
  default = "OnrampReadOnly"
}

variable "bucket_arns" {
  description = "ARNs of the buckets that hold Bedrock's invocation logs and Cost and Usage Reports."
  type        = list(string)
  default     = []
}

variable "keys_via" {
  description = "Where those buckets have keys of KMS, S3 in their Regions, such as s3.eu-west-1.amazonaws.com."
  type        = list(string)
  default     = []
}

variable "log_group_arns" {
  description = "ARNs of the log groups that hold Bedrock's invocation logs, each ending in `:*`."
  type        = list(string)
  default     = []
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
      "bedrock:ListInferenceProfiles",
      "bedrock:GetInferenceProfile",
      "bedrock:ListFoundationModels",
      "bedrock:GetFoundationModelAvailability",
      "bedrock:GetUseCaseForModelAccess",
      "bedrock:GetAccountDataRetention",
      "bedrock:GetModelInvocationLoggingConfiguration",
      "servicequotas:ListServiceQuotas",
      "iam:GetAccountAuthorizationDetails",
      "iam:GetContextKeysForPrincipalPolicy",
      "iam:SimulatePrincipalPolicy",
      "cloudwatch:ListMetrics",
      "cloudwatch:GetMetricData",
      "ce:GetCostAndUsage",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(var.bucket_arns) > 0 ? [1] : []
    content {
      actions   = ["s3:ListBucket"]
      resources = var.bucket_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.bucket_arns) > 0 ? [1] : []
    content {
      actions   = ["s3:GetObject"]
      resources = [for arn in var.bucket_arns : "${arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.log_group_arns) > 0 ? [1] : []
    content {
      actions   = ["logs:FilterLogEvents"]
      resources = var.log_group_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.keys_via) > 0 && length(var.bucket_arns) > 0 ? [1] : []
    content {
      actions   = ["kms:Decrypt"]
      resources = ["*"]
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = var.keys_via
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  description        = "What Onramp may ask in this account. It changes nothing."
  assume_role_policy = data.aws_iam_policy_document.trust.json
  # Roles that are assumed by roles last no longer.
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "read" {
  name   = "OnrampReadOnly"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.read.json
}

output "role_arn" {
  description = "The `role_arn` of the account in Onramp."
  value       = aws_iam_role.this.arn
}
